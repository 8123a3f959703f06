"""Whole runs by recipe: train a model, keep it, load it again. Notebooks and demo share them."""

from __future__ import annotations

from . import _quiet as _quiet  # isort: skip  # before Keras

import hashlib
import io
import itertools
import json
import logging
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from typing import NamedTuple

import keras
import numpy as np
import pandas as pd

from ._types import Pair, Verbose
from .augment import ROBUST_LAYERS, augment, augment_robust, with_phantoms, with_renderings
from .bodies import with_bodies
from .data import load_data, make_dataset
from .external import external_report
from .hardware import accelerated
from .models import ROBUST_WIDTH, baseline_cnn, imagenet_weights_at_hand, resnet50v2, speed_cnn
from .settings import Settings
from .storage import locked, replacing
from .training import fine_tune, train

_LOG = logging.getLogger(__name__)
_RECIPE = 1  # raised when a run_*() trains otherwise: what was kept before is trained anew then


class Run(NamedTuple):
    """A trained model and what is known of its training.

    Attributes:
        model: `keras.Model`.
        facts: dict, ready for JSON: `model`, `parameters`, `split`, `split seed`, `seed`,
            `training` (`"plain"` or `"robust"`), `weights` (what training started from),
            `seconds` (dict of step to time), `hardware`, and what it was made of: the digest of
            its `pictures` and the version of its `recipe`.
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
        robust = ", robust" if self.facts["training"] == "robust" else ""
        return (
            f"{self.facts['model']}{robust}: {self.facts['parameters']:,} parameters, started from "
            f"{self.facts['weights']}, {self.facts['split']} split, seed {self.facts['seed']}, "
            f"{how} in {spent:,.0f} s on {self.facts['hardware']}"
        )


def run_baseline(
    data: tuple[Pair, Pair, Pair],
    settings: Settings,
    *,
    seed: int | None = None,
    robust: bool = False,
    verbose: Verbose = "auto",
) -> Run:
    """Loads the baseline CNN that this run trained with this seed, or trains it.

    Training sets the global random state of Python, NumPy and the backend to the seed.

    Args:
        data: what `load_data()` returned, three pairs of uint8 `(N, 64, 64, 1)` pictures and
            int64 `(N,)` labels; the test pair isn't touched.
        settings: `Settings` of the run; trained models are kept in its folder.
        seed: int, of weights, order and augmentation; that of the settings by default.
        robust: bool. Whether to train a wider one with `augment_robust()` and phantoms, for
            eight epochs, in place of `augment()`, for three.
        verbose: as in `fit()`.

    Returns:
        `Run`.

    Raises:
        ValueError: when there are fewer training pictures than one batch.
        RuntimeError: when training diverges.

    Example:

    ```python
    settings = read_settings()
    run = run_baseline(load_data(**settings.data), settings)
    run.model.summary()
    ```
    """
    seed = settings.seed if seed is None else seed
    if found := load_run("baseline_cnn", settings, seed=seed, robust=robust, data=data):
        return found
    train_data, val_data, _ = data
    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    if robust:
        model = baseline_cnn(width=ROBUST_WIDTH)
        datasets = _robust_datasets(train_data, val_data, settings.batch_size, seed)
        train(model, *datasets, epochs=settings.epochs(8), verbose=verbose)
    else:
        model = baseline_cnn()
        train_ds = make_dataset(*train_data, batch_size=settings.batch_size, shuffle_seed=seed)
        train(model, augment(train_ds, seed=seed), make_dataset(*val_data), verbose=verbose)
    seconds = {"training": time.perf_counter() - start}
    return keep_run(model, settings, seconds=seconds, seed=seed, robust=robust, data=data)


def speed_run(
    train_data: Pair, val_data: Pair, *, seed: int = 0, verbose: Verbose = "auto"
) -> keras.Model:
    """Trains a network to 99.9 % on the random split in seconds, on two CPU cores.

    One epoch of `speed_cnn()` at twice the usual learning rate, without augmentation, which
    would take as long as the training. Nothing is kept. The global random state of Python, NumPy
    and the backend is set to the seed.

    Args:
        train_data: uint8 `(N, 64, 64, 1)` pictures and int64 `(N,)` labels.
        val_data: likewise, for validation.
        seed: int, of weights and order.
        verbose: as in `fit()`.

    Returns:
        `keras.Model`, trained; its `history` is that of the training.

    Raises:
        ValueError: when there are fewer training pictures than one batch.
        RuntimeError: when training diverges.

    Example:

    ```python
    train_data, val_data, test_data = load_data(split="random")
    model = speed_run(train_data, val_data)
    ```
    """
    keras.utils.set_random_seed(seed)
    model = speed_cnn()
    # With 128 it takes 0.2 s less of 2.4, and misses 5.0 test pictures in place of 4.5 (20 seeds).
    train_ds = make_dataset(*train_data, batch_size=96, shuffle_seed=seed)
    train(
        model,
        train_ds,
        make_dataset(*val_data, batch_size=512),  # few large batches: a step costs a millisecond
        epochs=1,
        learning_rate=6e-3,
        verbose=verbose,
    )
    return model


def run_resnet50v2(
    data: tuple[Pair, Pair, Pair],
    settings: Settings,
    *,
    robust: bool = False,
    verbose: Verbose = "auto",
) -> Run:
    """Loads the ResNet50V2 that this run trained, or trains it.

    Starts from the ImageNet weights where they can be had; where not, from random ones, and
    then trains all layers before it fine-tunes. With `augment_robust()` no picture comes twice,
    so that features can't be computed once: then all layers are trained and that is all.

    Training sets the global random state of Python, NumPy and the backend to the settings' seed.

    Args:
        data: what `load_data()` returned, three pairs of uint8 `(N, 64, 64, 1)` pictures and
            int64 `(N,)` labels; the test pair isn't touched.
        settings: `Settings` of the run; trained models are kept in its folder.
        robust: bool. Whether to train with `augment_robust()` and phantoms.
        verbose: as in `fit()`.

    Returns:
        `Run`.

    Raises:
        ValueError: when there are fewer training pictures than one batch.
        RuntimeError: when training diverges.

    Example:

    ```python
    settings = read_settings()
    run = run_resnet50v2(load_data(**settings.data), settings)
    print(run.story)
    ```
    """
    if found := load_run("resnet50v2", settings, robust=robust, data=data):
        return found
    train_data, val_data, _ = data
    keras.utils.set_random_seed(settings.seed)
    model, weights = build_resnet50v2(settings)
    seconds = {}
    if robust or weights is None:
        start = time.perf_counter()
        if robust:
            datasets = _robust_datasets(train_data, val_data, 64, settings.seed)
        else:
            datasets = (
                make_dataset(*train_data, shuffle_seed=settings.seed),
                make_dataset(*val_data),
            )
        train(
            model,
            *datasets,
            epochs=settings.epochs(2),
            # Pretrained weights are worth keeping.
            learning_rate=1e-3 if weights is None else 1e-4,
            verbose=verbose,
        )
        seconds["all layers"] = time.perf_counter() - start
    if not robust:
        tuned = fine_tune(model, train_data, val_data, seed=settings.seed, verbose=verbose)
        seconds |= tuned.seconds
    return keep_run(model, settings, seconds=seconds, weights=weights, robust=robust, data=data)


def run_ablation(
    data: tuple[Pair, Pair, Pair], settings: Settings, elsewhere: Pair
) -> pd.DataFrame:
    """Measures what each robust layer buys: one training for each, with one layer more.

    Each is a baseline CNN of one epoch on every second picture, so scores are lower than after a
    whole training; they compare with each other. Rows are kept as they come, and loaded where
    they were made before.

    Each training sets the global random state of Python, NumPy and the backend to the settings'
    seed.

    Args:
        data: what `load_data()` returned, as in `run_baseline()`.
        settings: `Settings` of the run.
        elsewhere: `(images, labels)` of pictures from elsewhere, uint8 `(N, 64, 64, 1)` and int
            `(N,)`.

    Returns:
        A table with one row a training and the columns `layer` (trained with this one and those
        above it; the first row with none, the last with phantoms too), `test errors`, and for
        `elsewhere` the `balanced accuracy` and the recall of each class by its name.

    Example:

    ```python
    settings = read_settings()
    data = load_data(**settings.data)
    elsewhere = load_elsewhere(settings, *data[2])
    table = run_ablation(data, settings, (elsewhere.images, elsewhere.labels))
    ```
    """
    file = settings.folder / f"ablation-{settings.split}{settings.seed}.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    made_of = {"pictures": _digest(*data, elsewhere), "recipe": _RECIPE}
    if kept and {name: kept.get(name) for name in made_of} != made_of:
        _LOG.warning("%s is of other pictures or another recipe: it is made anew.", file)
        kept = {}
    rows = kept.get("rows", [])
    layers = ["none", *ROBUST_LAYERS, "phantoms"]
    if len(rows) < len(layers):
        (x_train, y_train), val_data, (x_test, y_test) = data
        pictures = with_bodies(x_train[::2], y_train[::2]), y_train[::2]
        val_ds = make_dataset(*val_data)
    for last in range(len(rows), len(layers)):
        keras.utils.set_random_seed(settings.seed)
        model = baseline_cnn(width=ROBUST_WIDTH)
        mixed = layers[last] == "phantoms"
        train_ds = make_dataset(
            *(with_phantoms(*pictures, seed=settings.seed) if mixed else pictures),
            batch_size=settings.batch_size,
            shuffle_seed=settings.seed,
        )
        chosen = list(ROBUST_LAYERS)[:last]
        train_ds = augment_robust(train_ds, robust_layers=chosen, seed=settings.seed)
        train(model, train_ds, val_ds, epochs=1, verbose=0)
        answers = model.predict(x_test, batch_size=256, verbose=0).argmax(axis=1)
        rated = model.predict(elsewhere[0], batch_size=256, verbose=0)
        report = external_report(elsewhere[1], rated)
        rows.append(
            {
                "layer": layers[last],
                "test errors": int((answers != y_test).sum()),
                "balanced accuracy": report.scores["balanced_accuracy"],
                **report.per_class["recall"].dropna().to_dict(),
            }
        )
        _write_json(file, made_of | {"rows": rows})
    return pd.DataFrame(rows)


def _robust_datasets(train_data, val_data, batch_size: int, seed: int):
    """Training pictures with phantoms through all robust layers; validation pictures as they
    are, and once more as others might have taken them."""
    images, labels = train_data
    both, labels = with_phantoms(with_bodies(images, labels), labels, seed=seed)
    train_ds = make_dataset(both, labels, batch_size=batch_size, shuffle_seed=seed)
    val_ds = make_dataset(*with_renderings(*val_data, seed=seed), batch_size=512)
    return augment_robust(train_ds, seed=seed), val_ds


def build_resnet50v2(settings: Settings) -> tuple[keras.Model, str | None]:
    """Builds ResNet50V2 for the hardware at hand, from ImageNet weights where they can be had.

    A quick run downloads nothing. Where there are no ImageNet weights the reason is printed,
    and the model starts from random weights.

    Args:
        settings: `Settings` of the run.

    Returns:
        `(model, weights)`, where weights is `"imagenet"` or `None`.

    Example:

    ```python
    model, weights = build_resnet50v2(read_settings())
    ```
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


def keep_run(
    model: keras.Model,
    settings: Settings,
    *,
    seconds: dict[str, float],
    seed: int | None = None,
    weights: str | None = None,
    robust: bool = False,
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
        data: what `load_data()` returned and it was trained on; by default what that returns for
            these settings.

    Returns:
        `Run`.

    Raises:
        OSError: when it can't be written; an earlier run of the same name stays as it was.

    Example:

    ```python
    run = keep_run(model, settings, seconds={"all layers": 64.0})
    ```
    """
    seed = settings.seed if seed is None else seed
    facts = {
        "model": model.name,
        "parameters": model.count_params(),
        "split": settings.split,
        "split seed": settings.seed,
        "seed": seed,
        "training": "robust" if robust else "plain",
        "weights": "ImageNet weights" if weights else "random weights",
        "seconds": {step: round(spent, 1) for step, spent in seconds.items()},
        "hardware": settings.hardware,
        **_made_of(settings, data),
    }
    weights_file, facts_file = _files(model.name, settings, seed, robust)
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
    data: tuple[Pair, Pair, Pair] | None = None,
) -> Run | None:
    """Loads a model that `keep_run()` kept, in float32 whatever it was trained in.

    One that was made of other pictures, or by another version of the recipe, isn't loaded; a
    warning is logged.

    Args:
        name: `"baseline_cnn"` or `"resnet50v2"`.
        settings: `Settings` of the run.
        seed: int; that of the settings by default.
        robust: bool. Whether it was trained with `augment_robust()`.
        data: as of `keep_run()`.

    Returns:
        `Run`, or `None` when this run has trained no such model yet.

    Raises:
        ValueError: when the kept weights are of another model; delete them.

    Example:

    ```python
    run = load_run("baseline_cnn", settings) or run_baseline(data, settings)
    ```
    """
    builders: dict[str, Callable[..., keras.Model]] = {
        "baseline_cnn": baseline_cnn,
        "resnet50v2": resnet50v2,
    }
    seed = settings.seed if seed is None else seed
    weights_file, facts_file = _files(name, settings, seed, robust)
    if not (weights_file.exists() and facts_file.exists()):
        return None
    facts = json.loads(facts_file.read_text(encoding="utf-8"))
    made_of = _made_of(settings, data)
    if {name: facts.get(name) for name in made_of} != made_of:
        _LOG.warning(
            "%s was made of other pictures or by another recipe: it isn't loaded.", weights_file
        )
        return None
    wider = {"width": ROBUST_WIDTH} if robust and name == "baseline_cnn" else {}
    return Run(builders[name](weights=weights_file, **wider), facts, loaded=True)


def _made_of(settings: Settings, data: tuple[Pair, Pair, Pair] | None) -> dict:
    """What a run must agree in to be loaded; the test pictures don't make a model."""
    if data is None:
        with redirect_stdout(io.StringIO()):  # the line about the split has been printed before
            data = load_data(**settings.data)
    return {"pictures": _digest(*data[:2]), "recipe": _RECIPE}


def _digest(*pairs: Pair) -> str:
    """64 hex digits over pictures and labels."""
    whole = hashlib.sha256()
    for array in itertools.chain.from_iterable(pairs):
        array = np.ascontiguousarray(array)
        whole.update(f"{array.dtype.str} {array.shape}\n".encode())
        whole.update(array.data)
    return whole.hexdigest()


def _files(name: str, settings: Settings, seed: int, robust: bool):
    stem = f"{name}-{settings.split}{settings.seed}-seed{seed}{'-robust' if robust else ''}"
    return settings.folder / f"{stem}.weights.h5", settings.folder / f"{stem}.json"


def keep_results(settings: Settings, **sections) -> None:
    """Writes sections of results into the settings' results file, beside those already there.

    Args:
        settings: `Settings` of the run.
        **sections: dicts that JSON can hold; each replaces the section of that name.

    Example:

    ```python
    settings = read_settings()
    keep_results(settings, baseline={"errors": 14, "images": 5741})
    ```
    """
    file = settings.results_file
    with locked(file):  # another notebook may be at it
        results = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
        _write_json(file, results | sections)


def _write_json(file: Path, content) -> None:
    with replacing(file) as (draft,):
        draft.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _try_room(file: Path, megabytes: int) -> None:
    """Writes a file of zeros: where HDF5 finds a disk full, it takes the whole process down."""
    with file.open("wb") as zeros:
        for _ in range(megabytes):
            zeros.write(bytes(2**20))
