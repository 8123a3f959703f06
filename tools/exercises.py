"""Makes the exercise notebooks from those with the solutions: `make exercises`.

`notebooks/solutions/` is what people edit. In its code cells the lines between the two markers
are the solution, and the lines around them are what an exercise gives; a markdown cell with the
tag `solution` is a part of the solution as a whole. `notebooks/exercises/` is the same without
all that, and without outputs. The markers are those of nbgrader, which can read the solutions.
"""

from __future__ import annotations

import re
from pathlib import Path

import nbformat

from medmnist_keras.storage import replacing

NOTEBOOKS = Path(__file__).parents[1] / "notebooks"
SOLUTIONS, EXERCISES = NOTEBOOKS / "solutions", NOTEBOOKS / "exercises"
TAG = "solution"
BEGIN, END = "### BEGIN SOLUTION", "### END SOLUTION"
FRAME = "# Your code here"
_SOLUTION = re.compile(rf"^([ \t]*){BEGIN}\n.*?^[ \t]*{END}$", re.DOTALL | re.MULTILINE)


def without_solution(source: str) -> str:
    """The code of a cell with a line for the reader's own in place of each solution.

    Raises:
        ValueError: where a marker has no partner.
    """
    source = _SOLUTION.sub(rf"\1{FRAME}", source)
    if BEGIN in source or END in source:
        raise ValueError(f"Expected pairs of {BEGIN!r} and {END!r}. Received:\n{source}")
    return source


def make_exercises(solutions: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The exercise notebook of one with solutions, which stays as it is."""
    notebook = nbformat.from_dict(solutions)
    kept = []
    for cell in notebook.cells:
        solves = TAG in cell.metadata.get("tags", [])
        if cell.cell_type == "code":
            cell.source = without_solution(cell.source)
            cell.outputs, cell.execution_count = [], None
            if solves:
                cell.metadata.tags = ["exercise"]
        elif solves:
            continue
        else:
            cell.source = cell.source.replace("notebooks/solutions/", "notebooks/exercises/")
        kept.append(cell)
    notebook.cells = kept
    return notebook


def text(notebook: nbformat.NotebookNode) -> str:
    """What a notebook's file holds."""
    return nbformat.writes(notebook, version=4) + "\n"


def main() -> None:
    paths = sorted(SOLUTIONS.glob("*.ipynb"))
    EXERCISES.mkdir(exist_ok=True)
    for path in EXERCISES.glob("*.ipynb"):
        if path.name not in {one.name for one in paths}:
            path.unlink()
    for path in paths:
        made = make_exercises(nbformat.read(path, as_version=4))
        with replacing(EXERCISES / path.name) as (draft,):
            draft.write_text(text(made), encoding="utf-8", newline="\n")
    print(f"{len(paths)} notebooks written to notebooks/{EXERCISES.name}")


if __name__ == "__main__":
    main()
