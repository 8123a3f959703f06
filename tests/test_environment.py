"""What the check says of a machine that has all, and of one that lacks something."""

import importlib.metadata
import re
import subprocess
import sys
from types import SimpleNamespace

import pytest

from medmnist_keras import environment
from medmnist_keras.environment import check_environment, check_session


def by_name(needs):
    return {need.name: need for need in needs}


def test_every_package_is_named_with_its_version():
    needs = by_name(check_environment())
    assert needs["Python"].met
    for name in ("keras", "tensorflow", "numpy", "matplotlib"):
        version = importlib.metadata.version(name)
        assert str(needs[name]) == f"[ok]      {name}: {version}"
    assert {"disk", "GPU", "ImageNet weights", "Medical MNIST (MedNIST)"} <= set(needs)
    assert all(need.met for need in needs.values() if need.required)


def packages(monkeypatch, **versions):
    """Installs packages in these versions, so it seems; `None` takes one away."""
    real = importlib.metadata.version

    def version(name):
        if name not in versions:
            return real(name)
        if versions[name] is None:
            raise importlib.metadata.PackageNotFoundError(name)
        return versions[name]

    monkeypatch.setattr(environment.importlib.metadata, "version", version)


def test_a_missing_package_is_told_with_the_command(monkeypatch):
    packages(monkeypatch, seaborn=None)
    needs = by_name(check_environment())
    assert str(needs["seaborn"]).startswith("[missing] seaborn: not here; pip install")
    assert re.search(r'"seaborn[<>]', needs["seaborn"].finding)
    assert needs["seaborn"].required
    assert "GPU" not in needs  # Keras isn't asked while something is missing


def test_a_package_that_is_too_old_is_missing(monkeypatch):
    packages(monkeypatch, keras="2.15.0")
    need = by_name(check_environment())["keras"]
    assert not need.met
    assert need.finding.startswith("2.15.0; pip install")


def test_an_extra_is_optional(monkeypatch):
    packages(monkeypatch, pydicom=None)
    needs = by_name(check_environment())
    need = needs["pydicom"]
    assert "GPU" in needs  # all else is looked at
    assert not need.required
    assert str(need) == (
        '[missing] pydicom (optional): not here; pip install "medmnist_keras[dicom]"'
    )


def test_a_full_disk_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "not" / "yet"))
    assert by_name(check_environment())["disk"].met
    full = SimpleNamespace(total=10, used=10, free=0)
    monkeypatch.setattr(environment.shutil, "disk_usage", lambda path: full)
    need = by_name(check_environment())["disk"]
    assert not need.met
    assert "set KERAS_HOME" in need.finding
    assert not (tmp_path / "not").exists()


def test_folders_of_pictures_are_found_or_told(monkeypatch, tmp_path):
    name = "Medical MNIST (MedNIST)"
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.delenv("MEDICAL_MNIST_DIR", raising=False)
    monkeypatch.delenv("MEDMNIST_KERAS_EXTERNAL_DIR", raising=False)
    needs = by_name(check_environment())
    assert "downloaded" in needs[name].finding
    assert "MEDMNIST_KERAS_EXTERNAL_DIR" in needs["external test set"].finding

    monkeypatch.setenv("MEDICAL_MNIST_DIR", str(tmp_path / "nowhere"))
    monkeypatch.setenv("MEDMNIST_KERAS_EXTERNAL_DIR", str(tmp_path))
    needs = by_name(check_environment())
    assert not needs[name].met
    assert "nowhere" in needs[name].finding
    assert needs["external test set"].met


@pytest.mark.parametrize(("gpus", "told"), [([], "none; trainings run on"), (["gpu:0"], "gpu:0")])
def test_a_gpu_is_named(monkeypatch, gpus, told):
    monkeypatch.setattr("medmnist_keras.training.hardware.list_gpus", lambda: gpus)
    monkeypatch.setattr("medmnist_keras.training.hardware.nvidia_cards", list)
    need = by_name(check_environment())["GPU"]
    assert (need.met, need.required) == (bool(gpus), False)
    assert need.finding.startswith(told)


def test_apples_gpu_is_told_to_stand_idle(monkeypatch):
    monkeypatch.setattr("medmnist_keras.training.hardware.list_gpus", list)
    monkeypatch.setattr("medmnist_keras.training.hardware.nvidia_cards", list)
    monkeypatch.setattr(environment.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(environment.platform, "machine", lambda: "arm64")
    assert "KERAS_BACKEND=torch" in by_name(check_environment())["GPU"].finding


@pytest.mark.parametrize("extra", ["notebooks", "demo", "dicom", "export", "jax"])
def test_every_extra_is_known(monkeypatch, extra):
    names = [name for name, (_, of) in environment._requirements().items() if of == extra]
    assert names
    packages(monkeypatch, **dict.fromkeys(names))
    needs = by_name(check_environment())
    for name in names:
        assert needs[name].finding == f'not here; pip install "medmnist_keras[{extra}]"'
        assert not needs[name].required


def test_what_an_extra_adds_to_a_package_makes_it_no_less_required():
    need = by_name(check_environment())["tensorflow"]  # which the extra `cuda` names, too
    assert need.required
    assert len([need for need in check_environment() if need.name == "tensorflow"]) == 1


# -- packages that were replaced under a session ------------------------------------------------


def test_a_session_whose_packages_are_as_installed_is_well():
    import matplotlib  # noqa: F401
    import PIL  # noqa: F401
    import pooch  # noqa: F401
    import sklearn  # noqa: F401
    import tqdm  # noqa: F401

    check_session()


def test_a_session_whose_packages_were_replaced_is_told_to_restart(monkeypatch):
    import numpy
    import sklearn

    packages(monkeypatch, numpy="1.0.0", **{"scikit-learn": "1.0"})
    with pytest.raises(RuntimeError, match=r"^Restart the session.* Colab: .* Kaggle: ") as caught:
        check_session()
    assert f"numpy {numpy.__version__} is loaded, 1.0.0 is installed" in str(caught.value)
    assert f"scikit-learn {sklearn.__version__} is loaded, 1.0 is installed" in str(caught.value)


def test_extras_that_name_their_version_otherwise_are_let_be(monkeypatch):
    monkeypatch.setitem(sys.modules, "openvino", SimpleNamespace(__version__="2026.4-abc/2026/4"))
    check_session()


def test_what_was_not_imported_may_be_replaced(monkeypatch):
    packages(monkeypatch, seaborn="0.1", numpy=None)
    monkeypatch.delitem(sys.modules, "seaborn", raising=False)
    check_session()


# A finder that comes first and finds nothing of the packages that `missing` names.
BARE_MACHINE = """
import importlib.abc, importlib.metadata, sys

missing = {missing}

class Nothing(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in missing:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)

sys.meta_path.insert(0, Nothing())
real = importlib.metadata.version

def version(name):
    if {metadata} and name in missing:
        raise importlib.metadata.PackageNotFoundError(name)
    return real(name)

importlib.metadata.version = version
from medmnist_keras.__main__ import main
sys.exit(main(["check"]))
"""


def check_without(*missing, metadata):
    code = BARE_MACHINE.format(missing=missing, metadata=metadata)
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)


def test_the_command_tells_of_packages_that_are_not_there():
    gone = ("keras", "numpy", "pandas", "scikit-learn", "sklearn", "tensorflow")
    done = check_without(*gone, metadata=True)
    assert done.returncode == 1, done.stderr
    missing = re.findall(r"^\[missing\] (\S+): not here; pip install", done.stdout, re.M)
    assert missing == ["keras", "numpy", "pandas", "scikit-learn", "tensorflow"]
    assert "[ok]      seaborn" in done.stdout
    assert not done.stderr


def test_a_package_that_is_there_but_does_not_load_is_told():
    done = check_without("tensorflow", "keras", metadata=False)
    assert done.returncode == 1, done.stderr
    assert "[missing] Keras: does not load, ModuleNotFoundError: No module named" in done.stdout
    assert not done.stderr
