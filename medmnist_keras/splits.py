"""Which pictures train, which validate, which test: indices only."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import train_test_split

VALIDATION_SHARE = TEST_SHARE = 0.1


class Split(NamedTuple):
    """Disjoint int64 indices that together name every picture once, in shuffled order."""

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


def split_indices(labels, split="random", *, seed=0) -> Split:
    """Divides pictures into 80 % training, 10 % validation and 10 % test.

    Args:
        labels: int array `(N,)` of class indices, in the order of the sorted listing.
        split: `"random"`, stratified by class: the split of published numbers. It puts
            neighbouring slices of one patient on both sides.
        seed: int. The same labels, split and seed give the same indices on every machine.

    Returns:
        `Split`, a named tuple of the arrays `train`, `val` and `test`.

    Raises:
        ValueError: for an unknown split, or a class with fewer than ten pictures.
    """
    check_split(split)
    labels = np.asarray(labels)
    _, counts = np.unique(labels, return_counts=True)
    if labels.ndim != 1 or counts.size < 2 or counts.min() < 10:
        raise ValueError(
            "A stratified 80/10/10 split needs a flat array of labels with at least two classes "
            f"of ten pictures each. Received: shape {labels.shape}, counts {counts.tolist()}"
        )
    return _SPLITS[split](labels, seed)


def check_split(split) -> None:
    """Raises a `ValueError` unless `split` names a split that there is."""
    if split not in _SPLITS:
        raise ValueError(f"`split` must be one of {sorted(_SPLITS)}. Received: split={split!r}")


def _random(labels: np.ndarray, seed: int) -> Split:
    everything = np.arange(len(labels))
    held_out = VALIDATION_SHARE + TEST_SHARE
    train, rest = train_test_split(
        everything, test_size=held_out, stratify=labels, random_state=seed
    )
    val, test = train_test_split(
        rest, test_size=TEST_SHARE / held_out, stratify=labels[rest], random_state=seed
    )
    return Split(train, val, test)


_SPLITS = {"random": _random}
