"""The two models: a baseline CNN made for this task, and ResNet50V2 to be fine-tuned.

Both take raw grey pictures `(64, 64, 1)` with values 0-255 and hold their own scaling, so a
saved model is complete. Keras alone, on any backend.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike

from .._checks import check_probabilities
from .._keras import keras, layers
from .._types import StrPath
from ..info import CLASS_NAMES, INFO
from ..storage import internet_advice, keras_home

WEIGHTS_DIR = Path(__file__).parent / "weights"  # what ships with the package
_SHIPPED: dict[object, str] = {
    "medical_mnist": "baseline_cnn.weights.h5",
    "medical_mnist_plain": "plain_cnn.weights.h5",
}
ROBUST_WIDTH = 24  # of the robust baseline, the one that ships
INPUT_SHAPE = (INFO["image_size"], INFO["image_size"], 1)
_IMAGENET_FILE = "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"
_IMAGENET_URL = (
    f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{_IMAGENET_FILE}"
)


def baseline_cnn(
    *,
    weights: StrPath | None = None,
    width: int | None = None,
    classifier_activation: str | None = "softmax",
    name: str = "baseline_cnn",
) -> keras.Model:
    """Builds a small convolutional network for 64x64 grey pictures.

    A 4x4 stem with stride 4 takes the picture to 16x16 at once, which is what makes it fast;
    three blocks of 3x3 convolution, batch normalization (https://arxiv.org/abs/1502.03167) and
    ReLU follow, then global average pooling (https://arxiv.org/abs/1312.4400).

    Args:
        weights: `None` for random initialization; `"medical_mnist"` for the robust, calibrated
            weights that ship with the package (see `weights/MODEL_CARD.md`; not for clinical
            use); `"medical_mnist_plain"` for those of plain training, to show beside them how a
            model falls; or the path of a `.weights.h5` file that `save_weights()` of this model
            wrote.
        width: int of at least 1, filters of the stem; the blocks have two, four and eight times
            as many. By default 16, which makes 98,758 parameters, or 24 for the robust weights
            that ship, 220,710 parameters: robust training has more to teach.
        classifier_activation: `"softmax"` for probabilities, `None` for logits.
        name: name of the model.

    Returns:
        `keras.Model` from `(batch, 64, 64, 1)` raw pixels, 0-255, to `(batch, 6)`.

    Raises:
        ValueError: for another width or activation, or a weights file of another model.
        FileNotFoundError: when the weights file isn't there.

    Example:

    ```python
    model = baseline_cnn()
    model.compile(loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    ```
    """
    if width is None:
        width = ROBUST_WIDTH if weights == "medical_mnist" else 16
    if not isinstance(width, int) or width < 1:
        raise ValueError(f"`width` must be a whole number of at least 1. Received: width={width!r}")
    inputs = keras.Input(INPUT_SHAPE, name="images")
    x = layers.Rescaling(1 / 255, name="scale")(inputs)
    x = _conv_block(x, width, kernel_size=4, strides=4, name="stem")
    x = _conv_block(x, 2 * width, name="block1")
    x = layers.MaxPooling2D(name="block1_pool")(x)
    x = _conv_block(x, 4 * width, name="block2")
    x = layers.MaxPooling2D(name="block2_pool")(x)
    x = _conv_block(x, 8 * width, name="block3")
    model = keras.Model(inputs, _classify(x, classifier_activation), name=name)
    if weights is not None:
        ships = weights in _SHIPPED
        _load_own_weights(model, WEIGHTS_DIR / _SHIPPED[weights] if ships else weights)
    return model


def speed_cnn(*, name: str = "speed_cnn") -> keras.Model:
    """Builds the network of the speed run: two strided convolutions, 17,302 parameters.

    Strides in place of pooling: no map is ever larger than the next layer needs. Flattening in
    place of global pooling keeps where in the picture something was, which is worth an epoch. A
    third convolution takes a second more and finds nothing more. Only the small maps of the
    second convolution are normalized batch by batch; for the large ones of the first, a quarter
    of a step's time, pictures of about mean 0 and deviation 1 do as well.

    Args:
        name: name of the model.

    Returns:
        `keras.Model` from `(batch, 64, 64, 1)` raw pixels, 0-255, to probabilities `(batch, 6)`.
    """
    inputs = keras.Input(INPUT_SHAPE, name="images")
    x = layers.Rescaling(1 / 64, offset=-1.5, name="scale")(inputs)
    x = layers.Conv2D(16, kernel_size=4, strides=4, activation="relu", name="stem_conv")(x)
    x = _conv_block(x, 32, strides=2, name="block1")
    x = layers.Flatten(name="flat")(x)
    outputs = layers.Dense(len(CLASS_NAMES), activation="softmax", name="probabilities")(x)
    return keras.Model(inputs, outputs, name=name)


def resnet50v2(
    *,
    weights: StrPath | None = "imagenet",
    image_size: int = 80,
    classifier_activation: str | None = "softmax",
    name: str = "resnet50v2",
) -> keras.Model:
    """Builds ResNet50V2 (https://arxiv.org/abs/1603.05027) for 64x64 grey pictures.

    Inside the model the picture becomes RGB, is scaled up to `image_size` and to [-1, 1] as
    the ImageNet weights expect. The backbone of `keras.applications` is built flat, so that
    each of its layers can be reached by name; global average pooling, dropout and one dense
    layer with 12,294 parameters follow.

    Batch normalization of a pretrained backbone is frozen: its statistics come from millions
    of pictures, and a small learning rate on one kind of picture would only spoil them.

    Args:
        weights: `"imagenet"` (downloaded once by Keras), `None` for random initialization, the
            path of a `.weights.h5` file that `save_weights()` of this model wrote, or the path
            of a Keras ResNet50V2 `…_notop.h5` file.
        image_size: int of at least 32, pixels. The picture is scaled to
            `(image_size, image_size)`; 80 leaves a 3x3 map to pool, where 64 leaves 2x2, and
            costs half as much as 112. More shows nothing new: the files have 64 pixels.
        classifier_activation: `"softmax"` for probabilities, `None` for logits.
        name: name of the model.

    Returns:
        `keras.Model` from `(batch, 64, 64, 1)` raw pixels, 0-255, to `(batch, 6)`.

    Raises:
        OSError: when the ImageNet weights can't be downloaded; it says where to put the file.
        ValueError: for another image size or activation, or a weights file of another model.
        FileNotFoundError: when the weights file isn't there.

    Example:

    ```python
    model = resnet50v2()
    history = fine_tune(model, (x_train, y_train), (x_val, y_val))
    ```
    """
    if not isinstance(image_size, int) or image_size < 32:
        raise ValueError(
            "`image_size` must be a whole number of pixels, at least 32. "
            f"Received: image_size={image_size!r}"
        )
    inputs = keras.Input(INPUT_SHAPE, name="images")
    x = layers.Rescaling(1 / 127.5, offset=-1, name="scale")(inputs)
    x = layers.Concatenate(name="grey_to_rgb")([x, x, x])
    if image_size != INPUT_SHAPE[0]:
        # An operation, not a Resizing layer: that layer would put batch normalization in
        # training mode whenever `training` isn't passed (Keras up to 3.15, PR #23166).
        x = keras.ops.image.resize(x, (image_size, image_size), interpolation="bilinear")
    own_weights = weights is not None and str(weights).endswith(".weights.h5")
    backbone = _resnet50v2_backbone(x, None if own_weights else weights)
    model = keras.Model(inputs, _classify(backbone.output, classifier_activation), name=name)
    if own_weights:
        _load_own_weights(model, weights)
    if weights is None:
        for norm in _batch_normalization(model):
            norm.momentum = 0.9  # not 0.99: from random weights statistics must settle soon
    else:
        freeze_batch_normalization(model)
    return model


def imagenet_weights_at_hand() -> bool:
    """Whether the ImageNet weights of ResNet50V2 are here already, so that none are downloaded."""
    return _imagenet_path().exists()


def freeze_batch_normalization(model: keras.Model) -> None:
    """Keeps the statistics of every batch normalization layer where they are.

    `trainable=False` on the layer is what counts: calling the backbone with `training=False`
    is ignored by `fit` once the backbone is trainable (Keras up to 3.15, issue #20285). Compile
    the model afterwards.

    Args:
        model: `keras.Model`.
    """
    for norm in _batch_normalization(model):
        norm.trainable = False


def decode_predictions(probabilities: ArrayLike, top: int = 3) -> list[list[tuple[str, float]]]:
    """Names the most probable classes of each picture, as `keras.applications` does.

    Args:
        probabilities: float array `(N, 6)`, rows that sum to 1.
        top: int from 1 to 6, how many classes to name.

    Returns:
        A list for each picture of `(class name, probability)`, the most probable first.

    Raises:
        ValueError: for another shape, rows that are no probabilities, or `top` out of range.

    Example:

    ```python
    decode_predictions(model.predict(x_test[:1]), top=2)
    # [[("Hand", 0.998), ("CXR", 0.001)]]
    ```
    """
    if not np.size(probabilities):
        return []
    probabilities = check_probabilities(probabilities, len(CLASS_NAMES))
    if not 1 <= top <= len(CLASS_NAMES):
        raise ValueError(f"`top` must be from 1 to {len(CLASS_NAMES)}. Received: top={top!r}")
    ranked = np.argsort(-probabilities, axis=1)[:, :top]
    return [
        [(CLASS_NAMES[index], float(row[index])) for index in order]
        for row, order in zip(probabilities, ranked, strict=True)
    ]


def _batch_normalization(model):
    return [layer for layer in model.layers if isinstance(layer, layers.BatchNormalization)]


def _conv_block(x, filters, *, name, kernel_size=3, strides=1):
    # No bias: batch normalization subtracts the mean anyway.
    x = layers.Conv2D(
        filters, kernel_size, strides, padding="same", use_bias=False, name=f"{name}_conv"
    )(x)
    # 0.9 and not 0.99: the statistics must have settled within the first short epoch.
    x = layers.BatchNormalization(momentum=0.9, name=f"{name}_bn")(x)
    return layers.Activation("relu", name=f"{name}_relu")(x)


def _classify(features, classifier_activation):
    if classifier_activation not in ("softmax", None):
        raise ValueError(
            '`classifier_activation` must be "softmax" or None. '
            f"Received: classifier_activation={classifier_activation!r}"
        )
    x = layers.GlobalAveragePooling2D(name="pool")(features)
    x = layers.Dropout(0.2, name="dropout")(x)
    # float32 whatever the policy: a softmax in half precision loses small probabilities.
    logits = layers.Dense(len(CLASS_NAMES), dtype="float32", name="logits")(x)
    if classifier_activation is None:
        return logits
    return layers.Activation("softmax", dtype="float32", name="probabilities")(logits)


def _resnet50v2_backbone(x, weights) -> keras.Model:
    try:
        return keras.applications.ResNet50V2(include_top=False, weights=weights, input_tensor=x)
    except Exception as error:
        if weights is None:
            raise
        if weights == "imagenet":
            raise OSError(
                f"The ImageNet weights could not be downloaded ({error}). {internet_advice()}"
                f"Save {_IMAGENET_URL} "
                f"as {_imagenet_path()}, or pass its path as `weights=`, or choose "
                "`weights=None` and train from random weights with `train()`."
            ) from error
        raise _weights_error(weights, "a Keras ResNet50V2 `…_notop.h5` file", error) from error


def _load_own_weights(model, weights) -> None:
    try:
        model.load_weights(weights)
    except Exception as error:  # Keras and h5py raise anything over a damaged file
        expected = f"a `.weights.h5` file that `save_weights()` of {model.name} wrote"
        raise _weights_error(weights, expected, error) from error


def _imagenet_path() -> Path:
    return keras_home() / "models" / _IMAGENET_FILE


def _weights_error(weights, expected, error) -> Exception:
    if not Path(weights).exists():
        return FileNotFoundError(
            f"`weights` must be the path of {expected}. Received: weights={str(weights)!r}, "
            "which does not exist."
        )
    return ValueError(
        f"`weights` must be {expected}. Received: weights={str(weights)!r}, which does not fit "
        f"({error})."
    )
