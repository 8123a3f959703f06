"""Makes the web page that runs the model in the visitor's browser: `make web` writes `build/web/`.

A folder of files for any web server, which needs no special headers; the page loads nothing
from elsewhere. ONNX Runtime Web, compiled to WebAssembly, runs the model that
`medmnist_keras export --format onnx` writes; `page/reading.js` takes the steps of `read_image()`.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

from PIL import Image

from medmnist_keras import export, load_model
from medmnist_keras.inference.session import drawn_examples
from medmnist_keras.storage import replacing
from tools.served import describe_served
from tools.slides.npm import fetch_package

ROOT = Path(__file__).parents[2]
RUNTIME = "1.30.0"
RUNTIME_SHA256 = "d2228df7e4616bc3348bf504ee888f3bec43789a273f0a63f3e68d203ce3bf71"
RUNTIME_FILES = ("dist/ort.wasm.bundle.min.mjs", "dist/ort-wasm-simd-threaded.wasm")


def fetch_runtime(cache=None) -> dict[str, bytes]:
    """The files of ONNX Runtime Web that the page needs, from npm's package.

    Args:
        cache: folder that keeps the package; by default the user's cache folder.

    Returns:
        Dict of file name to content.

    Raises:
        OSError, ValueError: as `fetch_package()`.
    """
    return fetch_package("onnxruntime-web", RUNTIME, RUNTIME_SHA256, RUNTIME_FILES, cache)


def make_page(target, runtime, model="baseline_cnn") -> None:
    """Writes the page and all that it loads.

    Args:
        target: folder, which is replaced.
        runtime: what `fetch_runtime()` returns.
        model: what `load_model()` takes.

    Raises:
        ImportError, ValueError, RuntimeError: as `export()`.
    """
    target = Path(target)
    network, threshold = load_model(model)
    with replacing(target) as (draft,):
        shutil.copytree(Path(__file__).parent / "page", draft)
        for name, content in runtime.items():
            # As .js, for some web servers don't know .mjs and browsers refuse their type for it.
            (draft / Path(name).name.replace(".mjs", ".js")).write_bytes(content)
        export(network, "onnx", draft / "model.onnx", threshold=threshold)
        write_examples(draft / "examples")


def write_examples(folder: Path) -> None:
    """A drawing of each class and one of none, as PNG, and a list of them."""
    folder.mkdir()
    listed = []
    for number, picture in enumerate(drawn_examples()):
        listed.append({"file": f"{number}.png", "title": picture.title})
        Image.fromarray(picture.image[..., 0]).save(folder / listed[-1]["file"])
    (folder / "examples.json").write_text(json.dumps(listed, indent=2) + "\n", encoding="utf-8")


def main() -> None:
    target = ROOT / "build" / "web"
    try:
        make_page(target, fetch_runtime())
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        sys.exit(str(error))
    print(describe_served(target))


if __name__ == "__main__":
    main()
