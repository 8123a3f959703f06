"""The models on JAX, in a process of its own: a backend is chosen before Keras is imported."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

from medmnist_keras import baseline_cnn
from medmnist_keras.phantoms import draw_phantoms

TESTS = Path(__file__).parent
BEHAVIOUR = "raw_pixels or predict_and_call or reloaded or weights_path or logits_are"

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="jax is not installed"
)


def on_jax(*command, cwd=TESTS):
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_models_behave_on_jax():
    output = on_jax("-m", "pytest", "-q", "test_models.py", "-k", BEHAVIOUR)
    assert "11 passed" in output


def test_training_on_jax():
    output = on_jax(
        "-c",
        "import medmnist_keras as mk\n"
        "train_ds, val_ds, _ = mk.load_datasets(32, 'phantoms', images_per_class=50)\n"
        "print('losses', *mk.train(mk.baseline_cnn(), train_ds, val_ds, verbose=0)"
        ".history['loss'])\n",
    )
    losses = [float(loss) for loss in output.split("losses")[1].split()]
    assert losses[-1] < losses[0]


def test_a_model_saved_here_predicts_the_same_there(tmp_path):
    images, _ = draw_phantoms(2)
    model = baseline_cnn()
    model.save(tmp_path / "model.keras")
    np.save(tmp_path / "images.npy", images)
    on_jax(
        "-c",
        "import keras, numpy as np\n"
        "assert keras.backend.backend() == 'jax'\n"
        "model = keras.saving.load_model('model.keras')\n"
        "np.save('there.npy', model.predict(np.load('images.npy'), verbose=0))\n",
        cwd=tmp_path,
    )
    assert keras.backend.backend() == "tensorflow"
    here = model.predict(images, verbose=0)
    np.testing.assert_allclose(np.load(tmp_path / "there.npy"), here, atol=1e-5)
