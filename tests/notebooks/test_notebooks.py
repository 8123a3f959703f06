"""The stored notebooks: one complete run, on the real pictures, of the code as it stands."""

import json
import re
import statistics
from pathlib import Path

import nbformat
import numpy as np
import pytest
from package_digest import package_digest
from PIL import Image
from run_in_full import SLIDES, code_digest, has_figure, shown, slide_figures

from medmnist_keras import INFO
from medmnist_keras.data.groups import INDEX_FILE
from medmnist_keras.models.networks import WEIGHTS_DIR

ROOT = Path(__file__).parents[2]
NOTEBOOKS = ROOT / "notebooks"
PATHS = sorted(NOTEBOOKS.glob("*.ipynb"))
TAGS = {"nbval-check-output", "setup", "solution"}
# Numbers that prose may hold without a cell that prints them: sizes of pictures and pixels, a
# grey scale's ends, and what an interval or a p-value means by definition.
KNOWN = {"64", "16", "80", "90", "100", "95", "0.05", "10", "0.98", "0.99"}


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture
def code(notebook):
    return shown(notebook)


@pytest.fixture
def unshown(notebook):
    """The cell that installs, then the solutions of the exercises."""
    return [c for c in notebook.cells if c.cell_type == "code" and c not in shown(notebook)]


@pytest.fixture
def prose(notebook):
    return [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]


def texts(cell) -> str:
    """All that a cell printed or displayed, without pictures."""
    parts = []
    for output in cell.outputs:
        parts.append(output.get("text", ""))
        data = output.get("data", {})
        parts += [data.get("text/plain", ""), data.get("text/html", "")]
    return "\n".join(parts)


def test_there_are_six():
    assert [path.stem[:2] for path in PATHS] == ["01", "02", "03", "04", "05", "06"]


def test_code_has_not_changed_since_its_stored_run(notebook):
    assert notebook.metadata["stored_run"]["code_sha256"] == code_digest(notebook), (
        "The code is newer than its outputs: run `make notebooks`."
    )


def test_figures_of_the_talk_are_of_the_stored_run(path, notebook):
    chapter = path.stem[:2]
    cells = {cell.id: cell for cell in notebook.cells}
    files = slide_figures(notebook, chapter)
    drawn = {file for name, file in files.items() if has_figure(cells[name])}
    assert set(SLIDES.glob(f"{chapter}-*.png")) == drawn, "Run `make notebooks`."
    for file in drawn:
        assert Image.open(file).text["code_sha256"] == code_digest(notebook), file.name


def test_stored_run_is_complete_and_without_errors(code):
    first = code[0].execution_count
    assert first in (1, 2)  # the cell that installs may have come before
    assert [cell.execution_count for cell in code] == list(range(first, first + len(code)))
    for cell in code:
        for output in cell.outputs:
            assert output.output_type != "error"
            assert output.get("name") != "stderr", output.get("text")


def test_stored_run_is_full_and_on_the_real_pictures(code):
    told = texts(code[0])
    assert re.search(r"^Data: +Medical MNIST \(MedNIST\), all of them$", told, re.MULTILINE)
    assert re.search(r"^Mode: +full$", told, re.MULTILINE)
    assert re.search(r"^Split: +grouped, seed 0$", told, re.MULTILINE)


def test_skeleton(path, notebook, code, unshown, prose):
    assert prose[0].startswith(f"# {int(path.stem[:2])} · ")
    needs = ("**What you need to know first**", "**What you will learn**", "**Run time**")
    places = [prose[0].index(part) for part in needs]
    assert places == sorted(places)
    assert re.search("CPU|laptop", prose[0].split("**Run time**")[1])
    assert "GPU" in prose[0].split("**Run time**")[1]
    assert "read_settings()" in code[0].source
    assert "## What we learned" in prose[-1]
    assert re.search(r"\]\(0\d_\w+\.ipynb\)", prose[-1])
    exercises = 1 + len(unshown)  # their text, their solutions, and the cell that installs
    assert 20 <= len(notebook.cells) - exercises <= 62


def test_a_learner_can_open_it_elsewhere(path, prose):
    """The badges name this very file, where it lies in the repository."""
    badge = re.compile(r"\[!\[Open in (\w+)\]\(([^)]+)\)\]\(https://([^)]+)\)")
    targets = {name: (image, url) for name, image, url in badge.findall(prose[0])}
    assert set(targets) == {"Colab", "Kaggle", "Binder"}
    file = f"notebooks/{path.name}"
    repository = re.search(r"github\.com/([\w-]+/[\w-]+)", (ROOT / "README.md").read_text("utf-8"))
    for image, url in targets.values():
        assert (NOTEBOOKS / image).exists()
        assert repository[1] in url
        assert url.endswith(file)
        assert (ROOT / file).exists()


def test_the_first_code_cell_installs_only_where_the_package_is_missing(notebook, unshown):
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    assert first is unshown[0]
    assert first.metadata["tags"] == ["setup"]
    assert 'find_spec("medmnist_keras") is None:\n    %pip install' in first.source


def test_exercises_have_solutions_that_are_folded_and_not_given_away(notebook, unshown, prose):
    (tasks,) = (text for text in prose if text.startswith("## Try it"))
    solutions = unshown[1:]
    assert len(solutions) == len(re.findall(r"^\d\. ", tasks, re.MULTILINE)) >= 1
    start = [cell.source for cell in notebook.cells].index(tasks) + 1
    assert notebook.cells[start : start + len(solutions)] == solutions
    for number, cell in enumerate(solutions, 1):
        assert cell.metadata["tags"] == ["solution"]
        assert cell.metadata["jupyter"]["source_hidden"]
        assert cell.metadata["cellView"] == "form"  # Colab's word for folded
        assert cell.source.startswith(f"# @title Solution {number}\n")
        assert cell.outputs == []
        assert "print(" in cell.source


def test_cells_are_short(code):
    lengths = [len(cell.source.splitlines()) for cell in code]
    assert max(lengths) <= 25
    assert statistics.median(lengths) <= 10


def test_links_point_at_files_that_exist(prose):
    for target in re.findall(r"\]\(([^)]+)\)", "\n".join(prose)):
        assert target.startswith("https://") or (NOTEBOOKS / target).exists(), target


def test_prose_holds_no_number_that_no_cell_prints(code, prose):
    printed = "\n".join(texts(cell) for cell in code)
    for text in prose:
        story = re.sub(r"\]\([^)]*\)|`[^`]*`|^#+ \d · ", "", text, flags=re.MULTILINE)
        for number in re.findall(r"(?<![\w.])\d(?:[\d,]*\d)?(?:\.\d+)?(?![\w])", story):
            if number in KNOWN or (number.isdigit() and int(number) < 10):
                continue
            assert re.search(rf"(?<![\d.,]){re.escape(number)}(?!\d)", printed), (
                f"{number!r} is printed by no cell"
            )


def test_nothing_private_and_no_litter(path):
    content = path.read_text(encoding="utf-8")
    assert not re.search(r"/home/|/root/|/Users/|/work/|/tmp/", content)
    assert "\\u001b" not in content
    assert "\\b\\b" not in content


def test_a_notebook_opens_at_once(path):
    assert path.stat().st_size <= 500_000, "Show fewer pictures, or smaller ones."


def test_figures_carry_their_credit(code):
    for cell in code:
        if has_figure(cell):
            assert "plots.caption(" in cell.source


def test_tags_and_kernel(notebook):
    assert notebook.metadata["kernelspec"]["name"] == "python3"
    assert {tag for cell in notebook.cells for tag in cell.metadata.get("tags", [])} <= TAGS


# -- results ---------------------------------------------------------------------------------


@pytest.fixture
def results():
    return json.loads((NOTEBOOKS / "results.json").read_text(encoding="utf-8"))


def test_results_are_of_the_code_as_it_stands(results):
    code = package_digest()
    changed = [path.stem for path in PATHS if results["code"].get(path.stem) != code]
    assert not changed, (
        f"The package's code is newer than the results of {', '.join(changed)}: run "
        f"`python tests/notebooks/run_in_full.py {' '.join(changed)}`, which keeps what is trained."
    )


def test_results_are_of_a_full_run_on_all_test_pictures(results):
    assert results["run"]["Mode"] == "full"
    assert list(results["scores"]) == ["grouped", "random"]
    with np.load(INDEX_FILE, allow_pickle=False) as index:
        left_out = len(np.union1d(index["blank"], np.flatnonzero(index["back"])))
    everything = sum(INFO["counts"].values())
    for score in results["scores"]["random"].values():
        assert score["images"] == everything // 10 + 1
    for score in results["scores"]["grouped"].values():
        assert score["images"] == pytest.approx((everything - left_out) / 10, rel=0.1)


def test_results_agree_with_what_the_notebooks_show(results):
    shown = {
        path.stem[:2]: "\n".join(
            texts(cell)
            for cell in nbformat.read(path, as_version=4).cells
            if cell.cell_type == "code"
        )
        for path in PATHS
    }
    loading = results["loading"]
    told = f"First load: {loading['first']:.2f} s, later load: {loading['later']:.3f} s"
    assert told in shown["01"]
    for split, shares in results["similarity"].items():
        assert f"{split} " in shown["01"]
        for share in shares.values():
            assert f"{share:.4f}" in shown["01"]
    for split, pair in results["models"].items():
        for facts in pair.values():
            spent = f"in {sum(facts['seconds'].values()):,.0f} s"
            assert f"{split} split, seed 0, loaded, trained earlier {spent}" in shown["04"]
            assert f"{facts['parameters']:,} parameters" in shown["04"]
    for pair in results["scores"].values():
        for score in pair.values():
            assert f"{score['accuracy']:.4f}" in shown["04"]
            assert f"{score['accuracy_low']:.4f}" in shown["04"]
    repeated = {int(seed): errors for seed, errors in results["repeated"].items()}
    assert f"Errors by seed: {repeated}" in shown["04"]


def errors_of(results, model, split):
    return [
        row["errors"]
        for row in results["spread"]
        if row["model"] == model and row["split"] == split
    ]


def test_spread_is_over_five_seeds(results):
    for split in ("grouped", "random"):
        for model in ("baseline CNN", "nearest neighbour, 16×16", "majority class"):
            assert len(errors_of(results, model, split)) >= 5


def test_targets_are_met(results):
    assert statistics.median(errors_of(results, "baseline CNN", "random")) <= 3
    assert results["scores"]["random"]["ResNet50V2"]["errors"] <= 3
    assert results["similarity"]["grouped"]["above 0.98"] == 0
    assert results["similarity"]["random"]["above 0.98"] > 0.3


def test_plain_models_fall_outside(results):
    fall = results["fall"]
    assert fall["pictures"] == "external"
    for score in fall["scores"].values():
        assert score["balanced_accuracy"] < 0.7


def test_targets_beyond_the_data_set_are_met(results):
    beyond = results["beyond"]
    assert beyond["pictures"] == "external"
    names = ("plain CNN", "plain CNN, control", "robust CNN")
    plain, control, robust = (beyond["scores"][name] for name in names)
    assert plain["balanced accuracy"] < 0.7
    assert control["balanced accuracy"] < 0.7  # neither width nor epochs make it robust
    assert robust["balanced accuracy"] >= 0.9
    assert control["parameters"] == robust["parameters"] <= 500_000
    assert min(row["recall"] for row in beyond["recall"]["robust CNN"].values()) >= 0.75
    assert beyond["random split"]["robust CNN"] <= 8
    assert min(row["rejected"] for row in beyond["rejected"].values()) > 0.2
    assert beyond["answered and right"]["external"]["accepted_and_right"] > 0.8
    assert beyond["answered and right"]["test"]["rejected"] < 0.02


def test_weights_that_ship_are_those_of_the_notebook(results):
    card = json.loads((WEIGHTS_DIR / "baseline_cnn.json").read_text(encoding="utf-8"))
    beyond = results["beyond"]
    assert card["scores"]["test"]["errors"] == beyond["answered and right"]["test"]["errors"]
    assert card["threshold"] == pytest.approx(beyond["known"]["threshold"], abs=1e-3)
    assert card["temperature"] == pytest.approx(beyond["known"]["temperature"], abs=1e-2)
