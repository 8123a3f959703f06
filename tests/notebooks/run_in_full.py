"""Runs the notebooks in full, on the real pictures, and stores what came out: `make notebooks`.

Every output of a notebook is of this one run. The digest of its code is stored with it, that of
the package in results.json, so that a test can tell when the code has changed since. The figures
of the talk are of the same run: they are drawn once more, at the size of a slide, in
`images/slides`.
"""

import base64
import hashlib
import io
import json
import os
import re
import shutil
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from package_digest import package_digest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from medmnist_keras.data.finding import find_source
from medmnist_keras.experiments.saved import write_json
from medmnist_keras.storage import cache_dir, keras_home, replacing

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
SLIDES = ROOT / "images" / "slides"
FIGURES = ROOT / "tools" / "slides" / "figures.py"
# Run in the kernel after a cell of the talk. It leaves no name behind.
DRAW = f"__import__('runpy').run_path({str(FIGURES)!r})['save_figure'](ax, {{path!r}})"
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


def slide_figures(notebook, chapter) -> dict[str, Path]:
    """Where the figure of each cell that the talk shows is stored, if it draws one."""
    kinds = {"slide", "subslide", "fragment", "-"}
    return {
        cell.id: SLIDES / f"{chapter}-{cell.id}.png"
        for cell in shown(notebook)
        if cell.metadata.get("slideshow", {}).get("slide_type") in kinds
    }


def has_figure(cell) -> bool:
    """Whether a cell's outputs hold a picture."""
    return any({"image/png", "image/jpeg"} & set(each.get("data", {})) for each in cell.outputs)


class Client(NotebookClient):
    """Draws the figure of each cell in `figures` once more, into its file."""

    def __init__(self, notebook, figures, **options):
        super().__init__(notebook, **options)
        self.figures = figures

    async def async_execute_cell(self, cell, *args, **options):
        cell = await super().async_execute_cell(cell, *args, **options)
        if cell.id in self.figures and has_figure(cell):
            draw = DRAW.format(path=str(self.figures[cell.id]))
            reply = await self.kc.execute_interactive(draw, silent=True, store_history=False)
            if reply["content"]["status"] != "ok":  # hours of training aren't lost for it
                print(f"No figure of {cell.id!r} for the talk: {reply['content']['evalue']}")
        return cell


def code_digest(notebook) -> str:
    """64 hex digits that change with any code cell whose outputs are stored."""
    code = "\0".join(cell.source for cell in shown(notebook))
    return hashlib.sha256(code.encode()).hexdigest()


def clean(notebook) -> None:
    """Keeps the last state of each progress bar; drops colours, timestamps, home folders and
    LaTeX."""
    kept = shown(notebook)
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code" and cell not in kept:
            cell.outputs, cell.execution_count = [], None
        for output in cell.get("outputs", []):
            output.get("data", {}).pop("text/latex", None)  # no page shows it
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
    many pictures as JPEG, where that takes less."""
    figure = Image.open(io.BytesIO(png)).convert("RGB")
    flat = flatten(figure)
    if flat.mode == "L":
        figure = flat
    drawn, photographed = io.BytesIO(), io.BytesIO()
    flat.save(drawn, "PNG", optimize=True)
    figure.save(photographed, "JPEG", quality=50, optimize=True)
    if len(photographed.getvalue()) < 0.85 * len(drawn.getvalue()):
        return "image/jpeg", photographed.getvalue()
    return "image/png", drawn.getvalue()


def flatten(figure):
    """The same picture in greys where it has no colour, else with a small palette."""
    grey = figure.convert("L")
    if grey.convert("RGB").tobytes() == figure.tobytes():
        return grey
    few = {"method": Image.Quantize.MEDIANCUT, "dither": Image.Dither.NONE, "kmeans": 2}
    return figure.quantize(64, **few)


def sign(path: Path, digest: str) -> None:
    """Makes a slide's figure lighter, and stores the digest of the code that drew it."""
    figure = Image.open(path)
    said = PngInfo()
    for name, text in {**figure.text, "code_sha256": digest}.items():
        said.add_text(name, text)
    flatten(figure.convert("RGB")).save(path, "PNG", optimize=True, pnginfo=said)


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
    figures = slide_figures(notebook, path.stem[:2])
    for old in SLIDES.glob(f"{path.stem[:2]}-*.png"):
        old.unlink()
    resources = {"metadata": {"path": path.parent}}
    Client(notebook, figures, timeout=None, resources=resources).execute()
    merge_streams(notebook)
    clean(notebook)
    digest = code_digest(notebook)
    notebook.metadata["stored_run"] = {"code_sha256": digest}
    for figure in filter(Path.exists, figures.values()):
        sign(figure, digest)
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
            code = package_digest()
            run(path)
            note_code(models / "results.json", path.stem, code)
    shutil.copy(models / "results.json", NOTEBOOKS / "results.json")


def note_code(results: Path, chapter: str, code: str) -> None:
    """Writes down of which code a chapter's results are."""
    known = json.loads(results.read_text(encoding="utf-8")) if results.exists() else {}
    known["code"] = known.get("code", {}) | {chapter: code}
    write_json(results, known)


if __name__ == "__main__":
    main(sys.argv[1:])
