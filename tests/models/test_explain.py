"""Grad-CAM on a CNN whose weights are set by hand, so that the right map is known."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from medmnist_keras import baseline_cnn, grad_cam, resnet50v2
from medmnist_keras.data import draw_phantoms
from medmnist_keras.models import explanation
from medmnist_keras.models.explanation import predict_with_map

SIZE = 32


def blob_detector(softmax: bool = True) -> keras.Model:
    """Class 0 speaks for dark, class 1 for bright regions; nothing is trained."""
    inputs = keras.Input((SIZE, SIZE, 1))
    x = keras.layers.Rescaling(1 / 255)(inputs)
    x = keras.layers.Conv2D(2, 3, padding="same", activation="relu", name="conv")(x)
    x = keras.layers.AveragePooling2D(4, name="pool")(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    x = keras.layers.Dropout(0.5)(x)
    outputs = keras.layers.Dense(2, name="logits")(x)
    if softmax:
        outputs = keras.layers.Activation("softmax", name="probabilities")(outputs)
    model = keras.Model(inputs, outputs)
    # Channel 0 is the darkness, channel 1 the brightness, each a mean over 3 by 3 pixels.
    kernel = np.full((3, 3, 1, 2), 1 / 9)
    kernel[..., 0] *= -1
    model.get_layer("conv").set_weights([kernel, np.array([0.5, 0.0])])
    model.get_layer("logits").set_weights([np.eye(2) * [1, 50], np.zeros(2)])
    return model


def blob_images() -> np.ndarray:
    """A bright square in one corner each, then a picture that is dark throughout."""
    images = np.zeros((5, SIZE, SIZE, 1), dtype="uint8")
    images[0, 2:8, 2:8] = 255
    images[1, 2:8, -8:-2] = 255
    images[2, -8:-2, 2:8] = 255
    images[3, -8:-2, -8:-2] = 255
    return images


def check_blob_maps() -> None:
    """Runs on any backend: the map of each picture is hottest in the corner that decides."""
    model, images = blob_detector(), blob_images()
    assert keras.ops.convert_to_numpy(model(images)).argmax(axis=1).tolist() == [1, 1, 1, 1, 0]
    maps = explanation.grad_cam(model, images)
    assert maps.shape == (5, SIZE, SIZE)
    assert maps.dtype == np.float32
    assert maps.min() >= 0
    assert maps.max() == 1
    half = SIZE // 2
    for index, (row, column) in enumerate([(0, 0), (0, half), (half, 0), (half, half)]):
        corner = maps[index, row : row + half, column : column + half]
        assert corner.max() == 1
        assert corner.sum() > 0.95 * maps[index].sum()
    # Asked about the dark class, the same picture is hottest everywhere else.
    dark = explanation.grad_cam(model, images[:1], class_index=0)[0]
    assert dark[5, 5] < 0.2
    assert dark[half:, half:].min() == 1
    singles = np.concatenate([explanation.grad_cam(model, image[None]) for image in images])
    np.testing.assert_allclose(maps, singles, atol=1e-6)


def test_map_is_hottest_where_the_class_is_decided():
    check_blob_maps()


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_same_maps_on_other_backends(backend):
    if backend == keras.backend.backend():
        pytest.skip(f"{backend} is the backend of the other tests already")
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    here = Path(__file__).parent
    environment = os.environ | {
        "KERAS_BACKEND": backend,
        "JAX_PLATFORMS": "cpu",
        "PYTHONPATH": os.pathsep.join([str(here), str(here.parents[1])]),
    }
    code = "import test_explain as t; t.check_blob_maps(); print(t.keras.config.backend())"
    command = [sys.executable, "-c", code]
    finished = subprocess.run(
        command, env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip().endswith(backend)


def test_softmax_makes_no_difference():
    images = blob_images()
    with_softmax = explanation.grad_cam(blob_detector(), images)
    np.testing.assert_array_equal(with_softmax, explanation.grad_cam(blob_detector(False), images))


def test_saturated_softmax_still_has_a_map():
    model = blob_detector()
    layer = model.get_layer("logits")
    layer.set_weights([layer.get_weights()[0] * 1e4, np.zeros(2)])
    assert explanation.grad_cam(model, blob_images()[:1], class_index=1)[0].max() == 1


def test_one_class_per_image():
    model, images = blob_detector(), blob_images()[:2]
    mixed = explanation.grad_cam(model, images, class_index=[0, 1])
    np.testing.assert_array_equal(mixed[0], explanation.grad_cam(model, images, class_index=0)[0])
    np.testing.assert_array_equal(mixed[1], explanation.grad_cam(model, images, class_index=1)[1])


def test_class_without_support_gives_an_empty_map():
    dark = blob_images()[4:]
    np.testing.assert_array_equal(explanation.grad_cam(blob_detector(), dark, class_index=1), 0)


def test_what_speaks_against_the_class_takes_nothing_from_cells_beside_it():
    sums = np.array([1, -1], "float32").reshape(1, 1, 2, 1)
    np.testing.assert_allclose(explanation._maps(sums, (1, 4)), [[[1, 0.75, 0.25, 0]]], atol=1e-6)


def test_no_images_give_no_maps():
    assert explanation.grad_cam(blob_detector(), blob_images()[:0]).shape == (0, SIZE, SIZE)


def test_layer_can_be_chosen():
    model, images = blob_detector(), blob_images()
    by_default = explanation.grad_cam(model, images)
    np.testing.assert_array_equal(
        explanation.grad_cam(model, images, layer_name="pool"), by_default
    )
    finer = explanation.grad_cam(model, images, layer_name="conv")[0]
    assert np.count_nonzero(finer) < np.count_nonzero(by_default[0])


def test_unknown_layer_lists_the_candidates():
    with pytest.raises(ValueError, match=r"Received: layer_name='nonsense'.*conv, pool\."):
        explanation.grad_cam(blob_detector(), blob_images(), layer_name="nonsense")
    with pytest.raises(ValueError, match="four-dimensional"):
        explanation.grad_cam(blob_detector(), blob_images(), layer_name="logits")


@pytest.mark.parametrize("shape", [(SIZE, SIZE, 1), (2, SIZE, SIZE), (2, 8, 8, 1), (2, 32, 32, 3)])
def test_wrong_shape_is_refused(shape):
    with pytest.raises(ValueError, match=r"\(None, 32, 32, 1\).*Received: shape="):
        explanation.grad_cam(blob_detector(), np.zeros(shape))


@pytest.mark.parametrize("class_index", [2, -1, 0.5, [0, 1]])
def test_wrong_class_is_refused(class_index):
    with pytest.raises(ValueError, match="Received: class_index="):
        explanation.grad_cam(blob_detector(), blob_images(), class_index=class_index)


def test_model_without_logits_is_refused():
    inputs = keras.Input((SIZE, SIZE, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(2, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(2, activation="softmax")(x))
    with pytest.raises(ValueError, match="layer named 'logits'"):
        explanation.grad_cam(model, blob_images())


def residual_model() -> keras.Model:
    """Resizing, BatchNormalization and a skip connection: the traps of a fine-tuned ResNet."""
    inputs = keras.Input((SIZE, SIZE, 1))
    x = keras.layers.Resizing(SIZE // 2, SIZE // 2)(inputs)
    x = keras.layers.Conv2D(4, 3, padding="same", name="stem")(x)
    branch = keras.layers.BatchNormalization(name="norm")(x)
    branch = keras.layers.Conv2D(4, 3, padding="same", name="branch")(branch)
    x = keras.layers.Add(name="join")([x, branch])
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="logits")(x))


def test_maps_are_computed_in_inference_mode():
    keras.utils.set_random_seed(0)
    model, images = residual_model(), blob_images()
    before = [weight.copy() for weight in model.get_weights()]
    maps = explanation.grad_cam(model, images, class_index=1)
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    # With statistics of the batch, a map would depend on the other images.
    alone = explanation.grad_cam(model, images[:1], class_index=1)
    np.testing.assert_allclose(maps[:1], alone, atol=1e-5)


def test_layer_beside_a_skip_connection_is_refused():
    with pytest.raises(ValueError, match="skip connection"):
        explanation.grad_cam(residual_model(), blob_images(), layer_name="branch")


def built(name):
    keras.utils.set_random_seed(0)
    if name == "resnet50v2":
        return resnet50v2(weights=None, image_size=32)
    if name == "baseline_cnn":
        return baseline_cnn()
    inputs = keras.Input((64, 64, 1))  # with a layer more between the map and the logits
    x = keras.layers.Conv2D(4, 3, strides=8)(inputs)
    x = keras.layers.Dense(5, "relu")(keras.layers.GlobalAveragePooling2D()(x))
    x = keras.layers.Dense(6, name="logits")(keras.layers.Dropout(0.1)(x))
    return keras.Model(inputs, keras.layers.Softmax()(x))


@pytest.mark.parametrize("name", ["baseline_cnn", "resnet50v2", "another"])
def test_the_quick_map_is_that_of_grad_cam(name):
    model = built(name)
    images = draw_phantoms(1, seed=2)[0]
    for image in images:
        probabilities, heat = predict_with_map(model, image)
        expected = model(image[None], training=False)
        np.testing.assert_allclose(probabilities, np.asarray(expected)[0], atol=1e-5)
        best = int(probabilities.argmax())
        np.testing.assert_allclose(heat, grad_cam(model, image[None], best)[0], atol=1e-3)
    quick = explanation._features_and_output(model)
    assert (quick is None) == (name == "another")
    assert explanation._features_and_output(model) is quick  # made once


def test_the_quick_map_follows_weights_that_change():
    model, image = built("baseline_cnn"), draw_phantoms(1)[0][0]
    before = predict_with_map(model, image)[0]
    layer = model.get_layer("logits")
    layer.set_weights([-weights for weights in layer.get_weights()])
    after, heat = predict_with_map(model, image)
    assert before.argmax() != after.argmax()
    np.testing.assert_allclose(heat, grad_cam(model, image[None])[0], atol=1e-3)


def test_the_quick_map_refuses_a_model_without_logits_as_grad_cam_does():
    inputs = keras.Input((64, 64, 1))
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.Conv2D(4, 3)(inputs))
    model = keras.Model(inputs, keras.layers.Dense(6, "softmax", name="end")(x))
    with pytest.raises(ValueError, match="must have a layer named 'logits'"):
        predict_with_map(model, np.zeros((64, 64, 1), "uint8"))
