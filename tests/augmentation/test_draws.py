"""Draws: a seed decides them, each picture and each call has its own, and noise is smooth."""

import numpy as np
import pytest
import tensorflow as tf

from medmnist_keras.augmentation.draws import Draws, X, Y

METHODS = {
    "uniform": lambda draws: draws.uniform(2, 5),
    "log_uniform": lambda draws: draws.log_uniform(0.5, 8),
    "sign": lambda draws: draws.sign(),
    "chance": lambda draws: draws.bernoulli(0.3),
    "labels": lambda draws: draws.labels(6),
    "order": lambda draws: draws.permutation(7),
    "grain": lambda draws: draws.white_noise(),
    "field": lambda draws: draws.smooth_noise(5),
}


@pytest.mark.parametrize("draw", METHODS.values(), ids=METHODS)
def test_the_seed_decides_and_each_call_draws_anew(draw):
    one, same, other = Draws(3, 50), Draws(3, 50), Draws(4, 50)
    first, second = draw(one).numpy(), draw(one).numpy()
    np.testing.assert_allclose(first, draw(same), atol=1e-5)
    np.testing.assert_allclose(second, draw(same), atol=1e-5)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, draw(other))


def test_same_draws_within_a_graph():
    def draw(seed, count):
        draws = Draws(seed, count)
        return draws.uniform(), draws.fork(count).uniform(), draws.permutation(5)

    traced = tf.function(draw)(tf.constant(7, tf.int64), tf.constant(9))
    for inside, outside in zip(traced, draw(7, 9), strict=True):
        np.testing.assert_allclose(inside, outside, atol=1e-5)


def test_a_fork_is_independent_of_what_it_came_from():
    draws = Draws(0, 1000)
    before = draws.uniform()
    part = draws.fork(1000)
    streams = [before, part.uniform(), draws.uniform(), part.uniform(), draws.uniform()]
    apart = np.corrcoef([stream.numpy().ravel() for stream in streams]) - np.eye(len(streams))
    assert np.abs(apart).max() < 0.15


def test_forks_are_independent_of_one_another():
    draws = Draws(0, 1000)
    first = draws.fork(1000)
    inner = first.fork(1000)
    second = draws.fork(1000)
    streams = [part.uniform().numpy().ravel() for part in (first, inner, second)]
    assert np.abs(np.corrcoef(streams) - np.eye(3)).max() < 0.15


def test_a_fork_has_its_own_count_and_repeats():
    part, again = Draws(0, 8).fork(3), Draws(0, 8).fork(3)
    drawn = part.uniform().numpy()
    assert drawn.shape == (3, 1, 1, 1)
    np.testing.assert_array_equal(drawn, again.uniform())


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-0.35, 0.35), (100, 280)])
def test_uniform_fills_its_range(low, high):
    values = Draws(0, 4000).uniform(low, high).numpy()
    assert values.shape == (4000, 1, 1, 1)
    assert values.dtype == np.float32
    assert low <= values.min()
    assert values.max() <= high
    shares = np.histogram(values, bins=4, range=(low, high))[0] / len(values)
    np.testing.assert_allclose(shares, 0.25, atol=0.04)


def test_log_uniform_is_as_often_in_each_octave():
    values = Draws(0, 4000).log_uniform(0.5, 8).numpy()
    assert values.shape == (4000, 1, 1, 1)
    shares = np.histogram(values, bins=[0.499, 1, 2, 4, 8.001])[0] / len(values)
    np.testing.assert_allclose(shares, 0.25, atol=0.04)


def test_signs_chances_and_labels_are_as_likely_as_they_should_be():
    draws = Draws(0, 4000)
    signs, chances, labels = (
        each.numpy() for each in (draws.sign(), draws.bernoulli(0.3), draws.labels(6))
    )
    assert signs.shape == chances.shape == (4000, 1, 1, 1)
    assert set(signs.ravel()) == {-1, 1}
    assert abs(signs.mean()) < 0.06
    assert set(chances.ravel()) == {0, 1}
    assert chances.mean() == pytest.approx(0.3, abs=0.03)
    assert labels.shape == (4000,)
    assert labels.dtype == np.int64
    np.testing.assert_allclose(np.bincount(labels, minlength=6) / 4000, 1 / 6, atol=0.03)


def test_chances_that_are_none():
    draws = Draws(0, 500)
    assert not draws.bernoulli(0).numpy().any()
    assert draws.bernoulli(1).numpy().all()


def test_order_gives_each_picture_a_permutation_of_its_own():
    orders = Draws(0, 600).permutation(4).numpy()
    assert orders.shape == (600, 4)
    assert orders.dtype == np.int32
    np.testing.assert_array_equal(np.sort(orders), np.tile(np.arange(4), (600, 1)))
    assert len(np.unique(orders, axis=0)) == 24  # every permutation comes up
    np.testing.assert_allclose(np.bincount(orders[:, 0]) / 600, 0.25, atol=0.08)


def test_grain_is_white():
    grain = Draws(0, 20).white_noise().numpy()[..., 0]
    assert grain.shape == (20, 64, 64)
    assert grain.mean() == pytest.approx(0, abs=0.02)
    assert grain.std() == pytest.approx(1, abs=0.02)
    assert neighbours(grain) == pytest.approx(0, abs=0.03)


@pytest.mark.parametrize("cells", [1, 2, 3, 5, 9, 24])
def test_a_field_is_smooth_with_about_unit_deviation(cells):
    fields = Draws(0, 500).smooth_noise(cells).numpy()
    assert fields.shape == (500, 64, 64, 1)
    assert fields.dtype == np.float32
    assert fields.mean() == pytest.approx(0, abs=0.15)
    assert 0.75 < fields.std() < 1.15
    assert neighbours(fields[..., 0]) > 0.75
    assert abs(np.corrcoef(fields[:250].ravel(), fields[250:].ravel())[0, 1]) < 0.15


def test_more_cells_make_more_hills():
    fields = [Draws(0, 50).smooth_noise(cells).numpy()[..., 0] for cells in (1, 3, 9, 24)]
    slopes = [np.abs(np.diff(field, axis=1)).mean() for field in fields]
    assert slopes[0] == pytest.approx(0, abs=1e-6)  # one cell is flat
    assert slopes == sorted(slopes)
    assert slopes[3] > 5 * slopes[1]


def test_a_field_has_no_direction():
    fields = Draws(0, 400).smooth_noise(6).numpy()[..., 0]
    across, down = (np.abs(np.diff(fields, axis=axis)).mean() for axis in (1, 2))
    assert across == pytest.approx(down, rel=0.1)


def test_the_frame_spans_from_minus_one_to_one():
    assert X.shape == (1, 1, 64, 1)
    assert Y.shape == (1, 64, 1, 1)
    for axis in (X.ravel(), Y.ravel()):
        np.testing.assert_allclose(axis, -axis[::-1], atol=1e-6)
        np.testing.assert_allclose(np.diff(axis), 2 / 64, atol=1e-6)
        assert axis[0] == pytest.approx(1 / 64 - 1)


def neighbours(pictures):
    """Correlation of pixels with the next one of their row."""
    return np.corrcoef(pictures[:, :, 1:].ravel(), pictures[:, :, :-1].ravel())[0, 1]
