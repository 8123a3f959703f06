"""Out-of-distribution sets are what they say, and the same every time."""

from __future__ import annotations

import socket
import sys

import numpy as np
import pytest

from medmnist_keras.evaluation import OOD_SETS, load_ood_sets

pytest.importorskip("skimage", reason="the out-of-distribution sets need scikit-image")


@pytest.fixture(scope="module")
def outside():
    return load_ood_sets()


def test_every_set_tells_what_it_is_and_may_be_used_for():
    for ood_set in OOD_SETS.values():
        assert all(ood_set[:3])


def test_all_sets_in_order_with_at_least_a_hundred_pictures(outside):
    pytest.importorskip("nilearn", reason="the brain MRI needs nilearn")
    assert list(outside) == list(OOD_SETS)
    for images in outside.values():
        assert images.shape == (len(images), 64, 64, 1)
        assert images.dtype == np.uint8
        assert len(images) >= 100


def test_only_blanks_are_blank_and_no_picture_comes_twice(outside):
    for name, images in outside.items():
        spread = images.std(axis=(1, 2, 3))
        assert (spread == 0).all() if name == "blank" else (spread > 5).all(), name
    everything = [image.tobytes() for images in outside.values() for image in images]
    assert len(set(everything)) == len(everything)


def test_the_seed_decides(outside):
    again, other = load_ood_sets(), load_ood_sets(seed=1)
    for name, images in outside.items():
        np.testing.assert_array_equal(images, again[name])
        if name not in ("blank", "faces"):  # all there are
            assert (images != other[name]).any(), name


def test_needs_no_network(outside, monkeypatch):
    def refuse(*_):
        raise OSError("no network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    assert list(load_ood_sets()) == list(outside)


def test_without_a_brain_the_rest_stays_the_same(outside, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "nilearn", None)
    rest = load_ood_sets()
    assert list(rest) == [name for name in OOD_SETS if name != "brain MRI"]
    assert "pip install nilearn" in capsys.readouterr().out
    np.testing.assert_array_equal(rest["noise"], outside["noise"])


def test_without_scikit_image_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "skimage", None)
    with pytest.raises(ImportError, match="pip install scikit-image"):
        load_ood_sets()
