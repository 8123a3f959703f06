"""The common style of all figures: colours, sizes, credit line."""

from __future__ import annotations

import textwrap
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

WIDTH = 11  # of a figure, in inches
GREY = "0.35"
COLOURS = sns.color_palette("colorblind")  # told apart with any kind of colour vision
BLUE, GREEN, ORANGE, PINK = COLOURS[0], COLOURS[2], COLOURS[3], COLOURS[4]
SPLITS = {"grouped": (BLUE, "o"), "random": (ORANGE, "s")}  # colour only where no model is shown
# Marker and dashes tell lines apart without colour.
STYLES = tuple(zip((BLUE, ORANGE, "black", GREY), ("o-", "s--", "^:", "D-."), strict=True))


def use_style() -> None:
    """Sets the one look of all figures: readable from the last row and when colour-blind."""
    # DejaVu Sans ships with matplotlib, so figures look the same on every machine.
    sns.set_theme(context="talk", style="white", palette="colorblind", font="DejaVu Sans")
    plt.rcParams.update(
        {
            "figure.dpi": 72,  # as wide as a page; a notebook of many pictures stays a small file
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
    """
    figure = np.ravel(np.asarray(ax, dtype=object))[0].get_figure(root=True)
    if figure.get_layout_engine() is None:
        figure.set_layout_engine("constrained")
    # Constrained layout reserves room for a figure-wide x label, unlike for plain text.
    figure.supxlabel(text, x=0.005, ha="left", fontsize="x-small", color=GREY, wrap=True)
    return ax


def check_models(names) -> None:
    if len(names) > len(STYLES):
        raise ValueError(
            f"There must be at most {len(STYLES)} models, more cannot be told apart. "
            f"Received: {', '.join(names)}. Select a few."
        )


def color_of(model: str) -> str | tuple:
    """The colour of a model in all figures: blue for the baseline, orange for ResNet50V2, green and
    pink for the robust ones, and grey for what has no convolutions."""
    if "ResNet50V2" in model:
        return PINK if "robust" in model else ORANGE
    if "CNN" in model:
        return GREEN if "robust" in model else BLUE
    return GREY


def line_of(model: str, place: int) -> dict:
    """How a model's line looks: in the model's colour, with marker and dashes by its place among
    those shown. Markers are filled where it is a robust one."""
    color, line = color_of(model), STYLES[place][1]
    return {
        "color": color,
        "marker": line[0],
        "linestyle": line[1:],
        "markerfacecolor": color if "robust" in model else "white",
        "markeredgewidth": 2,
    }


def bin_edges(start: float, stop: float) -> np.ndarray:
    """Edges of bins about a quarter wide that begin and end just there."""
    return np.linspace(start, stop, max(round(4 * (stop - start)), 1) + 1)


def make_axes(ax: Axes | None, width: float, height: float) -> Axes:
    """The given axes, or those of a new figure of this size in inches."""
    if ax is None:
        _, ax = plt.subplots(figsize=(width, height), layout="constrained")
    return ax


def finish(ax: Axes, title: str | None) -> Axes:
    if title:
        ax.set_title(title, loc="left", wrap=True)
    return ax


def make_figure(ax: Axes) -> Figure:
    """The whole figure, also of an axes in a part of it."""
    figure = ax.get_figure(root=True)
    assert figure is not None  # which only an axes that was taken away has none of
    return figure


def wrap_text(text: str, limit: int) -> list[str]:
    """Breaks lines at spaces, keeping those the caller made and never parting '99' from '%'."""
    text = text.replace(" %", "\N{NO-BREAK SPACE}%")
    return [line for part in text.split("\n") for line in textwrap.wrap(part, limit)] or [""]


def slant_if_crowded(ax: Axes) -> None:
    """Slants the class names below an axes if they would touch each other side by side."""
    make_figure(ax).draw_without_rendering()
    boxes = [label.get_window_extent() for label in ax.get_xticklabels()]
    if any(left.x1 + 4 > right.x0 for left, right in pairwise(boxes)):
        plt.setp(ax.get_xticklabels(), rotation=30, ha="right", rotation_mode="anchor")
