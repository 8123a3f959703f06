"""Domain randomization: renders a picture as another source might have.

Medical MNIST shows CT in one way that nobody else uses: whatever is not denser than water, that
is air, lungs and fat, is one grey. What was clipped away can't be found again, but it can be put
back at random, in the units of the scanner, and then be looked at through the windows that
radiologists use. MRI has no units at all: there the contrast itself is drawn at random.
"""

from __future__ import annotations

import numpy as np

from .._keras import tensorflow as tf
from ..info import CLASS_NAMES
from .draws import Draws, X, Y

ABDOMEN, BREAST, CHEST, HEAD = (
    CLASS_NAMES.index(name) for name in ("AbdomenCT", "BreastMRI", "ChestCT", "HeadCT")
)
_AIR_LEVELS = {ABDOMEN: 101.0, CHEST: 126.0, HEAD: 25.0}  # the grey of air in each class
_AIR = -1000.0  # Hounsfield units, in which water is 0


def is_ct(labels):
    """bool `(N,)`: which pictures are of the three CT classes."""
    return tf.reduce_any(tf.equal(labels[:, None], list(_AIR_LEVELS)), axis=1)


def render_ct(images, depths, labels, draws: Draws):
    """Renders CT slices anew: a guess at Hounsfield units, seen through a random window.

    What the picture shows is soft tissue and bone. What it doesn't show within the body becomes
    fat, organs, in the chest lungs with vessels, in the abdomen gas in the bowel; outside is air.
    Windows are those of https://radiopaedia.org/articles/windowing-ct and wider ones: soft
    tissue or brain, lung, bone, the full range.

    Args:
        images: float32 `(N, 64, 64, 1)`, 0-255, as Medical MNIST has them.
        depths: float32 `(N, 64, 64, 1)`, pixels below the edge of the body, negative outside.
        labels: int `(N,)`, of AbdomenCT, ChestCT or HeadCT.
        draws: `Draws` of N pictures.

    Returns:
        float32 `(N, 64, 64, 1)` in 0-255.
    """
    units = guess_units(images, depths, labels, draws)
    head = tf.cast(labels == HEAD, tf.float32)[:, None, None, None]
    centre, width = _window(head, draws)
    return 255 * tf.clip_by_value((units - centre) / width + 0.5, 0, 1)


def guess_units(images, depths, labels, draws: Draws):
    """Hounsfield units of CT slices, those that were clipped away guessed; as `render_ct()`."""
    abdomen, chest, head = (
        tf.cast(labels == label, tf.float32)[:, None, None, None]
        for label in (ABDOMEN, CHEST, HEAD)
    )
    air_level = sum(
        mask * grey for mask, grey in zip((abdomen, chest, head), _AIR_LEVELS.values(), strict=True)
    )
    seen = _above(images, air_level)
    # The skin and the fat below it were clipped away too, so a trunk is larger than it looks.
    edge = (1 - head) * (draws.uniform(0, 4) + 0.7 * draws.smooth_noise(7))
    depths = depths + edge
    trunk = _trunk(seen, depths, chest, abdomen, draws)
    body = tf.where(head > 0, _head(images, seen, air_level, draws), trunk)
    couch = (
        tf.cast(images > air_level + 12, tf.float32) * draws.bernoulli(0.5) * draws.uniform(0, 1.2)
    )
    inside = tf.clip_by_value(depths, 0, 1)
    return inside * body + (1 - inside) * (_AIR + 900 * couch)


def _above(images, air_level):
    """What lies above the grey of air, 0-1; compression blurs that grey by a few levels."""
    return tf.nn.relu(images - air_level - 3) / (252 - air_level)


def _trunk(seen, depths, chest, abdomen, draws):
    """Hounsfield units of a slice of chest or abdomen."""
    dense, organs = _find_organs(seen, draws)
    organs *= _deeper(depths, draws.uniform(0, 5))
    fat, muscle = draws.uniform(-130, -60), draws.uniform(20, 70)
    units = fat + (muscle - fat) * organs + draws.uniform(200, 700) * seen
    units += draws.uniform(0, 30) * draws.smooth_noise(24)
    lungs = _lungs(depths, dense, draws) * chest * draws.bernoulli(0.9)
    vessels = draws.uniform(0, 700) * tf.nn.relu(draws.smooth_noise(20) - draws.uniform(0.8, 1.6))
    air = (
        draws.uniform(-950, -750)
        + vessels
        + draws.uniform(0, 60) * draws.smooth_noise(5)
        + 200 * seen
    )
    units += (air - units) * lungs
    gas = tf.sigmoid(8 * (draws.smooth_noise(9) - draws.uniform(1.2, 2.2))) * _deeper(depths, 6)
    return units + (-900 - units) * gas * abdomen * draws.bernoulli(0.5)


def _find_organs(seen, draws):
    """How dense the picture is, in terms of what counts as an organ, and a soft mask of organs."""
    dense = blur(seen, 1.6) / draws.uniform(0.01, 0.08)
    organs = tf.sigmoid(2 * (dense - 1 + draws.uniform(0, 2) * draws.smooth_noise(6)
                             + draws.uniform(-0.5, 1.5)))  # fmt: skip
    return dense, organs


def _lungs(depths, dense, draws):
    """Mask of two lungs: within the chest wall, either side of the middle, around a heart."""
    inside = tf.clip_by_value(depths, 0, 1)
    area = tf.reduce_sum(inside, axis=(1, 2, 3), keepdims=True) + 1
    middle = tf.reduce_sum(inside * X, axis=(1, 2, 3), keepdims=True) / area
    height = tf.reduce_sum(inside * Y, axis=(1, 2, 3), keepdims=True) / area
    side = tf.abs(X - middle - draws.uniform(-0.05, 0.05) + 0.08 * draws.smooth_noise(4))
    lungs = _deeper(depths, draws.uniform(3, 9) + draws.smooth_noise(5))
    lungs *= tf.sigmoid(20 * (side - draws.uniform(0.04, 0.25)))
    u = (X - middle - draws.uniform(-0.1, 0.3)) / draws.uniform(0.1, 0.45)
    v = (Y - height - draws.uniform(-0.3, 0.15)) / draws.uniform(0.1, 0.4)
    heart = tf.sigmoid(6 * (1 - u * u - v * v))
    lungs *= 1 - heart * draws.bernoulli(0.7)
    return lungs * (1 - tf.sigmoid(2 * (dense - draws.uniform(1.5, 4))) * draws.bernoulli(0.6))


def _head(images, seen, air_level, draws):
    """Hounsfield units of a slice of the head; bone, which the picture clips, has more of them."""
    bone = tf.cast(images > 235, tf.float32) * (0.7 + 0.3 * draws.smooth_noise(16))
    air = tf.cast(images < air_level + 5, tf.float32) * draws.bernoulli(0.7)
    return draws.uniform(80, 200) * seen + draws.uniform(250, 1200) * bone + _AIR * air


def _window(head, draws):
    """Centre and width in Hounsfield units of a random window."""
    kind = draws.uniform()
    windows = (  # share, centre, width
        (0.5, (0, 90), (200, 500)),  # soft tissue
        (0.7, (-750, -350), (1100, 1900)),  # lung
        (0.9, (-300, 400), (1300, 3000)),  # nearly everything
        (1.0, (-200, 400), (600, 1300)),  # in between, bone
    )
    centre = width = tf.zeros_like(kind)
    for share, centres, widths in reversed(windows):
        centre = tf.where(kind < share, draws.uniform(*centres), centre)
        width = tf.where(kind < share, draws.uniform(*widths), width)
    brain = (head > 0) & (kind < 0.6)
    return (
        tf.where(brain, draws.uniform(15, 60), centre),
        tf.where(brain, draws.uniform(60, 250), width),
    )


def render_mri(images, depths, draws: Draws):
    """Renders breast MRI anew: a random contrast, half of the time with fat suppressed.

    How bright a tissue is depends on the sequence. Here fat is bright and gland dark; where fat
    is suppressed, as for contrast agents, it is the other way round
    (https://radiopaedia.org/articles/fat-suppressed-imaging). So tones run through three random
    greys, in any order, or fat becomes nearly black around bright gland. Coils brighten what is
    near them.

    Args:
        images: float32 `(N, 64, 64, 1)`, 0-255.
        depths: float32 `(N, 64, 64, 1)`, pixels below the edge of the body, negative outside.
        draws: `Draws` of N pictures.

    Returns:
        float32 `(N, 64, 64, 1)` in 0-255.
    """
    grey = images / 255
    tone = grey + draws.uniform(0, 0.1) * draws.smooth_noise(8)
    dark, medium, bright = draws.uniform(0, 0.5), draws.uniform(), draws.uniform()
    contrast = dark * tf.nn.relu(1 - 2 * tone) + bright * tf.nn.relu(2 * tone - 1)
    contrast += medium * (1 - tf.abs(2 * tone - 1))

    fatty = tf.sigmoid(12 * (blur(grey, 0.8) - draws.uniform(0.2, 0.5)))
    gland = (
        draws.smooth_noise(7)
        + draws.uniform(0, 0.8) * draws.smooth_noise(16)
        - draws.uniform(-0.5, 1.2)
    )
    gland = tf.sigmoid(draws.uniform(2, 6) * gland)
    gland *= _deeper(depths, draws.uniform(1, 7) + draws.smooth_noise(5))
    # What is darker than the fat around it in this data set is gland, too.
    seen = tf.nn.relu(blur(grey, 3.0) - grey) * draws.uniform(2, 6) * _deeper(depths, 2)
    gland = tf.clip_by_value(gland * draws.bernoulli(0.7) + seen, 0, 1.2)
    fat = draws.uniform(0.02, 0.25) + draws.uniform(0, 0.05) * draws.smooth_noise(20)
    vessels = (
        draws.uniform(0, 0.6) * tf.nn.relu(draws.smooth_noise(22) - 1.2) * draws.bernoulli(0.6)
    )
    suppressed = (
        fat + vessels + gland * draws.uniform(0.2, 0.9) * (1 + 0.4 * draws.smooth_noise(24))
    )
    # Behind the breasts: muscle, dark lungs, heart and liver, bright where contrast agent flows.
    muscle = draws.uniform(0.05, 0.5) * (1 + 0.3 * draws.smooth_noise(10))
    organs = draws.uniform(-0.4, 0.9) * draws.bernoulli(0.7)
    muscle += organs * tf.sigmoid(5 * draws.smooth_noise(4)) * _deeper(depths, draws.uniform(4, 9))
    suppressed = fatty * suppressed + (1 - fatty) * muscle
    contrast += fatty * gland * draws.uniform(-0.3, 0.6) * draws.bernoulli(0.5)

    tissue = tf.where(draws.uniform() < 0.5, suppressed, contrast)
    skin = tf.sigmoid(3 * (draws.uniform(0.8, 2) - depths)) * draws.uniform(-0.1, 0.5)
    tissue = tf.nn.relu(tissue + skin) * tf.clip_by_value(depths + 0.5, 0, 1)
    tissue *= tf.exp(draws.uniform(0, 0.6) * draws.smooth_noise(3) - draws.uniform(-0.6, 0.9) * Y)
    tissue *= tf.exp(-draws.uniform(0, 1.2) * draws.bernoulli(0.6) * tf.nn.relu(depths - 3) / 16)
    peak = tf.reduce_max(tissue, axis=(1, 2, 3), keepdims=True) + 0.02
    return 255 * tf.clip_by_value(tissue / peak * draws.uniform(0.4, 1.3), 0, 1)


def render_ct_as_mri(images, depths, labels, draws: Draws):
    """Renders CT slices as MRI of the same anatomy, which belongs to none of the classes.

    In MRI bone is dark and its marrow as bright as fat, air is dark, and fat is brighter than
    muscle where it isn't suppressed; all else depends on the sequence
    (https://radiopaedia.org/articles/mri-sequence-parameters).

    Args:
        images: float32 `(N, 64, 64, 1)`, 0-255, as Medical MNIST has them.
        depths: float32 `(N, 64, 64, 1)`, pixels below the edge of the body, negative outside.
        labels: int `(N,)`, of AbdomenCT, ChestCT or HeadCT.
        draws: `Draws` of N pictures.

    Returns:
        float32 `(N, 64, 64, 1)` in 0-255.
    """
    head = tf.cast(labels == HEAD, tf.float32)[:, None, None, None]
    chest = tf.cast(labels == CHEST, tf.float32)[:, None, None, None]
    depths = depths + 1 + draws.uniform(0, 1.5) + (1 - head) * draws.uniform(0, 3)
    fat, muscle = draws.uniform(0.05, 1), draws.uniform(0.15, 0.5)
    tissue = _head_mri(images, depths, fat, draws) * head
    tissue += _trunk_mri(images, depths, chest, fat, muscle, draws) * (1 - head)
    tissue *= tf.exp(draws.uniform(0, 0.5) * draws.smooth_noise(3)) * tf.clip_by_value(depths, 0, 1)
    peak = tf.reduce_max(tissue, axis=(1, 2, 3), keepdims=True) + 0.02
    return 255 * tf.clip_by_value(tissue / peak * draws.uniform(0.7, 1.3), 0, 1)


def _head_mri(images, depths, fat, draws):
    """Scalp, dark skull, brain with folds and fluid; the skull is often stripped off."""
    bone = tf.sigmoid((images - 205) / 8)
    seen = tf.clip_by_value((images - 90) / 90, 0, 1)  # the brain's own greys
    white, grey = draws.uniform(0.3, 0.9), draws.uniform(-0.3, 0.25)
    fluid = tf.where(draws.uniform() < 0.5, draws.uniform(0, 0.15), draws.uniform(0.8, 1.1))
    folds = tf.exp(-4 * tf.square(draws.smooth_noise(14)))
    rind = tf.sigmoid(1.5 * (draws.uniform(7, 11) - depths))
    brain = white + grey * (0.6 * folds + 0.4) * rind + 0.4 * (seen - 0.5) * draws.sign()
    brain += (fluid - brain) * tf.sigmoid(12 * (0.25 - blur(seen, 0.7)))
    brain += 0.6 * (fluid - brain) * rind * tf.nn.relu(draws.smooth_noise(20) - 0.6)
    scalp = tf.sigmoid(3 * (draws.uniform(1.2, 2.5) - depths))
    whole = (1 - bone) * brain + bone * draws.uniform(0, 0.12)
    whole += (fat - whole) * scalp
    stripped = brain * (1 - bone) * (1 - scalp)
    return tf.where(draws.uniform() < 0.3, stripped, whole)


def _trunk_mri(images, depths, chest, fat, muscle, draws):
    air_level = chest * _AIR_LEVELS[CHEST] + (1 - chest) * _AIR_LEVELS[ABDOMEN]
    seen = _above(images, air_level)
    bone = tf.sigmoid(20 * (blur(seen, 0.5) - 0.55))
    dense, organs = _find_organs(seen, draws)
    organs *= _deeper(depths, draws.uniform(1, 6))
    tones = muscle + draws.uniform(0, 0.5) * tf.nn.relu(draws.smooth_noise(5))
    tones += draws.uniform(-0.3, 0.6) * seen * (1 - bone)
    tissue = fat + (tones - fat) * organs
    tissue += (draws.uniform(0, 0.6) * fat - tissue) * bone
    lungs = _lungs(depths, dense, draws) * chest
    tissue += (draws.uniform(0, 0.12) - tissue) * lungs
    heart = tf.nn.relu(draws.smooth_noise(6) - 0.8) * draws.uniform(0, 0.8)
    return tissue + heart * _deeper(depths, 8)


def draw_side_view(draws: Draws):
    """Draws one breast from the side, which Medical MNIST never shows, to be rendered as MRI.

    A dome of fat in front of a chest wall, the nipple to the right.

    Args:
        draws: `Draws` of N pictures.

    Returns:
        `(images, depths)`, as `render_mri()` takes them.
    """
    wall = draws.uniform(-0.9, -0.1) + draws.uniform(-0.4, 0.4) * Y + 0.06 * draws.smooth_noise(4)
    length, half = draws.uniform(0.5, 1.6), draws.uniform(0.5, 1.1)
    u = (X - wall) / length + 0.04 * draws.smooth_noise(4)
    v = (Y - draws.uniform(-0.2, 0.2) - draws.uniform(-0.3, 0.3) * u) / half
    reach = 1 - tf.nn.relu(u) ** draws.uniform(1.3, 2.4) - tf.abs(v) ** draws.uniform(1.6, 3)
    dome = tf.minimum(length, half) * reach * 16  # roughly pixels, near the edge
    chest = 32 * (wall - X)
    muscle = tf.sigmoid(chest - draws.uniform(-2, 3)) * draws.uniform(0.5, 1)
    # Gland gathers behind the nipple, as a cone; there the picture is darker than fat.
    cone = tf.exp(-draws.uniform(1, 4) * v * v - draws.uniform(1, 6) * tf.square(u - 0.5))
    gland = cone * tf.sigmoid(6 * (draws.smooth_noise(9) + draws.uniform(-0.5, 1)))
    grey = draws.uniform(0.6, 1) * (1 - 0.6 * gland * draws.uniform()) - muscle
    return 255 * tf.clip_by_value(grey, 0, 1), tf.maximum(dome, chest + 1)


def blur(images, sigma):
    """Gaussian blur of `(N, 64, 64, 1)`, where sigma is a number, or one for each picture.

    As two products with a matrix, which is faster on a CPU than convolution or pooling.
    """
    pixels = np.arange(images.shape[1], dtype=np.float32)
    apart = np.square(pixels[:, None] - pixels)[None]
    sigma = tf.reshape(tf.convert_to_tensor(sigma, tf.float32), (-1, 1, 1))
    kernel = tf.exp(-apart / (2 * tf.square(sigma) + 1e-6))
    kernel /= tf.reduce_sum(kernel, axis=-1, keepdims=True)
    return tf.matmul(tf.matmul(kernel, images[..., 0]), kernel, transpose_b=True)[..., None]


def _deeper(depths, than):
    """Soft mask of what lies deeper in the body than so many pixels."""
    return tf.sigmoid(2 * (depths - than))
