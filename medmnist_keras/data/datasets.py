"""Loads the split data as arrays (`load_data`) or batched datasets (`load_datasets`)."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from .._types import Pair, StrPath
from .batches import check_batches
from .groups import find_groups
from .loading import load_images
from .splits import check_split, split_indices

if TYPE_CHECKING:
    import tensorflow as tf


def load_data(
    source: StrPath | None = None,
    *,
    split: str = "grouped",
    clean: bool | None = None,
    seed: int = 0,
    images_per_class: int | None = None,
    strict: bool = False,
) -> tuple[Pair, Pair, Pair]:
    """Loads Medical MNIST as NumPy arrays, the way `keras.datasets` does.

    Args:
        source: folder or archive of class-named folders, `"phantoms"` for drawn pictures, or
            `None`: the environment variable `MEDICAL_MNIST_DIR`, the Keras cache, a download.
            Phantoms never come unasked.
        split: `"grouped"`, 80/10/10 with stacks of slices kept whole, or `"random"`, the split of
            published numbers; see `split_indices()`.
        clean: bool. Whether to leave out blank pictures and duplicates; `None` for yes with
            `"grouped"` and no with `"random"`.
        seed: int. Seed of the split, and of the phantoms.
        images_per_class: int, at most so many of each class; `None` for all 58,954.
        strict: bool. Whether another content than the known copy's is an error.

    Returns:
        `(x_train, y_train), (x_val, y_val), (x_test, y_test)`: uint8 images of shape
        `(N, 64, 64, 1)` with grey levels 0-255, int64 labels of shape `(N,)`, indices into
        `CLASS_NAMES`.

    Raises:
        FileNotFoundError: when a named folder or file isn't there.
        ValueError: when the pictures aren't Medical MNIST, or an argument is out of range.
        OSError: when a download is needed and fails.

    Example:

    ```python
    (x_train, y_train), (x_val, y_val), (x_test, y_test) = load_data()
    ```
    """
    check_split(split)  # before a minute of downloading
    loaded = load_images(source, images_per_class=images_per_class, seed=seed, strict=strict)
    indices = split_indices(loaded, split, seed=seed, clean=clean)
    train, val, test = ((loaded.images[part], loaded.labels[part]) for part in indices)
    return train, val, test


def find_test_groups(
    source: StrPath | None = None,
    *,
    split: str = "grouped",
    clean: bool | None = None,
    seed: int = 0,
    images_per_class: int | None = None,
    strict: bool = False,
) -> np.ndarray:
    """Returns the group of each test picture of `load_data()`, whose errors may come together.

    Args:
        source, split, clean, seed, images_per_class, strict: as in `load_data()`.

    Returns:
        int64 array `(N,)`, in the order of the test pictures; see `find_groups()`.

    Raises:
        As `load_data()`.
    """
    pictures = load_images(source, images_per_class=images_per_class, seed=seed, strict=strict)
    with contextlib.redirect_stdout(None):  # load_data() says what was left out
        parts = split_indices(pictures, split, clean=clean, seed=seed)
    return find_groups(pictures).groups[parts.test]


def load_datasets(
    batch_size: int = 64,
    source: StrPath | None = None,
    *,
    split: str = "grouped",
    clean: bool | None = None,
    seed: int = 0,
    images_per_class: int | None = None,
    strict: bool = False,
) -> tuple[tf.data.Dataset, tf.data.Dataset, tf.data.Dataset]:
    """Loads Medical MNIST as three `tf.data.Dataset`s, ready for `fit`, `evaluate`, `predict`.

    Args:
        batch_size: int, pictures a batch.
        source, split, clean, seed, images_per_class, strict: as in `load_data()`.

    Returns:
        `train_ds, val_ds, test_ds`, each of batches `(images, labels)`; see `make_dataset()`.
        Only `train_ds` is shuffled, anew each epoch.

    Raises:
        As `load_data()` and `make_dataset()`.

    Example:

    ```python
    train_ds, val_ds, test_ds = load_datasets(batch_size=128)
    model.fit(train_ds, validation_data=val_ds)
    ```
    """
    train, val, test = load_data(
        source,
        split=split,
        clean=clean,
        seed=seed,
        images_per_class=images_per_class,
        strict=strict,
    )
    return (
        make_dataset(*train, batch_size=batch_size, shuffle_seed=seed),
        make_dataset(*val, batch_size=batch_size),
        make_dataset(*test, batch_size=batch_size),
    )


def make_dataset(
    images: np.ndarray,
    labels: np.ndarray,
    *,
    batch_size: int = 64,
    shuffle_seed: int | None = None,
) -> tf.data.Dataset:
    """Wraps arrays as a `tf.data.Dataset` of batches.

    The arrays are the cache, and aren't copied: don't change them while the dataset is in use.
    Augment what comes out, by `.map()` or in the model.

    Args:
        images: array `(N, ...)`; uint8 pictures, or features of any type.
        labels: int array `(N,)`.
        batch_size: int of at least 1.
        shuffle_seed: int for training: every epoch comes in a new order, the same orders for
            the same seed, and the last incomplete batch is left out so that every batch has
            the same static shape. `None` for evaluation: in order, every picture once, the last
            batch maybe smaller.

    Returns:
        `tf.data.Dataset` of `(images, labels)` batches, prefetched.

    Raises:
        ValueError: when lengths differ or there are fewer pictures than one batch.

    Example:

    ```python
    (x_train, y_train), (x_val, y_val), _ = load_data()
    train_ds = make_dataset(x_train, y_train, batch_size=128, shuffle_seed=0)
    val_ds = make_dataset(x_val, y_val)
    ```
    """
    from .._keras import tensorflow as tf

    count, training = len(images), shuffle_seed is not None
    check_batches(images, labels, batch_size, training=training)
    arrays = np.asarray(images), np.asarray(labels)
    known = batch_size if training else None

    def gather(rows):
        # By NumPy, for a tensor would be a copy of them all: 0.2 GB and most of a second.
        batch = tf.numpy_function(
            lambda rows: [array[rows] for array in arrays],
            [rows],
            [array.dtype for array in arrays],
            stateful=False,
        )
        return tuple(
            tf.ensure_shape(part, (known, *array.shape[1:]))
            for part, array in zip(batch, arrays, strict=True)
        )

    order = tf.data.Dataset.range(count)
    if training:
        order = order.shuffle(count, seed=shuffle_seed, reshuffle_each_iteration=True)
    # Shuffling indices and gathering whole batches is faster than shuffling pictures.
    return without_autotune(
        order.batch(batch_size, drop_remainder=training).map(gather).prefetch(2)
    )


def without_autotune(dataset: tf.data.Dataset) -> tf.data.Dataset:
    """Turns off tf.data's tuner, for this dataset and what is made of it.

    Its thread looks ever more seldom whether something can be tuned, and can sleep through the
    end of an iterator, which then waits for it: four seconds after three of eight trainings of
    seven seconds (TensorFlow 2.21). `AUTOTUNE` then means one call for each core, up to 16.

    Args:
        dataset: `tf.data.Dataset`.

    Returns:
        `tf.data.Dataset` of the same elements.
    """
    from .._keras import tensorflow as tf

    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
