"""Drawing primitives for phantoms: soft shapes, textures, exposures, with NumPy at 64x64."""

from __future__ import annotations

import numpy as np

from ..info import IMAGE_SIZE

_PIXEL = 2 / IMAGE_SIZE  # the frame spans -1 to 1: x to the right, y downwards


# In all that follows `pick(low, high)` draws a number for each picture, of shape (chunk, 1, 1),
# against coordinates `x`, `y` and masks (0 outside, 1 inside) of shape (chunk, 64, 64).


def local_coordinates(x, y, cx, cy, angle=None):
    """Coordinates along and across an axis that starts at (cx, cy) and points in `angle`."""
    x, y = x - cx, y - cy
    if angle is None:
        return x, y
    cos, sin = np.cos(angle), np.sin(angle)
    return x * cos + y * sin, y * cos - x * sin


def soften(depth):
    """Mask from the depth below an edge, which it softens over one pixel."""
    depth *= 1 / _PIXEL
    depth += 0.5
    return np.clip(depth, 0, 1, out=depth)


def draw_ellipse(x, y, cx, cy, rx, ry, angle=None, boxy=0):
    u, v = local_coordinates(x, y, cx, cy, angle)
    u, v = (u * (1 / rx)) ** 2, (v * (1 / ry)) ** 2
    if boxy:  # blend in the fourth power, for a trunk is squarer than an ellipse
        u, v = u * (1 - boxy + boxy * u), v * (1 - boxy + boxy * v)
    u += v
    return soften((1 - u) * (np.minimum(rx, ry) / 2))  # near r = 1, 1 - r is (1 - r²) / 2


def draw_rod(x, y, cx, cy, angle, length, radius):
    u, v = local_coordinates(x, y, cx, cy, angle)
    return vary_around(np.abs(u - length / 2) - length / 2, v, radius)


def vary_around(beyond, v, radius):
    """Round-ended mask about an axis, from how far `beyond` its end and off it pixels are."""
    return soften(radius - np.sqrt(np.maximum(beyond, 0) ** 2 + v * v))


def paint(canvas, mask, grey, opacity=1):
    """Lay a grey over the canvas, in place, where the mask is."""
    change = grey - canvas
    change *= mask * opacity
    canvas += change


def mottle(x, y, pick, waves):
    """Texture of tissue: irregular blotches in about -1 to 1, the finer the more `waves`."""
    total = 0
    for turn in (0, 1, 2):
        angle, pitch = turn + pick(0, 1), waves * pick(0.7, 1.4)
        total += np.sin(x * (pitch * np.cos(angle)) + y * (pitch * np.sin(angle)) + pick(0, 7))
    return total / 2


_COLUMN = np.linspace(_PIXEL / 2 - 1, 1 - _PIXEL / 2, IMAGE_SIZE, dtype=np.float32)
_ROW = _COLUMN[:, np.newaxis]


def draw_pose(pick):
    """Pixel coordinates as the anatomy sees them, turned, stretched, sheared and shifted."""
    x, y, angle = _COLUMN + pick(-0.1, 0.1), _ROW + pick(-0.1, 0.1), pick(-1, 1) * pick(0, 0.4)
    zoom, stretch, shear = pick(0.9, 1.2), pick(0.93, 1.07), pick(-0.08, 0.08)
    cos, sin = zoom * np.cos(angle), zoom * np.sin(angle)
    return (x * cos + y * (sin + shear)) * stretch, y * cos - x * sin


def expose(canvas, pick, rng):
    """Give ideal greys in 0-1 the tone, shading and noise of a picture, as uint8."""
    grey = canvas.clip(0, 1)
    grey += pick(-0.6, 0.6) * grey * (1 - grey)  # a tone curve: gamma, but cheap
    grey *= 1 + pick(-0.2, 0.2) * _COLUMN + pick(-0.2, 0.2) * _ROW
    grey = np.where(pick(0, 1) < 0.06, 1 - grey, grey)  # now and then a negative
    floor = pick(-0.4, 0.5).clip(0)  # what air reads: often black, at times a mid grey
    grey = floor + grey * (pick(0.3, 1.1) * (1.1 - floor))
    grain = pick(0, 0.45) ** 3  # mostly clean, at times very noisy
    grey += grain * rng.standard_normal(grey.shape, dtype=np.float32)
    return (grey.clip(0, 1) * 255 + 0.5).astype(np.uint8)
