import os
import subprocess
import sys
from functools import partial
from pathlib import Path

import keras
import numpy as np
import pytest
from tiny_data import tiny_resnet

from medmnist_keras import baseline_cnn, fine_tune, load_data, make_dataset, resnet50v2, train
from medmnist_keras.augmentation import with_augmentation
from medmnist_keras.data.jobs import Job
from medmnist_keras.training import accelerated, fine_tuning, fitting, hardware
from medmnist_keras.training.backup import BestEpoch


@pytest.fixture(scope="module")
def phantoms():
    return load_data("phantoms", images_per_class=100)


@pytest.fixture(scope="module")
def datasets(phantoms):
    (x_train, y_train), val, _ = phantoms
    # A new one for each run: a tf.data shuffle goes on where the last epoch ended.
    return lambda: (
        make_dataset(x_train, y_train, batch_size=32, shuffle_seed=0),
        make_dataset(*val, batch_size=32),
    )


def run(datasets, **arguments):
    keras.utils.set_random_seed(0)
    model = baseline_cnn()
    return model, train(model, *datasets(), verbose=0, **arguments)


@pytest.fixture(scope="module")
def trained(datasets):
    return run(datasets, epochs=4)


def test_training_learns(trained):
    history = trained[1].history
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert history["accuracy"][-1] > 0.7


def test_training_repeats(trained, datasets):
    again = run(datasets, epochs=4)[1]
    np.testing.assert_allclose(again.history["loss"], trained[1].history["loss"], rtol=1e-3)


def test_best_epoch_is_what_stays(datasets, monkeypatch):
    # In the third epoch a rate that ruins what the first two have learnt.
    steps = 2 * int(datasets()[0].cardinality())
    rising = keras.optimizers.schedules.PiecewiseConstantDecay([steps - 1], [3e-3, 3.0])
    monkeypatch.setattr(fitting, "_warm_up_and_cosine", lambda *_: rising)
    model, history = run(datasets, epochs=3)
    val_losses = history.history["val_loss"]
    assert np.argmin(val_losses) < 2
    kept = model.evaluate(datasets()[1], verbose=0)[0]
    np.testing.assert_allclose(kept, min(val_losses), rtol=1e-4)
    assert model.optimizer.weight_decay == 0.01


def test_each_stage_of_fine_tuning_has_its_own_rate_and_length(monkeypatch):
    stages = []

    def record(part, train_data, val_data, *, epochs, learning_rate, **rest):
        stages.append((part.name, epochs, learning_rate))
        assert rest == {"batch_size": 4, "seed": 1, "verbose": 0}
        return keras.callbacks.History()

    monkeypatch.setattr(fine_tuning, "train", record)
    monkeypatch.setattr(fine_tuning, "_predict", lambda part, images, *_, **__: images)
    model = tiny_resnet()
    pair = np.zeros((9, 64, 64, 1), "uint8"), np.arange(9)
    tuned = {"head_epochs": 5, "top_epochs": 3, "batch_size": 4, "seed": 1, "verbose": 0}
    fine_tune(model, pair, pair, **tuned)
    assert stages == [("head", 5, 1e-3), ("top", 3, 1e-4)]


def test_an_epoch_whose_loss_is_no_number_is_never_the_best():
    best, model = BestEpoch(), baseline_cnn()
    best.set_model(model)
    for level, loss in enumerate([np.nan, 2.0, np.nan, 3.0]):
        model.set_weights([np.full_like(weights, level) for weights in model.get_weights()])
        best.on_epoch_end(level, {"val_loss": loss})
        assert (best.weights is None) == (level == 0)
    assert best.loss == 2
    assert all((weights == 1).all() for weights in best.weights)


def test_learning_rate_warms_up_and_decays():
    schedule = fitting._warm_up_and_cosine(1.0, 100)
    rates = [float(schedule(step)) for step in range(101)]
    assert np.argmax(rates) == 10
    assert rates[10] == pytest.approx(1)
    assert rates[0] < 0.1
    assert rates[100] == pytest.approx(0, abs=1e-6)
    assert np.all(np.diff(rates[10:]) <= 0)


def on_arrays(phantoms, **arguments):
    keras.utils.set_random_seed(0)
    model = baseline_cnn()
    train_data, val_data, _ = phantoms
    return model, train(model, train_data, val_data, batch_size=32, verbose=0, **arguments)


def test_training_on_arrays_learns_and_repeats(phantoms):
    model, trained = on_arrays(phantoms, epochs=3)
    history = trained.history
    assert history["loss"][-1] < 0.6 * history["loss"][0]
    kept = model.evaluate(*phantoms[1], verbose=0)[0]
    np.testing.assert_allclose(kept, min(history["val_loss"]), rtol=1e-4)
    again = on_arrays(phantoms, epochs=3)[1].history
    np.testing.assert_allclose(again["loss"], history["loss"], rtol=1e-3)
    other = on_arrays(phantoms, epochs=3, seed=1)[1].history  # another order
    assert not np.allclose(other["loss"], history["loss"], rtol=1e-3)


def test_augmentation_before_a_model_trains_that_model(phantoms):
    train_data, val_data, _ = phantoms
    keras.utils.set_random_seed(0)
    model = baseline_cnn()
    before, whole = model.get_weights(), with_augmentation(model)
    images = train_data[0][:8].astype("float32")
    plain = model(images, training=False)
    np.testing.assert_array_equal(whole(images, training=False), plain)
    inputs = keras.Input((64, 64, 1))
    augmented = with_augmentation(keras.Model(inputs, keras.layers.Identity()(inputs)))
    once, twice = (np.asarray(augmented(images, training=True)) for _ in range(2))
    assert np.abs(once - images).max() > 10
    assert np.abs(once - twice).max() > 10
    assert once.min() >= 0
    assert once.max() <= 255
    train(whole, train_data, val_data, epochs=1, batch_size=32, verbose=0)
    assert any(
        not np.array_equal(now, then) for now, then in zip(model.get_weights(), before, strict=True)
    )


def test_wrong_arguments(datasets, phantoms):
    train_data, val_data, _ = phantoms
    with pytest.raises(ValueError, match="pair of arrays.*Received: ndarray"):
        train(baseline_cnn(), train_data[0], val_data)
    with pytest.raises(ValueError, match="same length"):
        train(baseline_cnn(), (train_data[0], val_data[1]), val_data)
    with pytest.raises(ValueError, match="Received: batch_size=0"):
        train(baseline_cnn(), train_data, val_data, batch_size=0)
    with pytest.raises(ValueError, match="are for arrays.*batch_size=8, seed=None"):
        train(baseline_cnn(), *datasets(), batch_size=8)
    with pytest.raises(ValueError, match="are for arrays.*seed=0"):
        train(baseline_cnn(), datasets()[0], val_data, seed=0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fitting, "current_job", lambda: Job(process_count=2))
        with pytest.raises(ValueError, match="own rows.*in a job of 2 processes"):
            train(baseline_cnn(), train_data, val_data)
    with pytest.raises(ValueError, match="Received: epochs=0"):
        train(baseline_cnn(), *datasets(), epochs=0)
    train_ds, val_ds = datasets()
    with pytest.raises(ValueError, match="cardinality -2"):
        train(baseline_cnn(), train_ds.filter(lambda images, labels: True), val_ds)


def test_training_that_diverges_is_told(datasets):
    with pytest.raises(RuntimeError, match="try a tenth of it"):
        run(datasets, epochs=1, learning_rate=float("nan"))


class _KillError(Exception):
    pass


@pytest.mark.parametrize("kind", ["datasets", "arrays"])
def test_training_that_was_killed_goes_on_as_if_it_had_not_been(kind, datasets, phantoms, tmp_path):
    start = partial(run, datasets) if kind == "datasets" else partial(on_arrays, phantoms)
    expected_model, expected = start(epochs=4, backup=tmp_path / "whole")

    class Death(keras.callbacks.TerminateOnNaN):
        def on_epoch_begin(self, epoch, logs=None):
            self.epoch = epoch

        def on_train_batch_end(self, batch, logs=None):
            if (self.epoch, batch) == (2, 3):
                raise _KillError

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.callbacks, "TerminateOnNaN", Death)
        with pytest.raises(_KillError):
            start(epochs=4, backup=tmp_path / "state")
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["epoch-00002"]
    model, history = start(epochs=4, backup=tmp_path / "state")
    assert history.epoch == [0, 1, 2, 3]
    for name, values in expected.history.items():
        np.testing.assert_allclose(history.history[name], values, rtol=1e-3, err_msg=name)
    np.testing.assert_allclose(
        model.evaluate(datasets()[1], verbose=0),
        expected_model.evaluate(datasets()[1], verbose=0),
        rtol=1e-3,
    )
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["epoch-00004"]


def test_a_run_that_had_ended_returns_its_best_epoch_at_once(datasets, tmp_path):
    # A learning rate that ruins some epochs, so that the best isn't the last.
    model, history = run(datasets, epochs=3, learning_rate=0.3, backup=tmp_path / "state")
    again, told = run(datasets, epochs=3, learning_rate=0.3, backup=tmp_path / "state")
    assert told.history == history.history  # it was done: nothing is trained anew
    for weights, expected in zip(again.get_weights(), model.get_weights(), strict=True):
        np.testing.assert_array_equal(weights, expected)


def test_the_state_of_another_run_is_refused(datasets, tmp_path):
    run(datasets, epochs=1, backup=tmp_path / "state")
    with pytest.raises(ValueError, match="'epochs': 1.*choose another folder, or delete"):
        run(datasets, epochs=2, backup=tmp_path / "state")


def altered(datasets, part, change):
    """The datasets with this change to the pictures and labels of one of them."""

    def make():
        both = list(datasets())
        both[part] = both[part].map(change)
        return tuple(both)

    return make


@pytest.mark.parametrize(
    ("part", "change"),
    [
        (0, lambda images, labels: (images, (labels + 1) % 6)),
        (1, lambda images, labels: (images, (labels + 1) % 6)),
        (1, lambda images, labels: (255 - images, labels)),
    ],
    ids=["training labels", "validation labels", "pictures"],
)
def test_the_state_of_a_run_on_other_data_is_refused(datasets, part, change, tmp_path):
    run(datasets, epochs=1, backup=tmp_path / "state")
    with pytest.raises(ValueError, match="must be a folder of this same run.*'data': "):
        run(altered(datasets, part, change), epochs=1, backup=tmp_path / "state")


def test_features_beyond_float16_are_told():
    inputs = keras.Input((2,))
    model = keras.Model(inputs, keras.layers.Rescaling(1e5)(inputs), name="bottom")
    with pytest.raises(ValueError, match="finite numbers up to 65,504.*Received: up to 100,000"):
        fine_tuning._predict(model, np.ones((4, 2), "float32"), 2, verbose=0)


def test_float16_gradients_are_scaled(datasets, monkeypatch):
    monkeypatch.setattr(hardware, "list_gpus", lambda: ["gpu:0"])
    with accelerated():
        model = baseline_cnn()
    part = keras.Model(model.get_layer("pool").output, model.output)  # as in fine-tuning
    features = np.zeros((64, 128), "float16"), np.zeros(64, "int64")
    for whole, (train_ds, val_ds) in (
        (model, datasets()),
        (part, (make_dataset(*features, shuffle_seed=0), make_dataset(*features))),
    ):
        monkeypatch.setattr(fitting, "jit_compile", lambda: False)
        train(whole, train_ds, val_ds, epochs=1, verbose=0)
        assert isinstance(whole.optimizer, keras.optimizers.LossScaleOptimizer)
        assert isinstance(whole.optimizer.inner_optimizer, keras.optimizers.AdamW)


# -- fine-tuning -----------------------------------------------------------------------------


def by_layer(model):
    return {layer.name: layer.get_weights() for layer in model.layers if layer.weights}


@pytest.fixture(scope="module")
def fine_tuned(phantoms):
    train_data, val_data, _ = phantoms
    keras.utils.set_random_seed(0)
    model = resnet50v2(weights=None, image_size=64)
    before = by_layer(model)
    computed = []
    original = fine_tuning._predict
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            fine_tuning,
            "_predict",
            lambda part, *rest, **more: computed.append(part.name) or original(part, *rest, **more),
        )
        tuned = fine_tune(
            model, train_data, val_data, head_epochs=3, top_epochs=2, batch_size=32, verbose=0
        )
    return model, before, tuned, computed


def test_fine_tuning_moves_no_statistics(fine_tuned):
    # Keras up to 3.15 would move them in `fit` (issue #20285).
    model, before, *_ = fine_tuned
    norms = [one for one in model.layers if isinstance(one, keras.layers.BatchNormalization)]
    assert len(norms) == 49
    for norm in norms:
        for now, then in zip(norm.get_weights(), before[norm.name], strict=True):
            np.testing.assert_array_equal(now, then)


def test_fine_tuning_trains_head_and_top_alone(fine_tuned):
    model, before, *_ = fine_tuned
    moved = {
        name
        for name, weights in by_layer(model).items()
        if any(
            not np.array_equal(now, then) for now, then in zip(weights, before[name], strict=True)
        )
    }
    assert "logits" in moved
    assert "conv5_block1_1_conv" in moved
    assert all(name == "logits" or name.startswith("conv5") for name in moved)


def test_backbone_features_are_computed_once(fine_tuned):
    *_, computed = fine_tuned
    assert computed.count("bottom") == 2  # training and validation pictures, not once an epoch


def test_histories_are_those_of_the_whole_model(fine_tuned, phantoms):
    model, _, tuned, _ = fine_tuned
    assert len(tuned.head.history["loss"]) == 3
    assert set(tuned.seconds) == {"features", "head", "top"}
    val_losses = tuned.top.history["val_loss"]
    assert len(val_losses) == 2
    images, labels = phantoms[1]
    model.compile(loss="sparse_categorical_crossentropy")
    whole = model.evaluate(images, labels, verbose=0)
    np.testing.assert_allclose(whole, min(val_losses), rtol=0.01)  # float16 features


def test_fine_tuning_wants_a_resnet(phantoms):
    with pytest.raises(ValueError, match="Received: 'baseline_cnn'; train it with"):
        fine_tune(baseline_cnn(), *phantoms[:2])


# -- hardware --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("gpus", "bfloat16", "policy"),
    [
        (["gpu:0"], False, "mixed_float16"),
        ([], True, "mixed_bfloat16"),
        ([], False, "float32"),
    ],
)
def test_precision_follows_the_hardware_and_is_put_back(gpus, bfloat16, policy, monkeypatch):
    monkeypatch.setattr(hardware, "list_gpus", lambda: gpus)
    monkeypatch.setattr(hardware, "_cpu_has_bfloat16", lambda: bfloat16)
    before = keras.config.dtype_policy().name
    with accelerated():
        model = baseline_cnn()
        assert keras.config.dtype_policy().name == policy
    assert keras.config.dtype_policy().name == before
    assert model.get_layer("block1_conv").dtype_policy.name == policy
    assert model.output.dtype == "float32"  # probabilities keep full precision


def test_training_on_two_devices():
    """MirroredStrategy needs its devices before TensorFlow starts: a process of its own."""
    script = """
import medmnist_keras as mk, tensorflow as tf
from tiny_data import tiny_resnet
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
train_data, val_data, _ = mk.load_data("phantoms", images_per_class=40)
with tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    model = tiny_resnet()
tuned = mk.fine_tune(
    model, train_data, val_data, head_epochs=2, top_epochs=1, batch_size=32, verbose=0
)
assert model.distribute_strategy.num_replicas_in_sync == 2
print("losses", *tuned.head.history["loss"])
"""
    paths = {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=os.environ | paths
    )
    assert done.returncode == 0, done.stderr
    first, second = map(float, done.stdout.split("losses")[1].split())
    assert second < first
