"""Out-of-distribution sets, to measure how many pictures a model rejects.

**For measuring only.** No training, tuning or choice of a threshold may see these pictures: a
model that has met them says nothing of how it takes what it never met. Training code must not
import this module; the outliers that it shows a model are made by other means, in `augmentation`.

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

from ..info import IMAGE_SIZE
from .ood_drawing import COUNT, draw_set, draw_shapes, make_picker


class OODSet(NamedTuple):
    """What a set shows, where it is from, under which licence, and what makes it.

    `make` takes a random generator and returns a uint8 array `(N, 64, 64)`.
    """

    what: str
    source: str
    license: str
    make: Callable[[np.random.Generator], np.ndarray]


def _crops_of(*names, more=list):
    """What cuts random squares, small and large, out of scikit-image's pictures of these names.

    `more` returns further pictures.
    """

    def make(rng):
        from skimage import data

        return _crops(rng, [*(getattr(data, name)() for name in names), *more()])

    return make


def _crops(rng, pictures, count=COUNT):
    greys = [Image.fromarray(picture).convert("L") for picture in pictures]
    crops: list[np.ndarray] = []
    while len(crops) < count:
        grey = greys[len(crops) % len(greys)]
        side = min(grey.size) * (IMAGE_SIZE / min(grey.size)) ** rng.random()
        left, top = (np.array(grey.size) - side) * rng.random(2)
        crop = np.asarray(
            grey.resize((IMAGE_SIZE, IMAGE_SIZE), box=(left, top, left + side, top + side))
        )
        if crop.std() > 8:  # an empty sky is a blank, which is a set of its own
            crops.append(crop)
    return np.stack(crops)


def _enlarged(pictures):
    """Small pictures, floats in 0-1, as smooth ones of 64x64."""
    small = (Image.fromarray(picture.astype(np.float32)) for picture in pictures)
    large = (
        picture.resize((IMAGE_SIZE, IMAGE_SIZE), Image.Resampling.BICUBIC) for picture in small
    )
    return _as_grey(np.stack([np.asarray(picture) for picture in large]))


def _as_grey(values):
    """uint8 greys of floats in 0-1."""
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def _faces(rng):
    from skimage import data

    return _enlarged(data.lfw_subset()[:100])  # the second hundred are no faces


def _digits(rng):
    return _enlarged(rng.choice(load_digits().images, COUNT, replace=False) / 16)


def _text(rng):
    """Half crops of pages, half light letters on black, like the marks on films."""
    from skimage import data

    letters = []
    for _ in range(COUNT // 2):
        picture = Image.new("L", (IMAGE_SIZE, IMAGE_SIZE))
        draw = ImageDraw.Draw(picture)
        for _ in range(rng.integers(1, 5)):
            word = "".join(rng.choice(list("ABCDEFGHIKLMNOPRSTUVWXYZ0123456789"), 4))
            font = ImageFont.load_default(size=rng.integers(10, 40))
            place = tuple(rng.integers((-10, 0), (30, 50)))
            draw.text(place, word, fill=int(rng.integers(80, 256)), font=font)
        letters.append(np.asarray(picture))
    pages = _crops(rng, [data.page(), data.text()], COUNT - len(letters))
    return np.concatenate([pages, letters])


def _brains(rng):
    from nilearn.datasets import load_mni152_template

    head = load_mni152_template(resolution=1).get_fdata(dtype=np.float32)
    slices = []
    for index in range(COUNT):
        axis = index % 3  # sagittal, coronal, axial
        place = int(head.shape[axis] * rng.uniform(0.25, 0.75))
        black, white = rng.uniform(0, 0.3), rng.uniform(0.6, 1.1)
        plane = np.rot90((np.moveaxis(head, axis, 0)[place] - black) / (white - black))
        side = rng.uniform(180, 240)
        left, top = (240 - side) * rng.random(2)
        square = ImageOps.pad(Image.fromarray(_as_grey(plane)), (240, 240))
        box = (left, top, left + side, top + side)
        slices.append(np.asarray(square.resize((IMAGE_SIZE, IMAGE_SIZE), box=box)))
    return np.stack(slices)


def _blanks(rng):
    greys = np.rint(np.linspace(0, 255, COUNT)).astype(np.uint8)
    return np.tile(greys[:, None, None], (1, IMAGE_SIZE, IMAGE_SIZE))


def _noise(rng):
    """From white noise to clouds: amplitudes fall with the frequency, more and more steeply."""
    steepness = np.linspace(0, 2, COUNT)[:, None, None]
    row = np.fft.fftfreq(IMAGE_SIZE)
    frequency = np.maximum(np.hypot(row, row[:, None]), 1 / IMAGE_SIZE)
    noise = np.fft.fft2(rng.standard_normal((COUNT, IMAGE_SIZE, IMAGE_SIZE))) / frequency**steepness
    noise = np.fft.ifft2(noise).real
    noise = (noise - noise.mean(axis=(1, 2), keepdims=True)) / noise.std(axis=(1, 2), keepdims=True)
    pick = make_picker(rng)
    return _as_grey(pick(0.3, 0.7) + pick(0.05, 0.3) * noise)


def _patterns(rng):
    pick = make_picker(rng)
    row = np.linspace(-1, 1, IMAGE_SIZE)
    angle, pitch = pick(0, 7), pick(4, 30)
    u = row * np.cos(angle) + row[:, None] * np.sin(angle)
    v = row[:, None] * np.cos(angle) - row * np.sin(angle)
    radius = np.hypot(u - pick(-0.5, 0.5), v - pick(-0.5, 0.5))
    stripes, checks = np.sin(pitch * u), np.sign(np.sin(pitch * u) * np.sin(pitch * v))
    kinds = np.stack([u, 1 - radius, stripes, checks, np.sin(pitch * radius)])
    pattern = kinds[np.arange(COUNT) % len(kinds), np.arange(COUNT)]
    dark = pick(0, 0.4)
    return _as_grey(dark + (pick(0.6, 1) - dark) * (pattern + 1) / 2)


_SKIMAGE, _DRAWN = "scikit-image, skimage.data", "drawn here, with NumPy and Pillow"
_FREE = "CC0 or public domain"
OOD_SETS = {
    "photographs": OODSet(
        "people, a cat, coffee, coins, a rocket, a clock, a town, a flower: crops of photographs",
        f"{_SKIMAGE}; scikit-learn, load_sample_images",
        f"{_FREE}; town and flower CC BY 2.0, by danielbuechele and vultilion on Flickr",
        _crops_of(
            *("astronaut", "camera", "chelsea", "coffee", "coins", "rocket", "clock"),
            more=lambda: load_sample_images().images,
        ),
    ),
    "faces": OODSet(
        "one hundred faces, enlarged from 25x25",
        f"{_SKIMAGE}.lfw_subset, from Labeled Faces in the Wild",
        "none stated; gathered from news photographs, for research",
        _faces,
    ),
    "textures": OODSet(
        "brick, grass, gravel: crops of three photographs",
        f"{_SKIMAGE}.brick, .grass, .gravel",
        "CC0",
        _crops_of("brick", "grass", "gravel"),
    ),
    "space": OODSet(
        "the moon and far galaxies: crops of two photographs",
        f"{_SKIMAGE}.moon, .hubble_deep_field",
        "Hubble: public domain, NASA; moon: none stated",
        _crops_of("moon", "hubble_deep_field"),
    ),
    "microscopy": OODSet(
        "a cell and stained tissue: crops of two pictures",
        f"{_SKIMAGE}.cell, .immunohistochemistry",
        _FREE,
        _crops_of("cell", "immunohistochemistry"),
    ),
    "retina": OODSet(
        "the back of the eye: crops of two pictures",
        f"{_SKIMAGE}.retina, .microaneurysms",
        "CC0",
        _crops_of("retina", "microaneurysms"),
    ),
    "brain MRI": OODSet(
        "slices in three directions of the mean T1 image of 152 heads, without skulls",
        "nilearn, load_mni152_template: ICBM 152, non-linear, 2009",
        "free to use and copy with its notice: (C) 1993-2009 Louis Collins, McConnell Brain "
        "Imaging Centre, Montreal Neurological Institute, McGill University",
        _brains,
    ),
    "shapes": OODSet(
        "disks, rods and stars, as bright as bodies", _DRAWN, "MIT", draw_set(draw_shapes)
    ),
    "text": OODSet(
        "crops of printed and written pages; light letters on black",
        f"{_SKIMAGE}.page, .text; {_DRAWN}",
        "text: public domain; page: none stated; letters: MIT",
        _text,
    ),
    "digits": OODSet(
        "handwritten digits, enlarged from 8x8",
        "scikit-learn, load_digits, from the UCI repository",
        "CC BY 4.0",
        _digits,
    ),
    "patterns": OODSet("gradients, stripes, checks, rings", _DRAWN, "MIT", _patterns),
    "noise": OODSet("from white noise to clouds", _DRAWN, "MIT", _noise),
    "blank": OODSet("one grey from edge to edge", _DRAWN, "MIT", _blanks),
}


def load_ood_sets(*, seed: int = 0) -> dict[str, np.ndarray]:
    """Loads pictures of none of the six kinds, set by set, without any network.

    For measuring only, never for training; see the module. `OOD_SETS` tells of each set what it
    shows, its source and its licence. Where nilearn is not installed, the brain MRI is left out
    and a printed line says so.

    Args:
        seed: int. The same seed gives the same pictures, whatever else is left out.

    Returns:
        dict of names, as in `OOD_SETS`, to uint8 arrays `(N, 64, 64, 1)`, values 0-255; N is 100
        to 200.

    Raises:
        ImportError: If scikit-image is not installed.
    """
    with warnings.catch_warnings():
        # What the libraries below import, and which warns in notebooks that a widget is missing.
        warnings.simplefilter("ignore")
        import tqdm.auto  # noqa: F401
    if find_spec("skimage") is None:
        raise ImportError(
            "The out-of-distribution sets need scikit-image, which is not installed. "
            "Run `pip install scikit-image`."
        )
    sets = {}
    for index, (name, ood_set) in enumerate(OOD_SETS.items()):
        if name == "brain MRI" and find_spec("nilearn") is None:
            print(
                "brain MRI is left out of the out-of-distribution sets: "
                "`pip install nilearn` brings it"
            )
            continue
        sets[name] = ood_set.make(np.random.default_rng([seed, index]))[..., np.newaxis]
    return sets
