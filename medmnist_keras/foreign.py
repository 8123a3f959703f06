"""Pictures of none of the six kinds, to measure whether a model refuses them.

**For measuring only.** No training, tuning or choice of a threshold may see these pictures: a
model that has met them says nothing of how it takes what it never met. Training code must not
import this module; the outliers that it shows a model are made by other means, in `augment`.

Everything is at hand offline: photographs that ship inside scikit-image and scikit-learn, a brain
that ships inside nilearn, and what is drawn here with the pens of `phantoms`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from importlib.util import find_spec
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw, ImageFont, ImageOps
from sklearn.datasets import load_digits, load_sample_images

from .phantoms import _ellipse, _expose, _mottle, _paint, _pose, _rod, _soft

_SIZE = 64
_COUNT = 200  # pictures in a set


class ForeignSet(NamedTuple):
    """What a set shows, where it is from, under which licence, and what makes it.

    `make` takes a random generator and returns a uint8 array `(N, 64, 64)`.
    """

    what: str
    source: str
    license: str
    make: Callable[[np.random.Generator], np.ndarray]


# Crops of photographs.


def _crops_of(*names, more=list):
    """What cuts random squares, small and large, out of scikit-image's pictures of these names.

    `more` returns further pictures.
    """

    def make(rng):
        from skimage import data

        return _crops(rng, [*(getattr(data, name)() for name in names), *more()])

    return make


def _crops(rng, pictures, count=_COUNT):
    greys = [Image.fromarray(picture).convert("L") for picture in pictures]
    crops: list[np.ndarray] = []
    while len(crops) < count:
        grey = greys[len(crops) % len(greys)]
        side = min(grey.size) * (_SIZE / min(grey.size)) ** rng.random()
        left, top = (np.array(grey.size) - side) * rng.random(2)
        crop = np.asarray(grey.resize((_SIZE, _SIZE), box=(left, top, left + side, top + side)))
        if crop.std() > 8:  # an empty sky is a blank, which is a set of its own
            crops.append(crop)
    return np.stack(crops)


def _enlarged(pictures):
    """Small pictures, floats in 0-1, as smooth ones of 64x64."""
    small = (Image.fromarray(picture.astype(np.float32)) for picture in pictures)
    large = (picture.resize((_SIZE, _SIZE), Image.Resampling.BICUBIC) for picture in small)
    return _as_grey(np.stack([np.asarray(picture) for picture in large]))


def _as_grey(values):
    """uint8 greys of floats in 0-1."""
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def _faces(rng):
    from skimage import data

    return _enlarged(data.lfw_subset()[:100])  # the second hundred are no faces


def _digits(rng):
    return _enlarged(rng.choice(load_digits().images, _COUNT, replace=False) / 16)


def _text(rng):
    """Half crops of pages, half light letters on black, like the marks on films."""
    from skimage import data

    letters = []
    for _ in range(_COUNT // 2):
        picture = Image.new("L", (_SIZE, _SIZE))
        draw = ImageDraw.Draw(picture)
        for _ in range(rng.integers(1, 5)):
            word = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVWXYZ0123456789"), 4))
            font = ImageFont.load_default(size=rng.integers(10, 40))
            place = tuple(rng.integers((-10, 0), (30, 50)))
            draw.text(place, word, fill=int(rng.integers(80, 256)), font=font)
        letters.append(np.asarray(picture))
    pages = _crops(rng, [data.page(), data.text()], _COUNT - len(letters))
    return np.concatenate([pages, letters])


def _brains(rng):
    from nilearn.datasets import load_mni152_template

    head = load_mni152_template(resolution=1).get_fdata(dtype=np.float32)
    slices = []
    for index in range(_COUNT):
        axis = index % 3  # sagittal, coronal, axial
        place = int(head.shape[axis] * rng.uniform(0.25, 0.75))
        black, white = rng.uniform(0, 0.3), rng.uniform(0.6, 1.1)
        plane = np.rot90((np.moveaxis(head, axis, 0)[place] - black) / (white - black))
        side = rng.uniform(180, 240)
        left, top = (240 - side) * rng.random(2)
        square = ImageOps.pad(Image.fromarray(_as_grey(plane)), (240, 240))
        box = (left, top, left + side, top + side)
        slices.append(np.asarray(square.resize((_SIZE, _SIZE), box=box)))
    return np.stack(slices)


# Nothing at all, and what mathematics draws.


def _blanks(rng):
    greys = np.rint(np.linspace(0, 255, _COUNT)).astype(np.uint8)
    return np.tile(greys[:, None, None], (1, _SIZE, _SIZE))


def _noise(rng):
    """From white noise to clouds: amplitudes fall with the frequency, more and more steeply."""
    steepness = np.linspace(0, 2, _COUNT)[:, None, None]
    row = np.fft.fftfreq(_SIZE)
    frequency = np.maximum(np.hypot(row, row[:, None]), 1 / _SIZE)
    noise = np.fft.fft2(rng.standard_normal((_COUNT, _SIZE, _SIZE))) / frequency**steepness
    noise = np.fft.ifft2(noise).real
    noise = (noise - noise.mean(axis=(1, 2), keepdims=True)) / noise.std(axis=(1, 2), keepdims=True)
    pick = _picker(rng)
    return _as_grey(pick(0.3, 0.7) + pick(0.05, 0.3) * noise)


def _patterns(rng):
    pick = _picker(rng)
    row = np.linspace(-1, 1, _SIZE)
    angle, pitch = pick(0, 7), pick(4, 30)
    u = row * np.cos(angle) + row[:, None] * np.sin(angle)
    v = row[:, None] * np.cos(angle) - row * np.sin(angle)
    radius = np.hypot(u - pick(-0.5, 0.5), v - pick(-0.5, 0.5))
    stripes, checks = np.sin(pitch * u), np.sign(np.sin(pitch * u) * np.sin(pitch * v))
    kinds = np.stack([u, 1 - radius, stripes, checks, np.sin(pitch * radius)])
    pattern = kinds[np.arange(_COUNT) % len(kinds), np.arange(_COUNT)]
    dark = pick(0, 0.4)
    return _as_grey(dark + (pick(0.6, 1) - dark) * (pattern + 1) / 2)


# Drawings, in the ways of `phantoms`: greys in 0-1 on coordinates that span -1 to 1.


def _picker(rng, count=_COUNT):
    def pick(low, high):
        return low + (high - low) * rng.random((count, 1, 1), dtype=np.float32)

    return pick


def _drawn(*drawers):
    """What makes a set of equal parts, each drawn by one of `drawers`."""

    def make(rng):
        pick = _picker(rng, _COUNT // len(drawers))
        pictures = [_expose(draw(*_pose(pick), pick), pick, rng) for draw in drawers]
        return np.concatenate(pictures)

    return make


def _draw_shapes(x, y, pick):
    canvas = np.zeros_like(x)
    for _ in range(3):
        at, tone = (pick(-0.7, 0.7), pick(-0.7, 0.7)), pick(0.25, 1)
        disk = _ellipse(x, y, *at, pick(0.1, 0.6), pick(0.1, 0.6), pick(0, 3))
        _paint(canvas, disk, tone, pick(-1, 1) > 0)
        rod = _rod(x, y, *at, pick(0, 7), pick(0.2, 1.2), pick(0.03, 0.2))
        _paint(canvas, rod, pick(0.25, 1), pick(-1, 1) > 0)
    away, turn = np.hypot(x - at[0], y - at[1]), np.arctan2(y - at[1], x - at[0])
    points = np.floor(pick(3, 9))
    star = _soft(pick(0.3, 0.6) * (1 + pick(0.2, 0.6) * np.cos(points * turn)) - away)
    _paint(canvas, star, pick(0.4, 1), pick(-1, 1) > -0.6)
    return canvas


def _draw_knee(x, y, pick):
    x, plate = x * np.sign(pick(-1, 1)), pick(-0.2, 0.3).clip(0)
    shaft, wide, bone = pick(0.12, 0.17), pick(0.34, 0.44), pick(0.55, 0.8)
    canvas = np.zeros_like(x) + plate
    leg = _soft(pick(0.5, 0.65) + 0.1 * np.cos(2 * y) - np.abs(x))
    _paint(canvas, leg, plate + pick(0.15, 0.3))
    fibula = _rod(x, y, wide, 0.28, 1.6, 1.5, 0.05)
    _paint(canvas, fibula, bone, 0.8)
    for up in (1, -1):  # the thigh bone above the joint, the shin bone below
        off = -up * y - 0.02
        half = shaft + (wide - shaft) * np.exp(-((off / pick(0.25, 0.4)) ** 2))
        inside = np.minimum(half - np.abs(x), off)
        _paint(canvas, _soft(+inside), bone + 0.15)  # compact bone
        _paint(canvas, _soft(inside - 0.05), bone + 0.05 * _mottle(x, y, pick, 20))
    condyles = _ellipse(np.abs(x), y, 0.2, -0.14, 0.19, 0.13)
    _paint(canvas, condyles, bone + 0.1, 0.6)
    _paint(canvas, _ellipse(x, y, 0, -0.3, 0.16, 0.18), bone + 0.2, 0.5)  # the kneecap
    return canvas


def _draw_foot(x, y, pick):
    x, plate, bone = x * np.sign(pick(-1, 1)), pick(-0.2, 0.3).clip(0), pick(0.6, 0.9)
    canvas, slope = np.zeros_like(x) + plate, pick(2.85, 3.05)
    flesh = np.maximum(
        _rod(x, y, 0.35, -1.5, 1.6, 1.9, pick(0.26, 0.34)),
        _rod(x, y, 0.55, 0.47, slope, 1.25, 0.17 + 0.1 * (x + 0.6).clip(0)),
    )
    _paint(canvas, flesh, plate + pick(0.2, 0.35))
    _paint(canvas, _rod(x, y, 0.5, -1.5, 1.62, 1.65, 0.05), bone - 0.15)
    _paint(canvas, _rod(x, y, 0.32, -1.5, 1.58, 1.6, 0.11), bone)
    heel, ankle = _ellipse(x, y, 0.52, 0.45, 0.26, 0.13, -0.4), _ellipse(x, y, 0.28, 0.25, 0.2, 0.1)
    _paint(canvas, heel, bone)
    _paint(canvas, ankle, bone + 0.05)
    _paint(canvas, _ellipse(x, y, 0.02, 0.3, 0.1, 0.1), bone - 0.05)
    for ray in (0, 0.05, 0.1):
        _paint(canvas, _rod(x, y, -0.1, 0.33 + ray, slope - 0.4 + ray, 0.5, 0.045), bone - ray)
        _paint(canvas, _rod(x, y, -0.6, 0.64 + 0.6 * ray, slope, 0.14, 0.035), bone - ray)
    return canvas


def _draw_spine(x, y, pick):
    x, wide, pitch, bone = x * np.sign(pick(-1, 1)), pick(0.2, 0.28), pick(0.32, 0.42), 0.75
    bent = x - pick(-0.1, 0.1) - pick(0.05, 0.2) * np.sin(pick(1, 2.5) * y + pick(0, 6))
    canvas = np.zeros_like(x) + pick(0.25, 0.45)
    _paint(canvas, _soft(pick(0.9, 1.1) - bent), pick(0.3, 0.5))
    _paint(canvas, _soft(bent - pick(0.75, 0.95)), 0.02)  # air behind the back
    _paint(canvas, _ellipse(x, y, -0.9, -0.4, pick(0.4, 0.7), 1), pick(0.05, 0.2))  # lung
    step = np.abs((y / pitch + pick(0, 1)) % 1 - 0.5) * pitch  # from the middle of a vertebra
    body = np.minimum(wide - 0.04 * np.cos(step / pitch * 6) - np.abs(bent), 0.38 * pitch - step)
    _paint(canvas, _soft(+body), bone + 0.15)
    _paint(canvas, _soft(body - 0.04), bone - 0.05 + 0.04 * _mottle(x, y, pick, 18))
    slant = np.abs(((y - 0.5 * (bent - 0.3)) / pitch + pick(0, 1)) % 1 - 0.5) * pitch
    spines = np.minimum(0.16 - np.abs(bent - wide - 0.27), 0.06 - slant)
    _paint(canvas, _soft(spines), bone, 0.7)
    return canvas


def _draw_teeth(x, y, pick):
    canvas, bone, enamel = np.zeros_like(x) + pick(0.1, 0.25), pick(0.4, 0.55), pick(0.8, 1)
    smile = y - pick(0.1, 0.35) * (0.4 - x * x)  # rows of teeth bend like a smile
    _paint(canvas, _soft(0.62 - np.abs(smile) - 0.1 * x * x), bone)
    _paint(canvas, _rod(np.abs(x), y, 0.92, -0.6, 1.5, 0.9, 0.13), bone + 0.05)  # the jaw's ends
    _paint(canvas, _ellipse(np.abs(x), y, 0.4, -0.65, 0.25, 0.16), 0.1)  # air of the sinuses
    pitch = pick(0.13, 0.18)
    for up in (1, -1):
        from_bite = -up * smile - 0.02
        across = np.abs((x / pitch + pick(0, 1)) % 1 - 0.5) * pitch
        root = np.minimum(0.46 * pitch - 0.1 * from_bite - across, pick(0.3, 0.42) - from_bite)
        tooth = np.minimum(np.minimum(root, from_bite), 0.85 - np.abs(x))
        _paint(canvas, _soft(+tooth), enamel - 0.15)
        _paint(canvas, _soft(np.minimum(tooth, 0.14 - from_bite)), enamel)
    _paint(canvas, _soft(0.015 - np.abs(smile)), 0.05, 0.7)
    return canvas


_SKIMAGE, _DRAWN = "scikit-image, skimage.data", "drawn here, with NumPy and Pillow"
_FREE = "CC0 or public domain"

FOREIGN = {
    "photographs": ForeignSet(
        "people, a cat, coffee, coins, a rocket, a clock, a town, a flower: crops of photographs",
        f"{_SKIMAGE}; scikit-learn, load_sample_images",
        f"{_FREE}; town and flower CC BY 2.0, by danielbuechele and vultilion on Flickr",
        _crops_of(
            *("astronaut", "camera", "chelsea", "coffee", "coins", "rocket", "clock"),
            more=lambda: load_sample_images().images,
        ),
    ),
    "faces": ForeignSet(
        "one hundred faces, enlarged from 25x25",
        f"{_SKIMAGE}.lfw_subset, from Labeled Faces in the Wild",
        "none stated; gathered from news photographs, for research",
        _faces,
    ),
    "textures": ForeignSet(
        "brick, grass, gravel: crops of three photographs",
        f"{_SKIMAGE}.brick, .grass, .gravel",
        "CC0",
        _crops_of("brick", "grass", "gravel"),
    ),
    "space": ForeignSet(
        "the moon and far galaxies: crops of two photographs",
        f"{_SKIMAGE}.moon, .hubble_deep_field",
        "Hubble: public domain, NASA; moon: none stated",
        _crops_of("moon", "hubble_deep_field"),
    ),
    "microscopy": ForeignSet(
        "a cell and stained tissue: crops of two pictures",
        f"{_SKIMAGE}.cell, .immunohistochemistry",
        _FREE,
        _crops_of("cell", "immunohistochemistry"),
    ),
    "retina": ForeignSet(
        "the back of the eye: crops of two pictures",
        f"{_SKIMAGE}.retina, .microaneurysms",
        "CC0",
        _crops_of("retina", "microaneurysms"),
    ),
    "brain MRI": ForeignSet(
        "slices in three directions of the mean T1 image of 152 heads, without skulls",
        "nilearn, load_mni152_template: ICBM 152, non-linear, 2009",
        "free to use and copy with its notice: (C) 1993-2009 Louis Collins, McConnell Brain "
        "Imaging Centre, Montreal Neurological Institute, McGill University",
        _brains,
    ),
    "drawn knees": ForeignSet("knee X-rays", _DRAWN, "MIT", _drawn(_draw_knee)),
    "other drawn X-rays": ForeignSet(
        "feet and spines from the side, rows of teeth",
        _DRAWN,
        "MIT",
        _drawn(_draw_foot, _draw_spine, _draw_teeth),
    ),
    "shapes": ForeignSet(
        "disks, rods and stars, as bright as bodies", _DRAWN, "MIT", _drawn(_draw_shapes)
    ),
    "text": ForeignSet(
        "crops of printed and written pages; light letters on black",
        f"{_SKIMAGE}.page, .text; {_DRAWN}",
        "text: public domain; page: none stated; letters: MIT",
        _text,
    ),
    "digits": ForeignSet(
        "handwritten digits, enlarged from 8x8",
        "scikit-learn, load_digits, from the UCI repository",
        "CC BY 4.0",
        _digits,
    ),
    "patterns": ForeignSet("gradients, stripes, checks, rings", _DRAWN, "MIT", _patterns),
    "noise": ForeignSet("from white noise to clouds", _DRAWN, "MIT", _noise),
    "blank": ForeignSet("one grey from edge to edge", _DRAWN, "MIT", _blanks),
}


def load_foreign(*, seed: int = 0) -> dict[str, np.ndarray]:
    """Loads pictures of none of the six kinds, set by set, without any network.

    For measuring only, never for training; see the module. `FOREIGN` tells of each set what it
    shows, its source and its licence. Where nilearn is not installed, the brain MRI is left out
    and a printed line says so.

    Args:
        seed: int. The same seed gives the same pictures, whatever else is left out.

    Returns:
        dict of names, as in `FOREIGN`, to uint8 arrays `(N, 64, 64, 1)`, values 0-255; N is 100
        to 200.

    Raises:
        ImportError: If scikit-image is not installed.

    Example:

    >>> foreign = load_foreign()
    >>> scores = {name: model.predict(x).max(axis=1) for name, x in foreign.items()}
    >>> plots.refusal_histogram(scores, threshold)
    """
    with warnings.catch_warnings():
        # What the libraries below import, and which warns in notebooks that a widget is missing.
        warnings.simplefilter("ignore")
        import tqdm.auto  # noqa: F401
    if find_spec("skimage") is None:
        raise ImportError(
            "The foreign sets need scikit-image, which is not installed. "
            "Run `pip install scikit-image`."
        )
    sets = {}
    for index, (name, foreign_set) in enumerate(FOREIGN.items()):
        if name == "brain MRI" and find_spec("nilearn") is None:
            print("brain MRI is left out of the foreign sets: `pip install nilearn` brings it")
            continue
        sets[name] = foreign_set.make(np.random.default_rng([seed, index]))[..., np.newaxis]
    return sets
