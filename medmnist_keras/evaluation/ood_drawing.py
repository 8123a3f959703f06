"""Draws out-of-distribution pictures: X-rays of other body parts, and shapes."""

from __future__ import annotations

import numpy as np

from ..data.drawing import draw_ellipse, draw_pose, draw_rod, expose, mottle, paint, soften

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


def draw_knee(x, y, pick):
    x, plate = x * np.sign(pick(-1, 1)), pick(-0.2, 0.3).clip(0)
    shaft, wide, bone = pick(0.12, 0.17), pick(0.34, 0.44), pick(0.55, 0.8)
    canvas = np.zeros_like(x) + plate
    leg = soften(pick(0.5, 0.65) + 0.1 * np.cos(2 * y) - np.abs(x))
    paint(canvas, leg, plate + pick(0.15, 0.3))
    fibula = draw_rod(x, y, wide, 0.28, 1.6, 1.5, 0.05)
    paint(canvas, fibula, bone, 0.8)
    for up in (1, -1):  # the thigh bone above the joint, the shin bone below
        off = -up * y - 0.02
        half = shaft + (wide - shaft) * np.exp(-((off / pick(0.25, 0.4)) ** 2))
        inside = np.minimum(half - np.abs(x), off)
        paint(canvas, soften(+inside), bone + 0.15)  # compact bone
        paint(canvas, soften(inside - 0.05), bone + 0.05 * mottle(x, y, pick, 20))
    condyles = draw_ellipse(np.abs(x), y, 0.2, -0.14, 0.19, 0.13)
    paint(canvas, condyles, bone + 0.1, 0.6)
    paint(canvas, draw_ellipse(x, y, 0, -0.3, 0.16, 0.18), bone + 0.2, 0.5)  # the kneecap
    return canvas


def draw_foot(x, y, pick):
    x, plate, bone = x * np.sign(pick(-1, 1)), pick(-0.2, 0.3).clip(0), pick(0.6, 0.9)
    canvas, slope = np.zeros_like(x) + plate, pick(2.85, 3.05)
    flesh = np.maximum(
        draw_rod(x, y, 0.35, -1.5, 1.6, 1.9, pick(0.26, 0.34)),
        draw_rod(x, y, 0.55, 0.47, slope, 1.25, 0.17 + 0.1 * (x + 0.6).clip(0)),
    )
    paint(canvas, flesh, plate + pick(0.2, 0.35))
    paint(canvas, draw_rod(x, y, 0.5, -1.5, 1.62, 1.65, 0.05), bone - 0.15)
    paint(canvas, draw_rod(x, y, 0.32, -1.5, 1.58, 1.6, 0.11), bone)
    heel, ankle = (
        draw_ellipse(x, y, 0.52, 0.45, 0.26, 0.13, -0.4),
        draw_ellipse(x, y, 0.28, 0.25, 0.2, 0.1),
    )
    paint(canvas, heel, bone)
    paint(canvas, ankle, bone + 0.05)
    paint(canvas, draw_ellipse(x, y, 0.02, 0.3, 0.1, 0.1), bone - 0.05)
    for ray in (0, 0.05, 0.1):
        paint(canvas, draw_rod(x, y, -0.1, 0.33 + ray, slope - 0.4 + ray, 0.5, 0.045), bone - ray)
        paint(canvas, draw_rod(x, y, -0.6, 0.64 + 0.6 * ray, slope, 0.14, 0.035), bone - ray)
    return canvas


def draw_spine(x, y, pick):
    x, wide, pitch, bone = x * np.sign(pick(-1, 1)), pick(0.2, 0.28), pick(0.32, 0.42), 0.75
    bent = x - pick(-0.1, 0.1) - pick(0.05, 0.2) * np.sin(pick(1, 2.5) * y + pick(0, 6))
    canvas = np.zeros_like(x) + pick(0.25, 0.45)
    paint(canvas, soften(pick(0.9, 1.1) - bent), pick(0.3, 0.5))
    paint(canvas, soften(bent - pick(0.75, 0.95)), 0.02)  # air behind the back
    paint(canvas, draw_ellipse(x, y, -0.9, -0.4, pick(0.4, 0.7), 1), pick(0.05, 0.2))  # lung
    step = np.abs((y / pitch + pick(0, 1)) % 1 - 0.5) * pitch  # from the middle of a vertebra
    body = np.minimum(wide - 0.04 * np.cos(step / pitch * 6) - np.abs(bent), 0.38 * pitch - step)
    paint(canvas, soften(+body), bone + 0.15)
    paint(canvas, soften(body - 0.04), bone - 0.05 + 0.04 * mottle(x, y, pick, 18))
    slant = np.abs(((y - 0.5 * (bent - 0.3)) / pitch + pick(0, 1)) % 1 - 0.5) * pitch
    spines = np.minimum(0.16 - np.abs(bent - wide - 0.27), 0.06 - slant)
    paint(canvas, soften(spines), bone, 0.7)
    return canvas


def draw_teeth(x, y, pick):
    canvas, bone, enamel = np.zeros_like(x) + pick(0.1, 0.25), pick(0.4, 0.55), pick(0.8, 1)
    smile = y - pick(0.1, 0.35) * (0.4 - x * x)  # rows of teeth bend like a smile
    paint(canvas, soften(0.62 - np.abs(smile) - 0.1 * x * x), bone)
    paint(canvas, draw_rod(np.abs(x), y, 0.92, -0.6, 1.5, 0.9, 0.13), bone + 0.05)  # the jaw's ends
    paint(canvas, draw_ellipse(np.abs(x), y, 0.4, -0.65, 0.25, 0.16), 0.1)  # air of the sinuses
    pitch = pick(0.13, 0.18)
    for up in (1, -1):
        from_bite = -up * smile - 0.02
        across = np.abs((x / pitch + pick(0, 1)) % 1 - 0.5) * pitch
        root = np.minimum(0.46 * pitch - 0.1 * from_bite - across, pick(0.3, 0.42) - from_bite)
        tooth = np.minimum(np.minimum(root, from_bite), 0.85 - np.abs(x))
        paint(canvas, soften(+tooth), enamel - 0.15)
        paint(canvas, soften(np.minimum(tooth, 0.14 - from_bite)), enamel)
    paint(canvas, soften(0.015 - np.abs(smile)), 0.05, 0.7)
    return canvas
