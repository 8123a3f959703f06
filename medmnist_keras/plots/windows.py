"""Drawings of Hounsfield units: the windows that CT is seen through, and what they clip away."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from ._canvas import (
    INK,
    apply_window,
    draw_arrow,
    draw_box,
    make_canvas,
    show_picture,
    write,
)
from ._phantom import draw_chest_slice
from .style import BLUE, GREEN, GREY, ORANGE, WIDTH

# Level and width, of https://radiopaedia.org/articles/windowing-ct: lungs, abdomen, spine.
WINDOWS: dict[str, tuple[float, float]] = {
    "lung": (-600, 1500),
    "soft tissue": (50, 400),
    "bone": (400, 1800),
}
_COLOURS = (BLUE, ORANGE, GREEN)  # of windows
# Rounded from Buzug 2008, Computed Tomography, https://doi.org/10.1007/978-3-540-39408-2: what
# most of a tissue lies in. Air is -1000 and water 0 by definition.
_TISSUES = {
    "lung": (-950, -550),
    "fat": (-100, -50),
    "soft tissue": (20, 70),
    "bone": (250, 1500),
}
_LOWEST, _HIGHEST = -1400, 1500  # of the axis


def draw_windows(hounsfield_slice: ArrayLike | None = None, title: str | None = None) -> Axes:
    """Draws three windows on an axis of Hounsfield units, and one CT slice through each.

    A window's level becomes middle grey, its width spans black to white, and what lies outside is
    lost. Levels and widths are `WINDOWS`, from https://radiopaedia.org/articles/windowing-ct;
    the ranges of tissues are rounded from Buzug 2008, Computed Tomography
    (https://doi.org/10.1007/978-3-540-39408-2).

    Args:
        hounsfield_slice: Floats in Hounsfield units (air -1000, water 0), shape
            `(height, width[, 1])`, such as one of `augmentation.guess_hounsfield()`; `None` for a
            drawn phantom of a chest.
        title: What the figure shows.

    Returns:
        The axes, of a figure of its own.

    Raises:
        ValueError: For another shape, or values that can't be Hounsfield units.
    """
    if hounsfield_slice is None:
        hounsfield_slice = draw_chest_slice()
    units = _check_hounsfield(hounsfield_slice, "hounsfield_slice")
    ax = make_canvas(6.35, title)
    _draw_axis(ax, 3.85)
    shades = np.arange(_LOWEST, _HIGHEST, dtype=float)[None]
    side = 2.75
    for row, (color, (name, window)) in enumerate(zip(_COLOURS, WINDOWS.items(), strict=True)):
        y, (level, width) = 5.92 - 0.5 * row, window
        extent = (_place(_LOWEST), _place(_HIGHEST), y, y + 0.38)
        ax.imshow(apply_window(shades, *window), extent=extent, cmap="gray", vmin=0, vmax=1)
        window_ends = level - width / 2, level + width / 2
        for (low, high), edge, line in (((_LOWEST, _HIGHEST), GREY, 1), (window_ends, color, 3)):
            frame = Rectangle((_place(low), y), _place(high) - _place(low), 0.38, fill=False)
            ax.add_patch(frame).set(edgecolor=edge, linewidth=line, zorder=2 + line)
        write(ax, 0.1, y + 0.2, f"{name} window", color=color, weight="bold", ha="left")
        x = WIDTH / 2 - side / 2 + (row - 1) * (side + 0.85)
        show_picture(ax, apply_window(units, *window), x, 0.05, side, edge=color)
        told = f"level {_signed(level)}, width {width:g}"
        write(ax, x + side / 2, side + 0.25, told, color=color)
    return ax


def _place(hounsfield: float) -> float:
    """Where on the axis a value lies, in inches from the left."""
    return 2.6 + (WIDTH - 2.7) * (hounsfield - _LOWEST) / (_HIGHEST - _LOWEST)


def _signed(number: float) -> str:
    return f"{number:g}".replace("-", "\N{MINUS SIGN}")


def _draw_axis(ax: Axes, y: float) -> None:
    """The axis at this height, tissues on it, their names above."""
    ax.plot([_place(_LOWEST), _place(_HIGHEST)], [y, y], color=INK, linewidth=2)
    write(ax, 0.1, y - 0.2, "Hounsfield units", ha="left", weight="bold")
    for tick in (-1000, -500, 0, 500, 1000):
        ax.plot([_place(tick)] * 2, [y - 0.08, y], color=INK, linewidth=2)
        write(ax, _place(tick), y - 0.23, _signed(tick))
    for name, definition in (("air", -1000), ("water", 0)):
        write(ax, _place(definition), y - 0.5, name)
    for name, (low, high) in _TISSUES.items():
        left, right = _place(low), _place(high)
        draw_box(ax, left, y + 0.06, right - left, 0.28, rounded=0.02, facecolor=GREY)
        # Fat and soft tissue lie so near each other that their names part to the sides.
        x, ha = {"fat": (right, "right"), "soft tissue": (left, "left")}.get(
            name, ((left + right) / 2, "center")
        )
        write(ax, x, y + 0.45, name, ha=ha, va="baseline")


def draw_guess(
    image: ArrayLike,
    hounsfield: ArrayLike,
    windows: Mapping[str, tuple[float, float]] = WINDOWS,
    title: str | None = None,
) -> Axes:
    """Draws how robust training shows a CT slice anew: grey, guessed Hounsfield units, windows.

    In the grey picture the background is hatched: whatever had that grey or less was clipped to
    it, so that nobody knows what it was. The Hounsfield units there are made up.

    Args:
        image: One grey CT slice, 0-255, shape `(height, width[, 1])`.
        hounsfield: Floats of the same shape in Hounsfield units (air -1000, water 0), such as
            one of `augmentation.guess_hounsfield()`.
        windows: Name of a window to its level and width in Hounsfield units; one to three.
        title: What the figure shows.

    Returns:
        The axes, of a figure of its own.

    Raises:
        ValueError: For shapes that don't fit, values that can't be grey levels or Hounsfield
            units, or another number of windows.
    """
    grey, units = _check_slice(image, "image"), _check_hounsfield(hounsfield, "hounsfield")
    if grey.shape != units.shape:
        raise ValueError(
            "`image` and `hounsfield` must be of one slice and shape. "
            f"Received: {grey.shape} and {units.shape}. Take the same index of both."
        )
    if grey.min() < 0 or grey.max() > 255:
        raise ValueError(
            "`image` must have grey levels in 0-255. "
            f"Received: {grey.min():g} to {grey.max():g}. Pass a picture of `load_data()`."
        )
    if not 1 <= len(windows) <= 3:
        raise ValueError(
            "`windows` must hold one to three windows, more would be too small to see. "
            f"Received: {len(windows)}. Select a few."
        )
    ax = make_canvas(3.35, title)
    side, y = 1.85, 0.95
    lefts = [0.05, 2.45, *(4.95 + 1.99 * np.arange(len(windows)))]
    show_picture(ax, grey / 255, lefts[0], y, side)
    _hatch_clipped(ax, grey, lefts[0], y, side)
    shown: dict[str, Any] = {"cmap": "cividis", "vmin": -1000, "vmax": 1000}
    show_picture(ax, units, lefts[1], y, side, **shown)
    bar = lefts[1], lefts[1] + side, y - 0.32, y - 0.17
    ax.imshow(np.linspace(-1000, 1000, 256)[None], extent=bar, aspect="equal", **shown)
    for tick, ha in ((-1000, "left"), (0, "center"), (1000, "right")):
        x = lefts[1] + side * (tick + 1000) / 2000
        write(ax, x, y - 0.5, _signed(tick), ha=ha)
    write(ax, lefts[1] + side / 2, y - 0.79, "Hounsfield units")
    for left, (level, width) in zip(lefts[2:], windows.values(), strict=True):
        show_picture(ax, apply_window(units, level, width), left, y, side)
        told = f"level {_signed(level)}\nwidth {width:g}"
        write(ax, left + side / 2, y - 0.12, told, va="top")
    write(
        ax, lefts[0] + side / 2, y - 0.12, "hatched: clipped\nto one grey", va="top", color=ORANGE
    )
    for left, name in zip(lefts, ("the picture", "a guess", *windows), strict=True):
        write(ax, left + side / 2, y + side + 0.18, name, weight="bold", va="baseline")
    for left in lefts[:2]:
        draw_arrow(ax, (left + side + 0.08, y + side / 2), (left + side + 0.5, y + side / 2))
    return ax


def _hatch_clipped(ax: Axes, grey: np.ndarray, x: float, y: float, side: float) -> None:
    """Hatches the background: the most frequent grey, a few levels of compression, and below."""
    background = np.bincount(grey.astype(int).ravel()).argmax()
    clipped = (grey <= background + 4).astype(float)
    height, width = grey.shape
    across = x + side * (np.arange(width) + 0.5) / width
    down = y + side * (1 - (np.arange(height) + 0.5) / height)
    hatched = ax.contourf(across, down, clipped, levels=[0.5, 2], colors="none", hatches=["//"])
    hatched.set(edgecolor=ORANGE, linewidth=0, zorder=3.5)


def _check_slice(values: ArrayLike, name: str) -> np.ndarray:
    """One slice as floats `(height, width)`."""
    values = np.asarray(values, dtype=float)
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    if values.ndim != 2 or not values.size or not np.isfinite(values).all():
        raise ValueError(
            f"`{name}` must be one slice of finite numbers, shape (height, width) or "
            f"(height, width, 1). Received: shape={values.shape}. Pass `{name}[0]` of several."
        )
    return values


def _check_hounsfield(values: ArrayLike, name: str) -> np.ndarray:
    units = _check_slice(values, name)
    if units.min() >= 0:
        raise ValueError(
            f"`{name}` must be in Hounsfield units, in which air is -1000 and water 0. "
            f"Received: values from {units.min():g} to {units.max():g}, which may be grey levels. "
            "Pass a result of `guess_hounsfield()`."
        )
    return units
