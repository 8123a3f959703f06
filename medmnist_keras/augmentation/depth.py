"""Segments the body in a picture and computes each pixel's depth in it, for rendering.

Only training needs this: `rendering` redraws a picture inside its body.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
from scipy import ndimage

from ..info import CLASS_NAMES

# How a depth in pixels is kept in 8 bits: a quarter of a pixel a step, negative outside.
DEPTH_ZERO, DEPTH_STEPS = 64, 4
_TRUNKS = [CLASS_NAMES.index(name) for name in ("AbdomenCT", "ChestCT")]
_BREAST = CLASS_NAMES.index("BreastMRI")
_X_RAYS = [CLASS_NAMES.index(name) for name in ("CXR", "Hand")]
_DIRECTIONS = 48
_CHUNK = 1000  # pictures at a time: some 30 MB


def add_depth(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Adds to each picture, as a second channel, how deep its pixels lie in the body.

    A CT slice of the trunk shows organs and bones on a background that fat, lungs and air share,
    so its body is the convex hull of what is seen. Head and breasts are outlined by themselves;
    below a breast the chest is body too, however dark. X-rays have no outside worth the name.

    Args:
        images: uint8 `(N, 64, 64, 1)`, grey levels 0-255.
        labels: int `(N,)`, indices into `CLASS_NAMES`.

    Returns:
        uint8 `(N, 64, 64, 2)`: the picture, and the depth below the body's edge, in quarters of
        a pixel from 64 on: less is outside, 0 throughout where there is no body.

    Raises:
        ValueError: when images are of another shape or type, or labels don't fit.
    """
    images, labels = np.asarray(images), np.asarray(labels)
    if images.ndim != 4 or images.shape[-1] != 1 or images.dtype != np.uint8:
        raise ValueError(
            "`images` must be uint8 of shape (N, height, width, 1). "
            f"Received: {images.dtype} of shape {images.shape}. Pass pictures of `load_data()`."
        )
    if labels.shape != images.shape[:1]:
        raise ValueError(
            "`labels` must hold one class index a picture. "
            f"Received: shape {labels.shape} for {len(images):,} pictures."
        )
    both = np.zeros((*images.shape[:3], 2), dtype=np.uint8)
    starts = range(0, len(images), _CHUNK)

    def fill(start):
        rows = slice(start, start + _CHUNK)
        both[rows, ..., 0] = images[rows, ..., 0]
        both[rows, ..., 1] = _depths(images[rows, ..., 0], labels[rows])

    with ThreadPoolExecutor() as pool:  # NumPy and SciPy release the interpreter's lock
        list(pool.map(fill, starts))
    return both


def _depths(images: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Depths of uint8 pictures `(N, height, width)`, coded as 8 bits."""
    depths = np.full(images.shape, -np.inf, dtype=np.float32)
    trunk, x_ray = np.isin(labels, _TRUNKS), np.isin(labels, _X_RAYS)
    rest = ~trunk & ~x_ray
    if trunk.any():
        depths[trunk] = _hull_depths(_foreground(images[trunk], 4, sigma=2, share=0.12))
    if rest.any():
        bodies = _foreground(images[rest], 10, sigma=1, share=0.4)
        breasts = labels[rest] == _BREAST
        bodies[breasts] = _filled_downwards(bodies[breasts])
        bodies[~breasts] = _filled(bodies[~breasts])
        depths[rest] = _signed_distance(bodies)
    return np.clip(DEPTH_ZERO + DEPTH_STEPS * depths, 0, 255).round().astype(np.uint8)


def _foreground(images: np.ndarray, above: int, *, sigma: float, share: float) -> np.ndarray:
    """The largest region in which most pixels are brighter than the background.

    Background is the most frequent grey level; compression lets it vary by a few levels.
    """
    background = np.stack([np.bincount(image.ravel(), minlength=256) for image in images])
    bright = images > (background.argmax(axis=1) + above)[:, None, None]
    dense = ndimage.gaussian_filter(bright.astype(np.float32), (0, sigma, sigma), mode="nearest")
    regions, count = ndimage.label(dense > share, structure=_within_pictures())
    sizes = np.bincount(regions.ravel(), minlength=count + 1)
    sizes[0] = 0
    flat = regions.reshape(len(images), -1)
    largest = flat[np.arange(len(images)), sizes[flat].argmax(axis=1)]
    body = (regions == largest[:, None, None]) & (regions > 0)
    return body & bright if sigma > 1 else body  # the hull is of what is seen, not of its haze


def _within_pictures() -> np.ndarray:
    """Neighbourhood that joins pixels of one picture but not one picture to the next."""
    structure = np.zeros((3, 3, 3), dtype=bool)
    structure[1] = ndimage.generate_binary_structure(2, 1)
    return structure


def _filled(bodies: np.ndarray) -> np.ndarray:
    return np.stack([ndimage.binary_fill_holes(body) for body in bodies]) if len(bodies) else bodies


def _filled_downwards(bodies: np.ndarray) -> np.ndarray:
    """Everything below the skin, down to the last row that shows any body."""
    rows = np.arange(bodies.shape[1])
    last = np.where(bodies.any(axis=2), rows, -1).max(axis=1)
    return np.maximum.accumulate(bodies, axis=1) & (rows <= last[:, None])[..., None]


def _signed_distance(bodies: np.ndarray) -> np.ndarray:
    """Distance to the edge in pixels, negative outside; minus infinity where there is no body."""
    inside, outside = np.empty((2, *bodies.shape), dtype=np.float32)
    # One by one, for in three dimensions SciPy takes five times as long.
    for number, body in enumerate(bodies):
        inside[number] = ndimage.distance_transform_edt(body)
        outside[number] = ndimage.distance_transform_edt(~body)
    depths = inside - outside + np.where(bodies, np.float32(-0.5), np.float32(0.5))
    depths[~bodies.any(axis=(1, 2))] = -np.inf
    return depths


def _hull_depths(bodies: np.ndarray) -> np.ndarray:
    """Depth in the convex hull: below the nearest of many lines that touch the body."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    height, width = bodies.shape[1:]
    rows, columns = np.mgrid[:height, :width].reshape(2, -1).astype(np.float32)
    along = np.outer(np.sin(angles), rows) + np.outer(np.cos(angles), columns)
    along = along.astype(np.float32)
    depths = np.full(bodies.shape, -np.inf, dtype=np.float32)
    for body, depth in zip(bodies.reshape(len(bodies), -1), depths, strict=True):
        if body.any():
            reach = along[:, body].max(axis=1, keepdims=True)
            depth[:] = (reach - along).min(axis=0).reshape(height, width) + 0.5
    return depths
