"""The benchmark measures the same work on both sides and tells all of it; no time is judged."""

import json
import os
from functools import partial
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from benchmarks import (
    figure,
    growth,
    loading,
    measuring,
    pipeline,
    prediction,
    report,
    steps as steps_module,
    training,
)
from benchmarks.__main__ import main
from benchmarks.measuring import QUICK, Measured, Step
from benchmarks.report import Side, benchmark, compare, format_report, run_alone
from medmnist_keras import CLASS_NAMES, INFO, baseline_cnn, load_images
from medmnist_keras.experiments import Settings

PHANTOMS = Settings(quick=True, source="phantoms", images_per_class=20)
SIZES = QUICK._replace(repeats=2, batch_size=16, pictures=32, slow_pictures=2, calls=3, grown=4)


@pytest.fixture(scope="module")
def bench(tmp_path_factory):
    sizes = SIZES._replace(growth=(2,))
    folder = tmp_path_factory.mktemp("bench")
    return measuring.prepare(folder, settings=PHANTOMS, sizes=sizes)


def assert_complete(measured, *quantities, repeats=SIZES.repeats):
    assert tuple(one.quantity for one in measured) == quantities
    for one in measured:
        assert len(one.values) == repeats
        assert all(value > 0 for value in one.values)


# -- the references do the same work ---------------------------------------------------------------


def test_all_loaders_give_the_same_pixels(bench):
    counts = dict.fromkeys(CLASS_NAMES, 20)
    with pytest.warns(UserWarning, match="differs"):
        ours = load_images(bench.source, info=INFO | {"counts": counts}).images
    files = [file.read_bytes() for file in sorted(bench.unpacked.glob("*/*.*"))]
    np.testing.assert_array_equal(loading.read_with_pil(bench.unpacked), ours)
    np.testing.assert_array_equal(loading.decode_with_tf_data(files), ours)
    pool = SimpleNamespace(map=map)
    np.testing.assert_array_equal(loading.decode_with_pillow(files, pool), ours)
    # TensorFlow's default decoder is a few grey levels off.
    theirs = loading.read_with_keras(bench.unpacked)
    np.testing.assert_allclose(theirs.astype(int), ours.astype(int), atol=8)


def test_the_faster_of_two_decoders_is_the_bound(bench):
    measured = loading.decode_only(bench)
    assert_complete(measured, "first load")
    assert measured[0].note.startswith(("tf.data, the faster", "Pillow in processes, the faster"))


def test_loading_is_measured_from_an_empty_cache_each_time(bench, monkeypatch):
    homes = []

    def load(*arguments, **more):
        homes.append((os.environ["KERAS_HOME"], os.listdir(os.environ["KERAS_HOME"])))
        return load_images(*arguments, **more)

    monkeypatch.setattr(loading, "load_images", load)
    measured = loading.load_ours(bench)
    assert_complete(measured, "first load", "later load")
    assert "from pictures.tar, encoded anew" in measured[0].note
    assert len(homes) == 2 * (1 + bench.sizes.repeats)  # once unmeasured, like the others
    assert [bool(content) for _, content in homes] == [False, True] * (len(homes) // 2)
    assert homes[0][0] == homes[1][0] != homes[2][0]


def test_pictures_at_hand_are_taken_as_they_are(tmp_path, write_folder, files, monkeypatch):
    folder = write_folder(files)
    loaded = load_images("phantoms", images_per_class=20)
    monkeypatch.setattr(measuring, "load_images", lambda **_: loaded)
    monkeypatch.setenv("MEDICAL_MNIST_DIR", str(folder))
    whole = Settings(quick=False, source=None, images_per_class=None)
    bench = measuring.prepare(tmp_path, settings=whole, sizes=SIZES._replace(growth=()))
    assert bench.source == bench.unpacked == folder
    few = Settings(quick=True, source=None, images_per_class=20)
    bench = measuring.prepare(tmp_path, settings=few, sizes=SIZES._replace(growth=()))
    assert bench.source.name == "pictures.tar"


def test_plain_fine_tuning_trains_the_same_layers_and_no_others():
    names = ("conv4_conv", "conv5_conv", "conv5_bn", "logits")
    inputs = keras.Input((64, 64, 1))
    conv = partial(keras.layers.Conv2D, 4, 3, strides=4, kernel_initializer="ones")
    x = conv(name=names[0])(inputs)
    x = keras.layers.BatchNormalization(name=names[2])(conv(name=names[1])(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    model = keras.Model(inputs, keras.layers.Dense(6, "softmax", name="logits")(x))
    before = {name: model.get_layer(name).get_weights() for name in names}
    pictures = np.random.default_rng(0).uniform(0, 1, (16, 64, 64, 1)), np.arange(16) % 6
    training.fine_tune_plainly(model, pictures, pictures, batch_size=8, verbose=0)
    moved = {
        name
        for name in names
        for old, new in zip(before[name], model.get_layer(name).get_weights(), strict=True)
        if not np.array_equal(old, new)
    }
    assert moved == {"conv5_conv", "logits"}


def test_all_calls_give_the_same_probabilities():
    model = baseline_cnn(weights="medical_mnist")
    images, _ = measuring.draw_phantoms(2)
    answers = [call(images) for call in prediction.calls(model, batch_size=5).values()]
    assert len(answers) == 3
    for answer in answers:
        assert answer.shape == (12, 6)
        np.testing.assert_allclose(answer, answers[0], atol=1e-5)


def test_peers_are_those_that_are_named():
    assert training.talk_cnn().count_params() == 22_286_214  # "22.3 million"
    densenet = training.densenet121()
    assert densenet.input_shape == (None, 64, 64, 1)
    assert densenet.output_shape == (None, 6)


# -- each measurement is complete ------------------------------------------------------------------


def test_pipelines_and_what_they_must_feed(bench, monkeypatch):
    def with_depths(dataset):
        assert dataset.element_spec[0].shape[1:] == (64, 64, 2)
        return dataset

    monkeypatch.setattr(pipeline, "augment_robust", with_depths)  # 15 s to trace
    assert_complete(pipeline.feed(bench), "plain", "with augment")
    assert_complete(pipeline.feed_robust(bench), "with augment_robust")
    assert_complete(pipeline.train_on_one_batch(bench), "plain", "with augment")
    assert_complete(pipeline.train_on_one_batch(bench, width=2), "with augment_robust")


def test_only_trainings_that_reach_the_target_count(bench):
    accuracies = iter([0.998, 0.9995])

    def recipe(train_data, val_data, seed):
        assert len(train_data[0]) > len(val_data[0])
        return SimpleNamespace(epoch=[0, 1], history={"val_accuracy": [0.5, next(accuracies)]})

    rate, reached = training.train_whole(bench, recipe=recipe)
    assert (len(rate.values), len(reached.values)) == (2, 1)
    assert reached.note.startswith("whole trainings; 1 of 2 reached 99.9%")
    assert "99.80%, 99.95%" in reached.note


def test_the_baseline_is_trained_by_its_recipe(bench):
    history = training.train_baseline(*measuring.divided(bench), seed=0)
    assert len(history.history["val_accuracy"]) == 3


def test_a_slice_of_an_epoch_is_extrapolated_and_says_so(bench):
    def build():
        shapes = [keras.Input((32, 32, 3)), keras.layers.Flatten()]
        return keras.Sequential([*shapes, keras.layers.Dense(6, "softmax")])

    measured = training.train_slice(bench, build=build, batch_size=4)
    assert_complete(measured, "pictures a second", measuring.TO_TARGET)
    assert measured[1].note == "one epoch, extrapolated from 1 × 4 pictures"
    (_, labels), _ = measuring.divided(bench)
    for rate, epoch in zip(*(one.values for one in measured), strict=True):
        assert epoch > len(labels) / rate


def test_scores_are_of_the_random_split_s_test_pictures(bench, monkeypatch):
    (nearest,) = training.score_nearest(bench)
    ((_, labels),) = measuring.divided(bench, ("test",), "random")
    assert f"errors of {len(labels)} test pictures" in nearest.note
    assert 100 / 6 < nearest.values[0] <= 100  # better than chance, on few pictures

    seeds = []

    def untrained(train_data, val_data, *, seed, verbose):
        assert len(train_data[0]) > len(val_data[0]) == len(labels)
        seeds.append(seed)
        return baseline_cnn()

    monkeypatch.setattr(training, "speed_run", untrained)
    (fast,) = training.score_fast(bench._replace(sizes=bench.sizes._replace(seeds=2)))
    assert seeds == [0, 1]
    assert len(fast.values) == 2
    assert f"errors of {len(labels)} test pictures" in fast.note


def test_an_error_more_is_a_worse_score():
    labels = np.array([0, 1, 2, 3])
    measured = measuring.scored([labels, np.array([0, 1, 3, 3])], labels)
    assert measured.values == [100, 75]
    assert measured.note == "0, 1 errors of 4 test pictures, 0.5 on average"


def test_tuning_calls_the_recipe_on_its_slice(bench):
    asked = []

    def recipe(model, train_data, val_data, **_):
        asked.append((model.name, len(train_data[0]), len(val_data[1])))

    one = bench._replace(sizes=SIZES._replace(repeats=1))
    measured = training.tune(one, recipe=recipe)
    assert_complete(measured, "both stages", "right answers", repeats=1)
    assert asked == [("resnet50v2", 64, 8)]


def test_prediction(bench):
    measured = prediction.ask(bench, name="baseline_cnn", call="tf.function")
    assert_complete(measured, "many pictures", "one picture, median", "one picture, 95 %")
    assert all(a <= b for a, b in zip(measured[1].values, measured[2].values, strict=True))


def test_growth_is_beside_as_many_times_the_least(bench, monkeypatch):
    for module in (loading, measuring):
        monkeypatch.setattr(module, "seconds_of", lambda work, repeats=1: [1.0] * repeats)
    monkeypatch.setattr(growth, "fit", lambda *_: (1.0, [2.0, 2.0]))
    grown = growth.grow(bench, times=2)
    assert [one.quantity for one in grown][:3] == [
        "first load",
        "pipeline, one epoch",
        "training, one epoch",
    ]
    assert grown[2].values == [2, 2]
    assert growth.grow(bench, times=1, counted=10)[2].values == [20, 20]


# -- comparing and telling -------------------------------------------------------------------------


def test_ratios_are_of_medians_and_above_one_in_our_favour():
    rate = Measured("rate", "images/s", [10, 30, 80])
    time = Measured("time", "s", [1, 2, 9])
    alone = Measured("ours alone", "s", [1])
    ours = Side("ours", [rate, time, alone], 100)
    theirs = [Measured("time", "s", [4, 8, 10], "odd"), Measured("rate", "images/s", [10, 15, 20])]
    rows = compare("step", ours, Side("theirs", theirs, None), Side("failed", [], None))
    assert [row["quantity"] for row in rows] == ["rate", "time"]
    assert [row["ratio"] for row in rows] == [2, 4]
    assert [(row["ratio_low"], row["ratio_high"]) for row in rows] == [(0.5, 8), (4 / 9, 10)]
    assert rows[0]["ours_values"] == [10, 30, 80]
    assert rows[1]["reference_median"] == 8
    text = format_report(
        {"rows": rows, "failures": {"step: failed": "OSError: gone"}, "seconds": 3}
    )
    header, first, second, note, failure, _ = text.splitlines()[1:]
    assert header.split()[:3] == ["ratio", "step", "quantity"]
    assert first.split()[0] == "2×"
    assert "ours: 30 (10 to 80)" in first
    assert "theirs [1]: 8 (4 to 10)" in second
    assert second.rstrip().endswith("100 / –")
    assert note == "[1] odd"
    assert failure == "FAILED step: failed: OSError: gone"


def test_what_was_never_reached_has_no_ratio():
    ours, theirs = (
        Side("a", [Measured("time", "s", [])], 1),
        Side("b", [Measured("time", "s", [2])], 1),
    )
    (row,) = compare("step", ours, theirs)
    assert row["ratio"] is None
    assert "a: –" in format_report({"rows": [row], "failures": {}, "seconds": 1})


def two(bench):
    return [Measured("rate", "images/s", [2.0, 2.0])]


def one(bench):
    return [Measured("rate", "images/s", [1.0], "a note")]


def broken(bench):
    raise ValueError(f"no such thing as {bench.source.name}")


def killed(bench):
    os._exit(3)


def process(_):
    return os.getpid()


def test_each_measurement_has_a_fresh_process_and_a_peak_of_memory():
    (first, memory), (second, _) = run_alone(process, None), run_alone(process, None)
    assert len({first, second, os.getpid()}) == 3
    assert memory is None or memory > 50


def test_a_failure_is_told_and_loses_nothing_else(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(report, "QUICK", SIZES._replace(growth=()))
    steps = [
        Step("first", ("ours", two), {"broken": broken, "plain": one}),
        Step("second", ("killed", killed), {"plain": one}),
        Step("third", ("ours", two), {"plain": one}),
    ]
    result = benchmark(PHANTOMS, steps)
    out = capsys.readouterr().out
    assert "drawn phantoms, not patients" in out.splitlines()[0]
    assert "second: killed …" in out
    assert [(row["step"], row["ratio"]) for row in result["rows"]] == [("first", 2), ("third", 2)]
    assert list(result["failures"]) == ["first: broken", "second: killed"]
    assert result["failures"]["first: broken"] == "ValueError: no such thing as pictures.tar"
    kept = (tmp_path / "build" / "benchmark.json").read_text(encoding="utf-8")
    assert json.loads(kept, parse_constant=pytest.fail) == result
    assert {"Data", "Hardware", "Memory", "Versions", "Load"} <= set(result["machine"])
    assert (tmp_path / "build" / "benchmark.png").read_bytes()[:4] == b"\x89PNG"


def test_without_any_success_there_is_no_figure(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = {"rows": [], "failures": {"a": "b"}, "machine": {}}
    figure.draw(result, "")
    assert not list(tmp_path.iterdir())


def test_steps_name_each_measurement_once():
    steps = steps_module.all_steps(measuring.Sizes())
    names = [f"{step.name}: {name}" for step in steps for name in (step.ours[0], *step.references)]
    assert len(set(names)) == len(names) >= 25
    assert len(steps_module.all_steps(QUICK)) == len(steps) - 2


@pytest.mark.parametrize("at_hand", [True, False])
def test_without_the_real_pictures_phantoms_are_taken(at_hand, monkeypatch):
    monkeypatch.setenv("MEDMNIST_KERAS_QUICK", "0")
    monkeypatch.setattr(report, "is_at_hand", lambda: at_hand)
    settings = report._settings()
    assert not settings.quick
    assert settings.source == (None if at_hand else "phantoms")


@pytest.mark.parametrize(("failures", "status"), [({}, 0), ({"a: b": "OSError: c"}, 1)])
def test_the_command_prints_and_tells_by_its_status(failures, status, monkeypatch, capsys):
    result = {"rows": [], "failures": failures, "seconds": 1}
    monkeypatch.setattr(report, "benchmark", lambda: result)
    assert main() == status
    assert ("FAILED a: b: OSError: c" in capsys.readouterr().out) == bool(status)
