"""Draws out-of-distribution pictures: X-rays of other body parts, and shapes."""

from __future__ import annotations

import numpy as np

from ..data.drawing import draw_ellipse, draw_pose, draw_rod, expose, paint, soften

COUNT = 200  # pictures in a set


def make_picker(rng, count=COUNT):
    def pick(low, high):
        return low + (high - low) * rng.random((count, 1, 1), dtype=np.float32)

    return pick


def draw_set(*drawers):
    """What makes a set of equal parts, each drawn by one of `drawers`."""

    def make(rng):
        pick = make_picker(rng, COUNT // len(drawers))
        pictures = [expose(draw(*draw_pose(pick), pick), pick, rng) for draw in drawers]
        return np.concatenate(pictures)

    return make


def draw_shapes(x, y, pick):
    canvas = np.zeros_like(x)
    for _ in range(3):
        at, tone = (pick(-0.7, 0.7), pick(-0.7, 0.7)), pick(0.25, 1)
        disk = draw_ellipse(x, y, *at, pick(0.1, 0.6), pick(0.1, 0.6), pick(0, 3))
        paint(canvas, disk, tone, pick(-1, 1) > 0)
        rod = draw_rod(x, y, *at, pick(0, 7), pick(0.2, 1.2), pick(0.03, 0.2))
        paint(canvas, rod, pick(0.25, 1), pick(-1, 1) > 0)
    away, turn = np.hypot(x - at[0], y - at[1]), np.arctan2(y - at[1], x - at[0])
    points = np.floor(pick(3, 9))
    star = soften(pick(0.3, 0.6) * (1 + pick(0.2, 0.6) * np.cos(points * turn)) - away)
    paint(canvas, star, pick(0.4, 1), pick(-1, 1) > -0.6)
    return canvas
