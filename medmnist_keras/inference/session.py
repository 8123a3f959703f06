"""The live page's computations: upload, corruptions, predictions, nearest training pictures.

Nothing of an upload is trusted or kept: whatever the file, it goes through `read_image()`, and is
deleted as soon as its bytes are read.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .._keras import keras
from ..augmentation.body_parts import draw_body_parts
from ..augmentation.drawn_bones import draw_knee
from ..data.loading import is_at_hand, load_images
from ..data.phantoms import draw_phantoms
from ..data.reading import try_reading
from ..data.similarity import unit_thumbnails
from ..data.splits import split_indices
from ..evaluation.corruptions import corrupt
from ..info import CLASS_NAMES
from ..models.explanation import predict_with_map
from ..models.known import split_outputs
from .predicting import NONE_OF_THESE

SLIDERS = ("brightness", "blur", "rotation", "background level")  # in the order they are applied
_NEIGHBOURS = 6


class Picture(NamedTuple):
    """What a visitor looks at: uint8 `(64, 64, 1)`, what to call it, and the answer if known."""

    image: np.ndarray
    title: str
    truth: str | None = None


class Answer(NamedTuple):
    """What one model says of a picture.

    Attributes:
        answer: str, a class name or "none of these".
        probabilities: floats `(6,)`.
        heat: floats `(64, 64)`, Grad-CAM of the most probable class.
        known: float, the probability of being one of the six; NaN of a model that doesn't say.
    """

    answer: str
    probabilities: np.ndarray
    heat: np.ndarray
    known: float = np.nan


class Training(NamedTuple):
    """All pictures and labels; the rows that the models learned from, and their thumbnails."""

    images: np.ndarray
    labels: np.ndarray
    rows: np.ndarray
    units: np.ndarray


def take_upload(path: str | Path) -> Picture:
    """Reads an upload and deletes it, whatever comes of it.

    Args:
        path: of the file that was uploaded.

    Returns:
        A `Picture`.

    Raises:
        ValueError: when the file is no picture; the text names it, without its folder.
    """
    path = Path(path)
    try:
        data = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise ValueError(f"{path.name} is gone. Expected a file: drop it once more.") from error
    finally:
        path.unlink(missing_ok=True)
    data.name = path.name
    reading = try_reading(data)
    if reading.image is None:
        raise ValueError(reading.problem)
    return Picture(reading.image, ", ".join(filter(None, (path.name, reading.note))))


def damage(image: np.ndarray, strengths: Sequence[float]) -> np.ndarray:
    """Damages a picture as the sliders say, one after the other.

    Args:
        image: uint8 array `(64, 64, 1)`.
        strengths: one for each of `SLIDERS`, from 0 to the last of `CORRUPTIONS`.

    Returns:
        uint8 array `(64, 64, 1)`.
    """
    images = image[np.newaxis]
    for name, strength in zip(SLIDERS, strengths, strict=True):
        images = corrupt(images, name, strength)
    return images[0]


def ask(
    model: keras.Model,
    image: np.ndarray,
    answering: keras.Model | None = None,
    threshold: float = 0,
) -> Answer:
    """Asks a model what is on a picture, and which regions speak for that.

    Args:
        model: `keras.Model` from raw pixels `(batch, 64, 64, 1)`, 0-255, to probabilities.
        image: uint8 array `(64, 64, 1)`.
        answering: the same with its two outputs, of `with_known()`, which then gives the answer.
        threshold: float from 0 to 1, of `known`; under it the answer is "none of these".

    Returns:
        An `Answer`; its Grad-CAM is of the model's most probable class.
    """
    probabilities, heat = predict_with_map(model, image)
    known = np.nan
    if answering is not None:
        both, sure = split_outputs(answering.predict_on_batch(image[np.newaxis]))
        probabilities = both[0]
        known = np.nan if sure is None else float(sure[0])
    answer = NONE_OF_THESE if known < threshold else CLASS_NAMES[int(probabilities.argmax())]
    return Answer(answer, probabilities, heat, known)


def load_training() -> tuple[Training | None, list[Picture]]:
    """Loads what the models that ship learned from, and a test picture of each class.

    Returns:
        `Training` and a list of `Picture`; `None` and an empty list where the real pictures are
        not at hand, for nothing is downloaded.

    Raises:
        FileNotFoundError: when `MEDICAL_MNIST_DIR` names a place that isn't there.
        ValueError: when what is there isn't Medical MNIST.
    """
    if not is_at_hand():
        return None, []
    pictures = load_images()
    with redirect_stdout(io.StringIO()):  # how many were left out is no matter here
        train, _, test = split_indices(pictures)
    first = [test[pictures.labels[test] == label][0] for label in range(len(CLASS_NAMES))]
    examples = [
        Picture(np.array(pictures.images[row]), f"{name}, a test picture", name)
        for row, name in zip(first, CLASS_NAMES, strict=True)
    ]
    units = unit_thumbnails(pictures.images[train])
    return Training(pictures.images, pictures.labels, train, units), examples


def nearest_training(image: np.ndarray, training: Training) -> list[tuple[np.ndarray, str, float]]:
    """Finds the training pictures most similar to one.

    Args:
        image: uint8 array `(64, 64, 1)`.
        training: `Training`.

    Returns:
        A list of `(image, class name, similarity)`, the most similar first; similarity as in
        `nearest()`. Empty for a picture of one grey level, which is similar to nothing.
    """
    unit = unit_thumbnails(image[np.newaxis])[0]
    if not unit.any():
        return []
    similarity = training.units @ unit
    best = np.argsort(-similarity)[:_NEIGHBOURS]
    return [
        (training.images[row], CLASS_NAMES[training.labels[row]], float(similarity[at]))
        for at, row in zip(best, training.rows[best], strict=True)
    ]


def drawn_examples() -> list[Picture]:
    """Pictures that need no file: a phantom of each class, and a knee, which is none of these."""
    images, labels = draw_phantoms(1)
    knee = draw_body_parts(1, pens=[draw_knee])[0]
    return [
        *(
            Picture(image, f"{CLASS_NAMES[label]}, a drawn phantom", CLASS_NAMES[label])
            for image, label in zip(images, labels, strict=True)
        ),
        Picture(knee, "a drawn knee", NONE_OF_THESE),
    ]
