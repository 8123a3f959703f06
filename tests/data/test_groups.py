import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_data import listing, stacks_and_singles

from medmnist_keras import INFO, find_groups, load_images
from medmnist_keras.data import compute_groups, groups
from medmnist_keras.storage import decoded_dir

REAL = os.environ.get("MEDICAL_MNIST_DIR")  # read before the fixture that hides it


@pytest.fixture
def short_reach(monkeypatch):
    """For stacks of a dozen slices, not of hundreds."""
    monkeypatch.setattr(groups, "_REACH", 20)


def same_sides(one, other) -> bool:
    """Whether two numberings part the pictures alike."""
    pairs = np.unique(np.stack([one, other], axis=1), axis=0)
    return len(pairs) == len(np.unique(one)) == len(np.unique(other))


def test_slices_of_a_stack_are_one_group(short_reach):
    pictures, bodies = stacks_and_singles()
    found = compute_groups(pictures).groups
    for body in range(30):
        assert len(np.unique(found[bodies == body])) == 1, body
    assert len(np.unique(found[:360])) > 20  # and few stacks are taken for one


def test_single_pictures_stay_single_and_copies_belong_together(short_reach):
    pictures, _ = stacks_and_singles()
    images = pictures.images.copy()
    images[700] = images[400]
    found = compute_groups(replace(pictures, images=images))
    singles = found.groups[360:]
    assert singles[400 - 360] == singles[700 - 360]
    assert len(np.unique(singles)) == 359
    assert np.flatnonzero(found.duplicate).tolist() == [700]


def test_a_stack_scanned_twice_is_one_group(short_reach):
    pictures, bodies = stacks_and_singles()
    images = pictures.images.copy()
    images[bodies == 25] = images[bodies == 3] // 2 + 40
    found = compute_groups(replace(pictures, images=images)).groups
    assert len(np.unique(found[np.isin(bodies, [3, 25])])) == 1


def test_one_chance_likeness_makes_twins_not_a_group(short_reach):
    pictures, bodies = stacks_and_singles(slices=24)
    images = pictures.images.copy()
    one, other = np.flatnonzero(bodies == 3)[5], np.flatnonzero(bodies == 25)[5]
    images[one] = np.eye(64)[..., None] * 200  # unlike its stack, such as an empty head rest
    images[other] = images[one] // 2 + 40
    found = compute_groups(replace(pictures, images=images))
    assert found.groups[one] != found.groups[other]
    assert [one, other] in found.near_duplicates.tolist()
    np.testing.assert_array_equal(
        found.groups[found.near_duplicates[:, 0]] != found.groups[found.near_duplicates[:, 1]], True
    )


def test_links_reach_over_file_numbers_not_over_pictures(monkeypatch):
    pictures, _ = stacks_and_singles()
    thinned = replace(pictures, positions=pictures.positions * 10)  # every tenth of a source
    stacks = np.arange(360)
    monkeypatch.setattr(groups, "_REACH", 200)
    assert len(np.unique(groups._runs(thinned, stacks))) < 60
    monkeypatch.setattr(groups, "_REACH", 9)  # the next file is ten numbers away
    assert len(np.unique(groups._runs(thinned, stacks))) == 360


@pytest.mark.parametrize(("near", "found"), [(99, 1000), (100, 100)])
def test_runs_need_five_times_the_near_links_of_chance(near, found, short_reach, monkeypatch):
    # A link may span 20 numbers either way: 40 in 1,000, and so 20 of 500 links by chance.
    half = 500 - near
    far = np.r_[2 * near : 1000]
    nearest = np.r_[np.arange(2 * near) ^ 1, np.roll(far, half)]
    monkeypatch.setattr(groups, "neighbours", lambda *_: nearest[:, None])
    pictures = listing(np.zeros((1000, 64, 64)), [0] * 1000)
    assert len(np.unique(groups._runs(pictures, np.arange(1000)))) == found


@pytest.mark.parametrize(
    ("first", "last", "runs"),
    [(899, 999, 5), (898, 998, 10), (898, 999, 10)],
    ids=["as it must be", "of 999 numbers", "101 apart"],
)
def test_a_class_of_a_thousand_file_numbers_has_runs_of_links_of_a_hundred(
    first, last, runs, monkeypatch
):
    monkeypatch.setattr(groups, "neighbours", lambda *_: (np.arange(10) ^ 1)[:, None])
    positions = np.r_[0:800:100, first, last]
    pictures = replace(listing(np.zeros((10, 64, 64)), [0] * 10), positions=positions)
    assert len(np.unique(groups._runs(pictures, np.arange(10)))) == runs


def test_links_are_mutual(monkeypatch):
    monkeypatch.setattr(groups, "neighbours", lambda *_: np.roll(np.arange(2000), -1)[:, None])
    pictures = listing(np.zeros((2000, 64, 64)), [0] * 2000)
    assert len(np.unique(groups._runs(pictures, np.arange(2000)))) == 2000


@pytest.mark.parametrize(("count", "akin"), [(10, [[0, 1], [2, 1]]), (11, [])])
def test_a_tenth_of_either_run_makes_the_two_share_near_duplicates(count, akin):
    runs = np.repeat([0, 1, 2], [count, 100, count])
    one, other = 0, count + 100  # a picture of the first, and of the last run
    pairs = np.array([[one, count], [one, count + 1], [count, other]])  # `one` counts once
    assert groups._share_near_duplicates(runs, pairs).tolist() == akin


def test_files_in_no_order_have_no_runs(short_reach):
    pictures, bodies = stacks_and_singles()
    order = np.r_[np.random.default_rng(0).permutation(360), np.arange(360, 720)]
    shuffled = replace(pictures, images=pictures.images[order])
    found = compute_groups(shuffled)
    pairs = np.argwhere(found.groups[:360, None] == found.groups[:360])
    assert (bodies[order][pairs[:, 0]] == bodies[order][pairs[:, 1]]).all()  # by likeness alone


def test_an_odd_slice_between_two_stacks_is_not_left_alone(short_reach):
    pictures, bodies = stacks_and_singles()
    images = pictures.images.copy()
    images[np.flatnonzero(bodies == 7)[-1]] = np.eye(64)[..., None] * 200
    found = compute_groups(replace(pictures, images=images)).groups
    assert len(np.unique(found[bodies == 7])) == 1


def test_a_handful_of_pictures():
    noise = np.random.default_rng(0).integers(0, 256, (7, 64, 64))
    found = compute_groups(listing(noise, [0, 0, 1, 1, 1, 1, 1])).groups
    assert found.tolist() == list(range(7))


def test_phantoms_belong_to_nobody():
    found = find_groups(load_images("phantoms", images_per_class=5))
    assert found.groups.tolist() == list(range(30))
    assert not (found.blank | found.duplicate).any()
    assert len(found.near_duplicates) == 0


@pytest.fixture
def small_index(monkeypatch, tmp_path, short_reach):
    """The index of a small data set in place of the one that ships."""
    pictures, bodies = stacks_and_singles(slices=24)
    images = pictures.images.copy()
    one, other = np.flatnonzero(bodies == 3)[5], np.flatnonzero(bodies == 25)[5]
    images[one] = np.eye(64)[..., None] * 200
    images[other] = images[one] // 2 + 40
    images[700], images[710], images[711] = images[690], 5, 5
    pictures = replace(pictures, images=images, fingerprint="small")
    monkeypatch.setattr(groups, "INDEX_FILE", tmp_path / "groups.npz")
    monkeypatch.setitem(groups.INFO, "fingerprint", "small")
    groups.write_index(groups.index_of(pictures), groups.INDEX_FILE)
    return pictures


def test_the_index_holds_what_is_computed(small_index, monkeypatch):
    computed = compute_groups(small_index)
    monkeypatch.delattr(groups, "compute_groups")  # not needed any more
    for one, other in zip(find_groups(small_index), computed, strict=True):
        np.testing.assert_array_equal(one, other)


def test_the_index_serves_a_part_of_the_pictures(small_index):
    whole = find_groups(small_index)
    assert len(whole.near_duplicates)
    kept = np.unique(np.r_[whole.near_duplicates[0], np.arange(1, 700, 7), 700, 710, 711])
    arrays = ("images", "labels", "names", "quantization", "positions")
    part = replace(small_index, **{name: getattr(small_index, name)[kept] for name in arrays})
    found = find_groups(part)
    np.testing.assert_array_equal(found.groups, whole.groups[kept])
    # Copied from 690, which isn't in this part: the first of its kind here.
    assert kept[found.duplicate].tolist() == [711]
    np.testing.assert_array_equal(found.blank, whole.blank[kept])
    both = np.isin(whole.near_duplicates, kept).all(axis=1)
    np.testing.assert_array_equal(kept[found.near_duplicates], whole.near_duplicates[both])
    rest = np.setdiff1d(np.arange(len(whole.groups)), whole.near_duplicates[:, 1])
    widowed = replace(small_index, **{name: getattr(small_index, name)[rest] for name in arrays})
    assert len(find_groups(widowed).near_duplicates) == 0


def into_cache(pictures):
    """Keeps pictures as if they had been decoded before; returns their folder."""
    folder = decoded_dir() / pictures.fingerprint
    folder.mkdir(parents=True)
    for name in ("images", "labels", "names", "quantization"):
        np.save(folder / f"{name}.npy", getattr(pictures, name))
    return folder


def test_of_another_copy_all_pictures_are_looked_at_once(short_reach, monkeypatch):
    pictures, _ = stacks_and_singles()
    into_cache(pictures)
    whole = compute_groups(pictures)
    kept = np.arange(0, 720, 5)  # too few of each stack to find it again
    arrays = ("images", "labels", "names", "quantization", "positions")
    part = replace(pictures, **{name: getattr(pictures, name)[kept] for name in arrays})
    found = find_groups(part)
    np.testing.assert_array_equal(found.groups, whole.groups[kept])
    monkeypatch.delattr(groups, "compute_groups")
    np.testing.assert_array_equal(find_groups(pictures).groups, whole.groups)


@pytest.mark.parametrize("damage", ["cut", "empty", "other version", "other pictures", "no index"])
def test_an_index_that_is_of_no_use_is_made_anew(damage, short_reach):
    pictures, _ = stacks_and_singles()
    file = into_cache(pictures) / "groups.npz"
    expected = find_groups(pictures)
    whole = file.read_bytes()
    with np.load(file) as index:
        fields = dict(index)
    if damage == "cut":
        file.write_bytes(whole[:200])
    elif damage == "empty":
        file.write_bytes(b"")
    elif damage == "other version":
        np.savez_compressed(file, **fields | {"version": 0, "groups": 0 * fields["groups"]})
    elif damage == "other pictures":
        np.savez_compressed(file, **fields | {"fingerprint": "?", "groups": 0 * fields["groups"]})
    else:
        file.unlink()
    for _ in range(2):
        np.testing.assert_array_equal(find_groups(pictures).groups, expected.groups)
    assert groups._read_index(file, pictures.fingerprint) is not None


def test_an_index_that_can_not_be_kept_is_computed(short_reach, monkeypatch):
    pictures, bodies = stacks_and_singles()
    into_cache(pictures)

    def full(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(groups.np, "savez_compressed", full)
    assert len(find_groups(pictures).groups) == len(bodies)


def test_a_damaged_index_of_the_package_says_what_to_do(small_index):
    groups.INDEX_FILE.write_bytes(b"")
    with pytest.raises(ValueError, match="is damaged.*pip install --force-reinstall"):
        find_groups(small_index)


def test_other_content_is_never_served_from_the_index(small_index):
    stranger, bodies = stacks_and_singles(seed=5)
    found = find_groups(stranger)
    assert len(found.groups) == len(bodies)
    np.testing.assert_array_equal(found.groups, compute_groups(stranger).groups)


def test_the_index_that_ships_is_of_the_known_copy():
    with np.load(groups.INDEX_FILE, allow_pickle=False) as index:
        assert str(index["fingerprint"]) == INFO["fingerprint"]
        assert len(index["groups"]) == sum(INFO["counts"].values())
    assert Path(groups.INDEX_FILE).stat().st_size < 50_000


@pytest.mark.skipif(not REAL, reason="the real pictures are not at hand: set MEDICAL_MNIST_DIR")
def test_the_index_that_ships_is_found_again_in_the_real_pictures(monkeypatch):
    monkeypatch.setenv("MEDICAL_MNIST_DIR", REAL)
    pictures = load_images(strict=True)
    shipped, computed = find_groups(pictures), compute_groups(pictures)
    assert same_sides(shipped.groups, computed.groups)
    np.testing.assert_array_equal(shipped.blank, computed.blank)
    np.testing.assert_array_equal(shipped.duplicate, computed.duplicate)
    # Another machine may round a pair at the threshold to the other side.
    assert abs(len(shipped.near_duplicates) - len(computed.near_duplicates)) <= 5
