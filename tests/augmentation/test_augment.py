"""The robust layers: repeatable, anew in each epoch, each doing its own and no more.

`augment()`, the plain one, is tested in test_data.py.
"""

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy import fft

from medmnist_keras import CLASS_NAMES, augment, augment_robust, make_dataset
from medmnist_keras.augmentation import (
    ROBUST_LAYERS,
    add_depth,
    add_phantoms,
    add_renderings,
    draw_body_parts,
    guess_hounsfield,
    layers as layers_module,
    outliers as outliers_module,
    pipelines,
    render_outliers,
    render_shift,
)
from medmnist_keras.augmentation.draws import Draws, affine
from medmnist_keras.augmentation.layers import _jpeg, render_batch
from medmnist_keras.augmentation.outliers import draw_far_outliers, draw_near_outliers
from medmnist_keras.augmentation.rendering import render_ct
from medmnist_keras.data import draw_phantoms

BREAST = CLASS_NAMES.index("BreastMRI")
CT = [CLASS_NAMES.index(name) for name in ("AbdomenCT", "ChestCT", "HeadCT")]
OUTLIERS = ["outliers", "near outliers"]
ALL_BUT_OUTLIERS = [name for name in ROBUST_LAYERS if name not in OUTLIERS]
# Of as many pictures of each class.
KEPT = (5 * layers_module._UNTOUCHED + layers_module._UNTOUCHED_MRI) / 6
OUTLYING = layers_module._OUTLIERS
WHITE = np.full((7, 64, 64, 1), 255, "uint8")


@pytest.fixture(scope="module", autouse=True)
def few_body_parts():
    """An eighth of them, which is still some of each kind, for drawing them takes seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pipelines, "_BODY_PARTS", 832)
        yield


@pytest.fixture(scope="module")
def phantoms():
    return draw_phantoms(20, seed=5)


@pytest.fixture(scope="module")
def bodies(phantoms):
    return add_depth(*phantoms)


def epochs(both, labels, count=1, *, batch_size=40, shuffle_seed=None, **arguments):
    """Pictures and labels of so many epochs, whole ones; in order but with a shuffle seed."""
    keras.utils.set_random_seed(0)  # tf.data's draws follow it too, and other tests have set it
    train_ds = make_dataset(both, labels, batch_size=batch_size, shuffle_seed=shuffle_seed)
    train_ds = augment_robust(train_ds, **arguments)
    made = [[(x.numpy(), y.numpy()) for x, y in train_ds] for _ in range(count)]
    return [[np.concatenate(part) for part in zip(*epoch, strict=True)] for epoch in made]


def changed(images, originals):
    """Which pictures are not as they were, but for rounding."""
    return np.abs(np.subtract(images, originals, dtype=float)).mean(axis=(1, 2, 3)) > 0.01


def assert_equal(first, second):
    """Two batches are the same, but for rounding: its last bit depends on where memory lies."""
    (images, labels), (others, other_labels) = first, second
    assert not changed(images, others).any()
    np.testing.assert_array_equal(labels, other_labels)


# -- all layers at once --------------------------------------------------------------------------


@pytest.fixture(scope="module")
def repeated():
    """One picture a class, with its depths, a thousand times over: for counting shares."""
    images, labels = draw_phantoms(1)
    return np.tile(images, (170, 1, 1, 1)), np.tile(labels, 170)


@pytest.fixture(scope="module")
def two_epochs(repeated):
    return epochs(add_depth(*repeated), repeated[1], 2, batch_size=60)


def test_batches_are_float_grey_levels_of_a_static_shape(bodies, phantoms, two_epochs):
    train_ds = make_dataset(bodies, phantoms[1], batch_size=32, shuffle_seed=0)
    train_ds = augment_robust(train_ds, robust_layers=["tone"])
    images, labels = train_ds.element_spec
    assert images.shape == (32, 64, 64, 1)
    assert images.dtype == tf.float32
    assert labels.shape == (32,)
    assert labels.dtype == tf.int64
    assert int(train_ds.cardinality()) == 3
    for drawn, classes in two_epochs:
        assert drawn.dtype == np.float32
        assert np.isfinite(drawn).all()
        assert drawn.min() == 0
        assert 250 < drawn.max() <= 255
        assert set(classes) == set(range(6))


def test_some_of_the_pictures_stay_as_they_are(repeated, two_epochs):
    shares = [1 - changed(images, repeated[0]).mean() for images, _ in two_epochs]
    np.testing.assert_allclose(shares, KEPT * (1 - OUTLYING), atol=0.05)


def test_no_two_pieces_of_many_pictures_are_rendered_alike():
    images, labels = np.repeat(draw_phantoms(1)[0][3:4], 512, axis=0), np.full(512, 3)
    rendered = render_shift(images, labels, robust_layers=["degradation", "tone"], seed=0)
    assert (rendered[:256] != rendered[256:]).any(axis=(1, 2, 3)).mean() > 0.9


def test_shifted_pictures_repeat_their_edge():
    """Black borders would mark each class whose background is grey."""
    images, labels = np.full((32, 64, 64, 1), 120, "uint8"), np.zeros(32, "int64")
    ((changed, _),) = augment(make_dataset(images, labels, batch_size=32, shuffle_seed=0))
    np.testing.assert_allclose(changed, 120, atol=0.5)


@pytest.mark.parametrize("quarters", [0, 1])
@pytest.mark.parametrize("mirror", [1.0, -1.0])
def test_a_mirrored_picture_is_the_other_way_round_however_it_is_turned(quarters, mirror):
    picture = draw_phantoms(1)[0][4:5].astype("float32")
    angle, one = (np.full((1, 1, 1, 1), value, "float32") for value in (quarters * np.pi / 2, 1))
    changed = affine(
        tf.constant(picture),
        tf.constant(angle),
        one,
        one,
        x=0 * one,
        y=0 * one,
        mirror=mirror * one,
    )
    turned = np.rot90(picture, quarters, axes=(1, 2))
    expected = [turned, turned[:, :, ::-1], turned[:, ::-1]]
    misses = [np.abs(np.asarray(changed) - each).max() for each in expected]
    assert (misses[0] < 1) == (mirror > 0)
    assert min(misses[1:]) < 1 or mirror > 0


def test_rendered_levels_are_rounded_not_cut():
    images, labels = draw_phantoms(2)
    batch = tf.constant(add_depth(images, labels))
    exact = render_batch(batch, tf.constant(labels), tf.constant(0, tf.int64), ["tone"])
    assert (np.asarray(exact) % 1 > 0.5).mean() > 0.2
    rendered = render_shift(images, labels, robust_layers=["tone"], seed=0)
    real = layers_module.render_batch

    def half_up(*arguments):
        return tf.round(real(*arguments)) - 0.4

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layers_module, "render_batch", half_up)
        np.testing.assert_array_equal(
            render_shift(images, labels, robust_layers=["tone"], seed=0), rendered
        )


def test_labels_of_outliers_are_drawn_by_lot(repeated, two_epochs):
    images, truth = repeated
    for drawn, labels in two_epochs:
        other = labels != truth
        assert other.mean() == pytest.approx(OUTLYING * 5 / 6, abs=0.035)  # a sixth hits the truth
        assert set(labels[other]) == set(range(6))
        assert changed(drawn, images)[other].all()  # a picture left alone keeps its label
    assert not np.array_equal(two_epochs[0][1], two_epochs[1][1])


def test_each_epoch_shows_other_pictures(repeated, two_epochs):
    first, second = (images for images, _ in two_epochs)
    # But for those that stay as they are in both epochs.
    kept = KEPT * (1 - OUTLYING)
    assert changed(first, second).mean() == pytest.approx(1 - kept**2, abs=0.05)


def test_no_picture_is_changed_as_another(repeated, two_epochs):
    images, _ = two_epochs[0]
    images = images[changed(images, repeated[0])]
    whole = images[images.std(axis=(1, 2, 3)) > 1]  # a blank is like any other
    assert len(whole) > 0.55 * len(repeated[0])
    assert len(np.unique(whole.reshape(len(whole), -1), axis=0)) > 0.99 * len(whole)


def test_the_seed_decides(bodies, phantoms):
    def made(count=1, **arguments):
        return epochs(bodies, phantoms[1], count, batch_size=10, shuffle_seed=0, **arguments)

    for one, other in zip(made(2), made(2), strict=True):  # in a parallel map
        assert_equal(one, other)
    layers = ["tone", "marks"]
    (first, _), (other, _) = (made(robust_layers=layers, seed=seed)[0] for seed in (0, 1))
    assert changed(first, other).mean() > 0.8


# -- each layer by itself ------------------------------------------------------------------------


def test_without_layers_nothing_changes(bodies, phantoms):
    assert_equal(epochs(bodies, phantoms[1], robust_layers=[])[0], phantoms)
    np.testing.assert_array_equal(render_shift(*phantoms, robust_layers=[]), phantoms[0])


@pytest.mark.parametrize("layer", ROBUST_LAYERS)
def test_each_layer_changes_what_it_is_for(layer, bodies, phantoms):
    # Four epochs, for there are few pictures that some layers are for.
    images, truth = np.tile(phantoms[0], (4, 1, 1, 1)), np.tile(phantoms[1], 4)
    shown = epochs(bodies, phantoms[1], 4, robust_layers=[layer])
    drawn, labels = (np.concatenate(part) for part in zip(*shown, strict=True))
    touched = changed(drawn, images)
    concerned = {"CT": CT, "MRI": [BREAST], "one breast": [BREAST]}.get(layer, range(6))
    within = np.isin(truth, concerned)
    least = {"marks": 0.1, "one breast": 0.1, **dict.fromkeys(OUTLIERS, 0.1)}.get(layer, 0.3)
    assert touched[within].mean() > least
    assert not touched[~within].any()
    if layer in OUTLIERS:
        assert touched.mean() == pytest.approx(OUTLYING, abs=0.07)
        assert touched[labels != truth].all()
        assert (labels != truth).any()
    else:
        np.testing.assert_array_equal(labels, truth)


def test_labels_are_intact_without_outliers(bodies, phantoms):
    drawn, labels = epochs(bodies, phantoms[1], robust_layers=ALL_BUT_OUTLIERS)[0]
    np.testing.assert_array_equal(labels, phantoms[1])
    assert changed(drawn, phantoms[0]).mean() > 0.5


@pytest.mark.parametrize(
    ("robust_layers", "near"),
    [
        (["outliers"], 0),
        (["near outliers"], 1),
        (OUTLIERS, layers_module._NEAR),
        (["tone"], None),
        ([], None),
    ],
)
def test_outliers_are_of_the_kinds_that_were_asked_for(robust_layers, near, repeated, monkeypatch):
    """Here those near the classes are white, the others black."""

    def white(images, depths, labels, body_parts, draws):
        return tf.fill(tf.shape(images), 255.0)

    monkeypatch.setattr(layers_module, "draw_near_outliers", white)
    monkeypatch.setattr(layers_module, "draw_far_outliers", lambda images, _: 0 * images)
    for change in ("_tone", "_mark", "_degrade"):
        monkeypatch.setattr(layers_module, change, lambda images, _: images)
    images, labels = epochs(
        add_depth(*repeated), repeated[1], batch_size=60, robust_layers=robust_layers
    )[0]
    levels = images[images.std(axis=(1, 2, 3)) == 0].mean(axis=(1, 2, 3))
    if near is None:
        assert not len(levels)
        np.testing.assert_array_equal(labels, repeated[1])
    else:
        assert len(levels) / len(images) == pytest.approx(OUTLYING, abs=0.05)
        assert (levels == 255).mean() == pytest.approx(near, abs=0.1)


def test_what_has_no_body_is_not_rendered_anew(phantoms):
    images, labels = phantoms
    anew = ["CT", "MRI", "one breast"]
    without = np.concatenate([images, np.zeros_like(images)], axis=-1)
    assert_equal(epochs(without, labels, robust_layers=anew)[0], phantoms)
    blank = np.full_like(images, 90)
    np.testing.assert_array_equal(render_shift(blank, labels, robust_layers=anew), blank)
    assert changed(epochs(without, labels, robust_layers=["geometry"])[0][0], images).any()


def test_geometry_keeps_the_greys_and_tone_the_places():
    _, labels = draw_phantoms(20)
    dot = np.zeros((120, 64, 64, 1), "uint8")
    dot[:, 28:36, 28:36] = 200
    moved = render_shift(dot, labels, robust_layers=["geometry"])
    assert moved.max() == 200
    assert len(np.unique(moved.argmax(axis=1).argmax(axis=1))) > 5  # the dot is elsewhere
    masses = moved.sum(axis=(1, 2, 3)) / dot[0].sum()
    assert 0.4 < masses.min() < 0.75  # smaller, by at most about a half of its area
    assert 1.4 < masses.max() < 2.5
    toned = render_shift(dot, labels, robust_layers=["tone"])
    corner, centre = (toned[:, part, part, 0].astype(int) for part in (0, 32))
    assert (centre > corner).mean() > 0.85
    assert (centre < corner).any()  # a negative
    assert np.ptp(corner) > 60  # raised backgrounds


def test_the_changes_of_a_mirrored_picture_go_both_ways():
    left = np.zeros((200, 64, 64, 1), "uint8")
    left[:, 24:40, 4:20] = 255
    moved = render_shift(left, np.zeros(200, int), robust_layers=["geometry"]).astype(float)
    middle = (moved * np.arange(64)[:, None]).sum(axis=(1, 2, 3)) / moved.sum(axis=(1, 2, 3))
    assert (middle > 32).mean() == pytest.approx(0.5, abs=0.12)


# -- errors --------------------------------------------------------------------------------------


def test_unknown_layers_are_told(bodies, phantoms):
    train_ds = make_dataset(bodies, phantoms[1])
    with pytest.raises(ValueError, match=r"must be among \['geometry'.*Received: \['CTs', 'x'\]"):
        augment_robust(train_ds, robust_layers=["x", "CT", "CTs"])


def test_pictures_without_depths_are_told(phantoms):
    with pytest.raises(ValueError, match=r"\(None, 64, 64, 1\); make it of `add_depth"):
        augment_robust(make_dataset(*phantoms))


# -- render_shift ----------------------------------------------------------------------------


def test_pictures_from_elsewhere_come_in_order(phantoms):
    images, labels = phantoms
    rendered = render_shift(images, labels)
    assert rendered.shape == images.shape
    assert rendered.dtype == np.uint8
    assert changed(rendered, images).mean() > 0.95  # nothing is left as it is
    # A bright disc in one of three corners is where it was, however it looks.
    places = np.arange(300) % 3
    dots = np.zeros((300, 64, 64, 1), "uint8")
    for index, place in enumerate(places):
        dots[index, 5 + 22 * place : 15 + 22 * place, 27:37] = 255
    # More than one batch, in a layer that leaves it in its place.
    rows = render_shift(dots, np.zeros(300, int), robust_layers=["degradation"])
    found = rows[..., 0].astype(int).sum(axis=2).argmax(axis=1) // 22
    np.testing.assert_array_equal(found, places)


def test_pictures_from_elsewhere_depend_on_the_seed_alone(phantoms):
    first = render_shift(*phantoms, seed=3)
    assert not changed(first, render_shift(*phantoms, seed=3)).any()
    assert changed(first, render_shift(*phantoms, seed=4)).mean() > 0.95
    without_outliers = render_shift(*phantoms, seed=3, robust_layers=ALL_BUT_OUTLIERS)
    assert not changed(first, without_outliers).any()


def test_pictures_that_do_not_fit_are_told(phantoms):
    images, labels = phantoms
    with pytest.raises(ValueError, match="must be uint8"):
        render_shift(images.astype("float32"), labels)
    with pytest.raises(ValueError, match="one class index a picture"):
        render_shift(images, labels[:-1])


def test_renderings_come_after_the_pictures_as_they_are(phantoms):
    images, labels = add_renderings(*phantoms, seed=3)
    np.testing.assert_array_equal(images[:120], phantoms[0])
    assert not changed(images[120:], render_shift(*phantoms, seed=3)).any()
    np.testing.assert_array_equal(labels, np.tile(phantoms[1], 2))


# -- render_outliers -----------------------------------------------------------------------------


def test_outliers_are_pictures_of_the_same_form_that_the_seed_decides(phantoms):
    first = render_outliers(*phantoms, seed=3)
    assert first.shape == phantoms[0].shape
    assert first.dtype == np.uint8
    assert not changed(first, render_outliers(*phantoms, seed=3)).any()
    assert changed(first, render_outliers(*phantoms, seed=4)).mean() > 0.95


def test_outliers_are_neither_the_pictures_nor_their_renderings(phantoms):
    outliers = render_outliers(*phantoms, seed=3)
    assert changed(outliers, phantoms[0]).all()
    assert changed(outliers, render_shift(*phantoms, seed=3)).all()


def test_outliers_to_calibrate_on_are_not_those_of_a_training_of_that_seed(phantoms, monkeypatch):
    seeds = []

    def draw(count, *, seed):
        seeds.append(seed)
        return draw_body_parts(count, seed=seed)

    monkeypatch.setattr(pipelines, "draw_body_parts", draw)
    monkeypatch.setattr(layers_module, "outlier_batch", lambda both, *_: both[..., :1])
    monkeypatch.setattr(layers_module, "change_batch", lambda images, labels, *_: (images, labels))
    augment_robust(make_dataset(add_depth(*phantoms), phantoms[1]), seed=3)
    render_outliers(*phantoms, seed=3)
    assert len(set(seeds)) == len(seeds) == 2


def test_no_pictures_give_no_outliers(phantoms):
    images, labels = phantoms
    assert render_outliers(images[:0], labels[:0]).shape == (0, 64, 64, 1)


def test_pictures_to_make_outliers_of_that_do_not_fit_are_told(phantoms):
    with pytest.raises(ValueError, match="must be uint8"):
        render_outliers(phantoms[0].astype("float32"), phantoms[1])


# -- phantoms and outliers -----------------------------------------------------------------------


@pytest.mark.parametrize("count", [30, 118, 120])
def test_a_sixth_are_phantoms_without_depths(count, bodies, phantoms):
    both, labels = add_phantoms(bodies[:count], phantoms[1][:count], seed=9)
    np.testing.assert_array_equal(both[:count], bodies[:count])
    np.testing.assert_array_equal(labels[:count], phantoms[1][:count])
    added = len(labels) - count
    assert count / 5 <= added < count / 5 + 6  # as many of each class
    assert both.dtype == np.uint8
    assert labels.dtype == np.int64
    assert not both[count:, ..., 1].any()
    expected, classes = draw_phantoms(added // 6, seed=9)
    np.testing.assert_array_equal(both[count:, ..., :1], expected)
    np.testing.assert_array_equal(labels[count:], classes)


def test_far_outliers_are_of_many_kinds(phantoms):
    images = tf.constant(np.resize(phantoms[0], (300, 64, 64, 1)), tf.float32)
    drawn = draw_far_outliers(images, Draws(0, 300)).numpy()
    assert drawn.shape == (300, 64, 64, 1)
    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()
    assert drawn.min() >= 0
    assert drawn.max() <= 255
    assert not changed(drawn, draw_far_outliers(images, Draws(0, 300)).numpy()).any()
    assert changed(drawn, draw_far_outliers(images, Draws(1, 300)).numpy()).mean() > 0.95
    assert changed(drawn, images.numpy()).mean() > 0.98
    # Blanks are a tenth: no step from one pixel to the next is large.
    steps = np.abs(np.diff(drawn, axis=2)).max(axis=(1, 2, 3))
    assert (steps < 3).mean() == pytest.approx(0.1, abs=0.06)
    # Jigsaws are a quarter: the greys of the picture that was given, in other places.
    greys, before = (np.sort(each.reshape(300, -1)) for each in (drawn, images.numpy()))
    jigsaws = (np.abs(greys - before) < 0.01).all(axis=1)
    assert jigsaws.mean() == pytest.approx(0.25, abs=0.09)


def near_outliers(images, labels, body_parts, seed=0):
    depths = tf.constant((add_depth(images, labels)[..., 1:] - 64.0) / 4, tf.float32)
    arguments = tf.constant(images, tf.float32), depths, tf.constant(labels), body_parts
    return draw_near_outliers(*arguments, Draws(seed, len(images))).numpy()


def test_near_outliers_are_other_body_parts_parts_of_pictures_and_ct_as_mri(phantoms):
    images, labels = (np.concatenate([part] * 3) for part in phantoms)
    drawn = near_outliers(images, labels, WHITE)
    assert drawn.shape == (360, 64, 64, 1)
    assert drawn.dtype == np.float32
    assert np.isfinite(drawn).all()
    assert drawn.min() >= 0
    assert drawn.max() <= 255.001
    assert not changed(drawn, near_outliers(images, labels, WHITE)).any()
    assert changed(drawn, near_outliers(images, labels, WHITE, seed=1)).mean() > 0.9
    assert changed(drawn, images).mean() > 0.98
    # White where it isn't of the pictures that were given, but for the frame of one turned.
    parts = ((drawn > 254) | (drawn < 1)).mean(axis=(1, 2, 3)) > 0.95
    shares = [parts[labels == label].mean() for label in range(6)]
    assert all(0.1 < share < 0.95 for share in shares)
    # Of CT a third more is shown as MRI.
    assert np.mean([shares[label] for label in CT]) < shares[BREAST] - 0.15


@pytest.mark.parametrize("classes", [2, 6])
def test_parts_that_are_joined_are_of_two_classes(classes, monkeypatch):
    pairs = []

    def record(drawn, a, b, _):
        pairs.append(np.stack([a[:, 0, 0, 0], b[:, 0, 0, 0]], axis=1))
        return drawn

    monkeypatch.setattr(outliers_module, "_join", record)
    generator = np.random.default_rng(classes)
    for seed in range(30):
        labels = generator.integers(classes, size=16)
        images = tf.constant(np.tile(labels[:, None, None, None], (1, 64, 64, 1)), tf.float32)
        draw_near_outliers(images, 0 * images, tf.constant(labels), WHITE, Draws(seed, 16))
    a, b = np.concatenate(pairs).T
    assert len(a) == pytest.approx(30 * 16 / 5, abs=30)
    assert (a != b).all()
    # Each class with each other one.
    assert len({*zip(a, b, strict=True)}) == classes * (classes - 1)


def test_one_class_alone_is_not_joined(phantoms, monkeypatch):
    def record(drawn, a, *_):
        assert len(a) == 0
        return drawn

    monkeypatch.setattr(outliers_module, "_join", record)
    images, labels = (part[phantoms[1] == BREAST] for part in phantoms)
    assert near_outliers(images, labels, WHITE).shape == images.shape
    assert near_outliers(images[:0], labels[:0], WHITE).shape == (0, 64, 64, 1)


class Coarse:
    """Draws that are all the same: how coarse the rounding is."""

    def __init__(self, factor):
        self.factor = factor

    def log_uniform(self, *_):
        return tf.constant(self.factor)[None, None, None, None]


def waves(images):
    """The cosine transform of 8x8 blocks."""
    blocks = images.reshape(-1, 8, 8, 8, 8).transpose(0, 1, 3, 2, 4)
    return fft.dctn(blocks, axes=(-2, -1), norm="ortho")


@pytest.mark.parametrize("factor", [0.5, 2.0, 8.0])
def test_jpeg_rounds_waves_as_jpeg_does(factor, phantoms):
    images = phantoms[0].astype("float32") / 255
    rounded = _jpeg(tf.constant(images), Coarse(factor)).numpy()
    assert rounded.shape == images.shape
    steps = factor * (1 + np.arange(8) + np.arange(8)[:, None]) / 255
    multiples = waves(rounded) / steps
    np.testing.assert_allclose(multiples, multiples.round(), atol=0.02)
    # Each to the nearest.
    assert (np.abs(waves(rounded) - waves(images)) <= 0.51 * steps + 1e-4).all()
    assert len(np.unique(multiples.round())) < len(np.unique(waves(images).round(5)))


def test_jpeg_changes_little_at_fine_quality_and_more_at_coarse(phantoms):
    images = phantoms[0].astype("float32") / 255
    errors = [
        255 * np.abs(_jpeg(tf.constant(images), Coarse(factor)).numpy() - images).mean()
        for factor in (0.01, 0.5, 2.0, 8.0)
    ]
    assert errors == sorted(errors)
    assert errors[0] < 0.05
    assert errors[1] < 1.5
    assert errors[3] > 2


def test_guessed_hounsfield_units_are_what_is_rendered_and_follow_the_seed():
    images, labels = draw_phantoms({"AbdomenCT": 4, "ChestCT": 4, "HeadCT": 4})
    units = guess_hounsfield(images, labels, seed=1)
    assert units.shape == images.shape
    assert units.dtype == np.float32
    assert units.min() >= -1100
    assert 100 < units.max() < 3000
    np.testing.assert_array_equal(units, guess_hounsfield(images, labels, seed=1))
    assert not np.array_equal(units, guess_hounsfield(images, labels, seed=2))
    both = tf.constant(add_depth(images, labels))
    greys, depths = tf.cast(both[..., :1], tf.float32), layers_module._depths(both)
    rendered = render_ct(greys, depths, tf.constant(labels), Draws(1, len(labels))).numpy()
    # A window only ever makes what is denser as bright or brighter.
    order = units.reshape(12, -1).argsort(axis=1)
    assert (np.diff(np.take_along_axis(rendered.reshape(12, -1), order, axis=1)) >= 0).all()


def test_only_ct_has_hounsfield_units():
    images, labels = draw_phantoms({"CXR": 1, "ChestCT": 1})
    with pytest.raises(ValueError, match="only CT has Hounsfield units. Received: CXR"):
        guess_hounsfield(images, labels)
