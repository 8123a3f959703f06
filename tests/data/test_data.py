import numpy as np
import pytest
import tensorflow as tf

from medmnist_keras import (
    augment,
    load_data,
    load_datasets,
    load_images,
    make_dataset,
    split_indices,
)

PHANTOMS = {"source": "phantoms", "images_per_class": 40}


def batches(dataset):
    return [(images.numpy(), labels.numpy()) for images, labels in dataset]


def test_load_data_gives_keras_tuples():
    (x_train, y_train), (x_val, y_val), (x_test, y_test) = load_data(**PHANTOMS)
    assert x_train.shape == (192, 64, 64, 1)
    assert len(x_val) == len(x_test) == 24
    for images, labels in ((x_train, y_train), (x_val, y_val), (x_test, y_test)):
        assert images.dtype == np.uint8
        assert labels.dtype == np.int64
        assert len(images) == len(labels)
        assert set(labels) == set(range(6))


def test_load_data_divides_as_split_indices_does(capsys):
    pictures = load_images(**PHANTOMS)
    for split in ("grouped", "random"):
        for clean in (None, True):
            parts = split_indices(pictures, split, clean=clean)
            for rows, (images, labels) in zip(
                parts, load_data(**PHANTOMS, split=split, clean=clean), strict=True
            ):
                np.testing.assert_array_equal(images, pictures.images[rows])
                np.testing.assert_array_equal(labels, pictures.labels[rows])
    assert capsys.readouterr().out.count("Left out of the random split") == 2


def test_load_data_depends_on_the_seed_alone():
    first, again = load_data(**PHANTOMS), load_data(**PHANTOMS)
    np.testing.assert_array_equal(first[0][0], again[0][0])
    other = load_data(**PHANTOMS, seed=1)
    assert not np.array_equal(first[0][0], other[0][0])


def test_datasets_hold_the_same_pictures_as_the_arrays():
    arrays = load_data(**PHANTOMS)
    train_ds, val_ds, test_ds = load_datasets(batch_size=10, **PHANTOMS)
    for dataset, (images, labels) in ((val_ds, arrays[1]), (test_ds, arrays[2])):
        np.testing.assert_array_equal(np.concatenate([x for x, _ in batches(dataset)]), images)
        np.testing.assert_array_equal(np.concatenate([y for _, y in batches(dataset)]), labels)
    seen = np.concatenate([x for x, _ in batches(train_ds)])
    assert len(np.unique(seen.reshape(len(seen), -1), axis=0)) == 190  # no picture twice


def test_training_batches_have_a_static_shape():
    train_ds, *_ = load_datasets(batch_size=10, **PHANTOMS)
    images, labels = train_ds.element_spec
    assert images.shape == (10, 64, 64, 1)
    assert images.dtype == tf.uint8
    assert labels.shape == (10,)
    assert int(train_ds.cardinality()) == 19


def test_every_epoch_is_shuffled_anew_and_repeatably():
    def two_epochs(seed):
        dataset = make_dataset(np.arange(100), np.arange(100), batch_size=100, shuffle_seed=seed)
        return [batches(dataset)[0][1] for _ in range(2)]

    first, second = two_epochs(0)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(np.sort(first), np.arange(100))
    np.testing.assert_array_equal([first, second], two_epochs(0))
    assert not np.array_equal(first, two_epochs(1)[0])


def test_images_and_labels_stay_together():
    dataset = make_dataset(np.arange(50) * 2, np.arange(50), batch_size=7, shuffle_seed=0)
    for images, labels in batches(dataset):
        np.testing.assert_array_equal(images, labels * 2)


def test_unknown_split_is_told_before_anything_is_loaded():
    with pytest.raises(ValueError, match="Received: split='foo'"):
        load_data("/no/such/folder", split="foo")


@pytest.mark.parametrize("batch_size", [0, -1, 11])
def test_batch_size_out_of_range(batch_size):
    with pytest.raises(ValueError, match=f"Received: batch_size={batch_size}"):
        make_dataset(np.zeros(10), np.zeros(10), batch_size=batch_size, shuffle_seed=0)


def test_lengths_must_agree():
    with pytest.raises(ValueError, match="10 images and 9 labels"):
        make_dataset(np.zeros(10), np.zeros(9))


def test_no_tuner_holds_up_the_end_of_a_dataset_or_of_what_is_made_of_it():
    dataset = make_dataset(np.zeros((8, 64, 64, 1), np.uint8), np.zeros(8), batch_size=4)
    for each in (dataset, augment(dataset), dataset.repeat(2)):
        assert each.options().autotune.enabled is False


def test_augment_changes_pictures_anew_each_epoch_and_repeatably():
    (x_train, y_train), *_ = load_data(**PHANTOMS)

    def two_epochs(seed):
        dataset = augment(make_dataset(x_train[:20], y_train[:20], batch_size=20), seed=seed)
        return [batches(dataset)[0] for _ in range(2)]

    (first, labels), (second, _) = two_epochs(0)
    np.testing.assert_array_equal(labels, y_train[:20])  # in order: nothing shuffles here
    assert first.dtype == np.float32
    assert first.min() >= 0
    assert first.max() <= 255
    assert all(np.abs(first - x_train[:20]).mean(axis=(1, 2, 3)) > 0.5)  # each one changed
    assert not np.array_equal(first, second)
    again = two_epochs(0)
    np.testing.assert_array_equal([first, second], [images for images, _ in again])
