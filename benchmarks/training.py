"""Training to a target, beside the talk notebook's CNN, DenseNet121 and plain fine-tuning."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial

from sklearn.neighbors import KNeighborsClassifier

from medmnist_keras._keras import keras, layers
from medmnist_keras.augmentation.pipelines import augment
from medmnist_keras.data.datasets import make_dataset
from medmnist_keras.data.similarity import thumbnails
from medmnist_keras.experiments.recipes import speed_run
from medmnist_keras.info import CLASS_NAMES, INFO
from medmnist_keras.models.networks import baseline_cnn, freeze_batch_normalization, resnet50v2
from medmnist_keras.training.fitting import train
from medmnist_keras.training.hardware import accelerated, list_gpus

from .measuring import TARGET, TO_TARGET, Bench, Measured, divided, scored, seconds_of, some


def train_baseline(train_data, val_data, seed: int) -> keras.callbacks.History:
    """The recipe of `run_baseline()`."""
    batch_size = 128 if len(train_data[1]) > 10_000 else 32  # few pictures: too few steps
    train_ds = make_dataset(*train_data, batch_size=batch_size, shuffle_seed=seed)
    return train(baseline_cnn(), augment(train_ds, seed=seed), make_dataset(*val_data), verbose=0)


def train_fast(train_data, val_data, seed: int) -> keras.callbacks.History:
    """The recipe of `speed_run()`."""
    return speed_run(train_data, val_data, seed=seed, verbose=0).history


def train_whole(bench: Bench, *, recipe: Callable) -> list[Measured]:
    """A whole training with each of several seeds: building, compiling, validation and all.

    `recipe(train_data, val_data, seed)` trains a new model and returns its `History`.
    """
    train_data, val_data = divided(bench)
    trained, reached, scores = [], [], []
    for seed in range(bench.sizes.repeats):
        keras.utils.set_random_seed(seed)
        start = time.perf_counter()
        history = recipe(train_data, val_data, seed)
        spent = time.perf_counter() - start
        trained.append(len(history.epoch) * len(train_data[1]) / spent)
        scores.append(max(history.history["val_accuracy"]))
        if scores[-1] >= TARGET:
            reached.append(spent)
    note = (
        f"whole trainings; {len(reached)} of {len(scores)} reached {TARGET:.1%}: validation "
        f"accuracies {', '.join(f'{score:.2%}' for score in scores)}"
    )
    return [
        Measured("pictures a second", "images/s", trained),
        Measured(TO_TARGET, "s", reached, note),
    ]


def score_fast(bench: Bench) -> list[Measured]:
    """Test pictures of the random split that `speed_run()` gets right, with each of ten seeds."""
    train_data, val_data, test_data = divided(bench, ("train", "val", "test"), "random")

    def answers(seed):
        model = speed_run(train_data, val_data, seed=seed, verbose=0)
        return model.predict(test_data[0], batch_size=512, verbose=0).argmax(axis=1)

    return [scored(map(answers, range(bench.sizes.seeds)), test_data[1])]


def score_nearest(bench: Bench) -> list[Measured]:
    """The same by looking for the most similar training picture, which learns nothing."""
    (images, labels), (others, truth) = divided(bench, ("train", "test"), "random")
    model = KNeighborsClassifier(n_neighbors=1).fit(thumbnails(images), labels)
    return [scored([model.predict(thumbnails(others))], truth)]


def train_slice(bench: Bench, *, build: Callable, batch_size: int) -> list[Measured]:
    """A few batches of another model's epoch, and what the epoch would take."""
    import tensorflow as tf

    sizes, train_data = bench.sizes, divided(bench)[0]
    size, channels = build().input_shape[2:]
    images, labels = some(train_data, sizes.batches * batch_size)

    def resize(images, labels):
        return tf.repeat(tf.image.resize(images, (size, size)), channels, axis=-1), labels

    dataset = make_dataset(images, labels, batch_size=batch_size).map(resize).prefetch(2)
    set_up, spent = fit(build, dataset, sizes.repeats)
    values = [len(labels) / each for each in spent]
    epochs = [set_up + len(train_data[1]) / value for value in values]
    note = f"one epoch, extrapolated from {sizes.batches} × {batch_size} pictures"
    return [
        Measured("pictures a second", "images/s", values),
        Measured(TO_TARGET, "s", epochs, note),
    ]


def fit(build: Callable, dataset, repeats: int) -> tuple[float, list[float]]:
    """Seconds of building, compiling and one batch, and of each epoch after that."""

    model: keras.Model = None

    def set_up():
        nonlocal model
        model = build()
        model.compile(
            optimizer="adam",
            loss="sparse_categorical_crossentropy",
            metrics=["accuracy"],
            jit_compile=bool(list_gpus()),  # as in `train()`: on a CPU it would slow us and them
        )
        model.fit(dataset.take(1), shuffle=False, verbose=0)

    (setting_up,) = seconds_of(set_up)
    return setting_up, seconds_of(lambda: model.fit(dataset, shuffle=False, verbose=0), repeats)


def talk_cnn() -> keras.Model:
    """The CNN of the talk notebook that this project starts from, 22.3 million parameters."""
    model = keras.Sequential([keras.Input((224, 224, 3))], name="talk_cnn")
    for filters in (32, 64, 128):
        model.add(layers.Conv2D(filters, 3, activation="relu"))
        model.add(layers.MaxPooling2D())
    model.add(layers.Flatten())
    for units in (256, 128, 64):
        model.add(layers.Dense(units, activation="relu"))
    model.add(layers.Dense(len(CLASS_NAMES), activation="softmax"))
    return model


def densenet121() -> keras.Model:
    """The network of MONAI's mednist_tutorial, as Keras has it."""
    shape = (INFO["image_size"], INFO["image_size"], 1)
    return keras.applications.DenseNet121(weights=None, input_shape=shape, classes=len(CLASS_NAMES))


def tune(bench: Bench, *, recipe: Callable) -> list[Measured]:
    """Both stages of fine-tuning ResNet50V2, from random weights, which take as long."""
    train_data, val_data = divided(bench)
    data = some(train_data, bench.sizes.tuned), some(val_data, bench.sizes.tuned // 8)
    spent, scores = [], []
    for seed in range(bench.sizes.repeats):
        keras.utils.set_random_seed(seed)
        with accelerated():
            model = resnet50v2(weights=None)
        work = partial(recipe, model, *data, batch_size=bench.sizes.batch_size, verbose=0)
        spent += seconds_of(work)
        answers = model.predict(data[1][0], verbose=0).argmax(axis=1)
        scores.append(100 * float((answers == data[1][1]).mean()))
    note = f"6 epochs of the head and 2 of the top on {bench.sizes.tuned:,} pictures"
    return [
        Measured("both stages", "s", spent, note),
        Measured("right answers", "%", scores, f"{note}, from random weights"),
    ]


def fine_tune_plainly(
    model, train_data, val_data, *, head_epochs=6, top_epochs=2, batch_size=128, verbose="auto"
) -> None:
    """What `fine_tune()` does, by the same recipe, without features computed once: all layers
    compute in every epoch."""
    stages = ((("logits",), head_epochs, 1e-3), (("conv5", "logits"), top_epochs, 1e-4))
    for trained, epochs, learning_rate in stages:
        for layer in model.layers:
            layer.trainable = layer.name.startswith(trained)
        freeze_batch_normalization(model)
        train(
            model,
            make_dataset(*train_data, batch_size=batch_size, shuffle_seed=0),
            make_dataset(*val_data, batch_size=batch_size),
            epochs=epochs,
            learning_rate=learning_rate,
            verbose=verbose,
        )
