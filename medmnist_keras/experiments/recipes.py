"""Complete training runs for notebooks and demo: train a model, save it, reload it."""

from __future__ import annotations

import time
from typing import Any

from .._keras import keras
from .._types import Pair, Verbose
from ..augmentation.depth import add_depth
from ..augmentation.pipelines import (
    add_phantoms,
    add_renderings,
    augment,
    augment_robust,
    with_augmentation,
)
from ..data.datasets import make_dataset
from ..models.networks import (
    ROBUST_WIDTH,
    baseline_cnn,
    imagenet_weights_at_hand,
    resnet50v2,
    speed_cnn,
)
from ..training.fine_tuning import fine_tune
from ..training.fitting import train
from ..training.hardware import accelerated
from .saved import Run, load_run, save_run
from .settings import Settings

_FROM_SCRATCH = 1e-3  # peak learning rate of ResNet50V2 from random weights


def run_baseline(
    data: tuple[Pair, Pair, Pair],
    settings: Settings,
    *,
    seed: int | None = None,
    robust: bool = False,
    control: bool = False,
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
        control: bool. Whether to train the control of the robust one: as wide, for as many
            epochs, the best of them chosen on the same validation pictures, but with
            `augment()` and without phantoms. What it lacks is what the training pictures buy.
        verbose: as in `fit()`.

    Returns:
        `Run`.

    Raises:
        ValueError: when there are fewer training pictures than one batch, or it shall be both
            `robust` and the `control`.
        RuntimeError: when training diverges.
    """
    seed = settings.seed if seed is None else seed
    which: dict[str, Any] = {"seed": seed, "robust": robust, "control": control, "data": data}
    if found := load_run("baseline_cnn", settings, **which):
        return found
    train_data, val_data, _ = data
    batch_size = settings.batch_size
    keras.utils.set_random_seed(seed)
    start = time.perf_counter()
    model = baseline_cnn(width=ROBUST_WIDTH) if robust or control else baseline_cnn()
    if robust:
        train_ds = _robust_dataset(train_data, batch_size, seed)
    else:
        train_ds = make_dataset(*train_data, batch_size=batch_size, shuffle_seed=seed)
        train_ds = augment(train_ds, seed=seed)
    if robust or control:
        val_ds = _shifted_too(val_data, seed)
        train(model, train_ds, val_ds, epochs=settings.epochs(8), verbose=verbose)
    else:
        train(model, train_ds, make_dataset(*val_data), verbose=verbose)
    seconds = {"training": time.perf_counter() - start}
    return save_run(model, settings, seconds=seconds, **which)


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

    From ImageNet weights, where they can be had, it is fine-tuned. Where not, all layers are
    trained from random weights, in one epoch with the changes of `augment()`: there is nothing to
    fine-tune then. With `augment_robust()` no picture comes twice, so that features can't be
    computed once: all layers are trained, from whichever weights.

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
    """
    if found := load_run("resnet50v2", settings, robust=robust, data=data):
        return found
    train_data, val_data, _ = data
    keras.utils.set_random_seed(settings.seed)
    model, weights = build_resnet50v2(settings)
    if weights is not None and not robust:
        tuned = fine_tune(model, train_data, val_data, seed=settings.seed, verbose=verbose)
        return save_run(model, settings, seconds=tuned.seconds, weights=weights, data=data)
    start = time.perf_counter()
    if robust:
        train_ds = _robust_dataset(train_data, 64, settings.seed)
        val_ds = _shifted_too(val_data, settings.seed)
        # What is pretrained is worth keeping.
        rate = _FROM_SCRATCH if weights is None else 1e-4
        train(
            model,
            train_ds,
            val_ds,
            epochs=settings.epochs(2),
            learning_rate=rate,
            verbose=verbose,
        )
    else:
        train(
            with_augmentation(model, seed=settings.seed),
            train_data,
            val_data,
            epochs=1,
            learning_rate=_FROM_SCRATCH,
            seed=settings.seed,
            verbose=verbose,
        )
    seconds = {"all layers": time.perf_counter() - start}
    return save_run(model, settings, seconds=seconds, weights=weights, robust=robust, data=data)


def _robust_dataset(train_data: Pair, batch_size: int, seed: int):
    """Training pictures with phantoms, through all robust layers."""
    images, labels = train_data
    both, labels = add_phantoms(add_depth(images, labels), labels, seed=seed)
    train_ds = make_dataset(both, labels, batch_size=batch_size, shuffle_seed=seed)
    return augment_robust(train_ds, seed=seed)


def _shifted_too(val_data: Pair, seed: int):
    """Validation pictures as they are, and once more as others might have taken them."""
    return make_dataset(*add_renderings(*val_data, seed=seed), batch_size=512)


def build_resnet50v2(settings: Settings) -> tuple[keras.Model, str | None]:
    """Builds ResNet50V2 for the hardware at hand, from ImageNet weights where they can be had.

    A quick run downloads nothing. Where there are no ImageNet weights, a printed line says so, and
    the model starts from random weights; the error of `resnet50v2()` says how to bring them.

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
            except OSError:  # its message is a page of addresses
                reason = "they could not be downloaded"
        print(
            f"No ImageNet weights: {reason}. ResNet50V2 starts from random weights. To have them, "
            "call `resnet50v2()` once with a network; if it fails, its error says where to put the "
            "file."
        )
        return resnet50v2(weights=None), None
