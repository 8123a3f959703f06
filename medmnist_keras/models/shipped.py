"""Loads shipped models and model files, each with its rejection threshold where known."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path

from .._keras import keras
from .._types import StrPath
from ..info import CLASS_NAMES
from .known import KNOWN, PROBABILITIES, with_known
from .networks import INPUT_SHAPE, ROBUST_WIDTH, WEIGHTS_DIR, baseline_cnn, resnet50v2

SHIPPED_MODEL = "baseline_cnn"


def load_model(name_or_path: StrPath) -> tuple[keras.Model, float | None]:
    """Loads the model that ships, or one from a file.

    Args:
        name_or_path: `"baseline_cnn"` for the one that ships; the path of a `.keras` file; or of
            a `.weights.h5` file that `save_weights()` of `baseline_cnn` or `resnet50v2` wrote.

    Returns:
        The `keras.Model`, and the threshold of `known` under which a picture is none of these.
        The model that ships, and a `.keras` file of such a model, have the two outputs of
        `with_known()`, and the threshold that was found for them or that `export()` wrote beside
        the file. Other models give probabilities alone, and the threshold is `None`.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: when it holds no model for this task, or the `.json` beside it no threshold.

    Example:

    ```python
    model, threshold = load_model("baseline_cnn")
    ```
    """
    if name_or_path == SHIPPED_MODEL:
        return _shipped(), shipped_threshold(SHIPPED_MODEL)
    path = Path(name_or_path).expanduser()
    expected = (
        f'Expected "{SHIPPED_MODEL}", a `.keras` file, or a `.weights.h5` file of baseline_cnn '
        "or resnet50v2."
    )
    if not path.exists():
        raise FileNotFoundError(f"The model {path} does not exist. {expected}")
    if path.name.endswith(".keras"):
        model = _load_whole(path, expected)
        threshold = _threshold_beside(path)
        if threshold is not None and not isinstance(model.output, dict):
            warnings.warn(
                f"The threshold beside {path} is of the highest probability, as versions before "
                "0.4 wrote it, and is not used: this model names a class for every picture. "
                "Wrap it by `with_known()` and export it again.",
                stacklevel=2,
            )
            threshold = None
        return model, threshold
    if path.name.endswith(".weights.h5"):
        return _load_weights(path, expected), None
    raise ValueError(f"The model {path} is of another kind. {expected}")


def _load_whole(path: Path, expected: str) -> keras.Model:
    try:
        # Safe mode: a model file can hold code, which is not run.
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # Keras, zipfile, h5py and json raise their own
        raise ValueError(f"The model {path} can't be loaded ({error}). {expected}") from error
    output = model.output
    if isinstance(output, dict) and PROBABILITIES in output:  # what export() wrote
        output = output[PROBABILITIES]
        if KNOWN not in model.output:
            model = keras.Model(model.inputs[0], output, name=model.name)
    received = (model.input_shape[1:], getattr(output, "shape", (None, None))[1:])
    if received != (INPUT_SHAPE, (len(CLASS_NAMES),)):
        raise ValueError(
            f"The model {path} is for another task: expected input {INPUT_SHAPE} and output "
            f"({len(CLASS_NAMES)},), received {received[0]} and {received[1]}. {expected}"
        )
    return model


def _threshold_beside(path: Path) -> float | None:
    beside = path.with_name(f"{path.name}.json")
    if not beside.exists():
        return None
    try:
        threshold = json.loads(beside.read_text("utf-8"))["threshold"]
        if threshold is not None and not 0 <= threshold <= 1:
            raise ValueError(f"the threshold is {threshold!r}")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(
            f"{beside} can't be read ({error!r}). Expected what `export()` writes beside a model, "
            '`"threshold"` from 0 to 1 or null. Export the model again, or delete that file.'
        ) from error
    return threshold


def _load_weights(path: Path, expected: str) -> keras.Model:
    robust_baseline = partial(baseline_cnn, width=ROBUST_WIDTH)
    builders: list[Callable[..., keras.Model]] = [baseline_cnn, robust_baseline, resnet50v2]
    if "resnet50v2" in path.name:  # first: building the others in vain takes a moment
        builders.reverse()
    for build in builders:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of a misfit, which the next builder may mend
                return build(weights=path)
        except ValueError as error:
            misfit = error
    raise ValueError(f"The weights {path} fit neither model. {expected}") from misfit


def _shipped() -> keras.Model:
    facts = _facts(SHIPPED_MODEL)["known"]
    model = baseline_cnn(weights="medical_mnist")
    return with_known(model, scale=facts["scale"], offset=facts["offset"])


def shipped_threshold(name: str) -> float:
    """The threshold of `known` that belongs to weights that ship with the package.

    Args:
        name: `"baseline_cnn"`.

    Returns:
        A float in `[0, 1]`, found on validation pictures when the weights were made.
    """
    return _facts(name)["threshold"]


def _facts(name: str) -> dict:
    return json.loads((WEIGHTS_DIR / f"{name}.json").read_text(encoding="utf-8"))
