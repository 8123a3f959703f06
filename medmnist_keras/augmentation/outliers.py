"""Makes out-of-distribution pictures from training pictures, for outlier exposure."""

from __future__ import annotations

import numpy as np

from .._keras import tensorflow as tf
from ..info import CLASS_NAMES, IMAGE_SIZE
from .draws import Draws, X, Y, affine, change_some
from .rendering import is_ct, render_ct_as_mri

_CXR = CLASS_NAMES.index("CXR")


def draw_near_outliers(images, depths, labels, body_parts, draws: Draws):
    """Makes pictures near the classes: other body parts, CT as MRI, parts of two classes, details.

    Args:
        images: float32 `(N, 64, 64, 1)`, 0-255, training pictures.
        depths: float32 `(N, 64, 64, 1)`, pixels below the edge of the body.
        labels: int `(N,)`, what the training pictures are of.
        body_parts: uint8 `(M, 64, 64, 1)`, of `draw_body_parts()`.
        draws: `Draws` of N pictures.

    Returns:
        float32 `(N, 64, 64, 1)` in 0-255.
    """
    rows = tf.cast(draws.uniform(0, len(body_parts))[:, 0, 0, 0], tf.int32)
    drawn = tf.cast(tf.gather(body_parts, rows), tf.float32)
    drawn = affine(
        drawn,
        draws.uniform(-0.35, 0.35) + draws.bernoulli(0.15) * draws.sign() * (np.pi / 2),
        draws.log_uniform(0.6, 1.2),
        draws.log_uniform(0.86, 1.16),
        x=draws.uniform(-0.2, 0.2),
        y=draws.uniform(-0.2, 0.2),
    )
    kind = draws.uniform()[:, 0, 0, 0]
    mri, joined = is_ct(labels) & (kind < 0.35), kind > 0.8
    detail = (kind >= 0.35) & (kind < 0.6) & (labels == _CXR)
    drawn = change_some(mri, _other_modality, draws, drawn, images, depths, labels)
    drawn = change_some(detail, _detail, draws, drawn, images)
    partners, found = _of_another_class(labels, draws)
    return change_some(joined & found, _join, draws, drawn, images, tf.gather(images, partners))


def _of_another_class(labels, draws):
    """For each picture the row of one with another label, any of them as likely, and whether
    there is one: two parts of one kind would still be of that kind."""
    others = labels[:, None] != labels[None]
    lots = tf.random.stateless_uniform(tf.shape(others), draws.next_seed())
    lots = tf.where(others, lots, -1)
    # A column more, the least likely: argmax takes no empty rows, as of no pictures.
    lots = tf.pad(lots, [[0, 0], [0, 1]], constant_values=-2)
    return tf.argmax(lots, axis=1), tf.reduce_any(others, axis=1)


# What follows takes the place of what was drawn before, the first argument.


def _other_modality(_, images, depths, labels, draws):
    return render_ct_as_mri(images, depths, labels, draws)


def _detail(_, images, draws):
    """A shoulder, or a part of the spine, out of a chest X-ray: a detail is not the whole."""
    shoulder = draws.bernoulli(0.7)
    return affine(
        images,
        draws.uniform(-0.3, 0.3),
        draws.uniform(0.25, 0.45),
        draws.log_uniform(0.9, 1.1),
        x=shoulder * draws.sign() * draws.uniform(0.5, 0.75),
        y=draws.uniform(-0.8, -0.4) * shoulder + draws.uniform(-0.6, 0.8) * (1 - shoulder),
    )


def _join(_, a, b, draws):
    """Halves of pictures of two classes side by side, one above the other; or four small ones."""
    across = draws.bernoulli(0.5)
    place = across * X + (1 - across) * Y
    halves = tf.where(place < draws.uniform(-0.25, 0.25), a, b)
    small = tf.image.resize(tf.concat([a, b, b, a], axis=-1), (IMAGE_SIZE // 2, IMAGE_SIZE // 2))
    rows = [tf.concat([small[..., i : i + 1], small[..., i + 1 : i + 2]], axis=2) for i in (0, 2)]
    four = tf.concat(rows, axis=1)
    return tf.where(draws.uniform() < 0.75, halves, four)


def draw_far_outliers(images, draws: Draws):
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
