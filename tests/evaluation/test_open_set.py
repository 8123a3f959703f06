"""Temperature and threshold, on models and scores that are known beforehand."""

import json
import types

import keras
import numpy as np
import pytest
from scipy.special import softmax

from medmnist_keras import baseline_cnn
from medmnist_keras.data import draw_phantoms
from medmnist_keras.evaluation import (
    apply_temperature,
    fit_temperature,
    max_probability,
    open_set_table,
    rejection_threshold,
)
from medmnist_keras.models import shipped, shipped_threshold


def levels(*greys):
    """One picture of each grey level."""
    return np.array(greys, "uint8")[:, None, None, None] * np.ones((1, 64, 64, 1), "uint8")


def by_brightness(images, **_):
    """From all alike for black pictures to certain of class 4 for white ones."""
    sure = np.asarray(images)[:, 0, 0, 0] / 255
    return (1 - sure[:, None]) / 6 + sure[:, None] * np.eye(6)[4]


MODEL = types.SimpleNamespace(predict=by_brightness)


# -- temperature ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def honest():
    """Logits, and labels drawn with the probabilities that they stand for."""
    generator = np.random.default_rng(0)
    logits = generator.normal(0, 2, (20_000, 6))
    chances = softmax(logits, axis=1).cumsum(axis=1)
    return logits, (generator.uniform(size=(20_000, 1)) > chances[:, :-1]).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.4, 1, 2.5, 8])
def test_a_known_temperature_is_found_again(temperature, honest):
    logits, labels = honest
    too_sure = softmax(temperature * logits, axis=1)
    assert fit_temperature(labels, too_sure) == pytest.approx(temperature, rel=0.05)


def test_certainty_in_float32_has_a_temperature_too(honest):
    logits, labels = honest
    rounded = softmax(30 * logits, axis=1).astype("float32")  # most are exactly 0 or 1
    assert (rounded == 0).mean() > 0.1
    assert 10 < fit_temperature(labels, rounded) <= 20


def test_temperature_stays_within_its_bounds():
    labels = np.arange(6)
    right = np.eye(6) * 0.4 + 0.1
    assert fit_temperature(labels, right) == pytest.approx(0.05, rel=0.02)
    assert fit_temperature(labels, np.roll(right, 1, axis=1)) == pytest.approx(20, rel=0.02)


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [([0, 1, 2], np.eye(6)[:2]), ([0, 1], np.eye(5)[:2]), ([0, 6], np.eye(6)[:2])],
)
def test_arrays_that_do_not_fit(labels, probabilities):
    with pytest.raises(ValueError, match=r"must (have|lie).*Received: "):
        fit_temperature(labels, probabilities)


@pytest.mark.parametrize("spoilt", [np.eye(6) * 9 - 4, np.full((6, 6), np.nan), np.eye(6) * 0.9])
def test_what_is_no_probability_passes_no_gate(spoilt):
    """Logits gave a temperature of 0.05 and a threshold beyond 1, without an error."""
    with pytest.raises(ValueError, match="`probabilities` must"):
        fit_temperature(np.arange(6), spoilt)
    with pytest.raises(ValueError, match="`probabilities` must"):
        rejection_threshold(spoilt)


@pytest.fixture
def network():
    """A model, and one of the same weights that gives logits."""
    keras.utils.set_random_seed(0)
    model = baseline_cnn(width=4)
    kernel, _ = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([5 * kernel, np.linspace(-1, 1, 6)])
    twin = baseline_cnn(width=4, classifier_activation=None)
    twin.set_weights(model.get_weights())
    return model, twin


@pytest.mark.parametrize("temperature", [0.5, 3])
def test_a_temperature_divides_the_logits(temperature, network):
    model, twin = network
    images, _ = draw_phantoms(3)
    logits = twin.predict(images, verbose=0)
    before = model.predict(images, verbose=0)
    apply_temperature(model, temperature)
    after = model.predict(images, verbose=0)
    np.testing.assert_allclose(after, softmax(logits / temperature, axis=1), atol=1e-5)
    np.testing.assert_array_equal(after.argmax(axis=1), before.argmax(axis=1))
    surer = after.max(axis=1) > before.max(axis=1)
    assert surer.all() if temperature < 1 else not surer.any()


def test_a_temperature_is_in_the_weights_and_nowhere_else(network, tmp_path):
    model, _ = network
    others = [layer.get_weights() for layer in model.layers if layer.name != "logits"]
    apply_temperature(model, 2.0)
    for layer, before in zip(
        [layer for layer in model.layers if layer.name != "logits"], others, strict=True
    ):
        for now, then in zip(layer.get_weights(), before, strict=True):
            np.testing.assert_array_equal(now, then)
    model.save_weights(tmp_path / "cooler.weights.h5")
    images, _ = draw_phantoms(1)
    loaded = baseline_cnn(width=4, weights=tmp_path / "cooler.weights.h5")
    np.testing.assert_allclose(
        loaded.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-6
    )


@pytest.mark.parametrize("temperature", [0, -1.0, float("nan")])
def test_temperature_out_of_range(temperature, network):
    weights = network[0].get_weights()
    with pytest.raises(ValueError, match="above 0. Received: temperature="):
        apply_temperature(network[0], temperature)
    np.testing.assert_array_equal(network[0].get_weights()[-2], weights[-2])


# -- threshold -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kept", [0.5, 0.95, 0.99])
def test_the_threshold_keeps_this_share(kept):
    probabilities = np.random.default_rng(0).dirichlet(np.ones(6), 10_000)
    threshold = rejection_threshold(probabilities, kept)
    assert (probabilities.max(axis=1) >= threshold).mean() == pytest.approx(kept, abs=1e-3)


def test_the_threshold_keeps_95_percent_unless_told_otherwise():
    probabilities = np.random.default_rng(1).dirichlet(np.ones(6), 1000)
    assert rejection_threshold(probabilities) == rejection_threshold(probabilities, 0.95)
    assert rejection_threshold(np.eye(6)) == 1  # nobody is refused who is as sure as that
    assert isinstance(rejection_threshold(np.eye(6)), float)


@pytest.mark.parametrize("kept", [0, 1, 95, -0.1, float("nan")])
def test_share_out_of_range(kept):
    with pytest.raises(ValueError, match="between 0 and 1. Received: kept="):
        rejection_threshold(np.eye(6), kept)


def test_confidence_is_the_highest_probability():
    sure = max_probability(MODEL, levels(0, 255))
    np.testing.assert_allclose(sure, [1 / 6, 1])
    model = baseline_cnn(width=2)
    images, _ = draw_phantoms(60)  # more than one batch
    expected = model.predict(images, verbose=0).max(axis=1)
    np.testing.assert_allclose(max_probability(model, images), expected, atol=1e-6)


# -- open_set_table -------------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_foreign_set():
    familiar = levels(200, 220, 240, 250)
    foreign = {
        "surely foreign": levels(0, 50, 100),
        "as familiar": familiar,
        "more familiar": levels(251, 255),
        "in between": levels(230, 0),
    }
    table = open_set_table(MODEL, familiar, foreign, threshold=0.5)
    assert table.index.tolist() == list(foreign)
    assert table.index.name == "foreign set"
    assert list(table) == ["auroc", "refused", "images"]
    assert table["auroc"].tolist() == [1, 0.5, 0, 0.75]
    assert table["refused"].tolist() == [1, 0, 0, 0.5]
    assert table["images"].tolist() == [3, 4, 2, 2]
    assert json.loads(json.dumps(table.to_dict("index")))["in between"]["images"] == 2


def test_the_threshold_itself_is_kept():
    familiar = levels(255)
    at = float(max_probability(MODEL, levels(100))[0])
    for threshold, refused in ((at, 0), (np.nextafter(at, 1), 1)):
        table = open_set_table(MODEL, familiar, {"grey": levels(100)}, threshold)
        assert table.loc["grey", "refused"] == refused


# -- the threshold that ships --------------------------------------------------------------------


def test_the_threshold_that_ships_is_read_from_its_file(tmp_path, monkeypatch):
    (tmp_path / "some_model.json").write_text(json.dumps({"threshold": 0.625, "seed": 0}))
    monkeypatch.setattr(shipped, "WEIGHTS_DIR", tmp_path)
    assert shipped_threshold("some_model") == 0.625
    with pytest.raises(FileNotFoundError, match=r"another\.json"):
        shipped_threshold("another")
