"""Which pictures belong together and must not be parted by a split."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from .audit import (
    class_members,
    connected,
    find_blank,
    find_originals,
    near_duplicates,
    neighbours,
)
from .sources import PHANTOMS, Images

INDEX_FILE = Path(__file__).with_name("groups.npz")

_NEIGHBOURS = 5
_REACH = 100  # file numbers: how far a link of a run may span
_MORE_THAN_CHANCE = 5
_SHARED = 0.1  # of a run, with near duplicates in another, makes the two one group


class Groups(NamedTuple):
    """Which pictures belong together, and which tell nothing new.

    Attributes:
        groups: int64 array `(N,)`. Pictures of one number belong on one side of a split.
        twins: int64 array `(M, 2)` of indices: near duplicates of different groups, which look
            alike without being of one patient, such as two empty head rests.
        blank: bool array `(N,)`. These show nothing.
        duplicate: bool array `(N,)`. These have the same pixels as a picture before them.
    """

    groups: np.ndarray
    twins: np.ndarray
    blank: np.ndarray
    duplicate: np.ndarray


def find_groups(pictures: Images) -> Groups:
    """Finds what a split must keep together, and what it may leave out.

    For the known copy of the data set the answer ships with the package, so that every machine
    divides it alike; for any other it is computed by `compute_groups()`. Phantoms are drawn one
    by one and belong to nobody.

    Args:
        pictures: `Images`.

    Returns:
        `Groups`.
    """
    count = len(pictures.labels)
    if pictures.fingerprint == PHANTOMS:
        none = np.zeros(count, dtype=bool)
        return Groups(np.arange(count), np.empty((0, 2), dtype="int64"), none, none)
    with np.load(INDEX_FILE, allow_pickle=False) as index:
        if str(index["fingerprint"]) != pictures.fingerprint:
            return compute_groups(pictures)
        place = np.full(len(index["groups"]), -1)
        place[pictures.positions] = np.arange(count)
        twins = place[index["twins"]]
        return Groups(
            groups=index["groups"][pictures.positions].astype("int64"),
            twins=twins[(twins >= 0).all(axis=1)],  # of a part of the pictures, both are there
            blank=np.isin(pictures.positions, index["blank"]),
            duplicate=np.isin(pictures.positions, index["duplicate"]),
        )


def compute_groups(pictures: Images) -> Groups:
    """Computes what `find_groups()` returns, from the pictures alone.

    In some classes the files lie stack by stack, the slices of one stack in any order. A *run* is
    a stretch of files that links between near files hold together; a link joins two pictures of
    which each is among the other's five nearest (mutual nearest neighbours, Gowda and Krishna
    1978, https://doi.org/10.1016/0031-3203(78)90018-3). Where such links span no less than chance
    would have it, as among single pictures like chest X-rays, there are no runs. Two runs, or
    single pictures, are one group when a tenth of either has a near duplicate in the other.

    Args:
        pictures: `Images`.

    Returns:
        `Groups`.
    """
    runs, count = np.zeros(len(pictures.labels), dtype="int64"), 0
    for members in class_members(pictures):
        runs[members] = count + _runs(pictures, members)
        count = runs[members].max() + 1
    pairs = near_duplicates(pictures)
    groups = connected(_akin(runs, pairs), count)[runs]
    apart = groups[pairs[:, 0]] != groups[pairs[:, 1]]
    originals = find_originals(pictures.images)
    return Groups(
        groups=groups,
        twins=pairs[apart],
        blank=find_blank(pictures.images),
        duplicate=originals != np.arange(len(originals)),
    )


def write_index(pictures: Images) -> Path:
    """Computes the groups of the known copy and writes the index that ships with the package."""
    groups = compute_groups(pictures)
    temporary = INDEX_FILE.with_name(f"writing-{INDEX_FILE.name}")
    np.savez_compressed(
        temporary,
        fingerprint=pictures.fingerprint,
        groups=groups.groups.astype("int32"),
        twins=groups.twins.astype("int32"),
        blank=np.flatnonzero(groups.blank).astype("int32"),
        duplicate=np.flatnonzero(groups.duplicate).astype("int32"),
    )
    return temporary.replace(INDEX_FILE)


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


def _akin(runs: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Pairs of runs that share enough near duplicates to be of one patient."""
    # Once in each direction: a picture of one run, and the other run it has a near duplicate in.
    picture, run = np.r_[pairs[:, 0], pairs[:, 1]], np.r_[runs[pairs[:, 1]], runs[pairs[:, 0]]]
    found = np.unique(np.stack([picture, run], axis=1), axis=0)
    between, count = np.unique(
        np.stack([runs[found[:, 0]], found[:, 1]], axis=1), axis=0, return_counts=True
    )
    return between[count >= _SHARED * np.bincount(runs)[between[:, 0]]]
