"""Draws pictures of the six classes (phantoms), for when the real ones are missing.

A phantom, in radiology, is an object imaged in place of a patient. These are drawn with
NumPy alone, from soft-edged ellipses and rods, with no file and no network. Each differs in
anatomy, pose, tone and noise: good to try code on, never to report a result on.
"""

from __future__ import annotations

from collections.abc import Mapping
from numbers import Integral

import numpy as np

from ..info import IMAGE_SIZE
from .drawing import (
    draw_ellipse,
    draw_pose,
    draw_rod,
    expose,
    local_coordinates,
    mottle,
    paint,
    soften,
    vary_around,
)

PHANTOMS = "phantoms"  # what `source` says for them, and their fingerprint
_CHUNK = 32  # pictures drawn at a time: few enough for their arrays to stay in cache


def _draw_couch(x, y, pick):
    """A canvas with the couch or head rest that patients lie on in a CT scanner, if at all."""
    couch = draw_ellipse(x, y, 0, 0.1, 1.1, 0.95) - draw_ellipse(x, y, 0, 0.06, 1.06, 0.91)
    return couch.clip(0) * (y > 0.3) * pick(-0.2, 0.6).clip(0)


def _draw_trunk(x, y, pick, fat):
    """What both CT slices of the trunk begin with, and the size of the trunk within its fat."""
    canvas, muscle, wall = _draw_couch(x, y, pick), pick(0.38, 0.5), pick(0.03, 0.14)
    width, depth = pick(0.8, 0.97), pick(0.55, 0.78)
    paint(canvas, draw_ellipse(x, y, 0, 0, width, depth, boxy=0.3), fat)
    width, depth = width - wall, depth - wall
    paint(canvas, draw_ellipse(x, y, 0, 0, width, depth, boxy=0.3), muscle)
    return canvas, width, depth


def _add_bones(canvas, x, y, pick, width, depth):
    """The vertebra in a CT slice of the trunk, with its processes, and the ribs cut across."""
    side, back, bone = np.abs(x), depth * pick(0.45, 0.6), pick(0.75, 1)
    paint(canvas, draw_rod(side, y, 0.02, back + 0.14, pick(0.1, 0.6), 0.2, 0.035), bone)
    paint(canvas, draw_ellipse(x, y, 0, back + 0.22, 0.04, 0.1), bone)
    paint(canvas, draw_ellipse(x, y, 0, back, pick(0.11, 0.17), pick(0.09, 0.14)), bone)
    paint(canvas, draw_ellipse(x, y, 0, back + 0.15, 0.04, 0.04), 0.4)  # spinal canal
    for turn in (-0.7, 0, 0.7):  # ribs slant through the slice, which misses some
        turn = turn + pick(-0.25, 0.25)
        rib_x, rib_y = 0.98 * width * np.cos(turn), 0.98 * depth * np.sin(turn)
        rib = draw_rod(side, y, rib_x, rib_y, turn + 1.57, pick(0.06, 0.12), 0.035)
        paint(canvas, rib, bone, pick(-0.4, 1) > 0)


def _draw_abdomen_ct(x, y, pick):
    fat, organ, side = pick(0.2, 0.35), pick(0.48, 0.68), np.abs(x)
    canvas, width, depth = _draw_trunk(x, y, pick, fat)
    inside = draw_ellipse(x, y, 0, -0.05, width * 0.93, depth * 0.9, boxy=0.3)
    paint(canvas, inside, fat + 0.03)
    for _ in range(4):  # loops of bowel, filled with fluid, contrast medium or gas
        at = pick(-0.2, 0.6) * width, pick(-0.7, 0.25) * depth
        loop = draw_ellipse(x, y, *at, pick(0.1, 0.25), pick(0.07, 0.13), pick(0, 3))
        paint(canvas, loop, np.where(pick(0, 1) < 0.15, 0.05, pick(0.35, 0.7)))
    lobe_w = pick(0.3, 0.5) * width
    liver = draw_ellipse(x, y, -0.5 * width, -0.12 * depth, lobe_w, 0.68 * depth, pick(0, 0.3))
    left_lobe = draw_ellipse(
        x, y, -0.15, -0.45 * depth, pick(0.2, 0.5), 0.3 * depth, pick(-0.4, 0.1)
    )
    liver = np.maximum(liver, left_lobe) * inside
    paint(canvas, liver, organ + 0.04 * mottle(x, y, pick, 9), pick(-0.2, 1) > 0)
    spleen_y, spleen_h = pick(0, 0.3) * depth, pick(0.1, 0.28)
    paint(canvas, draw_ellipse(x, y, 0.75 * width, spleen_y, 0.13, spleen_h), organ)
    kidney_x, kidney_y, kidney = pick(0.36, 0.46), pick(0.3, 0.45) * depth, pick(0.1, 0.16)
    kidneys = draw_ellipse(side, y, kidney_x, kidney_y, kidney * 1.4, kidney, pick(0.6, 1.2))
    paint(canvas, kidneys, organ + 0.2)
    paint(canvas, draw_ellipse(side, y, kidney_x - 0.07, kidney_y, kidney / 2, kidney / 3), fat)
    paint(canvas, draw_ellipse(x, y, 0.06, 0.25 * depth, 0.06, 0.06), organ + pick(0, 0.3))  # aorta
    _add_bones(canvas, x, y, pick, width, depth)
    return canvas


def _draw_breast_mri(x, y, pick):
    fat, side, uneven = pick(0.65, 0.95), np.abs(x), 1 + pick(-0.1, 0.1) * np.sign(x)
    chest_y, chest_w, chest_h = pick(0.4, 0.6), pick(0.85, 1), pick(0.38, 0.5)
    # The patient lies prone, the breasts hanging into the coil: upwards in the picture.
    root, breast_x, width = chest_y - 0.5 * chest_h, pick(0.43, 0.5), pick(0.38, 0.46)
    length = pick(0.2, 0.8) * uneven
    lean = side + (y - root) * pick(-0.1, 0.2)
    breasts = draw_ellipse(lean, y, breast_x, root, width * uneven, length, boxy=0.3)
    body = np.maximum(draw_ellipse(x, y, 0, chest_y, chest_w, chest_h, boxy=0.2), breasts)
    canvas = body * fat
    strands = 2 * mottle(x, y, pick, pick(12, 26)) + pick(-0.3, 1.2)
    gland_w, gland_h = width * pick(0.4, 0.8), length * pick(0.4, 0.7)
    gland = draw_ellipse(lean, y, breast_x, root - 0.35 * length, gland_w, gland_h)
    paint(canvas, gland, fat * pick(0.2, 0.7), strands.clip(0, 1))
    wall = pick(0.06, 0.14)
    muscle = draw_ellipse(x, y, 0, chest_y + 0.05, chest_w - wall, chest_h - wall, boxy=0.2)
    paint(canvas, muscle, pick(0.2, 0.4))
    wall = wall + 0.07
    lungs = draw_ellipse(x, y, 0, chest_y + 0.1, chest_w - wall, chest_h - wall)
    paint(canvas, lungs, pick(0.03, 0.15))
    heart = draw_ellipse(x, y, pick(-0.05, 0.3), chest_y + 0.15, pick(0.15, 0.3), 0.2)
    paint(canvas, heart, pick(0.1, 0.5), lungs)
    canvas *= body * (1 + pick(0, 0.15) * mottle(x, y, pick, 12))
    return canvas * soften(pick(0.72, 0.95) - y)  # the field of view ends behind the heart


def _draw_cxr(x, y, pick):
    side, white, air = np.abs(x), pick(0.72, 0.95), pick(0.08, 0.4)
    trunk = draw_ellipse(x, y, 0, pick(0.45, 0.65), pick(0.9, 1.4), 1.38, boxy=0.5)
    body = np.maximum(trunk, draw_ellipse(x, y, 0, -0.9, pick(0.2, 0.3), 0.5))  # with the neck
    canvas = body * pick(0.55, 0.75)
    top, bottom = pick(-0.85, -0.65), pick(0.35, 0.7)
    middle, half = (top + bottom) / 2, (bottom - top) / 2
    # Lungs are narrow at the apex and wide at the base, which the diaphragm's domes cut off.
    lean = side - 0.2 * (y - middle)
    domes = draw_ellipse(side, y, 0.4, bottom + 0.6 + 0.04 * np.sign(x), 0.8, 0.6)
    lungs = draw_ellipse(lean, y, 0.42, middle + 0.2, pick(0.29, 0.37), half + 0.2, boxy=0.2)
    paint(canvas, lungs, air + pick(0, 0.08) * mottle(x, y, pick, 10))
    # Ribs: behind, they arch; in front they are fainter and run down to the midline.
    pitch = pick(20, 27)
    behind = np.sin(pitch * (y + pick(0.6, 1.2) * (side - 0.45) ** 2) + pick(0, 6))
    before = np.sin(0.8 * pitch * (y + 0.6 * side) + pick(0, 6))
    ribs = behind.clip(0) * pick(0.08, 0.25) + before.clip(0) * pick(0.02, 0.1)
    canvas += ribs * draw_ellipse(lean, y, 0.36, middle + 0.15, 0.48, half + 0.25)
    # The heart leans to the patient's left; great vessels and spine lie between the lungs.
    wide, high = pick(0.2, 0.36), pick(0.26, 0.4)
    heart = draw_ellipse(x, y, 0.45 * wide, bottom - 0.12, wide, high, pick(-1, 0))
    vessels = draw_ellipse(x, y, 0.03, middle, pick(0.12, 0.2), half + 0.1)
    paint(canvas, np.maximum(np.maximum(heart, vessels), domes), white, body)
    paint(canvas, draw_ellipse(x, y, 0, 0, 0.1, 1.6), white + 0.05 * np.sin(28 * y), 0.7 * body)
    clavicles = draw_rod(side, y, 0.1, top + 0.2, pick(-0.4, -0.1), 0.65, 0.035)
    return canvas + pick(0.05, 0.25) * clavicles * body


def _draw_chest_ct(x, y, pick):
    canvas, width, depth = _draw_trunk(x, y, pick, pick(0.25, 0.4))
    side, lung_w, lung_h = np.abs(x - pick(-0.03, 0.03)), pick(0.36, 0.44), pick(0.68, 0.84)
    lungs = draw_ellipse(side, y, 0.48 * width, 0, lung_w * width, lung_h * depth, boxy=0.2)
    vessels = pick(0, 1) * (mottle(x, y, pick, pick(12, 24)) - 0.5).clip(0)
    paint(canvas, lungs, pick(0.02, 0.15) + vessels)
    blood, heart_x, heart_y = pick(0.45, 0.8), pick(0, 0.16), pick(-0.35, -0.1) * depth
    wide, high = pick(0.16, 0.34), pick(0.3, 0.55) * depth
    paint(canvas, draw_ellipse(x, y, heart_x, heart_y, wide, high, pick(0.2, 0.9)), blood)
    chamber = draw_ellipse(x, y, heart_x + 0.06, heart_y, wide / 2, high / 2)
    paint(canvas, chamber, blood + pick(-0.05, 0.2))
    paint(canvas, draw_ellipse(x, y, 0.1, 0.3 * depth, 0.07, 0.07), blood + 0.05)  # aorta
    paint(canvas, draw_ellipse(x, y, 0, 0.1, 0.06, 0.05), 0.03, pick(-1, 1) > 0)  # airway
    paint(canvas, draw_ellipse(x, y, 0, -0.93 * depth, pick(0.08, 0.16), 0.04), 0.8)  # breastbone
    _add_bones(canvas, x, y, pick, width, depth)
    return canvas


# Rays of a hand: where each leaves the wrist, its angle in units of the spread, and the
# lengths of its metacarpal and phalanges, of which the thumb has two.
_RAYS = (
    (-0.16, -4.6, (0.28, 0.22, 0.16)),
    (-0.13, -1.2, (0.42, 0.26, 0.16, 0.11)),
    (-0.04, -0.1, (0.41, 0.29, 0.19, 0.12)),
    (0.05, 1.0, (0.37, 0.27, 0.18, 0.12)),
    (0.13, 2.2, (0.34, 0.21, 0.13, 0.11)),
)


def _draw_hand(x, y, pick):
    x = x * np.sign(pick(-1, 1))  # a left or a right one
    plate, size = pick(-0.2, 0.3).clip(0), pick(1.05, 1.3)
    thick, spread = pick(0.065, 0.09), pick(0.11, 0.2)
    field = np.maximum(np.abs(x), np.abs(y))  # exposed field, at times lighter than around it
    canvas = soften(pick(0.8, 1.4) - field) * plate
    marker = draw_rod(x, y, pick(0.65, 0.8), pick(0.2, 0.8), pick(0, 3), 0.1, 0.05)
    paint(canvas, marker, 0.9, pick(-1, 1) > 0)
    palm = draw_ellipse(x, y, 0.02, 0.28, 0.3 * size, 0.36 * size, boxy=0.6)
    flesh = np.maximum(palm, draw_rod(x, y, 0.02, 0.6, pick(1.4, 1.75), 1.3, pick(0.18, 0.24)))
    bones = draw_ellipse(x, y, 0, 0.63, 0.2, 0.11)  # carpals, as cobbles
    bones *= 0.75 + 0.25 * np.sin(38 * x) * np.sin(38 * y)
    for wrist_x, radius in ((-0.09, 0.085), (0.12, 0.055)):  # radius and ulna
        bones = np.maximum(bones, draw_rod(x, y, wrist_x, 0.86, pick(1.45, 1.7), 1, radius))
    for wrist_x, fan, lengths in _RAYS:
        u, v = local_coordinates(x, y, wrist_x, 0.54, fan * spread + pick(-0.06, 0.06) - 1.57)
        u *= 1 / (size * pick(0.94, 1.06))
        beyond, end = np.inf, 0.0
        for length in lengths:  # the shafts end short of one another, at the joints
            beyond = np.minimum(beyond, np.abs(u - (end + length / 2)) - length / 2 + 0.045)
            end += length
        bones = np.maximum(bones, vary_around(beyond, v, 0.035))
        finger = np.abs(u - end / 2 - 0.1) - end / 2 + 0.12
        flesh = np.maximum(flesh, vary_around(finger, v, thick))
    paint(canvas, flesh, plate + pick(0.2, 0.5))
    return canvas + bones * pick(0.15, 0.45)


def _draw_head_ct(x, y, pick):
    canvas, side, brain = _draw_couch(x, y, pick), np.abs(x), pick(0.3, 0.5)
    width, height, skull = pick(0.5, 0.72), pick(0.68, 0.88), pick(0.05, 0.12)
    paint(canvas, draw_ellipse(x, y, 0, 0, width, height), pick(0.2, 0.4))  # scalp
    paint(canvas, draw_ellipse(x, y, 0, 0, width - 0.04, height - 0.04), pick(0.85, 1))
    width, height = width - 0.04 - skull, height - 0.04 - skull
    inside = draw_ellipse(x, y, 0, 0, width, height)
    paint(canvas, inside, brain + pick(0, 0.08) * mottle(x, y, pick, pick(10, 22)))
    paint(
        canvas, draw_ellipse(x, y, pick(-0.02, 0.02), 0, 0.015, height), brain + 0.2, inside
    )  # falx
    # Ventricles: frontal and occipital horns part from the midline, like a butterfly.
    horn, dark = pick(0.03, 0.08), brain * pick(0.1, 0.6)
    front = draw_ellipse(side, y, 0.11, -0.18, horn, pick(0.12, 0.22), pick(0.2, 0.5))
    behind = draw_ellipse(side, y, 0.15, 0.2, horn, pick(0.12, 0.24), pick(-0.6, -0.2))
    paint(canvas, np.maximum(front, behind), dark, pick(-0.15, 1) > 0)
    # Low slices show the petrous bones and the air of the sinuses.
    low = pick(-0.7, 0.3) > 0
    petrous = draw_rod(side, y, 0.1, 0.05, pick(0.1, 0.5), 0.7, pick(0.04, 0.08))
    paint(canvas, petrous, 0.95, inside * low)
    paint(canvas, draw_ellipse(side, y, 0.09, -0.75 * height, 0.07, pick(0.06, 0.16)), 0.02, low)
    return canvas


_DRAWERS = {
    "AbdomenCT": _draw_abdomen_ct,
    "BreastMRI": _draw_breast_mri,
    "CXR": _draw_cxr,
    "ChestCT": _draw_chest_ct,
    "Hand": _draw_hand,
    "HeadCT": _draw_head_ct,
}
PHANTOM_CLASSES = tuple(_DRAWERS)


def _draw_chunk(name, chunk, seed):
    rng = np.random.default_rng([seed, PHANTOM_CLASSES.index(name), chunk])

    def pick(low, high):
        return low + (high - low) * rng.random((_CHUNK, 1, 1), dtype=np.float32)

    x, y = draw_pose(pick)
    return expose(_DRAWERS[name](x, y, pick), pick, rng)


def draw_phantoms(
    images_per_class: int | Mapping[str, int], *, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Draw random pictures that look like the six kinds of Medical MNIST.

    The first `k` pictures of a class are the same however many are asked for, so a larger set
    extends a smaller one of the same seed.

    Args:
        images_per_class: How many pictures of each class, or a mapping from class name (see
            `PHANTOM_CLASSES`) to how many of it. Classes left out get none.
        seed: A non-negative integer. The same seed gives the same pictures.

    Returns:
        A tuple `(images, labels)`, class after class as in the real data set:

        - `images`: uint8 array of shape `(N, 64, 64, 1)`, values in 0-255.
        - `labels`: int64 array of shape `(N,)`, indices into `PHANTOM_CLASSES`.

    Raises:
        ValueError: If a count or the seed is not a non-negative integer, or a class is unknown.
    """
    counts = _counts(images_per_class)
    if not _is_count(seed):
        raise ValueError(f"`seed` must be an integer of 0 or more. Received: seed={seed!r}")
    # Once a large block has been freed, glibc stops handing freed memory back to the system
    # after every array, only to fetch it anew: this alone makes drawing twice as fast.
    np.empty(2**24, np.uint8)
    images = np.empty((sum(counts), IMAGE_SIZE, IMAGE_SIZE, 1), np.uint8)
    start = 0
    for name, count in zip(PHANTOM_CLASSES, counts, strict=True):
        for first in range(0, count, _CHUNK):
            kept = min(_CHUNK, count - first)
            images[start : start + kept, ..., 0] = _draw_chunk(name, first // _CHUNK, seed)[:kept]
            start += kept
    return images, np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def _is_count(value: object) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) >= 0


def _counts(images_per_class: int | Mapping[str, int]) -> list[int]:
    """One checked count for each class, in order."""
    if not isinstance(images_per_class, Mapping):
        images_per_class = dict.fromkeys(PHANTOM_CLASSES, images_per_class)
    if set(images_per_class) - set(PHANTOM_CLASSES):
        raise ValueError(
            f"The keys of `images_per_class` must be among {PHANTOM_CLASSES}. "
            f"Received: images_per_class={images_per_class!r}"
        )
    if not all(map(_is_count, images_per_class.values())):
        raise ValueError(
            "`images_per_class` must be an integer of 0 or more, or map class names to such "
            f"integers. Received: images_per_class={images_per_class!r}"
        )
    return [int(images_per_class.get(name, 0)) for name in PHANTOM_CLASSES]
