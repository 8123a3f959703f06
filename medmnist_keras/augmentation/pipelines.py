"""Random augmentation, outside the saved model: in tf.data, or in front of the model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from .._checks import check_labels
from .._keras import keras, layers
from .._types import Pair
from ..data.phantoms import draw_phantoms
from ..info import CLASS_NAMES
from .body_parts import draw_body_parts
from .depth import add_depth

if TYPE_CHECKING:
    import tensorflow as tf

_CT = ("AbdomenCT", "ChestCT", "HeadCT")
_BODY_PARTS = 6656  # drawn: 256 for each pen, twice that for those listed twice
ROBUST_LAYERS = {
    "geometry": "bodies are turned, mirrored, larger, smaller, stretched, off centre",
    "tone": "other windows, gammas and backgrounds; now and then a negative",
    "degradation": "noise, blur, JPEG",
    "marks": "letters, borders, collimators",
    "CT": "what this data set's window clipped away, seen through other windows",
    "MRI": "other contrasts, fat suppressed or not, coils nearby",
    "one breast": "one side alone, or seen from the side",
    "outliers": "textures, stripes, heaps of shapes, jigsaws: none of the six, random labels",
    "near outliers": "other body parts, CT as MRI, halves of two classes, details, pages",
}


def augment(train_ds: tf.data.Dataset, *, seed: int = 0) -> tf.data.Dataset:
    """Changes each training picture a little, anew in every epoch.

    Pictures of one kind differ in where the body lies, how large it is and how bright it was
    shown; a label never depends on these. So pictures are shifted and zoomed by up to a tenth,
    and their contrast varies by a fifth. Nothing is mirrored, to keep it simple.

    Args:
        train_ds: `tf.data.Dataset` of `(images, labels)` batches, pixels 0-255.
        seed: int. The same seed gives the same pictures in the same order.

    Returns:
        `tf.data.Dataset` of float32 batches in 0-255, prefetched.

    Example:

    ```python
    train_ds, val_ds, test_ds = load_datasets()
    history = train(baseline_cnn(), augment(train_ds), val_ds)
    ```
    """
    from .._keras import tensorflow as tf

    random_layers = _random_layers(seed)

    @tf.autograph.experimental.do_not_convert  # which would take longer than the change itself
    def change(images, labels):
        images = tf.cast(images, tf.float32)
        for layer in random_layers:
            images = layer(images, training=True)
        return tf.clip_by_value(images, 0, 255), labels

    # Serial: random layers in a parallel map would not give the same pictures again.
    return train_ds.map(change).prefetch(2)


def with_augmentation(model: keras.Model, *, seed: int = 0) -> keras.Model:
    """Puts the changes of `augment()` before a model, where the accelerator computes them.

    For training on arrays, which needs no tf.data. Both models share their weights: train the
    one that is returned, then keep the one that was passed. The random layers do nothing when
    pictures are scored.

    Args:
        model: `keras.Model` that takes pixels 0-255, such as `baseline_cnn()`.
        seed: int. The same seed gives the same changes.

    Returns:
        `keras.Model` to `train()`, of the same name.

    Example:

    ```python
    train_data, val_data, test_data = load_data()
    model = baseline_cnn()
    history = train(with_augmentation(model), train_data, val_data)
    ```
    """
    inputs = keras.Input(model.input_shape[1:], name="images")
    x = inputs
    for layer in _random_layers(seed):
        if keras.backend.backend() == "jax":
            # They say that XLA can't compile them, which is so on TensorFlow; uncompiled, a step
            # on JAX takes some forty times as long.
            layer.supports_jit = True
        x = layer(x)
    return keras.Model(inputs, model(keras.ops.clip(x, 0, 255)), name=model.name)


def _random_layers(seed: int) -> list[keras.Layer]:
    # Borders repeat the edge: black ones would mark each class whose background is grey.
    return [
        layers.RandomTranslation(0.1, 0.1, fill_mode="nearest", seed=seed),
        layers.RandomZoom(0.1, fill_mode="nearest", seed=seed + 1),
        layers.RandomContrast(0.2, value_range=(0, 255), seed=seed + 2),
    ]


def augment_robust(
    train_ds: tf.data.Dataset,
    *,
    robust_layers: Sequence[str] = tuple(ROBUST_LAYERS),
    seed: int = 0,
) -> tf.data.Dataset:
    """Shows each training picture as other sources might have shown it, anew in every epoch.

    A model that has seen one rendering learns that rendering. Here the label stays, and
    rendering and what was clipped are random: `ROBUST_LAYERS` says what each step changes. Domain
    randomization of this kind is of Tobin et al. 2017, https://arxiv.org/abs/1703.06907. About a
    third stay as they are, of breast MRI a sixth.

    A fifth become out-of-distribution pictures (outlier exposure, Hendrycks et al. 2019,
    https://arxiv.org/abs/1812.04606). Their labels are random in every epoch, so that the
    model learns to believe in none of them.

    Args:
        train_ds: `tf.data.Dataset` of batches `(images, labels)` of `add_depth()`: uint8
            `(batch, 64, 64, 2)`, pixels and depths, and int64 `(batch,)`.
        robust_layers: names from `ROBUST_LAYERS`, to leave some out.
        seed: int. The same seed gives the same pictures in the same order.

    Returns:
        `tf.data.Dataset` of float32 batches `(batch, 64, 64, 1)` in 0-255, prefetched.

    Raises:
        ValueError: for an unknown layer, or batches without depths.

    Example:

    ```python
    (x_train, y_train), (x_val, y_val), _ = load_data()
    train_ds = make_dataset(add_depth(x_train, y_train), y_train, shuffle_seed=0)
    train(baseline_cnn(), augment_robust(train_ds), make_dataset(x_val, y_val), epochs=8)
    ```
    """
    _check_layers(robust_layers)
    if train_ds.element_spec[0].shape[-1] != 2:
        raise ValueError(
            "`train_ds` must give pictures with their depths, `(batch, 64, 64, 2)`. Received: "
            f"{train_ds.element_spec[0].shape}; make it of `add_depth(images, labels)`."
        )

    from .._keras import tensorflow as tf
    from .layers import change_batch

    body_parts = tf.constant(draw_body_parts(_BODY_PARTS, seed=seed))

    # No branch or loop depends on a tensor, and converting those to graphs takes seconds.
    @tf.autograph.experimental.do_not_convert
    def change(batch, batch_seed):
        images, labels = batch
        return change_batch(images, labels, batch_seed, robust_layers, body_parts)

    # A seed for each batch, so that a parallel map gives the same pictures again.
    seeds = tf.data.Dataset.random(seed=seed, rerandomize_each_iteration=True)
    return (
        tf.data.Dataset.zip(train_ds, seeds)
        .map(change, num_parallel_calls=tf.data.AUTOTUNE)
        .prefetch(2)
    )


def add_phantoms(both: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> Pair:
    """Adds drawn phantoms to training pictures, one to five: anatomy that no scanner rendered.

    Args:
        both: uint8 `(N, 64, 64, 2)`, of `add_depth()`.
        labels: int64 `(N,)`, indices into `CLASS_NAMES`.
        seed: int, of the phantoms.

    Returns:
        `(both, labels)`, a sixth of them phantoms, whose depths are 0: nothing re-renders them.
    """
    drawn, drawn_labels = draw_phantoms(-(-len(labels) // (5 * len(CLASS_NAMES))), seed=seed)
    drawn = np.concatenate([drawn, np.zeros_like(drawn)], axis=-1)
    return np.concatenate([both, drawn]), np.concatenate([labels, drawn_labels])


def render_shift(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    robust_layers: Sequence[str] = tuple(ROBUST_LAYERS),
    seed: int = 0,
) -> np.ndarray:
    """Shows each picture once as another source might have shown it.

    For measuring: validation pictures to set a threshold on, or a stand-in for
    external pictures. A model trained on `augment_robust()` has seen their like, so
    this is the mildest of tests for it.

    Args:
        images: uint8 `(N, 64, 64, 1)`, grey levels 0-255.
        labels: int `(N,)`, indices into `CLASS_NAMES`.
        robust_layers: names from `ROBUST_LAYERS`; `"outliers"` and `"near outliers"`
            change nothing here.
        seed: int. The same seed gives the same pictures.

    Returns:
        uint8 `(N, 64, 64, 1)`, in the same order.

    Raises:
        ValueError: for an unknown layer, and as `add_depth()`.
    """
    from .layers import render_batch

    _check_layers(robust_layers)

    def change(both, labels, batch_seed):
        return render_batch(both, labels, batch_seed, robust_layers)

    return _change_in_batches(change, images, labels, seed).round().astype(np.uint8)


def render_outliers(images: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Makes an out-of-distribution picture out of each, of the kinds that robust training shows.

    For measuring: from validation pictures it gives outliers that a model hasn't seen, to calibrate
    `known` on (`fit_known()`). Body parts are drawn with seeds of their own, so that even with
    training's seed they are new.

    Args:
        images: uint8 `(N, 64, 64, 1)`, grey levels 0-255.
        labels: int `(N,)`, indices into `CLASS_NAMES`.
        seed: int. The same seed gives the same pictures.

    Returns:
        uint8 `(N, 64, 64, 1)`.

    Raises:
        ValueError: as `add_depth()`.
    """
    from .._keras import tensorflow as tf
    from .layers import outlier_batch

    # Drawn anew, too: with a seed that no training of the same seed has used.
    body_parts = tf.constant(draw_body_parts(_BODY_PARTS // 4, seed=seed + 1_000_000))

    def change(both, labels, batch_seed):
        return outlier_batch(both, labels, batch_seed, body_parts)

    return _change_in_batches(change, images, labels, seed).round().astype(np.uint8)


def add_renderings(images: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> Pair:
    """Gives pictures as they are, then once more as `render_shift()` shows them.

    For choosing an epoch or a temperature, which shall suit the data set and other sources.

    Args:
        images: uint8 `(N, 64, 64, 1)`, grey levels 0-255.
        labels: int `(N,)`, indices into `CLASS_NAMES`.
        seed: int. The same seed gives the same pictures.

    Returns:
        `(images, labels)`, uint8 `(2 N, 64, 64, 1)` and int `(2 N,)`.

    Raises:
        ValueError: as `render_shift()`.
    """
    rendered = render_shift(images, labels, seed=seed)
    return np.concatenate([images, rendered]), np.tile(labels, 2)


def guess_hounsfield(images: np.ndarray, labels: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """Guesses Hounsfield units of CT slices, as robust training does before it applies a window.

    Whatever isn't denser than water has been clipped to one grey in Medical MNIST. There fat,
    lungs and gas are put at random, within what is plausible; outside the body is air. It is one
    guess of many, another for each seed, and no measurement.

    Args:
        images: uint8 `(N, 64, 64, 1)`, grey levels 0-255.
        labels: int `(N,)`, indices into `CLASS_NAMES`, of AbdomenCT, ChestCT or HeadCT.
        seed: int. The same seed gives the same guess.

    Returns:
        float32 `(N, 64, 64, 1)` in Hounsfield units, in which air is -1000 and water 0.

    Raises:
        ValueError: for a class that isn't CT, no pictures, and as `add_depth()`.

    Example:

    ```python
    chest = images[labels == CLASS_NAMES.index("ChestCT")][:1]
    units = guess_hounsfield(chest, [CLASS_NAMES.index("ChestCT")])
    plots.draw_guess(chest[0], units[0])
    ```
    """
    from .layers import hounsfield_batch

    labels = check_labels(labels, len(CLASS_NAMES), len(images))
    others = {CLASS_NAMES[label] for label in np.unique(labels)} - set(_CT)
    if others:
        raise ValueError(
            f"`labels` must be of {', '.join(_CT)}: only CT has Hounsfield units. "
            f"Received: {', '.join(sorted(others))}. Select CT slices."
        )
    return _change_in_batches(hounsfield_batch, images, labels, seed)


def _change_in_batches(change, images, labels, seed: int) -> np.ndarray:
    from .._keras import tensorflow as tf

    changed = [np.zeros((0, *np.shape(images)[1:]), dtype=np.float32)]
    for start in range(0, len(images), 256):
        rows = slice(start, start + 256)
        both = tf.constant(add_depth(images[rows], labels[rows]))
        changed.append(change(both, tf.constant(labels[rows]), seed + start).numpy())
    return np.concatenate(changed)


def _check_layers(robust_layers) -> None:
    if unknown := set(robust_layers) - set(ROBUST_LAYERS):
        raise ValueError(
            f"`robust_layers` must be among {list(ROBUST_LAYERS)}. Received: {sorted(unknown)}"
        )
