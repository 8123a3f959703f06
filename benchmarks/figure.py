"""The benchmark's figure: how many times faster each step is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, NullLocator

from medmnist_keras.plots.style import BLUE, ORANGE, WIDTH, finish, make_axes
from medmnist_keras.storage import replacing

FOLDER = Path("build")


def speed_ratios(table: pd.DataFrame, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Shows how many times better we are than others: better right of the line, worse left of it.

    Args:
        table: One row per comparison, in the order of drawing, with the columns `step`,
            `quantity`, `reference` (what it is compared with), `ratio` (above 1 is in our
            favour), `ratio_low` and `ratio_high`.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes, on a logarithmic scale, with ratio and reference written at the right.

    Example:
    >>> speed_ratios(pd.DataFrame(benchmark()["rows"]))
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
    ax = make_axes(ax, WIDTH, 2 + 0.36 * len(names))
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
    return finish(ax, title)


RATIOS = ("ratio", "ratio_low", "ratio_high")


def format_figure(value: float | None) -> str:
    """Three digits, no exponent: 0.0123, 12.3, 12,345."""
    if value is None:
        return "–"
    return f"{value:,.0f}" if value >= 99.5 else f"{value:.3g}"


def draw(result: dict, caption: str) -> None:
    """The figure, shaped as a screen; half of the steps on each side."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    from medmnist_keras import plots

    table = pd.DataFrame(result["rows"], columns=["step", "quantity", "reference", *RATIOS])
    table = table.dropna(subset="ratio")
    # To be read from the last row: one latency of two, and the most data of all.
    table = table[~table["quantity"].str.contains("95 %") & ~table["step"].str.match("[24]×")]
    machine, file = result["machine"], FOLDER / "benchmark.png"
    later = table["step"].str.contains("prediction|×")
    halves = [half for half in (table[~later], table[later]) if len(half)]
    if not halves:
        return
    with rc_context():
        plots.use_style()
        figure = Figure(figsize=(20, 10), layout="constrained")
        axs = figure.subplots(1, len(halves), squeeze=False)[0]
        for half, ax in zip(halves, axs, strict=True):
            speed_ratios(half, ax=ax)
        figure.suptitle("How many times faster, or smaller, than the usual code", weight="bold")
        facts = [f"{machine['Mode']} run", machine["Hardware"], machine["Versions"]]
        facts.append(f"load {machine['Load']}")
        plots.caption(axs, f"{'; '.join(facts)}. Others' epochs are extrapolated. {caption}")
        with replacing(file) as (draft,):
            figure.savefig(draft)
