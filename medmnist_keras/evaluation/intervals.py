"""Confidence intervals of proportions, for independent and for clustered pictures."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats


def wilson_interval(
    successes: float, total: float, confidence: float = 0.95
) -> tuple[float, float]:
    """Returns the Wilson score interval of a share such as the accuracy.

    Unlike the textbook `p ± 1.96 s`, it stays within [0, 1] and keeps a width at 100 % correct,
    where good classifiers of Medical MNIST end up (Wilson 1927,
    https://doi.org/10.1080/01621459.1927.10502953).

    Args:
        successes: How often it went right, from 0 to `total`. Effective counts, which
            `design_effects()` makes smaller, may have fractions.
        total: How often it was tried, above 0.
        confidence: Coverage between 0 and 1, both excluded.

    Returns:
        `(low, high)`, two floats in `[0, 1]`.

    Raises:
        ValueError: If the counts or the confidence are out of range.
    """
    if not total > 0 or not 0 <= successes <= total:
        raise ValueError(
            "`successes` must lie between 0 and `total`, and `total` must be above 0. "
            f"Received: successes={successes}, total={total}. Pass counts, not shares."
        )
    if not 0 < confidence < 1:
        raise ValueError(
            "`confidence` must lie between 0 and 1. "
            f"Received: confidence={confidence}. Pass 0.95 for a 95 % interval."
        )
    z = float(stats.norm.ppf((1 + confidence) / 2))
    failures, weight = total - successes, total + z**2
    middle = (successes + z**2 / 2) / weight
    half = z / weight * np.sqrt(successes * failures / total + z**2 / 4)
    low = 0.0 if successes == 0 else float(middle - half)
    return low, 1.0 if failures == 0 else float(middle + half)


def balanced_accuracy_interval(
    correct: ArrayLike, images: ArrayLike, effects: ArrayLike = 1.0
) -> tuple[float, float]:
    """Returns the 95 % interval of balanced accuracy.

    The exact limits of each class's recall (Clopper and Pearson 1934), squared and added (MOVER,
    Zou and Donner 2008, https://doi.org/10.1002/sim.3095). A bootstrap has no width where no
    class has an error, and covers far less than it says.

    Args:
        correct: int `(classes,)`, how many pictures of each class were predicted rightly.
        images: int `(classes,)`, how many there are, each at least 1.
        effects: float `(classes,)`, as of `design_effects()`; 1 for independent pictures.

    Returns:
        `(low, high)`, two floats in `[0, 1]`.
    """
    total = np.asarray(images) / effects
    right = np.asarray(correct) / effects
    recall = right / total
    with np.errstate(invalid="ignore"):  # the beta distributions of no failures or successes
        low = np.where(right > 0, stats.beta.ppf(0.025, right, total - right + 1), 0)
        high = np.where(right < total, stats.beta.ppf(0.975, right + 1, total - right), 1)
    below, above = (np.sqrt(((limit - recall) ** 2).sum()) / len(recall) for limit in (low, high))
    return float(recall.mean() - below), float(recall.mean() + above)


def design_effects(correct: ArrayLike, labels: ArrayLike, clusters: ArrayLike) -> pd.Series:
    """Estimates how many pictures of a cluster tell as much as one independent picture.

    Slices of one patient, or pictures of one source, are right or wrong together, so that an
    interval that takes them for independent is too narrow. Counts divided by the design effect can
    be treated as independent ones (Rao and Scott 1992, https://doi.org/10.2307/2532311). That of a
    class is `1 + (m - 1) correlation`, m being its mean cluster size, weighted by size.

    The correlation within clusters is estimated over all classes by analysis of variance (Donner
    and Klar 2000; Ridout et al. 1999, https://doi.org/10.1111/j.0006-341x.1999.00137.x). Clusters
    of one picture and classes without an error tell nothing of it, and are left out: else a
    thousand X-rays that are all right would hide that stacks of CT are wrong together. As few
    clusters tell the correlation badly, Student's quantile widens it (Korn and Graubard 1998).

    Args:
        correct: bool `(N,)`, whether each picture was predicted rightly.
        labels: int `(N,)`, true classes.
        clusters: `(N,)` of integers or strings, the group or source of each picture.

    Returns:
        Series of floats of at least 1, indexed by the classes that there are. All are 1 where
        errors don't cluster, or where nothing can be estimated: no class with an error has two
        clusters of several pictures.
    """
    pictures = pd.DataFrame(
        {"label": np.asarray(labels), "cluster": np.asarray(clusters), "correct": correct}
    )
    cells = pictures.groupby(["label", "cluster"])["correct"].agg(["size", "sum"])

    def by_class(values):
        return values.groupby(level="label").sum()

    images = by_class(cells["size"])
    recall = by_class(cells["sum"]) / images
    sizes = by_class(cells["size"] ** 2) / images
    independent = pd.Series(1.0, index=images.index)
    with_errors = recall.index[recall.between(0, 1, inclusive="neither")]
    cells = cells[(cells["size"] > 1) & cells.index.isin(with_errors, level="label")]
    size, share = cells["size"], cells["sum"] / cells["size"]
    freedom = len(cells) - cells.index.get_level_values("label").nunique()
    if freedom < 1:
        return independent
    expected = recall.reindex(cells.index, level="label")
    between = (size * (share - expected) ** 2).sum() / freedom
    within = (size * share * (1 - share)).sum() / (size.sum() - len(cells))
    if between <= within:
        return independent
    typical = (size.sum() - (by_class(size**2) / by_class(size)).sum()) / freedom
    correlation = (between - within) / (between + (typical - 1) * within)
    few = stats.t.ppf(0.975, freedom) / stats.norm.ppf(0.975)
    return (1 + (sizes - 1) * correlation) * few**2
