"""Scores for out-of-distribution pictures, each beside plain loops that say what it is."""

import numpy as np
import pytest

from medmnist_keras import baseline_cnn
from medmnist_keras.data import draw_phantoms
from medmnist_keras.evaluation import compare_scores, ood_scores, open_set_scores

RANDOM = np.random.default_rng(0)
LOGITS = RANDOM.normal(0, 4, (20, 6))
LABELS = np.arange(30) % 3
KNOWN = RANDOM.normal(0, 1, (30, 8)) + LABELS[:, None]
FEATURES = RANDOM.normal(0, 2, (20, 8))
PICTURES = RANDOM.integers(0, 256, (30, 64, 64, 1)).astype("uint8")
OTHERS = RANDOM.integers(0, 200, (7, 64, 64, 1)).astype("uint8")


# -- of the logits -------------------------------------------------------------------------------


def test_scores_of_the_logits():
    exponentials = np.exp(LOGITS)
    shares = exponentials / exponentials.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(ood_scores.max_softmax(LOGITS), shares.max(axis=1))
    np.testing.assert_array_equal(ood_scores.max_logit(LOGITS), [max(row) for row in LOGITS])
    np.testing.assert_allclose(ood_scores.energy(LOGITS), np.log(exponentials.sum(axis=1)))


def test_large_logits_have_an_energy_too():
    logits = np.array([[1000.0, 1000, 0, 0, 0, 0], [-1000.0] * 6])
    np.testing.assert_allclose(ood_scores.energy(logits), [1000 + np.log(2), -1000 + np.log(6)])


# -- of the features -----------------------------------------------------------------------------


def test_the_fifth_nearest_neighbour():
    units, others = (each / np.linalg.norm(each, axis=1)[:, None] for each in (KNOWN, FEATURES))
    expected = [-sorted(np.linalg.norm(units - one, axis=1))[4] for one in others]
    np.testing.assert_allclose(ood_scores.nearest_neighbours(KNOWN, FEATURES), expected)
    # Length doesn't count, and none at all is no error.
    longer = ood_scores.nearest_neighbours(KNOWN, 7 * FEATURES)
    np.testing.assert_allclose(longer, expected)
    assert np.isfinite(ood_scores.nearest_neighbours(KNOWN, np.zeros((1, 8)))).all()


def test_mahalanobis_distance_to_the_nearest_mean():
    means = [KNOWN[label == LABELS].mean(axis=0) for label in range(3)]
    covariance = np.zeros((8, 8))
    for one, label in zip(KNOWN, LABELS, strict=True):
        covariance += np.outer(one - means[label], one - means[label]) / len(KNOWN)
    inverse = np.linalg.inv(covariance)
    expected = [-min((one - m) @ inverse @ (one - m) for m in means) for one in FEATURES]
    np.testing.assert_allclose(ood_scores.mahalanobis(KNOWN, LABELS, FEATURES), expected)
    np.testing.assert_allclose(ood_scores.mahalanobis(KNOWN, LABELS, means), 0, atol=1e-9)


def test_mahalanobis_takes_features_that_never_change():
    """A unit that is never active has no variance to divide by."""
    idle = np.pad(KNOWN, ((0, 0), (0, 1)))
    found = ood_scores.mahalanobis(idle, LABELS, np.pad(FEATURES, ((0, 0), (0, 1))))
    np.testing.assert_allclose(found, ood_scores.mahalanobis(KNOWN, LABELS, FEATURES))


def unexplained(features, kept):
    """Lengths of what lies beside the first directions of the known features."""
    centre = KNOWN.mean(axis=0)
    _, _, directions = np.linalg.svd(KNOWN - centre)
    rest = directions[kept:]
    return np.array([np.linalg.norm(rest @ (one - centre)) for one in features])


@pytest.mark.parametrize("kept", [1, 3, 7])
def test_the_residual_is_what_few_directions_do_not_explain(kept):
    expected = -unexplained(FEATURES, kept)
    np.testing.assert_allclose(ood_scores.residual(KNOWN, FEATURES, kept), expected)


def test_vim_is_energy_less_the_residual_on_the_scale_of_the_logits():
    known_logits = RANDOM.normal(3, 2, (30, 6))
    scale = np.mean([max(row) for row in known_logits]) / unexplained(KNOWN, 3).mean()
    expected = np.log(np.exp(LOGITS).sum(axis=1)) - scale * unexplained(FEATURES, 3)
    found = ood_scores.vim(KNOWN, known_logits, FEATURES, LOGITS, 3)
    np.testing.assert_allclose(found, expected)


def test_a_trained_head_gives_log_odds():
    outliers = RANDOM.normal(4, 1, (15, 8))
    found = ood_scores.trained_head(KNOWN, outliers, np.concatenate([KNOWN, outliers]))
    assert (found[:30] > 0).mean() > 0.9
    assert (found[30:] < 0).mean() > 0.9
    # Linear in the features.
    steps = ood_scores.trained_head(KNOWN, outliers, np.array([[0.0], [1], [2]]) * np.ones(8))
    assert steps[1] - steps[0] == pytest.approx(steps[2] - steps[1])
    # At the optimum mean log odds gain nothing: the chances of all sum to the known ones.
    chances = 1 / (1 + np.exp(-found))
    assert chances.sum() == pytest.approx(30, abs=0.05)


# -- of the pixels -------------------------------------------------------------------------------


def test_the_nearest_grey_histogram():
    def histogram(image):
        counts = np.zeros(32)
        for level in image.ravel():
            counts[level // 8] += 1
        return counts / 4096

    known = [histogram(image) for image in PICTURES[:5]]
    expected = [-min(np.abs(histogram(one) - each).sum() for each in known) for one in OTHERS[:3]]
    np.testing.assert_allclose(ood_scores.grey_histogram(PICTURES[:5], OTHERS[:3]), expected)
    # Where pixels are doesn't count.
    turned = ood_scores.grey_histogram(PICTURES, PICTURES[:, ::-1])
    np.testing.assert_allclose(turned, 0, atol=1e-12)


def test_the_nearest_thumbnail():
    def thumbnail(image):
        blocks = image.reshape(16, 4, 16, 4).astype(float).mean(axis=(1, 3)).ravel()
        return (blocks - blocks.mean()) / np.linalg.norm(blocks - blocks.mean())

    known = [thumbnail(image) for image in PICTURES]
    expected = [max(thumbnail(one) @ each for each in known) for one in OTHERS]
    found = ood_scores.nearest_thumbnail(PICTURES, OTHERS)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    np.testing.assert_allclose(ood_scores.nearest_thumbnail(PICTURES, PICTURES), 1, atol=1e-5)
    # What is of one grey is similar to nothing, not even to another blank.
    blank = np.full((1, 64, 64, 1), 90, "uint8")
    assert ood_scores.nearest_thumbnail(np.concatenate([PICTURES, blank]), blank) == 0


# -- all of them ---------------------------------------------------------------------------------

SCORES = [
    "max softmax",
    "max logit",
    "energy",
    "energy, four views",
    "nearest neighbours",
    "Mahalanobis, block1",
    "Mahalanobis, block2",
    "Mahalanobis, pool",
    "residual",
    "ViM",
    "trained head",
    "grey histogram",
    "nearest thumbnail",
]


@pytest.fixture(scope="module")
def compared():
    model, known = baseline_cnn(width=2), draw_phantoms(5)
    sets = {"noise": OTHERS, "phantoms": draw_phantoms(1, seed=1)[0]}
    found = compare_scores(model, known, PICTURES, sets, [baseline_cnn(width=3)])
    return model, known, sets, found


def test_every_score_of_every_set(compared):
    _, _, sets, found = compared
    assert list(found) == [*SCORES, "energy, four views, ensemble"]
    for score, rows in found.items():
        assert list(rows) == list(sets)
        for name, values in rows.items():
            assert values.shape == (len(sets[name]),), score
            assert np.isfinite(values).all(), score


def test_scores_are_of_the_model_and_the_pictures(compared):
    model, (images, _), sets, found = compared
    probabilities = model.predict(sets["noise"], verbose=0)
    np.testing.assert_allclose(found["max softmax"]["noise"], probabilities.max(axis=1), atol=1e-5)
    expected = ood_scores.grey_histogram(images, sets["noise"])
    np.testing.assert_array_equal(found["grey histogram"]["noise"], expected)


def test_without_an_ensemble_there_is_no_such_row(compared):
    model, known, sets, found = compared
    alone = compare_scores(model, known, PICTURES, {"noise": sets["noise"]})
    assert list(alone) == SCORES
    np.testing.assert_allclose(alone["energy"]["noise"], found["energy"]["noise"], atol=1e-5)


# -- open_set_scores -----------------------------------------------------------------------------


def test_open_set_scores_by_hand():
    # Class 0: four known pictures, of which three are right; class 1: two, both right.
    known = np.array([0.9, 0.8, 0.35, 0.7, 0.6, 0.2])
    correct = [True, True, True, False, True, True]
    labels = [0, 0, 0, 0, 1, 1]
    outliers = np.linspace(0, 0.4, 21)  # the 5 % mark at 0.38, the 10 % mark at 0.36
    found = open_set_scores(known, correct, labels, outliers)
    pairs = [(one > other) + (one == other) / 2 for one in known for other in outliers]
    assert found["auroc"] == pytest.approx(np.mean(pairs))
    # 0.35 and 0.2 don't pass: two of four of class 0 do and are right, one of two of class 1.
    assert found["ccr10"] == pytest.approx((2 / 4 + 1 / 2) / 2)
    assert found["ccr5"] == pytest.approx((2 / 4 + 1 / 2) / 2)
    # 95 % of the known pass a quarter of the way from 0.2 to 0.35: at 0.2375.
    assert found["fpr95"] == pytest.approx(np.mean(outliers >= 0.2375))


@pytest.mark.parametrize("share", [5, 10])
def test_where_known_and_outliers_are_alike_as_many_of_both_pass(share):
    random = np.random.default_rng(1)
    known, outliers = random.random(20_000), random.random(20_000)
    found = open_set_scores(known, np.ones(20_000, bool), np.zeros(20_000, int), outliers)
    assert found[f"ccr{share}"] == pytest.approx(share / 100, abs=0.01)
    assert found["fpr95"] == pytest.approx(0.95, abs=0.01)
    assert found["auroc"] == pytest.approx(0.5, abs=0.01)


def test_apart_all_that_is_right_passes():
    found = open_set_scores([2, 3, 4], [True, False, True], [0, 1, 2], [0, 1])
    assert found == {"auroc": 1, "fpr95": 0, "ccr5": pytest.approx(2 / 3),
                     "ccr10": pytest.approx(2 / 3)}  # fmt: skip


@pytest.mark.parametrize(("known", "outliers"), [([], [1]), ([1], [])])
def test_both_sides_need_pictures(known, outliers):
    with pytest.raises(ValueError, match=f"Received: {len(known)} known and {len(outliers)} out"):
        open_set_scores(known, [True] * len(known), [0] * len(known), outliers)
