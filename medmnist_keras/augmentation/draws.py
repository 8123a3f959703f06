"""Seeded random numbers for batches: same seed, same batch, in any thread."""

from __future__ import annotations

import functools

import numpy as np
from scipy.interpolate import make_interp_spline

from .._keras import tensorflow as tf
from ..info import IMAGE_SIZE

# The frame spans -1 to 1 in both directions: x to the right, y downwards.
_AXIS = (np.arange(IMAGE_SIZE, dtype=np.float32) + 0.5) * (2 / IMAGE_SIZE) - 1
X, Y = _AXIS[None, None, :, None], _AXIS[None, :, None, None]


class Draws:
    """Draws for one batch, each value of its own for each picture.

    Keras's random layers aren't reproducible in a parallel map; draws from a seed that belongs to
    the batch are. Each call of a method draws anew.

    Args:
        seed: int64 scalar tensor, of the batch.
        count: int or int tensor, pictures in the batch.
    """

    def __init__(self, seed, count):
        self.seed, self.count, self._calls = tf.cast(seed, tf.int64), count, 0

    def fork(self, count):
        """Draws for some of the pictures, `count` of them, independent of these."""
        seed = tf.random.stateless_uniform((), self.next_seed(), None, None, tf.int64)
        return Draws(seed, count)

    def next_seed(self):
        """A seed for one of TensorFlow's stateless operations, int64 `(2,)`."""
        self._calls += 1
        return tf.stack([self.seed, tf.constant(self._calls, tf.int64)])

    def uniform(self, low=0.0, high=1.0):
        """Numbers of shape `(count, 1, 1, 1)` between `low` and `high`."""
        shape = (self.count, 1, 1, 1)
        return tf.random.stateless_uniform(shape, self.next_seed(), low, high)

    def log_uniform(self, low, high):
        """Factors of shape `(count, 1, 1, 1)`: as often in each octave from `low` to `high`."""
        return tf.exp(self.uniform(np.log(low), np.log(high)))

    def sign(self):
        """-1 or 1, of shape `(count, 1, 1, 1)`."""
        return tf.sign(self.uniform(-1, 1))

    def bernoulli(self, probability):
        """1.0 with this probability, else 0.0, of shape `(count, 1, 1, 1)`."""
        return tf.cast(self.uniform() < probability, tf.float32)

    def mask(self, probability):
        """True for each picture with this probability, bool `(count,)`."""
        return tf.random.stateless_uniform((self.count,), self.next_seed()) < probability

    def labels(self, classes):
        """int64 class indices, of shape `(count,)`, all as likely."""
        return tf.random.stateless_uniform(
            (self.count,), self.next_seed(), 0, classes, dtype=tf.int64
        )

    def permutation(self, length):
        """A permutation of `length` places for each picture, int32 `(count, length)`."""
        lots = tf.random.stateless_uniform((self.count, length), self.next_seed())
        return tf.argsort(lots)

    def white_noise(self):
        """White noise with mean 0 and deviation 1, of shape `(count, 64, 64, 1)`."""
        return tf.random.stateless_normal((self.count, IMAGE_SIZE, IMAGE_SIZE, 1), self.next_seed())

    def smooth_noise(self, cells):
        """Smooth noise about 0 with deviation about 1, `(count, 64, 64, 1)`: hills and valleys,
        about `cells` of them from side to side."""
        # As if for a multiple of 16 pictures: oneDNN compiles its products for each shape anew.
        count = -(-self.count // 16) * 16
        heights = tf.random.stateless_normal((count, cells, cells), self.next_seed())
        spread = tf.constant(_spread(cells))  # two small products are faster than a resize
        heights = tf.matmul(tf.matmul(spread, heights), spread, transpose_b=True)
        return heights[: self.count, ..., None]


@functools.cache
def _spread(cells: int) -> np.ndarray:
    """Matrix `(64, cells)` that interpolates cell centres smoothly to pixels."""
    centres, pixels = (np.arange(cells) + 0.5) / cells, (np.arange(IMAGE_SIZE) + 0.5) / IMAGE_SIZE
    spline = make_interp_spline(centres, np.eye(cells), k=min(3, cells - 1))
    return spline(pixels.clip(centres[0], centres[-1])).astype(np.float32)


def change_some(chosen, change, draws, images, *others):
    """Changes the chosen pictures only, which saves time: `change(images, *others, draws)`."""
    chosen = tf.cast(chosen, tf.int32)
    rows = tf.dynamic_partition(tf.range(tf.size(chosen)), chosen, 2)
    rest, some = tf.dynamic_partition(images, chosen, 2)
    more = [tf.gather(each, rows[1]) for each in others]
    return tf.dynamic_stitch(rows, [rest, change(some, *more, draws.fork(tf.size(rows[1])))])


def affine(images, angle, zoom, stretch, *, x, y, mirror=1.0, shear=0.0):
    """One affine change, in one interpolation; what comes from outside is black."""
    cos, sin = zoom * tf.cos(angle), zoom * tf.sin(angle)
    a, b = mirror * stretch * cos, shear * zoom - sin
    c, d = mirror * sin, cos / stretch
    half = (IMAGE_SIZE - 1) / 2  # the matrix maps pixels of the result to pixels of the picture
    rows = [a, b, half * (1 - a - b + x), c, d, half * (1 - c - d + y), 0 * a, 0 * a]
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images,
        transforms=tf.concat(rows, axis=-1)[:, 0, 0],
        output_shape=[IMAGE_SIZE, IMAGE_SIZE],
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )
