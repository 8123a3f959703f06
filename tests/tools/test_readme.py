"""The README says what is so: its numbers, its files, its commands, its code."""

import json
import re
import tomllib
from pathlib import Path

import pytest

from tools import readme
from tools.load import load_block

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def test_results_are_those_of_the_last_full_run():
    results = json.loads((ROOT / "notebooks" / "results.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert readme.readme_block(results) in README, "Run `make results`."
    assert readme.results_block(results) in page, "Run `make results`."


def test_speed_is_that_of_the_last_full_benchmark():
    benchmark = json.loads((ROOT / "notebooks" / "benchmark.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert readme.speed_block(benchmark) in page, "Run `make results`."
    assert benchmark["machine"]["Mode"] == "full"
    assert not benchmark["failures"]


def test_load_is_that_of_the_last_measurement():
    visitors = json.loads((ROOT / "notebooks" / "load.json").read_text(encoding="utf-8"))
    page = (ROOT / "docs" / "using.md").read_text(encoding="utf-8")
    assert load_block(visitors) in page, "Run `make results`."
    crowds = [part for part in visitors.values() if isinstance(part, dict) and "rows" in part]
    assert len(crowds) == 4
    for crowd in crowds:
        assert crowd.get("files_left_at_the_end", 0) == 0
        assert all(row["nothing"] == 0 for row in crowd["rows"])


def test_it_is_short():
    assert len(README.split()) < 1500


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_a_page_links_to_exist(page):
    for target in set(re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8"))):
        assert target.startswith("https://") or (page.parent / target).exists(), target


def test_make_targets_that_it_names_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    text = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
    targets = set(re.findall(r"(?:`|^)make ([\w-]+)", text, re.MULTILINE))
    assert {"demo", "test", "notebooks", "results"} <= targets
    for target in targets:
        assert f"\n{target}:" in makefile, target


def test_five_lines_of_use_run(monkeypatch):
    code = next(block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL))
    monkeypatch.setattr(
        "medmnist_keras.load_datasets",
        lambda **_: __import__("medmnist_keras").data.load_datasets(
            32, "phantoms", images_per_class=20
        ),
    )
    names = {}
    exec(code, names)
    assert names["model"].count_params() == 98_758


def test_package_and_requirements_ask_for_the_same():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = (ROOT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(
        re.match(r"([\w-]+)[~>]=([\d.]+)", line).groups()
        for line in lines
        if not line.startswith("#")
    )
    for dependency in project["dependencies"]:
        name, bound = re.match(r"([\w-]+)>=([\d.]+)(?:,<\d+)?$", dependency).groups()
        assert pins[name] == bound, name
    assert all(" # " in line for line in lines if not line.startswith("#"))  # who needs it
    without = (ROOT / "requirements-jax.txt").read_text(encoding="utf-8").splitlines()
    names = {re.match(r"[\w-]+", line).group() for line in without if not line.startswith("#")}
    wanted = {re.match(r"[\w-]+", dependency).group() for dependency in project["dependencies"]}
    assert names == wanted - {"tensorflow"} | {"jax"}
