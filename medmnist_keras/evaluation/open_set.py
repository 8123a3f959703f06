"""Open-set recognition: calibrates `known`, measures rejection, risk and coverage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from .._keras import keras
from ..models.known import rate, view_logits, with_known
from .ood_scores import energy


class Known(NamedTuple):
    """A classifier that says what it knows, and how it was calibrated.

    Attributes:
        model: `keras.Model` with the two outputs of `with_known()`.
        scale, offset: floats, as `with_known()` takes them.
    """

    model: keras.Model
    scale: float
    offset: float


def fit_known(model: keras.Model, rendered: np.ndarray, outliers: np.ndarray) -> Known:
    """Calibrates the probability of being known.

    A logistic function of the energy (Platt 1999) tells pictures as other sources might have
    shown them from outliers, each side weighing the same. So a probability of one half,
    `KNOWN_THRESHOLD`, is where either is as likely: below it the answer is "none of these".

    Args:
        model: `keras.Model` with a dense layer named `"logits"`, such as `baseline_cnn()`.
        rendered: uint8 `(N, 64, 64, 1)`, validation pictures as `render_shift()` shows them.
            Those as they are would be known far too well, and say nothing of external ones.
        outliers: uint8 `(M, 64, 64, 1)`, pictures of none of the kinds that training didn't see
            (`render_outliers()` of validation pictures).

    Returns:
        `Known`.

    Raises:
        ValueError: when a side is empty, or the energy doesn't tell one side from the other.
    """
    if not len(rendered) or not len(outliers):
        raise ValueError(
            "Both sides need pictures. "
            f"Received: {len(rendered)} known and {len(outliers)} outliers."
        )
    averaged = view_logits(model)
    known, outside = (
        energy(averaged.predict(each, batch_size=256, verbose=0)) for each in (rendered, outliers)
    )
    truth = np.repeat([1, 0], [len(known), len(outside)])
    energies = np.concatenate([known, outside])[:, np.newaxis]
    fitted = LogisticRegression(C=1e6, class_weight="balanced").fit(energies, truth)
    scale, offset = float(fitted.coef_[0, 0]), float(fitted.intercept_[0])
    if scale <= 0:
        raise ValueError(
            "Outliers have more energy than known pictures, so that no threshold tells them "
            "apart. Train with `augment_robust()`, or pass outliers that are none of the kinds."
        )
    return Known(with_known(model, scale=scale, offset=offset), scale, offset)


def open_set_table(
    model: keras.Model,
    known: ArrayLike,
    ood_sets: Mapping[str, np.ndarray],
    threshold: float,
) -> pd.DataFrame:
    """Measures how well a model tells pictures of its six classes from out-of-distribution ones.

    Args:
        model: `keras.Model` with the two outputs of `with_known()`.
        known: uint8 `(N, 64, 64, 1)`, pictures of the six kinds that it never saw.
        ood_sets: dict of a set's name to uint8 `(M, 64, 64, 1)`, such as `load_ood_sets()`.
        threshold: float, such as `KNOWN_THRESHOLD`.

    Returns:
        A table with one row a set and the columns `auroc` (area under the ROC curve of the
        probability of being known; 0.5 is chance), `rejected` (share) and `images`.

    Raises:
        ValueError: when the model doesn't say what it knows.
    """
    inside = known_probability(model, known)
    rows = {}
    for name, images in ood_sets.items():
        scores = known_probability(model, images)
        truth = np.repeat([1, 0], [len(inside), len(scores)])
        rows[name] = {
            "auroc": float(metrics.roc_auc_score(truth, np.concatenate([inside, scores]))),
            "rejected": float((scores < threshold).mean()),
            "images": len(scores),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("out-of-distribution set")


def known_probability(model: keras.Model, images: ArrayLike) -> np.ndarray:
    """The probability that each picture is one of the model's kinds.

    Args:
        model: `keras.Model` with the two outputs of `with_known()`.
        images: uint8 `(N, 64, 64, 1)`.

    Returns:
        floats `(N,)` in `[0, 1]`.

    Raises:
        ValueError: when the model doesn't say what it knows.
    """
    known = rate(model, images)[1]
    if known is None:
        raise ValueError(
            "The model must have the two outputs of `with_known()`. "
            f"Received: {model.name}, which gives probabilities alone; wrap it by `fit_known()`."
        )
    return known.reshape(-1)


def risk_coverage(correct: ArrayLike, scores: ArrayLike) -> pd.DataFrame:
    """The price of answering more: which share is answered, and which share is answered wrongly.

    Pictures are answered in the order of their score, the highest first.

    Args:
        correct: bools `(N,)`, whether the answer would be right; `False` for what has no right
            answer, such as out-of-distribution pictures.
        scores: floats `(N,)`, higher for what is to be answered first.

    Returns:
        A table with one row for each of the pictures, in that order, and the columns `coverage`
        (share answered), `risk` (share of those answered that are wrong) and `generalized_risk`
        (share of all pictures that is answered wrongly).

    Raises:
        ValueError: when the arrays don't fit together or are empty.
    """
    correct, scores = np.asarray(correct, bool), np.asarray(scores, float)
    if correct.shape != scores.shape or correct.ndim != 1 or not len(correct):
        raise ValueError(
            "`correct` and `scores` must be of one length, one number a picture. "
            f"Received: shapes {correct.shape} and {scores.shape}"
        )
    wrong = np.cumsum(~correct[np.argsort(-scores, kind="stable")])
    answered = np.arange(1, len(correct) + 1)
    return pd.DataFrame(
        {
            "coverage": answered / len(correct),
            "risk": wrong / answered,
            "generalized_risk": wrong / len(correct),
        }
    )


def augrc(correct: ArrayLike, scores: ArrayLike) -> float:
    """Area under the generalized risk coverage curve: the mean risk of an undetected failure.

    Traub et al. 2024, https://arxiv.org/abs/2407.01032.

    Args:
        correct, scores: as `risk_coverage()` takes them.

    Returns:
        A float from 0 to 1; lower is better.

    Raises:
        ValueError: as `risk_coverage()`.
    """
    curve = risk_coverage(correct, scores)
    return float(metrics.auc([0, *curve["coverage"]], [0, *curve["generalized_risk"]]))


def conformal_sets(
    labels: ArrayLike, calibration: ArrayLike, probabilities: ArrayLike, coverage: float = 0.95
) -> np.ndarray:
    """Sets of classes that hold the true one with a promised probability, if nothing shifts.

    Split conformal prediction (Angelopoulos and Bates 2021, https://arxiv.org/abs/2107.07511):
    every class whose probability is no less than what the true classes of validation pictures
    mostly have; all classes, where validation pictures are too few to promise less. The promise
    holds for pictures of the same kind alone.

    Args:
        labels: int `(N,)`, true classes of the validation pictures.
        calibration: floats `(N, classes)`, probabilities for them.
        probabilities: floats `(M, classes)`, of the pictures in question.
        coverage: float between 0 and 1, the promise.

    Returns:
        bools `(M, classes)`: which classes are in each set.

    Raises:
        ValueError: when `coverage` is out of range.
    """
    if not 0 < coverage < 1:
        raise ValueError(f"`coverage` must lie between 0 and 1. Received: coverage={coverage!r}")
    labels, calibration = np.asarray(labels), np.asarray(calibration)
    true = 1 - calibration[np.arange(len(labels)), labels]
    rank = int(np.ceil((len(labels) + 1) * coverage))
    if rank > len(labels):  # too few validation pictures for the promise
        return np.ones(np.shape(probabilities), bool)
    return 1 - np.asarray(probabilities) <= np.sort(true)[rank - 1]
