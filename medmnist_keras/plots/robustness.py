"""Figures of robustness: external recall, ablation, robustness curves, rejection."""

from __future__ import annotations

import re
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator, PercentFormatter
from numpy.typing import ArrayLike
from scipy.special import logit

from ..info import CLASS_NAMES
from .style import (
    BLUE,
    ORANGE,
    WIDTH,
    bin_edges,
    check_models,
    finish,
    line_of,
    make_axes,
    make_figure,
    slant_if_crowded,
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
    for place, (name, table) in enumerate(tables.items()):
        share, low, high = 100 * table[["recall", "low", "high"]].to_numpy(dtype=float).T
        ax.errorbar(
            share,
            np.arange(len(classes)) + offsets[place],
            xerr=np.clip([share - low, high - share], 0, None),
            capsize=4,
            elinewidth=1.5,
            label=name,
            clip_on=False,
            **line_of(name, place) | {"linestyle": "none", "markersize": 13},
        )
    ax.set_yticks(range(len(classes)), classes)
    ax.set_ylim(len(classes) - 0.5, -0.5)  # the first class on top
    ax.hlines(np.arange(len(classes) - 1) + 0.5, 0, 100, color="0.85", linewidth=1)
    ax.set(xlim=(0, 100), xlabel="recall, % of the images of the class")
    ax.grid(axis="x", alpha=0.5)
    make_figure(ax).legend(loc="outside upper left", ncols=2, frameon=False)
    return finish(ax, title)


def ablation(table: pd.DataFrame, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Shows what each step of robust training buys, and for which class.

    Args:
        table: The table of `run_ablation`, one row a training, with the columns `step`,
            `balanced accuracy`, the recall of each class by its name (shares) and `test errors`
            (counts). Trainings of one step differ in their seed.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes: one row a step, one column for all and one for each class. Colour and large
        numbers are medians over the seeds in per cent, with the range below; at the right are
        the median test errors.
    """
    table = table.rename(columns={"balanced accuracy": "all"})
    columns = ["all", *(name for name in CLASS_NAMES if name in table)]
    steps = table.groupby("step", sort=False)
    lowest, medians, highest = (100 * steps[columns].quantile(share) for share in (0, 0.5, 1))
    ax = make_axes(ax, WIDTH, 2.2 + 0.75 * len(medians))
    finish(ax, title)  # before seaborn lays the figure out, which would leave a title no room
    sns.heatmap(
        medians,
        cmap=LinearSegmentedColormap.from_list("", ["white", BLUE]),
        vmin=0,
        vmax=150,  # black on two thirds of the blue can still be read
        cbar=False,
        linewidths=1,
        linecolor="0.85",
        xticklabels=[re.sub("(?<=[a-z])(?=[A-Z])", "\n", name) for name in columns],
        yticklabels=[
            "\n".join(wrap_text(f"+ {step}" if row else step, 14))
            for row, step in enumerate(medians.index)
        ],
        ax=ax,
    )
    several = steps["seed"].nunique().max() > 1
    for (row, column), median in np.ndenumerate(medians):
        place = column + 0.5, row + 0.5
        low, high = lowest.iloc[row, column], highest.iloc[row, column]
        _write_in(ax, place, f"{median:.0f}", 7 if several else 0, "medium")
        if several:
            _write_in(ax, place, f"{low:.0f}–{high:.0f}", -11, "x-small")
    for row, errors in enumerate(steps["test errors"].median()):
        text = f"{errors:,g} error{'' if errors == 1 else 's'}"
        ax.text(len(columns) + 0.2, row + 0.5, text, va="center")
    ax.annotate(
        "on the\ntest set",
        (len(columns) + 0.2, len(medians)),
        xytext=(0, -12),
        textcoords="offset points",
        va="top",
        annotation_clip=False,
    )
    ax.set(xlabel="recall on the external pictures, %", ylabel="")
    ax.tick_params(rotation=0)
    slant_if_crowded(ax)
    return ax


def _write_in(ax: Axes, place: tuple[float, float], text: str, raised: float, size: str) -> None:
    """Writes a text about a place, raised by so many points."""
    ax.annotate(
        text,
        place,
        xytext=(0, raised),
        textcoords="offset points",
        ha="center",
        va="center",
        fontsize=size,
    )


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
        for place, model in enumerate(models):
            points = here[here["model"] == model]
            look = line_of(model, place)
            ax.plot(points["strength"], points["accuracy"], label=model, **look)
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
        ncols=2,
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
        text = f"{rejected.mean():.1%}" + (" rejected" if base_line == top - 1 else "")
        ax.text(1.02, base_line, text, color=ORANGE, transform=ax.get_yaxis_transform())
    ax.axvline(cut, color="black", linestyle="--")
    over_the_line = {"facecolor": "white", "edgecolor": "none", "pad": 2}
    ax.text(low, top, f"rejected below {threshold:.4g}", color=ORANGE, bbox=over_the_line)
    ax.text(high, top, "kept", color=BLUE, ha="right", bbox=over_the_line)
    ticks = [tick for tick in (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999, 0.9999) if tick >= ends[0]]
    ax.set_xticks(logit(ticks), [f"{tick:g}" for tick in ticks])
    ax.set_yticks(base_lines, scores, va="bottom")
    ax.set(xlim=(low, high), ylim=(0, top + 0.8), xlabel="known (stretched near 0 and 1)")
    ax.grid(axis="x", alpha=0.5)
    sns.despine(ax=ax, left=True)
    return finish(ax, title)
