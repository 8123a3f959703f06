"""Drawn body parts: repeatable, of many kinds, and none of them blank."""

import numpy as np
import pytest

from medmnist_keras.augmentation import draw_body_parts
from medmnist_keras.augmentation.body_parts import _CHUNK, PENS
from medmnist_keras.data import draw_phantoms

COUNT = len(PENS) * _CHUNK  # one chunk for each pen


@pytest.fixture(scope="module")
def drawn():
    return draw_body_parts(COUNT)


def test_they_are_uint8_pictures_none_of_them_blank(drawn):
    assert drawn.shape == (COUNT, 64, 64, 1)
    assert drawn.dtype == np.uint8
    assert drawn.std(axis=(1, 2, 3)).min() > 3
    assert np.ptp(drawn, axis=(1, 2, 3)).min() > 20


def test_the_seed_decides(drawn):
    np.testing.assert_array_equal(draw_body_parts(100), drawn[:100])
    other = draw_body_parts(100, seed=1)
    assert (other != drawn[:100]).any(axis=(1, 2, 3)).all()


@pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 70])
def test_the_first_ones_are_the_same_however_many_are_drawn(count, drawn):
    few = draw_body_parts(count)
    assert few.shape == (count, 64, 64, 1)
    np.testing.assert_array_equal(few, drawn[:count])


def test_no_picture_comes_twice(drawn):
    assert len(np.unique(drawn.reshape(COUNT, -1), axis=0)) == COUNT
    second = draw_body_parts(COUNT + _CHUNK)[COUNT:]  # by the first pen again
    assert (second != drawn[:_CHUNK]).any(axis=(1, 2, 3)).all()


def test_all_kinds_differ(drawn):
    first = [PENS.index(drawer) for drawer in dict.fromkeys(PENS)]  # some come twice
    assert len(first) >= 20
    kinds = drawn.reshape(len(PENS), -1, 64, 64)[first].astype(float).mean(axis=1)
    apart = np.abs(kinds[:, None] - kinds).mean(axis=(2, 3))
    assert apart[~np.eye(len(kinds), dtype=bool)].min() > 3


def test_each_kind_is_drawn_in_many_ways(drawn):
    kinds = drawn.reshape(len(PENS), -1, 64, 64).astype(float)
    assert kinds.std(axis=1).mean(axis=(1, 2)).min() > 10


def test_none_is_a_phantom_of_the_six_kinds(drawn):
    phantoms = {image.tobytes() for image in draw_phantoms(50)[0]}
    assert not phantoms & {image.tobytes() for image in drawn}
