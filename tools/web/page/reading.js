// Any picture that the browser can decode, as 64 x 64 grey levels: the same steps, the same
// rounding as `read_image()` of the package, so both see the same pixels.

const SIZE = 64;
const MAX_PIXELS = 100_000_000;
const MAX_ASPECT = 100; // of a longer strip nothing is left at 64 pixels
const ADVICE = "Expected a PNG, JPEG, BMP, GIF or WebP picture of at most 100 megapixels.";

// A file or other Blob in, Uint8Array of SIZE * SIZE grey levels out.
export async function readImage(file) {
  if (await isDeepGrey(file)) {
    throw new Error("It has 16-bit grey levels, which a browser cuts to 8. Use the package for it: python -m medmnist_keras predict.");
  }
  let bitmap;
  try {
    bitmap = await createImageBitmap(file, { colorSpaceConversion: "none" });
  } catch {
    throw new Error(`It is of another kind or damaged. ${ADVICE}`);
  }
  const { width, height } = bitmap;
  if (width * height > MAX_PIXELS) throw new Error(`It has too many pixels. ${ADVICE}`);
  if (Math.max(width, height) > MAX_ASPECT * Math.min(width, height)) {
    throw new Error(`It is a strip of ${width} x ${height} pixels. ${ADVICE}`);
  }
  const context = new OffscreenCanvas(width, height).getContext("2d");
  context.fillStyle = "black"; // what is transparent becomes black
  context.fillRect(0, 0, width, height);
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return fit(grey(context.getImageData(0, 0, width, height)));
}

// PNG says in its header: bit depth at byte 24, colour type (0: grey) at 25.
async function isDeepGrey(file) {
  const head = new Uint8Array(await file.slice(0, 26).arrayBuffer());
  const isPng = String.fromCharCode(...head.slice(1, 4)) === "PNG";
  return isPng && head[24] === 16 && head[25] === 0;
}

// Luminance of ITU-R 601, in 16-bit fixed point as Pillow has it.
function grey({ data, width, height }) {
  const values = new Uint8Array(width * height);
  for (let at = 0; at < values.length; at++) {
    const [red, green, blue] = [data[4 * at], data[4 * at + 1], data[4 * at + 2]];
    values[at] = (19595 * red + 38470 * green + 7471 * blue + 32768) >> 16;
  }
  return { values, width, height };
}

// Keeps the aspect ratio and fills the square up with the grey of the edges that are padded.
function fit(image) {
  const { width, height } = image;
  const filter = Math.max(width, height) >= SIZE ? box : triangle;
  const small = resize(
    image,
    width < height ? Math.max(1, roundEven((width / height) * SIZE)) : SIZE,
    height < width ? Math.max(1, roundEven((height / width) * SIZE)) : SIZE,
    filter,
  );
  const left = roundEven((SIZE - small.width) / 2);
  const top = roundEven((SIZE - small.height) / 2);
  const square = new Uint8Array(SIZE * SIZE).fill(padLevel(image));
  for (let y = 0; y < small.height; y++) {
    const row = small.values.subarray(y * small.width, (y + 1) * small.width);
    square.set(row, (top + y) * SIZE + left);
  }
  return square;
}

// The median of the fullest of 16 bins: noise spreads a background over a few levels.
function padLevel({ values, width, height }) {
  const edges = [];
  if (width < height) {
    for (let y = 0; y < height; y++) edges.push(values[y * width], values[(y + 1) * width - 1]);
  } else {
    edges.push(...values.slice(0, width), ...values.slice((height - 1) * width));
  }
  const bins = Array.from({ length: 16 }, () => []);
  for (const level of edges) bins[level >> 4].push(level);
  const fullest = bins.reduce((best, bin) => (bin.length > best.length ? bin : best));
  fullest.sort((a, b) => a - b);
  const half = fullest.length >> 1;
  return fullest.length % 2 ? fullest[half] : (fullest[half - 1] + fullest[half]) >> 1;
}

// -- Resampling with a filter that grows with the reduction, first across, then down ---------

const box = { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) };
const triangle = { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) };
const UNIT = 2 ** 22; // of the weights, which are whole numbers

function resize({ values, width, height }, newWidth, newHeight, filter) {
  if (newWidth !== width) {
    values = resample(values, { length: width, step: 1 }, { length: height, step: width }, newWidth, filter);
  }
  if (newHeight !== height) {
    values = resample(values, { length: height, step: newWidth }, { length: newWidth, step: 1 }, newHeight, filter);
  }
  return { values, width: newWidth, height: newHeight };
}

// `along` is the direction that gets a new length, `lines` the other one.
function resample(values, along, lines, length, filter) {
  const result = new Uint8Array(length * lines.length);
  const [step, lineStep] = along.step === 1 ? [1, length] : [lines.length, 1];
  weights(along.length, length, filter).forEach(({ first, parts }, to) => {
    for (let line = 0; line < lines.length; line++) {
      let sum = UNIT / 2;
      for (let part = 0; part < parts.length; part++) {
        sum += parts[part] * values[line * lines.step + (first + part) * along.step];
      }
      result[line * lineStep + to * step] = Math.min(255, Math.floor(sum / UNIT));
    }
  });
  return result;
}

function weights(from, to, filter) {
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  return Array.from({ length: to }, (_, index) => {
    const centre = (index + 0.5) * scale;
    const reach = filter.support * stretch;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const last = Math.min(from, Math.trunc(centre + reach + 0.5));
    const parts = [];
    for (let x = first; x < last; x++) parts.push(filter.at((x - centre + 0.5) * (1 / stretch)));
    const total = parts.reduce((sum, part) => sum + part, 0);
    return { first, parts: parts.map((part) => Math.trunc((part * UNIT) / total + 0.5)) };
  });
}

// Python's rounding: halves go to the even neighbour.
function roundEven(value) {
  const low = Math.floor(value);
  const rest = value - low;
  return rest > 0.5 || (rest === 0.5 && low % 2) ? low + 1 : low;
}
