"""Both models, on the backend that KERAS_BACKEND names; test_backends.py runs this on JAX too."""

import functools
import json

import keras
import numpy as np
import pytest

from medmnist_keras import CLASS_NAMES, baseline_cnn, decode_predictions, resnet50v2
from medmnist_keras.data import draw_phantoms
from medmnist_keras.models import networks, speed_cnn

BUILDERS = {
    "baseline_cnn": baseline_cnn,
    "resnet50v2": functools.partial(resnet50v2, weights=None, image_size=32),
}


@pytest.fixture(scope="module", params=BUILDERS)
def build(request):
    return BUILDERS[request.param]


@pytest.fixture(scope="module")
def model(build):
    keras.utils.set_random_seed(0)
    model = build()
    # Statistics that differ from their start, so that training mode would show.
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_mean.assign(layer.moving_mean + 0.1)
            layer.moving_variance.assign(layer.moving_variance * 1.3)
    return model


@pytest.fixture(scope="module")
def images():
    return draw_phantoms(1)[0]


def numpy(tensor):
    return keras.ops.convert_to_numpy(tensor)


def test_raw_pixels_in_probabilities_out(model, images):
    probabilities = model.predict(images, verbose=0)
    assert model.input_shape == (None, 64, 64, 1)
    assert probabilities.shape == (6, len(CLASS_NAMES))
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_predict_and_call_agree_and_change_nothing(model, images):
    # Keras up to 3.15: a Resizing layer inside a model would break this (PR #23166).
    before = [numpy(weight) for weight in model.weights]
    predicted = model.predict(images, verbose=0)
    called = numpy(model(images.astype("float32"), training=False))
    np.testing.assert_allclose(called, predicted, atol=1e-5)
    np.testing.assert_allclose(numpy(model(images.astype("float32"))), predicted, atol=1e-5)
    for weight, value in zip(model.weights, before, strict=True):
        np.testing.assert_array_equal(numpy(weight), value)


def test_reloaded_model_predicts_the_same(model, images, tmp_path):
    model.save(tmp_path / "model.keras")
    reloaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_allclose(
        reloaded.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5
    )


def test_weights_path_restores_the_model(build, model, images, tmp_path):
    path = tmp_path / "own.weights.h5"
    model.save_weights(path)
    restored = build(weights=path)
    np.testing.assert_allclose(
        restored.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-5
    )


def test_logits_are_probabilities_before_softmax(build, model, images, tmp_path):
    model.save_weights(tmp_path / "own.weights.h5")
    logits = build(weights=tmp_path / "own.weights.h5", classifier_activation=None)
    np.testing.assert_allclose(
        numpy(keras.ops.softmax(logits.predict(images, verbose=0))),
        model.predict(images, verbose=0),
        atol=1e-5,
    )


def test_wrong_arguments(build, tmp_path):
    with pytest.raises(ValueError, match="Received: classifier_activation='relu'"):
        build(classifier_activation="relu")
    with pytest.raises(FileNotFoundError, match="which does not exist"):
        build(weights=tmp_path / "gone.weights.h5")
    (tmp_path / "text.weights.h5").write_text("no weights")
    with pytest.raises(ValueError, match="does not fit"):
        build(weights=tmp_path / "text.weights.h5")


def test_names_follow_the_argument(build):
    assert build(name="another").name == "another"


def test_baseline_is_small():
    assert baseline_cnn().count_params() == 98_758


@pytest.mark.parametrize(("width", "parameters"), [(1, 508), (16, 98_758), (24, 220_710)])
def test_width_decides_how_many_parameters(width, parameters):
    model = baseline_cnn(width=width)
    filters = [model.get_layer(f"{name}_conv").filters for name in ("stem", "block1", "block3")]
    assert filters == [width, 2 * width, 8 * width]
    assert model.count_params() == parameters


@pytest.mark.parametrize("width", [0, -16, 1.5, "16"])
def test_width_out_of_range(width):
    with pytest.raises(ValueError, match="whole number of at least 1. Received: width="):
        baseline_cnn(width=width)


def test_the_speed_run_s_network_is_smaller_yet_and_takes_raw_pixels(images):
    model = speed_cnn()
    assert model.count_params() == 17_302
    np.testing.assert_allclose(model.predict(images, verbose=0).sum(axis=1), 1, rtol=1e-5)
    grey = np.array([32, 96, 160], "float32").reshape(3, 1, 1, 1)
    np.testing.assert_allclose(model.get_layer("scale")(grey), (grey - 96) / 64)


def test_weights_of_another_width(tmp_path):
    baseline_cnn(width=4).save_weights(tmp_path / "four.weights.h5")
    assert baseline_cnn(width=4, weights=tmp_path / "four.weights.h5").count_params() < 10_000
    with pytest.raises(ValueError, match="does not fit"):
        baseline_cnn(weights=tmp_path / "four.weights.h5")
    with pytest.raises(ValueError, match="does not fit"):
        baseline_cnn(width=16, weights="medical_mnist")


def test_medical_mnist_weights_ship(images):
    model = baseline_cnn(weights="medical_mnist")
    facts = json.loads((networks.WEIGHTS_DIR / "baseline_cnn.json").read_text(encoding="utf-8"))
    assert model.count_params() == facts["parameters"]
    assert model.get_layer("stem_conv").filters == networks.ROBUST_WIDTH
    again = baseline_cnn(weights="medical_mnist", name="again")
    probabilities = model.predict(images, verbose=0)
    np.testing.assert_array_equal(again.predict(images, verbose=0), probabilities)
    random = baseline_cnn(width=networks.ROBUST_WIDTH).predict(images, verbose=0)
    assert probabilities.max() > 0.9 > random.max()


@pytest.mark.parametrize(
    ("weights", "file"),
    [("medical_mnist", "baseline_cnn"), ("medical_mnist_plain", "plain_cnn")],
)
def test_medical_mnist_weights_that_are_missing_are_told(weights, file, tmp_path, monkeypatch):
    monkeypatch.setattr(networks, "WEIGHTS_DIR", tmp_path)
    with pytest.raises(FileNotFoundError, match=f"{file}.weights.h5', which does not exist"):
        baseline_cnn(weights=weights)


def test_resnet_head_is_small_and_backbone_flat():
    model = resnet50v2(weights=None)
    assert model.get_layer("logits").count_params() == 12_294
    assert model.get_layer("conv5_block3_out").output.shape[1:] == (3, 3, 2048)
    assert not any(isinstance(layer, keras.Model) for layer in model.layers)


def test_resnet_sees_what_imagenet_weights_expect():
    model = resnet50v2(weights=None, image_size=96)
    first = keras.Model(model.input, model.get_layer("conv1_pad").input)
    ramp = np.linspace(0, 255, 64 * 64, dtype="float32").reshape(1, 64, 64, 1)
    seen = numpy(first(ramp, training=False))
    assert seen.shape == (1, 96, 96, 3)
    np.testing.assert_allclose([seen.min(), seen.max()], [-1, 1], atol=0.01)
    np.testing.assert_array_equal(seen[..., 0], seen[..., 2])


@pytest.mark.parametrize("image_size", [31, 0, 96.5, "96"])
def test_image_size_out_of_range(image_size):
    with pytest.raises(ValueError, match="Received: image_size="):
        resnet50v2(weights=None, image_size=image_size)


# -- ImageNet weights: the real code, against a server of our own ----------------------------


@pytest.fixture
def weights_server(serve, tmp_path, monkeypatch):
    """Serves `tmp_path/served` in place of Keras' storage; its cache is `tmp_path/keras`."""
    from keras.src.applications import resnet
    from keras.src.backend import config

    (tmp_path / "served").mkdir()
    monkeypatch.setattr(resnet, "BASE_WEIGHTS_PATH", f"{serve(tmp_path / 'served')}/")
    monkeypatch.setattr(config, "_KERAS_DIR", str(tmp_path / "keras"))
    return tmp_path / "served"


@pytest.fixture
def notop(tmp_path):
    """A file such as Keras publishes: the backbone alone, in the old HDF5 layout."""
    import h5py
    from keras.src.legacy.saving import legacy_h5_format

    keras.utils.set_random_seed(1)
    backbone = keras.applications.ResNet50V2(include_top=False, weights=None)
    path = tmp_path / "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, backbone)
    return path, backbone.get_layer("conv4_block1_1_conv").get_weights()[0]


def kernel(model):
    return model.get_layer("conv4_block1_1_conv").get_weights()[0]


def test_imagenet_weights_are_downloaded_into_the_backbone(notop, weights_server, monkeypatch):
    import hashlib

    from keras.src.applications import resnet

    path, expected = notop
    digest = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setitem(resnet.WEIGHTS_HASHES, "resnet50v2", (digest, digest))
    path.rename(weights_server / path.name)
    model = resnet50v2(weights="imagenet")
    np.testing.assert_array_equal(kernel(model), expected)
    norms = [one for one in model.layers if isinstance(one, keras.layers.BatchNormalization)]
    assert len(norms) == 49
    assert not any(norm.trainable for norm in norms)


def test_imagenet_weights_by_path(notop):
    path, expected = notop
    np.testing.assert_array_equal(kernel(resnet50v2(weights=path)), expected)


def test_imagenet_weights_out_of_reach_say_what_to_do(weights_server):
    with pytest.raises(OSError, match=r"Save https.*notop.h5 as .*weights=None"):
        resnet50v2(weights="imagenet")


def test_on_kaggle_imagenet_weights_ask_for_the_internet(weights_server, tmp_path, monkeypatch):
    monkeypatch.setattr("medmnist_keras.storage.KAGGLE_INPUT", tmp_path)
    with pytest.raises(OSError, match=r"Turn on internet\. Save https"):
        resnet50v2(weights="imagenet")


def test_wrong_backbone_file(tmp_path):
    (tmp_path / "some_notop.h5").write_text("no weights")
    with pytest.raises(ValueError, match="does not fit"):
        resnet50v2(weights=tmp_path / "some_notop.h5")
    with pytest.raises(FileNotFoundError, match="does not exist"):
        resnet50v2(weights=tmp_path / "gone_notop.h5")


# -- decode_predictions ----------------------------------------------------------------------


def test_decode_predictions_names_the_most_probable_first():
    rows = np.array([[0.1, 0, 0.2, 0, 0.7, 0], [1, 0, 0, 0, 0, 0]])
    decoded = decode_predictions(rows, top=2)
    assert decoded[0] == [("Hand", 0.7), ("CXR", 0.2)]
    assert decoded[1][0] == ("AbdomenCT", 1.0)


@pytest.mark.parametrize("shape", [(6,), (2, 5), (1, 2, 6)])
def test_decode_predictions_wrong_shape(shape):
    with pytest.raises(ValueError, match=r"must have shape \(images, classes\) with 6 classes"):
        decode_predictions(np.zeros(shape))


@pytest.mark.parametrize("top", [0, 7])
def test_decode_predictions_top_out_of_range(top):
    with pytest.raises(ValueError, match=f"Received: top={top}"):
        decode_predictions(np.eye(6), top=top)
