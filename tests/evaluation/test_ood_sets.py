"""Foreign pictures are what they say, the same every time, and kept away from training."""

from __future__ import annotations

import socket
import sys

import numpy as np
import pytest

from medmnist_keras.evaluation import OOD_SETS, load_ood_sets

pytest.importorskip("skimage", reason="the foreign sets need scikit-image")


@pytest.fixture(scope="module")
def foreign():
    return load_ood_sets()


def test_every_set_tells_what_it_is_and_may_be_used_for():
    for foreign_set in OOD_SETS.values():
        assert all(foreign_set[:3])


def test_all_sets_in_order_with_at_least_a_hundred_pictures(foreign):
    pytest.importorskip("nilearn", reason="the brain MRI needs nilearn")
    assert list(foreign) == list(OOD_SETS)
    for images in foreign.values():
        assert images.shape == (len(images), 64, 64, 1)
        assert images.dtype == np.uint8
        assert len(images) >= 100


def test_only_blanks_are_blank_and_no_picture_comes_twice(foreign):
    for name, images in foreign.items():
        spread = images.std(axis=(1, 2, 3))
        assert (spread == 0).all() if name == "blank" else (spread > 5).all(), name
    everything = [image.tobytes() for images in foreign.values() for image in images]
    assert len(set(everything)) == len(everything)


def test_the_seed_decides(foreign):
    again, other = load_ood_sets(), load_ood_sets(seed=1)
    for name, images in foreign.items():
        np.testing.assert_array_equal(images, again[name])
        if name not in ("blank", "faces"):  # all there are
            assert (images != other[name]).any(), name


def test_needs_no_network(foreign, monkeypatch):
    def refuse(*_):
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert list(load_ood_sets()) == list(foreign)


def test_without_a_brain_the_rest_stays_the_same(foreign, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nilearn", None)
    rest = load_ood_sets()
    assert list(rest) == [name for name in OOD_SETS if name != "brain MRI"]
    assert "pip install nilearn" in capsys.readouterr().out
    np.testing.assert_array_equal(rest["noise"], foreign["noise"])


def test_without_scikit_image_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match="pip install scikit-image"):
        load_ood_sets()
