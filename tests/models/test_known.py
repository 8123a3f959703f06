"""`with_known()`: four views, their mean logits, and two numbers of them."""

import keras
import numpy as np
import pytest
from tiny_data import brightness_model, tiny_resnet, with_logits_twin

from medmnist_keras import baseline_cnn
from medmnist_keras.data import draw_phantoms
from medmnist_keras.models import rate, speed_cnn, with_known
from medmnist_keras.models.known import logits_model, split_outputs, view_logits

IMAGES = draw_phantoms(2, seed=3)[0]


@pytest.fixture(scope="module")
def network():
    """A network whose logits differ, and one of the same weights that gives them."""
    return with_logits_twin(width=2)


def four_views(images):
    """As they are, mirrored, the inner 56 pixels enlarged, and shrunk from a black frame."""
    images = images.astype("float32")
    larger = keras.ops.image.resize(images[:, 4:60, 4:60], (64, 64))
    framed = np.zeros((len(images), 72, 72, 1), "float32")
    framed[:, 4:68, 4:68] = images
    smaller = keras.ops.image.resize(framed, (64, 64))
    return [images, images[:, :, ::-1], np.asarray(larger), np.asarray(smaller)]


def test_both_numbers_are_of_the_mean_logits_of_four_views(network):
    model, twin = network
    logits = np.mean([twin.predict(view, verbose=0) for view in four_views(IMAGES)], axis=0)
    exponentials = np.exp(logits.astype(float))
    total = exponentials.sum(axis=1, keepdims=True)
    probabilities, known = rate(with_known(model, scale=0.7, offset=-1.5), IMAGES)
    np.testing.assert_allclose(probabilities, exponentials / total, atol=1e-5)
    expected = 1 / (1 + np.exp(-(0.7 * np.log(total[:, 0]) - 1.5)))
    np.testing.assert_allclose(known, expected, atol=1e-5)
    np.testing.assert_allclose(view_logits(model).predict(IMAGES, verbose=0), logits, atol=1e-4)


def test_outputs_are_named_and_of_float32(network):
    model = with_known(network[0])
    assert model.name == network[0].name
    assert with_known(network[0], name="mine").name == "mine"
    answers = model.predict(IMAGES, verbose=0)
    assert list(answers) == sorted(answers) == ["probabilities", "probability_known"]
    assert answers["probabilities"].shape == (12, 6)
    assert answers["probability_known"].shape == (12,)
    assert {each.dtype for each in answers.values()} == {np.dtype("float32")}
    np.testing.assert_allclose(answers["probabilities"].sum(axis=1), 1, rtol=1e-5)


def test_one_picture_gets_what_it_gets_among_many(network):
    model = with_known(network[0])
    together = rate(model, IMAGES)
    for row in (0, 5):
        alone = split_outputs(model.predict_on_batch(IMAGES[row : row + 1]))
        for one, many in zip(alone, together, strict=True):
            np.testing.assert_allclose(one[0], many[row], atol=1e-5)


def test_a_mirrored_picture_gets_nearly_the_same_answer(network):
    """Two of the four views change places, the others are mirrored."""
    model, twin = network
    averaged = view_logits(model)
    apart = averaged.predict(IMAGES, verbose=0) - averaged.predict(IMAGES[:, :, ::-1], verbose=0)
    single = twin.predict(IMAGES, verbose=0) - twin.predict(IMAGES[:, :, ::-1], verbose=0)
    assert np.abs(apart).mean() < 0.7 * np.abs(single).mean()


def test_weights_are_shared_not_copied():
    keras.utils.set_random_seed(1)
    base = baseline_cnn(width=2)
    model = with_known(base)
    assert model.count_params() == base.count_params()
    before = rate(model, IMAGES)[0]
    base.set_weights([2 * weights + 0.1 for weights in base.get_weights()])
    assert np.abs(rate(model, IMAGES)[0] - before).max() > 0.01


def test_scale_and_offset_change_known_alone(network):
    first, second = (rate(with_known(network[0], scale=s, offset=3), IMAGES) for s in (0.1, 2))
    np.testing.assert_array_equal(first[0], second[0])
    assert (first[1] != second[1]).all()


@pytest.mark.parametrize("bias", [200, -200, 2000])
def test_large_logits_overflow_nothing(bias):
    base = baseline_cnn(width=2)
    kernel, _ = base.get_layer("logits").get_weights()
    base.get_layer("logits").set_weights([0 * kernel, np.full(6, bias, "float32")])
    probabilities, known = rate(with_known(base, scale=0.01, offset=-1), IMAGES[:1])
    np.testing.assert_allclose(probabilities, 1 / 6, atol=1e-6)
    expected = 1 / (1 + np.exp(-(0.01 * (bias + np.log(6)) - 1)))
    assert known[0] == pytest.approx(expected, abs=1e-4)


def test_a_class_without_any_probability_is_no_error():
    base = baseline_cnn(width=2)
    kernel, _ = base.get_layer("logits").get_weights()
    base.get_layer("logits").set_weights([0 * kernel, np.array([300, 0, 0, 0, 0, -300])])
    probabilities, known = rate(with_known(base, scale=0.01, offset=-3), IMAGES[:1])
    np.testing.assert_array_equal(probabilities, [[1, 0, 0, 0, 0, 0]])
    assert known[0] == pytest.approx(0.5, abs=1e-4)


@pytest.mark.parametrize("scale", [0, -1, float("nan")])
def test_a_scale_that_is_not_above_0_is_refused(scale, network):
    with pytest.raises(ValueError, match="must be above 0. Received: scale="):
        with_known(network[0], scale=scale)


def test_a_model_without_logits_is_told():
    for wrap in (with_known, view_logits, logits_model):
        with pytest.raises(ValueError, match=r'named "logits".*Received: speed_cnn with .*flat'):
            wrap(speed_cnn())


def test_probabilities_that_are_called_logits_are_told():
    with pytest.raises(ValueError, match=r'named "logits" without activation.*softmax'):
        with_known(tiny_resnet())


def test_other_models_with_logits_are_taken():
    answers = with_known(brightness_model()).predict(IMAGES[:2], verbose=0)
    assert answers["probability_known"].shape == (2,)
    np.testing.assert_allclose(answers["probabilities"].sum(axis=1), 1, rtol=1e-5)


def test_it_is_saved_and_loaded_in_safe_mode(network, tmp_path):
    model = with_known(network[0], scale=0.7, offset=-1.5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    assert list(loaded.output) == list(model.output)
    for now, then in zip(rate(loaded, IMAGES), rate(model, IMAGES), strict=True):
        np.testing.assert_allclose(now, then, atol=1e-6)


def test_a_plain_model_says_nothing_of_what_it_knows(network):
    model, _ = network
    probabilities, known = rate(model, IMAGES)
    assert known is None
    np.testing.assert_allclose(probabilities, model.predict(IMAGES, verbose=0), atol=1e-6)
    assert split_outputs({"probabilities": probabilities})[1] is None
