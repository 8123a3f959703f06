"""Metrics from labels and predictions: class report, McNemar's test, confident errors.

Everything here takes integer labels and softmax probabilities as NumPy arrays, so it works for
any model of any library. The metrics are those of scikit-learn and SciPy; this module chooses,
checks and names them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from sklearn import metrics

from .._checks import check_classes, check_clusters, check_predictions
from .calibration import expected_calibration_error
from .intervals import design_effects, wilson_interval


class McNemarResult(NamedTuple):
    """Images that only one of two classifiers gets right, and the two-sided p-value."""

    only_a_correct: int
    only_b_correct: int
    p_value: float


def evaluate(
    labels: ArrayLike, probabilities: ArrayLike, clusters: ArrayLike | None = None
) -> dict[str, int | float | None]:
    """Computes the headline metrics of a classifier.

    Args:
        labels: True classes, integers of shape `(N,)` in `[0, classes)`.
        probabilities: Softmax output, floats of shape `(N, classes)`; each row sums to 1.
        clusters: The group or source of each picture, `(N,)`, for an interval that allows for
            errors that come together (see `design_effects()`); `None` takes pictures for
            independent.

    Returns:
        A dictionary of plain Python numbers, ready for `json.dump`: `images`, `errors`,
        `accuracy` with its 95 % Wilson interval `accuracy_low` and `accuracy_high`,
        `balanced_accuracy` (mean recall of the classes present), `macro_f1` (over the classes
        present or predicted), `roc_auc` (macro one-vs-rest; `None` when a class is absent) and
        `expected_calibration_error` (10 bins).

    Raises:
        ValueError: If the arrays do not fit together or the rows are not probabilities.

    Example:
    >>> evaluate(y_test, model.predict(x_test))["accuracy"]
    """
    labels, probabilities = check_predictions(labels, probabilities)
    predictions = probabilities.argmax(axis=1)
    images = len(labels)
    correct = int(np.sum(predictions == labels))
    effect = 1.0
    if clusters is not None:
        effects = design_effects(predictions == labels, labels, check_clusters(clusters, images))
        effect = float(np.average(effects, weights=np.unique(labels, return_counts=True)[1]))
    low, high = wilson_interval(correct / effect, images / effect)
    # Mean recall of the classes present is scikit-learn's balanced accuracy, which would warn
    # about every class that is predicted but absent.
    present = np.unique(labels)
    recall = metrics.recall_score(labels, predictions, labels=present, average="macro")
    # A mean over fewer classes would not compare with one over all: NaN becomes None.
    roc_auc = float(np.mean(_one_vs_rest_auc(labels, probabilities)))
    return {
        "images": images,
        "errors": images - correct,
        "accuracy": correct / images,
        "accuracy_low": low,
        "accuracy_high": high,
        "balanced_accuracy": float(recall),
        "macro_f1": float(metrics.f1_score(labels, predictions, average="macro")),
        "roc_auc": None if np.isnan(roc_auc) else roc_auc,
        "expected_calibration_error": expected_calibration_error(labels, probabilities),
    }


def class_report(
    labels: ArrayLike, probabilities: ArrayLike, class_names: Sequence[str]
) -> pd.DataFrame:
    """Computes the metrics of each class against all others.

    Nothing is rounded here: call `.round(4)` on the table to show it.

    Args:
        labels: True classes, integers of shape `(N,)`.
        probabilities: Softmax output, floats of shape `(N, classes)`.
        class_names: One name per column of `probabilities`, in label order.

    Returns:
        A table with one row per class and the columns `precision`, `recall`, `f1`, `roc_auc` and
        `images` (how many images truly belong to the class). What is undefined, such as the
        recall of an absent class, is NaN.

    Raises:
        ValueError: If the arrays do not fit together or to the names.

    Example:
    >>> class_report(y_test, probabilities, CLASS_NAMES).round(4)
    """
    labels, probabilities = check_predictions(labels, probabilities)
    classes = probabilities.shape[1]
    if len(class_names) != classes:
        raise ValueError(
            "`class_names` must hold one name per column of `probabilities`. "
            f"Received: {len(class_names)} names for {classes} columns. "
            "Pass the names of the classes the model was trained on."
        )
    precision, recall, f1, images = metrics.precision_recall_fscore_support(
        labels, probabilities.argmax(axis=1), labels=np.arange(classes), zero_division=np.nan
    )
    columns = {
        "precision": precision,
        "recall": recall,
        "f1": f1,
        "roc_auc": _one_vs_rest_auc(labels, probabilities),
        "images": images,
    }
    return pd.DataFrame(columns, index=pd.Index(class_names, name="class"))


def mcnemar_test(
    labels: ArrayLike, predictions_a: ArrayLike, predictions_b: ArrayLike
) -> McNemarResult:
    """Tests whether two classifiers differ in accuracy on the same images.

    Only images that exactly one of them gets right tell them apart; if both are equally good,
    these fall either way like a fair coin. This is the exact form of the test of McNemar (1947),
    a binomial test, which needs no minimum count.

    Args:
        labels: True classes, integers of shape `(N,)`.
        predictions_a: Classes the first model predicts, integers of shape `(N,)`.
        predictions_b: Classes the second model predicts, integers of shape `(N,)`.

    Returns:
        A `McNemarResult(only_a_correct, only_b_correct, p_value)`. The p-value is 1.0 when the
        two never differ.

    Raises:
        ValueError: If the arrays are not integers of one length.
    """
    labels = check_classes("labels", labels)
    predictions = []
    for name, values in (("predictions_a", predictions_a), ("predictions_b", predictions_b)):
        values = check_classes(name, values)
        if len(values) != len(labels):
            raise ValueError(
                f"`{name}` must be as long as `labels`. "
                f"Received: {len(values)} predictions for {len(labels)} labels. "
                "Predict both models on the same images, in the same order."
            )
        predictions.append(values)
    a_correct, b_correct = (values == labels for values in predictions)
    only_a = int(np.sum(a_correct & ~b_correct))
    only_b = int(np.sum(b_correct & ~a_correct))
    differing = only_a + only_b
    p_value = float(stats.binomtest(only_a, differing).pvalue) if differing else 1.0
    return McNemarResult(only_a, only_b, p_value)


def most_confident_errors(labels: ArrayLike, probabilities: ArrayLike, top: int = 12) -> np.ndarray:
    """Finds the wrong predictions that the model was surest of.

    These are the images to look at: mislabelled, odd, or a blind spot of the model.

    Args:
        labels: True classes, integers of shape `(N,)`.
        probabilities: Softmax output, floats of shape `(N, classes)`.
        top: How many to return at most.

    Returns:
        Indices into `labels`, an integer array of at most `top` entries, most confident first;
        empty when there is no error.

    Raises:
        ValueError: If the arrays do not fit together or `top` is negative.
    """
    labels, probabilities = check_predictions(labels, probabilities)
    if top < 0:
        raise ValueError(f"`top` must not be negative. Received: top={top}. Pass 12, say.")
    errors = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    confidence = probabilities[errors].max(axis=1)
    return errors[np.argsort(-confidence, kind="stable")][:top]


def _one_vs_rest_auc(labels: np.ndarray, probabilities: np.ndarray) -> list[float]:
    """Area under the ROC curve of each class; NaN where all or no images belong to it."""
    areas = []
    for index in range(probabilities.shape[1]):
        belongs = labels == index
        defined = belongs.any() and not belongs.all()
        area = metrics.roc_auc_score(belongs, probabilities[:, index]) if defined else np.nan
        areas.append(float(area))
    return areas
