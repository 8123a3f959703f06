"""Confusion matrix and reliability diagram of one model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from numpy.typing import ArrayLike

from .._checks import check_labels
from .style import BLUE, GREY, ORANGE, WIDTH, finish, make_axes, slant_if_crowded


def confusion_matrix(
    labels: ArrayLike,
    predictions: ArrayLike,
    class_names: Sequence[str],
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows how often each class is taken for which: right in blue, wrong in orange.

    Colour follows the logarithm of the count, so that a single error stands out beside thousands
    of correct predictions.

    Args:
        labels: True classes, integers of shape `(N,)`.
        predictions: Predicted classes, integers of shape `(N,)`.
        class_names: Names in label order.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes.
    """
    predictions = check_labels(predictions, len(class_names), name="predictions")
    labels = check_labels(labels, len(class_names), len(predictions))
    classes = len(class_names)
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, predictions), 1)
    ax = make_axes(ax, 2.7 + 1.38 * classes, 2 + 0.85 * classes)
    right = np.eye(classes, dtype=bool)
    for color, cells, style in ((BLUE, right, {}), (ORANGE, ~right, {"color": "black"})):
        strength = np.log1p(counts) / np.log1p(max(counts[cells].max(initial=0), 1))
        sns.heatmap(
            np.where(counts > 0, 0.25 + 0.75 * strength, 0),
            mask=~cells,
            annot=counts,
            annot_kws=style,
            fmt=",d",
            cmap=LinearSegmentedColormap.from_list("", ["white", color]),
            vmin=0,
            vmax=1,
            cbar=False,
            linewidths=1,
            linecolor="0.85",
            xticklabels=list(class_names),
            yticklabels=list(class_names),
            ax=ax,
        )
    for text in ax.texts:
        if text.get_text() == "0":
            text.set_color("0.7")
    ax.set(xlabel="predicted class", ylabel="true class")
    ax.tick_params(rotation=0)
    finish(ax, title)
    slant_if_crowded(ax)
    return ax


def reliability_diagram(
    bins: pd.DataFrame, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Shows accuracy against confidence; a calibrated model follows the diagonal.

    Args:
        bins: The table of `calibration_bins`: one row per bin of equal width, with the columns
            `confidence`, `accuracy` and `images`.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes. The number of images is written above each bar; empty bins have none.
    """
    ax = make_axes(ax, WIDTH, 6)
    edges = np.linspace(0, 1, len(bins) + 1)
    filled = (bins["images"] > 0).to_numpy()
    used = bins[filled]
    ax.plot([0, 1], [0, 1], "--", color=GREY, label="perfect calibration")
    bars = ax.bar(
        edges[:-1][filled],
        used["accuracy"],
        width=edges[1],
        align="edge",
        color=BLUE,
        alpha=0.35,
        edgecolor=BLUE,
        label="accuracy, with\nnumber of images",
    )
    ax.plot(used["confidence"], used["accuracy"], "o", color=BLUE, label="mean of the bin")
    ax.bar_label(
        bars,
        [f"{images:,}" for images in used["images"]],
        padding=9,
        fontsize="small",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
    ax.set(xlim=(0, 1), ylim=(0, 1.1), xlabel="confidence", ylabel="accuracy")
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return finish(ax, title)
