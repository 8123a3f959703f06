"""Makes out-of-distribution pictures from training pictures, for outlier exposure."""

from __future__ import annotations

import numpy as np

from .._keras import tensorflow as tf
from ..info import IMAGE_SIZE
from .draws import Draws, X, Y, change_some


def draw_outliers(images, draws: Draws):
    """Draws pictures that are no kind of scan: textures, stripes, heaps of shapes, jigsaws, blanks.

    Heaps of shapes ("dead leaves", Lee, Mumford & Huang 2001) have the statistics of photographs;
    the jigsaws are of the given pictures, so that no patch by itself tells the kind.

    Args:
        images: float32 `(N, 64, 64, 1)`, 0-255.
        draws: `Draws` of N pictures.

    Returns:
        float32 `(N, 64, 64, 1)` in 0-255.
    """
    rough = draws.uniform(0.2, 0.9)
    texture = sum(rough**power * draws.smooth_noise(8 * 2**power) for power in range(3))
    texture += draws.smooth_noise(3) + rough**4 * draws.white_noise()
    texture = tf.sigmoid(draws.uniform(0.3, 4) * texture + draws.uniform(-1, 1))

    turn = draws.uniform(0, np.pi)
    waves = draws.uniform(3, 40) * (X * tf.cos(turn) + Y * tf.sin(turn))
    waves = tf.sin(waves + draws.uniform(0, 3) * draws.smooth_noise(4))
    stripes = tf.sigmoid(draws.uniform(0.5, 8) * waves) * draws.uniform(0.3, 1) + 0.2 * texture

    coarse, fine = _shuffle(images, 4, draws), _shuffle(images, 8, draws)
    jigsaw = tf.where(draws.uniform() < 0.5, coarse, fine) / 255
    blank = draws.uniform() + draws.uniform(-0.3, 0.3) * X + draws.uniform(-0.3, 0.3) * Y

    kind, drawn = draws.uniform(), blank
    for share, pictures in ((0.9, jigsaw), (0.65, texture), (0.3, stripes), (0.2, texture)):
        drawn = tf.where(kind < share, pictures, drawn)
    heap = (kind[:, 0, 0, 0] >= 0.3) & (kind[:, 0, 0, 0] < 0.65)
    drawn = change_some(heap, _leaves, draws, drawn)
    return 255 * tf.clip_by_value(drawn, 0, 1)


def _leaves(texture, draws):
    """A heap of shapes, each over those before it, all of one texture."""
    leaves = draws.uniform() + 0.3 * (texture - 0.5) * draws.bernoulli(0.5)
    for _ in range(8):
        mask, u = _shape(draws)
        grey = draws.uniform() + draws.uniform(-0.4, 0.4) * u
        grey += draws.uniform(0, 0.5) * (texture - 0.5)
        leaves += (grey - leaves) * mask * draws.bernoulli(0.85)
    return leaves


def _shape(draws):
    """A soft ellipse or box anywhere, and a coordinate along it."""
    turn, x, y = draws.uniform(0, np.pi), X - draws.uniform(-1, 1), Y - draws.uniform(-1, 1)
    wide, high = draws.uniform(0.05, 0.7), draws.uniform(0.05, 0.7)
    u = (x * tf.cos(turn) + y * tf.sin(turn)) / wide
    v = (y * tf.cos(turn) - x * tf.sin(turn)) / high
    outside = tf.where(draws.uniform() < 0.5, u * u + v * v, tf.maximum(tf.abs(u), tf.abs(v)))
    return tf.sigmoid(20 * tf.minimum(wide, high) * (1 - outside)), tf.clip_by_value(u, -2, 2)


def _shuffle(images, pieces, draws):
    """Cuts pictures into `pieces` x `pieces` squares and lays them in another order."""
    side = IMAGE_SIZE // pieces
    tiles = tf.reshape(images, (-1, pieces, side, pieces, side))
    tiles = tf.reshape(tf.transpose(tiles, (0, 1, 3, 2, 4)), (-1, pieces**2, side, side))
    tiles = tf.gather(tiles, draws.permutation(pieces**2), batch_dims=1)
    tiles = tf.reshape(tiles, (-1, pieces, pieces, side, side))
    return tf.reshape(tf.transpose(tiles, (0, 1, 3, 2, 4)), (-1, IMAGE_SIZE, IMAGE_SIZE, 1))
