"""Rules of the architecture: dependencies run one way, no cycles, no long file."""

import ast
from graphlib import CycleError

import pytest

from tools import architecture

ARROWS = architecture.graph()
GROUND = {"info", "storage", "_types", "_keras", "_checks"}
# What each folder may import from, beside the ground.
BELOW = {
    "data": set(),
    "models": set(),
    "plots": set(),
    "augmentation": {"data"},
    "training": {"data", "models"},
    "evaluation": {"data", "models", "augmentation"},
    "experiments": {"data", "models", "augmentation", "training", "evaluation"},
    "inference": {"data", "models", "augmentation", "evaluation", "plots"},
}


def test_arrows_run_one_way():
    between = architecture.rooms(ARROWS)
    for folder, allowed in BELOW.items():
        assert between[folder] <= allowed | GROUND, folder
    for name in GROUND:
        assert between[name] <= GROUND, name
    top = {"environment", "_commands", "__main__"}
    assert set(between) == set(BELOW) | GROUND | top


def test_there_is_no_circle_and_there_are_at_most_seven_floors():
    architecture.floors(ARROWS)
    assert max(architecture.floors(architecture.rooms(ARROWS)).values()) <= 7


def test_the_drawing_sees_circles_and_imports_in_functions(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.py").write_text("def f():\n    from ..b import two\n")
    (tmp_path / "a" / "three.py").write_text("from .one import f\nfrom . import one\n")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.py").write_text("from medmnist_keras.a.three import f\n")
    arrows = architecture.graph(tmp_path)
    assert arrows == {"a.one": {"b.two"}, "a.three": {"a.one"}, "b.two": {"a.three"}}
    with pytest.raises(CycleError):
        architecture.floors(arrows)
    assert architecture.floors({"a": {"b"}, "b": {"c"}, "d": {"c"}}) == {
        "a": 3,
        "b": 2,
        "c": 1,
        "d": 2,
    }


def test_every_file_can_be_read_in_one_sitting():
    files = [*architecture.PACKAGE.rglob("*.py")]
    for folder in ("benchmarks", "tools"):
        files += (architecture.ROOT / folder).rglob("*.py")
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in files}
    assert {path.name: count for path, count in lengths.items() if count > 350} == {}


def test_nothing_in_the_package_knows_tools_or_benchmarks():
    for path in architecture.PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and not node.level:
                names = [node.module]
            assert not {name.split(".")[0] for name in names} & {"tools", "benchmarks"}, path


def test_each_folder_says_what_it_owns():
    for folder in BELOW:
        face = architecture.PACKAGE / folder / "__init__.py"
        assert len(ast.get_docstring(ast.parse(face.read_text(encoding="utf-8")))) > 80
        assert face.with_suffix(".pyi").exists()


def test_the_page_is_of_this_code():
    assert architecture.PAGE.read_text(encoding="utf-8") == architecture.page(), (
        "The imports have changed: run `make architecture`."
    )
