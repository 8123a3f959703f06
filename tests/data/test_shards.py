"""Shards: what was written is what is read, in bounded memory, and never half of it."""

import json

import numpy as np
import pytest
import tensorflow as tf

from medmnist_keras import train
from medmnist_keras.data import check_shards, draw_phantoms, jobs, read_shards, shards, write_shards
from medmnist_keras.data.shards import read_index
from medmnist_keras.models import speed_cnn


@pytest.fixture(scope="module")
def phantoms():
    images, labels = draw_phantoms(8)
    order = np.random.default_rng(0).permutation(len(images))
    return images[order], labels[order]


@pytest.fixture
def folder(phantoms, tmp_path):
    write_shards(zip(*phantoms, strict=True), tmp_path / "set", shards=4)
    return tmp_path / "set"


def rows(dataset):
    """Every picture and label of a dataset, as sorted bytes: what it holds, whatever the order."""
    return sorted(
        image.tobytes() + bytes([label])
        for images, labels in dataset.as_numpy_iterator()
        for image, label in zip(images, labels, strict=True)
    )


def originals(images, labels):
    return sorted(
        image.tobytes() + bytes([label]) for image, label in zip(images, labels, strict=True)
    )


def as_process(monkeypatch, index, count):
    monkeypatch.setattr(shards, "current_job", lambda: jobs.Job(index, count, count))


def test_what_was_written_is_read(phantoms, folder):
    dataset = read_shards(folder, 9)
    assert rows(dataset) == originals(*phantoms)
    assert int(dataset.cardinality()) == len(list(dataset)) == 6  # 48 pictures, the last 3
    assert rows(dataset) == originals(*phantoms)
    first = next(iter(dataset))
    assert (first[0].dtype, first[1].dtype) == (tf.uint8, tf.int64)
    np.testing.assert_array_equal(first[0], next(iter(dataset))[0])


def test_training_order_is_new_each_epoch_and_repeats_with_the_seed(phantoms, folder):
    def epochs(seed):
        dataset = read_shards(folder, 9, shuffle_seed=seed)
        assert dataset.element_spec[0].shape == (9, 64, 64, 1)
        assert int(dataset.cardinality()) == 5
        assert dataset.options().autotune.enabled is False
        return [
            np.concatenate([images for images, _ in dataset.as_numpy_iterator()]) for _ in range(2)
        ]

    first, second = epochs(1)
    assert len(first) == 45
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(epochs(1), [first, second])
    assert not np.array_equal(epochs(2)[0], first)
    assert set(map(bytes, first)) < set(map(bytes, phantoms[0]))


@pytest.mark.parametrize("shuffle_seed", [None, 0])
def test_processes_share_the_rows(phantoms, folder, shuffle_seed, monkeypatch):
    parts = []
    for index in range(3):  # of four shards the first gets two
        as_process(monkeypatch, index, 3)
        dataset = read_shards(folder, 12, shuffle_seed=shuffle_seed)
        assert int(dataset.cardinality()) == 3  # 12 pictures of the least, four a batch
        parts += rows(dataset)
    assert len(parts) == len(set(parts)) == 36
    assert set(parts) < set(originals(*phantoms))


def test_shards_of_unequal_length_hold_every_picture(phantoms, tmp_path):
    images, labels = (np.concatenate([part, part[:2]]) for part in phantoms)
    index = write_shards(zip(images, labels, strict=True), tmp_path / "uneven", shards=4)
    assert [shard["examples"] for shard in index["shards"]] == [13, 13, 12, 12]
    assert index["examples"] == 50
    read = [labels for _, labels in read_shards(tmp_path / "uneven", 9)]
    assert sum(map(len, read)) == 50


def test_index_tells_what_there_is(folder):
    index = json.loads((folder / "index.json").read_text())
    assert index == check_shards(folder) == read_index(folder)
    assert index["examples"] == 48
    assert [shard["examples"] for shard in index["shards"]] == [12] * 4
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        ["index.json", *(shard["file"] for shard in index["shards"])]
    )


def test_train_takes_shards(folder):
    history = train(
        speed_cnn(), read_shards(folder, 16, shuffle_seed=0), read_shards(folder, 16), epochs=2,
        verbose=0,
    ).history  # fmt: skip
    assert history["loss"][1] < history["loss"][0]


# -- what must not be read -----------------------------------------------------------------------


def test_writing_that_breaks_off_leaves_no_set(phantoms, tmp_path):
    def breaks_off():
        yield from list(zip(*phantoms, strict=True))[:20]
        raise OSError("the network is gone")

    with pytest.raises(OSError, match="the network is gone"):
        write_shards(breaks_off(), tmp_path / "set", shards=4)
    assert list((tmp_path / "set").iterdir()) == []
    with pytest.raises(FileNotFoundError, match=r"without index.json; write it anew"):
        read_shards(tmp_path / "set", 4)


def test_writing_killed_between_shards_and_index_leaves_no_set(phantoms, tmp_path, monkeypatch):
    replaced = []
    original = shards.Path.replace

    def killed(path, target):
        if path.name == "index.json":
            raise KeyboardInterrupt
        replaced.append(path.name)
        return original(path, target)

    monkeypatch.setattr(shards.Path, "replace", killed)
    with pytest.raises(KeyboardInterrupt):
        write_shards(zip(*phantoms, strict=True), tmp_path / "set", shards=4)
    assert len(replaced) == 4  # all shards are there, and yet there is no set
    with pytest.raises(FileNotFoundError, match="finished"):
        read_shards(tmp_path / "set", 4)
    monkeypatch.undo()
    write_shards(zip(*phantoms, strict=True), tmp_path / "set", shards=4)
    assert rows(read_shards(tmp_path / "set", 4)) == originals(*phantoms)


def test_a_set_is_not_overwritten(phantoms, folder):
    with pytest.raises(FileExistsError, match="choose another"):
        write_shards(zip(*phantoms, strict=True), folder)
    check_shards(folder)


def test_a_shard_that_lacks_or_is_cut_off_is_told(folder):
    path = folder / "00002-of-00004.tfrecord"
    data = path.read_bytes()
    path.write_bytes(data[:-100])
    with pytest.raises(ValueError, match=r"00002-of-00004.tfrecord of \S+ bytes; copy"):
        read_shards(folder, 8)
    path.unlink()
    with pytest.raises(FileNotFoundError, match=r"A shard lacks: .*00002-of-00004.tfrecord"):
        read_shards(folder, 8)


def test_a_damaged_record_is_told(folder):
    path = folder / "00001-of-00004.tfrecord"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"00001-of-00004.tfrecord, which was changed"):
        check_shards(folder)
    with pytest.raises(tf.errors.DataLossError, match="corrupted record"):
        list(read_shards(folder, 8))


def test_examples_of_another_kind_are_told(phantoms, tmp_path):
    images, labels = phantoms
    for examples, told in (
        ([(images[0] / 255, 0)], "Received, as number 0: float64"),
        ([(images[0], 0), (images[1], 6)], "Received, as number 1: .*label 6"),
        ([(images[0, ..., 0], 0)], r"of shape \(64, 64\)"),
        ([(images[0], 0)], "Received: 1 examples and shards=2"),
    ):
        with pytest.raises(ValueError, match=told):
            write_shards(examples, tmp_path / "set", shards=2)
    with pytest.raises(ValueError, match="Received: 0"):
        write_shards(zip(images, labels, strict=True), tmp_path / "set", shards=0)


def test_batches_that_do_not_fit_are_told(folder, monkeypatch):
    with pytest.raises(ValueError, match="batch_size=49 and 48 pictures"):
        read_shards(folder, 49, shuffle_seed=0)
    as_process(monkeypatch, 0, 2)
    with pytest.raises(ValueError, match="multiple of the number of devices, 2.*batch_size=9"):
        read_shards(folder, 9)
    as_process(monkeypatch, 0, 5)
    with pytest.raises(ValueError, match="4 shards and 5 processes"):
        read_shards(folder, 10)
