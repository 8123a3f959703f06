import hashlib

import numpy as np
import pytest
from tiny_data import listing, stacks_and_singles

from medmnist_keras import INFO, find_groups, split_indices
from medmnist_keras.data import Groups, Images, groups

COUNTS = np.array(list(INFO["counts"].values()))
SPLITS = ("grouped", "random")


def real_listing():
    """What a split needs to know of the real pictures, without any pixel."""
    labels = np.repeat(np.arange(6), COUNTS)
    count = len(labels)
    no_pixels = np.broadcast_to(np.uint8(0), (count, 64, 64, 1))
    tables = np.broadcast_to(np.uint16(0), (count, 64))
    names = np.broadcast_to(np.array(""), count)
    places = np.arange(count)
    return Images(no_pixels, labels, names, tables, places, INFO["fingerprint"], "none")


def digest(split):
    return hashlib.sha256(np.concatenate(split).astype("<i8").tobytes()).hexdigest()[:16]


# -- random ----------------------------------------------------------------------------------


def test_random_every_picture_is_on_one_side_only():
    split = split_indices(real_listing(), "random")
    np.testing.assert_array_equal(np.sort(np.concatenate(split)), np.arange(58_954))
    assert [len(part) for part in split] == [47_163, 5_895, 5_896]


def test_random_classes_keep_their_shares():
    labels = real_listing().labels
    for part, share in zip(split_indices(real_listing(), "random"), (0.8, 0.1, 0.1), strict=True):
        np.testing.assert_allclose(np.bincount(labels[part]), share * COUNTS, atol=1)


@pytest.mark.parametrize(
    ("split", "expected"), [("random", "531d1e7ea0573b7a"), ("grouped", "a04a19a4acba069a")]
)
def test_same_seed_same_split_on_every_machine(split, expected):
    first, again = (split_indices(real_listing(), split, seed=0) for _ in range(2))
    np.testing.assert_array_equal(first.test, again.test)
    assert not np.array_equal(first.test, split_indices(real_listing(), split, seed=1).test)
    assert digest(first) == expected  # published scores hang on this very split


@pytest.mark.parametrize("split", SPLITS)
def test_training_order_is_mixed(split):
    labels = real_listing().labels[split_indices(real_listing(), split).train]
    assert len(np.unique(labels[:50])) == 6


# -- grouped, as it ships ----------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(6))
def test_grouped_nothing_crosses_sides(seed):
    pictures = real_listing()
    split, known = split_indices(pictures, seed=seed), find_groups(pictures)
    side = np.full(58_954, -1)
    for number, part in enumerate(split):
        assert (side[part] == -1).all()
        side[part] = number
    inside = side >= 0
    pairs = np.unique(np.stack([known.groups[inside], side[inside]], axis=1), axis=0)
    assert len(pairs) == len(np.unique(known.groups[inside]))  # each group on one side
    one, other = side[known.near_duplicates].T
    assert not ((one >= 0) & (other >= 0) & (one != other)).any()
    assert not (known.blank | known.duplicate)[inside].any()


@pytest.mark.parametrize("seed", range(6))
def test_grouped_classes_keep_their_shares_within_two_points(seed):
    labels = real_listing().labels
    counts = np.array(
        [np.bincount(labels[part]) for part in split_indices(real_listing(), seed=seed)]
    )
    shares = counts / counts.sum(axis=0)
    np.testing.assert_allclose(shares, np.repeat([[0.8], [0.1], [0.1]], 6, axis=1), atol=0.02)


def test_what_was_left_out_is_printed(capsys):
    split = split_indices(real_listing())
    told = capsys.readouterr().out
    missing = 58_954 - sum(map(len, split))
    assert "101 blank pictures, 347 exact duplicates" in told
    assert f"{missing - 448} pictures that look like one held out" in told
    split_indices(real_listing(), "random")
    assert capsys.readouterr().out == ""


def test_clean_is_an_option_of_both_splits(capsys):
    assert sum(map(len, split_indices(real_listing(), "random", clean=True))) == 58_954 - 448
    assert "0 pictures that look like" in capsys.readouterr().out
    kept = np.concatenate(split_indices(real_listing(), clean=False))
    blank = find_groups(real_listing()).blank
    assert blank[kept].sum() > 80
    assert "0 blank pictures, 0 exact duplicates" in capsys.readouterr().out


# -- grouped, on made-up pictures ------------------------------------------------------------------


def test_stacks_stay_whole():
    pictures, bodies = stacks_and_singles(stacks=40)
    split = split_indices(pictures)
    sides = [set(bodies[part]) for part in split]
    assert len(set.union(*sides)) == sum(map(len, sides))
    assert sum(map(len, split)) == len(bodies)


def test_a_training_picture_with_a_twin_held_out_is_left_out(monkeypatch, capsys):
    pictures = listing(np.zeros((400, 64, 64)), np.repeat([0, 1], 200))
    nothing = np.zeros(400, dtype=bool)

    def given(twins):
        known = Groups(np.arange(400), np.array(twins), nothing, nothing)
        monkeypatch.setattr("medmnist_keras.data.splits.find_groups", lambda _: known)
        return split_indices(pictures)

    plain = given(np.empty((0, 2), dtype=int))
    train, val, test = (part[:3] for part in plain)
    split = given(
        [(train[0], test[0]), (val[1], train[1]), (test[2], val[2]), (train[2], train[0])]
    )
    assert set(plain.train) - set(split.train) == {train[0], train[1]}
    assert set(plain.val) - set(split.val) == {val[2]}
    np.testing.assert_array_equal(split.test, plain.test)
    assert "3 pictures that look like one held out" in capsys.readouterr().out


def test_groups_too_large_to_divide(monkeypatch):
    pictures = listing(np.zeros((200, 64, 64)), np.repeat([0, 1], 100))
    nothing = np.zeros(200, dtype=bool)
    halves = Groups(np.arange(200) // 50, np.empty((0, 2), dtype=int), nothing, nothing)
    monkeypatch.setattr("medmnist_keras.data.splits.find_groups", lambda _: halves)
    with pytest.raises(ValueError, match=r"whole groups: their sizes are \[50, 50\]"):
        split_indices(pictures)
    one = halves._replace(groups=pictures.labels)
    monkeypatch.setattr("medmnist_keras.data.splits.find_groups", lambda _: one)
    with pytest.raises(ValueError, match=r"whole groups: their sizes are \[100\]"):
        split_indices(pictures)


# -- bad input -------------------------------------------------------------------------------------


@pytest.mark.parametrize("split", ["foo", "", None])
def test_unknown_split(split):
    with pytest.raises(ValueError, match=r"one of \['grouped', 'random'\]. Received: split="):
        split_indices(real_listing(), split)


@pytest.mark.parametrize("split", SPLITS)
@pytest.mark.parametrize("labels", [[0] * 50, [0, 1] * 9])
def test_labels_that_cannot_be_split(labels, split):
    noise = np.random.default_rng(0).integers(0, 256, (len(labels), 64, 64))
    with pytest.raises(ValueError, match=r"ten pictures each. Received: \["):
        split_indices(listing(noise, labels), split)


def test_groups_are_not_looked_for_without_need(monkeypatch):
    monkeypatch.delattr(groups, "compute_groups")
    pictures = listing(np.zeros((40, 64, 64)), np.repeat([0, 1], 20))
    assert sum(map(len, split_indices(pictures, "random"))) == 40
