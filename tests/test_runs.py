import dataclasses
import json

import keras
import numpy as np
import pytest

from medmnist_keras import (
    Settings,
    baseline_cnn,
    keep_results,
    keep_run,
    load_data,
    load_run,
    models,
    run_baseline,
    run_resnet50v2,
    runs,
)


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Settings(quick=True, source="phantoms", images_per_class=20)


@pytest.fixture
def data(settings):
    return load_data(**settings.data)


def test_a_kept_model_comes_back(settings, data):
    model = baseline_cnn()
    kept = keep_run(model, settings, seconds={"training": 1.234})
    loaded = load_run("baseline_cnn", settings)
    assert loaded.loaded
    assert not kept.loaded
    assert loaded.facts == kept.facts
    assert loaded.facts["seconds"] == {"training": 1.2}
    images = data[2][0]
    np.testing.assert_allclose(
        loaded.model.predict(images, verbose=0), model.predict(images, verbose=0), atol=1e-6
    )


def test_nothing_kept_nothing_loaded(settings):
    assert load_run("baseline_cnn", settings) is None
    keep_run(baseline_cnn(), settings, seconds={})
    assert load_run("baseline_cnn", settings, seed=7) is None
    for other in ({"source": None}, {"split": "random"}, {"seed": 1}):
        assert load_run("baseline_cnn", dataclasses.replace(settings, **other), seed=0) is None


def test_a_run_whose_writing_broke_off_is_not_loaded(settings, monkeypatch):
    keep_run(baseline_cnn(), settings, seconds={"training": 1})

    def broken(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", broken)
    with pytest.raises(OSError, match="No space"):
        keep_run(baseline_cnn(), settings, seconds={})
    assert load_run("baseline_cnn", settings) is None
    assert not list(settings.folder.glob("*.json"))


def test_run_baseline_trains_once_and_says_so(settings, data):
    first = run_baseline(data, settings, seed=3)
    again = run_baseline(data, settings, seed=3)
    assert "grouped split, seed 3, trained now in" in first.story
    assert "seed 3, loaded, trained earlier in" in again.story
    assert "started from random weights" in first.story
    for weight, other in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


def test_run_resnet_without_imagenet_weights_says_so(settings, monkeypatch, capsys):
    monkeypatch.setattr(
        runs, "resnet50v2", lambda weights: models.resnet50v2(weights=weights, image_size=32)
    )
    monkeypatch.setattr(runs, "imagenet_weights_at_hand", lambda: False)
    data = load_data("phantoms", images_per_class=180)
    run = run_resnet50v2(data, settings)
    assert "No ImageNet weights: a quick run downloads nothing" in capsys.readouterr().out
    assert list(run.facts["seconds"]) == ["all layers", "features", "head", "top"]
    assert "started from random weights" in run.story


def test_a_full_run_tries_imagenet_first(settings, monkeypatch, capsys):
    tried = []

    def build(weights):
        tried.append(weights)
        if weights:
            raise OSError("no network")
        return baseline_cnn()

    monkeypatch.setattr(runs, "resnet50v2", build)
    monkeypatch.setattr(runs, "imagenet_weights_at_hand", lambda: False)
    full = dataclasses.replace(settings, quick=False)
    assert runs.build_resnet50v2(full)[1] is None
    assert tried == ["imagenet", None]
    assert "No ImageNet weights: no network" in capsys.readouterr().out


def test_results_are_gathered_section_by_section(settings):
    keep_results(settings, loading={"first": 1.0})
    keep_results(settings, scores={"a": 1}, loading={"first": 2.0})
    stored = json.loads(settings.results_file.read_text())
    assert stored == {"loading": {"first": 2.0}, "scores": {"a": 1}}
    assert settings.results_file.parent == settings.folder  # never beside a full run's
