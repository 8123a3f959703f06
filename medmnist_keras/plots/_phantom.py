"""Phantoms for the drawings, which need no data: a slice of a chest in Hounsfield units, and more.

Larger than the 64 pixels of the data set, so that they look well on a wall.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from ._canvas import Rod, join_rods

_SIDE = 256
_AXIS = (np.arange(_SIDE) + 0.5) * (2 / _SIDE) - 1
_X, _Y = np.meshgrid(_AXIS, _AXIS)  # -1 to 1: x to the right, y downwards


def _ellipse(x: float, y: float, width: float, height: float, turn: float = 0) -> np.ndarray:
    """bool: within an ellipse of these half axes."""
    cos, sin = np.cos(turn), np.sin(turn)
    u, v = cos * (_X - x) + sin * (_Y - y), cos * (_Y - y) - sin * (_X - x)
    return (u / width) ** 2 + (v / height) ** 2 < 1


def draw_chest_slice() -> np.ndarray:
    """Hounsfield units of an axial slice of a chest, float64 `(256, 256)`, seen from the feet."""
    rng = np.random.default_rng(3)
    units = np.full((_SIDE, _SIDE), -1000.0)
    for width, height, tissue in ((0.93, 0.68, -90), (0.86, 0.61, 50), (0.8, 0.55, -90)):
        units[_ellipse(0, 0, width, height)] = tissue
    for side in (-1, 1):
        lung = _ellipse(0.43 * side, 0.02, 0.335, 0.47, 0.12 * side)
        units[lung] = -860
        specks = gaussian_filter(rng.normal(size=units.shape), 2.2)
        vessels = lung & (specks > 1.7 * specks.std())
        units[vessels] = 30
        for turn in np.linspace(-1.15, 1.15, 7):  # ribs, cut across
            x, y = 0.83 * side * np.cos(turn), 0.58 * np.sin(turn)
            along = np.arctan2(0.58 * np.cos(turn), -0.83 * side * np.sin(turn))
            units[_ellipse(x, y, 0.085, 0.033, along)] = 700
            units[_ellipse(x, y, 0.055, 0.014, along)] = 250
    units[_ellipse(0.1, -0.16, 0.31, 0.26, 0.5)] = 40  # heart
    units[_ellipse(0.13, -0.17, 0.13, 0.15, 0.5)] = 110  # and what flows in it
    units[_ellipse(0.0, 0.18, 0.15, 0.22)] = 20
    units[_ellipse(0.13, 0.24, 0.075, 0.075)] = 110  # aorta
    units[_ellipse(-0.02, 0.1, 0.055, 0.05)] = -1000  # airway
    units[_ellipse(0, -0.575, 0.13, 0.04)] = 500  # breastbone
    vertebra = _ellipse(0, 0.4, 0.15, 0.11)
    processes: list[Rod] = [(0, 0.48, 0.05, 0, 0.62, 0.028)]
    processes += [(0, 0.48, 0.05, 0.2 * side, 0.53, 0.03) for side in (-1, 1)]
    units[join_rods(_X, _Y, processes, 0.02) < 0] = 700
    units[vertebra] = 750
    units[_ellipse(0, 0.4, 0.12, 0.085)] = 220
    units[_ellipse(0, 0.525, 0.045, 0.035)] = 15  # spinal canal
    return gaussian_filter(units, 0.8) + rng.normal(scale=12, size=units.shape)


def draw_knee() -> np.ndarray:
    """An X-ray of a knee from the front, floats 0-1, `(256, 256)`."""
    flesh = [(0.02, -1.2, 0.52, 0, 0, 0.42), (0, 0, 0.42, 0.02, 1.2, 0.36)]
    femur: list[Rod] = [(0, -1.2, 0.15, 0, -0.3, 0.17)]
    femur += [(0, -0.3, 0.17, 0.17 * side, -0.13, 0.16) for side in (-1, 1)]
    tibia: list[Rod] = [(0, 0.35, 0.16, 0.02, 1.2, 0.13)]
    tibia += [(0.2 * side, 0.14, 0.11, 0, 0.4, 0.14) for side in (-1, 1)]
    fibula = [(0.36, 0.36, 0.07, 0.3, 1.2, 0.05)]
    picture = 0.04 + 0.3 * _inside(flesh, 0.05)
    for rods in (femur, tibia, fibula):
        picture += 0.36 * _inside(rods, 0.03)
    picture += 0.1 * _ellipse(0.01, -0.27, 0.15, 0.17)  # kneecap
    return gaussian_filter(picture, 1.5).clip(0, 1)


def draw_cat() -> np.ndarray:
    """A cat's face, floats 0-1, `(256, 256)`."""
    sides = (-1, 1)
    head: list[Rod] = [(-0.22, 0.15, 0.5, 0.22, 0.15, 0.5)]
    head += [(0.38 * side, -0.12, 0.25, 0.55 * side, -0.68, 0.03) for side in sides]
    picture = 0.25 + 0.45 * _inside(head, 0.03)
    for side in sides:
        ear = [(0.41 * side, -0.22, 0.1, 0.51 * side, -0.52, 0.02)]
        picture += 0.15 * _inside(ear, 0.03)
        picture[_ellipse(0.27 * side, 0.06, 0.13, 0.1)] = 0.95
        picture[_ellipse(0.27 * side, 0.06, 0.04, 0.1)] = 0.05
        for end in (0.22, 0.36, 0.5):
            whisker = [(0.2 * side, 0.37, 0.008, 0.9 * side, end, 0.008)]
            picture[_inside(whisker, 0.01)] = 0.98
    nose = [(-0.05, 0.28, 0.035, 0.05, 0.28, 0.035), (0, 0.33, 0.02, 0, 0.34, 0.02)]
    picture[_inside(nose, 0.02)] = 0.15
    mouth: list[Rod] = [(0, 0.35, 0.012, 0, 0.42, 0.012)]
    mouth += [(0, 0.42, 0.012, 0.13 * side, 0.48, 0.012) for side in sides]
    picture[_inside(mouth, 0.01)] = 0.15
    return gaussian_filter(picture, 1)


def draw_page() -> np.ndarray:
    """A page of text, floats 0-1, `(256, 256)`."""
    rng = np.random.default_rng(1)
    picture = np.full((_SIDE, _SIDE), 0.35)
    picture[12:-12, 38:-38] = 0.97
    picture[34:44, 58:150] = 0.1  # the headline
    for row in range(62, _SIDE - 36, 15):
        start = 58
        while start < _SIDE - 70:  # word by word
            end = min(start + int(rng.integers(9, 32)), _SIDE - 58)
            picture[row : row + 5, start:end] = 0.3
            start = end + 5
    return picture


def _inside(rods, blend: float) -> np.ndarray:
    return join_rods(_X, _Y, rods, blend) < 0
