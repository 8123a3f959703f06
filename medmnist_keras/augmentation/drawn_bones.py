"""Pens for X-rays of body parts that are none of the six kinds; `body_parts` says more."""

from __future__ import annotations

import numpy as np

from ..data.drawing import draw_ellipse, draw_rod, mottle, paint, soften


def _film(x, pick):
    """An empty X-ray: black, or the grey of a plate."""
    return np.zeros_like(x) + pick(-0.2, 0.3).clip(0)


def _bone(canvas, x, y, pick, *rod, tone):
    """A long bone: dense at its edges, lighter in its marrow."""
    cx, cy, angle, length, radius = rod
    paint(canvas, draw_rod(x, y, cx, cy, angle, length, radius), tone)
    marrow = draw_rod(x, y, cx, cy, angle, length, 0.55 * radius)
    paint(canvas, marrow, tone - pick(0.05, 0.25), 0.8)


def draw_foot_from_above(x, y, pick):
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


def draw_ankle(x, y, pick):
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


def draw_shoulder(x, y, pick):
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


def draw_limb(x, y, pick):
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


def draw_pelvis(x, y, pick):
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


def draw_skull(x, y, pick):
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


def draw_spine_from_the_front(x, y, pick):
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


def draw_abdominal_x_ray(x, y, pick):
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


def draw_foot_from_the_side(x, y, pick):
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


def draw_spine_from_the_side(x, y, pick):
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
