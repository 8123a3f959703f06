"""The package where TensorFlow isn't installed, on the backend that KERAS_BACKEND names.

`make test-without-tensorflow` makes such an environment; in any other these are skipped.
"""

import importlib.util
import os
import subprocess
import sys

import numpy as np
import pytest

if importlib.util.find_spec("tensorflow"):
    pytest.skip("TensorFlow is installed here", allow_module_level=True)

import keras
from PIL import Image

import medmnist_keras as mk
from medmnist_keras import plots
from medmnist_keras.augmentation import render_outliers, render_shift, with_augmentation
from medmnist_keras.data import write_shards
from medmnist_keras.evaluation import fit_known, known_probability
from medmnist_keras.training import accelerated


@pytest.fixture(scope="module")
def data():
    return mk.load_data("phantoms", images_per_class=60)


@pytest.fixture(scope="module")
def trained(data):
    keras.utils.set_random_seed(0)
    model = mk.baseline_cnn()
    history = mk.train(with_augmentation(model), *data[:2], epochs=4, batch_size=16, verbose=0)
    return model, history.history


def test_training_on_arrays_learns(trained, data):
    model, history = trained
    assert history["loss"][-1] < 0.7 * history["loss"][0]
    images, labels = data[1]
    scores = mk.evaluate(labels, model.predict(images, verbose=0))
    best = np.argmin(history["val_loss"])
    np.testing.assert_allclose(scores["accuracy"], history["val_accuracy"][best], atol=0.01)
    assert scores["accuracy"] > 0.5


def test_what_is_trained_says_what_it_knows(trained, data):
    images = data[1][0]
    known = fit_known(trained[0], images, images[:, ::-1] // 2 + 100)
    assert known_probability(known.model, images).shape == (len(images),)


def test_fine_tuning_trains_the_head_first(data):
    with accelerated():
        model = mk.resnet50v2(weights=None, image_size=32)
    tuned = mk.fine_tune(model, *data[:2], head_epochs=1, top_epochs=1, verbose=0)
    assert len(tuned.head.history["loss"]) == len(tuned.top.history["loss"]) == 1


def test_training_that_was_stopped_goes_on(data, tmp_path):
    class Stop(keras.callbacks.TerminateOnNaN):
        def on_epoch_begin(self, epoch, logs=None):
            if epoch == 1:
                raise KeyboardInterrupt

    state = tmp_path / "state"
    run = {"backup": state, "epochs": 2, "batch_size": 64, "verbose": 0}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.callbacks, "TerminateOnNaN", Stop)
        with pytest.raises(KeyboardInterrupt):
            mk.train(mk.baseline_cnn(), *data[:2], **run)
    assert [path.name for path in state.iterdir()] == ["epoch-00001"]
    assert mk.train(mk.baseline_cnn(), *data[:2], **run).epoch == [0, 1]


def test_what_ships_predicts_and_explains(data):
    table = mk.predict(list(data[2][0][::5]))
    assert set(table["answer"]) & set(mk.CLASS_NAMES)
    model = mk.baseline_cnn(weights="medical_mnist")
    maps = mk.grad_cam(model, data[2][0][:2])
    assert maps.shape[0] == 2
    assert np.ptp(maps) > 0
    assert plots.__all__  # Matplotlib's figures ask no backend


@pytest.mark.parametrize(
    "work",
    [
        lambda data, folder: mk.make_dataset(*data[0]),
        lambda data, folder: mk.load_datasets(16, "phantoms", images_per_class=12),
        lambda data, folder: render_shift(*data[0]),
        lambda data, folder: render_outliers(*data[0]),
        lambda data, folder: write_shards(zip(*data[0], strict=True), folder / "set", shards=1),
    ],
    ids=["make_dataset", "load_datasets", "render_shift", "render_outliers", "write_shards"],
)
def test_what_needs_tensorflow_says_so(work, data, tmp_path):
    with pytest.raises(ModuleNotFoundError, match="needs TensorFlow.*pip install tensorflow"):
        work(data, tmp_path)
    assert list(tmp_path.iterdir()) == []  # nothing half-written


def python(*arguments, **variables):
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    return subprocess.run(
        [sys.executable, *arguments], env=environment | variables, capture_output=True, text=True
    )


def test_a_backend_that_is_not_installed_is_told():
    done = python("-c", "import medmnist_keras as mk; mk.baseline_cnn()")
    assert done.returncode == 1
    assert "the backend 'tensorflow', which isn't installed" in done.stderr
    assert "can be used here: set the environment variable KERAS_BACKEND=jax" in done.stderr


def test_the_command_line_predicts(data, tmp_path):
    Image.fromarray(data[2][0][0, :, :, 0]).save(tmp_path / "picture.png")
    backend = {"KERAS_BACKEND": keras.backend.backend()}
    done = python("-m", "medmnist_keras", "predict", str(tmp_path / "picture.png"), **backend)
    assert (done.returncode, "picture.png" in done.stdout) == (0, True), done.stderr
    done = python("-m", "medmnist_keras", "check", **backend)
    assert done.returncode == 0, done.stdout
    assert "[missing] tensorflow (optional): not here" in done.stdout
