"""Finds groups (slices of a stack, near duplicates) that a split must keep together."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any, NamedTuple, cast

import numpy as np
import pandas as pd

from ..info import INFO
from ..storage import decoded_dir, replacing
from .cache import cached_images
from .images import Images
from .phantoms import PHANTOMS
from .similarity import (
    class_members,
    connected,
    find_blank,
    find_near_duplicates,
    find_originals,
    neighbours,
)

INDEX_FILE = Path(__file__).with_name("groups.npz")
_NEIGHBOURS = 5
_REACH = 100  # file numbers: how far a link of a run may span
_MORE_THAN_CHANCE = 5
_VERSION = 1  # of what is computed here: an index of another one is made anew
_FIELDS = ("version", "fingerprint", "groups", "twins", "blank", "back")
_SHARED = 0.1  # of a run, with near duplicates in another, makes the two one group


class Groups(NamedTuple):
    """Which pictures belong together, and which tell nothing new.

    Attributes:
        groups: int64 array `(N,)`. Pictures of one number belong on one side of a split.
        near_duplicates: int64 array `(M, 2)` of indices: those of different groups, pictures that
            look alike by chance, such as two empty head rests.
        blank: bool array `(N,)`. These show nothing.
        duplicate: bool array `(N,)`. These have the same pixels as a picture before them.
    """

    groups: np.ndarray
    near_duplicates: np.ndarray
    blank: np.ndarray
    duplicate: np.ndarray


def find_groups(pictures: Images) -> Groups:
    """Finds what a split must keep together, and what it may leave out.

    For the known copy of the data set the answer ships with the package, so that every machine
    divides it alike. For any other `compute_groups()` finds it in all of that copy's pictures,
    once, and it is kept in the Keras cache. Phantoms are drawn one by one and belong to nobody.

    Args:
        pictures: `Images`, all of a source or a part.

    Returns:
        `Groups`.

    Example:

    ```python
    groups = find_groups(load_images())
    groups.groups.max() + 1  # how many there are
    ```
    """
    count = len(pictures.labels)
    if pictures.fingerprint == PHANTOMS:
        return no_groups(count)
    if pictures.fingerprint == INFO["fingerprint"]:
        index = _read_index(INDEX_FILE, pictures.fingerprint)
    else:
        file = decoded_dir() / pictures.fingerprint / INDEX_FILE.name
        index = _read_index(file, pictures.fingerprint)
        if index is None:
            whole = cached_images(pictures.fingerprint)
            if whole is None:  # nothing can be kept here
                return compute_groups(pictures)
            index = index_of(whole)
            with contextlib.suppress(OSError):  # computed again next time
                write_index(index, file)
    if index is None:
        raise ValueError(
            f"{INDEX_FILE} is damaged, or of another version of this package. Install the package "
            "again: pip install --force-reinstall --no-deps medmnist_keras"
        )
    place = np.full(len(index["groups"]), -1)
    place[pictures.positions] = np.arange(count)
    pairs = place[index["twins"]]
    return Groups(
        groups=index["groups"][pictures.positions].astype("int64"),
        near_duplicates=pairs[
            (pairs >= 0).all(axis=1)
        ],  # of a part of the pictures, both are there
        blank=np.isin(pictures.positions, index["blank"]),
        duplicate=_repeated(pictures.positions - index["back"][pictures.positions]),
    )


def _read_index(file: Path, fingerprint: str) -> dict[str, np.ndarray] | None:
    """What an index file holds; `None` if it is absent, damaged, or of other pictures or times."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            index = {name: stored[name] for name in _FIELDS}
        made = int(index["version"]), str(index["fingerprint"])
    except Exception:  # over a damaged file NumPy and zipfile raise anything
        return None
    return index if made == (_VERSION, fingerprint) else None


def no_groups(count: int) -> Groups:
    """`Groups` of pictures of which none belongs to another, is blank or a duplicate."""
    none = np.zeros(count, dtype=bool)
    return Groups(np.arange(count), np.empty((0, 2), dtype="int64"), none, none)


def compute_groups(pictures: Images) -> Groups:
    """Computes what `find_groups()` returns, from the pictures alone.

    In some classes the files lie stack by stack, the slices of one stack in any order. A *run* is
    a stretch of files that links between near files hold together; a link joins two pictures of
    which each is among the other's five nearest (mutual nearest neighbours, Gowda and Krishna
    1978, https://doi.org/10.1016/0031-3203(78)90018-3) and which are at most 100 file numbers
    apart. What no link holds goes with the run before it. Two runs, or single pictures, are one
    group when a tenth of either has a near duplicate in the other.

    A class has runs only if at least five times as many links are near as chance would have it:
    single pictures like X-rays have none. Nor has a class that spans fewer than 1,000 file
    numbers, where chance cannot be excluded: there, near duplicates alone make groups.

    Args:
        pictures: `Images`.

    Returns:
        `Groups`.
    """
    runs, count = np.zeros(len(pictures.labels), dtype="int64"), 0
    for members in class_members(pictures):
        runs[members] = count + _runs(pictures, members)
        count = runs[members].max() + 1
    pairs = find_near_duplicates(pictures)
    groups = connected(_share_near_duplicates(runs, pairs), count)[runs]
    apart = groups[pairs[:, 0]] != groups[pairs[:, 1]]
    return Groups(
        groups=groups,
        near_duplicates=pairs[apart],
        blank=find_blank(pictures.images),
        duplicate=_repeated(find_originals(pictures.images)),
    )


def index_of(pictures: Images) -> dict[str, np.ndarray]:
    groups = compute_groups(pictures)
    return {
        "version": np.array(_VERSION),
        "fingerprint": np.array(pictures.fingerprint),
        "groups": groups.groups.astype("int32"),
        "twins": groups.near_duplicates.astype("int32"),
        "blank": np.flatnonzero(groups.blank).astype("int32"),
        # As distances, which are mostly zero, they take hardly any room.
        "back": (pictures.positions - find_originals(pictures.images)).astype("int32"),
    }


def write_index(index: dict[str, np.ndarray], file: Path) -> None:
    with replacing(file) as (draft,):
        np.savez_compressed(draft, **cast(dict[str, Any], index))


def _repeated(originals: np.ndarray) -> np.ndarray:
    """Which pictures have the same original as one before them."""
    return pd.Series(originals).duplicated().to_numpy()


def _runs(pictures: Images, members: np.ndarray) -> np.ndarray:
    """Numbers the runs of one class from 0, in the order of its files."""
    count, numbers = len(members), pictures.positions[members]
    if count <= _NEIGHBOURS:
        return np.arange(count)
    near = neighbours(pictures.images[members], _NEIGHBOURS)
    rows = np.repeat(np.arange(count), near.shape[1])
    one, other = rows, near.ravel()
    mutual = np.isin(one * count + other, other * count + one) & (one < other)
    one, other = one[mutual], other[mutual]
    close = numbers[other] - numbers[one] <= _REACH
    by_chance = 2 * _REACH / (numbers[-1] - numbers[0] + 1)
    if not close.any() or close.mean() < _MORE_THAN_CHANCE * by_chance:
        return np.arange(count)
    reach = np.arange(count)
    np.maximum.at(reach, one[close], other[close])
    starts = np.r_[True, np.maximum.accumulate(reach)[:-1] < np.arange(1, count)]
    # A lone picture between two runs is an odd slice of one of them: it goes with the former.
    runs = np.cumsum(starts) - 1
    starts[1:] &= np.bincount(runs)[runs][1:] > 1
    return np.cumsum(starts) - 1


def _share_near_duplicates(runs: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Pairs of runs that share enough near duplicates to be of one patient."""
    # Once in each direction: a picture of one run, and the other run it has a near duplicate in.
    picture, run = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[runs[pairs[:, 1]], runs[pairs[:, 0]]]
    found = np.unique(np.stack([picture, run], axis=1), axis=0)
    between, count = np.unique(
        np.stack([runs[found[:, 0]], found[:, 1]], axis=1), axis=0, return_counts=True
    )
    return between[count >= _SHARED * np.bincount(runs)[between[:, 0]]]
