"""Numbers are checked against values worked out by hand or published elsewhere."""

from __future__ import annotations

import json
import warnings

import numpy as np
import pytest
from scipy.stats import binomtest

from medmnist_keras import evaluate
from medmnist_keras._checks import check_predictions
from medmnist_keras.evaluation import (
    calibration,
    calibration_bins,
    metrics as metrics_module,
    most_confident_errors,
    wilson_interval,
)

NAMES = ["Hand", "CXR", "HeadCT"]


def make_predictions(images: int = 300, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Labels, and probabilities that are right for most of them."""
    generator = np.random.default_rng(0)
    labels = generator.integers(classes, size=images)
    logits = generator.normal(size=(images, classes)) + 2 * np.eye(classes)[labels]
    exponentials = np.exp(logits)
    return labels, exponentials / exponentials.sum(axis=1, keepdims=True)


def one_hot(predictions: list[int], classes: int = 3) -> np.ndarray:
    return np.eye(classes)[predictions]


def test_evaluate_by_hand():
    labels = [0, 0, 0, 1, 1, 2]
    probabilities = one_hot([0, 0, 1, 1, 1, 2])
    result = metrics_module.evaluate(labels, probabilities)
    assert (result["images"], result["errors"]) == (6, 1)
    assert result["accuracy"] == pytest.approx(5 / 6)
    assert result["balanced_accuracy"] == pytest.approx((2 / 3 + 1 + 1) / 3)
    assert result["macro_f1"] == pytest.approx((4 / 5 + 4 / 5 + 1) / 3)
    assert result["roc_auc"] == pytest.approx((5 / 6 + 7 / 8 + 1) / 3)
    # Always fully confident, right in five of six.
    assert result["expected_calibration_error"] == pytest.approx(1 / 6)
    assert result["accuracy_low"] < result["accuracy"] < result["accuracy_high"]


def test_evaluate_gives_plain_numbers():
    result = metrics_module.evaluate(*make_predictions())
    assert json.loads(json.dumps(result)) == result
    assert all(type(value) in (int, float) for value in result.values())


def test_evaluate_agrees_with_scikit_learn():
    from sklearn import metrics

    labels, probabilities = make_predictions()
    result = metrics_module.evaluate(labels, probabilities)
    predictions = probabilities.argmax(axis=1)
    balanced = metrics.balanced_accuracy_score(labels, predictions)
    area = metrics.roc_auc_score(labels, probabilities, multi_class="ovr", average="macro")
    assert result["balanced_accuracy"] == pytest.approx(balanced)
    assert result["roc_auc"] == pytest.approx(area)


def test_absent_class_is_quiet_and_has_no_area():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = metrics_module.evaluate([0, 0, 1, 1], one_hot([0, 2, 1, 1]))
        report = metrics_module.class_report([0, 0, 1, 1], one_hot([0, 2, 1, 1]), NAMES)
    assert result["roc_auc"] is None
    assert result["balanced_accuracy"] == pytest.approx(0.75)
    assert result["macro_f1"] == pytest.approx((2 / 3 + 1 + 0) / 3)  # predicted, if absent
    assert np.isnan(report.loc["HeadCT", "recall"])
    assert report.loc["HeadCT", "precision"] == 0
    assert report["images"].tolist() == [2, 2, 0]


def test_evaluate_two_classes_and_one_image():
    result = metrics_module.evaluate([1], [[0.2, 0.8]])
    assert (result["accuracy"], result["roc_auc"]) == (1.0, None)


def test_class_report():
    report = metrics_module.class_report([0, 0, 0, 1, 1, 2], one_hot([0, 0, 1, 1, 1, 2]), NAMES)
    assert list(report.index) == NAMES
    assert list(report.columns) == ["precision", "recall", "f1", "roc_auc", "images"]
    assert report.loc["Hand", "recall"] == 2 / 3  # not rounded
    assert report.loc["CXR", "precision"] == 2 / 3
    assert report.loc["HeadCT", "f1"] == 1.0
    assert report["roc_auc"].tolist() == pytest.approx([5 / 6, 7 / 8, 1])
    assert report["images"].tolist() == [3, 2, 1]
    with pytest.raises(ValueError, match="Received: 2 names for 3 columns"):
        metrics_module.class_report([0], one_hot([0]), NAMES[:2])


@pytest.mark.parametrize(
    ("successes", "total", "expected"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
    ],
)
def test_wilson_interval_published(successes, total, expected):
    assert wilson_interval(successes, total) == pytest.approx(expected, abs=5e-5)


def test_wilson_interval_is_that_of_scipy():
    for successes in range(31):
        expected = binomtest(successes, 30).proportion_ci(method="wilson")
        assert wilson_interval(successes, 30) == pytest.approx(tuple(expected), abs=1e-12)


def test_wilson_interval_of_a_perfect_score_has_a_width():
    low, high = wilson_interval(1000, 1000)
    assert high == 1.0
    assert 0.99 < low < 1.0
    assert wilson_interval(1000, 1000, confidence=0.8)[0] > low


@pytest.mark.parametrize(
    "arguments", [(5, 4), (-1, 4), (0, 0), (1, 2, 95), (1, 2, 0.0), (1, 2, 1.0)]
)
def test_wilson_interval_rejects(arguments):
    with pytest.raises(ValueError, match="Received: "):
        wilson_interval(*arguments)


def test_calibration_by_hand():
    # Two predictions of 0.7, one right; two of 0.9, both right.
    probabilities = [[0.7, 0.3], [0.7, 0.3], [0.1, 0.9], [0.9, 0.1]]
    labels = [0, 1, 1, 0]
    bins = calibration.calibration_bins(labels, probabilities, n_bins=5)
    assert list(bins.columns) == ["confidence", "accuracy", "images"]
    assert bins["images"].tolist() == [0, 0, 0, 2, 2]
    np.testing.assert_allclose(bins["confidence"], [np.nan] * 3 + [0.7, 0.9])
    np.testing.assert_allclose(bins["accuracy"], [np.nan] * 3 + [0.5, 1.0])
    error = calibration.expected_calibration_error(labels, probabilities, n_bins=5)
    assert error == pytest.approx((2 * 0.2 + 2 * 0.1) / 4)


def test_calibration_error_is_weighted_by_images():
    # Three predictions of 0.7, one right; one of 0.9, right.
    probabilities = [[0.7, 0.3]] * 3 + [[0.1, 0.9]]
    error = calibration.expected_calibration_error([0, 1, 1, 1], probabilities, n_bins=5)
    assert error == pytest.approx((3 * (0.7 - 1 / 3) + 1 * 0.1) / 4)


def test_rows_are_normalised_after_the_check():
    _, checked = check_predictions([0, 1], [[0.7, 0.303], [0.2, 0.797]])
    np.testing.assert_allclose(checked.sum(axis=1), 1, rtol=1e-12)


def test_calibration_counts_every_image():
    labels, probabilities = make_predictions()
    for n_bins in (1, 10, 15):
        assert calibration.calibration_bins(labels, probabilities, n_bins)["images"].sum() == 300
    assert calibration.calibration_bins([0], [[1.0, 0.0]])["images"].iloc[-1] == 1
    with pytest.raises(ValueError, match="Received: n_bins=0"):
        calibration.calibration_bins(labels, probabilities, 0)


def test_mcnemar():
    labels = np.zeros(20, dtype=int)
    first, second = np.zeros(20, dtype=int), np.zeros(20, dtype=int)
    second[:9] = 1  # only A is right nine times
    first[9:11] = 1  # only B is right twice
    first[11] = second[11] = 1  # both wrong: tells nothing
    result = metrics_module.mcnemar_test(labels, first, second)
    assert (result.only_a_correct, result.only_b_correct) == (9, 2)
    # 2 * (C(11, 0) + C(11, 1) + C(11, 2)) / 2 ** 11
    assert result.p_value == pytest.approx(2 * (1 + 11 + 55) / 2048)


def test_mcnemar_without_difference():
    assert metrics_module.mcnemar_test([0, 1], [0, 0], [0, 0]) == (0, 0, 1.0)
    with pytest.raises(ValueError, match="Received: 1 predictions for 2 labels"):
        metrics_module.mcnemar_test([0, 1], [0, 0], [0])


def test_most_confident_errors():
    probabilities = [[0.6, 0.4], [0.9, 0.1], [0.2, 0.8], [0.3, 0.7]]
    errors = metrics_module.most_confident_errors([1, 1, 1, 0], probabilities)
    assert errors.tolist() == [1, 3, 0]
    assert metrics_module.most_confident_errors([1, 1, 1, 0], probabilities, top=1).tolist() == [1]
    none = metrics_module.most_confident_errors([0, 0, 1, 1], probabilities)
    assert none.shape == (0,)
    assert none.dtype.kind == "i"
    # Of errors that are equally sure the first comes first.
    assert metrics_module.most_confident_errors([0, 0, 0], [[0.2, 0.8]] * 3).tolist() == [0, 1, 2]
    assert metrics_module.most_confident_errors([1, 1, 1, 0], probabilities, top=0).shape == (0,)
    with pytest.raises(ValueError, match="Received: top=-1"):
        metrics_module.most_confident_errors([1, 1, 1, 0], probabilities, top=-1)


@pytest.mark.parametrize(
    ("labels", "probabilities", "message"),
    [
        ([0, 1], [[2.0, -1.0], [0.5, 3.0]], "softmax"),
        ([0, 1], [[0.5, 0.4], [0.5, 0.5]], "row sums from 0.9 to 1"),
        ([0, 1], [[np.nan, 1.0], [0.5, 0.5]], "NaN or infinity in 1 of 2 rows"),
        ([0], [[0.5, 0.5], [0.5, 0.5]], "1 labels for 2 images"),
        ([0, 2], [[0.5, 0.5], [0.5, 0.5]], "values from 0 to 2"),
        ([[1, 0]], [[0.5, 0.5]], "argmax"),
        ([0.0, 1.0], [[0.5, 0.5], [0.5, 0.5]], "dtype=float64"),
        ([], np.zeros((0, 2)), r"shape=\(0, 2\)"),
        ([0, 1], [0.5, 0.5], r"shape=\(2,\)"),
    ],
)
@pytest.mark.parametrize("function", [evaluate, calibration_bins, most_confident_errors])
def test_bad_predictions_are_refused(function, labels, probabilities, message):
    with pytest.raises(ValueError, match=message) as error:
        function(labels, probabilities)
    assert "Received: " in str(error.value)


def test_half_precision_softmax_is_accepted():
    labels, probabilities = make_predictions()
    exact = metrics_module.evaluate(labels, probabilities)
    half = metrics_module.evaluate(labels, probabilities.astype(np.float16))
    assert half["roc_auc"] == pytest.approx(exact["roc_auc"], abs=1e-3)
