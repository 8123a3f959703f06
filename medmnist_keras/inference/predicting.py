"""Predictions for people's own pictures: any files or arrays in, a table out."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache
from itertools import islice

import numpy as np
import pandas as pd
from tqdm import tqdm

from .._checks import check_probabilities
from .._keras import keras
from ..data.folders import find_pictures
from ..data.levels import as_array, has_channels, is_array
from ..data.reading import Picture, Reading, count_frames, try_reading
from ..info import CLASS_NAMES
from ..models.known import split_outputs
from ..models.shipped import SHIPPED_MODEL, load_model

NONE_OF_THESE = "none of these"
_X_RAY = ("CXR", "Hand")
# Which classes a DICOM header's modality can belong to; secondary captures may be anything.
_CLASSES = {
    "CT": ("AbdomenCT", "ChestCT", "HeadCT"),
    "MR": ("BreastMRI",),
    **dict.fromkeys(("CR", "DX", "RG", "RF"), _X_RAY),
    **dict.fromkeys(("", "OT", "SC"), CLASS_NAMES),
}
_COLUMNS = ["file", "answer", "confidence", "known", *CLASS_NAMES, "note", "problem"]


def predict(
    pictures: Picture | Iterable[Picture],
    *,
    model: keras.Model | None = None,
    threshold: float | None = None,
    batch_size: int = 256,
    progress: bool = False,
    frames: str = "one",
) -> pd.DataFrame:
    """Names what is on each picture, or says that it is none of the six kinds.

    Pictures are read and predicted in chunks, so any number of them fits in memory. One that
    can't be read gets its row too, with the reason.

    Args:
        pictures: one picture of any kind that `read_image()` takes, the path of a folder, or a
            list of these; or one array or tensor `(N, H, W)`, `(N, H, W, channels)` or
            `(N, channels, H, W)` of several; or a `tf.data.Dataset` of batches of these, with or
            without labels.
        model: `keras.Model` from `(batch, 64, 64, 1)` raw pixels, 0-255, to probabilities
            `(batch, 6)`, or to the two outputs of `with_known()`; `None` for the one that ships
            with the package.
        threshold: float from 0 to 1. A picture whose `known` lies under it is none of these.
            `None` for the threshold of the model that ships; with another model nothing is
            rejected then.
        batch_size: int, how many pictures are read and predicted at once.
        progress: bool. Whether to show a progress bar, on a terminal.
        frames: `"one"`, of several frames or pages the one that `read_image()` takes, or `"all"`,
            a row for each; `note` says which it is.

    Returns:
        A table with one row a picture and the columns `file` (a path; a number for what has
        none), `answer` (a class name or `"none of these"`), `confidence` (the highest
        probability of a class, were the picture one of the six), `known` (the probability that it
        is one of them; NaN from a model without that output), a column of probabilities for each
        class, `note` (what was chosen or left out, such as which of several frames; mostly
        empty), and `problem`: empty, or why the picture couldn't be read; then the answer is
        empty and numbers are NaN.

    Raises:
        ValueError: when there are no pictures, `threshold`, `batch_size` or `frames` is out of
            range, the model doesn't give six probabilities, or a threshold above 0 is passed for
            a model that doesn't say what it knows.

    Example:

    ```python
    table = predict(["hand.png", "scans"])
    table[table["answer"] == "none of these"]
    ```
    """
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"`threshold` must be from 0 to 1. Received: threshold={threshold!r}")
    if batch_size < 1:
        raise ValueError(f"`batch_size` must be at least 1. Received: batch_size={batch_size!r}")
    if frames not in ("one", "all"):
        raise ValueError(f'`frames` must be "one" or "all". Received: frames={frames!r}')
    named = _named(pictures)
    if not named:
        raise ValueError(
            "`predict` expects pictures, or folders that hold some at any depth. "
            f"Received: pictures={pictures!r}, where there are none."
        )
    if model is None:
        model, shipped = _shipped_model()
        threshold = shipped if threshold is None else threshold
    # Only a terminal gets a bar, and only when it takes more than a moment.
    bar = tqdm(named, unit=" pictures", delay=1, disable=None if progress else True)
    read = (
        (name, reading) for name, picture in bar for reading in _readings(picture, frames == "all")
    )
    rows = []
    while chunk := list(islice(read, batch_size)):
        rows += _predict_chunk(chunk, model, threshold or 0)
    return pd.DataFrame(rows, columns=_COLUMNS)


@cache
def _shipped_model() -> tuple[keras.Model, float | None]:
    """One for all calls: to build and load it takes far longer than to ask it."""
    return load_model(SHIPPED_MODEL)


def _readings(picture, every_frame: bool) -> Iterator[Reading]:
    count = count_frames(picture) if every_frame else 1
    if count == 1:
        yield try_reading(picture)
        return
    for frame in range(count):
        reading = try_reading(picture, frame=frame)
        place = f"frame {frame + 1} of {count}"
        yield reading._replace(note="; ".join(filter(None, (place, reading.note))))


def _named(pictures) -> list[tuple[str, object]]:
    """Each picture with its name; folders are replaced by what is in them."""
    named: list[tuple[str, object]] = []
    for picture in _several(pictures):
        if isinstance(picture, (str, os.PathLike)):
            path = os.path.expanduser(os.fsdecode(picture))
            inside = find_pictures([path]) if os.path.isdir(path) else [path]
            # A name that can be no path, such as "" or an address, gets its row with the reason.
            named += [(str(one), one) for one in (inside if path else [path])]
        else:
            named.append((str(len(named)), picture))
    return named


def _several(pictures) -> Iterable:
    """What was passed as one picture after the other."""
    if hasattr(pictures, "element_spec"):  # a tf.data.Dataset, of batches, maybe with labels
        for element in pictures:
            yield from _several(element[0] if isinstance(element, tuple) else element)
    elif is_array(pictures):
        array = as_array(pictures)
        if array.dtype.kind in "OSU":
            yield from array.ravel().tolist()
        else:
            several = array.ndim == 4 or (array.ndim == 3 and not has_channels(array))
            yield from array if several else [array]
    elif _is_single(pictures):
        yield pictures
    else:
        yield from pictures


def _is_single(pictures) -> bool:
    # A text, bytes and an open file can be walked through too, but not by pictures.
    whole = isinstance(pictures, (str, bytes, bytearray)) or hasattr(pictures, "read")
    return whole or not isinstance(pictures, Iterable)


def _predict_chunk(chunk, model, threshold: float) -> list[tuple]:
    """Rows of the table for `(name, Reading)` of each picture."""
    images = [reading.image for _, reading in chunk if reading.image is not None]
    found = iter(zip(*_ask(model, np.stack(images), threshold), strict=True) if images else ())
    nothing = np.full(len(CLASS_NAMES), np.nan), np.nan
    rows = []
    for name, (_, note, problem, modality) in chunk:
        row, known = nothing if problem else next(found)
        answer = NONE_OF_THESE if known < threshold else CLASS_NAMES[row.argmax()]
        if not problem and answer not in (NONE_OF_THESE, *_CLASSES.get(modality, ())):
            mismatch = f"its header says {modality}, which {answer} can't be"
            note = "; ".join(filter(None, (note, mismatch)))
        rows.append((name, "" if problem else answer, row.max(), known, *row, note, problem))
    return rows


def _ask(model, images: np.ndarray, threshold: float) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of the classes and of being known, checked; NaN where a model gives none."""
    # `predict()` sets up a dataset each time: for one picture that takes 40 times as long.
    probabilities, known = split_outputs(model.predict_on_batch(images))
    classes = len(CLASS_NAMES)
    try:
        check_probabilities(probabilities, classes)
    except ValueError as error:
        raise ValueError(
            f"The model must give {classes} probabilities that sum to 1 for each picture. "
            f"Received: shape {probabilities.shape}, rows such as {probabilities[0]} ({error}). "
            'Build it with `classifier_activation="softmax"`.'
        ) from error
    if known is None:
        if threshold > 0:
            raise ValueError(
                "This model names a class for every picture and can't say that it is none of "
                f"them, so no threshold applies. Received: threshold={threshold!r}; pass "
                "`with_known(model, …)`, or no threshold."
            )
        known = np.full(len(images), np.nan)
    return probabilities.astype("float64"), np.asarray(known, "float64").reshape(-1)
