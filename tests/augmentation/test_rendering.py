"""Pictures rendered anew: what must hold for each, and what for most of many draws."""

import numpy as np
import pytest
import tensorflow as tf
from scipy import ndimage

from medmnist_keras.augmentation.draws import Draws
from medmnist_keras.augmentation.rendering import (
    ABDOMEN,
    BREAST,
    CHEST,
    HEAD,
    blur,
    draw_side_view,
    is_ct,
    render_ct,
    render_mri,
)

COUNT = 200
ROWS, COLUMNS = np.mgrid[:64, :64]
RADIUS = np.hypot(ROWS - 31.5, COLUMNS - 31.5)
AIR = {ABDOMEN: 101, CHEST: 126, HEAD: 25}  # its grey in Medical MNIST
WALL = (RADIUS > 22) & (RADIUS < 26)
# Left and right of the middle, where lungs are.
SIDES = (np.abs(np.abs(COLUMNS - 31.5) - 11.5) < 3) & (np.abs(ROWS - 31.5) < 8)


def of_one_class(label, shape, background, grey=200):
    """Many copies of one picture of a round body with radius 27, with depths and labels."""
    image = np.where(shape, grey, background).astype("float32")
    copies = np.tile(image[None, ..., None], (COUNT, 1, 1, 1))
    depths = np.tile((27 - RADIUS).astype("float32")[None, ..., None], (COUNT, 1, 1, 1))
    return tf.constant(copies), tf.constant(depths), tf.constant([label] * COUNT, tf.int64)


def ct(label, shape=RADIUS < 27, seed=0):
    rendered = render_ct(*of_one_class(label, shape, AIR[label]), Draws(seed, COUNT))
    return check(rendered.numpy())


def mri(seed=0, grey=200):
    images, depths, _ = of_one_class(BREAST, RADIUS < 27, 5, grey)
    return check(render_mri(images, depths, Draws(seed, COUNT)).numpy())


def check(rendered):
    """What holds whatever was drawn; returns pictures `(N, 64, 64)`."""
    assert rendered.shape == (COUNT, 64, 64, 1)
    assert rendered.dtype == np.float32
    assert np.isfinite(rendered).all()
    assert rendered.min() >= 0
    assert rendered.max() <= 255
    return rendered[..., 0]


RENDERERS = {
    "abdomen": lambda seed=0: ct(ABDOMEN, seed=seed),
    "chest": lambda seed=0: ct(CHEST, seed=seed),
    "head": lambda seed=0: ct(HEAD, seed=seed),
    "breast": mri,
}


@pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)
def test_the_seed_decides_and_each_picture_is_rendered_otherwise(render):
    first = render()
    np.testing.assert_array_equal(first, render())
    assert not np.array_equal(first, render(seed=1))
    # But for windows that show all of a body as white.
    assert len(np.unique(first.reshape(COUNT, -1), axis=0)) > 0.95 * COUNT


@pytest.mark.parametrize("label", [ABDOMEN, CHEST, HEAD])
def test_air_is_darker_than_the_body(label):
    rendered = ct(label)
    outside, inside = (rendered[:, part].mean(axis=1) for part in (RADIUS > 33, RADIUS < 26))
    assert (outside < inside).mean() > 0.95
    assert (outside < 100).mean() > 0.95
    assert (inside > outside + 30).mean() > 0.9


def test_without_a_body_all_is_air():
    images, depths, labels = of_one_class(ABDOMEN, RADIUS < 0, AIR[ABDOMEN])
    empty = render_ct(images, tf.fill(depths.shape, -16.0), labels, Draws(0, COUNT)).numpy()
    # One grey a picture: of air, in its window.
    np.testing.assert_allclose(empty, np.tile(empty[:, :1, :1], (1, 64, 64, 1)), atol=1e-3)


def test_a_chest_gets_lungs_and_an_abdomen_none():
    hollow = (RADIUS < 27) & (RADIUS > 21)  # all that this data set shows of a chest
    chest, abdomen = ct(CHEST, hollow), ct(ABDOMEN, hollow)
    sides, wall = (chest[:, part].mean(axis=1) for part in (SIDES, WALL))
    assert (sides < wall - 10).mean() > 0.85
    assert np.mean(wall) - np.mean(sides) > 90
    assert chest[:, SIDES].mean() < abdomen[:, SIDES].mean() - 60


def test_windows_differ_in_width():
    grey = ct(ABDOMEN)[:, RADIUS < 20].mean(axis=1)
    air = ct(ABDOMEN)[:, RADIUS > 33].mean(axis=1)
    assert 0.3 < (grey > 250).mean() < 0.98  # soft tissue saturates in a lung window
    assert 0.1 < (air > 5).mean() < 0.8  # air isn't black in a wide window
    assert np.ptp(grey) > 60


def test_bone_of_the_head_outshines_the_brain():
    image = np.where(RADIUS < 27, 110, 25)
    image[(RADIUS < 27) & (RADIUS > 23)] = 252
    images, depths, labels = of_one_class(HEAD, RADIUS < 0, 25)
    images = tf.constant(np.tile(image[None, ..., None], (COUNT, 1, 1, 1)), tf.float32)
    rendered = check(render_ct(images, depths, labels, Draws(0, COUNT)).numpy())
    bone, brain = rendered[:, WALL & (RADIUS > 24)].mean(axis=1), rendered[:, RADIUS < 20]
    assert (bone >= brain.mean(axis=1)).mean() > 0.95
    assert (bone > brain.mean(axis=1) + 20).mean() > 0.5


def test_classes_of_a_batch_keep_to_themselves():
    images, depths, _ = of_one_class(ABDOMEN, RADIUS < 27, 101)
    one = render_ct(images, depths, tf.constant([ABDOMEN] * COUNT), Draws(0, COUNT)).numpy()
    labels = np.resize([ABDOMEN, CHEST, HEAD], COUNT)
    mixed = render_ct(images, depths, tf.constant(labels), Draws(0, COUNT)).numpy()
    np.testing.assert_allclose(mixed[labels == ABDOMEN], one[labels == ABDOMEN], atol=1e-3)
    assert np.abs(mixed - one)[labels != ABDOMEN].mean() > 5


def test_mri_is_black_outside_and_some_contrasts_are_inverted():
    rendered = mri()
    assert not rendered[:, RADIUS > 29].any()
    assert (rendered[:, RADIUS < 24].std(axis=1) > 1).all()
    light, dark = mri(grey=230)[:, RADIUS < 20], mri(grey=90)[:, RADIUS < 20]
    lighter = (light.mean(axis=1) > dark.mean(axis=1)).mean()
    assert 0.2 < lighter < 0.9  # fat is bright in some sequences, dark in others


def test_is_ct():
    assert is_ct(tf.range(6)).numpy().tolist() == [True, False, False, True, False, True]
    assert is_ct(tf.range(6, dtype=tf.int64)).numpy().sum() == 3


def test_a_side_view_is_a_breast_in_front_of_a_chest_wall():
    images, depths = (each.numpy() for each in draw_side_view(Draws(0, COUNT)))
    for each in (images, depths):
        assert each.shape == (COUNT, 64, 64, 1)
        assert each.dtype == np.float32
        assert np.isfinite(each).all()
    assert images.min() >= 0
    assert images.max() <= 255
    inside = (depths > 0)[..., 0]
    assert (inside.any(axis=(1, 2)) & ~inside.all(axis=(1, 2))).all()
    # The chest at the left, the nipple at the right.
    assert inside[:, :, 0].mean() > 0.9
    assert inside[:, :, -1].mean() < 0.2
    assert inside[:, :, :32].mean() > inside[:, :, 32:].mean() + 0.3
    assert images[:, :, :4].mean() < images[:, :, 32:36].mean() - 60  # muscle is darker than fat
    assert len(np.unique(inside.reshape(COUNT, -1), axis=0)) == COUNT
    again = draw_side_view(Draws(0, COUNT))[0]
    np.testing.assert_array_equal(images, again)
    check(render_mri(images, depths, Draws(1, COUNT)).numpy())


# -- blur ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).uniform(0, 255, (3, 64, 64, 1)).astype("float32")


def test_blur_is_gaussian_in_the_interior(noise):
    for sigma in (0.8, 1.6, 2.5):
        expected = ndimage.gaussian_filter(noise, (0, sigma, sigma, 0), truncate=8)
        blurred = blur(tf.constant(noise), sigma).numpy()
        inner = (slice(None), *[slice(16, -16)] * 2)
        np.testing.assert_allclose(blurred[inner], expected[inner], atol=0.05)


def test_blur_takes_a_sigma_for_each_picture(noise):
    sigmas = [0.0, 1.0, 2.0]
    blurred = blur(tf.constant(noise), tf.reshape(sigmas, (3, 1, 1, 1))).numpy()
    for picture, original, sigma in zip(blurred, noise, sigmas, strict=True):
        alone = blur(tf.constant(original[None]), sigma).numpy()[0]
        np.testing.assert_allclose(picture, alone, atol=1e-3)
    np.testing.assert_allclose(blurred[0], noise[0], atol=1e-3)  # none at all
    assert blurred[2].std() < blurred[1].std() < 0.5 * noise.std()


def test_blur_keeps_the_mean(noise):
    flat = blur(tf.fill((1, 64, 64, 1), 77.0), 3.0).numpy()
    np.testing.assert_allclose(flat, 77, atol=1e-2)  # up to the border
    for sigma in (0.5, 1.6):
        framed = np.pad(noise[:, 16:-16, 16:-16], ((0, 0), (16, 16), (16, 16), (0, 0)))
        blurred = blur(tf.constant(framed), sigma).numpy()
        np.testing.assert_allclose(
            blurred.mean(axis=(1, 2, 3)), framed.mean(axis=(1, 2, 3)), rtol=1e-4
        )
        # At the border weights are cut off: the mean of any picture still stays close.
        whole = blur(tf.constant(noise), sigma).numpy()
        np.testing.assert_allclose(
            whole.mean(axis=(1, 2, 3)), noise.mean(axis=(1, 2, 3)), rtol=0.01
        )
