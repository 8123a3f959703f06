"""Two-stage fine-tuning: the head on frozen features, then the top of the backbone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from .._keras import keras
from .._types import Pair, Verbose
from ..data.batches import as_arrays
from ..models.networks import freeze_batch_normalization
from .fitting import distribution_scope, train
from .fused import fused_batch_normalization

if TYPE_CHECKING:
    import tensorflow as tf

# The last layer of ResNet50V2 before its top stage. Everything up to here stays as it is.
_FROZEN_UP_TO = "conv4_block6_out"

_HEAD_RATE, _TOP_RATE = 1e-3, 1e-4  # peaks of the two stages


class FineTuning(NamedTuple):
    """What `fine_tune()` did.

    Attributes:
        head: `keras.callbacks.History` of stage one.
        top: `keras.callbacks.History` of stage two.
        seconds: dict of `"features"`, `"head"` and `"top"` to the time each took.
    """

    head: keras.callbacks.History
    top: keras.callbacks.History
    seconds: dict[str, float]


def fine_tune(
    model: keras.Model,
    train_data: Pair | tf.data.Dataset,
    val_data: Pair | tf.data.Dataset,
    *,
    head_epochs: int = 6,
    top_epochs: int = 2,
    batch_size: int = 128,
    seed: int = 0,
    verbose: Verbose = "auto",
) -> FineTuning:
    """Fine-tunes `resnet50v2()` in two stages, with its batch normalization frozen.

    Stage one trains the head, stage two the top of the backbone (`conv5`) with it, at a small
    learning rate. What lies below never changes, so its features are computed once, for both
    stages and all epochs, instead of once an epoch.

    Args:
        model: `keras.Model` of `resnet50v2()`.
        train_data: `(images, labels)`: uint8 `(N, 64, 64, 1)` and int `(N,)`; or a
            `tf.data.Dataset` of such batches, gone through once, so that of an augmented one each
            picture counts as it came that once.
        val_data: likewise, for validation.
        head_epochs: int, epochs of stage one.
        top_epochs: int, epochs of stage two.
        batch_size: int, of both stages.
        seed: int, of the order of the pictures.
        verbose: as in `fit()`.

    Returns:
        `FineTuning`: both histories, and the seconds that each step took. At 80
        pixels the features take 18 kB of memory a picture, 1 GB for all.

    Raises:
        ValueError: when the model isn't one of `resnet50v2()`, or data is neither arrays nor a
            dataset.

    Example:

    ```python
    (x_train, y_train), (x_val, y_val), _ = load_data()
    model = resnet50v2()
    tuned = fine_tune(model, (x_train, y_train), (x_val, y_val))
    tuned.top.history["val_accuracy"]
    ```
    """
    names = [layer.name for layer in model.layers]
    if _FROZEN_UP_TO not in names or "pool" not in names:
        raise ValueError(
            f"`fine_tune` expects a model of `resnet50v2()`, with the layers {_FROZEN_UP_TO!r} "
            f"and 'pool'. Received: {model.name!r}; train it with `train()`."
        )
    split, pooled = model.get_layer(_FROZEN_UP_TO).output, model.get_layer("pool").output
    with distribution_scope(model):
        # Three views of one model: they share its layers, so training them trains it.
        bottom = keras.Model(model.input, split, name="bottom")
        top = keras.Model(split, model.output, name="top")
        pooling = keras.Model(split, pooled, name="pooling")
        head = keras.Model(pooled, model.output, name="head")
    freeze_batch_normalization(model)
    (x_train, y_train), (x_val, y_val) = as_arrays(train_data), as_arrays(val_data)

    def stage(part, train_features, val_features, epochs, learning_rate):
        return train(
            part,
            (train_features, y_train),
            (val_features, y_val),
            epochs=epochs,
            batch_size=batch_size,
            seed=seed,
            learning_rate=learning_rate,
            verbose=verbose,
        )

    clock = [time.perf_counter()]
    with fused_batch_normalization(model):
        maps_train = _predict(bottom, x_train, batch_size, verbose)
        maps_val = _predict(bottom, x_val, batch_size, verbose)
        pooled_train = _predict(pooling, maps_train, batch_size, verbose=0)
        pooled_val = _predict(pooling, maps_val, batch_size, verbose=0)
    clock.append(time.perf_counter())
    head_history = stage(head, pooled_train, pooled_val, head_epochs, _HEAD_RATE)
    clock.append(time.perf_counter())
    top_history = stage(top, maps_train, maps_val, top_epochs, _TOP_RATE)
    clock.append(time.perf_counter())
    seconds = dict(zip(("features", "head", "top"), np.diff(clock).tolist(), strict=True))
    return FineTuning(head_history, top_history, seconds)


def _predict(model, images, batch_size, verbose) -> np.ndarray:
    """`model.predict` in pieces: half the memory, as float16, with one progress bar."""
    features = np.empty((len(images), *model.output_shape[1:]), dtype="float16")
    piece = 16 * batch_size
    bar = keras.utils.Progbar(len(images), verbose=1 if verbose == "auto" else verbose)
    for start in range(0, len(images), piece):
        rows = slice(start, start + piece)
        found = model.predict(images[rows], batch_size=batch_size, verbose=0)
        with np.errstate(over="ignore"):  # reported below
            features[rows] = found
        if not np.isfinite(features[rows]).all():
            raise ValueError(
                f"Features must be finite numbers up to {np.finfo('float16').max:,.0f}, as they "
                f"are kept in float16. Received: up to {np.abs(found).max():,.0f} from "
                f"{model.name!r}; train all layers with `train()` instead."
            )
        bar.update(min(start + piece, len(images)))
    return features
