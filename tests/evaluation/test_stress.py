"""Corruptions do what their names say, more so the stronger; the table tells what was measured."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from sklearn.metrics import accuracy_score

from medmnist_keras.data import draw_phantoms
from medmnist_keras.evaluation import CORRUPTIONS, corrupt, robustness_curve


@pytest.fixture(scope="module")
def drawn():
    return draw_phantoms(4)


@pytest.fixture(params=CORRUPTIONS)
def name(request):
    return request.param


def bright_or_dark(images):
    """A model of two classes: is the mean above mid grey?"""
    bright = images.mean(axis=(1, 2, 3)) > 127.5
    return np.stack([~bright, bright], axis=1).astype(float)


def test_eight_corruptions_of_five_rising_strengths(name):
    assert len(CORRUPTIONS) == 8
    strengths = CORRUPTIONS[name].strengths
    assert len(strengths) == 5
    assert all(np.diff((0, *strengths)) > 0)


def test_shape_and_dtype_stay_and_the_images_are_left_alone(drawn, name):
    images, before = drawn[0], drawn[0].copy()
    damaged = corrupt(images, name, CORRUPTIONS[name].strengths[2])
    assert damaged.shape == images.shape
    assert damaged.dtype == np.uint8
    np.testing.assert_array_equal(images, before)


def test_damage_grows_with_the_strength(drawn, name):
    images = drawn[0]
    strengths = (0, *CORRUPTIONS[name].strengths)
    damages = [
        np.abs(corrupt(images, name, strength).astype(float) - images).mean()
        for strength in strengths
    ]
    assert damages[0] == 0
    assert all(np.diff(damages) > 0)


def test_the_seed_decides(drawn, name):
    strength = CORRUPTIONS[name].strengths[-1]
    first = corrupt(drawn[0], name, strength, seed=1)
    np.testing.assert_array_equal(first, corrupt(drawn[0], name, strength, seed=1))
    is_random = name in ("noise", "rotation", "crop")
    assert (first != corrupt(drawn[0], name, strength, seed=2)).any() == is_random


def test_other_sizes_and_few_images(name):
    strength = CORRUPTIONS[name].strengths[-1]
    for count in (0, 1, 2):
        images = np.full((count, 20, 30, 1), 100, np.uint8)
        assert corrupt(images, name, strength).shape == images.shape


def test_brightness_contrast_and_background_are_exact():
    images = np.array([0, 100, 200], np.uint8).reshape(1, 1, 3, 1)
    assert corrupt(images, "brightness", 40).ravel().tolist() == [102, 202, 255]
    assert corrupt(images, "contrast", 80).ravel().tolist() == [80, 100, 120]
    assert corrupt(images, "background level", 51).ravel().tolist() == [51, 131, 211]


@pytest.mark.parametrize("name", ["brightness", "contrast", "blur", "JPEG", "background level"])
def test_each_picture_is_spoilt_by_itself(name, drawn):
    images = np.stack([drawn[0][0] // 4, 255 - drawn[0][0] // 4])
    strength = CORRUPTIONS[name].strengths[-1]
    alone = [corrupt(images[[row]], name, strength)[0] for row in range(2)]
    np.testing.assert_array_equal(corrupt(images, name, strength), alone)


def test_noise_has_the_strength_asked_for():
    noisy = corrupt(np.full((4, 64, 64, 1), 128, np.uint8), "noise", 10)
    assert noisy.std() == pytest.approx(25.5, rel=0.03)


def test_a_quarter_turn_is_exact_and_goes_either_way(drawn):
    turned = corrupt(drawn[0], "rotation", 90)
    left, right = (np.rot90(drawn[0], turns, axes=(1, 2)).astype(int) for turns in (1, -1))
    misses = [np.abs(turned - other).max(axis=(1, 2, 3)) for other in (left, right)]
    assert (np.min(misses, axis=0) <= 1).all()
    assert (np.argmin(misses, axis=0) == 0).any()
    assert (np.argmin(misses, axis=0) == 1).any()


def test_a_crop_shows_a_part_enlarged():
    ramp = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None], (5, 64, 64, 1))
    shown = corrupt(ramp, "crop", 50).astype(int)
    heights = np.ptp(shown, axis=(1, 2, 3))
    assert ((heights >= 30) & (heights <= 33)).all()
    assert len(set(shown[:, 0, 0, 0])) > 1  # each from a place of its own


@pytest.mark.parametrize(
    ("images", "name", "strength", "message"),
    [
        (np.zeros((1, 8, 8)), "blur", 1, r"uint8.*Received: shape=\(1, 8, 8\), dtype=float64"),
        (np.zeros((1, 8, 8, 3), "uint8"), "blur", 1, "Received: shape=.1, 8, 8, 3"),
        (np.zeros((1, 8, 8, 1), "uint8"), "fog", 1, "background level. Received: name='fog'"),
        (np.zeros((1, 8, 8, 1), "uint8"), "crop", 51, "0 and 50 .*Received: strength=51"),
        (np.zeros((1, 8, 8, 1), "uint8"), "blur", -1, "sigma, pixels.*Received: strength=-1"),
    ],
)
def test_what_cannot_be_is_refused(images, name, strength, message):
    with pytest.raises(ValueError, match=message):
        corrupt(images, name, strength)


def test_the_table_tells_what_was_measured():
    images = np.repeat(np.array([20, 100, 200], np.uint8), 64).reshape(3, 8, 8, 1)
    models = {"mean": bright_or_dark, "always dark": lambda x: np.eye(2)[np.zeros(len(x), int)]}
    table = robustness_curve(models, images, [0, 0, 1])
    assert list(table) == [
        "model",
        "corruption",
        "severity",
        "strength",
        "unit",
        "accuracy",
        "images",
    ]
    assert len(table) == 2 * 8 * 6
    assert (table["images"] == 3).all()
    assert table.loc[table["model"] == "always dark", "accuracy"].unique() == pytest.approx([2 / 3])
    told = table[table["model"] == "mean"].set_index(["corruption", "severity"])
    assert (told["accuracy"].xs(0, level="severity") == 1).all()
    # 100 passes mid grey with 20 % of white added (151), 20 passes it with 50 % (147.5).
    shares = told["accuracy"]["brightness"].tolist()
    assert shares == pytest.approx([1, 1, 2 / 3, 2 / 3, 2 / 3, 1 / 3])
    assert told["strength"]["blur"].tolist() == [0, 0.5, 0.75, 1, 1.25, 1.5]


def test_a_keras_model_is_asked_in_batches(drawn):
    inputs = keras.Input((64, 64, 1))
    outputs = keras.layers.Dense(6, activation="softmax")(keras.layers.Flatten()(inputs))
    model = keras.Model(inputs, outputs)
    table = robustness_curve({"untrained": model}, *drawn)
    expected = accuracy_score(drawn[1], model.predict(drawn[0], verbose=0).argmax(axis=1))
    assert table["accuracy"][0] == pytest.approx(expected)
