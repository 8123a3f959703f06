"""How the weights that ship are made, in small; and those that do ship, as they are."""

import dataclasses
import json
import re
from pathlib import Path

import keras
import numpy as np
import pytest
from PIL import Image

from medmnist_keras import CLASS_NAMES, INFO, baseline_cnn, load_data, load_model
from medmnist_keras.augmentation import add_renderings
from medmnist_keras.data import draw_phantoms
from medmnist_keras.evaluation import OOD_SETS, expected_calibration_error, known_probability
from medmnist_keras.experiments import Settings, load_run
from medmnist_keras.models import KNOWN_THRESHOLD, rate, shipped_threshold, with_known
from medmnist_keras.models.networks import ROBUST_WIDTH, WEIGHTS_DIR
from tools import weights as weights_module

SETTINGS = Settings(quick=True, source="phantoms", images_per_class=20)
FILES = [
    "MODEL_CARD.md",
    "baseline_cnn.json",
    "baseline_cnn.weights.h5",
    "plain_cnn.weights.h5",
]


def few_outside_pictures():
    noise = np.random.default_rng(0).integers(0, 256, (20, 64, 64, 1)).astype("uint8")
    return {"noise": noise, "blank": np.zeros((5, 64, 64, 1), "uint8")}


def bright_noise(images, labels, *, seed):
    """Outliers that a network can tell that was trained for seconds."""
    return np.random.default_rng(seed).integers(128, 256, images.shape).astype("uint8")


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    """A working directory whose model is trained once; writing it again trains nothing."""
    folder = tmp_path_factory.mktemp("workshop")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.delenv("MEDMNIST_KERAS_EXTERNAL_DIR", raising=False)
        patch.setattr(weights_module, "load_ood_sets", few_outside_pictures)
        patch.setattr(weights_module, "render_outliers", bright_noise)
        facts = weights_module.write_weights("first", settings=SETTINGS)
    return folder, facts


@pytest.fixture
def write(workshop, monkeypatch):
    """Writes the weights into a folder of this name; returns its path and the facts."""
    monkeypatch.chdir(workshop[0])
    monkeypatch.setattr(weights_module, "load_ood_sets", few_outside_pictures)
    monkeypatch.setattr(weights_module, "render_outliers", bright_noise)

    def write_into(name):
        return workshop[0] / name, weights_module.write_weights(name, settings=SETTINGS)

    return write_into


def names(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


# -- write_weights -------------------------------------------------------------------------------


def test_all_files_are_written(workshop):
    folder, facts = workshop
    assert names(folder / "first") == FILES
    text = (folder / "first" / "baseline_cnn.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=pytest.fail) == facts
    card = (folder / "first" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == weights_module.model_card(json.loads(text))


def test_facts_tell_what_was_trained_on_what(workshop):
    facts = workshop[1]
    assert facts["parameters"] == 220_710
    assert (facts["training"], facts["split"], facts["seed"]) == ("robust", "grouped", 0)
    assert facts["data"].startswith("drawn phantoms, not patients")
    assert "Keras" in facts["versions"]
    assert facts["seconds"]["training"] > 0
    scores = facts["scores"]
    assert scores["test"]["images"] == 12
    measured = {"errors", "accuracy", "balanced_accuracy", "rejected", "accepted_and_right"}
    assert measured <= set(scores["test"])
    assert "external pictures" not in scores
    assert scores["out of distribution"]["noise"]["images"] == 20
    assert list(scores["out of distribution"]) == ["noise", "blank"]
    assert not {"rejected", "accepted_and_right"} & set(facts["scores of plain training"]["test"])


def test_weights_load_and_hold_the_temperature(workshop, monkeypatch):
    folder, facts = workshop
    monkeypatch.chdir(folder)
    weights = folder / "first" / "baseline_cnn.weights.h5"
    shipped = baseline_cnn(weights=weights, width=ROBUST_WIDTH)
    trained = load_run("baseline_cnn", SETTINGS, robust=True).model
    for now, then in zip(shipped.get_weights()[-2:], trained.get_weights()[-2:], strict=True):
        np.testing.assert_allclose(now * facts["temperature"], then, rtol=1e-4, atol=1e-6)
    for now, then in zip(shipped.get_weights()[:-2], trained.get_weights()[:-2], strict=True):
        np.testing.assert_array_equal(now, then)
    assert weights.stat().st_size < 1.2 * 4 * facts["parameters"]  # no state of an optimizer


def test_the_plain_weights_are_written_as_they_were_trained(workshop, monkeypatch):
    folder, _ = workshop
    monkeypatch.chdir(folder)
    written = baseline_cnn(weights=folder / "first" / "plain_cnn.weights.h5")
    trained = load_run("baseline_cnn", SETTINGS).model
    for now, then in zip(written.get_weights(), trained.get_weights(), strict=True):
        np.testing.assert_array_equal(now, then)


def test_what_is_accepted_of_the_validation_pictures_is_counted(workshop):
    folder, facts = workshop
    weights = folder / "first" / "baseline_cnn.weights.h5"
    model = with_known(baseline_cnn(weights=weights, width=ROBUST_WIDTH), **facts["known"])
    _, val_data, _ = load_data(**SETTINGS.data)
    outliers = known_probability(model, bright_noise(*val_data, seed=SETTINGS.seed))
    assert facts["threshold"] == KNOWN_THRESHOLD
    both, labels = add_renderings(*val_data, seed=SETTINGS.seed)
    probabilities, known = rate(model, both)
    passed = known >= facts["threshold"]
    half = len(val_data[1])
    expected = {
        "as they are": passed[:half].mean(),
        "rendered": passed[half:].mean(),
        "as outliers": (outliers >= KNOWN_THRESHOLD).mean(),
    }
    assert facts["validation pictures accepted"] == pytest.approx(expected)
    error = expected_calibration_error(labels, probabilities)
    assert facts["calibration error before and after"][1] == pytest.approx(error, abs=1e-4)


def test_the_card_says_what_a_user_must_know(workshop):
    folder, facts = workshop
    card = (folder / "first" / "MODEL_CARD.md").read_text(encoding="utf-8")
    flat = " ".join(card.split())
    assert "Not for clinical use" in flat
    assert "220,710 parameters" in flat
    assert f"under {facts['threshold']} the answer is" in flat
    accepted = facts["validation pictures accepted"]
    assert f"Accepted are {accepted['as they are']:.1%} of the validation pictures" in flat
    assert f"and {accepted['as outliers']:.1%} of the outliers" in flat
    assert f"{facts['temperature']:.3f}" in flat
    assert INFO["credit"] in flat
    assert "drawn phantoms, not patients" in flat
    score = facts["scores"]["test"]
    assert f"| test | 12 | {score['accuracy']:.2%} |" in card
    plain = facts["scores of plain training"]["test"]
    assert f"| test, plain training | 12 | {plain['accuracy']:.2%} |" in card
    assert f"| {score['accepted_and_right']:.1%} |" in card
    for name, row in facts["scores"]["out of distribution"].items():
        assert f"| {name} | {row['auroc']:.3f} | {row['rejected']:.0%} |" in card
    assert "Recall by class in external pictures" not in flat
    assert "{" not in card


def test_writing_again_gives_the_same(workshop, write):
    folder, facts = write("second")  # the temperature isn't applied twice
    assert facts == workshop[1]
    for name in ("baseline_cnn.json", "MODEL_CARD.md"):
        assert (folder / name).read_bytes() == (workshop[0] / "first" / name).read_bytes()


def test_external_pictures_are_measured(write, tmp_path, monkeypatch):
    images, labels = draw_phantoms(2, seed=8)
    for index, (image, label) in enumerate(zip(images, labels, strict=True)):
        path = tmp_path / "elsewhere" / CLASS_NAMES[label] / f"{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image[..., 0]).save(path)
    monkeypatch.setenv("MEDMNIST_KERAS_EXTERNAL_DIR", str(tmp_path / "elsewhere"))
    folder, facts = write("with others")
    others = facts["scores"]["external pictures"]
    assert others["images"] == 12
    assert list(others["recall"]) == list(CLASS_NAMES)
    assert np.mean(list(others["recall"].values())) == pytest.approx(others["balanced_accuracy"])
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert f"| external pictures | 12 | {others['accuracy']:.2%} |" in card
    assert "Recall by class in external pictures: AbdomenCT" in card
    assert str(tmp_path) not in (folder / "baseline_cnn.json").read_text(encoding="utf-8")


def break_saving(monkeypatch):
    def broken(self, path):
        path.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", broken)


def break_card(monkeypatch):
    def broken(facts):
        raise OSError("No space left on device")

    monkeypatch.setattr(weights_module, "model_card", broken)


@pytest.mark.parametrize("break_something", [break_saving, break_card])
def test_when_writing_breaks_off_what_was_there_stays(break_something, write, monkeypatch):
    folder = Path(f"old, {break_something.__name__}")
    folder.mkdir()
    for name in FILES:
        (folder / name).write_text(f"old {name}")
    with monkeypatch.context() as patch:
        break_something(patch)
        with pytest.raises(OSError, match="No space"):
            write(folder.name)
        with pytest.raises(OSError, match="No space"):
            write(f"new, {folder.name}")
    for name in FILES:  # weights and threshold belong together
        assert (folder / name).read_text(errors="replace") == f"old {name}"
    assert not set(FILES) & set(names(Path(f"new, {folder.name}")))


def test_a_full_run_on_the_grouped_split_is_what_ships(monkeypatch, tmp_path):
    asked = []

    def stop(**arguments):
        asked.append(arguments)
        raise InterruptedError

    monkeypatch.setattr(weights_module, "load_data", stop)
    with pytest.raises(InterruptedError):
        weights_module.write_weights(tmp_path)
    full = Settings(quick=False, source=None, images_per_class=None)
    assert asked == [dataclasses.replace(full, split="grouped").data]


# -- what ships ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shipped():
    return json.loads((WEIGHTS_DIR / "baseline_cnn.json").read_text(encoding="utf-8"))


def test_what_ships_is_a_few_small_files():
    assert names(WEIGHTS_DIR) == FILES
    assert sum(path.stat().st_size for path in WEIGHTS_DIR.iterdir()) < 3_000_000


def test_the_model_that_ships_loads_and_is_small(shipped):
    model = baseline_cnn(weights="medical_mnist")
    assert model.count_params() == shipped["parameters"] <= 500_000
    images, _ = draw_phantoms(2)
    probabilities = model.predict(images, verbose=0)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)
    assert len(set(probabilities.argmax(axis=1))) > 2
    assert all(np.isfinite(weights).all() for weights in model.get_weights())


def test_the_plain_model_that_ships_falls_where_the_robust_one_holds(shipped):
    assert baseline_cnn(weights="medical_mnist_plain").count_params() == 98_758
    plain, robust = shipped["scores of plain training"], shipped["scores"]
    assert plain["test"]["accuracy"] > 0.99
    fallen = plain["external pictures"]["balanced_accuracy"]
    assert fallen < 0.7 < robust["external pictures"]["balanced_accuracy"]


def test_the_card_that_ships_is_that_of_its_facts(shipped):
    card = (WEIGHTS_DIR / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card == weights_module.model_card(shipped), "Run `make weights`."
    assert "Not for clinical use" in " ".join(card.split())


def test_facts_of_what_ships(shipped):
    assert (shipped["split"], shipped["training"]) == ("grouped", "robust")
    assert "phantoms" not in shipped["data"]
    assert "all of them" in shipped["data"]
    assert 0.05 < shipped["temperature"] < 20
    assert 0 < shipped["threshold"] < 1
    assert shipped["known"]["scale"] > 0
    assert shipped["validation pictures accepted"]["as they are"] > 0.9
    assert shipped_threshold("baseline_cnn") == shipped["threshold"]
    before, after = shipped["calibration error before and after"]
    assert after <= before
    for text in (shipped["hardware"], shipped["versions"]):
        assert re.search(r"\d", text)


def test_scores_of_what_ships_are_whole_and_agree_with_one_another(shipped):
    scores = shipped["scores"]
    for name in ("test", "external pictures"):
        score = scores[name]
        wrong = score["errors"] / score["images"]
        assert score["accuracy"] == pytest.approx(1 - wrong)
        for kind in ("accuracy", "balanced_accuracy"):
            assert score[f"{kind}_low"] <= score[kind] <= score[f"{kind}_high"]
        assert 0 <= score["rejected"] < 0.5
        assert score["accepted_and_right"] <= score["balanced_accuracy"]
    assert scores["test"]["images"] > 5000
    recall = scores["external pictures"]["recall"]
    assert list(recall) == list(CLASS_NAMES)
    balanced = np.mean(list(recall.values()))
    assert balanced == pytest.approx(scores["external pictures"]["balanced_accuracy"])
    assert list(scores["out of distribution"]) == list(OOD_SETS)
    for row in scores["out of distribution"].values():
        assert 0.5 < row["auroc"] <= 1


def test_the_model_that_ships_rejects_what_shows_nothing():
    model, threshold = load_model("baseline_cnn")
    nothing = np.concatenate(list(few_outside_pictures().values()))
    assert (known_probability(model, nothing) < threshold).mean() > 0.9
