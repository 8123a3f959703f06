"""Knowing what it doesn't know: calibrated confidence, and a threshold below which to refuse.

The score is the highest probability of the calibrated model (Hendrycks and Gimpel 2017,
https://arxiv.org/abs/1610.02136). Training with foreign pictures (`augment_robust()`) is what
makes it low for pictures of nothing known.
"""

from __future__ import annotations

from . import _quiet as _quiet  # isort: skip  # before Keras

import json
from collections.abc import Mapping

import keras
import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import minimize_scalar
from scipy.special import softmax
from sklearn import metrics

from .checks import check_predictions, check_probabilities
from .info import CLASS_NAMES
from .models import WEIGHTS_DIR


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

    Example:

    ```python
    temperature = fit_temperature(y_val, model.predict(x_val))
    ```
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

    Example:

    ```python
    apply_temperature(model, fit_temperature(y_val, model.predict(x_val)))
    ```
    """
    if not temperature > 0:
        raise ValueError(f"`temperature` must be above 0. Received: temperature={temperature!r}")
    layer = model.get_layer("logits")
    layer.set_weights([weights / temperature for weights in layer.get_weights()])


def refusal_threshold(probabilities: ArrayLike, kept: float = 0.95) -> float:
    """Finds the confidence below which to refuse, so that this share of pictures is kept.

    Args:
        probabilities: Softmax output for validation pictures, floats of shape `(N, classes)`.
        kept: float between 0 and 1, the share to keep.

    Returns:
        A float in `[0, 1]`.

    Raises:
        ValueError: when `kept` is out of range or the rows are not probabilities.

    Example:

    ```python
    threshold = refusal_threshold(model.predict(x_val))
    refused = model.predict(x_test).max(axis=1) < threshold
    ```
    """
    if not 0 < kept < 1:
        raise ValueError(f"`kept` must lie between 0 and 1. Received: kept={kept!r}; pass 0.95.")
    return float(np.quantile(check_probabilities(probabilities).max(axis=1), 1 - kept))


def refusal_table(
    model: keras.Model,
    familiar: ArrayLike,
    foreign: Mapping[str, np.ndarray],
    threshold: float,
) -> pd.DataFrame:
    """Measures how well a model tells pictures of its six kinds from foreign ones.

    Args:
        model: `keras.Model` from raw pixels `(batch, 64, 64, 1)`, 0-255, to probabilities.
        familiar: uint8 `(N, 64, 64, 1)`, pictures of the six kinds that it never saw.
        foreign: dict of a set's name to uint8 `(M, 64, 64, 1)`, such as `load_foreign()`.
        threshold: float, of `refusal_threshold()`.

    Returns:
        A table with one row a foreign set and the columns `auroc` (area under the ROC curve of
        confidence, familiar against foreign; 0.5 is chance), `refused` (share) and `images`.

    Example:

    ```python
    refusal_table(model, x_test, load_foreign(), threshold).round(3)
    ```
    """
    known = confidence(model, familiar)
    rows = {}
    for name, images in foreign.items():
        scores = confidence(model, images)
        truth = np.repeat([1, 0], [len(known), len(scores)])
        rows[name] = {
            "auroc": float(metrics.roc_auc_score(truth, np.concatenate([known, scores]))),
            "refused": float((scores < threshold).mean()),
            "images": len(scores),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("foreign set")


def confidence(model: keras.Model, images: ArrayLike) -> np.ndarray:
    """The highest probability that a model gives each picture.

    Args:
        model: `keras.Model` from raw pixels `(batch, 64, 64, 1)`, 0-255, to probabilities.
        images: uint8 `(N, 64, 64, 1)`.

    Returns:
        floats `(N,)` in `[0, 1]`.

    Example:

    ```python
    refused = confidence(model, images) < shipped_threshold("baseline_cnn")
    ```
    """
    return model.predict(images, batch_size=256, verbose=0).max(axis=1)


def shipped_threshold(name: str) -> float:
    """The threshold that belongs to weights that ship with the package.

    Args:
        name: `"baseline_cnn"`.

    Returns:
        A float in `[0, 1]`, found on validation pictures when the weights were made.

    Example:

    ```python
    refused = confidence(model, images) < shipped_threshold("baseline_cnn")
    ```
    """
    facts = json.loads((WEIGHTS_DIR / f"{name}.json").read_text(encoding="utf-8"))
    return facts["threshold"]
