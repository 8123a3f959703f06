"""`with_known()`: which of the six kinds a picture is, and whether it is one of them at all.

Softmax shares one out among the classes, whatever the picture: two classes that are near each
other share it too, and an out-of-distribution picture must get it from somewhere. So its maximum
can't answer both questions. The energy of a picture, the logarithm of the sum of the exponentials
of its logits (Liu et al. 2020, https://arxiv.org/abs/2010.03759), is high where any class has
evidence, be it one or two.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._keras import keras, layers
from .networks import INPUT_SHAPE

# In the order of the alphabet, which is that of the outputs in every exported format: whoever
# takes the first gets the probabilities.
PROBABILITIES, KNOWN = "probabilities", "probability_known"
KNOWN_THRESHOLD = 0.5  # below it a picture is more likely none of the kinds than one of them
_MARGIN = 4  # pixels cut off, or added, around a picture of 64: a zoom of an eighth


def with_known(
    model: keras.Model, *, scale: float = 1.0, offset: float = 0.0, name: str | None = None
) -> keras.Model:
    """Adds to a classifier the probability that a picture is one of its kinds at all.

    The picture is looked at four times: as it is, mirrored, larger, smaller; the logits of these
    views are averaged. Their softmax is the probabilities of the classes. Their
    energy (see the module) becomes a probability by a logistic function (Platt 1999), whose two
    numbers `fit_known()` finds.

    Args:
        model: `keras.Model` from `(batch, 64, 64, 1)` raw pixels, 0-255, with a dense layer named
            `"logits"`, such as `baseline_cnn()` and `resnet50v2()`. Its weights are shared, not
            copied.
        scale: float above 0, of the energy.
        offset: float, added to it.
        name: name of the new model; that of `model` by default.

    Returns:
        `keras.Model` from `(batch, 64, 64, 1)` raw pixels, 0-255, to a dict: `"probabilities"`
        `(batch, classes)`, which sum to 1, and `"probability_known"` `(batch,)`, from 0 to 1.

    Raises:
        ValueError: when there is no layer named `"logits"`, it has an activation, or `scale` isn't
            above 0.

    Example:

    ```python
    model = with_known(baseline_cnn(weights="mine.weights.h5"), scale=1.2, offset=-3.4)
    ```
    """
    if not scale > 0:
        raise ValueError(f"`scale` must be above 0. Received: scale={scale!r}")
    averaged = view_logits(model)
    logits = averaged.output
    probabilities = layers.Activation("softmax", dtype="float32", name=PROBABILITIES)(logits)
    known = layers.Activation("sigmoid", dtype="float32", name=KNOWN)(
        float(scale) * _energy(logits, probabilities) + float(offset)
    )
    outputs = {PROBABILITIES: probabilities, KNOWN: known}
    return keras.Model(averaged.inputs[0], outputs, name=name or model.name)


def _energy(logits, probabilities):
    """Logarithm of the sum of exponentials: the mean of logit less log probability, which are all
    that far apart.

    `keras.ops.logsumexp()` subtracts the maximum. In eight bits that shares its range with the
    logits, which cuts the low ones off; and OpenCV can't read what else it becomes in ONNX.
    """
    apart = logits - keras.ops.log(probabilities + 1e-7)  # probabilities may be 0
    return keras.ops.sum(probabilities * apart, axis=-1)


def view_logits(model: keras.Model) -> keras.Model:
    """A model that averages a classifier's logits over the four views of `with_known()`.

    Args:
        model: `keras.Model` with a dense layer named `"logits"`.

    Returns:
        `keras.Model` from `(batch, 64, 64, 1)` raw pixels, 0-255, to logits `(batch, classes)`.

    Raises:
        ValueError: when there is no such layer.
    """
    inputs = keras.Input(INPUT_SHAPE, name="images")
    views = _views(inputs)
    logits = logits_model(model)(layers.Concatenate(axis=0, name="views")(views))
    logits = keras.ops.reshape(logits, (len(views), -1, logits.shape[-1]))
    return keras.Model(inputs, keras.ops.mean(logits, axis=0), name=f"{model.name}_views")


def _views(images) -> list:
    size = INPUT_SHAPE[:2]
    larger = layers.Cropping2D(_MARGIN, name="larger")(images)
    smaller = layers.ZeroPadding2D(_MARGIN, name="smaller")(images)
    return [
        images,
        # Not by `flip()`, for whose reversal OpenCV has no layer.
        keras.ops.take(images, list(range(size[1] - 1, -1, -1)), axis=2),
        keras.ops.image.resize(larger, size),
        keras.ops.image.resize(smaller, size),
    ]


def logits_model(model: keras.Model) -> keras.Model:
    """The same network without its softmax.

    Args:
        model: `keras.Model` with a dense layer named `"logits"`.

    Returns:
        `keras.Model` of the same inputs, to logits `(batch, classes)`.

    Raises:
        ValueError: when there is no such layer.
    """
    try:
        layer = model.get_layer("logits")
    except ValueError as error:
        raise ValueError(
            'The model must have a dense layer named "logits", as baseline_cnn() and '
            f"resnet50v2() have. Received: {model.name} with the last layers "
            f"{[each.name for each in model.layers[-3:]]}; name yours so, and softmax apart."
        ) from error
    activation = getattr(layer, "activation", keras.activations.linear)
    if activation is not keras.activations.linear:
        raise ValueError(
            'The model must have a layer named "logits" without activation, and softmax apart. '
            f"Received: {model.name}, whose layer has one: {activation}."
        )
    return keras.Model(model.inputs[0], layer.output, name=f"{model.name}_logits")


def split_outputs(outputs: Any) -> tuple[np.ndarray, np.ndarray | None]:
    """Probabilities of the classes, and that of being known where a model gives it.

    Args:
        outputs: what a model returned: `(N, classes)`, or the dict of `with_known()`.

    Returns:
        `(probabilities, known)`; known is `(N,)`, or `None`.
    """
    if not isinstance(outputs, dict):
        return np.asarray(outputs), None
    known = outputs.get(KNOWN)
    return np.asarray(outputs[PROBABILITIES]), None if known is None else np.asarray(known)


def rate(model: keras.Model, images: ArrayLike) -> tuple[np.ndarray, np.ndarray | None]:
    """Asks a model of many pictures.

    Args:
        model: `keras.Model` of `(batch, 64, 64, 1)` raw pixels, 0-255, with one output or two.
        images: uint8 `(N, 64, 64, 1)`.

    Returns:
        As `split_outputs()`.
    """
    return split_outputs(model.predict(images, batch_size=256, verbose=0))
