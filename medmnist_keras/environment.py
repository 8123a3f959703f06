"""What this machine has of what the notebooks need: `python -m medmnist_keras check`."""

from __future__ import annotations

import importlib
import importlib.metadata
import os
import platform
import shutil
from typing import NamedTuple

from .info import INFO

_ROOM = 1.0  # GB: the archive, the decoded pictures, the ImageNet weights


class Need(NamedTuple):
    """One thing that the notebooks need, or can use.

    Attributes:
        name: str.
        met: bool.
        told: str. What was found, or what to do.
        required: bool. Whether nothing works without it.
    """

    name: str
    met: bool
    told: str
    required: bool = True

    def __str__(self) -> str:
        optional = "" if self.met or self.required else " (optional)"
        return f"{'[ok]' if self.met else '[missing]':10}{self.name}{optional}: {self.told}"


def check_environment() -> list[Need]:
    """Looks for all that the notebooks need, or can use; downloads and changes nothing.

    Returns:
        A list of `Need`: Python, each package with its version, room on the disk, then what is
        optional: the pictures, pictures from elsewhere, the ImageNet weights, extras, a GPU.

    Example:

    >>> print(*check_environment(), sep="\\n")
    [ok]      Python: 3.11.7
    """
    needs = [Need("Python", True, platform.python_version())]  # another wouldn't have installed
    needs += _packages()
    # Keras comes with these, so they wait until it is known to be here, and to load.
    if all(need.met for need in needs if need.required):
        problem = _loading_problem()
        needs += [problem] if problem else [_disk(), *_pictures(), _imagenet(), _gpu()]
    return needs


def _loading_problem() -> Need | None:
    """What is installed may still not load: a half-done upgrade, another kind of CPU."""
    try:
        importlib.import_module("medmnist_keras.models")
    except Exception as error:  # whatever it is, it is to be told
        advice = "pip install --force-reinstall keras tensorflow"
        return Need("Keras", False, f"does not load, {type(error).__name__}: {error}; {advice}")
    return None


def _packages() -> list[Need]:
    from packaging.requirements import Requirement

    needs = []
    for line in importlib.metadata.requires("medmnist_keras") or ():
        wanted = Requirement(line)
        extra = line.partition("extra ==")[2].strip(" \"'")
        try:
            version = importlib.metadata.version(wanted.name)
        except importlib.metadata.PackageNotFoundError:
            version = None
        met = version is not None and wanted.specifier.contains(version, prereleases=True)
        package = f"medmnist_keras[{extra}]" if extra else line
        advice = f'{version or "not here"}; pip install "{package}"'
        needs.append(Need(wanted.name, met, str(version) if met else advice, required=not extra))
    return needs


def _disk() -> Need:
    from .sources import keras_home

    folder = keras_home()
    there = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(there).free / 1e9
    met = free >= _ROOM and os.access(there, os.W_OK)
    told = f"{free:,.0f} GB free for downloads"
    advice = f"{folder} needs {_ROOM:.0f} GB and to be writable; set KERAS_HOME to such a folder"
    return Need("disk", met, told if met else advice)


def _pictures() -> list[Need]:
    from .settings import EXTERNAL_VARIABLE
    from .sources import find_source, is_at_hand

    advice = "they are downloaded when a notebook first needs them, or set MEDICAL_MNIST_DIR"
    try:
        here, told = is_at_hand(), str(find_source() or "kept from an earlier run")
    except (FileNotFoundError, ValueError) as error:  # a wrong MEDICAL_MNIST_DIR
        here, advice = False, str(error)
    external = os.environ.get(EXTERNAL_VARIABLE, "")
    return [
        Need(INFO["name"], here, told if here else advice, required=False),
        Need(
            "pictures from elsewhere",
            os.path.isdir(external),
            external if os.path.isdir(external) else f"set {EXTERNAL_VARIABLE} to their folder",
            required=False,
        ),
    ]


def _imagenet() -> Need:
    from .models import imagenet_weights_at_hand

    here = imagenet_weights_at_hand()
    advice = "they are downloaded when chapter 3 first needs them"
    return Need("ImageNet weights", here, "at hand" if here else advice, required=False)


def _gpu() -> Need:
    from .settings import list_gpus

    gpus = list_gpus()
    told = ", ".join(gpus) or f"none; trainings run on {os.cpu_count()} CPU cores"
    return Need("GPU", bool(gpus), told, required=False)
