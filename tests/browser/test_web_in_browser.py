"""The web page in a real browser: the same answers as Keras, with nothing from elsewhere."""

import base64
import importlib.util
import io
import json
import re
import threading
from functools import partial
from http.server import ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_data import SilentHandler

from medmnist_keras import CLASS_NAMES, load_model, predict, read_image
from medmnist_keras.data import draw_phantoms

ROOT = Path(__file__).parents[2]
READ = """async data => {
  const { readImage } = await import(new URL("reading.js", location).href);
  return [...await readImage(new Blob([Uint8Array.from(atob(data), one => one.charCodeAt())]))];
}"""
ASK = """async pictures => {
  const { readImage } = await import(new URL("reading.js", location).href);
  const { ask } = await import(new URL("page.js", location).href);
  const answers = [];
  for (const data of pictures) {
    const file = new Blob([Uint8Array.from(atob(data), one => one.charCodeAt())]);
    answers.push(await ask(await readImage(file)));
  }
  return answers;
}"""

FIRST_OUTPUTS = """async pictures => {
  const ort = await import(new URL("ort.wasm.bundle.min.js", location).href);
  const session = await ort.InferenceSession.create("model.onnx", { executionProviders: ["wasm"] });
  const images = new ort.Tensor("float32", pictures.flat(), [pictures.length, 64, 64, 1]);
  const outputs = await session.run({ [session.inputNames[0]]: images });
  return [outputs[session.outputNames[0]], Object.values(outputs)[0]].map(one => [...one.data]);
}"""


def load_make():
    spec = importlib.util.spec_from_file_location("make_web", ROOT / "tools" / "web" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class StockHandler(SilentHandler):
    """With the types of a stock nginx on Debian 12, which knows neither .mjs nor .wasm."""

    extensions_map = {  # noqa: RUF012
        **{".html": "text/html", ".css": "text/css", ".js": "application/javascript"},
        **{".png": "image/png", ".json": "application/json", "": "application/octet-stream"},
    }

    def guess_type(self, path):
        return self.extensions_map.get(Path(path).suffix, self.extensions_map[""])


@pytest.fixture(scope="module")
def folder(browser, tmp_path_factory):
    for package in ("tf2onnx", "onnxruntime"):
        pytest.importorskip(package)
    make = load_make()
    try:
        runtime = make.fetch_runtime()
    except OSError as error:
        pytest.skip(f"no ONNX Runtime Web: {error}")
    target = tmp_path_factory.mktemp("web") / "web"
    make.make_page(target, runtime)
    return target


@pytest.fixture(scope="module")
def address(folder):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(StockHandler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


@pytest.fixture
def shown(page, address):
    page.goto(address)
    page.wait_for_selector("body[data-ready]")
    yield page
    assert page.outside == []
    assert page.complaints == []


def encode(pixels, kind="PNG", **options):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, kind, **options)
    return file.getvalue()


def text(data):
    return base64.b64encode(data).decode()


def choose(page, name, data):
    page.set_input_files(
        "#file", {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )


def test_the_page_says_of_a_hundred_pictures_what_keras_says(shown):
    noise = np.random.default_rng(3).integers(0, 256, (4, 64, 64, 1), dtype="uint8")
    images = np.concatenate([draw_phantoms(16, seed=3)[0], noise])
    model, _ = load_model("baseline_cnn")
    table = predict(images, model=model)
    expected = table[list(CLASS_NAMES)].to_numpy()
    answers = shown.evaluate(ASK, [text(encode(image[..., 0])) for image in images])
    probabilities = np.array([answer["probabilities"] for answer in answers])
    assert len(probabilities) == 100
    assert np.abs(probabilities - expected).max() < 1e-3
    np.testing.assert_array_equal(probabilities.argmax(axis=1), expected.argmax(axis=1))
    known = [answer["known"] for answer in answers]
    np.testing.assert_allclose(known, table["known"], atol=1e-3)


def test_the_first_output_is_the_probabilities_to_whoever_asks_for_no_name(shown):
    images, _ = draw_phantoms(2, seed=4)
    model, _ = load_model("baseline_cnn")
    expected = predict(images, model=model)[list(CLASS_NAMES)].to_numpy()
    pixels = images.reshape(len(images), -1).astype(float).tolist()
    for probabilities in shown.evaluate(FIRST_OUTPUTS, pixels):
        found = np.reshape(probabilities, expected.shape)
        np.testing.assert_allclose(found, expected, atol=1e-3)


def test_pixels_are_those_of_the_package(shown):
    sizes = [(64, 64), (65, 64), (200, 131), (131, 200), (512, 512), (40, 30), (30, 63), (1, 9)]
    for size in sizes:
        pixels = np.random.default_rng(0).integers(0, 256, (*size, 3), dtype="uint8")
        for values in (pixels, pixels[..., 0]):
            data = encode(values)
            seen = shown.evaluate(READ, text(data))
            np.testing.assert_array_equal(seen, read_image(data).ravel(), err_msg=str(size))


def test_transparent_is_black_and_photographs_are_turned_upright(shown):
    pixels = np.random.default_rng(0).integers(0, 256, (64, 64, 4), dtype="uint8")
    data = encode(pixels)
    seen = np.array(shown.evaluate(READ, text(data)))
    np.testing.assert_allclose(seen, read_image(data).ravel(), atol=2)  # of rounding, twice
    photo = np.asarray(draw_phantoms({"Hand": 1})[0][0, ..., 0])
    data = encode(photo, "JPEG", quality=95, exif=b"Exif\0\0" + exif_of_a_turned_camera())
    seen = np.array(shown.evaluate(READ, text(data)))
    np.testing.assert_allclose(seen, read_image(data).ravel(), atol=3)  # of two decoders
    assert np.abs(seen - photo.ravel()).mean() > 10


def exif_of_a_turned_camera():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes().removeprefix(b"Exif\0\0")


def test_a_picture_that_is_chosen_gets_an_answer(shown):
    name = "<img src=x onerror=alert(1)>.png"
    choose(shown, name, encode(draw_phantoms({"Hand": 1})[0][0, ..., 0]))
    shown.wait_for_selector("#answer:text-is('Hand')")
    assert name in shown.locator("#name").inner_text()
    assert shown.locator("#bars tr").count() == 6
    shares = [float(row.get_attribute("data-probability")) for row in shown.locator("tr").all()]
    assert sum(shares) == pytest.approx(1, abs=1e-5)
    assert re.fullmatch(r"\d+\.\d%; one of the six: \d+\.\d%", told(shown))
    choose(shown, "noise.png", encode(np.random.default_rng(0).integers(0, 256, (64, 64), "uint8")))
    shown.wait_for_selector("#answer:text-is('none of these')")
    assert re.fullmatch(r"nearest \w+, \d+\.\d%; one of the six: \d+\.\d%", told(shown))


def told(page):
    return page.locator("#told").inner_text()


def test_a_picture_that_is_dropped_or_pasted_gets_an_answer(shown):
    for event, member in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        kind = {"drop": "CXR", "paste": "Hand"}[event]
        shown.evaluate(
            """([event, member, data]) => {
              const held = new DataTransfer();
              held.items.add(new File([new Uint8Array(data)], "image.png"));
              const made = event === "drop" ? DragEvent : ClipboardEvent;
              document.body.dispatchEvent(new made(event, {[member]: held, bubbles: true}));
            }""",
            [event, member, list(encode(draw_phantoms({kind: 1})[0][0, ..., 0]))],
        )
        shown.wait_for_selector(f"#answer:text-is('{kind}')")


def test_examples_are_known_and_the_last_is_none(shown):
    for index, answer in enumerate([*CLASS_NAMES, "none of these"]):
        shown.locator("#examples button").nth(index).click()
        shown.wait_for_selector(f"#answer:text-is('{answer}')")


def test_what_cannot_be_read_is_told(shown):
    for name, data, message in (
        ("<b>text", b"?", "of another kind or damaged"),
        ("<b>strip", encode(np.zeros((2, 300), "uint8")), "a strip of 300 x 2 pixels"),
        ("<b>deep", encode(np.zeros((64, 64), "uint16")), "16-bit grey levels"),
    ):
        choose(shown, name, data)
        problem = shown.locator("#problem").filter(has_text=f"{name} could not be read")
        problem.wait_for()
        assert message in problem.inner_text()
        # The answer to the picture before would be wrong beside an error.
        assert shown.locator("#answer").inner_text() == "No answer"
        assert shown.locator("#told").inner_text() == ""


def test_the_page_says_whose_the_data_is_and_what_it_is_not_for(shown):
    text = shown.locator("footer").inner_text()
    assert "Not for clinical use" in text
    assert "Medical MNIST, Dr. Bradley J. Erickson (Mayo Clinic), CC BY-SA 4.0" in text


def test_the_browser_itself_refuses_other_hosts(shown):
    refused = shown.evaluate("fetch('https://example.org/').then(() => 'came', () => 'refused')")
    assert refused == "refused"


def test_all_that_is_needed_is_in_the_folder(folder):
    facts = json.loads((folder / "model.onnx.json").read_text())
    assert facts["class_names"] == list(CLASS_NAMES)
    names = {path.name for path in folder.iterdir()}
    assert {"index.html", "model.onnx", "ort-wasm-simd-threaded.wasm"} <= names
    for path in [*folder.glob("*.html"), *folder.glob("page.*"), folder / "reading.js"]:
        assert "http" not in path.read_text(encoding="utf-8").replace("http-equiv", ""), path
