from pathlib import Path

import pytest

from medmnist_keras import INFO, load_data, read_settings
from medmnist_keras.experiments import Settings, settings


@pytest.fixture
def at_hand(monkeypatch):
    return lambda answer: monkeypatch.setattr(settings, "is_at_hand", lambda: answer)


def test_quick_falls_back_to_phantoms_and_says_so(at_hand, monkeypatch):
    monkeypatch.setenv("MEDMNIST_KERAS_QUICK", "1")
    at_hand(False)
    quick = read_settings()
    assert quick.quick
    assert "phantoms, not patients" in str(quick).splitlines()[0]
    assert "this one shows that all works" in str(quick)
    assert quick.caption == "Drawn phantoms, not patients"
    (x_train, _), *_ = load_data(**quick.data)
    assert len(x_train) == 6 * quick.images_per_class * 8 // 10
    assert quick.epochs(9) == 3
    assert quick.epochs(1) == 1
    assert len(quick.seeds) == 2
    assert "\nSplit:    grouped, seed 0\n" in str(quick)


def test_quick_takes_the_real_pictures_where_they_are(at_hand, monkeypatch):
    monkeypatch.setenv("MEDMNIST_KERAS_QUICK", "1")
    at_hand(True)
    quick = read_settings()
    assert quick.source is None
    assert quick.caption == INFO["credit"]
    assert "Medical MNIST" in str(quick).splitlines()[0]


@pytest.mark.parametrize("switch", ["0", "", None])
def test_full_means_all_real_pictures(switch, at_hand, monkeypatch):
    monkeypatch.delenv("MEDMNIST_KERAS_QUICK")
    if switch is not None:
        monkeypatch.setenv("MEDMNIST_KERAS_QUICK", switch)
    at_hand(False)
    full = read_settings()
    assert not full.quick
    assert full.images == {"source": None, "images_per_class": None, "seed": 0}
    assert full.data == full.images | {"split": "grouped"}
    assert len(full.seeds) == 5
    assert full.epochs(9) == 9


def test_switch_with_another_value(monkeypatch):
    monkeypatch.setenv("MEDMNIST_KERAS_QUICK", "yes")
    with pytest.raises(ValueError, match="Received: MEDMNIST_KERAS_QUICK='yes'"):
        read_settings()


def test_external_pictures_are_where_the_environment_says(monkeypatch):
    for full in (
        Settings(quick=False, source=None, images_per_class=None),
        Settings(quick=True, source="phantoms", images_per_class=9),
    ):
        monkeypatch.delenv("MEDMNIST_KERAS_EXTERNAL_DIR", raising=False)
        assert full.external is None
        monkeypatch.setenv("MEDMNIST_KERAS_EXTERNAL_DIR", "")
        assert full.external is None
        monkeypatch.setenv("MEDMNIST_KERAS_EXTERNAL_DIR", "some/folder")
        assert full.external == Path("some/folder")
