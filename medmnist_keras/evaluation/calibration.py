"""Expected calibration error, and temperature scaling.

A model is calibrated where it is right as often as it says (Guo et al. 2017,
https://arxiv.org/abs/1706.04599).
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn import metrics

from .._checks import check_predictions
from .._keras import keras
from ..info import CLASS_NAMES


def fit_temperature(labels: ArrayLike, probabilities: ArrayLike) -> float:
    """Finds the temperature that makes probabilities as honest as one number can.

    Logits divided by it have the least log loss (Guo et al. 2017,
    https://arxiv.org/abs/1706.04599). The order of the classes stays as it is, and so do all
    predictions.

    Args:
        labels: True classes of validation pictures, integers of shape `(N,)` in `[0, 6)`.
        probabilities: Softmax output for them, floats of shape `(N, 6)`.

    Returns:
        A float between 0.05 and 20; above 1 the model was too sure of itself.

    Raises:
        ValueError: If the arrays do not fit together or the rows are not probabilities.
    """
    labels, probabilities = check_predictions(labels, probabilities, len(CLASS_NAMES))
    # Softmax forgets a constant of the logits, which softmax doesn't miss.
    logits = np.log(np.clip(probabilities, 1e-30, 1))
    every = range(len(CLASS_NAMES))

    # scikit-learn has this from 1.8 on; Colab and Kaggle hold 1.6.
    def loss(log_temperature):
        scaled = softmax(logits / np.exp(log_temperature), axis=1)
        return metrics.log_loss(labels, scaled, labels=every)

    found = minimize_scalar(loss, bounds=np.log([0.05, 20]), method="bounded")
    return float(np.exp(found.x))


def apply_temperature(model: keras.Model, temperature: float) -> None:
    """Divides a model's logits by a temperature, once and for all, in its weights.

    So the saved model gives calibrated probabilities, with nothing to carry beside it.

    Args:
        model: `keras.Model` with a dense layer named `"logits"`, changed in place.
        temperature: float above 0.

    Raises:
        ValueError: when the temperature isn't positive.
    """
    if not temperature > 0:
        raise ValueError(f"`temperature` must be above 0. Received: temperature={temperature!r}")
    layer = model.get_layer("logits")
    layer.set_weights([weights / temperature for weights in layer.get_weights()])


def calibration_bins(labels: ArrayLike, probabilities: ArrayLike, n_bins: int = 10) -> pd.DataFrame:
    """Compares confidence with accuracy in bins of equal width.

    The confidence of a prediction is its highest probability. In a calibrated model, of the
    predictions made with 90 % confidence 90 % are right (Guo et al. 2017,
    https://arxiv.org/abs/1706.04599).

    Args:
        labels: True classes, integers of shape `(N,)`.
        probabilities: Softmax output, floats of shape `(N, classes)`.
        n_bins: Number of bins between 0 and 1, each open below and closed above.

    Returns:
        A table with one row per bin, indexed by its interval, and the columns `confidence` and
        `accuracy` (means; NaN in an empty bin) and `images`.

    Raises:
        ValueError: If the arrays do not fit together or `n_bins` is below 1.
    """
    labels, probabilities = check_predictions(labels, probabilities)
    if n_bins < 1:
        raise ValueError(f"`n_bins` must be at least 1. Received: n_bins={n_bins}. Pass 10.")
    confidence = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == labels
    predictions = pd.DataFrame({"confidence": confidence, "accuracy": correct.astype(float)})
    bins = pd.cut(predictions["confidence"], np.linspace(0, 1, n_bins + 1)).rename("bin")
    return predictions.groupby(bins, observed=False).agg(
        confidence=("confidence", "mean"),
        accuracy=("accuracy", "mean"),
        images=("accuracy", "size"),
    )


def expected_calibration_error(
    labels: ArrayLike, probabilities: ArrayLike, n_bins: int = 10
) -> float:
    """Returns the mean gap between confidence and accuracy, weighted by the images per bin.

    Guo et al. 2017, https://arxiv.org/abs/1706.04599, who use 15 bins; values of different
    `n_bins` do not compare.

    Args:
        labels: True classes, integers of shape `(N,)`.
        probabilities: Softmax output, floats of shape `(N, classes)`.
        n_bins: Number of bins of equal width.

    Returns:
        A float in `[0, 1]`; 0 is perfectly calibrated.

    Raises:
        ValueError: As `calibration_bins`.
    """
    bins = calibration_bins(labels, probabilities, n_bins)
    gaps = (bins["accuracy"] - bins["confidence"]).abs()  # NaN in empty bins, which sum() skips
    return float((gaps * bins["images"]).sum() / bins["images"].sum())
