"""Runs the notebooks in full, on the real pictures, and stores what came out: `make notebooks`.

Every output of a notebook is of this one run. Its code's digest is stored with it, so that a
test can tell when the code has changed since.
"""

import base64
import hashlib
import io
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from PIL import Image

from medmnist_keras.data.finding import find_source
from medmnist_keras.storage import cache_dir, keras_home, replacing

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def shown(notebook) -> list:
    """The code cells whose outputs are stored: not the one that installs, nor the solutions of
    exercises, which a reader shall not see before trying."""
    return [
        cell
        for cell in notebook.cells
        if cell.cell_type == "code"
        and not {"setup", "solution"} & set(cell.metadata.get("tags", []))
    ]


def code_digest(notebook) -> str:
    """64 hex digits that change with any code cell whose outputs are stored."""
    code = "\0".join(cell.source for cell in shown(notebook))
    return hashlib.sha256(code.encode()).hexdigest()


def clean(notebook) -> None:
    """Keeps the last state of each progress bar; drops colours, timestamps and home folders."""
    kept = shown(notebook)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code" and cell not in kept:
            cell.outputs, cell.execution_count = [], None
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                lines = ANSI.sub("", output.text.replace("\x08", "")).split("\n")
                text = "\n".join(line.rstrip("\r").split("\r")[-1] for line in lines)
                output.text = text.replace(str(keras_home()), "~/.keras").replace(
                    str(Path.home()), "~"
                )
            elif "image/png" in output.get("data", {}):
                kind, figure = lighter(base64.b64decode(output.data.pop("image/png")))
                output.data[kind] = base64.b64encode(figure).decode()


def lighter(png: bytes) -> tuple[str, bytes]:
    """The kind and bytes of a figure that looks the same: lines and letters with a small palette;
    many pictures as JPEG, where that takes much less."""
    figure = Image.open(io.BytesIO(png)).convert("RGB")
    grey = figure.convert("L")
    if grey.convert("RGB").tobytes() == figure.tobytes():
        figure = flat = grey
    else:
        few = {"method": Image.Quantize.MEDIANCUT, "dither": Image.Dither.NONE, "kmeans": 2}
        flat = figure.quantize(128, **few)
    drawn, photographed = io.BytesIO(), io.BytesIO()
    flat.save(drawn, "PNG", optimize=True)
    figure.save(photographed, "JPEG", quality=65, optimize=True)
    if len(photographed.getvalue()) < 0.7 * len(drawn.getvalue()):
        return "image/jpeg", photographed.getvalue()
    return "image/png", drawn.getvalue()


def merge_streams(notebook) -> None:
    """Joins the pieces that one stream arrived in."""
    for cell in notebook.cells:
        joined = []
        for output in cell.get("outputs", []):
            if (
                joined
                and output.output_type == "stream" == joined[-1].output_type
                and output.name == joined[-1].name
            ):
                joined[-1].text += output.text
            else:
                joined.append(output)
        if cell.cell_type == "code":
            cell.outputs = joined


def run(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(notebook, timeout=None, resources={"metadata": {"path": path.parent}}).execute()
    merge_streams(notebook)
    clean(notebook)
    notebook.metadata["stored_run"] = {"code_sha256": code_digest(notebook)}
    with replacing(path) as (draft,):
        nbformat.write(notebook, draft)


def main(names) -> None:
    """Runs the notebooks of these names, or all of them from scratch."""
    os.environ["MEDMNIST_KERAS_QUICK"] = "0"
    models = NOTEBOOKS / "build" / "full"
    if not names:
        shutil.rmtree(models, ignore_errors=True)
    elif not (models / "results.json").exists():  # one notebook's results join the others'
        models.mkdir(parents=True, exist_ok=True)
        shutil.copy(NOTEBOOKS / "results.json", models)
    if find_source() is not None:
        shutil.rmtree(cache_dir() / "medmnist_keras", ignore_errors=True)  # time a first load
    for path in sorted(NOTEBOOKS.glob("0*.ipynb")):
        if not names or path.stem in names:
            print(f"Running {path.name} in full …", flush=True)
            run(path)
    if (models / "results.json").exists():
        shutil.copy(models / "results.json", NOTEBOOKS / "results.json")


if __name__ == "__main__":
    main(sys.argv[1:])
