"""The models on JAX and PyTorch, each in a process of its own: a backend is chosen before Keras
is imported. What one has saved, the others load."""

import importlib.util
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from backend_exchange import exchange

from medmnist_keras import CLASS_NAMES

TESTS = Path(__file__).parents[1]
BEHAVIOUR = "raw_pixels or predict_and_call or reloaded or weights_path or logits_are"
BACKENDS = ("tensorflow", "jax", "torch")
INSTALLED = [name for name in BACKENDS if importlib.util.find_spec(name)]
MODELS = ("baseline_cnn", "resnet50v2")


def on(backend, *command):
    environment = {**os.environ, "KERAS_BACKEND": backend, "JAX_PLATFORMS": "cpu"}
    environment["OMP_WAIT_POLICY"] = "PASSIVE"  # PyTorch's threads beside those of tf.data
    done = subprocess.run(
        [sys.executable, *command], cwd=TESTS, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def needs(backend):
    if backend not in INSTALLED:
        pytest.skip(f"{backend} is not installed")


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_models_behave(backend):
    needs(backend)
    assert "11 passed" in on(
        backend, "-m", "pytest", "-q", "models/test_models.py", "-k", BEHAVIOUR
    )


@pytest.fixture(scope="module")
def exchanged(tmp_path_factory):
    """What each backend has made of its own models and of the others'."""
    folder = tmp_path_factory.mktemp("exchange")
    exchange(folder)
    others = [name for name in ("torch", "jax") if name in INSTALLED]
    for backend in (*others, *others[:-1]):  # once more, to load what the last one left
        on(backend, "backend_exchange.py", folder)
    exchange(folder)
    return folder


def facts(folder, backend):
    needs(backend)
    return json.loads((folder / f"facts-{backend}.json").read_text())


@pytest.mark.parametrize(
    ("name", "backend"),
    [("baseline_cnn", "tensorflow"), *itertools.product(MODELS, BACKENDS[1:])],
)
def test_training_lowers_the_loss(name, backend, exchanged):
    told = facts(exchanged, backend)[name]
    assert told["loss"][-1] < told["loss"][0]
    # The best epoch's weights are what stays.
    np.testing.assert_allclose(told["kept"], min(told["val_loss"]), rtol=1e-4)


@pytest.mark.parametrize("name", [*MODELS, "whole", "known"])
@pytest.mark.parametrize("pair", list(itertools.permutations(BACKENDS, 2)), ids="-on-".join)
def test_saved_on_one_loaded_on_another(pair, name, exchanged):
    origin, other = pair
    needs(origin)
    needs(other)
    here = np.load(exchanged / f"{name}-{origin}-on-{origin}.npy")
    there = np.load(exchanged / f"{name}-{origin}-on-{other}.npy")
    print(f"{name} of {origin} on {other}: {np.abs(there - here).max():.1e}")
    assert np.ptp(here, axis=0).max() > 0.01  # answers that differ from picture to picture
    np.testing.assert_allclose(there, here, atol=1e-4)


@pytest.mark.parametrize("backend", BACKENDS[1:])
def test_what_ships_answers_alike(backend, exchanged):
    told, expected = facts(exchanged, backend), facts(exchanged, "tensorflow")
    assert told["answers"] == expected["answers"]
    assert told["answers"][0] == "none of these"
    assert set(told["answers"]) & set(CLASS_NAMES)
    assert told["answers"][-1] == ""
    for file in ("shipped-{0}-on-{0}.npy", "maps-{0}.npy"):
        one, other = (np.load(exchanged / file.format(each)) for each in (backend, "tensorflow"))
        np.testing.assert_allclose(one, other, atol=1e-3)
