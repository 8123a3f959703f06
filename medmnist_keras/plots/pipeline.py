"""A drawing of the way of a picture through the package."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from ._canvas import (
    INK,
    LIGHT,
    SKY,
    apply_window,
    draw_arrow,
    draw_box,
    draw_cuboid,
    make_canvas,
    show_picture,
    write,
)
from ._phantom import draw_chest_slice
from .style import BLUE, GREY, ORANGE

_WIDE, _TALL, _ICON = 2.45, 2.45, 1.05


def draw_pipeline(title: str | None = None) -> Axes:
    """Draws the way of a picture through the package, from files to figures, in eight steps.

    Each step has a sign, its name, the function that does it, and the folder it is in.

    Args:
        title: What the figure shows.

    Returns:
        The axes, of a figure of its own.
    """
    steps = (
        ("pictures", "data", "load_images()", _draw_pictures),
        ("arrays", "data", "(N, 64, 64, 1)", _draw_array),
        ("splits", "data", "split_indices()", _draw_splits),
        ("tf.data", "data", "make_dataset()", _draw_batches),
        ("model", "models", "baseline_cnn()", _draw_model),
        ("training", "training", "train()", _draw_loss),
        ("evaluation", "evaluation", "evaluate()", _draw_matrix),
        ("figures", "plots", "learning_curves()", _draw_bars),
    )
    ax = make_canvas(5.7, title)
    step, lower = 2.84, 0.05
    for number, (name, folder, code, draw_icon) in enumerate(steps):
        x, y = 0.02 + step * (number % 4), lower + (1 - number // 4) * 3.15
        draw_box(ax, x, y, _WIDE, _TALL, facecolor=LIGHT)
        draw_icon(ax, x + (_WIDE - _ICON) / 2, y + 1.28)
        write(ax, x + _WIDE / 2, y + 0.84, name, "medium", weight="bold", va="baseline", color=BLUE)
        write(ax, x + _WIDE / 2, y + 0.55, code, family="monospace")
        write(ax, x + _WIDE / 2, y + 0.22, f"{folder}/", color=GREY)
        if number % 4 < 3:
            middle = y + _TALL / 2
            draw_arrow(ax, (x + _WIDE + 0.03, middle), (x + step - 0.03, middle))
    # From the end of the first row to the beginning of the second.
    right, left, between = 0.02 + 3 * step + _WIDE / 2, 0.02 + _WIDE / 2, lower + 2.8
    ax.plot([right, right, left, left], [3.2, between, between, 2.7], color=GREY, linewidth=2.5)
    draw_arrow(ax, (left, between), (left, lower + _TALL + 0.03))
    return ax


# Each draws in a square of `_ICON` inches, (x, y) at its lower left.


def _draw_pictures(ax: Axes, x: float, y: float) -> None:
    chest = draw_chest_slice()
    windows = ((400, 1800), (-600, 1500), (50, 400))
    for number, window in enumerate(windows, start=3):
        shift = 0.16 * (number - 4)
        show_picture(
            ax,
            apply_window(chest, *window),
            x + 0.13 + shift,
            y + 0.13 - shift,
            0.78,
            zorder=number,
        )


def _draw_array(ax: Axes, x: float, y: float) -> None:
    chest = apply_window(draw_chest_slice(), -300, 1400)
    show_picture(ax, chest.reshape(8, 32, 8, 32).mean(axis=(1, 3)), x, y, _ICON)
    for line in np.arange(1, 8) / 8 * _ICON:
        ax.plot([x, x + _ICON], [y + line] * 2, color="white", linewidth=1.5, zorder=4)
        ax.plot([x + line] * 2, [y, y + _ICON], color="white", linewidth=1.5, zorder=4)


def _draw_splits(ax: Axes, x: float, y: float) -> None:
    """Ten stacks: eight to train, one to validate, one to test."""
    for column in range(10):
        color = BLUE if column < 8 else SKY if column == 8 else ORANGE
        left = x - 0.2 + 0.135 * column + 0.06 * max(column - 7, 0)
        for row in range(5):
            draw_box(ax, left, y + 0.2 * row + 0.03, 0.11, 0.15, rounded=0.02, facecolor=color)


def _draw_batches(ax: Axes, x: float, y: float) -> None:
    chest = apply_window(draw_chest_slice(), -300, 1400)
    for batch in range(3):
        for number in range(3):
            left = x - 0.28 + 0.58 * batch + 0.05 * number
            show_picture(ax, chest, left, y + 0.42 - 0.05 * number, 0.42, zorder=3 + number)
    draw_arrow(ax, (x - 0.3, y + 0.1), (x + _ICON + 0.35, y + 0.1), mutation_scale=16)


def _draw_model(ax: Axes, x: float, y: float) -> None:
    left = x - 0.2
    for width, height in ((0.12, 0.85), (0.22, 0.55), (0.36, 0.3)):
        draw_cuboid(ax, left, y + _ICON / 2 - height / 2, width, height, BLUE)
        left += width + 0.3 * height + 0.12


def _draw_frame(ax: Axes, x: float, y: float) -> None:
    corners = [x, x, x + _ICON], [y + _ICON, y, y]
    ax.plot(*corners, color=INK, linewidth=2.5, solid_joinstyle="miter")


def _draw_loss(ax: Axes, x: float, y: float) -> None:
    _draw_frame(ax, x, y)
    epoch = np.linspace(0.05, 1, 60)
    for color, floor, line in ((BLUE, 0.08, "-"), (ORANGE, 0.2, "--")):
        loss = floor + (0.95 - floor) * np.exp(-4.5 * epoch)
        ax.plot(x + _ICON * epoch, y + _ICON * loss, line, color=color, linewidth=3)


def _draw_matrix(ax: Axes, x: float, y: float) -> None:
    cell = _ICON / 5
    for row in range(5):
        for column in range(5):
            hit = row + column == 4
            color = BLUE if hit else ORANGE if (row, column) == (3, 3) else "white"
            corner = x + cell * column + 0.015, y + cell * row + 0.015
            ax.add_patch(Rectangle(corner, cell - 0.03, cell - 0.03, facecolor=color))


def _draw_bars(ax: Axes, x: float, y: float) -> None:
    _draw_frame(ax, x, y)
    for number, height in enumerate((0.35, 0.6, 0.5, 0.85)):
        corner = x + 0.12 + 0.23 * number, y
        color = ORANGE if number == 3 else BLUE
        ax.add_patch(Rectangle(corner, 0.16, height * _ICON, facecolor=color))
