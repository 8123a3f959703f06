"""Pens for slices, ultrasound, tissue and pages of none of the six kinds; see `body_parts`."""

from __future__ import annotations

import numpy as np

from ..data.drawing import draw_ellipse, draw_rod, mottle, paint, soften


def draw_brain(x, y, pick):
    """Brain MRI: a bright scalp, a dark skull, folds; T1, T2 or FLAIR at random; often no skull."""
    front, bare = pick(0.55, 0.75), pick(0, 1) < 0.4
    high = front * pick(1.0, 1.3)
    canvas, white = np.zeros_like(x) + pick(-0.1, 0.05).clip(0), pick(0.35, 0.9)
    ring = draw_ellipse(x, y, 0, 0, front + 0.13, high + 0.13)
    paint(canvas, ring, pick(0.4, 1), ~bare)  # scalp
    paint(canvas, draw_ellipse(x, y, 0, 0, front + 0.08, high + 0.08), pick(0, 0.12), ~bare)
    inside = draw_ellipse(x, y, 0, 0, front, high)
    fluid = np.where(pick(0, 1) > 0.5, pick(0.02, 0.15), pick(0.8, 1))
    depth = 1 - np.sqrt((x / front) ** 2 + (y / high) ** 2)
    folds = np.abs(mottle(x, y, pick, pick(18, 30)))
    grey = white + pick(-0.3, 0.25)
    paint(canvas, inside, grey)
    core = 1 / (1 + np.exp(-(depth - 0.18 - 0.1 * folds) * 30))
    paint(canvas, inside * core, white + 0.04 * mottle(x, y, pick, 12))
    paint(canvas, inside * (folds < 0.12) * (depth < 0.3), fluid, 0.7)
    horn = draw_ellipse(
        np.abs(x), y, pick(0.08, 0.14), pick(-0.15, 0.05), pick(0.03, 0.1), 0.24, 0.2
    )
    paint(canvas, horn, fluid, pick(-0.3, 1) > 0)
    paint(canvas, draw_ellipse(np.abs(x), y, 0.2, 0.05, 0.09, 0.14, 0.3), grey, 0.7)
    lesion = draw_ellipse(x, y, pick(-0.4, 0.4), pick(-0.5, 0.5), pick(0.08, 0.25), pick(0.08, 0.2))
    paint(canvas, lesion * inside, pick(0.1, 1), pick(-1, 1) > 0.3)
    return canvas


def draw_head_from_the_side(x, y, pick):
    """Sagittal MRI of head and neck: vault, folds, brain stem, cerebellum, nose, spinal cord."""
    x, fat, brain = x * np.sign(pick(-1, 1)), pick(0.4, 1), pick(0.3, 0.8)
    canvas = np.zeros_like(x) + pick(-0.1, 0.05).clip(0)
    face = draw_ellipse(x, y, -0.3, 0.35, 0.42, 0.6, boxy=0.2)
    neck = draw_rod(x, y, 0.15, 0.3, 1.45, 1, 0.36)
    scalp = draw_ellipse(x, y, 0, -0.2, pick(0.76, 0.86), 0.7)
    paint(
        canvas, np.maximum(np.maximum(face, neck), scalp), fat * (0.7 + 0.2 * mottle(x, y, pick, 9))
    )
    paint(canvas, draw_ellipse(x, y, 0.02, -0.22, 0.73, 0.62), 0.05)
    inside = draw_ellipse(x, y, 0.02, -0.25, 0.68, 0.55)
    folds = np.abs(mottle(x, y, pick, pick(16, 26)))
    paint(canvas, inside, brain * (0.65 + 0.5 * folds.clip(0, 1)))
    paint(canvas, draw_ellipse(x, y, 0.0, -0.15, 0.3, 0.05, 0.1), brain + 0.2)  # corpus callosum
    paint(canvas, draw_ellipse(x, y, 0.36, 0.17, 0.24, 0.18), brain * 0.8)  # cerebellum
    paint(canvas, draw_rod(x, y, 0.1, 0.05, 1.4, 1.2, 0.07), brain)  # stem and cord
    for away in range(4):
        paint(canvas, draw_ellipse(x, y, 0.0, 0.5 + 0.15 * away, 0.08, 0.06), fat * 0.6)
    paint(canvas, draw_ellipse(x, y, -0.35, 0.3, 0.2, 0.1), 0.04, 0.9)
    return canvas


def draw_limb_slice(x, y, pick):
    """One limb across, as CT or MRI, or two as MRI: AbdomenCT itself holds CT of both thighs."""
    canvas, fat, muscle = np.zeros_like(x), pick(0.15, 1), pick(0.25, 0.7)
    two, bone = pick(0, 1) > 0.5, pick(0.02, 0.2)
    bone = np.where(two | (pick(0, 1) > 0.5), bone, pick(0.85, 1))
    u = np.where(two, 2 * (np.abs(x) - 0.48), x * 1.2)
    v = np.where(two, 2 * y, y * 1.2)
    size = pick(0.7, 1)
    paint(canvas, draw_ellipse(u, v, 0, 0, size, size * pick(0.85, 1.1)), fat)
    inner = draw_ellipse(u, v, 0, 0, size - pick(0.08, 0.3), size - pick(0.1, 0.3), boxy=0.2)
    paint(canvas, inner, muscle)
    paint(canvas, inner * (np.abs(mottle(u, v, pick, 6)) < 0.12), fat, 0.8)
    at = pick(-0.2, 0.2), pick(-0.2, 0.2)
    paint(canvas, draw_ellipse(u, v, *at, pick(0.14, 0.24), pick(0.14, 0.24)), bone)
    paint(canvas, draw_ellipse(u, v, *at, 0.09, 0.09), fat)
    shin = draw_ellipse(u, v, at[0] + 0.35, at[1] + 0.2, 0.09, 0.09)
    paint(canvas, shin, bone, pick(-1, 1) > 0)
    return canvas


def draw_knee_mri(x, y, pick):
    x, marrow, fluid = x * np.sign(pick(-1, 1)), pick(0.3, 1), pick(0.1, 1)
    canvas, fat, muscle = np.zeros_like(x), pick(0.1, 1), pick(0.2, 0.5)
    paint(canvas, soften(pick(0.6, 0.95) + 0.1 * np.cos(2 * y) - np.abs(x)), fat)
    paint(canvas, soften(np.minimum(x - 0.15, pick(0.6, 0.8) - x)), muscle)
    for up in (1, -1):
        off = -up * y - 0.05
        half = 0.24 + 0.22 * np.exp(-((off / 0.35) ** 2))
        inside = np.minimum(half - np.abs(x + 0.05), off)
        paint(canvas, soften(inside + 0.03), 0.04)
        paint(canvas, soften(inside - 0.02), marrow + 0.05 * mottle(x, y, pick, 14))
    paint(canvas, draw_ellipse(x, y, -0.05, 0, 0.42, 0.06), fluid)
    paint(canvas, draw_ellipse(x, y, -0.6, -0.3, 0.11, 0.22), marrow)  # the kneecap
    paint(canvas, draw_rod(x, y, -0.66, -0.05, 1.5, 0.6, 0.04), 0.04)
    return canvas


def draw_spine_mri(x, y, pick):
    x, marrow, disc = x * np.sign(pick(-1, 1)), pick(0.3, 0.9), pick(0.05, 0.95)
    canvas, fat = np.zeros_like(x) + pick(0, 0.3), pick(0.3, 1)
    pitch, bent = pick(0.24, 0.4), x - pick(0.05, 0.25) * np.sin(pick(1, 2) * y + pick(0, 6))
    paint(canvas, soften(np.minimum(bent - 0.25, pick(0.7, 1) - bent)), fat)  # the back
    paint(canvas, soften(bent - 0.25) * (np.abs(mottle(x, y, pick, 8)) < 0.4), 0.3, 0.7)
    step = np.abs((y / pitch + pick(0, 1)) % 1 - 0.5) * pitch
    paint(canvas, soften(0.2 - np.abs(bent)), disc)
    paint(canvas, soften(np.minimum(0.19 - np.abs(bent), 0.36 * pitch - step)), marrow)
    paint(canvas, soften(0.08 - np.abs(bent - 0.3)), pick(0.05, 1))  # fluid around the cord
    paint(canvas, soften(0.035 - np.abs(bent - 0.3)), pick(0.3, 0.6))
    spines = np.minimum(0.13 - np.abs(bent - 0.53), 0.25 * pitch - step)
    paint(canvas, soften(spines), marrow, 0.8)
    return canvas


def draw_retina(x, y, pick):
    """The back of an eye: a round field, a bright disc, vessels that part from it, a dark spot."""
    canvas, field = np.zeros_like(x), pick(0.75, 1.0)
    disc_x, light = pick(0.25, 0.5) * np.sign(pick(-1, 1)), pick(0.35, 0.75)
    ground = light * (1 - 0.3 * np.hypot(x, y)) + 0.03 * mottle(x, y, pick, 9)
    paint(canvas, draw_ellipse(x, y, 0, 0, field, field), ground)
    spot = np.exp(-(np.hypot(x + disc_x * 0.6, y) ** 2) / 0.03)
    canvas = canvas - 0.25 * spot * light
    u, v = x - disc_x, np.abs(y - pick(-0.05, 0.05))
    for bend in (0.45, 0.8):  # above and below they bend around the spot
        path = np.abs(v - bend * np.sqrt(np.abs(u) + 1e-3) - 0.02 * mottle(x, y, pick, 8))
        inside = draw_ellipse(x, y, 0, 0, field - 0.05, field - 0.05)
        paint(canvas, soften(pick(0.02, 0.05) - path) * inside, 0.45 * light, 0.8)
    paint(canvas, draw_ellipse(x, y, disc_x, 0, 0.13, 0.15), light + 0.3)
    return canvas


def draw_tissue(x, y, pick):
    """Stained tissue under a microscope: dark nuclei, strands, holes, on a light ground."""
    waves = pick(12, 40)
    cells = mottle(x, y, pick, waves) * mottle(y, x, pick, waves * 0.8)
    canvas = pick(0.6, 0.9) + 0.12 * mottle(x, y, pick, 6)
    strands = np.abs(mottle(x, y, pick, pick(5, 14)))
    canvas = canvas - pick(0, 0.3) * (strands < 0.25)
    paint(canvas, 1.0 * (cells > pick(0.3, 0.7)), pick(0.1, 0.4))
    paint(canvas, 1.0 * (mottle(x, y, pick, 7) > pick(0.9, 1.4)), 0.95)
    return canvas


def draw_ultrasound(x, y, pick):
    """Speckle in a fan or a square, layers near the skin, dark cysts, bright bones, shadows."""
    top, fan = pick(-1.4, -1.0), pick(0, 1) > 0.4
    radius, turn = np.hypot(x, y - top), np.arctan2(x, y - top)
    field = np.minimum(pick(0.5, 0.85) - np.abs(turn), pick(1.7, 2.1) - radius)
    field = np.where(fan, np.minimum(field, radius - pick(0.15, 0.5)), 0.95 - np.abs(x) * 0.9)
    tissue = pick(0.15, 0.5) + 0.15 * mottle(x, y, pick, 7)
    layers = 0.2 * np.sin(pick(10, 25) * radius + mottle(x, y, pick, 4)) * (radius < pick(0.5, 1.2))
    canvas = tissue + layers
    for _ in range(2):
        at = pick(-0.5, 0.5), pick(-0.4, 0.6)
        shape = draw_ellipse(x, y, *at, pick(0.1, 0.45), pick(0.08, 0.35), pick(0, 3))
        paint(canvas, shape, pick(0, 0.15), pick(-0.5, 1) > 0)
    arc = np.abs(np.hypot(x - pick(-0.3, 0.3), y - pick(-0.3, 0.3)) - pick(0.25, 0.55))
    paint(canvas, soften(0.04 - arc), pick(0.6, 1), pick(-1, 1) > 0)  # a head, a vessel's wall
    speckle = np.abs(mottle(x, y, pick, 45) + mottle(y, x, pick, 60))
    return canvas * (0.35 + 0.8 * speckle) * soften(field)


def draw_page(x, y, pick):
    """A page or a screen: lines of words, a heading, a picture, columns; dark on light or not."""
    paper, ink = pick(0.75, 1), pick(0, 0.35)
    canvas = np.zeros_like(x) + paper
    pitch, words = pick(0.08, 0.2), pick(10, 45)
    row = np.floor(y / pitch)
    letters = np.sin(words * x + 9 * row) + np.sin(2.3 * words * x + 5 * row) > -0.6
    line = np.abs((y / pitch) % 1 - 0.5) < pick(0.15, 0.3)
    ends = np.abs(x) < 0.85 - 0.3 * (np.sin(7.7 * row) > 0.7)
    gap = (np.abs(x) > 0.06) | (pick(0, 1) > 0.4)
    paint(canvas, line * letters * ends * gap * 1.0, ink)
    box = np.minimum(
        pick(0.2, 0.7) - np.abs(x - pick(-0.3, 0.3)), pick(0.15, 0.4) - np.abs(y - pick(-0.5, 0.5))
    )
    paint(canvas, soften(box), pick(0, 1), pick(-1, 1) > 0)
    return np.where(pick(0, 1) < 0.25, 1 - canvas, canvas)


def draw_chart(x, y, pick):
    """Axes with a curve, bars or points."""
    canvas, ink = np.zeros_like(x) + pick(0.8, 1), pick(0, 0.4)
    left, floor, kind = -0.75, 0.7, pick(0, 3)
    paint(canvas, soften(0.025 - np.abs(x - left)) * (y < floor), ink)
    paint(canvas, soften(0.025 - np.abs(y - floor)) * (x > left), ink)
    curve = pick(-0.4, 0.4) * np.sin(pick(1, 6) * x + pick(0, 6)) + pick(-0.6, 0.6) * x
    paint(canvas, soften(pick(0.02, 0.05) - np.abs(y - curve)) * (x > left), ink, kind < 1)
    column = np.floor(x / 0.22)
    tall = floor - 0.3 - 0.8 * np.abs(np.sin(3.3 * column + 10 * kind))
    bars = (np.abs((x / 0.22) % 1 - 0.5) < 0.35) * (y > tall) * (y < floor) * (x > left)
    paint(canvas, bars * 1.0, pick(0, 0.6), (kind >= 1) & (kind < 2))
    dots = np.abs(mottle(x, y - curve, pick, 22)) < 0.1
    paint(canvas, dots * (np.abs(y - curve) < 0.3) * (x > left) * 1.0, ink, kind >= 2)
    return canvas
