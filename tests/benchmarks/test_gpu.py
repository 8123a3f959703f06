"""The GPU benchmark, tiny and on the CPU: that it measures all of it, and loses nothing."""

import json
from pathlib import Path

import pytest

from benchmarks import gpu
from medmnist_keras import baseline_cnn, train
from medmnist_keras.experiments import Settings, save_run
from medmnist_keras.models import resnet50v2

TINY = Settings(quick=True, source="phantoms", images_per_class=20)


@pytest.fixture(autouse=True)
def small(tmp_path, monkeypatch):
    """Writes elsewhere; ResNet50V2 as small as it gets, in chapter 3's recipe too."""
    monkeypatch.setattr(gpu, "FOLDER", tmp_path / "build")
    monkeypatch.setattr(gpu, "resnet50v2", lambda weights: resnet50v2(weights=None, image_size=32))


def measured(monkeypatch, *names):
    """Results of these measurements."""
    chosen = [pair for pair in gpu._measurements() if pair[0] in names]
    assert len(chosen) == len(names)
    monkeypatch.setattr(gpu, "_measurements", lambda: chosen)
    return gpu.measure(TINY, gpu.QUICK)


def test_speeds_are_told_with_what_they_were_measured_on(monkeypatch, tmp_path):
    result = measured(monkeypatch, "baseline CNN", "ResNet50V2, 80 pixels, float32", "one picture")
    assert result["failures"] == {}
    assert {"Data", "Hardware", "Versions"} <= set(result["machine"])
    assert "20 a class" in result["machine"]["Data"]
    rows = {row["what"]: row for row in result["rows"]}
    assert rows["baseline CNN, training"]["unit"] == "images/s"
    assert "batches of 16" in rows["ResNet50V2, 80 pixels, all layers, float32, training"]["note"]
    assert "0 of 1 seeds reached" in rows["baseline CNN to 99.9%, random split"]["note"]
    assert rows["baseline CNN to 99.9%, random split"]["value"] is None
    assert all(row["value"] > 0 for what, row in rows.items() if "to 99.9%" not in what)
    assert json.loads((tmp_path / "build" / "gpu.json").read_text()) == result
    assert "one picture, shipped CNN, four views" in gpu.format_result(result)


def test_what_fails_is_told_and_the_rest_measured(monkeypatch, capsys):
    def fail(bench):
        raise MemoryError("the card is full")

    monkeypatch.setattr(gpu, "latency", fail)
    monkeypatch.setattr(gpu, "feed_robust", lambda bench: [gpu.Row("fed", 1.0, "images/s")])
    result = measured(monkeypatch, "one picture", "robust layers")
    assert result["failures"] == {"one picture": "MemoryError: the card is full"}
    assert result["rows"][-1]["what"] == "fed"
    assert "not measured: one picture: MemoryError" in gpu.format_result(result)


def test_what_would_begin_too_late_is_left_out(monkeypatch):
    monkeypatch.setattr(gpu, "_measurements", lambda: [("late", lambda bench: [])])
    result = gpu.measure(TINY, gpu.QUICK, seconds=0)
    assert result["failures"] == {"late": "not begun after 0 s"}


def test_a_whole_recipe_is_trained_anew_and_scored(monkeypatch):
    folders = []

    def recipe(data, settings, *, verbose):
        folders.append(Path.cwd())
        model = baseline_cnn()
        train(model, *data[:2], epochs=1, batch_size=16, verbose=verbose)
        return save_run(model, settings, seconds={"all layers": 1}, data=data)

    monkeypatch.setattr(gpu, "run_resnet50v2", recipe)
    result = measured(monkeypatch, "ResNet50V2, whole recipe")
    assert result["failures"] == {}
    assert len(set(folders)) == 2  # none finds what another one kept
    rows = [row for row in result["rows"] if "whole recipe" in row["what"]]
    assert [row["what"].split(", ")[-1] for row in rows] == ["grouped split", "random split"]
    assert all("errors of" in row["note"] for row in rows)


def test_the_robust_layers_are_fed(monkeypatch):
    pytest.importorskip("tensorflow")
    (row,) = measured(monkeypatch, "robust layers")["rows"][1:]
    assert row["value"] > 0
    assert row["note"] == "on the CPU"


def test_references_take_our_pictures():
    for build in (gpu.talk_cnn, gpu.densenet121):
        assert gpu._scaled(build()).output_shape == (None, 6)
