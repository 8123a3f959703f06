"""Reads users' own folders, and class-named folders as a labelled data set."""

from __future__ import annotations

import csv
import os
import warnings
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .._types import StrPath
from ..info import CLASS_NAMES
from .dicom import DICOM_SUFFIXES, is_dicom
from .kinds import PICTURE_STARTS
from .reading import try_reading

_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", *DICOM_SUFFIXES)


# What systems and programs leave in folders beside pictures.
_JUNK = {"__macosx", "@eadir", "thumbs.db", "desktop.ini", "dicomdir"}


def find_pictures(paths: Iterable) -> list[Path]:
    """Lists the files to read: those named, and the pictures inside the folders named.

    Args:
        paths: paths of files and folders. A file is listed whatever it is. Of a folder all
            files, at any depth, that are pictures by their suffix or their content; links are
            followed, hidden files and what systems leave there are skipped. What else is left
            out is counted in a warning.

    Returns:
        List of paths, in the order named, the files of each folder sorted.
    """
    found: list[Path] = []
    for path in paths:
        path = Path(path).expanduser()
        found += _pictures_inside(path) if os.path.isdir(path) else [path]
    return found


def _pictures_inside(folder: Path) -> list[Path]:
    pictures: list[Path] = []
    left_out: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    for place, below, files in os.walk(folder, followlinks=True):
        status = os.stat(place)
        if (status.st_dev, status.st_ino) in seen:  # a link that leads in a circle, or back
            below.clear()
            continue
        seen.add((status.st_dev, status.st_ino))
        below[:] = sorted(name for name in below if not _is_junk(name))
        for name in files:
            path = Path(place, name)
            if _is_junk(name):
                continue
            if path.suffix.lower() in _SUFFIXES or _looks_like_picture(path):
                pictures.append(path)
            else:
                left_out[path.suffix.lower() or "without suffix"] += 1
    if left_out:
        kinds = ", ".join(f"{count:,} {kind}" for kind, count in sorted(left_out.items()))
        warnings.warn(
            f"{folder}: left out what is no picture by name or content: {kinds}.", stacklevel=4
        )
    return sorted(pictures)


def _is_junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in _JUNK


def _looks_like_picture(path: Path) -> bool:
    if not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            start = file.read(132)
    except OSError:
        return False
    return start.startswith(PICTURE_STARTS) or is_dicom(start)


SOURCES_FILE = "SOURCES.csv"
_SOURCE_COLUMNS = ("source", "source_repo", "dataset")  # the first of these that is there counts


class Folder(NamedTuple):
    """The pictures of a folder of class-named folders.

    Attributes:
        images: uint8 array `(N, 64, 64, 1)`, grey levels 0-255.
        labels: int64 array `(N,)`, indices into the class names.
        files: list of N names such as `"Hand/left.png"`.
        sources: string array `(N,)` of where each comes from, `"unknown"` where that is unknown;
            `None` without a `SOURCES.csv`.
        problems: list of `(file, why)`, the pictures that couldn't be read.
    """

    images: np.ndarray
    labels: np.ndarray
    files: list[str]
    sources: np.ndarray | None
    problems: list[tuple[str, str]]


def load_folder(
    folder: StrPath, *, class_names: Sequence[str] = CLASS_NAMES, pad: bool = True
) -> Folder:
    """Reads any folder of class-named folders, with pictures of any size and kind.

    Args:
        folder: path. Its folders bear the names of classes, of which some may be missing; what
            they hold at any depth is read as `predict()` reads it. A `SOURCES.csv` beside them
            may tell, in its columns `file` and `source` (or `source_repo`, or `dataset`),
            where each file comes from.
        class_names: sequence of str, in label order.
        pad: bool, as in `read_image()`.

    Returns:
        `Folder`, sorted by class and file name. A class without pictures gives a warning.

    Raises:
        FileNotFoundError: when the folder isn't there.
        ValueError: when it holds a folder that isn't a class, or nothing that can be read, or
            a `SOURCES.csv` of another form.

    Example:

    ```python
    data = load_folder("pictures-of-our-hospital")
    report = external_report(data.labels, model.predict(data.images), data.sources)
    ```
    """
    folder = Path(folder).expanduser()
    _check_folders(folder, class_names)
    images: list = []
    labels, files, problems = [], [], []
    for label, name in enumerate(class_names):
        for path in find_pictures([folder / name] if (folder / name).is_dir() else []):
            file = path.relative_to(folder).as_posix()
            reading = try_reading(path, pad=pad)
            if reading.problem:
                problems.append((file, reading.problem))
            else:
                images.append(reading.image)
                labels.append(label)
                files.append(file)
    if not images:
        raise ValueError(
            f"{folder} holds no picture that can be read. Expected pictures in the folders "
            f"{', '.join(class_names)}. Received: {len(problems)} unreadable ones."
        )
    absent = [name for label, name in enumerate(class_names) if label not in labels]
    if absent:
        warnings.warn(
            f"{folder} holds no pictures of {', '.join(absent)}: scores are over the other "
            "classes, and don't compare with those over all.",
            stacklevel=2,
        )
    return Folder(
        images=np.stack(images),
        labels=np.array(labels, dtype="int64"),
        files=files,
        sources=_read_sources(folder / SOURCES_FILE, files),
        problems=problems,
    )


def external_credit(sources: Sequence[str] | np.ndarray | None) -> str:
    """A line of credit to stand under a figure that shows or scores external pictures.

    Args:
        sources: sequence of str, where each picture comes from, as `Folder.sources`; `None`
            where that isn't known.

    Returns:
        str, such as `"External pictures from 11 sources, credited in SOURCES.csv"`.

    Example:

    ```python
    plots.caption(ax, external_credit(data.sources))
    ```
    """
    count = 0 if sources is None else len(set(sources) - {"unknown"})
    if not count:
        return "External pictures, of sources that are not listed"
    named = "1 source" if count == 1 else f"{count} sources"
    return f"External pictures from {named}, credited in SOURCES.csv"


def _check_folders(folder: Path, class_names) -> None:
    expected = f"Expected a folder that holds the folders {', '.join(class_names)}."
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist. {expected} Check the path.")
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder. {expected}")
    below = sorted(path.name for path in folder.iterdir() if path.is_dir())
    unknown = [name for name in below if name not in class_names and not name.startswith(".")]
    if unknown:
        raise ValueError(
            f"{folder} holds folders that are no class: {', '.join(unknown)}. {expected} "
            "Rename them, or move them elsewhere."
        )


def _read_sources(path: Path, files: list[str]) -> np.ndarray | None:
    if not path.exists():
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # -sig: Excel's first bytes
            table = csv.DictReader(file)
            rows, columns = list(table), list(table.fieldnames or [])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path} can't be read ({error}). Expected a table in UTF-8, parted by commas. "
            "Save it so, or move it elsewhere."
        ) from error
    column = next((name for name in _SOURCE_COLUMNS if name in columns), None)
    if column is None or "file" not in columns:
        raise ValueError(
            f"{path} must have the column file and one of {', '.join(_SOURCE_COLUMNS)}. "
            f"Received: {', '.join(map(str, columns)) or 'nothing'}. Mend it or move it elsewhere."
        )
    by_file = {(row["file"] or "").replace("\\", "/"): row[column] for row in rows}
    return np.array([by_file.get(file) or "unknown" for file in files])
