"""What the drawings share: a canvas in inches, boxes, arrows, texts, pictures, rounded shapes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch, Patch, Polygon, Rectangle
from matplotlib.text import Text
from scipy.special import logsumexp

from .style import COLOURS, GREY, WIDTH, finish, make_axes

SKY = COLOURS[9]
# x, y and radius at one end, and at the other: two discs and what lies between them.
Rod: TypeAlias = tuple[float, ...]
LIGHT, INK = "0.94", "0.15"


def make_canvas(height: float, title: str | None) -> Axes:
    """An empty axes whose units are inches: `WIDTH` wide, (0, 0) at the lower left."""
    # Room for a title and a credit line, so that neither makes the drawing smaller than its texts.
    ax = make_axes(None, WIDTH, height + (0.85 if title else 0.35))
    ax.set(xlim=(0, WIDTH), ylim=(0, height), aspect="equal", anchor="N")
    ax.set_axis_off()
    ax.autoscale(False)
    return finish(ax, title)


def write(ax: Axes, x: float, y: float, text: str, size: str = "small", **more) -> Text:
    """Writes a text around a point; it never wraps."""
    style = {"ha": "center", "va": "center", "color": INK, "linespacing": 1.25, **more}
    return ax.text(x, y, text, fontsize=size, **style)


def draw_box(
    ax: Axes, x: float, y: float, width: float, height: float, *, rounded: float = 0.08, **more
) -> Patch:
    """A box with round corners, (x, y) at the lower left."""
    style = {"facecolor": LIGHT, "edgecolor": "none", "linewidth": 2, **more}
    shape = f"round,pad=0,rounding_size={rounded}"
    return ax.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=shape, **style))


def draw_arrow(ax: Axes, start, end, **more) -> Patch:
    """A straight arrow between two points."""
    style = {
        "arrowstyle": "-|>",
        "mutation_scale": 22,
        "linewidth": 2.5,
        "color": GREY,
        "shrinkA": 0,
        "shrinkB": 0,
        **more,
    }
    return ax.add_patch(FancyArrowPatch(start, end, **style))


def show_picture(
    ax: Axes, pixels: np.ndarray, x: float, y: float, side: float, *, edge=INK, zorder=3, **more
) -> None:
    """A square picture with a thin frame, (x, y) at the lower left; black = 0, white = 1."""
    style = {"cmap": "gray", "vmin": 0, "vmax": 1, **more}
    ax.imshow(pixels, extent=(x, x + side, y, y + side), zorder=zorder, **style)
    frame = Rectangle((x, y), side, side, fill=False, edgecolor=edge, linewidth=2)
    ax.add_patch(frame).set_zorder(zorder + 0.5)


def draw_cuboid(ax: Axes, x: float, y: float, width: float, height: float, color) -> None:
    """A box seen from the side, (x, y) at the lower left of its front."""
    away = np.array([0.3, 0.18]) * height
    corner = np.array([x, y])
    right, up = np.array([width, 0]), np.array([0, height])
    faces = (
        (sns.light_palette(color, as_cmap=True)(0.6), (corner + up, right, away)),
        (sns.dark_palette(color, as_cmap=True)(0.65), (corner + right, up, away)),
        (color, (corner, right, up)),
    )
    for shade, (start, one, other) in faces:
        corners = [start, start + one, start + one + other, start + other]
        ax.add_patch(Polygon(corners, facecolor=shade, edgecolor="white", linewidth=0.8))


def apply_window(hounsfield: np.ndarray, level: float, width: float) -> np.ndarray:
    """Greys from 0 to 1: `level` is in the middle, `width` spans black to white."""
    return np.clip((hounsfield - level) / width + 0.5, 0, 1)


def join_rods(x: np.ndarray, y: np.ndarray, rods: Sequence[Rod], blend: float) -> np.ndarray:
    """Signed distance to rods that flow into each other, negative inside."""
    distances = []
    for x0, y0, r0, x1, y1, r1 in rods:
        right, up = x1 - x0, y1 - y0
        along = ((x - x0) * right + (y - y0) * up) / max(right**2 + up**2, 1e-9)
        along = along.clip(0, 1)
        distances.append(np.hypot(x - x0 - along * right, y - y0 - along * up))
        distances[-1] -= r0 + along * (r1 - r0)
    return soft_minimum(distances, blend)


def soft_minimum(distances: Sequence[np.ndarray], blend: float) -> np.ndarray:
    """The minimum of distances, rounded over about `blend` where two are equal."""
    return -blend * logsumexp(-np.asarray(distances) / blend, axis=0)
