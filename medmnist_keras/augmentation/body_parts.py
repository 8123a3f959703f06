"""Draws body parts and pages that are none of the six kinds: outliers to train with.

X-rays of other bones, slices of other modalities, ultrasound and pages, drawn as the phantoms are:
with NumPy alone, from soft-edged ellipses and rods. Whoever measures on drawings of these pens
measures what was trained.
"""

from __future__ import annotations

import numpy as np

from ..data.drawing import (
    draw_ellipse,
    draw_pose,
    draw_rod,
    expose,
    mottle,
    paint,
    soften,
)
from ..info import IMAGE_SIZE

_CHUNK = 32  # pictures drawn at a time


def draw_body_parts(count: int, *, seed: int = 0) -> np.ndarray:
    """Draws pictures of body parts and pages that belong to none of the six classes.

    Args:
        count: int, how many; every kind comes equally often.
        seed: int. The same seed gives the same pictures.

    Returns:
        uint8 `(count, 64, 64, 1)`, values 0-255.
    """
    images = np.empty((count, IMAGE_SIZE, IMAGE_SIZE, 1), np.uint8)
    for chunk, start in enumerate(range(0, count, _CHUNK)):
        rng = np.random.default_rng([seed, chunk])

        def pick(low, high, rng=rng):
            return low + (high - low) * rng.random((_CHUNK, 1, 1), dtype=np.float32)

        drawer = _DRAWERS[chunk % len(_DRAWERS)]
        drawn = expose(drawer(*draw_pose(pick), pick), pick, rng)
        images[start : start + _CHUNK, ..., 0] = drawn[: count - start]
    return images


def _film(x, pick):
    """An empty X-ray: black, or the grey of a plate."""
    return np.zeros_like(x) + pick(-0.2, 0.3).clip(0)


def _bone(canvas, x, y, pick, *rod, tone):
    """A long bone: dense at its edges, lighter in its marrow."""
    cx, cy, angle, length, radius = rod
    paint(canvas, draw_rod(x, y, cx, cy, angle, length, radius), tone)
    marrow = draw_rod(x, y, cx, cy, angle, length, 0.55 * radius)
    paint(canvas, marrow, tone - pick(0.05, 0.25), 0.8)


def _draw_foot_from_above(x, y, pick):
    x, size, bone = x * np.sign(pick(-1, 1)), pick(0.8, 1.15), pick(0.6, 0.9)
    canvas = _film(x, pick)
    plate = canvas[:, :1, :1].copy()
    # Long metatarsals close together, short toes, and a narrow sole where a hand has its wrist.
    sole = draw_ellipse(x, y, 0.02, 0.25, 0.33 * size, 0.85 * size, pick(-0.1, 0.1), boxy=0.3)
    ball = draw_ellipse(x, y, -0.02, -0.25, 0.42 * size, 0.3 * size, -0.25)
    flesh = np.maximum(sole, ball)
    rays = []
    for ray in range(5):
        at = (ray - 2) * 0.15 * size
        top = -0.28 + 0.09 * abs(ray - 0.7) + 0.05 * ray * (ray > 2)
        toe = (0.42 if ray == 0 else 0.36 - 0.05 * ray) * size
        rays.append((at, top, toe))
        flesh = np.maximum(flesh, draw_rod(x, y, at, top, -1.57, toe, 0.1 if ray == 0 else 0.07))
    paint(canvas, flesh, plate + pick(0.2, 0.4))
    paint(canvas, draw_ellipse(x, y, 0.02, 0.78 * size, 0.16, 0.24), bone - 0.1)  # heel
    for at_x, at_y in ((-0.1, 0.4), (0.1, 0.42), (-0.16, 0.26), (-0.02, 0.25), (0.15, 0.27)):
        paint(canvas, draw_ellipse(x, y, at_x * size, at_y * size, 0.1, 0.08), bone)
    for ray, (at, top, toe) in enumerate(rays):
        thick = 0.062 if ray == 0 else 0.038
        length = (0.4 + 0.02 * ray) * size
        _bone(
            canvas, x, y, pick, 0.7 * at, top + length, -1.57 + 0.25 * at, length, thick, tone=bone
        )
        _bone(canvas, x, y, pick, at, top - 0.05, -1.57, 0.42 * toe, thick, tone=bone)
        _bone(canvas, x, y, pick, at, top - 0.1 - 0.5 * toe, -1.57, 0.3 * toe, thick, tone=bone)
    return canvas


def _draw_ankle(x, y, pick):
    canvas, bone = _film(x, pick), pick(0.6, 0.9)
    plate = canvas[:, :1, :1].copy()
    leg = soften(pick(0.42, 0.6) + 0.15 * (y - 0.2).clip(0) - np.abs(x))
    paint(canvas, leg * soften(pick(0.75, 1.3) - y), plate + pick(0.2, 0.35))
    _bone(canvas, x, y, pick, -0.06, 0.15, -1.55, 1.6, pick(0.13, 0.18), tone=bone)
    _bone(canvas, x, y, pick, 0.28, 0.42, -1.6, 1.8, pick(0.06, 0.09), tone=bone)
    paint(canvas, draw_ellipse(x, y, -0.04, 0.12, 0.26, 0.1), bone)  # the joint's upper side
    paint(canvas, draw_ellipse(x, y, 0.02, 0.34, 0.22, 0.14, boxy=0.6), bone + 0.08)  # talus
    paint(canvas, draw_ellipse(x, y, pick(-0.1, 0.1), 0.68, 0.2, 0.22), bone)  # heel
    return canvas


def _draw_shoulder(x, y, pick):
    x, bone = x * np.sign(pick(-1, 1)), pick(0.6, 0.9)
    canvas = _film(x, pick)
    plate = canvas[:, :1, :1].copy()
    top = -0.55 + 0.55 * (x + 0.1).clip(0) ** 2 - 0.25 * (-x - 0.5).clip(0)
    paint(canvas, soften((y - top) * 0.7) * soften(pick(0.75, 1.1) - x), plate + pick(0.25, 0.45))
    lung = draw_ellipse(x, y, pick(-1.1, -0.75), pick(0.5, 0.8), pick(0.45, 0.7), pick(0.8, 1.1))
    paint(canvas, lung, plate + 0.05)
    for rib in range(4):  # of the chest, at the picture's edge
        at = 0.1 + 0.27 * rib
        arc = np.abs(np.hypot((x + 1.1) * 0.9, y - at - 0.35) - 0.62)
        paint(canvas, soften(0.04 - arc) * (x < -0.2), bone, 0.5)
    blade = np.minimum(0.62 + 0.8 * (x + 0.25) - (y - 0.0), y + 0.3)
    blade = soften(np.minimum(blade, 0.1 - x) * 0.6)
    paint(canvas, blade, bone - 0.15, 0.55)
    _bone(canvas, x, y, pick, 0.34, -0.1, pick(1.2, 1.7), 1.5, pick(0.1, 0.14), tone=bone)
    paint(canvas, draw_ellipse(x, y, 0.27, -0.17, pick(0.19, 0.25), pick(0.2, 0.26)), bone + 0.05)
    paint(canvas, draw_ellipse(x, y, 0.04, -0.14, 0.07, 0.2), bone + 0.1, 0.8)  # its socket
    _bone(canvas, x, y, pick, -1.1, -0.42, pick(-0.12, 0.05), 1.2, 0.055, tone=bone)  # clavicle
    paint(canvas, draw_rod(x, y, 0.0, -0.48, 0.2, 0.3, 0.07), bone)  # acromion
    return canvas


def _draw_limb(x, y, pick):
    """One or two long bones, whole or bent at a joint: upper arm, elbow, forearm, thigh, shin."""
    canvas, bone, lean = _film(x, pick), pick(0.6, 0.95), pick(-0.4, 0.4)
    plate, bend = canvas[:, :1, :1].copy(), pick(0, 1.6) * (pick(0, 1) > 0.4)
    flesh = np.maximum(
        draw_rod(x, y, 0, 0, lean - 1.57, 2, pick(0.25, 0.45)),
        draw_rod(x, y, 0, 0, lean + 1.57 - bend, 2, pick(0.22, 0.4)),
    )
    paint(canvas, flesh, plate + pick(0.2, 0.4))
    _bone(canvas, x, y, pick, 0, -0.08, lean - 1.57, 2, pick(0.09, 0.16), tone=bone)
    paint(canvas, draw_ellipse(x, y, 0, -0.05, pick(0.16, 0.26), pick(0.1, 0.16), lean), bone)
    for side, present in ((-0.1, 1), (0.12, pick(0, 1) > 0.3)):
        _shaft = draw_rod(x, y, side, 0.06, lean + 1.57 - bend, 2, pick(0.06, 0.1))
        paint(canvas, _shaft, bone - 0.05, present)
    return canvas


def _draw_pelvis(x, y, pick):
    canvas, bone, side = _film(x, pick), pick(0.55, 0.85), np.abs(x)
    plate = canvas[:, :1, :1].copy()
    paint(canvas, draw_ellipse(x, y, 0, 0.1, pick(0.9, 1.3), 1.6, boxy=0.5), plate + pick(0.2, 0.4))
    wing = draw_ellipse(side, y, 0.52, -0.35, pick(0.26, 0.34), 0.42, pick(-0.6, -0.3))
    paint(canvas, wing, bone, 0.7)
    paint(canvas, draw_ellipse(x, y, 0, -0.3, 0.2, 0.36), bone, 0.7)  # sacrum
    paint(canvas, draw_rod(x, y, 0, -1.4, 1.57, 1, 0.14), bone, 0.8)
    hole = draw_ellipse(x, y, 0, 0.05, pick(0.26, 0.34), pick(0.22, 0.32))
    ring = (draw_ellipse(x, y, 0, 0.08, 0.48, 0.44) - hole).clip(0)
    paint(canvas, ring, bone, 0.75)
    paint(canvas, draw_ellipse(side, y, 0.24, 0.5, 0.2, 0.17), bone, 0.7)
    paint(canvas, draw_ellipse(side, y, 0.24, 0.5, 0.11, 0.09), plate + 0.3)
    paint(canvas, draw_ellipse(side, y, 0.58, 0.25, 0.15, 0.15), bone + 0.12)  # head of the femur
    _bone(canvas, side, y, pick, 0.6, 0.3, pick(0.5, 0.8), 0.25, 0.1, tone=bone + 0.05)
    _bone(canvas, side, y, pick, 0.78, 0.4, pick(1.5, 1.75), 1.2, 0.12, tone=bone + 0.05)
    return canvas


def _draw_skull(x, y, pick):
    """From the side, or from the front, as an X-ray: the vault's edge, orbits, teeth, neck."""
    x, bone, front = x * np.sign(pick(-1, 1)), pick(0.5, 0.8), pick(0, 1) > 0.5
    canvas = _film(x, pick)
    wide = np.where(front, pick(0.5, 0.62), pick(0.68, 0.82))
    vault = draw_ellipse(x, y, 0.05 * ~front, -0.25, wide, pick(0.55, 0.68))
    paint(canvas, draw_rod(x, y, 0.2 * ~front, 0.2, 1.5, 1.2, 0.3), 0.35)
    paint(canvas, vault, bone + 0.15)
    inner = draw_ellipse(x, y, 0.05 * ~front, -0.25, wide - 0.06, pick(0.5, 0.6))
    paint(canvas, inner, bone - 0.15 + 0.06 * mottle(x, y, pick, 12))
    jaw = draw_ellipse(x, y, np.where(front, 0, -0.42), 0.42, 0.36, 0.36, boxy=0.4)
    paint(canvas, jaw, bone)
    orbit = draw_ellipse(
        np.where(front, np.abs(x), -x), y, np.where(front, 0.24, 0.5), 0.06, 0.15, 0.13
    )
    paint(canvas, orbit, bone - 0.35, 0.8)
    paint(canvas, draw_ellipse(x, y, np.where(front, 0, -0.45), 0.28, 0.1, 0.12), bone - 0.35, 0.8)
    teeth = draw_ellipse(x, y, np.where(front, 0, -0.52), 0.5, 0.24, 0.09)
    paint(canvas, teeth, 0.95 - 0.15 * (np.sin(40 * x) > 0))
    paint(canvas, draw_ellipse(x, y, 0.1, 0.1, 0.2, 0.1), bone + 0.25, 0.8 * ~front)  # petrous bone
    return canvas


def _draw_spine_from_the_front(x, y, pick):
    canvas = np.zeros_like(x) + pick(0.15, 0.5)
    bone, pitch, wide = pick(0.6, 0.9), pick(0.3, 0.5), pick(0.14, 0.26)
    bent = x - pick(0, 0.25) * np.sin(pick(0.8, 2) * y + pick(0, 6))
    lungs = draw_ellipse(np.abs(x), y, 0.75, pick(-1.2, -0.5), 0.45, 0.9)
    paint(canvas, lungs, pick(0.02, 0.2), pick(-0.6, 1) > 0)
    step = np.abs((y / pitch + pick(0, 1)) % 1 - 0.5) * pitch
    body = np.minimum(wide - np.abs(bent), 0.42 * pitch - step)
    paint(canvas, soften(+body), bone)
    paint(canvas, soften(body - 0.04), bone - 0.12)
    for side in (-0.5, 0.5):  # pedicles
        away = np.hypot(bent - side * wide, step - 0.1 * pitch)
        paint(canvas, soften(0.05 - away), bone + 0.15)
    process = np.minimum(wide + 0.22 - np.abs(bent), 0.06 - np.abs(step - 0.1))
    paint(canvas, soften(process), bone, 0.6)
    paint(canvas, soften(0.035 - np.abs(bent)) * (step > 0.15 * pitch), bone + 0.1, 0.6)
    return canvas


def _draw_abdominal_x_ray(x, y, pick):
    canvas, bone, gas = np.zeros_like(x) + pick(0, 0.2), pick(0.6, 0.9), pick(0.02, 0.2)
    trunk = draw_ellipse(x, y, 0, 0, pick(0.8, 1.2), 1.6, boxy=0.6)
    paint(canvas, trunk, pick(0.4, 0.55) + 0.04 * mottle(x, y, pick, 8))
    for _ in range(9):
        at = pick(-0.7, 0.7), pick(-0.8, 0.6)
        paint(
            canvas, draw_ellipse(x, y, *at, pick(0.06, 0.2), pick(0.05, 0.12), pick(0, 3)), gas, 0.7
        )
    step = np.abs((y / 0.3 + pick(0, 1)) % 1 - 0.5) * 0.3
    paint(canvas, soften(np.minimum(pick(0.11, 0.16) - np.abs(x), 0.13 - step)), bone, 0.8)
    wing = draw_ellipse(np.abs(x), y, 0.55, 0.75, 0.3, 0.4, -0.5)
    paint(canvas, wing, bone, 0.6)
    for rib in range(3):
        arc = np.abs(np.hypot(x * 0.8, y + 1.6 - 0.22 * rib) - 0.9)
        paint(canvas, soften(0.03 - arc) * (np.abs(x) > 0.3), bone, 0.5)
    return canvas


def _draw_brain(x, y, pick):
    """Brain MRI: a bright scalp, a dark skull, folds; T1, T2 or FLAIR by lot; often no skull."""
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


def _draw_head_from_the_side(x, y, pick):
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


def _draw_limb_slice(x, y, pick):
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


def _draw_knee_mri(x, y, pick):
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


def _draw_spine_mri(x, y, pick):
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


def _draw_ultrasound(x, y, pick):
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


def _draw_page(x, y, pick):
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


def _draw_chart(x, y, pick):
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


def _draw_knee(x, y, pick):
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


def _draw_foot_from_the_side(x, y, pick):
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


def _draw_spine_from_the_side(x, y, pick):
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


def _draw_teeth(x, y, pick):
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


_DRAWERS = (
    _draw_foot_from_above,
    _draw_foot_from_the_side,
    _draw_ankle,
    _draw_knee,
    _draw_shoulder,
    _draw_limb,
    _draw_pelvis,
    _draw_skull,
    _draw_spine_from_the_front,
    _draw_spine_from_the_side,
    _draw_abdominal_x_ray,
    _draw_teeth,
    _draw_brain,
    _draw_head_from_the_side,
    _draw_limb_slice,
    _draw_knee_mri,
    _draw_spine_mri,
    _draw_ultrasound,
    _draw_page,
    _draw_chart,
)
