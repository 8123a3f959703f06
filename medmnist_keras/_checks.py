"""Validates labels, clusters and probabilities: returns a clean array or raises a clear error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def check_classes(name: str, values: ArrayLike) -> np.ndarray:
    """Returns `values` as a non-empty 1-D integer array or says what is wrong with it."""
    values = np.asarray(values)
    if values.ndim != 1 or values.size == 0 or values.dtype.kind not in "iu":
        raise ValueError(
            f"`{name}` must be a non-empty one-dimensional array of integer class indices. "
            f"Received: shape={values.shape}, dtype={values.dtype}. "
            "Call `.argmax(axis=1)` on one-hot labels or probabilities."
        )
    return values.astype(np.int64)


def check_labels(
    values: ArrayLike, classes: int, images: int | None = None, name: str = "labels"
) -> np.ndarray:
    """The one gate for labels: `values` as int64, each in `[0, classes)`, one for each image.

    Args:
        values: integers of shape `(N,)`, N at least 1.
        classes: int, how many classes there are.
        images: int, what N must be; `None` for any.
        name: str, what messages call them.

    Raises:
        ValueError: for another shape, type, number or range.
    """
    values = check_classes(name, values)
    if images not in (None, len(values)):
        raise ValueError(
            f"`{name}` must have one entry per image. "
            f"Received: {len(values)} labels for {images} images. "
            "Take both from the same split, unshuffled."
        )
    if values.min() < 0 or values.max() >= classes:
        raise ValueError(
            f"`{name}` must lie in [0, {classes}), the classes that there are. "
            f"Received: values from {values.min()} to {values.max()}. "
            "Check that data, model and names have the same classes."
        )
    return values


def check_clusters(clusters: ArrayLike, images: int, name: str = "clusters") -> np.ndarray:
    """Returns `clusters` as a 1-D array, one entry a picture, or says what is wrong with it."""
    clusters = np.asarray(clusters)
    if clusters.shape != (images,):
        raise ValueError(
            f"`{name}` must hold one entry for each of the {images} pictures. "
            f"Received: shape={clusters.shape}. Take it from the same pictures, unshuffled."
        )
    if any(entry is None or entry != entry for entry in clusters.tolist()):  # NaN is not itself
        raise ValueError(
            f"`{name}` must name a group or source for each picture. "
            'Received: None or NaN. Put a name of its own there, such as "unknown".'
        )
    return clusters


def check_predictions(
    labels: ArrayLike, probabilities: ArrayLike, classes: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """The gate for labels and probabilities that belong to the same pictures.

    Args:
        labels: integers of shape `(N,)` in `[0, classes)`.
        probabilities: as of `check_probabilities()`.
        classes: int, how many columns there must be; `None` for any number.

    Returns:
        `(labels, probabilities)`: int64 `(N,)` and float64 `(N, classes)`, rows that sum to 1.

    Raises:
        ValueError: when they don't fit together, or either is of another kind.
    """
    probabilities = check_probabilities(probabilities, classes)
    images, classes = probabilities.shape
    return check_labels(labels, classes, images), probabilities


def check_probabilities(probabilities: ArrayLike, classes: int | None = None) -> np.ndarray:
    """The one gate for probabilities.

    Args:
        probabilities: softmax output, floats of shape `(N, classes)`, N at least 1.
        classes: int, how many columns there must be; `None` for any number from two on.

    Returns:
        float64 `(N, classes)`, rows that sum to 1.

    Raises:
        ValueError: for another shape, NaN, infinity, or rows that are no probabilities.
    """
    probabilities = np.asarray(probabilities, dtype=np.float64)
    columns = "at least two classes" if classes is None else f"{classes} classes"
    if (
        probabilities.ndim != 2
        or not len(probabilities)
        or probabilities.shape[1] < 2
        or classes not in (None, probabilities.shape[1])
    ):
        raise ValueError(
            f"`probabilities` must have shape (images, classes) with {columns}. "
            f"Received: shape={probabilities.shape}. Pass the output of `model.predict(images)`."
        )
    images = len(probabilities)
    if not np.isfinite(probabilities).all():
        rows = int((~np.isfinite(probabilities)).any(axis=1).sum())
        raise ValueError(
            "`probabilities` must be finite. "
            f"Received: NaN or infinity in {rows} of {images} rows. "
            "Check that the training loss did not become NaN."
        )
    sums = probabilities.sum(axis=1)
    # Half-precision softmax misses 1 by up to a percent; logits miss it by far more.
    if probabilities.min() < 0 or probabilities.max() > 1.01 or np.abs(sums - 1).max() > 0.01:
        raise ValueError(
            "`probabilities` must lie in [0, 1] and every row must sum to 1. "
            f"Received: values from {probabilities.min():.4g} to {probabilities.max():.4g}, "
            f"row sums from {sums.min():.4g} to {sums.max():.4g}. "
            "If these are logits, apply `keras.ops.softmax` first."
        )
    return probabilities / sums[:, None]
