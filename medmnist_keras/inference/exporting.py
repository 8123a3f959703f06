"""Exports a model to other formats, each compared with Keras before it is kept.

What is written takes raw pixels and gives probabilities and, of a model of `with_known()`, that of
being one of the six, so nothing of this package is needed where it runs; what it can't hold, the
class names and the threshold of rejection, lies beside it as JSON. A file is kept only if it says
in its own runtime what the model says in Keras.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .._keras import keras
from ..data.phantoms import draw_phantoms
from ..info import CLASS_NAMES, INFO
from ..models.known import KNOWN, PROBABILITIES
from ..models.networks import INPUT_SHAPE
from ..storage import replacing
from .formats import (
    INPUT,
    Format,
    check_backend,
    check_packages,
    complete,
    find_format,
)
from .predicting import NONE_OF_THESE, predict

_AGREEMENT = 0.99  # of the most probable classes of phantoms
_PHANTOMS = 96  # that come first; of noise and blank pictures the class may be a toss-up


class Exported(NamedTuple):
    """What `export()` wrote, and how it compares with the model in Keras.

    Attributes:
        format: str.
        path: `Path` of the file, or of the folder of a SavedModel.
        size: int, bytes.
        difference: float, the largest difference of a probability.
        agreement: float, share of phantoms with the same most probable class.
        same_decision: float, share of all pictures shown with the same class or both rejected;
            `None` where no threshold is known.
    """

    format: str
    path: Path
    size: int
    difference: float
    agreement: float
    same_decision: float | None


def export(
    model: keras.Model,
    format: str,
    path: str | Path,
    *,
    threshold: float | None = None,
    representative: np.ndarray | None = None,
) -> Exported:
    """Writes a model in a format that others run, if it says there what it says in Keras.

    The file takes `images`, float32 `(batch, 64, 64, 1)` of raw pixels, 0-255 (uint8 for
    `"litert-int8"`), and gives `probabilities` `(batch, 6)` of the classes and, of a model of
    `with_known()`, `probability_known` `(batch,)`, that the picture is one of them. Class names,
    threshold, names and types are written beside it, as `<path>.json`.

    It is written under another name and loaded by its own runtime; there and in Keras it is
    shown 112 pictures: 96 phantoms, noise, and blank ones. The most probable class must be the
    same for 99 % of the phantoms, and all numbers within 1e-4; within 0.2 for `"litert-int8"`,
    whose weights and activations have eight bits (Jacob et al. 2018,
    https://arxiv.org/abs/1712.05877).

    Args:
        model: `keras.Model` from `(batch, 64, 64, 1)` raw pixels, 0-255, to probabilities
            `(batch, 6)`, or to the two outputs of `with_known()`.
        format: one of `FORMATS`: `"keras"`, `"saved_model"`, `"onnx"`, `"litert"`,
            `"litert-int8"`, `"openvino"`. All but the first need Keras on TensorFlow, most need
            the extra: `pip install "medmnist_keras[export]"`.
        path: of the file, with the ending of its format, or of the folder of a SavedModel. What
            is there is replaced. OpenVINO's weights go beside it, as `.bin`.
        threshold: float from 0 to 1, of `probability_known`, under which a picture is none of
            these, for the JSON file; `None` where none is known.
        representative: uint8 array `(N, 64, 64, 1)`, pictures from which `"litert-int8"` learns
            the ranges of its activations; `None` for phantoms.

    Returns:
        `Exported`.

    Raises:
        ValueError: for an unknown format, another ending or threshold, or a model of another
            task.
        ImportError: when the extra isn't installed.
        RuntimeError: on another backend, or when the file doesn't say what the model says;
            nothing is kept then.

    Example:

    ```python
    model, threshold = load_model("baseline_cnn")
    export(model, "onnx", "baseline_cnn.onnx", threshold=threshold)
    ```
    """
    kind = find_format(format)
    path = Path(path)
    if not path.name.endswith(kind.ending):
        raise ValueError(
            f"`path` must end in {kind.ending!r} for format={format!r}. Received: path={path}"
        )
    if threshold is not None and not 0 <= threshold <= 1:
        raise ValueError(f"`threshold` must be from 0 to 1. Received: threshold={threshold!r}")
    if representative is not None and np.shape(representative)[1:] != INPUT_SHAPE:
        raise ValueError(
            f"`representative` must be pictures of shape (N, {str(INPUT_SHAPE)[1:]}. "
            f"Received: shape {np.shape(representative)}"
        )
    check_backend(format)
    check_packages(format, kind)
    images = _check_pictures()
    # Refuses a model of another task, too.
    table = predict(images, model=model)
    if threshold is not None and table["known"].isna().any():
        raise ValueError(
            "`threshold` is of `probability_known`, which this model doesn't give. Received: "
            f"threshold={threshold!r}; pass `with_known(model, …)`, or no threshold."
        )
    expected = table[list(CLASS_NAMES)].to_numpy(), table["known"].to_numpy()
    representative = _representative() if representative is None else representative
    targets = [path]
    if format == "openvino":
        targets.append(path.with_suffix(".bin"))
    with replacing(*targets, path.with_name(f"{path.name}.json")) as (draft, *rest):
        kind.write(complete(model), draft, representative)
        run = kind.load(draft)
        shown = images.astype(kind.dtype)
        difference, agreement, same_decision = _compare(expected, *run(shown), threshold)
        if agreement < _AGREEMENT or not difference <= kind.difference:
            raise RuntimeError(
                f"The model in format {format!r} does not say what it says in Keras: on "
                f"{len(images)} pictures the largest difference is {difference:.2g} (at most "
                f"{kind.difference:g} is right), the most probable class is the same for "
                f"{agreement:.1%} of the phantoms (at least {_AGREEMENT:.0%}). Nothing was kept; "
                "choose another format."
            )
        size = sum(file.stat().st_size for file in draft.parent.rglob("*") if file.is_file())
        description = _describe(model, format, kind, threshold)
        rest[-1].write_text(json.dumps(description, indent=2) + "\n", encoding="utf-8")
    return Exported(format, path, size, difference, agreement, same_decision)


def file_name(model, format) -> str:
    """The usual name of a model's file in a format, such as `"baseline_cnn.onnx"`.

    Args:
        model: `keras.Model`, for its name.
        format: one of `FORMATS`.

    Returns:
        str.

    Raises:
        ValueError: for an unknown format.
    """
    kind = find_format(format)
    return re.sub(r"[^\w.-]", "_", model.name) + kind.ending


def _check_pictures() -> np.ndarray:
    """What every file is shown: 96 phantoms, noise, and pictures of a single grey level."""
    noise = np.random.default_rng(0).integers(0, 256, (8, *INPUT_SHAPE), dtype="uint8")
    levels = np.linspace(0, 255, 8).astype("uint8")[:, None, None, None]
    blank = levels * np.ones((1, *INPUT_SHAPE), "uint8")
    phantoms = draw_phantoms(_PHANTOMS // len(CLASS_NAMES), seed=0)[0]
    return np.concatenate([phantoms, noise, blank])


def _representative() -> np.ndarray:
    """Other pictures than those of the check; black and white are among them, so that the
    range of the input is 0 to 255."""
    images = draw_phantoms(32, seed=1)[0]
    ends = np.array([0, 255], "uint8")[:, None, None, None] * np.ones((1, *INPUT_SHAPE), "uint8")
    return np.concatenate([images, ends])


def _compare(expected, probabilities, known, threshold):
    """The largest difference, and shares of the same classes and of the same decisions."""
    wanted, wanted_known = expected
    differences = [np.abs(probabilities - wanted).max()]
    same = probabilities.argmax(axis=1) == wanted.argmax(axis=1)
    decisions = None
    if not np.isnan(wanted_known).all():
        known = np.full(len(same), np.nan) if known is None else known.reshape(-1)
        differences.append(np.abs(known - wanted_known).max())
    if threshold is not None:
        one, other = wanted_known < threshold, known < threshold
        decisions = float(np.where(one | other, one == other, same).mean())
    # By NumPy, whose maximum of a number and NaN is NaN.
    return float(np.max(differences)), float(same[:_PHANTOMS].mean()), decisions


def _describe(model, format, kind: Format, threshold) -> dict:
    """What the file itself can't say."""
    outputs = {PROBABILITIES: {"shape": [None, len(CLASS_NAMES)], "dtype": "float32"}}
    if isinstance(model.output, dict) and KNOWN in model.output:
        outputs[KNOWN] = {"shape": [None], "dtype": "float32"}
    return {
        "model": model.name,
        "format": format,
        "class_names": list(CLASS_NAMES),
        "threshold": threshold,
        "below_threshold": NONE_OF_THESE,
        "input": {
            "name": INPUT,
            "shape": [None, *INPUT_SHAPE],
            "dtype": kind.dtype,
            "range": [0, 255],
        },
        "outputs": outputs,
        "medmnist_keras": importlib.metadata.version("medmnist_keras"),
        "keras": keras.__version__,
        "credit": INFO["credit"],
        "use": "Not for clinical use",
    }
