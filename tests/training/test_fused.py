"""Batch normalization in one operation: the same numbers, on the way forth and back."""

import contextlib

import keras
import numpy as np
import pytest
import tensorflow as tf

from medmnist_keras import baseline_cnn, train
from medmnist_keras.augmentation import with_augmentation
from medmnist_keras.data import draw_phantoms
from medmnist_keras.models import freeze_batch_normalization
from medmnist_keras.training import fitting
from medmnist_keras.training.fused import fused_batch_normalization

IMAGES, LABELS = draw_phantoms(4)


def trained(scope, *, frozen=False, wrap=lambda model: model):
    """Losses, weights and answers after a few steps within this scope."""
    keras.utils.set_random_seed(0)
    model = baseline_cnn()
    if frozen:
        freeze_batch_normalization(model)
    whole = wrap(model)
    with scope(whole):
        whole.compile("sgd", loss="sparse_categorical_crossentropy", jit_compile=False)
        losses = whole.fit(IMAGES, LABELS, epochs=3, shuffle=False, verbose=0).history["loss"]
        answers = whole.predict(IMAGES, verbose=0)
    return losses, model.get_weights(), answers


def nested(model):
    return keras.Sequential([keras.Input((64, 64, 1)), model])


def operations(model):
    """What TensorFlow makes of the model in training."""
    graph = tf.function(lambda images: model(images, training=True)).get_concrete_function(
        tf.TensorSpec((4, 64, 64, 1))
    )
    return {operation.type for operation in graph.graph.get_operations()}


@pytest.mark.parametrize(
    "arguments", [{}, {"frozen": True}, {"wrap": nested}], ids=["live", "frozen", "nested"]
)
def test_numbers_are_those_of_keras(arguments):
    for ours, theirs in zip(
        trained(fused_batch_normalization, **arguments),
        trained(contextlib.nullcontext, **arguments),
        strict=True,
    ):
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-3, atol=2e-4)


def test_the_variance_that_is_kept_is_the_biased_one():
    inputs = keras.Input((2, 2, 1))
    model = keras.Model(inputs, keras.layers.BatchNormalization(momentum=0)(inputs))
    images = np.arange(8, dtype="float32").reshape(2, 2, 2, 1)
    with fused_batch_normalization(model):
        model(images, training=True)
    mean, variance = model.layers[-1].non_trainable_variables
    np.testing.assert_allclose((mean[0], variance[0]), (images.mean(), images.var()), rtol=1e-6)


def test_in_half_precision_too():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        ours, theirs = (
            trained(scope)[0] for scope in (fused_batch_normalization, contextlib.nullcontext)
        )
    finally:
        keras.config.set_dtype_policy(before)
    np.testing.assert_allclose(ours, theirs, rtol=0.02)


def test_it_is_one_operation_and_only_within():
    model = baseline_cnn()
    with fused_batch_normalization(model):
        assert "FusedBatchNormV3" in operations(model)
    assert "FusedBatchNormV3" not in operations(model)
    assert all("call" not in vars(layer) for layer in model.layers)


def test_training_uses_it(monkeypatch):
    model = baseline_cnn()
    found = []

    class Look(fitting.BestEpoch):
        def on_epoch_end(self, epoch, logs=None):
            super().on_epoch_end(epoch, logs)
            found.append(operations(model))

    monkeypatch.setattr(fitting, "BestEpoch", Look)
    pair = IMAGES, LABELS
    train(with_augmentation(model), pair, pair, epochs=1, batch_size=8, verbose=0)
    assert "FusedBatchNormV3" in found[0]


def test_what_it_can_not_do_stays():
    inputs = keras.Input((8,))
    model = keras.Model(inputs, keras.layers.BatchNormalization()(inputs))
    with fused_batch_normalization(model):
        assert "call" not in vars(model.layers[-1])
