"""Scores on an external test set, by class and by source.

Such sets are small and gathered from few places, so every share comes with its interval, and
with a table per source where the sources are known.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn import metrics

from .._checks import check_clusters, check_predictions
from ..info import CLASS_NAMES
from .intervals import balanced_accuracy_interval, design_effects, wilson_interval
from .metrics import evaluate


class ExternalReport(NamedTuple):
    """Scores of a model on an external test set; nothing is rounded.

    Attributes:
        scores: dict of plain numbers: those of `evaluate()`, `balanced_accuracy_low` and
            `balanced_accuracy_high`; with a threshold also `rejected`, the share that is none of
            these, `accuracy_accepted`, of the others (`None` when all are rejected), and
            `accepted_and_right`, the share that is answered, and rightly, each class weighing the
            same.
        per_class: table with one row a class and the columns `recall`, `low`, `high` and
            `images`; with a threshold also `rejected` and `accepted_and_right`. Shares of an
            absent class are NaN.
        confusion: table of counts, true classes down, predicted classes across.
        per_source: table like `per_class`, with a row for each class of each source, or `None`.
    """

    scores: dict[str, int | float | None]
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    per_source: pd.DataFrame | None


def external_report(
    labels: ArrayLike,
    probabilities: ArrayLike,
    sources: ArrayLike | None = None,
    *,
    known: ArrayLike | None = None,
    threshold: float | None = None,
    clusters: ArrayLike | None = None,
) -> ExternalReport:
    """Scores a model on an external test set, by class and by source.

    Accuracy and recall have Wilson's interval, balanced accuracy that of
    `balanced_accuracy_interval()`. Where sources or clusters are known they allow for errors that
    come together (`design_effects()`); without them pictures count as independent, which slices
    of one patient are not, and the true doubt is larger. So it is within each source. Recall and
    the confusion matrix count each picture's most probable class, rejected or not.

    Args:
        labels: True classes, integers of shape `(N,)` in `[0, 6)`.
        probabilities: Softmax output, floats of shape `(N, 6)`; each row sums to 1.
        sources: Where each picture comes from, N strings, or `None`.
        known: Probability of each picture to be one of the six kinds, floats `(N,)`, of
            `with_known()`; `None` where the model doesn't say.
        threshold: Float from 0 to 1. Pictures whose `known` lies under it count as rejected;
            `None` for no such count.
        clusters: Groups of pictures that belong together, such as those of `find_groups()`,
            `(N,)`; by default the sources.

    Returns:
        `ExternalReport`.

    Raises:
        ValueError: If the arrays do not fit together, the rows are not probabilities, or there is
            a threshold and no `known`.
    """
    labels, probabilities = check_predictions(labels, probabilities, len(CLASS_NAMES))
    given = np.asarray(known).shape
    if threshold is not None and given != labels.shape:
        raise ValueError(
            "A `threshold` needs `known`, one probability a picture, of a model of `with_known()`. "
            f"Received: shape {given} for {len(labels)} pictures."
        )
    if sources is not None:
        sources = check_clusters(sources, len(labels), "sources")
    if clusters is None:
        clusters = sources
    scores = evaluate(labels, probabilities, clusters)
    predictions = probabilities.argmax(axis=1)
    pictures = pd.DataFrame(
        {
            "class": pd.Categorical.from_codes(labels, CLASS_NAMES),
            "source": "" if sources is None else sources,
            "correct": predictions == labels,
        }
    )
    if threshold is not None:
        pictures["rejected"] = np.asarray(known) < threshold
        accepted = pictures.loc[~pictures["rejected"], "correct"]
        pictures["accepted_and_right"] = pictures["correct"] & ~pictures["rejected"]
        shares = pictures.groupby("class", observed=True)["accepted_and_right"].mean()
        scores["rejected"] = float(pictures["rejected"].mean())
        scores["accuracy_accepted"] = float(accepted.mean()) if len(accepted) else None
        scores["accepted_and_right"] = float(shares.mean())
    effects = pd.Series(1.0, index=CLASS_NAMES)
    if clusters is not None:
        found = design_effects(pictures["correct"], labels, clusters)
        effects[[CLASS_NAMES[label] for label in found.index]] = found.to_numpy()
    per_class = _recall_table(pictures, "class", effects, observed=False)
    present = per_class[per_class["images"] > 0]
    low, high = balanced_accuracy_interval(
        present["recall"] * present["images"], present["images"], effects[present.index]
    )
    scores |= {"balanced_accuracy_low": low, "balanced_accuracy_high": high}
    return ExternalReport(
        scores=scores,
        per_class=per_class,
        confusion=pd.DataFrame(
            metrics.confusion_matrix(labels, predictions, labels=range(len(CLASS_NAMES))),
            index=pd.Index(CLASS_NAMES, name="true"),
            columns=pd.Index(CLASS_NAMES, name="predicted"),
        ),
        per_source=None if sources is None else _recall_table(pictures, ["source", "class"]),
    )


def _recall_table(pictures: pd.DataFrame, by, effects=None, observed=True) -> pd.DataFrame:
    groups = pictures.groupby(by, observed=observed)
    table = groups.agg(recall=("correct", "mean"))
    images, correct = groups.size(), groups["correct"].sum()
    divisors = np.ones(len(images)) if effects is None else effects[images.index]
    bounds = [
        wilson_interval(right / effect, total / effect) if total else (np.nan, np.nan)
        for right, total, effect in zip(correct, images, divisors, strict=True)
    ]
    table["low"], table["high"] = zip(*bounds, strict=True)
    table["images"] = images
    for column in ("rejected", "accepted_and_right"):
        if column in pictures:
            table[column] = groups[column].mean()
    return table
