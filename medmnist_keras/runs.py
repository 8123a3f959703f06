"""Whole runs by recipe: train a model, keep it, load it again. Notebooks and demo share them."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import NamedTuple

import keras

from .augment import augment
from .data import make_dataset
from .models import baseline_cnn, imagenet_weights_at_hand, resnet50v2
from .settings import Settings
from .training import accelerated, fine_tune, train


class Run(NamedTuple):
    """A trained model and what is known of its training.

    Attributes:
        model: `keras.Model`.
        facts: dict, ready for JSON: `model`, `parameters`, `split`, `split seed`, `seed`,
            `weights` (what training started from), `seconds` (dict of step to time) and
            `hardware`.
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
        return (
            f"{self.facts['model']}: {self.facts['parameters']:,} parameters, started from "
            f"{self.facts['weights']}, {self.facts['split']} split, seed {self.facts['seed']}, "
            f"{how} in {spent:,.0f} s on {self.facts['hardware']}"
        )


def run_baseline(data, settings: Settings, *, seed=None, verbose="auto") -> Run:
    """Loads the baseline CNN that this run trained with this seed, or trains it.

    Args:
        data: what `load_data()` returned, three pairs of uint8 `(N, 64, 64, 1)` pictures and
            int64 `(N,)` labels; the test pair isn't touched.
        settings: `Settings` of the run; trained models are kept in its folder.
        seed: int, of weights, order and augmentation; that of the settings by default.
        verbose: as in `fit()`.

    Returns:
        `Run`.

    Raises:
        ValueError: when there are fewer training pictures than one batch.
        RuntimeError: when training diverges.
    """
    seed = settings.seed if seed is None else seed
    if found := load_run("baseline_cnn", settings, seed=seed):
        return found
    train_data, val_data, _ = data
    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    model = baseline_cnn()
    train_ds = make_dataset(*train_data, batch_size=settings.batch_size, shuffle_seed=seed)
    train(model, augment(train_ds, seed=seed), make_dataset(*val_data), verbose=verbose)
    return keep_run(model, settings, seconds={"training": time.perf_counter() - start}, seed=seed)


def run_resnet50v2(data, settings: Settings, *, verbose="auto") -> Run:
    """Loads the ResNet50V2 that this run trained, or trains it.

    Starts from the ImageNet weights where they can be had; where not, from random ones, and
    then trains all layers before it fine-tunes.

    Args:
        data: what `load_data()` returned, three pairs of uint8 `(N, 64, 64, 1)` pictures and
            int64 `(N,)` labels; the test pair isn't touched.
        settings: `Settings` of the run; trained models are kept in its folder.
        verbose: as in `fit()`.

    Returns:
        `Run`.

    Raises:
        ValueError: when there are fewer training pictures than one batch.
        RuntimeError: when training diverges.
    """
    if found := load_run("resnet50v2", settings):
        return found
    train_data, val_data, _ = data
    keras.utils.set_random_seed(settings.seed)
    model, weights = build_resnet50v2(settings)
    seconds = {}
    if weights is None:
        start = time.perf_counter()
        train_ds = make_dataset(*train_data, shuffle_seed=settings.seed)
        train(
            model,
            train_ds,
            make_dataset(*val_data),
            epochs=settings.epochs(2),
            learning_rate=1e-3,
            verbose=verbose,
        )
        seconds["all layers"] = time.perf_counter() - start
    tuned = fine_tune(model, train_data, val_data, seed=settings.seed, verbose=verbose)
    return keep_run(model, settings, seconds=seconds | tuned.seconds, weights=weights)


def build_resnet50v2(settings: Settings):
    """Builds ResNet50V2 for the hardware at hand, from ImageNet weights where they can be had.

    A quick run downloads nothing. Where there are no ImageNet weights the reason is printed,
    and the model starts from random weights.

    Args:
        settings: `Settings` of the run.

    Returns:
        `(model, weights)`, where weights is `"imagenet"` or `None`.
    """
    reason = "a quick run downloads nothing"
    with accelerated():
        if imagenet_weights_at_hand() or not settings.quick:
            try:
                return resnet50v2(weights="imagenet"), "imagenet"
            except OSError as error:
                reason = str(error)
        print(f"No ImageNet weights: {reason.rstrip('.')}.\nResNet50V2 starts from random weights.")
        return resnet50v2(weights=None), None


def keep_run(model, settings: Settings, *, seconds, seed=None, weights=None) -> Run:
    """Keeps a trained model's weights and facts in the settings' folder; ends its training.

    Args:
        model: `keras.Model`, trained.
        settings: `Settings` of the run.
        seconds: dict of step to seconds.
        seed: int; that of the settings by default.
        weights: `"imagenet"`, or `None` for random ones: what training started from.

    Returns:
        `Run`.
    """
    seed = settings.seed if seed is None else seed
    facts = {
        "model": model.name,
        "parameters": model.count_params(),
        "split": settings.split,
        "split seed": settings.seed,
        "seed": seed,
        "weights": "ImageNet weights" if weights else "random weights",
        "seconds": {step: round(spent, 1) for step, spent in seconds.items()},
        "hardware": settings.hardware,
    }
    weights_file, facts_file = _files(model.name, settings, seed)
    weights_file.parent.mkdir(parents=True, exist_ok=True)
    # A new optimizer, for the state of the old one would triple the file.
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    # Only with its facts does a run count as kept: they go first and come last.
    facts_file.unlink(missing_ok=True)
    temporary = weights_file.with_name(f"writing-{weights_file.name}")
    model.save_weights(temporary)
    temporary.replace(weights_file)
    _write_json(facts_file, facts)
    return Run(model, facts)


def load_run(name: str, settings: Settings, *, seed=None) -> Run | None:
    """Loads a model that `keep_run()` kept, in float32 whatever it was trained in.

    Args:
        name: `"baseline_cnn"` or `"resnet50v2"`.
        settings: `Settings` of the run.
        seed: int; that of the settings by default.

    Returns:
        `Run`, or `None` when this run has trained no such model yet.

    Raises:
        ValueError: when the kept weights are of another model; delete them.
    """
    build = {"baseline_cnn": baseline_cnn, "resnet50v2": resnet50v2}[name]
    weights_file, facts_file = _files(name, settings, settings.seed if seed is None else seed)
    if not (weights_file.exists() and facts_file.exists()):
        return None
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    return Run(build(weights=weights_file), facts, loaded=True)


def _files(name: str, settings: Settings, seed: int):
    stem = f"{name}-{settings.split}{settings.seed}-seed{seed}"
    return settings.folder / f"{stem}.weights.h5", settings.folder / f"{stem}.json"


def keep_results(settings: Settings, **sections) -> None:
    """Writes sections of results into the settings' results file, beside those already there.

    Args:
        settings: `Settings` of the run.
        **sections: dicts that JSON can hold; each replaces the section of that name.
    """
    file = settings.results_file
    results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    file.parent.mkdir(parents=True, exist_ok=True)
    _write_json(file, results | sections)


def _write_json(file: Path, content) -> None:
    temporary = file.with_name(f"writing-{file.name}")
    temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    temporary.replace(file)
