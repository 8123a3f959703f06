"""Saves and loads models and results with a record of the data and settings behind them."""

from __future__ import annotations

import hashlib
import io
import itertools
import json
import logging
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import numpy as np

from .._keras import keras
from .._types import Pair
from ..data.datasets import load_data
from ..models.networks import ROBUST_WIDTH, baseline_cnn, resnet50v2
from ..storage import locked, replacing
from .settings import Settings

LOG = logging.getLogger(__name__)
# By model and training; raised when its run_*() trains otherwise, so that what was kept before is
# trained anew.
RECIPES = {
    ("baseline_cnn", "plain"): 2,
    ("baseline_cnn", "control"): 2,
    ("baseline_cnn", "robust"): 3,
    ("resnet50v2", "plain"): 3,
    ("resnet50v2", "robust"): 3,
}


class Run(NamedTuple):
    """A trained model and what is known of its training.

    Attributes:
        model: `keras.Model`.
        facts: dict, ready for JSON: `model`, `parameters`, `split`, `split seed`, `seed`,
            `training` (`"plain"`, `"control"` or `"robust"`), `weights` (what training started
            from), `seconds` (dict of step to time), `hardware`, and what it was made of: the
            digest of its `pictures` and the version of its `recipe`.
        loaded: bool. Whether it was found trained already.
    """

    model: keras.Model
    facts: dict
    loaded: bool = False

    @property
    def story(self) -> str:
        """One line that says what this is, for the reader of a notebook."""
        how = "loaded, trained earlier" if self.loaded else "trained now"
        spent = sum(self.facts["seconds"].values())
        training = self.facts["training"]
        kind = "" if training == "plain" else f", {training}"
        return (
            f"{self.facts['model']}{kind}: {self.facts['parameters']:,} parameters, started from "
            f"{self.facts['weights']}, {self.facts['split']} split, seed {self.facts['seed']}, "
            f"{how} in {spent:,.0f} s on {self.facts['hardware']}"
        )


def save_run(
    model: keras.Model,
    settings: Settings,
    *,
    seconds: dict[str, float],
    seed: int | None = None,
    weights: str | None = None,
    robust: bool = False,
    control: bool = False,
    data: tuple[Pair, Pair, Pair] | None = None,
) -> Run:
    """Keeps a trained model's weights and facts in the settings' folder; ends its training.

    Args:
        model: `keras.Model`, trained.
        settings: `Settings` of the run.
        seconds: dict of step to seconds.
        seed: int; that of the settings by default.
        weights: `"imagenet"`, or `None` for random ones: what training started from.
        robust: bool. Whether it was trained with `augment_robust()`.
        control: bool. Whether it is the control of the robust one, of `run_baseline()`.
        data: what `load_data()` returned and it was trained on; by default what that returns for
            these settings.

    Returns:
        `Run`.

    Raises:
        ValueError: when it is said to be both robust and the control.
        OSError: when it can't be written; an earlier run of the same name stays as it was.
    """
    seed = settings.seed if seed is None else seed
    training = _training(robust, control)
    facts = {
        "model": model.name,
        "parameters": model.count_params(),
        "split": settings.split,
        "split seed": settings.seed,
        "seed": seed,
        "training": training,
        "weights": "ImageNet weights" if weights else "random weights",
        "seconds": {step: round(spent, 1) for step, spent in seconds.items()},
        "hardware": settings.hardware,
        **_made_of(model.name, training, settings, data),
    }
    weights_file, facts_file = _files(model.name, settings, seed, training)
    # A new optimizer, for the state of the old one would triple the file.
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    # The facts last: only with them does a run count as kept.
    with replacing(weights_file, facts_file) as (weights_draft, facts_draft):
        _try_room(weights_draft, megabytes=4 * model.count_params() // 2**20 + 2)
        model.save_weights(weights_draft)
        facts_draft.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
    return Run(model, facts)


def load_run(
    name: str,
    settings: Settings,
    *,
    seed: int | None = None,
    robust: bool = False,
    control: bool = False,
    data: tuple[Pair, Pair, Pair] | None = None,
) -> Run | None:
    """Loads a model that `save_run()` kept, in float32 whatever it was trained in.

    One that was made of other pictures, or by another version of the recipe, isn't loaded; a
    warning is logged.

    Args:
        name: `"baseline_cnn"` or `"resnet50v2"`.
        settings: `Settings` of the run.
        seed: int; that of the settings by default.
        robust: bool. Whether it was trained with `augment_robust()`.
        control: bool. Whether it is the control of the robust one, of `run_baseline()`.
        data: as of `save_run()`.

    Returns:
        `Run`, or `None` when this run has trained no such model yet.

    Raises:
        ValueError: when the kept weights are of another model; delete them. Or when it shall be
            both robust and the control.
    """
    builders: dict[str, Callable[..., keras.Model]] = {
        "baseline_cnn": baseline_cnn,
        "resnet50v2": resnet50v2,
    }
    seed = settings.seed if seed is None else seed
    training = _training(robust, control)
    weights_file, facts_file = _files(name, settings, seed, training)
    if not (weights_file.exists() and facts_file.exists()):
        return None
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    made_of = _made_of(name, training, settings, data)
    if {fact: facts.get(fact) for fact in made_of} != made_of:
        LOG.warning(
            "%s was made of other pictures or by another recipe: it isn't loaded.", weights_file
        )
        return None
    wider = {"width": ROBUST_WIDTH} if training != "plain" and name == "baseline_cnn" else {}
    return Run(builders[name](weights=weights_file, **wider), facts, loaded=True)


def _training(robust: bool, control: bool) -> str:
    """The one word for it that facts, recipes and files of a run hold."""
    if robust and control:
        raise ValueError(
            "A run is robust or the control of the robust one, not both. "
            "Received: robust=True, control=True"
        )
    return "robust" if robust else "control" if control else "plain"


def _made_of(
    name: str, training: str, settings: Settings, data: tuple[Pair, Pair, Pair] | None
) -> dict:
    """What a run must agree in to be loaded; the test pictures don't make a model."""
    if data is None:
        with redirect_stdout(io.StringIO()):  # the line about the split has been printed before
            data = load_data(**settings.data)
    return {"pictures": digest_of(*data[:2]), "recipe": RECIPES.get((name, training), 1)}


def digest_of(*groups: tuple[np.ndarray, ...]) -> str:
    """64 hex digits over arrays, such as pictures and their labels."""
    whole = hashlib.sha256()
    for array in itertools.chain.from_iterable(groups):
        array = np.ascontiguousarray(array)
        whole.update(f"{array.dtype.str} {array.shape}\n".encode())
        whole.update(array.data)
    return whole.hexdigest()


def _files(name: str, settings: Settings, seed: int, training: str):
    suffix = "" if training == "plain" else f"-{training}"
    stem = f"{name}-{settings.split}{settings.seed}-seed{seed}{suffix}"
    return settings.folder / f"{stem}.weights.h5", settings.folder / f"{stem}.json"


def save_results(settings: Settings, **sections) -> None:
    """Writes sections of results into the settings' results file, beside those already there.

    Args:
        settings: `Settings` of the run.
        **sections: dicts that JSON can hold; each replaces the section of that name.
    """
    file = settings.results_file
    with locked(file):  # another notebook may be at it
        results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        write_json(file, results | sections)


def write_json(file: Path, content) -> None:
    with replacing(file) as (draft,):
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _try_room(file: Path, megabytes: int) -> None:
    """Writes a file of zeros: where HDF5 finds a disk full, it takes the whole process down."""
    with file.open("wb") as zeros:
        for _ in range(megabytes):
            zeros.write(bytes(2**20))
