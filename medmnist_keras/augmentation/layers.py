"""The layers of robust training, on one batch: what `augment_robust()` maps over a dataset.

Each takes and gives float32 `(N, 64, 64, 1)`. They are TensorFlow operations, for they run in
tf.data, whatever backend Keras trains on.
"""

from __future__ import annotations

import numpy as np

from .._keras import tensorflow as tf
from ..info import CLASS_NAMES, IMAGE_SIZE
from .depth import DEPTH_STEPS, DEPTH_ZERO
from .draws import Draws, X, Y, affine, change_some
from .outliers import draw_far_outliers, draw_near_outliers
from .rendering import BREAST, blur, draw_side_view, guess_units, is_ct, render_ct, render_mri

_UNTOUCHED = 0.4  # share of pictures that stay as they are, lest the data set be forgotten
_UNTOUCHED_MRI = 0.2  # fewer: nothing looks as different elsewhere as MRI, which has no units
_RENDERED = 0.75  # share of the others that are rendered as another scanner might
_RENDERED_MRI = 0.9
_OUTLIERS = 0.2  # share of training pictures
_NEAR = 0.6  # share of the outliers that are near the classes
_ONE_BREAST = 0.7
_SIDE_VIEWS = 0.7  # share of these that is drawn, for the data set has none


def change_batch(both, labels, seed, robust_layers, body_parts):
    """All layers on one batch of training pictures; `augment_robust()` says more.

    Args:
        both: uint8 `(N, 64, 64, 2)`, pixels and depths, of `add_depth()`.
        labels: int64 `(N,)`.
        seed: int64 scalar, of this batch.
        robust_layers: names of layers.
        body_parts: uint8 `(M, 64, 64, 1)`, of `draw_body_parts()`.

    Returns:
        `(images, labels)`: float32 `(N, 64, 64, 1)` in 0-255, and int64 `(N,)`.
    """
    draws = Draws(seed, tf.shape(labels)[0])
    images = tf.cast(both[..., :1], tf.float32)
    untouched = tf.where(labels == BREAST, _UNTOUCHED_MRI, _UNTOUCHED)
    changed = draws.uniform()[:, 0, 0, 0] >= untouched
    near = _near_share(robust_layers)
    outlying = draws.mask(0.0 if near is None else _OUTLIERS)

    def change(images, both, labels, draws):
        return _change(both, labels, draws, robust_layers)

    def expose(_, both, labels, draws):
        return _outliers(both, labels, body_parts, near, draws)

    # Each only on the pictures that it is for: the layers take half of the training's time.
    images = change_some(changed & ~outlying, change, draws, images, both, labels)
    if near is not None:
        images = change_some(outlying, expose, draws, images, both, labels)
        labels = tf.where(outlying, draws.labels(len(CLASS_NAMES)), labels)
    return tf.ensure_shape(images, (both.shape[0], IMAGE_SIZE, IMAGE_SIZE, 1)), labels


def render_batch(both, labels, seed, robust_layers):
    """All layers but the outliers, on every picture; as `change_batch()`, images only."""
    return _change(both, labels, Draws(seed, len(both)), robust_layers)


def outlier_batch(both, labels, seed, body_parts):
    """An outlier in the place of every picture; as `change_batch()`, images only."""
    return _outliers(both, labels, body_parts, _NEAR, Draws(seed, len(both)))


def hounsfield_batch(both, labels, seed):
    """Hounsfield units of CT slices, float32 `(N, 64, 64, 1)`; else as `change_batch()`."""
    images = tf.cast(both[..., :1], tf.float32)
    return guess_units(images, _depths(both), labels, Draws(seed, len(both)))


def _change(both, labels, draws, robust_layers):
    images = tf.cast(both[..., :1], tf.float32)
    depths = _depths(both)
    images = _render(images, depths, labels, draws, robust_layers)
    if "geometry" in robust_layers:
        images = _move(images, draws)
    images = images / 255
    for name, change in (("tone", _tone), ("marks", _mark), ("degradation", _degrade)):
        if name in robust_layers:
            images = change(images, draws)
    return 255 * tf.clip_by_value(images, 0, 1)


def _near_share(robust_layers) -> float | None:
    """Which share of the outliers is near the classes; `None` where there are none."""
    if "near outliers" not in robust_layers:
        return 0.0 if "outliers" in robust_layers else None
    return _NEAR if "outliers" in robust_layers else 1.0


def _outliers(both, labels, body_parts, near_share, draws):
    """Outliers in the place of the pictures, of the same tones and faults."""
    images = tf.cast(both[..., :1], tf.float32)
    depths = _depths(both)

    def near(_, images, depths, labels, draws):
        return draw_near_outliers(images, depths, labels, body_parts, draws)

    drawn = draw_far_outliers(images, draws)
    drawn = change_some(draws.mask(near_share), near, draws, drawn, images, depths, labels)
    drawn = _degrade(_mark(_tone(drawn / 255, draws), draws), draws)
    return 255 * tf.clip_by_value(drawn, 0, 1)


def _depths(both):
    """Depths in pixels, from their code of 8 bits."""
    return (tf.cast(both[..., 1:], tf.float32) - DEPTH_ZERO) / DEPTH_STEPS


def _render(images, depths, labels, draws, robust_layers):
    """The layers that need to know where the body is."""
    has_body = tf.reduce_max(depths, axis=(1, 2, 3)) > 0  # phantoms and blank pictures have none
    anew = has_body & draws.mask(tf.where(labels == BREAST, _RENDERED_MRI, _RENDERED))

    def render_breast(images, depths, draws):
        if "one breast" in robust_layers:
            both = tf.concat([images, depths], axis=-1)
            both = change_some(draws.mask(_ONE_BREAST), _one_breast, draws, both)
            images, depths = both[..., :1], both[..., 1:]
        return render_mri(images, depths, draws) if "MRI" in robust_layers else images

    if "CT" in robust_layers:
        images = change_some(anew & is_ct(labels), render_ct, draws, images, depths, labels)
    if {"one breast", "MRI"} & set(robust_layers):
        images = change_some(anew & (labels == BREAST), render_breast, draws, images, depths)
    return images


def _one_breast(both, draws):
    """One side of the picture, mostly turned to the side; or a drawn side view."""
    turned = draws.sign() * (np.pi / 2) * draws.bernoulli(0.85)
    # Depths count from 0 meanwhile, for with zeros the frame is filled: that shall be outside.
    outside = tf.constant([0.0, DEPTH_ZERO / DEPTH_STEPS])
    one_side = affine(
        both + outside,
        turned + draws.uniform(-0.3, 0.3),
        draws.uniform(0.42, 0.75),
        draws.log_uniform(0.65, 1.5),
        x=draws.sign() * draws.uniform(0.25, 0.5),
        y=draws.uniform(-0.35, 0.15),
    )
    one_side -= outside
    drawn = tf.concat(draw_side_view(draws), axis=-1)
    return tf.where(draws.uniform() < 1 - _SIDE_VIEWS, one_side, drawn)


def _move(images, draws):
    """Turns up to 20 degrees, zooms by a third, stretches by a sixth, shifts, mirrors.

    A mirrored hand is the other hand, a mirrored slice one that was stored the other way round;
    now and then one lies on its side or on its head.
    """
    quarters = tf.floor(draws.uniform(1, 4)) * draws.bernoulli(0.12)
    return affine(
        images,
        draws.uniform(-0.35, 0.35) * draws.uniform() + quarters * (np.pi / 2),
        draws.log_uniform(0.74, 1.35),
        draws.log_uniform(0.86, 1.16),
        x=draws.uniform(-0.15, 0.15),
        y=draws.uniform(-0.15, 0.15),
        mirror=draws.sign(),
        shear=draws.uniform(-0.1, 0.1),
    )


def _tone(images, draws):
    """Gamma, window, now and then a negative, a raised background, uneven light; 0-1 to 0-1."""
    # By its logarithm, for `**` takes five times as long.
    grey = tf.exp(draws.log_uniform(0.5, 2) * tf.math.log(tf.clip_by_value(images, 1e-4, 1)))
    low, high = draws.uniform(-0.15, 0.15) * draws.bernoulli(0.5), draws.uniform(0.7, 1.3)
    grey = tf.clip_by_value((grey - low) / (high - low), 0, 1)
    negative = draws.bernoulli(0.04)
    grey += (1 - 2 * grey) * negative
    background = draws.uniform(0, 0.5) * draws.bernoulli(0.4)
    grey = background + grey * (1 - background) * draws.uniform(0.7, 1)
    # Nobody shows a picture in which there is nothing to be seen.
    mean, variance = tf.nn.moments(grey, axes=(1, 2, 3), keepdims=True)
    faint = tf.minimum(tf.sqrt(variance + 1e-8) / draws.uniform(0.08, 0.16), 1)
    grey = mean + (grey - mean) / tf.maximum(faint, 0.1)
    return change_some(draws.mask(0.5), _uneven, draws, grey)


def _uneven(grey, draws):
    return grey * (1 + 0.1 * draws.smooth_noise(3))


def _mark(images, draws):
    """Bright or letter-like rectangles, mostly near the edges, and plain borders; 0-1 to 0-1."""
    for mark in (_rectangle, _rectangle, _border):
        images = change_some(draws.mask(0.15), mark, draws, images)
    return images


def _rectangle(images, draws):
    x, y = draws.uniform(-1, 1), draws.uniform(-1, 1)
    x = tf.where(draws.uniform() < 0.5, 0.85 * tf.sign(x), x)
    y = tf.where(draws.uniform() < 0.5, 0.85 * tf.sign(y), y)
    within = (tf.abs(X - x) < draws.uniform(0.03, 0.2)) & (
        tf.abs(Y - y) < draws.uniform(0.02, 0.08)
    )
    letters = tf.cast(draws.white_noise() > 0, tf.float32)
    ink = draws.uniform(0.5, 1) * tf.where(draws.uniform() < 0.5, letters, 1.0)
    return tf.where(within, ink, images)


def _border(images, draws):
    left, right, top, bottom = (draws.uniform(0, 0.3) * draws.bernoulli(0.5) for _ in range(4))
    shown = (left - 1 < X) & (1 - right > X) & (top - 1 < Y) & (1 - bottom > Y)
    return tf.where(shown, images, draws.uniform() * draws.bernoulli(0.3))


def _degrade(images, draws):
    """Blur, noise and the rounding of JPEG, each in some pictures; 0-1 to about 0-1."""
    for share, fault in ((0.3, _blur), (0.5, _noise), (0.5, _jpeg)):
        images = change_some(draws.mask(share), fault, draws, images)
    return images


def _blur(images, draws):
    return blur(images, draws.uniform(0, 1.2))


def _noise(images, draws):
    return images + 0.08 * draws.uniform() ** 3 * draws.white_noise()


_WAVE = np.arange(8)
_COSINES = np.cos((2 * _WAVE[:, None] + 1) * _WAVE * np.pi / 16) / 2
_COSINES[:, 0] /= np.sqrt(2)
_WAVES = np.kron(_COSINES, _COSINES).astype(np.float32)  # of a block in both directions at once


def _jpeg(images, draws):
    """Rounds the cosine transform of 8x8 blocks, the coarser the finer the wave, as JPEG does."""
    steps = (1 + _WAVE + _WAVE[:, None]).ravel().astype(np.float32) / 255
    steps = steps * draws.log_uniform(0.5, 8)
    blocks = tf.reshape(images, (-1, IMAGE_SIZE // 8, 8, IMAGE_SIZE // 8, 8))
    blocks = tf.reshape(tf.transpose(blocks, (0, 1, 3, 2, 4)), (-1, 64))
    waves = tf.reshape(tf.matmul(blocks, _WAVES), (-1, IMAGE_SIZE // 8, IMAGE_SIZE // 8, 64))
    waves = tf.reshape(steps * tf.round(waves / steps), (-1, 64))
    blocks = tf.matmul(waves, _WAVES, transpose_b=True)
    blocks = tf.reshape(blocks, (-1, IMAGE_SIZE // 8, IMAGE_SIZE // 8, 8, 8))
    return tf.reshape(tf.transpose(blocks, (0, 1, 3, 2, 4)), tf.shape(images))
