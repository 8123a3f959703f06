"""Batches of arrays for training on any backend, without TensorFlow."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .._keras import keras
from .._types import Pair

if TYPE_CHECKING:
    import tensorflow as tf


class ArrayBatches(keras.utils.PyDataset):
    """Arrays in batches, as `make_dataset()` gives them, for `fit()` on any backend.

    The arrays aren't copied: don't change them while the batches are in use.

    Args:
        images: array `(N, ...)`; uint8 pictures, or features of any type.
        labels: int array `(N,)`.
        batch_size: int of at least 1.
        shuffle_seed: int for training: every epoch comes in a new order, the same orders for
            the same seed, and the last incomplete batch is left out. `None` for evaluation: in
            order, every picture once.

    Raises:
        ValueError: when lengths differ or there are fewer pictures than one batch.
    """

    def __init__(self, images, labels, *, batch_size: int = 64, shuffle_seed: int | None = None):
        super().__init__()
        check_batches(images, labels, batch_size, training=shuffle_seed is not None)
        self._arrays = np.asarray(images), np.asarray(labels)
        self._batch_size, self._seed = batch_size, shuffle_seed
        self.start_at(0)

    def start_at(self, epoch: int) -> None:
        """Takes the order of an epoch, counted from 0, such as that in which a run resumes."""
        self._epoch, count = epoch, len(self._arrays[0])
        if self._seed is None:
            self._order = np.arange(count)
        else:
            order = np.random.default_rng((self._seed, epoch)).permutation(count)
            self._order = order[: count - count % self._batch_size]

    def on_epoch_end(self):
        self.start_at(self._epoch + 1)

    def __len__(self):
        return -(-len(self._order) // self._batch_size)

    def __getitem__(self, index):
        if not 0 <= index < len(self):
            raise IndexError(index)
        rows = self._order[index * self._batch_size :][: self._batch_size]
        return tuple(array[rows] for array in self._arrays)


def is_pair(data) -> bool:
    """Whether data is `(images, labels)`, arrays, rather than a dataset.

    Raises:
        ValueError: when it is neither.
    """
    if isinstance(data, (tuple, list)) and len(data) == 2:
        return True
    if hasattr(data, "cardinality"):
        return False
    raise ValueError(
        "`train_data` and `val_data` must each be a pair of arrays `(images, labels)` or a "
        f"`tf.data.Dataset`. Received: {type(data).__name__}"
    )


def as_arrays(data: Pair | tf.data.Dataset) -> Pair:
    """A pair of arrays as it is; a dataset of batches gone through once and put together.

    Args:
        data: `(images, labels)`, or a `tf.data.Dataset` of batches of these.

    Returns:
        `(images, labels)`, arrays.

    Raises:
        ValueError: when it is neither.
    """
    if is_pair(data):
        return data
    batches = [tuple(map(np.asarray, batch)) for batch in data]
    images, labels = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    return images, labels


def check_batches(images, labels, batch_size: int, *, training: bool) -> None:
    """Refuses arrays that don't belong together, and batches that they can't fill.

    Args:
        images: array `(N, ...)`.
        labels: array `(N,)`.
        batch_size: int.
        training: bool. Whether every batch must be whole.

    Raises:
        ValueError: when lengths differ or there are fewer pictures than one batch.
    """
    if len(labels) != len(images):
        raise ValueError(
            "`images` and `labels` must have the same length. "
            f"Received: {len(images):,} images and {len(labels):,} labels"
        )
    if not batch_size >= 1 or (training and batch_size > len(images)):
        raise ValueError(
            "`batch_size` must be at least 1 and at most the number of training pictures, "
            f"{len(images):,}. Received: batch_size={batch_size!r}"
        )
