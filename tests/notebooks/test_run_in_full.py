"""A full run in little: it stores outputs, and draws the talk's figures beside them."""

import nbformat
import numpy as np
import run_in_full
from nbformat.v4 import new_code_cell, new_notebook
from PIL import Image

CODE = """
import matplotlib.pyplot as plt

figure, ax = plt.subplots()
ax.set_title("A title", loc="left")
figure.supxlabel("A credit");
"""
SHOWN = {"slideshow": {"slide_type": "slide"}}


def test_a_run_draws_the_figures_of_the_talk_and_leaves_the_notebook_alone(tmp_path, monkeypatch):
    monkeypatch.setattr(run_in_full, "SLIDES", tmp_path / "slides")
    (tmp_path / "slides").mkdir()
    (tmp_path / "slides" / "01-old.png").touch()
    (tmp_path / "slides" / "02-other.png").touch()
    cells = [
        new_code_cell(CODE, id="shown", metadata=SHOWN),
        new_code_cell("print(ax.get_title(loc='left'))", id="printed", metadata=SHOWN),
        new_code_cell(CODE, id="hidden"),
        new_code_cell("sorted(name for name in globals() if 'figure' in name)", id="names"),
    ]
    path = tmp_path / "01_tiny.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    run_in_full.run(path)
    assert {file.name for file in (tmp_path / "slides").iterdir()} == {
        "01-shown.png",
        "02-other.png",
    }
    figure = Image.open(tmp_path / "slides" / "01-shown.png")
    assert figure.text["Description"] == "A credit"
    stored = nbformat.read(path, as_version=4)
    assert figure.text["code_sha256"] == stored.metadata.stored_run.code_sha256
    assert np.ptp(np.asarray(figure.convert("L"))) > 200
    assert [cell.execution_count for cell in stored.cells] == [1, 2, 3, 4]
    assert [len(cell.outputs) for cell in stored.cells] == [1, 1, 1, 1]
    assert stored.cells[-1].outputs[0].data["text/plain"] == "['figure']"
