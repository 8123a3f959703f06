"""Grad-CAM: which regions of a picture raise the score of a class.

Works on every Keras backend and needs Keras alone. The maps are coarse, one value per cell of the
chosen layer, and show what the score reacts to, not why, nor whether that makes medical sense.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike

from .._keras import keras

LOGITS_LAYER = "logits"


def grad_cam(
    model: keras.Model,
    images: ArrayLike,
    class_index: int | ArrayLike | None = None,
    layer_name: str | None = None,
) -> np.ndarray:
    """Maps how much each region of the images raises the score of a class.

    Gradient-weighted class activation mapping (Selvaraju et al. 2017,
    https://arxiv.org/abs/1610.02391): the channels of a convolutional layer are summed, each
    weighted by the mean gradient of the class's logit with respect to it, and negative sums set
    to 0. The score is the logit, as the gradient of a saturated softmax vanishes.

    Args:
        model: A flat functional model with a layer `"logits"` before its softmax, if any.
        images: A batch of raw pixels in 0-255, shape `(N, height, width, channels)`, as the model
            takes it. All pass at once: a few dozen, not a whole split.
        class_index: The class to explain, one for all images or one per image, shape `(N,)`.
            `None` explains the class each image is predicted to be.
        layer_name: The layer to look at. `None` takes the last one with a four-dimensional
            output: the coarsest, but closest to the decision.

    Returns:
        A float32 array of shape `(N, height, width)` in `[0, 1]`. Each map is scaled to its own
        maximum, so maps do not compare in strength; where no region speaks for the class, the
        map is 0 throughout.

    Raises:
        ValueError: If images, class or layer do not fit the model.

    Example:
    >>> maps = grad_cam(model, x_test[:6])
    >>> plots.grad_cam_overlay(x_test[:6], maps)
    """
    images = _check_images(model, images)
    features_model, head = _split(model, layer_name)
    if len(images) == 0:
        return np.zeros(images.shape[:3], dtype="float32")
    # Without training=False, resizing layers inside a model put BatchNormalization in training
    # mode (keras PR #23166).
    features = features_model(images, training=False)
    logits = head(features, training=False)
    chosen = _check_class_index(class_index, logits)
    gradients = _gradients(head, features, keras.ops.one_hot(chosen, logits.shape[-1]))

    features, gradients = (keras.ops.cast(each, "float32") for each in (features, gradients))
    weights = keras.ops.mean(gradients, axis=(1, 2), keepdims=True)
    return _maps(keras.ops.sum(weights * features, axis=-1, keepdims=True), images.shape[1:3])


def predict_with_map(model: keras.Model, image: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """One image's probabilities, and the map of its most probable class, in milliseconds.

    Where nothing but pooling stands between the last feature map and the dense layer
    `"logits"`, as in all models here, that layer's weights are the gradients that Grad-CAM takes
    the mean of, but for a factor (class activation mapping, Zhou et al. 2016,
    https://arxiv.org/abs/1512.04150): one product gives the same map. Else this is `grad_cam()`.

    Args:
        model: as of `grad_cam()`, with probabilities as its output. It is kept in memory.
        image: raw pixels, 0-255, shape `(height, width, channels)`.

    Returns:
        `(probabilities, map)`: float64 `(classes,)`, and float32 `(height, width)` in `[0, 1]`.

    Raises:
        ValueError: as `grad_cam()`.
    """
    batch = np.asarray(image)[np.newaxis]
    both = _features_and_output(model)
    # Compiled: a plain call takes fifteen times as long.
    if both is None:
        output = np.asarray(model.predict_on_batch(batch), dtype="float64")[0]
        return output, grad_cam(model, batch, class_index=int(output.argmax()))[0]
    features, output = both.predict_on_batch(batch)
    output = np.asarray(output, dtype="float64")[0]
    kernel = model.get_layer(LOGITS_LAYER).get_weights()[0]
    product = np.asarray(features, dtype="float32") @ kernel[:, [output.argmax()]]
    return output, _maps(product, batch.shape[1:3])[0]


@lru_cache(maxsize=4)  # to make a model takes far longer than to ask it
def _features_and_output(model: keras.Model) -> keras.Model | None:
    """Images → last feature map and output; `None` where more than pooling follows the map."""
    names = [layer.name for layer in model.layers]
    if LOGITS_LAYER not in names:
        return None  # which `grad_cam()` refuses, saying why
    end = names.index(LOGITS_LAYER) + 1
    head = model.layers[max(0, end - 3) : end]
    kinds = [keras.layers.GlobalAveragePooling2D, keras.layers.Dropout, keras.layers.Dense]
    if [type(layer) for layer in head] != kinds:
        return None
    return keras.Model(model.input, [head[0].input, model.output])


def _maps(sums, size) -> np.ndarray:
    """Sums of weighted features `(N, h, w, 1)` as maps `(N, *size)`, each up to its own maximum."""
    maps = keras.ops.image.resize(
        keras.ops.relu(sums), size, interpolation="bilinear", data_format="channels_last"
    )
    maps = keras.ops.convert_to_numpy(maps)[..., 0]
    peaks = maps.max(axis=(1, 2), keepdims=True)
    maps = np.divide(maps, peaks, out=np.zeros_like(maps), where=peaks > 0)
    return np.clip(maps, 0, 1).astype("float32")


def _split(model: keras.Model, layer_name: str | None) -> tuple[keras.Model, keras.Model]:
    """Cuts the model at a layer: images → features, and features → logits."""
    candidates = [
        layer.name
        for layer in model.layers
        if not isinstance(layer, keras.layers.InputLayer) and len(layer.output.shape) == 4
    ]
    if not candidates or (layer_name is not None and layer_name not in candidates):
        raise ValueError(
            "`layer_name` must name a layer with a four-dimensional output. "
            f"Received: layer_name={layer_name!r}. Choose one of: {', '.join(candidates)}."
        )
    names = [layer.name for layer in model.layers]
    if LOGITS_LAYER not in names:
        raise ValueError(
            f"`model` must have a layer named {LOGITS_LAYER!r} that gives the scores before the "
            f"softmax. Received: a model that ends in {', '.join(names[-3:])}. "
            "Build the softmax as an Activation layer of its own after it."
        )
    layer_output = model.get_layer(layer_name or candidates[-1]).output
    try:
        head = keras.Model(layer_output, model.get_layer(LOGITS_LAYER).output)
    except ValueError as error:
        raise ValueError(
            "`layer_name` must name a layer that every path from images to logits passes. "
            f"Received: layer_name={layer_name!r}, which a skip connection goes around. "
            "Choose the layer where the branches join again, or leave it out."
        ) from error
    return keras.Model(model.input, layer_output), head


def _gradients(head: keras.Model, features, selection):
    """Gradient, with respect to the features, of the logits that the one-hot rows select.

    Images do not influence each other at inference, so the gradient of the sum over the batch
    holds the gradient of each image.
    """

    def score(values):
        return keras.ops.sum(head(values, training=False) * selection)

    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        with tf.GradientTape() as tape:
            tape.watch(features)
            total = score(features)
        return tape.gradient(total, features)
    if backend == "jax":
        import jax

        return jax.grad(score)(features)
    if backend == "torch":
        import torch

        features = features.detach().requires_grad_(True)
        return torch.autograd.grad(score(features), features)[0]
    raise ValueError(
        "Grad-CAM needs a Keras backend with gradients. "
        f"Received: backend={backend!r}. Set KERAS_BACKEND to tensorflow, jax or torch."
    )


def _check_images(model: keras.Model, images: ArrayLike) -> np.ndarray:
    images = np.asarray(images)
    expected = model.input_shape
    fits = images.ndim == len(expected) == 4 and all(
        wanted in (None, size) for wanted, size in zip(expected, images.shape, strict=True)
    )
    if not fits:
        raise ValueError(
            f"`images` must be a batch of shape {expected}, as the model takes it. "
            f"Received: shape={images.shape}. Pass `images[:1]` rather than `images[0]`, "
            "and grey images with their channel axis."
        )
    return images


def _check_class_index(class_index: int | ArrayLike | None, logits) -> np.ndarray:
    """One class per image, of shape `(N,)`; the predicted one by default."""
    logits = keras.ops.convert_to_numpy(logits)
    images, classes = logits.shape
    if class_index is None:
        return logits.argmax(axis=1)
    chosen = np.asarray(class_index)
    fits = chosen.dtype.kind in "iu" and chosen.shape in ((), (images,))
    if not fits or chosen.min() < 0 or chosen.max() >= classes:
        raise ValueError(
            f"`class_index` must be an integer in [0, {classes}) or one for each of the {images} "
            f"images. Received: class_index={class_index!r}. Pass None for the predicted class."
        )
    return np.broadcast_to(chosen, (images,))
