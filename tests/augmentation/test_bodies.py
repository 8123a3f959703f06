"""Bodies of hand-made pictures, whose outline and depth are known beforehand."""

import numpy as np
import pytest

from medmnist_keras import CLASS_NAMES
from medmnist_keras.augmentation import add_depth
from medmnist_keras.augmentation.depth import DEPTH_STEPS, DEPTH_ZERO
from medmnist_keras.data import draw_phantoms

ABDOMEN, BREAST, CXR, CHEST, HAND, HEAD = range(6)
ROWS, COLUMNS = np.mgrid[:64, :64]
RADIUS = np.hypot(ROWS - 31.5, COLUMNS - 31.5)
CORNERS = (0, 0, -1, -1), (0, -1, 0, -1)


def picture(shape, background=110, grey=200):
    return np.where(shape, grey, background).astype("uint8")


DISC, RING = picture(RADIUS < 20), picture((RADIUS < 20) & (RADIUS > 14))


def depths(image, label):
    """Depth in pixels of one picture `(64, 64)`."""
    both = add_depth(image[None, ..., None], np.array([label]))
    return (both[0, ..., 1].astype(float) - DEPTH_ZERO) / DEPTH_STEPS


def test_the_picture_stays_the_first_channel():
    images, labels = draw_phantoms(2)
    both = add_depth(images, labels)
    assert both.shape == (12, 64, 64, 2)
    assert both.dtype == np.uint8
    np.testing.assert_array_equal(both[..., :1], images)


@pytest.mark.parametrize("background", [0, 40, 110])
@pytest.mark.parametrize("label", [ABDOMEN, CHEST, HEAD])
def test_depth_is_the_distance_to_the_edge(label, background):
    depth = depths(picture(RADIUS < 20, background), label)
    true = np.clip(20 - RADIUS, -16, None)  # 8 bits hold no more than 16 pixels outside
    np.testing.assert_allclose(depth, true, atol=1)
    assert (depth[RADIUS < 19] > 0).all()
    assert (depth[RADIUS > 21] < 0).all()


@pytest.mark.parametrize("label", [ABDOMEN, CHEST])
def test_the_hull_of_a_trunk_fills_what_is_hollow_or_bent_inwards(label):
    np.testing.assert_allclose(depths(RING, label), depths(DISC, label), atol=0.5)
    horseshoe = np.where((COLUMNS > 31) & (np.abs(ROWS - 31.5) < 6), 110, RING)
    # The hull runs straight across the gap's mouth.
    assert depths(horseshoe.astype("uint8"), label)[31:33, 20:48].min() > 0
    assert (depths(horseshoe.astype("uint8"), label)[CORNERS] == -16).all()


def test_a_head_is_filled_but_not_its_hull():
    np.testing.assert_array_equal(depths(RING, HEAD), depths(DISC, HEAD))
    bites = np.where((RADIUS < 20) & (np.abs(COLUMNS - 31.5) < 6) & (ROWS < 32), 110, DISC)
    bites = bites.astype("uint8")
    assert depths(bites, HEAD)[16, 31] < 0 < depths(bites, ABDOMEN)[16, 31]


def test_a_breast_is_filled_downwards_to_the_last_row_of_the_body():
    depth = depths(RING, BREAST)
    below = (RADIUS > 22) & (ROWS > 31.5) & (np.abs(COLUMNS - 31.5) < 18) & (ROWS < 50)
    assert below.any()
    assert (depth[below] > 0).all()
    assert (depth[RADIUS < 19] > 0).all()  # the hollow too
    assert (depth[(RADIUS > 21) & (ROWS < 31)] < 0).all()  # above the skin is air
    assert (depth[54:] < 0).all()
    assert (depth[:, :10] < 0).all()
    assert depths(RING, HEAD)[48, 16] < 0  # no other class is


def test_two_breasts_are_one_body_with_the_chest_below():
    image = picture((np.hypot(ROWS - 20, np.abs(COLUMNS - 31.5) - 15) < 12) | (ROWS == 30), 3)
    image[30:58] = 3
    image[22:30, 5:60] = 200  # joins them; the chest below is as dark as air
    image[57, 5:60] = 200
    assert (depths(image, BREAST)[24:29, 10:54] > 0).all()
    assert (depths(image, BREAST)[10:20, 30:34] < 0).all()  # the cleft between them


def test_only_the_largest_region_counts():
    marked = DISC.copy()
    marked[2:6, 2:6] = 255
    for label in (ABDOMEN, BREAST, CHEST, HEAD):
        np.testing.assert_array_equal(depths(marked, label), depths(DISC, label))


def test_the_noise_of_compression_is_no_body():
    noise = np.random.default_rng(0).integers(-2, 3, (64, 64))
    for label in (ABDOMEN, CHEST, HEAD):
        noisy = (DISC + noise).astype("uint8")
        np.testing.assert_allclose(depths(noisy, label), depths(DISC, label), atol=1)


@pytest.mark.parametrize("label", [CXR, HAND])
def test_x_rays_have_no_body(label):
    for image in (DISC, RING):
        assert not add_depth(image[None, ..., None], np.array([label]))[..., 1].any()


@pytest.mark.parametrize("level", [0, 1, 110, 255])
@pytest.mark.parametrize("label", range(6), ids=CLASS_NAMES)
def test_blank_pictures_have_no_body(label, level):
    blank = np.full((2, 64, 64, 1), level, "uint8")
    assert not add_depth(blank, np.array([label] * 2))[..., 1].any()


def test_pictures_do_not_influence_each_other():
    full = np.random.default_rng(0).integers(0, 256, (64, 64)).astype("uint8")
    full[::8, ::8] = 0  # body from edge to edge
    images = np.stack([DISC, RING, full, np.full((64, 64), 110, "uint8")])[..., None]
    phantoms, _ = draw_phantoms(1)
    images = np.concatenate([images, phantoms])
    for label in range(6):
        alone = [add_depth(image[None], np.array([label]))[0] for image in images]
        for order in (np.arange(len(images)), np.arange(len(images))[::-1]):
            together = add_depth(images[order], np.full(len(images), label))
            np.testing.assert_array_equal(together, np.stack(alone)[order])
        pair = add_depth(images[[0, 2]], np.full(2, label))
        np.testing.assert_array_equal(pair, np.stack([alone[0], alone[2]]))


def test_classes_of_a_batch_do_not_influence_each_other():
    labels = np.array([HEAD, ABDOMEN, HAND, BREAST, CHEST, CXR])
    together = add_depth(np.stack([RING] * 6)[..., None], labels)
    for both, label in zip(together, labels, strict=True):
        np.testing.assert_array_equal(both, add_depth(RING[None, ..., None], np.array([label]))[0])


def test_many_pictures_are_the_same_as_few(monkeypatch):
    images, labels = draw_phantoms(5)
    whole = add_depth(images, labels)
    monkeypatch.setattr("medmnist_keras.augmentation.depth._CHUNK", 7)
    np.testing.assert_array_equal(add_depth(images, labels), whole)


def test_no_pictures():
    nothing = np.zeros((0, 64, 64, 1), "uint8")
    assert add_depth(nothing, np.zeros(0, "int64")).shape == (0, 64, 64, 2)


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 64, 64), "uint8"),
        np.zeros((2, 64, 64, 3), "uint8"),
        np.zeros((2, 64, 64, 1), "float32"),
    ],
)
def test_images_of_another_kind(images):
    with pytest.raises(ValueError, match=r"must be uint8 of shape \(N, height, width, 1\).*Recei"):
        add_depth(images, np.zeros(2, int))


@pytest.mark.parametrize("labels", [np.zeros(3, int), np.zeros((2, 1), int), 0])
def test_labels_that_do_not_fit(labels):
    with pytest.raises(ValueError, match="one class index a picture. Received: shape"):
        add_depth(np.zeros((2, 64, 64, 1), "uint8"), labels)
