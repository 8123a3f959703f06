import dataclasses
import json
import multiprocessing
import os

import keras
import numpy as np
import pytest
from tiny_data import tiny_resnet

from medmnist_keras import CLASS_NAMES, baseline_cnn, load_data, make_dataset, train
from medmnist_keras.augmentation import ROBUST_LAYERS, with_augmentation
from medmnist_keras.data import draw_phantoms
from medmnist_keras.experiments import (
    ABLATION_STEPS,
    Settings,
    ablation as ablation_module,
    load_run,
    recipes,
    run_ablation,
    run_baseline,
    run_resnet50v2,
    save_results,
    save_run,
    saved,
    speed_run,
)
from medmnist_keras.models import networks
from medmnist_keras.training.fine_tuning import FineTuning


@pytest.fixture
def settings(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Settings(quick=True, source="phantoms", images_per_class=20)


@pytest.fixture
def data(settings):
    return load_data(**settings.data)


def test_a_kept_model_comes_back(settings, data):
    model = baseline_cnn()
    kept = save_run(model, settings, seconds={"training": 1.234})
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
    save_run(baseline_cnn(), settings, seconds={})
    assert load_run("baseline_cnn", settings, seed=7) is None
    for other in ({"source": None}, {"split": "random"}, {"seed": 1}):
        assert load_run("baseline_cnn", dataclasses.replace(settings, **other), seed=0) is None


OTHERS = {
    "pictures": lambda x, y: (np.roll(x, 1, axis=1), y),
    "labels": lambda x, y: (x, np.roll(y, 1)),
    "fewer": lambda x, y: (x[:-1], y[:-1]),
}


@pytest.mark.parametrize("other", OTHERS)
@pytest.mark.parametrize("part", [0, 1])
def test_a_run_of_other_pictures_is_never_loaded(settings, data, other, part, monkeypatch, caplog):
    save_run(baseline_cnn(), settings, seconds={}, data=data)
    assert run_baseline(data, settings).loaded
    changed = list(data)
    changed[part] = OTHERS[other](*data[part])
    monkeypatch.setattr(recipes, "train", lambda *_, **__: None)
    assert not run_baseline(tuple(changed), settings).loaded
    assert "was made of other pictures" in caplog.text
    assert run_baseline(tuple(changed), settings).loaded  # kept in its place


def test_a_run_of_other_settings_or_another_recipe_is_never_loaded(settings, monkeypatch):
    save_run(baseline_cnn(), settings, seconds={})
    assert load_run("baseline_cnn", settings)
    more = dataclasses.replace(settings, images_per_class=30)
    assert more.folder == settings.folder
    assert load_run("baseline_cnn", more) is None
    monkeypatch.setitem(saved.RECIPES, ("baseline_cnn", "robust"), 0)
    assert load_run("baseline_cnn", settings)  # another model's recipe
    monkeypatch.setitem(saved.RECIPES, ("baseline_cnn", "plain"), 0)
    assert load_run("baseline_cnn", settings) is None


def test_a_run_of_times_before_these_digests_is_trained_anew(settings):
    save_run(baseline_cnn(), settings, seconds={})
    (file,) = settings.folder.glob("*.json")
    facts = json.loads(file.read_text(encoding="utf-8"))
    del facts["pictures"], facts["recipe"]
    file.write_text(json.dumps(facts), encoding="utf-8")
    assert load_run("baseline_cnn", settings) is None


def test_a_run_whose_writing_broke_off_leaves_the_one_before(settings, monkeypatch):
    save_run(baseline_cnn(), settings, seconds={"training": 1})

    def broken(*_, **__):
        raise OSError("No space left on device")

    monkeypatch.setattr(keras.Model, "save_weights", broken)
    with pytest.raises(OSError, match=r"could not be written \(No space.*Free some space"):
        save_run(baseline_cnn(), settings, seconds={"training": 2})
    assert load_run("baseline_cnn", settings).facts["seconds"] == {"training": 1}
    assert len(list(settings.folder.iterdir())) == 2


def test_weights_without_their_facts_are_no_run(settings):
    save_run(baseline_cnn(), settings, seconds={"training": 1})
    next(settings.folder.glob("*.json")).unlink()
    assert load_run("baseline_cnn", settings) is None


def test_run_baseline_trains_once_and_says_so(settings, data):
    first = run_baseline(data, settings, seed=3)
    again = run_baseline(data, settings, seed=3)
    assert "grouped split, seed 3, trained now in" in first.story
    assert "seed 3, loaded, trained earlier in" in again.story
    assert "started from random weights" in first.story
    for weight, other in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)


def test_run_resnet_without_imagenet_weights_says_so(settings, monkeypatch, capsys):
    monkeypatch.setattr(recipes, "resnet50v2", lambda weights: tiny_resnet())
    monkeypatch.setattr(recipes, "imagenet_weights_at_hand", lambda: False)
    monkeypatch.setattr(recipes, "fine_tune", lambda *_, **__: pytest.fail("nothing to fine-tune"))
    changed = []

    def augmented(model, *, seed):
        changed.append((model.name, seed))
        return with_augmentation(model, seed=seed)

    monkeypatch.setattr(recipes, "with_augmentation", augmented)
    data = load_data("phantoms", images_per_class=180)
    run = run_resnet50v2(data, settings)
    assert "No ImageNet weights: a quick run downloads nothing" in capsys.readouterr().out
    assert list(run.facts["seconds"]) == ["all layers"]
    assert changed == [("resnet50v2", settings.seed)]
    assert run.model.get_layer("logits").output.shape == (None, 6)  # not the one that augments
    assert "started from random weights" in run.story


def test_run_resnet_with_imagenet_weights_fine_tunes_alone(settings, data, monkeypatch):
    small = baseline_cnn(name="resnet50v2")
    tuned = []

    def fine_tune(model, *arrays, **arguments):
        tuned.append((model, arrays, arguments["seed"]))
        return FineTuning(None, None, {"features": 1.0, "head": 2.0, "top": 3.0})

    monkeypatch.setattr(recipes, "build_resnet50v2", lambda settings: (small, "imagenet"))
    monkeypatch.setattr(recipes, "train", lambda *_, **__: pytest.fail("pretrained already"))
    monkeypatch.setattr(recipes, "fine_tune", fine_tune)
    run = run_resnet50v2(data, settings)
    assert tuned == [(small, data[:2], settings.seed)]
    assert run.facts["seconds"] == {"features": 1.0, "head": 2.0, "top": 3.0}
    assert "started from ImageNet weights" in run.story


def test_a_full_run_tries_imagenet_first(settings, monkeypatch, capsys):
    tried = []

    def build(weights):
        tried.append(weights)
        if weights:
            raise OSError("no network")
        return baseline_cnn()

    monkeypatch.setattr(recipes, "resnet50v2", build)
    monkeypatch.setattr(recipes, "imagenet_weights_at_hand", lambda: False)
    full = dataclasses.replace(settings, quick=False)
    assert recipes.build_resnet50v2(full)[1] is None
    assert tried == ["imagenet", None]
    assert "No ImageNet weights: they could not be downloaded." in capsys.readouterr().out


# -- robust runs ---------------------------------------------------------------------------------


def test_robust_runs_plain_ones_and_controls_are_kept_apart(settings):
    kinds = {"robust": {"robust": True}, "control": {"control": True}, "plain": {}}
    models = {}
    for kind, which in kinds.items():
        assert load_run("baseline_cnn", settings, **which) is None
        width = {} if kind == "plain" else {"width": networks.ROBUST_WIDTH}
        models[kind] = baseline_cnn(**width)
        save_run(models[kind], settings, seconds={"training": 2}, **which)
    for kind, model in models.items():
        loaded = load_run("baseline_cnn", settings, **kinds[kind])
        assert loaded.facts["training"] == kind
        assert loaded.facts["parameters"] == model.count_params()
        told = "baseline_cnn:" if kind == "plain" else f"baseline_cnn, {kind}:"
        assert loaded.story.startswith(told)
        for weight, other in zip(loaded.model.get_weights(), model.get_weights(), strict=True):
            np.testing.assert_array_equal(weight, other)
    assert load_run("baseline_cnn", settings, robust=True, seed=7) is None
    assert load_run("resnet50v2", settings, robust=True) is None


def test_run_baseline_robust_trains_a_wider_one_once(settings, data, monkeypatch):
    trained = []

    def train(model, train_ds, val_ds, **arguments):
        trained.append((train_ds, val_ds, arguments["epochs"]))
        return training_train(model, train_ds, val_ds, **arguments)

    training_train = recipes.train
    monkeypatch.setattr(recipes, "train", train)
    first = run_baseline(data, settings, robust=True, verbose=0)
    again = run_baseline(data, settings, robust=True)
    ((train_ds, val_ds, epochs),) = trained
    assert epochs == settings.epochs(8) == 2
    assert train_ds.element_spec[0].shape == (32, 64, 64, 1)
    assert int(train_ds.cardinality()) == (96 + 24) // 32  # with phantoms
    (images, labels), (x_val, y_val) = next(val_ds.rebatch(99).as_numpy_iterator()), data[1]
    np.testing.assert_array_equal(images[:12], x_val)  # as they are, then as elsewhere
    assert (images[12:] != x_val).any(axis=(1, 2, 3)).mean() > 0.9
    np.testing.assert_array_equal(labels, np.tile(y_val, 2))
    assert first.model.count_params() == again.facts["parameters"] == 220_710
    assert "baseline_cnn, robust: 220,710 parameters, started from random" in first.story
    assert again.loaded
    assert not first.loaded
    for weight, other in zip(first.model.get_weights(), again.model.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    assert load_run("baseline_cnn", settings) is None


def test_run_baseline_control_differs_from_the_robust_one_in_its_training_pictures(
    settings, data, monkeypatch
):
    trained, augmented = [], []

    def train(model, train_ds, val_ds, **arguments):
        trained.append((train_ds, val_ds, arguments["epochs"]))

    def augment(train_ds, *, seed):
        augmented.append(seed)
        return train_ds

    monkeypatch.setattr(recipes, "train", train)
    monkeypatch.setattr(recipes, "augment", augment)
    monkeypatch.setattr(recipes, "augment_robust", lambda train_ds, *, seed: train_ds)
    run = run_baseline(data, settings, seed=3, control=True)
    robust = run_baseline(data, settings, seed=3, robust=True)
    (train_ds, val_ds, epochs), (_, robust_val_ds, robust_epochs) = trained
    assert epochs == robust_epochs == settings.epochs(8)
    assert augmented == [3]
    assert int(train_ds.cardinality()) == 96 // 32  # without phantoms
    for pictures, others in zip(val_ds, robust_val_ds, strict=True):
        np.testing.assert_array_equal(pictures[0], others[0])
    assert run.facts["parameters"] == robust.facts["parameters"]
    assert run.story.startswith("baseline_cnn, control:")
    assert run_baseline(data, settings, seed=3, control=True).loaded
    assert load_run("baseline_cnn", settings, seed=3) is None
    assert len(trained) == 2


def test_a_robust_control_is_told(settings, data):
    both = {"robust": True, "control": True}
    for refused in (
        lambda: run_baseline(data, settings, **both),
        lambda: load_run("baseline_cnn", settings, **both),
        lambda: save_run(baseline_cnn(), settings, seconds={}, **both),
    ):
        with pytest.raises(ValueError, match="not both. Received: robust=True, control=True"):
            refused()


def test_run_resnet_robust_trains_all_layers_alone(settings, data, monkeypatch):
    trained = []
    small = baseline_cnn(name="resnet50v2")
    monkeypatch.setattr(recipes, "build_resnet50v2", lambda settings: (small, "imagenet"))
    monkeypatch.setattr(recipes, "train", lambda model, *_, **more: trained.append((model, more)))
    monkeypatch.setattr(recipes, "fine_tune", lambda *_, **__: pytest.fail("features change"))
    run = run_resnet50v2(data, settings, robust=True)
    ((model, arguments),) = trained
    assert model is small
    assert arguments["learning_rate"] == 1e-4  # pretrained weights are worth keeping
    assert list(run.facts["seconds"]) == ["all layers"]
    assert "resnet50v2, robust:" in run.story
    assert "started from ImageNet weights" in run.story


# -- run_ablation --------------------------------------------------------------------------------

SEEDS = [4, 5]
TRAININGS = [(step, seed) for step in ABLATION_STEPS for seed in SEEDS]


def test_each_robust_layer_is_in_one_step_of_the_ablation():
    layers = [layer for added in ABLATION_STEPS.values() for layer in added]
    assert layers == list(ROBUST_LAYERS)
    assert list(ABLATION_STEPS)[::6] == ["none", "phantoms"]  # the first and the last
    assert ABLATION_STEPS["none"] == ABLATION_STEPS["phantoms"] == ()


class Ablation:
    """Trainings that take no time: what each was given, and when they break off."""

    def __init__(self, monkeypatch):
        self.layers, self.pictures, self.epochs, self.widths = [], [], [], []
        self.seeds, self.orders = [], []
        self.breaks_after = np.inf
        self.model = baseline_cnn()  # one for all: predicting is compiled once
        for name in ("augment_robust", "baseline_cnn", "make_dataset", "train"):
            monkeypatch.setattr(ablation_module, name, getattr(self, name))

    def baseline_cnn(self, width):
        self.widths.append(width)
        return self.model

    def make_dataset(self, images, labels, **arguments):
        if "shuffle_seed" in arguments:
            assert images.shape[-1] == 2  # with depths
            self.pictures.append(len(images))
            self.orders.append(arguments["shuffle_seed"])
        return make_dataset(images, labels, **arguments)

    def augment_robust(self, train_ds, *, robust_layers, seed):
        self.layers.append(list(robust_layers))
        self.seeds.append(seed)
        return train_ds

    def train(self, model, train_ds, val_ds, *, epochs, verbose):
        if len(self.epochs) == self.breaks_after:
            raise InterruptedError
        self.epochs.append(epochs)
        # Another answer after each training.
        bias = np.eye(6)[len(self.epochs) % 6] * 1000
        self.model.get_layer("logits").set_weights([np.zeros((128, 6)), bias])


@pytest.fixture
def ablation(monkeypatch):
    return Ablation(monkeypatch)


def ablate(data, settings, external=None, ood_sets=None, seeds=SEEDS):
    return run_ablation(data, settings, external or draw_phantoms(3), ood_sets, seeds=seeds)


def trainings_of(table):
    return [*zip(table["step"], table["seed"], strict=True)]


def test_ablation_adds_one_step_after_another_with_each_seed(settings, data, ablation):
    table = ablate(data, settings)
    assert trainings_of(table) == TRAININGS
    assert list(table) == ["step", "seed", "test errors", "balanced accuracy", *CLASS_NAMES]
    # Nine layers in five steps, then phantoms.
    numbers = [0, 2, 4, 5, 7, 9, 9]
    assert ablation.layers == [list(ROBUST_LAYERS)[:number] for number in numbers for _ in SEEDS]
    assert ablation.seeds == ablation.orders == SEEDS * len(ABLATION_STEPS)
    assert ablation.pictures == [48] * (len(TRAININGS) - 2) + [48 + 12] * 2  # half of 96
    assert ablation.epochs == [1] * len(TRAININGS)
    assert set(ablation.widths) == {networks.ROBUST_WIDTH}
    assert set(table["test errors"]) == {10}  # of twelve, each class two
    np.testing.assert_allclose(table["balanced accuracy"], 1 / 6)
    recall = table[list(CLASS_NAMES)].to_numpy()
    np.testing.assert_array_equal(recall, np.eye(6)[np.arange(1, len(TRAININGS) + 1) % 6])


def test_ablation_measures_rejection_of_each_set(settings, data, ablation):
    # All energies are the same: nothing of the known passes where a tenth of a set does.
    outside = {"noise": data[0][0][:5], "blank": np.zeros((3, 64, 64, 1), "uint8")}
    table = ablate(data, settings, ood_sets=outside, seeds=[0])
    assert list(table)[-2:] == ["noise", "blank"]
    assert not table[["noise", "blank"]].to_numpy().any()
    ablation.breaks_after = len(table)
    assert ablate(data, settings, ood_sets=outside, seeds=[0]).equals(table)
    with pytest.raises(InterruptedError):  # without those sets it is another table
        ablate(data, settings, seeds=[0])


def test_ablation_goes_on_where_it_broke_off(settings, data, ablation):
    ablation.breaks_after = 5
    with pytest.raises(InterruptedError):
        ablate(data, settings)
    (file,) = settings.folder.iterdir()
    rows = json.loads(file.read_text(encoding="utf-8"))["rows"]
    assert [(row["step"], row["seed"]) for row in rows] == TRAININGS[:5]
    ablation.breaks_after = np.inf
    ablation.seeds.clear()
    table = ablate(data, settings)
    assert len(ablation.epochs) == len(TRAININGS)  # none twice
    assert ablation.seeds == [seed for _, seed in TRAININGS[5:]]
    again = ablate(data, settings)
    assert len(ablation.epochs) == len(TRAININGS)
    assert again.equals(table)
    assert trainings_of(table) == TRAININGS


def test_an_ablation_of_the_layout_before_is_made_anew(settings, data, ablation, caplog):
    ablate(data, settings, seeds=[0])
    (file,) = settings.folder.iterdir()
    kept = json.loads(file.read_text(encoding="utf-8"))
    del kept["steps"], kept["seeds"]
    kept["rows"] = [{"layer": "none", "test errors": 3, "balanced accuracy": 0.5}] * 11
    file.write_text(json.dumps(kept), encoding="utf-8")
    table = ablate(data, settings, seeds=[0])
    assert table["step"].tolist() == list(ABLATION_STEPS)
    assert "it is made again" in caplog.text


def test_ablations_of_other_data_are_kept_apart(settings, data, ablation, monkeypatch):
    ablate(data, settings)
    ablation.breaks_after = len(TRAININGS)
    ablate(data, settings)
    for other in (
        (data, dataclasses.replace(settings, seed=1)),
        (data, dataclasses.replace(settings, split="random")),
        (data, settings, draw_phantoms(4)),
        (data, settings, draw_phantoms(3, seed=1)),
        ((data[0], data[1], OTHERS["labels"](*data[2])), settings),
        (data, settings, None, None, [4, 6]),
    ):
        with pytest.raises(InterruptedError):  # it would train
            ablate(*other)
    ablate(data, settings)
    monkeypatch.setitem(ablation_module.ABLATION_STEPS, "CT", ("CT", "MRI"))
    with pytest.raises(InterruptedError):
        ablate(data, settings)


def test_ablation_really_trains(settings, data, monkeypatch):
    steps = {"none": (), "tone": ("tone",), "phantoms": ()}
    monkeypatch.setattr(ablation_module, "ABLATION_STEPS", steps)
    heads = []

    def watched(model, *arguments, **more):
        heads.append([model.get_layer("logits").get_weights()[0]])
        history = train(model, *arguments, **more)
        heads[-1].append(model.get_layer("logits").get_weights()[0])
        return history

    monkeypatch.setattr(ablation_module, "train", watched)
    table = ablate(data, settings)
    assert table["step"].tolist() == [step for step in steps for _ in SEEDS]
    assert table["test errors"].between(0, 12).all()
    before, after = zip(*heads, strict=True)
    for row, head in enumerate(before):  # each seed from a start of its own
        np.testing.assert_array_equal(head, before[row % 2])
        assert not np.array_equal(head, after[row])
    assert not np.array_equal(before[0], before[1])
    assert len(np.unique(after, axis=0)) == 6  # on other pictures


# -- the speed run ---------------------------------------------------------------------------


def test_the_seed_decides_a_speed_run():
    train_data, val_data, _ = load_data(source="phantoms", images_per_class=60, split="random")
    first, again, other = (
        speed_run(train_data, val_data, seed=seed, verbose=0).get_weights() for seed in (1, 1, 2)
    )
    for one, same in zip(first, again, strict=True):
        np.testing.assert_allclose(one, same, rtol=1e-4, atol=1e-5)
    assert not np.allclose(first[0], other[0], atol=1e-3)


def test_speed_run_trains_once_over_the_pictures(data, monkeypatch):
    asked = {}
    monkeypatch.setattr(recipes, "train", lambda *_, **more: asked.update(more))
    pictures, labels = draw_phantoms(25)
    model = speed_run((pictures, labels), data[1])
    assert model.name == "speed_cnn"
    assert asked["epochs"] == 1


# -- results -------------------------------------------------------------------------------------


def test_results_are_gathered_section_by_section(settings):
    save_results(settings, loading={"first": 1.0})
    save_results(settings, scores={"a": 1}, loading={"first": 2.0})
    stored = json.loads(settings.results_file.read_text())
    assert stored == {"loading": {"first": 2.0}, "scores": {"a": 1}}
    assert settings.results_file.parent == settings.folder  # never beside a full run's


def keep_sections(folder, name):
    os.chdir(folder)
    for number in range(20):
        save_results(
            Settings(quick=True, source="phantoms", images_per_class=20), **{f"{name}{number}": 1}
        )


def test_two_notebooks_that_keep_results_at_once_lose_none(settings, tmp_path):
    context = multiprocessing.get_context("spawn")
    children = [context.Process(target=keep_sections, args=(tmp_path, name)) for name in "ab"]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0, 0]
    assert len(json.loads(settings.results_file.read_text(encoding="utf-8"))) == 40
