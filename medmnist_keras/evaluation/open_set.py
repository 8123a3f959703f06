"""Open-set recognition: confidence, rejection threshold, AUROC and rejection rates.

The score is the highest probability of the calibrated model (Hendrycks and Gimpel 2017,
https://arxiv.org/abs/1610.02136). Outlier exposure in training (`augment_robust()`) is what
makes it low for pictures of nothing known.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn import metrics

from .._checks import check_probabilities
from .._keras import keras


def rejection_threshold(probabilities: ArrayLike, kept: float = 0.95) -> float:
    """Finds the confidence below which to reject, so that this share of pictures is accepted.

    Args:
        probabilities: Softmax output for validation pictures, floats of shape `(N, classes)`.
        kept: float between 0 and 1, the share to keep.

    Returns:
        A float in `[0, 1]`.

    Raises:
        ValueError: when `kept` is out of range or the rows are not probabilities.
    """
    if not 0 < kept < 1:
        raise ValueError(f"`kept` must lie between 0 and 1. Received: kept={kept!r}; pass 0.95.")
    return float(np.quantile(check_probabilities(probabilities).max(axis=1), 1 - kept))


def open_set_table(
    model: keras.Model,
    familiar: ArrayLike,
    ood_sets: Mapping[str, np.ndarray],
    threshold: float,
) -> pd.DataFrame:
    """Measures how well a model tells pictures of its six classes from out-of-distribution ones.

    Args:
        model: `keras.Model` from raw pixels `(batch, 64, 64, 1)`, 0-255, to probabilities.
        familiar: uint8 `(N, 64, 64, 1)`, pictures of the six kinds that it never saw.
        ood_sets: dict of a set's name to uint8 `(M, 64, 64, 1)`, such as `load_ood_sets()`.
        threshold: float, of `rejection_threshold()`.

    Returns:
        A table with one row a set and the columns `auroc` (area under the ROC curve of
        confidence, familiar against out-of-distribution; 0.5 is chance), `refused` (share) and
        `images`.
    """
    known = max_probability(model, familiar)
    rows = {}
    for name, images in ood_sets.items():
        scores = max_probability(model, images)
        truth = np.repeat([1, 0], [len(known), len(scores)])
        rows[name] = {
            "auroc": float(metrics.roc_auc_score(truth, np.concatenate([known, scores]))),
            "refused": float((scores < threshold).mean()),
            "images": len(scores),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("foreign set")


def max_probability(model: keras.Model, images: ArrayLike) -> np.ndarray:
    """The highest probability that a model gives each picture.

    Args:
        model: `keras.Model` from raw pixels `(batch, 64, 64, 1)`, 0-255, to probabilities.
        images: uint8 `(N, 64, 64, 1)`.

    Returns:
        floats `(N,)` in `[0, 1]`.
    """
    return model.predict(images, batch_size=256, verbose=0).max(axis=1)
