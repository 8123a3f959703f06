"""Figures of the data set: class counts, grey levels, similarities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from numpy.typing import ArrayLike

from .._checks import check_labels
from .style import BLUE, GREY, SPLITS, WIDTH, finish, make_axes


def class_counts(
    labels: ArrayLike, class_names: Sequence[str], ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Shows how many images each class has, as bars with the numbers written.

    Args:
        labels: Classes, integers of shape `(N,)`.
        class_names: Names in label order.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes.
    """
    labels = check_labels(labels, len(class_names))
    counts = np.bincount(labels, minlength=len(class_names))
    ax = make_axes(ax, WIDTH, 1.2 + 0.6 * len(class_names))
    bars = ax.barh(list(class_names), counts, color=BLUE)
    ax.bar_label(bars, fmt="{:,.0f}", padding=6)
    ax.margins(x=0.12)
    ax.invert_yaxis()  # the first class on top
    ax.xaxis.set_visible(False)  # the numbers are written
    sns.despine(ax=ax, bottom=True)
    return finish(ax, title)


def grey_level_histograms(
    images: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows how often each grey level occurs in each class, one curve above the other.

    Heights are the square root of the share of pixels, so that rare levels are seen beside a
    large black background. Each class is scaled to its own peak, beside which its most frequent
    grey level is written.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`.
        labels: Classes, integers of shape `(N,)`.
        class_names: Names in label order, written at the left.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes.
    """
    images, labels = np.asarray(images), check_labels(labels, len(class_names), len(images))
    ax = make_axes(ax, WIDTH, 1.8 + 0.75 * len(class_names))
    edges = np.arange(0, 257, 2)
    base_lines = np.arange(len(class_names))[::-1]  # the first class on top
    for label, base_line in enumerate(base_lines):
        counts, _ = np.histogram(images[labels == label], bins=edges)
        heights = base_line + 0.85 * np.sqrt(counts / max(counts.max(), 1))
        ax.stairs(heights, edges, baseline=base_line, fill=True, color=BLUE, alpha=0.35)
        ax.stairs(heights, edges, baseline=base_line, color=BLUE, linewidth=1.5)
        if counts.any():
            levels, _ = np.histogram(images[labels == label], bins=np.arange(257))
            peak = int(levels.argmax())
            place = (6 if peak < 200 else -6, 0)
            side = "left" if peak < 200 else "right"
            ax.annotate(
                str(peak),
                (peak, base_line + 0.85),
                place,
                textcoords="offset points",
                ha=side,
                va="top",
                fontsize="small",
            )
    ax.set_yticks(base_lines, class_names, va="bottom")
    ax.set_xticks([0, 64, 128, 192, 255])
    ax.set(xlim=(0, 256), ylim=(0, len(class_names)), xlabel="grey level")
    ax.grid(axis="x", alpha=0.5)
    sns.despine(ax=ax, left=True)
    return finish(ax, title)


def similarity_matrix(
    similarity: ArrayLike, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Shows how similar images are to each other, in the order of their files.

    Slices of one stack form a bright square on the diagonal.

    Args:
        similarity: Floats up to 1, shape `(N, N)`, such as the dot products of `unit_thumbnails`.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes. What is less similar than 0.9 is as dark as 0.9.
    """
    ax = make_axes(ax, 8, 6.5)
    steps = plt.get_cmap("viridis", 10)  # a hundredth each
    shown = ax.imshow(similarity, cmap=steps, vmin=0.9, vmax=1)
    bar = ax.figure.colorbar(shown, ax=ax, shrink=0.8, extend="min", label="similarity")
    bar.set_ticks([0.9, 0.95, 1])
    bar.outline.set_visible(False)
    ax.set(xlabel="file", ylabel="file")
    return finish(ax, title)


def similarity_to_training(
    similarity: Mapping[str, ArrayLike],
    threshold: float = 0.98,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows how similar each test image is to its nearest training image, split by split.

    Args:
        similarity: `"grouped"` or `"random"` to floats of shape `(N,)`, the first result of
            `nearest`.
        threshold: Similarity above which an image has a near duplicate; that share is written.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes: the share of test images by similarity, without the few below 0.5.
    """
    ax = make_axes(ax, WIDTH, 5.5)
    bins = np.arange(0.5, 1.0001, 0.01)
    for name, values in similarity.items():
        values, color = np.asarray(values), SPLITS[name][0]
        share = (values > threshold).mean()
        label = f"{name} split: {share:.1%} above {threshold:g}"
        heights, edges = np.histogram(values, bins)
        heights = heights / len(values)
        ax.stairs(heights, edges, fill=True, color=color, alpha=0.3)
        ax.stairs(heights, edges, color=color, linewidth=2.5, label=label)
    ax.axvline(threshold, color=GREY, linestyle="--")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set(xlim=(0.5, 1), xlabel="similarity to the nearest training image", ylabel="test images")
    ax.legend(loc="upper left", frameon=False)
    return finish(ax, title)
