"""What a project that depends on this package relies on: a light import, names, types, a wheel."""

import ast
import importlib
import inspect
import os
import pickle
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

import medmnist_keras as mk

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "medmnist_keras"
FACES = ["", "augmentation", "data", "evaluation", "experiments", "inference", "models", "plots"]
FACES += ["training"]


def offered(face):
    """Each public name of a face, and the module that its stub takes it from."""
    stub = ast.parse((PACKAGE / face / "__init__.pyi").read_text(encoding="utf-8"))
    base = f"medmnist_keras.{face}".strip(".")
    return {
        alias.name: f"{base}.{node.module}" if node.module else base
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def of(face):
    return importlib.import_module(f"medmnist_keras.{face}".strip("."))


PAIRS = [(face, name) for face in FACES for name in sorted(offered(face))]
FOLDERS = set(FACES) - {""}
NAMES = {pair: getattr(of(pair[0]), pair[1]) for pair in PAIRS if pair[1] not in FOLDERS}
# A name of the top is that of its folder, too.
OWN = {name: value for (face, name), value in NAMES.items() if face}


LOG_LEVEL = "TF_CPP_MIN_LOG_LEVEL"  # set in this process by whatever was imported first


def python(code, *options):
    """Runs code in a fresh interpreter, as if neither Keras nor anything else were loaded."""
    environment = {name: value for name, value in os.environ.items() if name != LOG_LEVEL}
    command = [sys.executable, *options, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, env=environment)


# -- importing -----------------------------------------------------------------------------------

HEAVY = {"keras", "matplotlib", "numpy", "pandas", "PIL", "scipy", "seaborn", "sklearn"}
HEAVY |= {"tensorflow", "tqdm", "pooch"}


@pytest.mark.parametrize(
    "code",
    [
        "import medmnist_keras as mk; dir(mk); mk.__all__; mk.__version__; mk.CLASS_NAMES; mk.INFO",
        "import medmnist_keras.__main__ as m\ntry: m.main(['--help'])\nexcept SystemExit: pass",
        "import medmnist_keras.__main__ as m\ntry: m.main(['predict'])\nexcept SystemExit: pass",
    ],
    ids=["import", "--help", "wrong usage"],
)
def test_nothing_heavy_is_imported_before_it_is_used(code):
    done = python(f"{code}\nimport sys; print('loaded', *{HEAVY} & set(sys.modules))")
    assert done.stdout.splitlines()[-1:] == ["loaded"], done.stdout + done.stderr


def test_keras_is_imported_without_a_word():
    done = python("import medmnist_keras as mk; mk.baseline_cnn; mk.make_dataset([1], [1])")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize("name", ["augmentation.rendering", "data.shards", "training.backup"])
def test_each_module_alone_is_quiet(name):
    """Whatever imports Keras or TensorFlow takes it from `_keras`; the linter holds that."""
    done = python(f"import medmnist_keras.{name}")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


# -- names ---------------------------------------------------------------------------------------


def test_each_name_is_what_its_module_calls_so():
    for (face, name), value in NAMES.items():
        module = importlib.import_module(offered(face)[name])
        assert value is getattr(module, name), name
        assert not isinstance(value, ModuleType), name


@pytest.mark.parametrize("face", FACES)
def test_names_are_listed(face):
    module = of(face)
    assert set(offered(face)) == set(module.__all__) <= set(dir(module))
    everything = {}
    exec(f"from {module.__name__} import *", everything)
    assert set(offered(face)) <= set(everything)
    with pytest.raises(ImportError, match="cannot import name 'untold'"):
        exec(f"from {module.__name__} import untold")


def test_the_top_offers_what_a_reader_needs():
    """Some 25 names and the folders; all else is found in its folder."""
    top = set(offered(""))
    assert top > FOLDERS
    assert len(top - FOLDERS) <= 27
    assert {"CLASS_NAMES", "load_data", "train", "evaluate", "predict"} < top


def test_no_name_is_that_of_a_module_beside_it():
    """`import medmnist_keras.data.audit` would put the module in the place of such a name."""
    for face in FACES:
        beside = {path.stem for path in (PACKAGE / face).glob("*.py")}
        assert not beside & set(offered(face)), face


def test_functions_and_classes_can_be_pickled():
    for value in NAMES.values():
        if inspect.isroutine(value) or inspect.isclass(value):
            assert pickle.loads(pickle.dumps(value)) is value


# -- types and docstrings ------------------------------------------------------------------------

CALLED = sorted(name for name, value in OWN.items() if inspect.isroutine(value))
TOP = {name for face, name in NAMES if not face}


@pytest.mark.parametrize("name", CALLED)
def test_signature_is_typed_and_docstring_tells_all_of_it(name):
    signature = inspect.signature(OWN[name])
    text = inspect.getdoc(OWN[name])
    assert re.match(r"[A-Z].*\.$", text.split("\n\n")[0], re.DOTALL), "a first sentence"
    assert "\nExample:\n" in text or name not in TOP
    # A context manager's function yields; one that returns None has nothing to tell.
    assert signature.return_annotation is not signature.empty
    if signature.return_annotation not in ("None", "Iterator[None]"):
        assert "\nReturns:\n" in text
    told = text.partition("\nArgs:\n")[2].partition("\n\n")[0]
    for parameter in signature.parameters.values():
        assert re.search(rf"^    .*\b{parameter.name}\b.*:", told, re.MULTILINE), parameter
        if parameter.kind is not parameter.VAR_KEYWORD:
            assert parameter.annotation is not parameter.empty, parameter


def test_classes_tell_attributes():
    classes = {name: value for name, value in OWN.items() if inspect.isclass(value)}
    assert "Settings" in classes
    for name, value in classes.items():
        assert "\nAttributes:\n" in inspect.getdoc(value), name


# -- what is built -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel that `pip install .` builds, of a copy, for setuptools leaves files beside."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    leave_out = shutil.ignore_patterns("__pycache__")
    shutil.copytree(PACKAGE, folder / "medmnist_keras", ignore=leave_out)
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--wheel-dir", folder, folder]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (built,) = folder.glob("*.whl")
    return built


def test_wheel_holds_the_whole_package(wheel):
    assert wheel.name == f"medmnist_keras-{mk.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if name.startswith("medmnist_keras/")}
        metadata = next(name for name in archive.namelist() if name.endswith("/METADATA"))
        metadata = archive.read(metadata).decode()
    tracked = {
        path.relative_to(ROOT).as_posix()
        for path in PACKAGE.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == tracked
    assert {"medmnist_keras/py.typed", "medmnist_keras/data/groups.npz"} <= inside
    assert f"\nVersion: {mk.__version__}\n" in metadata
    for extra in ("demo", "dicom", "jax", "torch"):
        assert f"\nProvides-Extra: {extra}\n" in metadata


def test_newest_entry_of_the_changelog_is_this_version():
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    versions = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert versions[0] == mk.__version__
    assert versions == sorted(versions, key=lambda v: tuple(map(int, v.split("."))), reverse=True)
