"""Scores that tell pictures of the six kinds from out-of-distribution ones, to be compared.

All of them are higher for what looks known. They read the output of one network, its features at
several depths, or nothing of it at all; the last are the rivals that any model has to beat.

Throughout, logits are floats `(N, classes)`, features floats `(N, D)`, images uint8
`(N, 64, 64, 1)`, labels int `(N,)`; `known` is what a score is fitted to, of training pictures.
Scores are floats `(N,)`, and compare with others of the same kind alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import logsumexp, softmax
from sklearn import metrics
from sklearn.covariance import EmpiricalCovariance
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .._keras import keras
from .._types import Pair
from ..data.similarity import nearest
from ..models.known import view_logits

DEPTHS = ("block1", "block2", "pool")  # layers of `baseline_cnn()` whose features are read
_NEIGHBOURS = 5
_BINS = 32  # of a histogram of grey levels


def max_softmax(logits: ArrayLike) -> np.ndarray:
    """The highest probability (Hendrycks and Gimpel 2017, https://arxiv.org/abs/1610.02136)."""
    return softmax(logits, axis=1).max(axis=1)


def max_logit(logits: ArrayLike) -> np.ndarray:
    """The highest logit (Hendrycks et al. 2022, https://arxiv.org/abs/1911.11132)."""
    return np.asarray(logits).max(axis=1)


def energy(logits: ArrayLike) -> np.ndarray:
    """The log of the sum of exponentials (Liu et al. 2020, https://arxiv.org/abs/2010.03759)."""
    return logsumexp(logits, axis=1)


def nearest_neighbours(known: ArrayLike, features: ArrayLike) -> np.ndarray:
    """Minus the distance to the fifth nearest training picture, of features scaled to length 1
    (Sun et al. 2022, https://arxiv.org/abs/2204.06507)."""
    search = NearestNeighbors(n_neighbors=_NEIGHBOURS).fit(_unit(known))
    return -search.kneighbors(_unit(features))[0][:, -1]


def mahalanobis(known: ArrayLike, labels: ArrayLike, features: ArrayLike) -> np.ndarray:
    """Minus the squared Mahalanobis distance to the nearest class mean, with one covariance for
    all classes (Lee et al. 2018, https://arxiv.org/abs/1807.03888)."""
    known, labels, features = np.asarray(known), np.asarray(labels), np.asarray(features)
    means = {label: known[labels == label].mean(axis=0) for label in np.unique(labels)}
    spread = EmpiricalCovariance(assume_centered=True)
    spread.fit(known - np.stack([means[label] for label in labels]))
    return -np.min([spread.mahalanobis(features - mean) for mean in means.values()], axis=0)


def residual(known: ArrayLike, features: ArrayLike, kept: int) -> np.ndarray:
    """Minus the length of what the first `kept` principal components of the training features
    don't explain (Wang et al. 2022, https://arxiv.org/abs/2203.10807)."""
    components = PCA(kept).fit(known)
    explained = components.inverse_transform(components.transform(features))
    return -np.linalg.norm(features - explained, axis=1)


def vim(known, known_logits, features, logits, kept: int) -> np.ndarray:
    """Energy, less the residual on the scale of the logits: virtual-logit matching (Wang et al.
    2022, https://arxiv.org/abs/2203.10807)."""
    scale = max_logit(known_logits).mean() / -residual(known, known, kept).mean()
    return energy(logits) + scale * residual(known, features, kept)


def trained_head(known: ArrayLike, outliers: ArrayLike, features: ArrayLike) -> np.ndarray:
    """Log odds of a logistic regression that tells features of training pictures from those of
    training's outliers."""
    known, outliers = np.asarray(known), np.asarray(outliers)
    head = make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000))
    head.fit(np.concatenate([known, outliers]), np.repeat([1, 0], [len(known), len(outliers)]))
    return head.decision_function(features)


def grey_histogram(known: ArrayLike, images: ArrayLike) -> np.ndarray:
    """Minus the distance to the nearest training picture, of grey level histograms alone. In one
    challenge of medical imaging such a score came second (https://arxiv.org/abs/2212.06506)."""
    search = NearestNeighbors(n_neighbors=1, metric="manhattan").fit(_histograms(known))
    return -search.kneighbors(_histograms(images))[0][:, 0]


def nearest_thumbnail(known: ArrayLike, images: ArrayLike) -> np.ndarray:
    """The highest similarity to a training picture, of 16x16 thumbnails."""
    return nearest(np.asarray(images), np.asarray(known))[0]


def compare_scores(
    model: keras.Model,
    known: Pair,
    outliers: np.ndarray,
    sets: Mapping[str, np.ndarray],
    ensemble: Sequence[keras.Model] = (),
) -> dict[str, dict[str, np.ndarray]]:
    """Scores every picture of several sets in every way of this module.

    Args:
        model: `keras.Model` of `baseline_cnn()`, with its layers.
        known: uint8 `(N, 64, 64, 1)` pictures of the six kinds, and int `(N,)` labels: what
            neighbours, means and heads are fitted to. Training pictures, as they are and rendered.
        outliers: uint8 `(M, 64, 64, 1)`, outliers of training, for the trained head.
        sets: dict of names to uint8 pictures.
        ensemble: further models of the same classes, whose logits are averaged with those of
            `model`; none for no such row.

    Returns:
        dict of a score's name to a dict of a set's name to floats `(N,)`, higher for what looks
        known.

    Raises:
        ValueError: when the model lacks one of the layers.
    """
    inside = keras.Model(
        model.inputs[0],
        [_pooled(model.get_layer(_layer(name)).output) for name in DEPTHS]
        + [model.get_layer("logits").output],
    )
    x_known, labels = known
    *fitted, known_logits = inside.predict(x_known, batch_size=256, verbose=0)
    outside = inside.predict(outliers, batch_size=256, verbose=0)[-2]
    views = [view_logits(each) for each in (model, *ensemble)]
    kept = fitted[-1].shape[1] // 4
    images = np.concatenate(list(sets.values()))
    *features, logits = inside.predict(images, batch_size=256, verbose=0)
    seen = [each.predict(images, batch_size=256, verbose=0) for each in views]
    last, deep = fitted[-1], features[-1]
    scores = {
        "max softmax": max_softmax(logits),
        "max logit": max_logit(logits),
        "energy": energy(logits),
        "energy, four views": energy(seen[0]),
        "nearest neighbours": nearest_neighbours(last, deep),
        **{
            f"Mahalanobis, {depth}": mahalanobis(one, labels, other)
            for depth, one, other in zip(DEPTHS, fitted, features, strict=True)
        },
        "residual": residual(last, deep, kept),
        "ViM": vim(last, known_logits, deep, logits, kept),
        "trained head": trained_head(last, outside, deep),
        "grey histogram": grey_histogram(x_known, images),
        "nearest thumbnail": nearest_thumbnail(x_known, images),
    }
    if ensemble:
        scores["energy, four views, ensemble"] = energy(np.mean(seen, axis=0))
    ends = np.cumsum([len(each) for each in sets.values()])[:-1]
    return {
        score: dict(zip(sets, np.split(values, ends), strict=True))
        for score, values in scores.items()
    }


def open_set_scores(
    known: ArrayLike, correct: ArrayLike, labels: ArrayLike, outliers: ArrayLike
) -> dict[str, float]:
    """How well one score tells known pictures from out-of-distribution ones.

    Args:
        known: floats `(N,)`, the score of pictures of the six kinds.
        correct: bools `(N,)`, whether the most probable class of each is the true one.
        labels: int `(N,)`, true classes.
        outliers: floats `(M,)`, the score of out-of-distribution pictures.

    Returns:
        dict of `auroc`; `fpr95`, the share of outliers that pass where 95 % of the known do;
        `ccr5` and `ccr10`, the correct classification rate where 5 and 10 % of the outliers pass:
        known pictures that pass and are classified right, each class weighing the same (Dhamija
        et al. 2018, https://arxiv.org/abs/1811.04110).

    Raises:
        ValueError: when there are no pictures on either side.
    """
    known, outliers = np.asarray(known, float), np.asarray(outliers, float)
    if not len(known) or not len(outliers):
        raise ValueError(
            "Both sides need pictures. "
            f"Received: {len(known)} known and {len(outliers)} out-of-distribution ones."
        )
    truth = np.repeat([1, 0], [len(known), len(outliers)])
    found = {
        "auroc": float(metrics.roc_auc_score(truth, np.concatenate([known, outliers]))),
        "fpr95": float((outliers >= np.quantile(known, 0.05)).mean()),
    }
    correct = pd.Series(np.asarray(correct, bool))
    for share in (5, 10):
        passes = known > np.quantile(outliers, 1 - share / 100)
        found[f"ccr{share}"] = float((correct & passes).groupby(np.asarray(labels)).mean().mean())
    return found


def _layer(depth: str) -> str:
    return depth if depth == "pool" else f"{depth}_relu"


def _pooled(features):
    return features if len(features.shape) == 2 else keras.ops.mean(features, axis=(1, 2))


def _unit(features) -> np.ndarray:
    features = np.asarray(features, float)
    return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)


def _histograms(images) -> np.ndarray:
    images = np.asarray(images)
    flat = images.reshape(len(images), -1) // (256 // _BINS)
    counts = np.stack([np.bincount(one, minlength=_BINS) for one in flat])
    return counts / flat.shape[1]
