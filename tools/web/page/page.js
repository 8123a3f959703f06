// Shows what the exported model says of a picture. Nothing is sent anywhere.

import * as ort from "./ort.wasm.bundle.min.js";
import { readImage } from "./reading.js";

ort.env.wasm.numThreads = 1; // more would need headers that not every server sends

const find = (id) => document.getElementById(id);
const percent = (share) => `${(100 * share).toFixed(1)}%`;

const facts = await (await fetch("model.onnx.json")).json();
showFacts();
const session = await ort.InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
find("answer").textContent = "Ready";
find("told").textContent = "Choose a picture.";
let turn = 0; // a picture that is chosen later is shown, though its answer may come earlier

// 64 x 64 grey levels in, the model's outputs out.
export async function ask(pixels) {
  const shape = [1, ...facts.input.shape.slice(1)];
  const images = new ort.Tensor("float32", Float32Array.from(pixels), shape);
  const outputs = await session.run({ [facts.input.name]: images });
  const probabilities = [...outputs.probabilities.data];
  return { probabilities, known: outputs.probability_known?.data[0] };
}

async function show(file, name) {
  const mine = ++turn;
  try {
    const pixels = await readImage(file);
    const answer = await ask(pixels);
    if (mine !== turn) return;
    showPixels(pixels, name);
    showAnswer(answer);
    find("problem").hidden = true;
  } catch (error) {
    if (mine !== turn) return;
    clearAnswer();
    find("problem").textContent = `${name} could not be read. ${error.message}`;
    find("problem").hidden = false;
  }
}

function showFacts() {
  find("credit").textContent = facts.credit;
  find("threshold").textContent =
    facts.threshold === null
      ? ""
      : `Below a probability of ${percent(facts.threshold)} that it is one of the six, the answer is “${facts.below_threshold}”.`;
  for (const name of facts.class_names) {
    const row = find("bars").insertRow();
    const head = document.createElement("th");
    head.scope = "row";
    head.textContent = name;
    row.append(head);
    row.insertCell().append(document.createElement("progress"));
    row.querySelector("progress").value = 0;
    row.querySelector("progress").ariaLabel = name;
    row.insertCell().textContent = "–";
  }
}

function showPixels(pixels, name) {
  const image = new ImageData(64, 64);
  pixels.forEach((level, at) => image.data.set([level, level, level, 255], 4 * at));
  find("seen").getContext("2d").putImageData(image, 0, 0);
  find("name").textContent = name;
}

// An answer beside an error would be of another picture.
function clearAnswer() {
  find("verdict").className = "";
  find("answer").textContent = "No answer";
  find("told").textContent = "";
  find("name").textContent = "";
  find("seen").getContext("2d").clearRect(0, 0, 64, 64);
  for (const row of find("bars").rows) {
    row.querySelector("progress").value = 0;
    row.cells[2].textContent = "–";
    delete row.dataset.probability;
  }
}

function showAnswer({ probabilities, known }) {
  const highest = Math.max(...probabilities);
  const best = facts.class_names[probabilities.indexOf(highest)];
  const rejected = facts.threshold !== null && known < facts.threshold;
  find("verdict").className = rejected ? "rejected" : "";
  find("answer").textContent = rejected ? facts.below_threshold : best;
  const sure = known === undefined ? "" : `; one of the six: ${percent(known)}`;
  find("told").textContent = `${rejected ? `nearest ${best}, ` : ""}${percent(highest)}${sure}`;
  [...find("bars").rows].forEach((row, at) => {
    row.querySelector("progress").value = probabilities[at];
    row.cells[2].textContent = percent(probabilities[at]);
    row.dataset.probability = probabilities[at]; // all digits, for whoever wants them
  });
  find("verdict").scrollIntoView({ block: "nearest" }); // on a phone it is below the picture
}

// -- What a visitor does ---------------------------------------------------------------------

function take(files) {
  if (files.length) show(files[0], files[0].name);
}

find("file").addEventListener("change", ({ target }) => {
  take([...target.files]);
  target.value = ""; // so that the same file can be chosen again
});
for (const kind of ["dragenter", "dragover"]) {
  document.addEventListener(kind, (event) => {
    event.preventDefault();
    document.body.classList.add("over");
  });
}
document.addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) document.body.classList.remove("over");
});
document.addEventListener("drop", (event) => {
  event.preventDefault();
  document.body.classList.remove("over");
  take(event.dataTransfer.files);
});
document.addEventListener("paste", (event) => take(event.clipboardData.files));

for (const { file, title } of await (await fetch("examples/examples.json")).json()) {
  const button = document.createElement("button");
  const image = new Image();
  button.title = image.alt = title;
  image.src = `examples/${file}`;
  button.append(image);
  button.addEventListener("click", async () => show(await (await fetch(image.src)).blob(), title));
  find("examples").append(button);
}
document.body.dataset.ready = "";
