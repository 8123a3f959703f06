"""The README says what is so: its numbers, its files, its commands, its code."""

import importlib.util
import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def make():
    spec = importlib.util.spec_from_file_location("make", ROOT / "images" / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_results_are_those_of_the_last_full_run():
    results = json.loads((ROOT / "notebooks" / "results.json").read_text(encoding="utf-8"))
    assert make().results_block(results) in README, "Run `make results`."


def test_speed_is_that_of_the_last_full_benchmark():
    benchmark = json.loads((ROOT / "notebooks" / "benchmark.json").read_text(encoding="utf-8"))
    assert make().speed_block(benchmark) in README, "Run `make results`."
    assert benchmark["machine"]["Mode"] == "full"
    assert not benchmark["failures"]


def test_files_that_it_links_to_exist():
    targets = re.findall(r"\]\(([^)]+)\)|src=\"([^\"]+)\"", README)
    for target in {first or second for first, second in targets}:
        assert target.startswith("https://") or (ROOT / target).exists(), target


def test_make_targets_that_it_names_exist():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"`?make ([\w-]+)", README))
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
    tomllib = pytest.importorskip("tomllib", reason="part of Python from 3.11 on")
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
