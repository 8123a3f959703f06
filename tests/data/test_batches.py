"""Batches of arrays: every picture once, in orders that a seed decides."""

import numpy as np
import pytest

from medmnist_keras import make_dataset
from medmnist_keras.data.batches import ArrayBatches, as_arrays

IMAGES = np.arange(10)[:, np.newaxis]
LABELS = np.arange(10) % 6


def labels_of(batches):
    return [labels.tolist() for _, labels in (batches[index] for index in range(len(batches)))]


def epochs(seed, count=2):
    batches = ArrayBatches(IMAGES, np.arange(10), batch_size=4, shuffle_seed=seed)
    found = []
    for _ in range(count):
        found.append(labels_of(batches))
        batches.on_epoch_end()
    return found


def test_in_order_every_picture_once():
    batches = ArrayBatches(IMAGES, LABELS, batch_size=4)
    assert labels_of(batches) == [[0, 1, 2, 3], [4, 5, 0, 1], [2, 3]]
    batches.on_epoch_end()
    assert labels_of(batches) == [[0, 1, 2, 3], [4, 5, 0, 1], [2, 3]]


def test_shuffled_in_whole_batches_anew_each_epoch():
    first, second = epochs(seed=0)
    assert [len(batch) for batch in first] == [4, 4]
    assert len({label for batch in first for label in batch}) == 8
    assert first != second
    assert epochs(seed=0) == [first, second]
    assert epochs(seed=1) != [first, second]


def test_pictures_stay_with_their_labels():
    for images, labels in ArrayBatches(IMAGES, LABELS, batch_size=3, shuffle_seed=0):
        np.testing.assert_array_equal(images[:, 0] % 6, labels)


def test_a_run_goes_on_with_the_order_of_its_epoch():
    batches = ArrayBatches(IMAGES, np.arange(10), batch_size=4, shuffle_seed=0)
    batches.start_at(1)
    assert labels_of(batches) == epochs(seed=0)[1]


@pytest.mark.parametrize("make", [ArrayBatches, make_dataset])
def test_arrays_that_do_not_fit(make):
    with pytest.raises(ValueError, match="same length.*10 images and 9 labels"):
        make(IMAGES, LABELS[:-1])
    with pytest.raises(ValueError, match="at most the number of training pictures, 10"):
        make(IMAGES, LABELS, batch_size=11, shuffle_seed=0)


def test_a_dataset_becomes_arrays():
    images, labels = as_arrays(make_dataset(IMAGES, LABELS, batch_size=4))
    np.testing.assert_array_equal(images, IMAGES)
    np.testing.assert_array_equal(labels, LABELS)
    pair = (IMAGES, LABELS)
    assert as_arrays(pair) is pair


def test_neither_arrays_nor_a_dataset():
    with pytest.raises(ValueError, match="pair of arrays.*Received: ndarray"):
        as_arrays(IMAGES)
