"""Figures of open-set recognition: scores compared, risk and coverage."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from .style import STYLES, WIDTH, check_models, finish, make_axes, make_figure


def score_comparison(table: pd.DataFrame, ax: Axes | None = None, title: str | None = None) -> Axes:
    """Compares scores for out-of-distribution pictures, each kind of set in its own colour.

    Args:
        table: One row a score and one column a kind of sets, at most four, with the share of
            known pictures that are answered and right (0-1, such as the `ccr10` of
            `open_set_scores`).
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes, in per cent, the best score of the first column on top.

    Raises:
        ValueError: If there are more than four columns.
    """
    check_models(list(table.columns))
    ranked = table.sort_values(table.columns[0], ascending=False)
    ax = make_axes(ax, WIDTH, 2 + 0.42 * len(ranked))
    rows = np.arange(len(ranked))
    ax.hlines(rows, 0, 100, color="0.9", linewidth=1)
    for name, (color, line) in zip(ranked.columns, STYLES, strict=False):
        ax.plot(100 * ranked[name], rows, line[0], color=color, label=name, clip_on=False)
    ax.set_yticks(rows, ranked.index)
    ax.set_ylim(len(ranked) - 0.5, -0.5)
    ax.set(xlim=(0, 100), xlabel="answered and right, % of the known pictures")
    make_figure(ax).legend(loc="outside upper left", ncols=2, frameon=False)
    return finish(ax, title)


def risk_coverage_curves(
    curves: Mapping[str, pd.DataFrame], ax: Axes | None = None, title: str | None = None
) -> Axes:
    """Shows what share of the answers is wrong as more and more pictures are answered.

    Args:
        curves: Name of a curve to a table of `risk_coverage`, with the columns `coverage` and
            `risk` (shares). At most four.
        ax, title: The axes to draw on, `None` for a figure of its own; what it shows.

    Returns:
        The axes, in per cent.

    Raises:
        ValueError: If there are more than four curves.
    """
    check_models(curves)
    ax = make_axes(ax, WIDTH, 6)
    for (name, curve), (color, line) in zip(curves.items(), STYLES, strict=False):
        ax.plot(
            100 * curve["coverage"],
            100 * curve["risk"],
            line[1:],
            color=color,
            label=name,
            linewidth=3,
        )
    ax.set(xlim=(0, 100), xlabel="coverage: answered, % of the pictures")
    ax.set(ylabel="risk: wrong, % of the answers")
    ax.set_ylim(bottom=0)
    ax.grid(alpha=0.5)
    make_figure(ax).legend(loc="outside upper left", ncols=2, frameon=False)
    return finish(ax, title)
