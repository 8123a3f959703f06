from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from sklearn.tree import DecisionTreeClassifier

from medmnist_keras.data import draw_phantoms
from medmnist_keras.data.phantoms import PHANTOM_CLASSES

PER_CLASS = 200


@pytest.fixture(scope="module")
def drawn():
    return draw_phantoms(PER_CLASS, seed=3)


@pytest.fixture(scope="module")
def unseen():
    return draw_phantoms(PER_CLASS, seed=4)


def grey_statistics(images):
    pixels = images.reshape(len(images), -1).astype(np.float32)
    return np.stack([f(axis=1) for f in (pixels.min, pixels.max, pixels.mean, pixels.std)], axis=1)


def thumbnails(images):
    """8x8 means of each picture, set to zero mean and unit variance."""
    small = images.reshape(-1, 8, 8, 8, 8).mean(axis=(2, 4)).reshape(len(images), -1)
    small -= small.mean(axis=1, keepdims=True)
    return small / (small.std(axis=1, keepdims=True) + 1)


def test_the_six_classes_in_order():
    assert PHANTOM_CLASSES == ("AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT")


def test_shapes_dtypes_and_order(drawn):
    images, labels = drawn
    assert images.shape == (6 * PER_CLASS, 64, 64, 1)
    assert images.dtype == np.uint8
    assert labels.dtype == np.int64
    np.testing.assert_array_equal(labels, np.repeat(np.arange(6), PER_CLASS))


def test_mapping_gives_each_class_its_own_count_in_class_order():
    images, labels = draw_phantoms({"HeadCT": 1, "BreastMRI": np.uint8(40), "Hand": 0}, seed=3)
    np.testing.assert_array_equal(labels, [1] * 40 + [5])
    np.testing.assert_array_equal(images[-1:], draw_phantoms({"HeadCT": 1}, seed=3)[0])


@pytest.mark.parametrize("nothing", [0, {}, {"Hand": 0}])
def test_no_pictures_is_an_empty_set(nothing):
    images, labels = draw_phantoms(nothing)
    assert images.shape == (0, 64, 64, 1)
    assert labels.shape == (0,)


def test_same_seed_same_pictures_other_seed_others():
    images = draw_phantoms(5, seed=1)[0]
    np.testing.assert_array_equal(images, draw_phantoms(5, seed=1)[0])
    others = draw_phantoms(5, seed=2)[0]
    assert not any(np.array_equal(a, b) for a, b in zip(images, others, strict=True))


def test_global_random_state_is_neither_used_nor_touched():
    np.random.seed(0)
    before = np.random.get_state()[1].copy()
    images = draw_phantoms(2)[0]
    np.testing.assert_array_equal(np.random.get_state()[1], before)
    np.random.seed(1)
    np.testing.assert_array_equal(draw_phantoms(2)[0], images)


@pytest.mark.parametrize("count", [1, 31, 32, 33, 100])
def test_fewer_pictures_are_the_first_of_more(drawn, count):
    images, _ = draw_phantoms(count, seed=3)
    expected = drawn[0].reshape(6, PER_CLASS, 64, 64, 1)[:, :count]
    np.testing.assert_array_equal(images.reshape(expected.shape), expected)


def test_no_two_pictures_are_the_same_and_none_is_constant(drawn):
    images, _ = drawn
    assert len({image.tobytes() for image in images}) == len(images)
    assert (images.reshape(len(images), -1).std(axis=1) > 2).all()


@pytest.mark.parametrize("label", range(6))
def test_pictures_of_a_class_vary(drawn, label):
    images = drawn[0][drawn[1] == label].astype(np.float32)
    assert images.mean(axis=(1, 2, 3)).std() > 25  # brightness
    assert np.median(images.std(axis=0)) > 35  # any one pixel, over the class
    shapes = thumbnails(images)
    shapes /= np.linalg.norm(shapes, axis=1, keepdims=True)
    assert np.median(shapes @ shapes.T) < 0.9  # pose and anatomy, with the tone taken out


@pytest.mark.parametrize(
    "learner", [DecisionTreeClassifier(max_depth=8, random_state=0), NearestCentroid()]
)
def test_grey_statistics_do_not_give_the_class_away(drawn, unseen, learner):
    learner.fit(grey_statistics(drawn[0]), drawn[1])
    assert learner.score(grey_statistics(unseen[0]), unseen[1]) < 0.7


def test_thumbnails_do_tell_the_classes_apart(drawn, unseen):
    learner = LogisticRegression(max_iter=300).fit(thumbnails(drawn[0]), drawn[1])
    assert 0.75 < learner.score(thumbnails(unseen[0]), unseen[1]) < 1


@pytest.mark.parametrize("bad", [-1, 2.5, "10", None, True, [1] * 6, {"Hand": -1}, {"CXR": 1.0}])
def test_bad_counts_are_refused(bad):
    with pytest.raises(ValueError, match="integer of 0 or more.* Received: images_per_class="):
        draw_phantoms(bad)


def test_unknown_classes_are_refused_with_the_known_ones_named():
    with pytest.raises(ValueError, match="HeadCT.* Received: images_per_class={'Knee': 3}"):
        draw_phantoms({"Knee": 3})


@pytest.mark.parametrize("bad", [-1, 0.5, None])
def test_bad_seeds_are_refused(bad):
    with pytest.raises(ValueError, match="`seed` must be .* Received: seed="):
        draw_phantoms(1, seed=bad)
