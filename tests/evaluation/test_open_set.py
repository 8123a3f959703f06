"""Temperature, `known` and its threshold, risk and coverage: on scores known beforehand."""

import json

import keras
import numpy as np
import pytest
from scipy.special import softmax
from tiny_data import brightness_model, knowing_model, with_logits_twin

from medmnist_keras import baseline_cnn
from medmnist_keras.data import draw_phantoms
from medmnist_keras.evaluation import (
    apply_temperature,
    augrc,
    conformal_sets,
    fit_known,
    fit_temperature,
    known_probability,
    open_set_table,
    risk_coverage,
)
from medmnist_keras.models import KNOWN_THRESHOLD, rate, shipped, shipped_threshold, with_known


def levels(*greys):
    """One picture of each grey level."""
    return np.array(greys, "uint8")[:, None, None, None] * np.ones((1, 64, 64, 1), "uint8")


@pytest.fixture(scope="module")
def model():
    """The brighter a picture of more than half grey, the surer that it is known, and a Hand."""
    return with_known(brightness_model(), scale=0.5, offset=-2)


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
    """Logits gave a temperature of 0.05, without an error."""
    with pytest.raises(ValueError, match="`probabilities` must"):
        fit_temperature(np.arange(6), spoilt)


@pytest.fixture
def network():
    """A model, and one of the same weights that gives logits."""
    return with_logits_twin(width=4)


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


# -- fit_known -----------------------------------------------------------------------------------

BRIGHT, DULL = levels(*range(170, 250)), levels(*range(130, 190, 2))


def test_known_and_outliers_lie_either_side_of_one_half():
    known = fit_known(brightness_model(), levels(*range(190, 250)), levels(*range(100, 160))).model
    assert (known_probability(known, levels(*range(190, 250))) > KNOWN_THRESHOLD).all()
    assert (known_probability(known, levels(*range(100, 160))) < KNOWN_THRESHOLD).all()


def test_the_fitted_numbers_are_those_of_the_model():
    plain = brightness_model()
    fitted = fit_known(plain, BRIGHT, DULL)
    again = with_known(plain, scale=fitted.scale, offset=fitted.offset)
    np.testing.assert_array_equal(
        known_probability(fitted.model, DULL), known_probability(again, DULL)
    )
    assert all(isinstance(number, float) for number in fitted[1:])


def test_fitting_leaves_the_classes_as_they_were():
    plain = brightness_model()
    before = rate(with_known(plain), BRIGHT)[0]
    np.testing.assert_allclose(rate(fit_known(plain, BRIGHT, DULL).model, BRIGHT)[0], before)


def test_the_fitted_probability_is_honest_where_both_sides_weigh_the_same():
    # Three times as many outliers; the mean of each side's error is then what balances.
    known = fit_known(brightness_model(), BRIGHT, np.repeat(DULL, 8, axis=0)).model
    inside, outside = (known_probability(known, images) for images in (BRIGHT, DULL))
    assert 1 - inside.mean() == pytest.approx(outside.mean(), abs=0.01)


@pytest.mark.parametrize(("known", "outliers"), [(0, 30), (80, 0)])
def test_both_sides_need_pictures(known, outliers):
    with pytest.raises(ValueError, match=f"Received: {known} known and {outliers} outliers"):
        fit_known(brightness_model(), BRIGHT[:known], DULL[:outliers])


def test_outliers_that_look_more_known_than_the_known_are_told():
    with pytest.raises(ValueError, match="Outliers have more energy than known pictures"):
        fit_known(brightness_model(), DULL, BRIGHT)


def test_two_classes_that_share_the_probability_are_known_all_the_same():
    """One highest probability can't tell doubt between two kinds from doubt about them all."""
    keras.utils.set_random_seed(0)
    base = baseline_cnn(width=2)
    known, confidence = [], []
    for bias in ([6, 6, -3, -3, -3, -3], [-1] * 6, [6, -3, -3, -3, -3, -3]):
        kernel, _ = base.get_layer("logits").get_weights()
        base.get_layer("logits").set_weights([0 * kernel, np.array(bias, "float32")])
        probabilities, sure = rate(with_known(base, scale=1, offset=-4), levels(90))
        known.append(float(sure[0]))
        confidence.append(float(probabilities.max()))
    two, six_low, one = known
    assert six_low < 0.1 < 0.85 < one < two
    assert confidence == pytest.approx([1 / 2, 1 / 6, 1], abs=1e-3)


# -- open_set_table ------------------------------------------------------------------------------


def test_the_table_has_a_row_for_each_out_of_distribution_set(model):
    familiar = levels(200, 220, 240, 250)
    outside = {
        "surely none": levels(140, 150, 160),
        "as familiar": familiar,
        "more familiar": levels(251, 255),
        "in between": levels(230, 150),
    }
    threshold = float(known_probability(model, levels(180))[0])
    table = open_set_table(model, familiar, outside, threshold)
    assert table.index.tolist() == list(outside)
    assert table.index.name == "out-of-distribution set"
    assert list(table) == ["auroc", "rejected", "images"]
    assert table["auroc"].tolist() == [1, 0.5, 0, 0.75]
    assert table["rejected"].tolist() == [1, 0, 0, 0.5]
    assert table["images"].tolist() == [3, 4, 2, 2]
    assert json.loads(json.dumps(table.to_dict("index")))["in between"]["images"] == 2


def test_the_threshold_itself_is_accepted(model):
    familiar = levels(255)
    at = float(known_probability(model, levels(200))[0])
    for threshold, rejected in ((at, 0), (np.nextafter(at, 1), 1)):
        table = open_set_table(model, familiar, {"grey": levels(200)}, threshold)
        assert table.loc["grey", "rejected"] == rejected


def test_what_does_not_say_what_it_knows_is_told():
    with pytest.raises(ValueError, match=r"probabilities alone; wrap it by `fit_known\(\)`"):
        known_probability(brightness_model(), BRIGHT)
    with pytest.raises(ValueError, match="two outputs of `with_known"):
        open_set_table(brightness_model(), BRIGHT, {"dull": DULL}, 0.5)


def test_known_is_one_number_a_picture_whatever_their_number():
    model = knowing_model()
    many = levels(*range(256), *range(50))  # more than one batch
    known = known_probability(model, many)
    assert known.shape == (306,)
    np.testing.assert_allclose(known[:50], known[256:], atol=1e-6)
    np.testing.assert_allclose(known_probability(model, many[7:8]), known[7:8], atol=1e-6)


# -- risk and coverage ---------------------------------------------------------------------------


def test_risk_and_coverage_by_hand():
    curve = risk_coverage([True, False, True, False], [0.9, 0.5, 0.7, 0.6])
    # The highest score first: right, right, wrong, wrong.
    np.testing.assert_allclose(curve["coverage"], [0.25, 0.5, 0.75, 1])
    np.testing.assert_allclose(curve["risk"], [0, 0, 1 / 3, 1 / 2])
    np.testing.assert_allclose(curve["generalized_risk"], [0, 0, 1 / 4, 1 / 2])
    # A triangle and a trapezium over a quarter each.
    area = 0.25 * (0 + 1 / 4) / 2 + 0.25 * (1 / 4 + 1 / 2) / 2
    assert augrc([True, False, True, False], [0.9, 0.5, 0.7, 0.6]) == pytest.approx(area)


def test_a_score_by_lot_has_half_the_error_rate_and_a_good_one_less():
    random = np.random.default_rng(0)
    correct = random.random(20_000) < 0.7
    rate_of_errors = (~correct).mean()
    by_lot = augrc(correct, random.random(20_000))
    assert by_lot == pytest.approx(rate_of_errors / 2, abs=0.01)
    best, worst = augrc(correct, correct.astype(float)), augrc(correct, -correct.astype(float))
    assert best == pytest.approx(rate_of_errors**2 / 2, abs=1e-3)  # errors come last
    assert best < by_lot < worst
    assert augrc([True, True], [1, 2]) == 0
    assert augrc([False, False], [1, 2]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("correct", "scores"), [([], []), ([True], [1, 2]), ([[True]], [[1]]), (True, 1)]
)
def test_outcomes_and_scores_that_do_not_fit_are_told(correct, scores):
    with pytest.raises(ValueError, match=r"one number a picture. Received: shapes \("):
        risk_coverage(correct, scores)
    with pytest.raises(ValueError, match="one number a picture"):
        augrc(correct, scores)


# -- conformal_sets ------------------------------------------------------------------------------


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.95])
def test_sets_hold_the_true_class_as_often_as_promised(coverage, honest):
    logits, labels = honest
    probabilities = softmax(logits, axis=1)
    calibration, rest = slice(0, 2000), slice(2000, None)
    sets = conformal_sets(
        labels[calibration], probabilities[calibration], probabilities[rest], coverage
    )
    assert sets.shape == probabilities[rest].shape
    assert sets.dtype == bool
    held = sets[np.arange(len(sets)), labels[rest]].mean()
    assert held == pytest.approx(coverage, abs=0.03)


def test_sets_keep_their_promise_on_average_over_small_calibrations(honest):
    logits, labels = honest
    probabilities = softmax(logits, axis=1)
    held = []
    for start in range(0, 20_000, 20):
        calibration, rest = slice(start, start + 19), slice(start + 19, start + 20)
        sets = conformal_sets(
            labels[calibration], probabilities[calibration], probabilities[rest], 0.8
        )
        held.append(sets[0, labels[start + 19]])
    assert np.mean(held) == pytest.approx(0.8, abs=0.03)


def test_too_few_calibration_pictures_promise_every_class():
    """The least likely of five is exceeded by one in six others: no cut holds 95 %."""
    labels, calibration = np.arange(5), np.eye(6)[:5] * 0.9 + 0.1 / 6
    asked = np.array([[0.95, 0.05, 0, 0, 0, 0]])
    assert conformal_sets(labels, calibration, asked, 0.95).all()
    assert conformal_sets(labels, calibration, asked, 0.8).sum() == 1


def test_surer_pictures_have_smaller_sets(honest):
    logits, labels = honest
    calibration = softmax(logits, axis=1)
    asked = np.array([[0.97, 0.01, 0.01, 0.01, 0, 0], [0.4, 0.3, 0.2, 0.05, 0.03, 0.02]])
    sizes = conformal_sets(labels, calibration, asked, 0.9).sum(axis=1)
    assert 1 == sizes[0] < sizes[1]


@pytest.mark.parametrize("coverage", [0, 1, 95, -0.1, float("nan")])
def test_a_promise_out_of_range_is_refused(coverage):
    with pytest.raises(ValueError, match="between 0 and 1. Received: coverage="):
        conformal_sets([0], np.eye(6)[:1], np.eye(6), coverage)


# -- the threshold that ships --------------------------------------------------------------------


def test_the_threshold_that_ships_is_read_from_its_file(tmp_path, monkeypatch):
    (tmp_path / "some_model.json").write_text(json.dumps({"threshold": 0.625, "seed": 0}))
    monkeypatch.setattr(shipped, "WEIGHTS_DIR", tmp_path)
    assert shipped_threshold("some_model") == 0.625
    with pytest.raises(FileNotFoundError, match=r"another\.json"):
        shipped_threshold("another")
