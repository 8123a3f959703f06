"""Checks this machine for what the notebooks need: `python -m medmnist_keras check`."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import sys
from typing import TYPE_CHECKING, NamedTuple

from .info import INFO

if TYPE_CHECKING:
    from packaging.requirements import Requirement

_ROOM = 1.0  # GB: the archive, the decoded pictures, the ImageNet weights
_MODULES = {"pillow": "PIL", "scikit-image": "skimage", "scikit-learn": "sklearn"}
_APPLE = (
    ". TensorFlow from 2.18 on has no plugin for Apple's GPU; PyTorch has, which we haven't "
    "tested: KERAS_BACKEND=torch"
)


class Check(NamedTuple):
    """One thing that the notebooks need, or can use.

    Attributes:
        name: str.
        met: bool.
        finding: str. What was found, or what to do.
        required: bool. Whether nothing works without it.
    """

    name: str
    met: bool
    finding: str
    required: bool = True

    def __str__(self) -> str:
        optional = "" if self.met or self.required else " (optional)"
        return f"{'[ok]' if self.met else '[missing]':10}{self.name}{optional}: {self.finding}"


def check_environment() -> list[Check]:
    """Looks for all that the notebooks need, or can use; downloads and changes nothing.

    Returns:
        A list of `Check`: Python, each package with its version, room on the disk, then what is
        optional: the pictures, an external test set, the ImageNet weights, extras, a GPU.
    """
    needs = [Check("Python", True, platform.python_version())]  # another wouldn't have installed
    needs += _packages()
    # Keras comes with these, so they wait until it is known to be here, and to load.
    if all(need.met for need in needs if need.required):
        problem = _loading_problem()
        needs += [problem] if problem else [_disk(), *_pictures(), _imagenet(), _gpu()]
    return needs


def check_session() -> None:
    """Looks whether this session still computes with packages that were replaced on the disk.

    `%pip install` may replace a package that the kernel has imported already; the rest of the
    session then mixes both versions, which ends in errors about anything.

    Raises:
        RuntimeError: when a package that this one needs was imported in another version than is
            installed now; says to restart the session.
    """
    # With the standard library alone, for any other import may be what is broken.
    replaced = []
    for line in importlib.metadata.requires("medmnist_keras") or ():
        wanted, _, extra = line.partition(";")
        if extra:  # not all of these call their version as their package does
            continue
        name = re.split(r"[^\w.-]", wanted)[0]
        module = sys.modules.get(_MODULES.get(name, name.replace("-", "_")))
        loaded = str(getattr(module, "__version__", "")).removeprefix("v")
        try:
            installed = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if loaded and loaded != installed:
            replaced.append(f"{name} {loaded} is loaded, {installed} is installed")
    if replaced:
        raise RuntimeError(
            "Restart the session, then run the notebook from its first cell: "
            f"{'; '.join(sorted(set(replaced)))}. Colab: Runtime > Restart session. Kaggle: Run > "
            "Restart & clear cell outputs. Jupyter: Kernel > Restart Kernel."
        )


def _requirements() -> dict[str, tuple[Requirement, str]]:
    """What the package asks for: a package's name to the requirement and its extra, if any."""
    from packaging.requirements import Requirement

    found: dict[str, tuple[Requirement, str]] = {}
    for line in importlib.metadata.requires("medmnist_keras") or ():
        extra = line.partition("extra ==")[2].strip(" \"'")
        wanted = Requirement(line)
        found.setdefault(wanted.name, (wanted, extra))  # first of what is needed without extras
    return found


def _loading_problem() -> Check | None:
    """What is installed may still not load: a half-done upgrade, another kind of CPU."""
    try:
        importlib.import_module("medmnist_keras._keras")
    except Exception as error:  # whatever it is, it is reported
        advice = "pip install --force-reinstall keras tensorflow"
        return Check("Keras", False, f"does not load, {type(error).__name__}: {error}; {advice}")
    return None


def _packages() -> list[Check]:
    needs = []
    for name, (wanted, extra) in _requirements().items():
        try:
            version = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            version = None
        met = version is not None and wanted.specifier.contains(version, prereleases=True)
        package = f"medmnist_keras[{extra}]" if extra else f"{name}{wanted.specifier}"
        advice = f'{version or "not here"}; pip install "{package}"'
        # Models do without it on another backend; tf.data doesn't.
        spare = name == "tensorflow" and os.environ.get("KERAS_BACKEND", name) != name
        required = not extra and not spare
        needs.append(Check(name, met, str(version) if met else advice, required=required))
    return needs


def _disk() -> Check:
    from .storage import keras_home

    folder = keras_home()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free / 1e9
    met = free >= _ROOM and os.access(there, os.W_OK)
    finding = f"{free:,.0f} GB free for downloads"
    advice = f"{folder} needs {_ROOM:.0f} GB and to be writable; set KERAS_HOME to such a folder"
    return Check("disk", met, finding if met else advice)


def _pictures() -> list[Check]:
    from .data.finding import EXTERNAL_VARIABLE, find_source
    from .data.loading import is_at_hand

    advice = "they are downloaded when a notebook first needs them, or set MEDICAL_MNIST_DIR"
    try:
        here, finding = is_at_hand(), str(find_source() or "kept from an earlier run")
    except (FileNotFoundError, ValueError) as error:  # a wrong MEDICAL_MNIST_DIR
        here, advice = False, str(error)
    external = os.environ.get(EXTERNAL_VARIABLE, "")
    return [
        Check(INFO["name"], here, finding if here else advice, required=False),
        Check(
            "external test set",
            os.path.isdir(external),
            external if os.path.isdir(external) else f"set {EXTERNAL_VARIABLE} to their folder",
            required=False,
        ),
    ]


def _imagenet() -> Check:
    from .models.networks import imagenet_weights_at_hand

    here = imagenet_weights_at_hand()
    advice = "they are downloaded when chapter 3 first needs them"
    return Check("ImageNet weights", here, "at hand" if here else advice, required=False)


def _gpu() -> Check:
    from .training.hardware import list_gpus, nvidia_cards, why_no_gpu

    if gpus := list_gpus():
        return Check("GPU", True, ", ".join(gpus), required=False)
    cards = nvidia_cards()
    if not cards:
        finding = (
            f"none; trainings run on {os.cpu_count()} CPU cores{_APPLE if _on_apple() else ''}"
        )
        return Check("GPU", False, finding, required=False)
    backend = os.environ.get("KERAS_BACKEND") or "tensorflow"
    finding = f"{', '.join(cards)} is here, but {backend} does not see it. {why_no_gpu()}"
    return Check("GPU", False, finding, required=False)


def _on_apple() -> bool:
    return platform.system() == "Darwin" and platform.machine() == "arm64"
