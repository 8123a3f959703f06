"""Figures of robustness: external recall, ablation, robustness curves, rejection."""

from __future__ import annotations

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike
from scipy.special import logit

from .style import (
    BLUE,
    ORANGE,
    STYLES,
    WIDTH,
    bin_edges,
    check_models,
    finish,
    make_axes,
    make_figure,
    wrap_text,
)


def recall_comparison(
    tables: Mapping[str, pd.DataFrame], ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Compares the recall of models class by class, each with its confidence interval.

    Args:
        tables: Name of a model to one row per class with the columns `recall`, `low` and `high`
            (shares), such as the `per_class` of `external_report`. At most four models.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes, in per cent.

    Raises:
        ValueError: If there are more than four models.
    """
    check_models(tables)
    classes = list(next(iter(tables.values())).index)
    ax = make_axes(ax, WIDTH, 2.6 + 0.75 * len(classes))
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
    make_figure(ax).legend(loc="outside upper left", ncols=2, frameon=False)
    return finish(ax, title)


def ablation(table: pd.DataFrame, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Shows what each layer of robust training buys, one added after the other.

    Args:
        table: The table of `run_ablation`, one row a training, with the columns `layer`,
            `balanced accuracy` (a share) and `test errors` (counts).
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes: balanced accuracy on the external test set in per cent, at the right the test
        errors.
    """
    ax = make_axes(ax, WIDTH, 2 + 0.55 * len(table))
    rows = np.arange(len(table))
    ax.plot(100 * table["balanced accuracy"], rows, "o-", color=BLUE, markersize=11, clip_on=False)
    names = [table["layer"].iloc[0], *(f"+ {layer}" for layer in table["layer"].iloc[1:])]
    ax.set_yticks(rows, names)
    ax.set_ylim(len(table) - 0.5, -0.5)  # the first training on top
    for row, errors in enumerate(table["test errors"]):
        text = f"{errors:,}" + (" errors at home" if row == 0 else "")
        ax.text(1.03, row, text, va="center", transform=ax.get_yaxis_transform())
    ax.set(xlim=(0, 100), xlabel="balanced accuracy on the external test set, %")
    ax.grid(axis="both", alpha=0.5)
    return finish(ax, title)


def robustness_curves(table: pd.DataFrame, title: str | None = None) -> np.ndarray:
    """Shows how accuracy falls as pictures are damaged more and more, one panel a corruption.

    Args:
        table: The table of `robustness_curve`: one row per model, corruption and severity, with the
            columns `model`, `corruption`, `strength`, `unit` and `accuracy` (a share).
        title: What the figure shows.

    Returns:
        The panels, an array of axes of shape `(2, 4)` for eight corruptions. The first point of
        each line is the untouched pictures.

    Raises:
        ValueError: If there are more than four models.
    """
    models, corruptions = table["model"].unique(), table["corruption"].unique()
    check_models(models)
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
        ax.set_xlabel(here["unit"].iloc[0], fontsize="small")
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
        legend.set_title(
            "\n".join(wrap_text(title, 60)), FontProperties(size="medium", weight="bold")
        )
        legend.set_alignment("left")
    return panels


def rejection_histogram(
    scores: Mapping[str, ArrayLike],
    threshold: float,
    ax: Axes | None = None,
    title: str | None = None,
) -> Axes:
    """Shows which scores each set of pictures gets, and which share of it is rejected.

    What is rejected is orange, what is accepted is blue. As scores gather near 1, the axis gives
    0.9, 0.99 and 0.999 the same room (it is linear in the log-odds). Heights are the square root of
    the share of pictures, so that few are seen beside many; each set is scaled to its own peak.

    Args:
        scores: Name of a set to floats in `[0, 1]`, shape `(N,)`, the higher the more familiar.
        threshold: A picture with a score below it is rejected.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes, one row per set with the share rejected at its right.
    """
    sets = [np.asarray(values, dtype=float) for values in scores.values()]
    lowest = min(values.min() for values in sets)
    ends = (0.1 if lowest > 0.1 else 0.001), 0.9999  # what lies beyond is drawn at the end
    (low, high), cut = logit(ends), logit(np.clip(threshold, *ends))
    ax = make_axes(ax, WIDTH, 2.2 + 0.43 * len(scores))
    top = len(scores)
    base_lines = np.arange(top)[::-1]  # the first set on top
    for base_line, values in zip(base_lines, sets, strict=True):
        rejected, places = values < threshold, logit(values.clip(*ends))
        parts = [
            (*np.histogram(places[members], bin_edges(start, stop)), color)
            for start, stop, members, color in (
                (low, cut, rejected, ORANGE),
                (cut, high, ~rejected, BLUE),
            )
        ]
        peak = max(counts.max() for counts, _, _ in parts)
        for counts, edges, color in parts:
            heights = base_line + 0.85 * np.sqrt(counts / peak)
            ax.stairs(heights, edges, baseline=base_line, fill=True, color=color)
        text = f"{rejected.mean():.0%}" + (" rejected" if base_line == top - 1 else "")
        ax.text(1.02, base_line, text, color=ORANGE, transform=ax.get_yaxis_transform())
    ax.axvline(cut, color="black", linestyle="--")
    over_the_line = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    ax.text(low, top, f"rejected below {threshold:.4g}", color=ORANGE, bbox=over_the_line)
    ax.text(high, top, "kept", color=BLUE, ha="right", bbox=over_the_line)
    ticks = [tick for tick in (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999) if tick >= ends[0]]
    ax.set_xticks(logit(ticks), [f"{tick:g}" for tick in ticks])
    ax.set_yticks(base_lines, scores, va="bottom")
    ax.set(xlim=(low, high), ylim=(0, top + 0.8), xlabel="score (stretched near 0 and 1)")
    ax.grid(axis="x", alpha=0.5)
    sns.despine(ax=ax, left=True)
    return finish(ax, title)
