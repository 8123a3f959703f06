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
STUB = ast.parse((PACKAGE / "__init__.pyi").read_text(encoding="utf-8"))
# Each public name and the module that the stub takes it from; submodules come from none.
HOMES = {
    alias.name: node.module
    for node in STUB.body
    if isinstance(node, ast.ImportFrom)
    for alias in node.names
}
NAMES = sorted(name for name, home in HOMES.items() if home)


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


def test_whatever_imports_keras_or_tensorflow_is_quiet_first():
    """So that a name that is imported alone, from any module, starts without TensorFlow's log."""
    for file in sorted(PACKAGE.glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        for_types = {
            child
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for child in node.body
        }
        loud, quiet = [], []
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or alias.name for alias in node.names]
            else:
                continue
            if "_quiet" in names:
                quiet.append(node.lineno)
            elif {name.partition(".")[0] for name in names} & {"keras", "tensorflow"}:
                loud += [node.lineno] * (node not in for_types)
        if loud and file.name != "_quiet.py":
            advice = f"{file.name}, line {min(loud)}: `from . import _quiet` comes before this"
            assert min(quiet, default=min(loud)) < min(loud), advice


# -- names ---------------------------------------------------------------------------------------


def test_each_name_is_what_its_module_calls_so():
    for name, home in HOMES.items():
        if home is None:
            assert getattr(mk, name) is importlib.import_module(f"medmnist_keras.{name}")
        else:
            got = getattr(mk, name)
            module = sys.modules[f"medmnist_keras.{home}"]
            assert got is getattr(module, name), name
            assert not isinstance(got, ModuleType), name


def test_names_are_listed():
    assert set(HOMES) == set(mk.__all__) <= set(dir(mk))
    everything = {}
    exec("from medmnist_keras import *", everything)
    assert set(HOMES) <= set(everything)
    assert not hasattr(mk, "augmentation")
    with pytest.raises(ImportError, match="cannot import name 'augmentation'"):
        pass


FIRST = [
    "import medmnist_keras.audit, medmnist_keras.augment",
    "import medmnist_keras.groups, medmnist_keras.external",  # which import those two
    "from medmnist_keras.audit import thumbnails; mk.add_phantoms",
    "mk.audit; mk.augment; import medmnist_keras.audit, medmnist_keras.augment",
]


def test_a_function_named_as_its_module_stays_the_function():
    """`import medmnist_keras.audit` would put the module in the function's place."""
    code = f"""
import sys
for first in {FIRST}:
    for name in [name for name in sys.modules if name.partition(".")[0] == "medmnist_keras"]:
        del sys.modules[name]
    import medmnist_keras as mk
    exec(first)
    assert {{"medmnist_keras.audit", "medmnist_keras.augment"}} <= set(sys.modules), first
    from medmnist_keras import audit, augment
    from medmnist_keras.audit import audit as true_audit
    from medmnist_keras.augment import augment as true_augment
    assert mk.audit is audit is true_audit, first
    assert mk.augment is augment is true_augment, first
"""
    done = python(code)
    assert done.returncode == 0, done.stderr


def test_functions_and_classes_can_be_pickled():
    for name in NAMES:
        value = getattr(mk, name)
        if inspect.isroutine(value) or inspect.isclass(value):
            assert pickle.loads(pickle.dumps(value)) is value


# -- types and docstrings ------------------------------------------------------------------------

CALLED = [name for name in NAMES if inspect.isroutine(getattr(mk, name))]


@pytest.mark.parametrize("name", CALLED)
def test_signature_is_typed_and_docstring_tells_all_of_it(name):
    signature = inspect.signature(getattr(mk, name))
    text = inspect.getdoc(getattr(mk, name))
    assert re.match(r"[A-Z].*\.$", text.split("\n\n")[0], re.DOTALL), "a first sentence"
    assert "\nExample:\n" in text
    # A context manager's function yields; one that returns None has nothing to tell.
    assert signature.return_annotation is not signature.empty
    if signature.return_annotation not in ("None", "Iterator[None]"):
        assert "\nReturns:\n" in text
    told = text.partition("\nArgs:\n")[2].partition("\n\n")[0]
    for parameter in signature.parameters.values():
        assert re.search(rf"^    .*\b{parameter.name}\b.*:", told, re.MULTILINE), parameter
        if parameter.kind is not parameter.VAR_KEYWORD:
            assert parameter.annotation is not parameter.empty, parameter


def test_classes_tell_attributes_and_an_example():
    classes = [name for name in NAMES if inspect.isclass(getattr(mk, name))]
    assert "Settings" in classes
    for name in classes:
        text = inspect.getdoc(getattr(mk, name))
        assert "\nAttributes:\n" in text
        assert "\nExample:\n" in text


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
