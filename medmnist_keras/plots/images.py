"""Pictures: samples, rows, means, and Grad-CAM over them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap
from numpy.typing import ArrayLike

from .._checks import check_labels
from ._mosaic import as_rgb, mosaic


def image_grid(
    images: ArrayLike,
    captions: Sequence[str] | None = None,
    columns: int = 6,
    title: str | None = None,
) -> Axes:
    """Shows images side by side, each with a caption below, such as the most confident errors.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`; where there are none, it says so.
        captions: One text per image, best of one or two short lines. Long ones wrap.
        columns: Images per row.
        title: What the figure shows.

    Returns:
        The axes.
    """
    return mosaic(as_rgb(images), columns, captions, title)


def class_samples(
    images: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    per_class: int = 8,
    seed: int = 0,
    title: str | None = None,
) -> Axes:
    """Shows random images of each class, one row per class; a class with fewer leaves gaps.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`.
        labels: Classes, integers of shape `(N,)`.
        class_names: Names in label order, written at the left.
        per_class: Images per row.
        seed: Chooses the images.
        title: What the figure shows.

    Returns:
        The axes.
    """
    images, labels = np.asarray(images), check_labels(labels, len(class_names), len(images))
    generator = np.random.default_rng(seed)
    rows = {}
    for label, name in enumerate(class_names):
        members = np.flatnonzero(labels == label)
        chosen = generator.choice(members, size=min(per_class, len(members)), replace=False)
        rows[name] = images[chosen]
    return image_rows(rows, title=title)


def image_rows(
    rows: Mapping[str, ArrayLike],
    column_names: Sequence[str] = (),
    title: str | None = None,
) -> Axes:
    """Shows a row of images for each name, such as a picture damaged more and more.

    Args:
        rows: Name, written at the left, to grey images of one size, shape
            `(N, height, width[, 1])`. A row with fewer than others leaves gaps.
        column_names: One name per column, written on top.
        title: What the figure shows.

    Returns:
        The axes.
    """
    strips = [as_rgb(images) for images in rows.values()]
    columns = max(map(len, strips))
    shape = next(images.shape[1:] for images in strips if len(images))
    tiles = np.ones((len(rows), columns, *shape))
    for row, images in zip(tiles, strips, strict=True):
        row[: len(images)] = images
    margin = 0.6 + 0.13 * max(map(len, rows))
    tiles = tiles.reshape(-1, *shape)
    return mosaic(tiles, columns, None, title, list(rows), column_names, margin)


def grad_cam_overlay(
    images: ArrayLike,
    maps: ArrayLike,
    captions: Sequence[str] | None = None,
    title: str | None = None,
) -> Axes:
    """Lays Grad-CAM maps over their images: the more a region matters, the more colour it gets.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`.
        maps: Floats in `[0, 1]`, shape `(N, height, width)`, from `grad_cam`.
        captions: One text per image.
        title: What the figure shows.

    Returns:
        The axes.
    """
    tiles, maps = as_rgb(images), np.asarray(maps)
    if maps.shape != tiles.shape[:3]:
        raise ValueError(
            f"`maps` must have the shape of the images, {tiles.shape[:3]}. "
            f"Received: shape={maps.shape}. Pass the result of `grad_cam` on the same images."
        )

    tiles = blend(tiles, maps)
    ax = mosaic(tiles, 6, captions, title, margin=1.3)
    if len(tiles):
        key = ListedColormap(blend(np.full((256, 3), 0.5), np.linspace(0, 1, 256)))
        bar = ax.figure.colorbar(ScalarMappable(cmap=key), ax=ax, shrink=0.8, aspect=30)
        bar.set_ticks([0, 1], labels=["least", "most"])
        bar.ax.tick_params(length=0)
        bar.outline.set_visible(False)
    return ax


def blend(grey: ArrayLike, weights: ArrayLike) -> np.ndarray:
    """Colours greys by weight: what has none stays as it is, what has most turns yellow.

    Args:
        grey: Floats in `[0, 1]`, shape `(..., 1)` or `(..., 3)`.
        weights: Floats in `[0, 1]`, shape `(...)`, such as a map of `grad_cam`.

    Returns:
        Floats in `[0, 1]`, shape `(..., 3)`.
    """
    grey, weights = np.asarray(grey), np.asarray(weights)
    opacity = 0.7 * weights[..., None]
    return (1 - opacity) * grey + opacity * plt.get_cmap("viridis")(weights)[..., :3]


def mean_images(
    images: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    title: str | None = None,
) -> Axes:
    """Shows the mean image of each class: what a classifier could go by without any shape.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`.
        labels: Classes, integers of shape `(N,)`.
        class_names: Names in label order.
        title: What the figure shows.

    Returns:
        The axes. A class without images is left white.
    """
    images, labels = np.asarray(images), check_labels(labels, len(class_names), len(images))
    means = np.full((len(class_names), *images.shape[1:]), 255.0)
    for label in np.unique(labels):
        means[label] = images[labels == label].mean(axis=0)
    return mosaic(as_rgb(means), len(class_names), class_names, title)
