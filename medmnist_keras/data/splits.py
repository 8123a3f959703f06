"""Random and grouped splits into training, validation and test indices."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from sklearn.model_selection import GroupShuffleSplit, train_test_split
from sklearn.utils import shuffle

from .groups import Groups, find_groups, no_groups
from .images import Images
from .similarity import class_members

SPLITS = ("grouped", "random")
VALIDATION_SHARE = TEST_SHARE = 0.1
_TOLERANCE = 0.01  # of the pictures, by which a grouped share may miss a tenth of the class
_DRAWS = 1000


class Split(NamedTuple):
    """Disjoint indices into the pictures, in shuffled order.

    Attributes:
        train, val, test: int64 arrays.
    """

    train: np.ndarray
    val: np.ndarray
    test: np.ndarray


def split_indices(
    pictures: Images, split: str = "grouped", *, seed: int = 0, clean: bool | None = None
) -> Split:
    """Divides pictures into about 80 % training, 10 % validation and 10 % test, class by class.

    `"grouped"` keeps the slices of one stack, and near duplicates, together on one side (see
    `find_groups()`), on the full data within two points of these shares in each class. Where a
    training picture still has a near duplicate held out, in another stack, it is left out, and a
    validation picture that has one in the test likewise. Groups of more than a tenth of their
    class are never held out. Of X-rays nobody can tell which are of one patient.

    `"random"` shuffles all pictures: the split of published numbers. It puts neighbouring slices
    of one patient on both sides.

    Args:
        pictures: `Images`, what `load_images()` returned.
        split: `"grouped"` or `"random"`.
        seed: int. The same pictures, split and seed give the same indices, for the known copy
            and for phantoms on every machine.
        clean: bool. Whether to leave out blank pictures and all but the first of exact
            duplicates; `None` for yes with `"grouped"` and no with `"random"`.

    Returns:
        `Split`, a named tuple of the arrays `train`, `val` and `test`. What is in none of them
        was left out, and a printed line says how much.

    Raises:
        ValueError: for an unknown split, fewer than ten pictures in a class, or groups so large
            that no tenth can be made of them.

    Example:

    ```python
    pictures = load_images()
    parts = split_indices(pictures, "grouped")
    x_test = pictures.images[parts.test]
    ```
    """
    check_split(split)
    if clean is None:
        clean = split == "grouped"
    needed = clean or split == "grouped"
    groups = find_groups(pictures) if needed else no_groups(len(pictures.labels))
    kept = np.full(len(pictures.labels), True)
    if clean:
        kept = ~(groups.blank | groups.duplicate)
    classes = [members[kept[members]] for members in class_members(pictures)]
    counts = [len(members) for members in classes]
    if len(counts) < 2 or min(counts) < 10:
        raise ValueError(
            "A split of 80/10/10 needs at least two classes of ten pictures each. "
            f"Received: {counts} pictures by class{' once cleaned' if clean else ''}. "
            "Raise `images_per_class`."
        )
    rows = np.flatnonzero(kept)
    if split == "random":
        parts, leaking = _random(rows, pictures.labels[rows], seed), 0
    else:
        parts, leaking = _without_leaks(_grouped(classes, groups, seed), groups)
    if clean or leaking:
        blank = int(groups.blank.sum()) if clean else 0
        print(
            f"Left out of the {split} split: {blank:,} blank pictures, "
            f"{len(kept) - len(rows) - blank:,} exact duplicates, "
            f"{leaking:,} pictures that look like one held out."
        )
    return parts


def check_split(split: str) -> None:
    """Raises a `ValueError` unless `split` names a split that there is."""
    if split not in SPLITS:
        raise ValueError(f"`split` must be one of {sorted(SPLITS)}. Received: split={split!r}")


def _random(rows, labels, seed: int) -> Split:
    held_out = VALIDATION_SHARE + TEST_SHARE
    train, rest = train_test_split(
        np.arange(len(rows)), test_size=held_out, stratify=labels, random_state=seed
    )
    val, test = train_test_split(
        rest, test_size=TEST_SHARE / held_out, stratify=labels[rest], random_state=seed
    )
    return Split(rows[train], rows[val], rows[test])


def _grouped(classes: list[np.ndarray], groups: Groups, seed: int) -> Split:
    parts: list[list[np.ndarray]] = [[], [], []]
    for members in classes:
        rest, test = _draw(members, groups.groups[members], TEST_SHARE * len(members), seed)
        train, val = _draw(rest, groups.groups[rest], VALIDATION_SHARE * len(members), seed)
        for part, some in zip(parts, (train, val, test), strict=True):
            part.append(some)
    return Split(*(shuffle(np.concatenate(part), random_state=seed) for part in parts))


def _draw(members, groups, wanted: float, seed: int):
    """Sets whole groups aside until about `wanted` pictures are: a lot that misses is redrawn.

    A share of the *groups* is what scikit-learn draws, and groups differ in size.
    """
    tolerance = max(_TOLERANCE * len(members), 1)
    sizes = np.sort(np.unique(groups, return_counts=True)[1])[::-1]
    if len(sizes) > 1:
        lots = GroupShuffleSplit(_DRAWS, test_size=wanted / len(members), random_state=seed)
        for rest, aside in lots.split(members, groups=groups):
            if abs(len(aside) - wanted) <= tolerance:
                return members[rest], members[aside]
    raise ValueError(
        f"No tenth of {len(members)} pictures can be made of whole groups: their sizes are "
        f'{sizes[:5].tolist()} … Take more pictures, or `split="random"`.'
    )


def _without_leaks(parts: Split, groups: Groups) -> tuple[Split, int]:
    """Leaves out what has a near duplicate in validation or test data, or validation in test."""
    side = np.full(len(groups.groups), -1)
    for number, part in enumerate(parts):
        side[part] = number
    first, second = groups.near_duplicates.T
    leaking = np.unique(
        np.r_[
            first[(side[first] >= 0) & (side[first] < side[second])],
            second[(side[second] >= 0) & (side[second] < side[first])],
        ]
    )
    return Split(*(part[~np.isin(part, leaking)] for part in parts)), len(leaking)
