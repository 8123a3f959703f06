"""Batch normalization as one operation of TensorFlow, where Keras makes it of twenty."""

from __future__ import annotations

import contextlib
import types
from collections.abc import Iterator

from .._keras import keras, layers


@contextlib.contextmanager
def fused_batch_normalization(model: keras.Model) -> Iterator[None]:
    """Within it, a model that is traced on TensorFlow normalizes in one operation a layer.

    Keras 3 makes batch normalization of elementwise operations, in float32 even where the model
    computes in half precision, and leaves it to XLA to fuse them; on a CPU nothing does, and
    they take two fifths of a step of ResNet50V2 in bfloat16. Same numbers, but for rounding; on
    another backend nothing changes.

    Args:
        model: `keras.Model`; afterwards it is as it was, and saves as ever.

    Returns:
        A context manager.
    """
    norms = []
    if keras.backend.backend() == "tensorflow":
        norms = [layer for layer in _flat(model) if _can_be_fused(layer)]
    for norm in norms:
        norm.call = types.MethodType(_fused, norm)
    try:
        yield
    finally:
        for norm in norms:
            del norm.call


def _flat(model) -> Iterator[keras.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _flat(layer)
        else:
            yield layer


def _can_be_fused(layer) -> bool:
    return (
        type(layer) is layers.BatchNormalization
        and layer.axis in (-1, 3)
        and layer.input_spec.ndim == 4
        and layer.scale
        and layer.center
        and not layer.renorm
    )


def _fused(self, inputs, training=None, mask=None):
    """`BatchNormalization.call` without its rare cases."""
    from .._keras import tensorflow as tf

    live = bool(training and self.trainable)
    gamma, beta = tf.cast(self.gamma, tf.float32), tf.cast(self.beta, tf.float32)
    statistics = {} if live else {"mean": self.moving_mean, "variance": self.moving_variance}
    outputs, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        inputs, gamma, beta, epsilon=self.epsilon, is_training=live, **statistics
    )
    if live:
        # It gives the unbiased variance, and Keras keeps the biased one.
        count = tf.cast(tf.reduce_prod(tf.shape(inputs)[:3]), tf.float32)
        variance *= (count - 1) / count
        for kept, new in ((self.moving_mean, mean), (self.moving_variance, variance)):
            kept.assign(kept * self.momentum + new * (1 - self.momentum))
    return outputs
