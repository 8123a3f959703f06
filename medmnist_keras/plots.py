"""Figures: each function takes data, draws on one axes and returns it.

Nothing is shown or saved, and no model is needed. All functions share two last arguments: `ax`,
the axes to draw on, where `None` opens a figure sized to its content, and `title`, which says what
the figure shows. Only `stress_curves` has several panels: it opens a figure and returns all axes.
Images are grey, 0-255, of shape `(N, height, width)` or `(N, height, width, 1)`, and always drawn
from black = 0 to white = 255, so that brightness compares between figures.
"""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, ListedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Text
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullLocator, PercentFormatter
from numpy.typing import ArrayLike
from scipy.special import logit

from .checks import check_labels
from .stress import CORRUPTIONS

WIDTH = 11  # of a figure, in inches: a notebook cell, or a slide, at 100 dpi
GREY = "0.35"
BLUE, ORANGE = sns.color_palette("colorblind")[0], sns.color_palette("colorblind")[3]
SPLITS = {"grouped": (BLUE, "o"), "random": (ORANGE, "s")}
# Marker and dashes tell lines apart without colour.
STYLES = tuple(zip((BLUE, ORANGE, "black", GREY), ("o-", "s--", "^:", "D-."), strict=True))


def use_style() -> None:
    """Sets the one look of all figures: readable from the last row and when colour-blind.

    Example:
    >>> plots.use_style()
    """
    # DejaVu Sans ships with matplotlib, so figures look the same on every machine.
    sns.set_theme(context="talk", style="white", palette="colorblind", font="DejaVu Sans")
    plt.rcParams.update(
        {
            "figure.dpi": 100,
            "savefig.dpi": 100,
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "image.cmap": "gray",
            "axes.titlelocation": "left",
            "axes.titleweight": "bold",
            "axes.titlepad": 12,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "lines.markersize": 9,
        }
    )


def caption(ax: Axes | ArrayLike, text: str) -> Axes | ArrayLike:
    """Writes a small grey line under the whole figure, such as a credit; again replaces it.

    Args:
        ax: An axes of the figure, or an array of them.
        text: The line. It wraps at the figure's width.

    Returns:
        `ax`, unchanged.

    Example:
    >>> plots.caption(plots.class_counts(y_train, CLASS_NAMES), "Drawn phantoms, not patients")
    """
    figure = np.ravel(np.asarray(ax, dtype=object))[0].get_figure(root=True)
    if figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")
    # Constrained layout reserves room for a figure-wide x label, unlike for plain text.
    figure.supxlabel(text, x=0.005, ha="left", fontsize="x-small", color=GREY, wrap=True)
    return ax


def image_grid(
    images: ArrayLike,
    labels: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    columns: int = 8,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows images as one mosaic, each with its class below if labels are given.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`.
        labels: Classes, integers of shape `(N,)`.
        class_names: Names in label order; without them, the labels are written as numbers.
        columns: Images per row.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes.

    Example:
    >>> plots.image_grid(x_train[:16], y_train[:16], CLASS_NAMES)
    """
    captions = None
    if labels is not None:
        captions = [
            class_names[label] if class_names else str(label) for label in np.asarray(labels)
        ]
    return _mosaic(_as_rgb(images), columns, captions, ax, title, if_empty="no images")


def class_samples(
    images: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    per_class: int = 8,
    seed: int = 0,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows random images of each class, one row per class; a class with fewer leaves gaps.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`.
        labels: Classes, integers of shape `(N,)`.
        class_names: Names in label order, written at the left.
        per_class: Images per row.
        seed: Chooses the images.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes.

    Example:
    >>> plots.class_samples(x_train, y_train, CLASS_NAMES)
    """
    images, labels = np.asarray(images), check_labels(labels, len(class_names), len(images))
    generator = np.random.default_rng(seed)
    rows = {}
    for label, name in enumerate(class_names):
        members = np.flatnonzero(labels == label)
        chosen = generator.choice(members, size=min(per_class, len(members)), replace=False)
        rows[name] = images[chosen]
    return image_rows(rows, ax=ax, title=title)


def image_rows(
    rows: Mapping[str, ArrayLike],
    column_names: Sequence[str] = (),
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows a row of images for each name, such as a picture damaged more and more.

    Args:
        rows: Name, written at the left, to grey images of one size, shape
            `(N, height, width[, 1])`. A row with fewer than others leaves gaps.
        column_names: One name per column, written on top.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes.

    Example:
    >>> plots.image_rows({name: images[:8] for name, images in load_foreign().items()})
    """
    strips = [_as_rgb(images) for images in rows.values()]
    columns = max(map(len, strips))
    shape = next(images.shape[1:] for images in strips if len(images))
    tiles = np.ones((len(rows), columns, *shape))
    for row, images in zip(tiles, strips, strict=True):
        row[: len(images)] = images
    margin = 0.6 + 0.13 * max(map(len, rows))
    tiles = tiles.reshape(-1, *shape)
    return _mosaic(tiles, columns, None, ax, title, list(rows), column_names, margin)


def gallery(
    images: ArrayLike,
    captions: Sequence[str],
    columns: int = 6,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows images with a caption below each, such as the most confident errors.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`; where there are none, it says so.
        captions: One text per image, best of one or two short lines. Long ones wrap.
        columns: Images per row.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes.

    Example:
    >>> plots.gallery(x_test[errors], ["Hand → CXR 99 %", "CXR → Hand 97 %"])
    """
    return _mosaic(_as_rgb(images), columns, captions, ax, title, if_empty="nothing to show")


def grad_cam_overlay(
    images: ArrayLike,
    maps: ArrayLike,
    captions: Sequence[str] | None = None,
    columns: int = 6,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Lays Grad-CAM maps over their images: the more a region matters, the more colour it gets.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`.
        maps: Floats in `[0, 1]`, shape `(N, height, width)`, from `grad_cam`.
        captions: One text per image.
        columns: Images per row.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes.

    Example:
    >>> plots.grad_cam_overlay(x_test[:6], grad_cam(model, x_test[:6]))
    """
    tiles, maps = _as_rgb(images), np.asarray(maps)
    if maps.shape != tiles.shape[:3]:
        raise ValueError(
            f"`maps` must have the shape of the images, {tiles.shape[:3]}. "
            f"Received: shape={maps.shape}. Pass the result of `grad_cam` on the same images."
        )

    tiles = blend(tiles, maps)
    ax = _mosaic(tiles, columns, captions, ax, title, margin=1.3, if_empty="no images")
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

    Example:
    >>> plots.blend(image / 255, grad_cam(model, image[None])[0])
    """
    grey, weights = np.asarray(grey), np.asarray(weights)
    opacity = 0.7 * weights[..., None]
    return (1 - opacity) * grey + opacity * plt.get_cmap("viridis")(weights)[..., :3]


def mean_images(
    images: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows the mean image of each class: what a classifier could go by without any shape.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`.
        labels: Classes, integers of shape `(N,)`.
        class_names: Names in label order.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes. A class without images is left white.

    Example:
    >>> plots.mean_images(x_train, y_train, CLASS_NAMES)
    """
    images, labels = np.asarray(images), check_labels(labels, len(class_names), len(images))
    means = np.full((len(class_names), *images.shape[1:]), 255.0)
    for label in np.unique(labels):
        means[label] = images[labels == label].mean(axis=0)
    return _mosaic(_as_rgb(means), len(class_names), class_names, ax, title)


def class_counts(
    labels: ArrayLike, class_names: Sequence[str], ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Shows how many images each class has, as bars with the numbers written.

    Args:
        labels: Classes, integers of shape `(N,)`.
        class_names: Names in label order.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes.

    Example:
    >>> plots.class_counts(y_train, CLASS_NAMES)
    """
    labels = check_labels(labels, len(class_names))
    counts = np.bincount(labels, minlength=len(class_names))
    ax = _axes(ax, WIDTH, 1.2 + 0.6 * len(class_names))
    bars = ax.barh(list(class_names), counts, color=BLUE)
    ax.bar_label(bars, fmt="{:,.0f}", padding=6)
    ax.margins(x=0.12)
    ax.invert_yaxis()  # the first class on top
    ax.xaxis.set_visible(False)  # the numbers are written
    sns.despine(ax=ax, bottom=True)
    return _finish(ax, title)


def grey_level_histograms(
    images: ArrayLike,
    labels: ArrayLike,
    class_names: Sequence[str],
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows how often each grey level occurs in each class, one curve above the other.

    Heights are the square root of the share of pixels, so that rare levels are seen beside a
    large black background. Each class is scaled to its own peak.

    Args:
        images: Grey images, shape `(N, height, width[, 1])`.
        labels: Classes, integers of shape `(N,)`.
        class_names: Names in label order, written at the left.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes.

    Example:
    >>> plots.grey_level_histograms(x_train, y_train, CLASS_NAMES)
    """
    images, labels = np.asarray(images), check_labels(labels, len(class_names), len(images))
    ax = _axes(ax, WIDTH, 1.8 + 0.75 * len(class_names))
    edges = np.arange(0, 257, 2)
    base_lines = np.arange(len(class_names))[::-1]  # the first class on top
    for label, base_line in enumerate(base_lines):
        counts, _ = np.histogram(images[labels == label], bins=edges)
        heights = base_line + 0.85 * np.sqrt(counts / max(counts.max(), 1))
        ax.stairs(heights, edges, baseline=base_line, fill=True, color=BLUE, alpha=0.35)
        ax.stairs(heights, edges, baseline=base_line, color=BLUE, linewidth=1.5)
    ax.set_yticks(base_lines, class_names, va="bottom")
    ax.set_xticks([0, 64, 128, 192, 255])
    ax.set(xlim=(0, 256), ylim=(0, len(class_names)), xlabel="grey level")
    ax.grid(axis="x", alpha=0.5)
    sns.despine(ax=ax, left=True)
    return _finish(ax, title)


def learning_curves(
    history: Mapping[str, Sequence[float]],
    metric: str = "accuracy",
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows a metric over the epochs of training, on training and validation data.

    Args:
        history: The `history` of the object that `model.fit` returns.
        metric: A key of it; `val_` and that name is drawn as well if there.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes. The first epoch is 1.

    Raises:
        ValueError: If the history lacks the metric.

    Example:
    >>> plots.learning_curves(model.fit(train_ds, validation_data=val_ds).history, "loss")
    """
    if metric not in history:
        raise ValueError(
            "`metric` must be a key of `history`. "
            f"Received: metric={metric!r}. Choose one of: {', '.join(history)}."
        )
    ax = _axes(ax, WIDTH, 5)
    # Dashes and marker tell the curves apart without colour.
    curves = ((metric, "training", BLUE, "o--"), (f"val_{metric}", "validation", ORANGE, "s-"))
    for key, name, color, line in curves:
        if key in history:
            epochs = np.arange(1, len(history[key]) + 1)
            ax.plot(epochs, history[key], line, color=color, label=name)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    ax.ticklabel_format(axis="y", useOffset=False)  # 0.9998, never +1 above the axis
    ax.set(xlabel="epoch", ylabel=metric.replace("_", " "))
    ax.grid(axis="y", alpha=0.5)
    ax.legend(loc="best")
    return _finish(ax, title)


def confusion_matrix(
    labels: ArrayLike,
    predictions: ArrayLike,
    class_names: Sequence[str],
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows how often each class is taken for which: right in blue, wrong in orange.

    Colour follows the logarithm of the count, so that a single error stands out beside thousands
    of right answers.

    Args:
        labels: True classes, integers of shape `(N,)`.
        predictions: Predicted classes, integers of shape `(N,)`.
        class_names: Names in label order.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes.

    Example:
    >>> plots.confusion_matrix(y_test, probabilities.argmax(axis=1), CLASS_NAMES)
    """
    predictions = check_labels(predictions, len(class_names), name="predictions")
    labels = check_labels(labels, len(class_names), len(predictions))
    classes = len(class_names)
    counts = np.zeros((classes, classes), dtype=int)
    np.add.at(counts, (labels, predictions), 1)
    ax = _axes(ax, 2.7 + 1.38 * classes, 2 + 0.85 * classes)
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
    _finish(ax, title)
    _slant_if_crowded(ax)
    return ax


def reliability_diagram(
    bins: pd.DataFrame, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Shows accuracy against confidence; a calibrated model follows the diagonal.

    Args:
        bins: The table of `calibration_bins`: one row per bin of equal width, with the columns
            `confidence`, `accuracy` and `images`.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes. The number of images is written above each bar; empty bins have none.

    Example:
    >>> plots.reliability_diagram(calibration_bins(y_test, probabilities))
    """
    ax = _axes(ax, WIDTH, 6)
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
        fontsize="x-small",
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 1},
    )
    ax.set(xlim=(0, 1), ylim=(0, 1.1), xlabel="confidence", ylabel="accuracy")
    ax.set_yticks(np.linspace(0, 1, 6))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    return _finish(ax, title)


def model_comparison(table: pd.DataFrame, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Compares the error rates of models, each with its confidence interval.

    Args:
        table: One row per model, indexed by name, with the columns `accuracy`, `accuracy_low`,
            `accuracy_high` (shares, as `evaluate` gives them) and `errors` (counts).
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes, in per cent of images. Rates far apart get a logarithmic scale.

    Example:
    >>> plots.model_comparison(pd.DataFrame({"CNN": evaluate(y_test, probabilities)}).T)
    """
    table = table.astype({"errors": int})
    ax = _axes(ax, WIDTH, 1.9 + 0.7 * len(table))
    shares = table[["accuracy", "accuracy_low", "accuracy_high"]].to_numpy(dtype=float).T
    rate, high, low = 100 * (1 - shares)
    rows = np.arange(len(table))
    ax.errorbar(
        rate,
        rows,
        xerr=np.clip([rate - low, high - rate], 0, None),
        fmt="o",
        color=BLUE,
        capsize=6,
        markersize=11,
        clip_on=False,  # a point at zero is whole
    )
    far_apart = high.max() > 20 * high.min()
    ax.set_xlim(0, (1.4 if far_apart else 1.05) * high.max())
    if far_apart:
        # Linear up to the smallest upper bound, so that a model without errors has a place.
        ax.set_xscale("symlog", linthresh=high.min(), linscale=0.5)
        decades = np.arange(np.ceil(np.log10(high.min())), np.floor(np.log10(high.max())) + 1)
        ticks = [0, *10**decades]
        ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xlabel("error rate, % of images" + (" (logarithmic scale)" if far_apart else ""))
    ax.set_yticks(rows, table.index)
    ax.set_ylim(len(table) - 0.5, -0.5)  # the first model on top
    for row, errors in enumerate(table["errors"]):
        text = f"{errors:,} error" + ("" if errors == 1 else "s")
        ax.text(1.02, row, text, va="center", transform=ax.get_yaxis_transform())
    ax.grid(axis="x", alpha=0.5)
    return _finish(ax, title)


def similarity_matrix(
    similarity: ArrayLike, ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Shows how similar images are to each other, in the order of their files.

    Slices of one stack form a bright square on the diagonal.

    Args:
        similarity: Floats up to 1, shape `(N, N)`, such as the dot products of `unit_thumbnails`.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes. What is less similar than 0.9 is as dark as 0.9.

    Example:
    >>> units = unit_thumbnails(images[:500])
    >>> plots.similarity_matrix(units @ units.T)
    """
    ax = _axes(ax, 8, 6.5)
    shown = ax.imshow(similarity, cmap="viridis", vmin=0.9, vmax=1)
    bar = ax.figure.colorbar(shown, ax=ax, shrink=0.8, extend="min")
    bar.set_ticks([0.9, 0.95, 1])
    bar.outline.set_visible(False)
    ax.set(xlabel="file", ylabel="file")
    return _finish(ax, title)


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
        threshold: Similarity beyond which an image has a twin; that share is written.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes: the share of test images by similarity, without the few below 0.5.

    Example:
    >>> plots.similarity_to_training({"random": nearest(x_test, x_train)[0]})
    """
    ax = _axes(ax, WIDTH, 5.5)
    bins = np.arange(0.5, 1.0001, 0.01)
    for name, values in similarity.items():
        values, color = np.asarray(values), SPLITS[name][0]
        share = (values > threshold).mean()
        label = f"{name} split: {share:.1%} beyond {threshold:g}"
        heights, edges = np.histogram(values, bins)
        heights = heights / len(values)
        ax.stairs(heights, edges, fill=True, color=color, alpha=0.3)
        ax.stairs(heights, edges, color=color, linewidth=2.5, label=label)
    ax.axvline(threshold, color=GREY, linestyle="--")
    ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    ax.set(xlim=(0.5, 1), xlabel="similarity to the nearest training image", ylabel="test images")
    ax.legend(loc="upper left", frameon=False)
    return _finish(ax, title)


def error_spread(table: pd.DataFrame, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Compares error rates of models over several seeds, split by split.

    Args:
        table: One row per run, with the columns `model`, `split` and `error rate` (a share).
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes: small points for the runs, large ones for their means, in per cent on a
        logarithmic scale that ends in a linear part down to zero.

    Example:
    >>> plots.error_spread(runs)
    """
    table = table.assign(percent=100 * table["error rate"])
    models, splits = table["model"].unique(), table["split"].unique()
    ax = _axes(ax, WIDTH, 2.2 + 0.75 * len(models))
    offsets = np.linspace(-0.16, 0.16, len(splits)) if len(splits) > 1 else [0]
    for split, offset in zip(splits, offsets, strict=True):
        color, marker = SPLITS[split]
        rows = table[table["split"] == split]
        places = rows["model"].map({model: row for row, model in enumerate(models)}) + offset
        style = {"color": color, "marker": marker, "clip_on": False}
        ax.scatter(rows["percent"], places, s=45, alpha=0.45, linewidths=0, **style)
        means = rows["percent"].groupby(places).mean()
        ax.scatter(means, means.index, s=130, label=f"{split} split", zorder=3, **style)
    ax.set_xscale("symlog", linthresh=0.01, linscale=0.4)
    ticks = [0, 0.01, 0.1, 1, 10, 100]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set(xlim=(0, 100), xlabel="error rate, % of test images (logarithmic scale)")
    ax.set_yticks(range(len(models)), models)
    ax.set_ylim(len(models) - 0.5, -0.5)  # the first model on top
    ax.grid(axis="both", alpha=0.5)
    ax.legend(loc="upper left")  # the most ignorant models come first and err most
    return _finish(ax, title)


def recall_comparison(
    tables: Mapping[str, pd.DataFrame], ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Compares the recall of models class by class, each with its confidence interval.

    Args:
        tables: Name of a model to one row per class with the columns `recall`, `low` and `high`
            (shares), such as the `per_class` of `external_report`. At most four models.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes, in per cent.

    Raises:
        ValueError: If there are more than four models.

    Example:
    >>> plots.recall_comparison({"plain": plain.per_class, "robust": robust.per_class})
    """
    _check_models(tables)
    classes = list(next(iter(tables.values())).index)
    ax = _axes(ax, WIDTH, 2.6 + 0.75 * len(classes))
    offsets = np.linspace(-0.27, 0.27, len(tables)) if len(tables) > 1 else [0]
    for (name, table), (color, line), offset in zip(tables.items(), STYLES, offsets, strict=False):
        share, low, high = 100 * table[["recall", "low", "high"]].to_numpy(dtype=float).T
        ax.errorbar(
            share,
            np.arange(len(classes)) + offset,
            xerr=np.clip([share - low, high - share], 0, None),
            fmt=line[0],
            color=color,
            capsize=4,
            label=name,
            clip_on=False,
        )
    ax.set_yticks(range(len(classes)), classes)
    ax.set_ylim(len(classes) - 0.5, -0.5)  # the first class on top
    ax.hlines(np.arange(len(classes) - 1) + 0.5, 0, 100, color="0.85", linewidth=1)
    ax.set(xlim=(0, 100), xlabel="recall, % of the images of the class")
    ax.grid(axis="x", alpha=0.5)
    _figure(ax).legend(loc="outside upper left", ncols=2, frameon=False)
    return _finish(ax, title)


def ablation(table: pd.DataFrame, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Shows what each layer of robust training buys, one added after the other.

    Args:
        table: The table of `run_ablation`, one row a training, with the columns `layer`,
            `balanced accuracy` (a share) and `test errors` (counts).
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes: balanced accuracy elsewhere in per cent, and at the right the errors at home.

    Example:
    >>> plots.ablation(run_ablation(data, settings, (images, labels)))
    """
    ax = _axes(ax, WIDTH, 2 + 0.55 * len(table))
    rows = np.arange(len(table))
    ax.plot(100 * table["balanced accuracy"], rows, "o-", color=BLUE, markersize=11, clip_on=False)
    names = [table["layer"].iloc[0], *(f"+ {layer}" for layer in table["layer"].iloc[1:])]
    ax.set_yticks(rows, names)
    ax.set_ylim(len(table) - 0.5, -0.5)  # the first training on top
    for row, errors in enumerate(table["test errors"]):
        text = f"{errors:,}" + (" errors at home" if row == 0 else "")
        ax.text(1.03, row, text, va="center", transform=ax.get_yaxis_transform())
    ax.set(xlim=(0, 100), xlabel="balanced accuracy elsewhere, %")
    ax.grid(axis="both", alpha=0.5)
    return _finish(ax, title)


def stress_curves(table: pd.DataFrame, title: str | None = None) -> np.ndarray:
    """Shows how accuracy falls as pictures are damaged more and more, one panel a corruption.

    Args:
        table: The table of `stress_test`: one row per model, corruption and severity, with the
            columns `model`, `corruption`, `strength` and `accuracy` (a share).
        title: What the figure shows.

    Returns:
        The panels, an array of axes of shape `(2, 4)` for eight corruptions. The first point of
        each line is the untouched pictures.

    Raises:
        ValueError: If there are more than four models.

    Example:
    >>> plots.stress_curves(stress_test({"plain": plain, "robust": robust}, x_test, y_test))
    """
    models, corruptions = table["model"].unique(), table["corruption"].unique()
    _check_models(models)
    rows = -(-len(corruptions) // 4)
    figure, panels = plt.subplots(
        rows, 4, figsize=(WIDTH, 1.2 + 2.6 * rows), sharey=True, squeeze=False, layout="constrained"
    )
    for ax in panels.flat[len(corruptions) :]:
        ax.set_axis_off()
    for ax, corruption in zip(panels.flat, corruptions, strict=False):
        here = table[table["corruption"] == corruption]
        for model, (color, line) in zip(models, STYLES, strict=False):
            points = here[here["model"] == model]
            ax.plot(points["strength"], points["accuracy"], line, color=color, label=model)
        ax.set_title(corruption, fontsize="small", pad=6)
        ax.set_xlabel(CORRUPTIONS[corruption].unit, fontsize="small")
        ax.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        ax.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
        ax.set(ylim=(0, 1.04), yticks=[0, 0.5, 1])
        ax.tick_params(labelsize="small")
        ax.grid(alpha=0.5)
    figure.supylabel("accuracy", fontsize="medium")
    legend = figure.legend(
        *panels[0, 0].get_legend_handles_labels(),
        loc="outside upper left",
        ncols=len(models),
        frameon=False,
    )
    if title:  # of the legend: constrained layout would lay a title of the figure over it
        legend.set_title("\n".join(_wrap(title, 60)), FontProperties(size="medium", weight="bold"))
        legend.set_alignment("left")
    return panels


def speed_ratios(table: pd.DataFrame, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Shows how many times better we are than others: better right of the line, worse left of it.

    Args:
        table: One row per comparison, in the order of drawing, with the columns `step`,
            `quantity`, `reference` (what it is compared with), `ratio` (above 1 is in our
            favour), `ratio_low` and `ratio_high`.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes, on a logarithmic scale, with ratio and reference written at the right.

    Example:
    >>> plots.speed_ratios(pd.DataFrame(benchmark()["rows"]))
    """
    names: list[str] = []  # of the lines: a step's heading, then its comparisons
    headings: list[int] = []
    lines: list[int] = []
    for step, rows in table.groupby("step", sort=False):
        headings.append(len(names))
        names.append(step)
        lines += range(len(names), len(names) + len(rows))
        repeated = rows["quantity"] == rows["quantity"].shift()
        names += rows["quantity"].mask(repeated, "").tolist()
    ax = _axes(ax, WIDTH, 2 + 0.36 * len(names))
    ratio, low, high = table[["ratio", "ratio_low", "ratio_high"]].to_numpy(dtype=float).T
    places, spread = np.array(lines), np.clip([ratio - low, high - ratio], 0, None)
    # The marker tells better from worse without colour.
    for members, color, marker in ((ratio >= 1, BLUE, "o"), (ratio < 1, ORANGE, "s")):
        style = {"color": color, "fmt": marker, "capsize": 4, "linewidth": 2}
        ax.errorbar(ratio[members], places[members], xerr=spread[:, members], **style)
    ax.axvline(1, color="black", linestyle="--", linewidth=1.5)
    for place, value, name in zip(places, ratio, table["reference"], strict=True):
        number = f"{value:,.0f}" if value >= 100 else f"{value:.2g}"
        style = {"color": BLUE if value >= 1 else ORANGE, "va": "center", "fontsize": "small"}
        ax.text(1.02, place, f"{number}× {name}", transform=ax.get_yaxis_transform(), **style)
    ax.set_xscale("log")
    ax.set_xlim(min(0.5, low.min() / 1.3), max(2, high.max() * 1.3))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_yticks(range(len(names)), names, fontsize="small")
    for heading in headings:
        ax.get_yticklabels()[heading].set_fontweight("bold")
    ax.set_ylim(len(names) - 0.5, -0.5)  # the first step on top
    ax.hlines(np.array(headings[1:]) - 0.5, *ax.get_xlim(), color="0.85", linewidth=1)
    ax.set_xlabel("worse ← 1× → better (logarithmic scale)")
    ax.grid(axis="x", alpha=0.5)
    return _finish(ax, title)


def refusal_histogram(
    scores: Mapping[str, ArrayLike],
    threshold: float,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows which scores each set of pictures gets, and which share of it is refused.

    What is refused is orange, what is kept is blue. As scores gather near 1, the axis gives 0.9,
    0.99 and 0.999 the same room (it is linear in the log-odds). Heights are the square root of
    the share of pictures, so that few are seen beside many; each set is scaled to its own peak.

    Args:
        scores: Name of a set to floats in `[0, 1]`, shape `(N,)`, the higher the more familiar.
        threshold: A picture with a score below it is refused.
        ax, title: Where to draw and what to say; see the module.

    Returns:
        The axes, one row per set with the share refused at its right.

    Example:
    >>> foreign = {name: model.predict(x).max(axis=1) for name, x in load_foreign().items()}
    >>> plots.refusal_histogram({"test pictures": probabilities.max(axis=1), **foreign}, 0.9)
    """
    sets = [np.asarray(values, dtype=float) for values in scores.values()]
    lowest = min(values.min() for values in sets)
    ends = (0.1 if lowest > 0.1 else 0.001), 0.9999  # what lies beyond is drawn at the end
    (low, high), cut = logit(ends), logit(np.clip(threshold, *ends))
    ax = _axes(ax, WIDTH, 2.2 + 0.43 * len(scores))
    top = len(scores)
    base_lines = np.arange(top)[::-1]  # the first set on top
    for base_line, values in zip(base_lines, sets, strict=True):
        refused, places = values < threshold, logit(values.clip(*ends))
        parts = [
            (*np.histogram(places[members], _edges(start, stop)), color)
            for start, stop, members, color in (
                (low, cut, refused, ORANGE),
                (cut, high, ~refused, BLUE),
            )
        ]
        peak = max(counts.max() for counts, _, _ in parts)
        for counts, edges, color in parts:
            heights = base_line + 0.85 * np.sqrt(counts / peak)
            ax.stairs(heights, edges, baseline=base_line, fill=True, color=color)
        text = f"{refused.mean():.0%}" + (" refused" if base_line == top - 1 else "")
        ax.text(1.02, base_line, text, color=ORANGE, transform=ax.get_yaxis_transform())
    ax.axvline(cut, color="black", linestyle="--")
    over_the_line = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    ax.text(low, top, f"refused below {threshold:.4g}", color=ORANGE, bbox=over_the_line)
    ax.text(high, top, "kept", color=BLUE, ha="right", bbox=over_the_line)
    ticks = [tick for tick in (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999) if tick >= ends[0]]
    ax.set_xticks(logit(ticks), [f"{tick:g}" for tick in ticks])
    ax.set_yticks(base_lines, scores, va="bottom")
    ax.set(xlim=(low, high), ylim=(0, top + 0.8), xlabel="score (stretched near 0 and 1)")
    ax.grid(axis="x", alpha=0.5)
    sns.despine(ax=ax, left=True)
    return _finish(ax, title)


def _check_models(names) -> None:
    if len(names) > len(STYLES):
        raise ValueError(
            f"There must be at most {len(STYLES)} models, more cannot be told apart. "
            f"Received: {', '.join(names)}. Select a few."
        )


def _edges(start: float, stop: float) -> np.ndarray:
    """Edges of bins about a quarter wide that begin and end just there."""
    return np.linspace(start, stop, max(round(4 * (stop - start)), 1) + 1)


def _axes(ax: Axes | None, width: float, height: float) -> Axes:
    """The given axes, or those of a new figure of this size in inches."""
    if ax is None:
        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return ax


def _finish(ax: Axes, title: str | None) -> Axes:
    if title:
        ax.set_title(title, loc="left", wrap=True)
    return ax


def _mosaic(
    tiles: np.ndarray,
    columns: int,
    captions: Sequence[str] | None,
    ax: Axes | None,
    title: str | None,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    margin: float = 0,
    if_empty: str = "",
) -> Axes:
    """Joins RGB tiles to one picture, row by row, with captions below each.

    `margin` is the room, in inches, for what stands beside the tiles.
    """
    if captions is not None and len(captions) != len(tiles):
        raise ValueError(
            "There must be one caption or label per image. "
            f"Received: {len(captions)} for {len(tiles)} images. Select both by the same indices."
        )
    if len(tiles) == 0:
        ax = _axes(ax, WIDTH, 1.5)
        ax.set_axis_off()
        ax.text(0, 0.5, if_empty, va="center", color=GREY, transform=ax.transAxes)
        return _finish(ax, title)
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    inches = min((WIDTH - margin) / columns, 2.2)  # per tile
    if ax is not None:
        _figure(ax).draw_without_rendering()  # lets the layout settle
        box = ax.get_window_extent()
        inches = min(box.width / columns, box.height / rows / 1.3) / ax.figure.dpi
    height, width = tiles.shape[1:3]
    points = 72 * inches / width  # of text per pixel of the picture
    size = min(0.75 * plt.rcParams["font.size"], 11 * inches)
    # The average letter is 0.6 of the font size wide.
    limit = max(int(72 * inches / (0.6 * size)), 4)
    lines = [_wrap(text, limit) for text in captions or ()]
    text_height = (1.25 * max(map(len, lines)) + 0.6) * size / points if lines else 0
    gap = max(width // 32, 1)
    down, right = height + gap + int(text_height), width + gap
    corners = [(index // columns * down, index % columns * right) for index in range(len(tiles))]
    picture = np.ones((rows * down - gap, columns * right - gap, 3))
    for tile, (top, left) in zip(tiles, corners, strict=True):
        picture[top : top + height, left : left + width] = tile

    # Above and below the picture there is room for a title and a credit line.
    picture_height = inches * len(picture) / width
    extra = (0.8 if title else 0.35) + (0.35 if column_labels else 0)
    ax = _axes(ax, max(columns * inches + margin, 8), picture_height + extra)
    ax.imshow(picture)
    # Constrained layout then knows where the title begins, whatever the aspect.
    ax.set_anchor("NW")
    texts = [
        ax.text(left + width / 2, top + height + 0.4 * size / points, "\n".join(text))
        for text, (top, left) in zip(lines, corners, strict=False)
    ]
    plt.setp(texts, ha="center", va="top", fontsize=size, linespacing=1.1)
    ax.xaxis.tick_top()
    ax.set_xticks(np.arange(len(column_labels)) * right + width / 2, column_labels)
    ax.set_yticks(np.arange(len(row_labels)) * down + height / 2, row_labels)
    ax.tick_params(length=0)
    sns.despine(ax=ax, left=True, bottom=True)
    _finish(ax, title)
    _shrink_captions(ax, texts, width)
    return ax


def _figure(ax: Axes) -> Figure:
    """The whole figure, also of an axes in a part of it."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # which only an axes that was taken away has none of
    return figure


def _shrink_captions(ax: Axes, texts: Sequence[Text], width: int) -> None:
    """Makes the captions fit below their tiles, wherever the layout has put these."""
    if texts:
        _figure(ax).draw_without_rendering()
        left, right = ax.transData.transform([(0, 0), (width, 0)])[:, 0]
        room = 0.94 * (right - left)  # a credit line, if added, makes the tiles a little smaller
        widest = max(text.get_window_extent().width for text in texts)
        if widest > room:
            plt.setp(texts, fontsize=texts[0].get_fontsize() * room / widest)


def _wrap(text: str, limit: int) -> list[str]:
    """Breaks lines at spaces, keeping those the caller made and never parting '99' from '%'."""
    text = text.replace(" %", "\N{NO-BREAK SPACE}%")
    return [line for part in text.split("\n") for line in textwrap.wrap(part, limit)] or [""]


def _slant_if_crowded(ax: Axes) -> None:
    """Slants the class names below an axes if they would touch each other side by side."""
    _figure(ax).draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    if any(left.x1 + 4 > right.x0 for left, right in pairwise(boxes)):
        plt.setp(ax.get_xticklabels(), rotation=30, ha="right", rotation_mode="anchor")


def _as_rgb(images: ArrayLike) -> np.ndarray:
    """Grey images in 0-255 as floats of shape `(N, height, width, 3)` in `[0, 1]`."""
    images = np.asarray(images)
    if len(images) == 0:
        return np.zeros((0, 1, 1, 3))
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3:
        raise ValueError(
            "`images` must be grey images of shape (N, height, width) or (N, height, width, 1). "
            f"Received: shape={images.shape}. Pass `image[None]` to show a single one."
        )
    return np.repeat(np.clip(images / 255, 0, 1)[..., None], 3, axis=-1)
