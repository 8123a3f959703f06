"""tf.data against the model's own training rate."""

from __future__ import annotations

from functools import partial

from medmnist_keras.augmentation.depth import add_depth
from medmnist_keras.augmentation.pipelines import augment, augment_robust
from medmnist_keras.data.datasets import make_dataset
from medmnist_keras.models.networks import baseline_cnn

from .measuring import Bench, Measured, divided, rates, some
from .training import fit


def feed(bench: Bench) -> list[Measured]:
    """Batches without a model: as they are, and with `augment`."""
    images, labels = some(divided(bench)[0], bench.sizes.pictures)
    plain = make_dataset(images, labels, batch_size=bench.sizes.batch_size, shuffle_seed=0)
    return [
        Measured("plain", "images/s", rates(plain, bench)),
        Measured("with augment", "images/s", rates(augment(plain), bench)),
    ]


def feed_robust(bench: Bench) -> list[Measured]:
    """Batches without a model, with `augment_robust`."""
    images, labels = some(divided(bench)[0], bench.sizes.pictures)
    plain = make_dataset(
        add_depth(images, labels), labels, batch_size=bench.sizes.batch_size, shuffle_seed=0
    )
    return [Measured("with augment_robust", "images/s", rates(augment_robust(plain), bench))]


def train_on_one_batch(bench: Bench, *, width: int | None = None) -> list[Measured]:
    """Training without a pipeline, on one batch again and again: what must be fed."""
    import tensorflow as tf

    steps = bench.sizes.pictures // bench.sizes.batch_size
    batch = some(divided(bench)[0], bench.sizes.batch_size)
    dataset = tf.data.Dataset.from_tensors(batch).repeat(steps)
    _, spent = fit(partial(baseline_cnn, width=width), dataset, bench.sizes.repeats)
    values = [steps * bench.sizes.batch_size / each for each in spent]
    quantities = ("with augment_robust",) if width else ("plain", "with augment")
    return [Measured(quantity, "images/s", values) for quantity in quantities]
