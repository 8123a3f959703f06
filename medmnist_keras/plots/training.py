"""Learning curves, and comparisons of models."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from .style import BLUE, ORANGE, SPLITS, WIDTH, color_of, finish, make_axes


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
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes. The first epoch is 1.

    Raises:
        ValueError: If the history lacks the metric.
    """
    if metric not in history:
        raise ValueError(
            "`metric` must be a key of `history`. "
            f"Received: metric={metric!r}. Choose one of: {', '.join(history)}."
        )
    ax = make_axes(ax, WIDTH, 5)
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
    return finish(ax, title)


def model_comparison(table: pd.DataFrame, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Compares the error rates of models, each with its confidence interval.

    Args:
        table: One row per model, indexed by name, with the columns `accuracy`, `accuracy_low`,
            `accuracy_high` (shares, as `evaluate` gives them) and `errors` (counts); with a
            column `split`, markers of random splits are hollow squares, as in `error_spread()`.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes, in per cent of images. The baseline is blue, ResNet50V2 orange. Rates far apart
        get a logarithmic scale.
    """
    table = table.astype({"errors": int})
    ax = make_axes(ax, WIDTH, 1.9 + 0.7 * len(table))
    shares = table[["accuracy", "accuracy_low", "accuracy_high"]].to_numpy(dtype=float).T
    rate, high, low = 100 * (1 - shares)
    rows = np.arange(len(table))
    spread = np.clip([rate - low, high - rate], 0, None)
    splits = table["split"] if "split" in table else pd.Series("grouped", table.index)
    for row, (name, split) in enumerate(zip(table.index, splits, strict=True)):
        ax.errorbar(
            rate[row],
            row,
            xerr=spread[:, [row]],
            fmt=SPLITS[split][1],
            color=color_of(name),
            markerfacecolor="white" if split == "random" else None,
            markeredgewidth=2,
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
    return finish(ax, title)


def error_spread(table: pd.DataFrame, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Compares error rates of models over several seeds, split by split.

    Args:
        table: One row per run, with the columns `model`, `split` and `error rate` (a share); runs
            that are true in a column `odd group held out` get a ring.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes: small points for the runs, large ones for their medians, in per cent on a
        logarithmic scale that ends in a linear part down to zero. The baseline is blue,
        ResNet50V2 orange, what has no convolutions grey; random splits are hollow squares.
    """
    models, splits = table["model"].unique(), table["split"].unique()
    ax = make_axes(ax, WIDTH, 2.2 + 0.75 * len(models))
    offsets = np.linspace(-0.16, 0.16, len(splits)) if len(splits) > 1 else [0]
    places = {model: row for row, model in enumerate(models)}
    table = table.assign(
        percent=100 * table["error rate"],
        place=table["model"].map(places)
        + table["split"].map(dict(zip(splits, offsets, strict=True))),
    )
    for split in splits:
        runs = table[table["split"] == split]
        medians = runs.groupby("model", sort=False)[["percent", "place"]].median()
        _draw_points(ax, runs.set_index("model"), split, s=45, alpha=0.45)
        _draw_points(ax, medians, split, s=130, linewidths=2, zorder=3, label=f"{split} split")
    if "odd group held out" in table:
        odd = table[table["odd group held out"]]
        ax.scatter(
            odd["percent"],
            odd["place"],
            s=190,
            label="odd group held out",
            facecolors="none",
            edgecolors="black",
            linewidths=1.5,
            clip_on=False,
        )
    ax.set_xscale("symlog", linthresh=0.01, linscale=0.4)
    ticks = [0, 0.01, 0.1, 1, 10, 100]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set(xlim=(0, 100), xlabel="error rate, % of test images (logarithmic scale)")
    ax.set_yticks(range(len(models)), models)
    ax.set_ylim(len(models) - 0.5, -0.5)  # the first model on top
    ax.grid(axis="both", alpha=0.5)
    ax.legend(loc="upper left")  # the most ignorant models come first and err most
    return finish(ax, title)


def _draw_points(ax: Axes, table: pd.DataFrame, split: str, **style) -> None:
    """Points at `percent` and `place`, in the colours of the models that are the index."""
    colors = [color_of(model) for model in table.index]
    face = "white" if split == "random" else colors
    style |= {"marker": SPLITS[split][1], "facecolors": face, "edgecolors": colors}
    ax.scatter(table["percent"], table["place"], clip_on=False, **style)
