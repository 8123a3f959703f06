"""A standing body, seen from the front, as an outline; heights are 0 (soles) to 8 (crown)."""

from __future__ import annotations

import functools

import numpy as np
from matplotlib.axes import Axes

from ._canvas import join_rods, soft_minimum

# Of the left half in the picture's right, mirrored: rods of x, y, radius at both ends. Eight heads
# high, as in drawing lessons.
_TRUNK = (
    (0, 7.5, 0.40, 0, 7.32, 0.36),  # skull
    (0, 7.2, 0.30, 0, 7.05, 0.22),  # jaw
    (0, 7.0, 0.19, 0, 6.6, 0.20),  # neck
    (0, 6.45, 0.22, 0.62, 6.28, 0.2),  # shoulder
    (0.34, 6.0, 0.42, 0.3, 4.9, 0.34),  # chest, waist
    (0, 6.0, 0.45, 0, 4.4, 0.45),
    (0.3, 4.9, 0.34, 0.36, 4.2, 0.38),  # hip
)
_LEG = (
    (0.38, 4.1, 0.40, 0.34, 2.35, 0.24),  # thigh
    (0.34, 2.35, 0.24, 0.36, 1.65, 0.225),  # knee, calf
    (0.36, 1.65, 0.225, 0.34, 0.4, 0.12),
    (0.35, 0.25, 0.13, 0.46, 0.12, 0.11),  # foot
)
_ARM = (
    (0.78, 6.2, 0.22, 1.02, 5.15, 0.16),  # upper arm
    (1.04, 5.05, 0.165, 1.3, 4.1, 0.1),  # forearm
)
HAND = (1.44, 3.7)  # the middle of it
_HAND = (
    (1.33, 4.0, 0.1, 1.42, 3.8, 0.12),  # palm
    (1.3, 3.93, 0.05, 1.13, 3.68, 0.045),  # thumb
    (1.34, 3.76, 0.05, 1.31, 3.36, 0.04),
    (1.42, 3.74, 0.05, 1.44, 3.27, 0.04),
    (1.49, 3.76, 0.05, 1.57, 3.31, 0.04),
    (1.52, 3.82, 0.05, 1.68, 3.44, 0.038),
)


@functools.cache
def _outline() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A grid across and up, and the signed distance to the body there, negative inside."""
    across, up = np.meshgrid(np.linspace(-1.9, 1.9, 229), np.linspace(-0.15, 8.1, 496))
    parts = [
        join_rods(np.abs(across), up, rods, blend)
        for rods, blend in ((_TRUNK, 0.08), (_LEG, 0.08), (_ARM, 0.08), (_HAND, 0.01))
    ]
    return across, up, soft_minimum(parts, 0.015)


def draw_silhouette(
    ax: Axes, x: float, y: float, height: float, *, fill, edge, linewidth: float = 2, zorder=1
) -> None:
    """Draws the body with its soles at (x, y), all in the axes' units."""
    across, up, distance = _outline()
    place = x + height / 8 * across, y + height / 8 * up
    ax.contourf(*place, distance, levels=[-9, 0], colors=[fill], zorder=zorder)
    ax.contour(*place, distance, levels=[0], colors=[edge], linewidths=linewidth, zorder=zorder)
