"""A figure of open-set recognition: risk and coverage."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd
from matplotlib.axes import Axes

from .style import STYLES, WIDTH, check_models, finish, make_axes, make_figure


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
