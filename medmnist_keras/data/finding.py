"""Locates the pictures: a given folder or archive, the cache, Kaggle, or a download."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .. import storage
from .._types import StrPath
from ..info import INFO
from ..storage import cache_dir, reason, temporary_folder
from . import archives
from .phantoms import PHANTOMS

ENVIRONMENT_VARIABLE = "MEDICAL_MNIST_DIR"
EXTERNAL_VARIABLE = "MEDMNIST_KERAS_EXTERNAL_DIR"  # the folder of an external test set
_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_SHOWN = 5
_KAGGLE_NAME = "andrewmvd/medical-mnist"
_MAX_FOLDERS = 10_000  # to look through there, for other data may lie beside


def find_source(source: StrPath | None = None, *, info: Mapping[str, Any] = INFO) -> Path | None:
    """Finds the folder or archive to read, without reading or downloading anything.

    Args:
        source: path, or `None` for the environment variable, then the Keras cache, then what
            lies below `/kaggle/input`.
        info: dict shaped as `INFO`.

    Returns:
        The path of a folder that holds the class folders, or of an archive; `None` when no
        source was named and nothing is at hand.

    Raises:
        FileNotFoundError: when the named place doesn't exist or holds no pictures.
        ValueError: when it is a file that is no archive.
    """
    named = source if source is not None else environment_folder()
    if named is not None:
        return _resolve(Path(named).expanduser(), info)
    for place in (info["archive"], "MedNIST"):
        if (found := cache_dir() / place).exists():
            return _resolve(found, info)
    return _kaggle_input(info)


def download(*, info: Mapping[str, Any] = INFO) -> Path:
    """Downloads the archive into the Keras cache, once, and verifies its sha256.

    Args:
        info: dict shaped as `INFO`; its `url`, `archive` and `sha256` are used.

    Returns:
        Path of the archive. It only appears under that name when it is complete and verified.

    Raises:
        OSError: when there is no network, no disk space, or the cache can't be written.
        ValueError: when what came isn't the expected file.
    """
    import pooch
    import requests

    target = cache_dir() / info["archive"]
    advice = storage.internet_advice()
    if advice:
        advice += f"Or choose Add Input and add {_KAGGLE_NAME}, which needs no internet. Or: "
    by_hand = (
        f"{advice}Download {info['url']} by hand and save it as {target}, or set "
        f"{ENVIRONMENT_VARIABLE} to a folder that holds the archive or its class folders; "
        f'`source="{PHANTOMS}"` gives drawn pictures that need no file.'
    )
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        if target.exists() and pooch.file_hash(target) == info["sha256"]:
            return target
        with temporary_folder(target.parent) as folder:
            # pooch checks the hash before the file gets its name.
            pooch.retrieve(
                info["url"],
                known_hash=f"sha256:{info['sha256']}",
                fname=target.name,
                path=folder,
                downloader=pooch.HTTPDownloader(progressbar=True, timeout=30),
            )
            (folder / target.name).replace(target)
    except ValueError as error:
        raise ValueError(
            f"The download is not the expected archive and was discarded ({error}). "
            f"Try again later. {by_hand}"
        ) from error
    except requests.exceptions.RequestException as error:
        why = f"{type(error).__name__}: {error}"
        raise OSError(f"{info['name']} could not be downloaded ({why}). {by_hand}") from error
    except OSError as error:
        raise OSError(
            f"The archive could not be stored as {target} ({reason(error)}). "
            "Set KERAS_HOME to a folder with 300 MB of free space that you can write to."
        ) from error
    finally:
        logger.setLevel(level)
    return target


def environment_folder() -> str | None:
    return os.environ.get(ENVIRONMENT_VARIABLE) or None


def _kaggle_input(info) -> Path | None:
    """The folder of class folders that a Kaggle notebook has added, at whatever depth it lies."""
    level = [storage.KAGGLE_INPUT]
    seen: set[Path] = set()
    while level and len(seen) < _MAX_FOLDERS:
        below: list[Path] = []
        for folder in level:
            if all((folder / name).is_dir() for name in info["class_names"]):
                return folder
            # What can't be read can't be it, and a link may lead in circles.
            with contextlib.suppress(OSError):
                if (real := folder.resolve()) not in seen:
                    seen.add(real)
                    below += (path for path in folder.iterdir() if path.is_dir())
        level = sorted(below)
    return None


def _is_archive(path: Path) -> bool:
    return path.name.lower().endswith(_ARCHIVE_SUFFIXES)


def _holds_classes(folder: Path, info) -> bool:
    return any((folder / name).is_dir() for name in info["class_names"])


def _resolve(path: Path, info) -> Path:
    classes = ", ".join(info["class_names"])
    expected = (
        f"Expected a folder that holds the class folders {classes} (or one folder above them), "
        f"or an archive of them ({', '.join(_ARCHIVE_SUFFIXES)})."
    )
    if not path.exists():
        raise FileNotFoundError(f"{expected} Received: {path}, which does not exist.")
    if path.is_file():
        if _is_archive(path):
            return path
        raise ValueError(f"{expected} Received: {path}, a file of another kind.")
    below = sorted(entry for entry in path.iterdir() if not archives.is_junk(entry.name))
    if _holds_classes(path, info):
        return path
    folders = [entry for entry in below if entry.is_dir() and _holds_classes(entry, info)]
    if len(folders) > 1:
        raise ValueError(
            f"{expected} Received: {path}, which holds {len(folders)} folders of class folders: "
            f"{', '.join(entry.name for entry in folders[:_SHOWN])}. Pass one of them."
        )
    if folders:
        return folders[0]
    packed = [entry for entry in below if entry.is_file() and _is_archive(entry)]
    if len(packed) == 1:
        return packed[0]
    found = ", ".join(entry.name for entry in (packed or below)[:_SHOWN]) or "nothing"
    what = f"{len(packed)} archives" if packed else "neither"
    raise FileNotFoundError(f"{expected} Received: {path}, which holds {what}: {found}.")
