"""Robustness curves: accuracy under corruptions of increasing severity.

Kinds and names follow Hendrycks & Dietterich 2019 (https://arxiv.org/abs/1903.12261) and its
medical sequel, Di Salvo et al. 2024 (https://arxiv.org/abs/2406.17536). Brightness, contrast,
noise, blur and JPEG have the five strengths of their Tiny ImageNet-C, which were chosen for
pictures of 64x64, as ours are. Rotation, crop and background level are not in it; they are how
pictures of the same body differ between sources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from io import BytesIO
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from PIL import Image
from scipy import ndimage

from .metrics import evaluate

_BATCH = 256


class Corruption(NamedTuple):
    """One kind of damage: the unit of its strength, five rising strengths, and what does it."""

    unit: str
    strengths: tuple[float, ...]
    apply: Callable[[np.ndarray, float, np.random.Generator], np.ndarray]


# Each takes float32 images (N, H, W, 1) in 0-255, a strength above 0 and a random generator. It
# may return values beyond 0-255, which are clipped.


def _brighten(images, percent, rng):
    return images + 2.55 * percent


def _fade(images, percent, rng):
    means = images.mean(axis=(1, 2, 3), keepdims=True)
    return means + (1 - percent / 100) * (images - means)


def _add_noise(images, percent, rng):
    return images + 2.55 * percent * rng.standard_normal(images.shape, dtype=np.float32)


def _blur(images, sigma, rng):
    return ndimage.gaussian_filter(images, (0, sigma, sigma, 0), mode="nearest")


def _compress(images, loss, rng):
    def reopened(picture, _):
        file = BytesIO()
        picture.save(file, "JPEG", quality=100 - loss)
        return Image.open(file)

    return _one_by_one(images, reopened, images)


def _rotate(images, degrees, rng):
    turned, left = np.empty_like(images), rng.random(len(images)) < 0.5
    for chosen, angle in ((left, degrees), (~left, -degrees)):
        # Corners repeat the edge: black ones would be a second kind of damage.
        turned[chosen] = ndimage.rotate(
            images[chosen], angle, axes=(1, 2), reshape=False, order=1, mode="nearest"
        )
    return turned


def _crop(images, percent, rng):
    height, width = images.shape[1:3]
    kept = 1 - percent / 100

    def enlarged(picture, place):
        left, top = (1 - kept) * place * (width, height)
        box = (left, top, left + kept * width, top + kept * height)
        return picture.resize((width, height), Image.Resampling.BILINEAR, box)

    return _one_by_one(images, enlarged, rng.random((len(images), 2)))


def _raise_background(images, level, rng):
    return level + images * ((255 - level) / 255)


def _one_by_one(images, change, arguments):
    """Changes each image as a Pillow picture, for which there is no way to do all at once."""
    pictures = map(Image.fromarray, images[..., 0].astype(np.uint8))
    changed = [np.asarray(change(*pair)) for pair in zip(pictures, arguments, strict=True)]
    return np.reshape(changed, images.shape)


CORRUPTIONS = {
    "brightness": Corruption("% of white added", (10, 20, 30, 40, 50), _brighten),
    "contrast": Corruption("% of contrast lost", (60, 70, 80, 90, 95), _fade),
    "noise": Corruption("std, % of white", (4, 8, 12, 15, 18), _add_noise),
    "blur": Corruption("sigma, pixels", (0.5, 0.75, 1, 1.25, 1.5), _blur),
    "JPEG": Corruption("100 − quality", (35, 42, 50, 60, 75), _compress),
    "rotation": Corruption("degrees, either way", (15, 30, 45, 60, 90), _rotate),
    "crop": Corruption("% of the side cut", (10, 20, 30, 40, 50), _crop),
    "background level": Corruption("darkest grey level", (16, 32, 64, 96, 128), _raise_background),
}


def corrupt(images: ArrayLike, name: str, strength: float, *, seed: int = 0) -> np.ndarray:
    """Damages images in one way.

    What is random (noise, the side to turn to, the place of the crop) is the same at every
    strength, so that a stronger damage is the same damage, only more of it.

    Args:
        images: uint8 array `(N, height, width, 1)`, values 0-255.
        name: A key of `CORRUPTIONS`.
        strength: From 0, which leaves the images as they are, to the last of the corruption's
            `strengths`, in its `unit`.
        seed: int. The same seed gives the same damage.

    Returns:
        uint8 array of the same shape, values 0-255; never a view of `images`.

    Raises:
        ValueError: If the images are not grey uint8, or there is no such corruption or strength.
    """
    images = np.asarray(images)
    if images.dtype != np.uint8 or images.ndim != 4 or images.shape[-1] != 1:
        raise ValueError(
            "`images` must be a uint8 array of shape (N, height, width, 1). "
            f"Received: shape={images.shape}, dtype={images.dtype}. "
            "Pass images as `load_data` gives them."
        )
    if name not in CORRUPTIONS:
        raise ValueError(
            f"`name` must be one of: {', '.join(CORRUPTIONS)}. Received: name={name!r}."
        )
    corruption = CORRUPTIONS[name]
    if not 0 <= strength <= corruption.strengths[-1]:
        raise ValueError(
            f"`strength` of {name!r} must lie between 0 and {corruption.strengths[-1]} "
            f"({corruption.unit}). Received: strength={strength!r}."
        )
    if strength == 0 or len(images) == 0:
        return images.copy()
    damaged = corruption.apply(images.astype(np.float32), strength, np.random.default_rng(seed))
    return np.rint(damaged).clip(0, 255).astype(np.uint8)


def robustness_curve(
    models: Mapping[str, object],
    images: ArrayLike,
    labels: ArrayLike,
) -> pd.DataFrame:
    """Measures how accurate models stay under every corruption at every severity.

    All models see the same damaged images.

    Args:
        models: Name to `keras.Model` that ends in softmax, or to any function from uint8 images
            `(batch, height, width, 1)` to probabilities `(batch, classes)`.
        images: uint8 array `(N, height, width, 1)`, values 0-255.
        labels: True classes, integers of shape `(N,)`.

    Returns:
        A table with one row per corruption, severity and model and the columns `model`,
        `corruption`, `severity` (0-5, where 0 is untouched), `strength`, `unit` (of the
        strength), `accuracy` (a share) and `images` (how many).

    Raises:
        ValueError: As `corrupt` and `evaluate`.
    """

    def accuracies(seen):
        return {
            name: evaluate(labels, _probabilities(model, seen))["accuracy"]
            for name, model in models.items()
        }

    images = np.asarray(images)
    untouched = accuracies(images)
    rows = []
    for name, corruption in CORRUPTIONS.items():
        for severity, strength in enumerate((0, *corruption.strengths)):
            measured = untouched
            if severity:
                measured = accuracies(corrupt(images, name, strength))
            rows += [
                (model, name, severity, strength, corruption.unit, accuracy, len(images))
                for model, accuracy in measured.items()
            ]
    columns = ["model", "corruption", "severity", "strength", "unit", "accuracy", "images"]
    return pd.DataFrame(rows, columns=columns)


def _probabilities(model, images: np.ndarray) -> np.ndarray:
    if hasattr(model, "predict"):
        return model.predict(images, batch_size=_BATCH, verbose=0)
    starts = range(0, len(images), _BATCH)
    return np.concatenate([model(images[start : start + _BATCH]) for start in starts])
