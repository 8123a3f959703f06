"""`train()`: warm-up and cosine schedule, the best epoch's weights, resuming."""

from __future__ import annotations

import contextlib
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .._keras import keras
from .._types import Pair, Verbose
from ..data.batches import ArrayBatches, is_pair
from ..data.jobs import current_job
from .backup import Backup, BestEpoch
from .distributed import check_strategy, failing_fast
from .fused import fused_batch_normalization
from .hardware import jit_compile

if TYPE_CHECKING:
    import tensorflow as tf


def train(
    model: keras.Model,
    train_data: Pair | tf.data.Dataset,
    val_data: Pair | tf.data.Dataset,
    *,
    epochs: int = 3,
    batch_size: int | None = None,
    seed: int | None = None,
    learning_rate: float = 3e-3,
    weight_decay: float = 0.01,
    verbose: Verbose = "auto",
    backup: str | Path | None = None,
) -> keras.callbacks.History:
    """Trains a classifier with warm-up, cosine decay and AdamW; keeps the best epoch.

    The learning rate rises over the first tenth of the steps and falls along a cosine to zero
    (https://arxiv.org/abs/1608.03983); AdamW is of https://arxiv.org/abs/1711.05101. After
    training the model holds the weights of the epoch with the least validation loss.

    In a job of several processes, see `initialize_job()`, all of them call this; process 0 alone
    writes `backup` and shows progress.

    Args:
        model: `keras.Model` that ends in softmax probabilities. It is compiled here.
        train_data: `(images, labels)`, uint8 `(N, 64, 64, 1)` and int `(N,)`, which needs no
            TensorFlow; or a `tf.data.Dataset` of such batches, shuffled.
        val_data: likewise, the validation pictures.
        epochs: int of at least 1.
        batch_size: int, of arrays, by default 64; a dataset has its own.
        seed: int, of the order of arrays, by default 0, a new order every epoch.
        learning_rate: float, the peak.
        weight_decay: float, of AdamW.
        verbose: as in `fit()`: 0 silent, 1 progress bar, 2 one line an epoch.
        backup: path of a folder for this run's state, written after each epoch; `None` for
            none. Called again with the same folder, a run that was killed goes on after its
            last whole epoch, with the order of pictures that it would have had; random layers
            in the dataset draw anew. A run that had ended returns its result at once. In a job
            all machines must see the folder.

    Returns:
        `keras.callbacks.History`, with loss and accuracy of training and validation; with
        `backup`, of all epochs, also those before the run was killed.

    Raises:
        ValueError: for fewer than one epoch, arrays that don't fit together, a dataset of
            unknown length, a `backup` of another run, or a way to distribute that doesn't work:
            see `check_strategy()`.
        RuntimeError: when the loss is not a number after every epoch.

    Example:

    ```python
    train_data, val_data, test_data = load_data()
    model = baseline_cnn()
    history = train(model, train_data, val_data, epochs=3)
    ```
    """
    if epochs < 1:
        raise ValueError(f"`epochs` must be at least 1. Received: epochs={epochs!r}")
    if (seed is not None and not is_pair(train_data)) or (
        batch_size is not None and not (is_pair(train_data) or is_pair(val_data))
    ):
        raise ValueError(
            "`batch_size` and `seed` are for arrays; a dataset has its own. "
            f"Received: batch_size={batch_size!r}, seed={seed!r} and a dataset; pass them to "
            "`make_dataset()`, the seed as `shuffle_seed`."
        )
    train_ds = _batches(train_data, batch_size, seed or 0)
    val_ds = _batches(val_data, batch_size, None)
    batches = len(train_ds) if isinstance(train_ds, ArrayBatches) else int(train_ds.cardinality())
    if batches < 1:
        raise ValueError(
            "`train_data` must know its length, for the learning rate follows it. "
            f"Received: a dataset of cardinality {batches}; call "
            "`.apply(tf.data.experimental.assert_cardinality(batches))` on it."
        )
    check_strategy(model)
    with distribution_scope(model):
        optimizer = keras.optimizers.AdamW(
            _warm_up_and_cosine(learning_rate, epochs * batches), weight_decay=weight_decay
        )
        if any(layer.compute_dtype == "float16" for layer in model.layers):
            # Small gradients would vanish in float16. Keras wraps the optimizer by itself only
            # where the model's own policy is mixed, which a part of a mixed model hasn't.
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
        # Its state and the metric's are made here: variables that are made while the step is
        # traced have it traced twice, which took a tenth of the speed run.
        optimizer.build(model.trainable_variables)
        model.compile(
            optimizer=optimizer,
            loss="sparse_categorical_crossentropy",
            metrics=[keras.metrics.SparseCategoricalAccuracy(name="accuracy")],
            jit_compile=jit_compile(),
            auto_scale_loss=False,
        )
    recipe = {
        "model": model.name,
        "parameters": model.count_params(),
        "epochs": epochs,
        "batches": batches,
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "data": _digest(train_ds, val_ds) if backup is not None else None,
    }
    best = BestEpoch()
    state = None if backup is None else Backup(backup, best, recipe)
    with failing_fast(), fused_batch_normalization(model):
        done = state.restore(model) if state else 0
        steps = None
        if isinstance(train_ds, ArrayBatches):
            train_ds.start_at(done)
        elif state:
            for _ in range(done):
                next(iter(train_ds))  # each iterator shuffles anew: these orders have been used
            # As one iterator, for how many `fit` makes an epoch depends on the backend.
            train_ds, steps = train_ds.repeat(max(1, epochs - done)), batches
        history = model.fit(
            train_ds,
            validation_data=val_ds,
            initial_epoch=done,
            epochs=epochs,
            steps_per_epoch=steps,
            verbose=verbose if current_job().is_writer else 0,
            shuffle=False,  # train_ds shuffles itself
            callbacks=[best, keras.callbacks.TerminateOnNaN(), *([state] if state else [])],
        )
        if state:
            history.history = state.history
            history.epoch = list(range(len(state.history["loss"])))
        if best.weights is None:
            raise RuntimeError(
                "Training diverged: the validation loss was not a number after any epoch. "
                f"Received: learning_rate={learning_rate!r}; try a tenth of it."
            )
        model.set_weights(best.weights)
    return history


def _batches(data, batch_size: int | None, shuffle_seed: int | None):
    """Arrays as batches; a dataset as it is."""
    if not is_pair(data):
        return data
    if (job := current_job()).process_count > 1:
        raise ValueError(
            "A process of a job must train on its own rows: pass what `read_shards()` returns. "
            f"Received: arrays, in a job of {job.process_count} processes"
        )
    images, labels = data
    return ArrayBatches(
        images,
        labels,
        batch_size=64 if batch_size is None else batch_size,
        shuffle_seed=shuffle_seed,
    )


def _digest(train_ds, val_ds) -> str | None:
    """Tells other data from this: by the labels of the first training batch, whose order the
    seed decides, and by the first validation batch. In a job each process has rows of its own.

    Not by training pictures, which random layers change, by a hair otherwise on each machine."""
    if current_job().process_count > 1:
        return None
    whole = hashlib.sha256()
    for part in (next(iter(train_ds))[1], *next(iter(val_ds))):
        whole.update(np.ascontiguousarray(part).tobytes())
    return whole.hexdigest()


def _warm_up_and_cosine(peak: float, steps: int):
    warm_up = max(1, steps // 10)
    return keras.optimizers.schedules.CosineDecay(
        initial_learning_rate=peak / 20,
        decay_steps=max(1, steps - warm_up),
        warmup_target=peak,
        warmup_steps=warm_up,
    )


def distribution_scope(model):
    """The scope that the model was built in, where parts of it must be built and compiled too."""
    strategy = getattr(model, "distribute_strategy", None)
    return strategy.scope() if strategy is not None else contextlib.nullcontext()
