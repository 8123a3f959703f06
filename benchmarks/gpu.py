"""`python -m benchmarks.gpu` measures training on one GPU within eight minutes, on any backend.

Everything trains on arrays, so that TensorFlow needn't be installed: KERAS_BACKEND=jax will do.
After each measurement all so far is written to `build/gpu.json`; the table is printed at the end.
Without a GPU the same runs on the CPU, which shows that it works and nothing else.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from medmnist_keras._keras import keras, layers
from medmnist_keras._types import Pair
from medmnist_keras.augmentation.depth import add_depth
from medmnist_keras.augmentation.pipelines import augment_robust, with_augmentation
from medmnist_keras.data.batches import ArrayBatches
from medmnist_keras.data.datasets import load_data, make_dataset
from medmnist_keras.data.phantoms import PHANTOMS
from medmnist_keras.experiments.recipes import run_baseline, run_resnet50v2
from medmnist_keras.experiments.saved import write_json
from medmnist_keras.experiments.settings import Settings
from medmnist_keras.models.networks import INPUT_SHAPE, baseline_cnn, resnet50v2
from medmnist_keras.models.shipped import load_model
from medmnist_keras.training.fitting import train
from medmnist_keras.training.hardware import jit_compile, list_gpus, nvidia_cards, precision

from .measuring import TARGET, seconds_of, some
from .training import densenet121, talk_cnn

FOLDER = Path("build")
_SECONDS = 480  # for everything; what would begin later isn't measured
_POLICIES = ("float32", "mixed_float16", "mixed_bfloat16")


class Sizes(NamedTuple):
    """How much is timed; by default what a large GPU does in eight minutes."""

    batch_size: int = 256
    batches: int = 40
    slow_batch_size: int = 64  # of the references, whose maps are large
    repeats: int = 3
    calls: int = 100  # with a single picture


QUICK = Sizes(batch_size=16, batches=2, slow_batch_size=4, repeats=1, calls=3)


class Bench(NamedTuple):
    """What is measured on: the settings of both splits' runs, what was loaded, the sizes."""

    settings: Settings
    random: Settings
    grouped_data: tuple[Pair, Pair, Pair]
    random_data: tuple[Pair, Pair, Pair]
    sizes: Sizes


class Row(NamedTuple):
    """One line of the table."""

    what: str
    value: float | None
    unit: str
    note: str = ""


def measure(settings: Settings, sizes: Sizes, *, seconds: float = _SECONDS) -> dict:
    """Takes all measurements in turn, and writes each to `build/gpu.json` once it is there.

    Args:
        settings: `Settings`, of the data and the recipes.
        sizes: `Sizes`.
        seconds: float. No measurement begins after so many.

    Returns:
        What the JSON holds: `machine` (dict), `rows` (list of dicts), `failures` (dict of what
        failed, or wasn't begun, to the reason) and `seconds`.
    """
    start = time.perf_counter()
    result: dict[str, Any] = {"machine": machine(settings), "rows": [], "failures": {}}
    print(*(f"{key}: {value}" for key, value in result["machine"].items()), sep="\n", flush=True)
    bench, rows = load(settings, sizes)
    result["rows"] += [row._asdict() for row in rows]
    FOLDER.mkdir(exist_ok=True)
    for name, work in _measurements():
        print(f"{time.perf_counter() - start:5.0f} s  {name} …", flush=True)
        if time.perf_counter() - start > seconds:
            result["failures"][name] = f"not begun after {seconds:.0f} s"
        else:
            try:
                result["rows"] += [row._asdict() for row in work(bench)]
            except Exception as error:  # of any kind: the other measurements shall not be lost
                result["failures"][name] = f"{type(error).__name__}: {error}"
            keras.backend.clear_session()
        result["seconds"] = round(time.perf_counter() - start, 1)
        write_json(FOLDER / "gpu.json", result)
    return result


def _measurements() -> list[tuple[str, Callable[[Bench], list[Row]]]]:
    """The ones that matter most first."""
    resnets = {
        f"ResNet50V2, 80 pixels, {policy}": partial(train_resnet, policy=policy)
        for policy in _POLICIES
    }
    references = {
        name: partial(train_reference, name=name, build=build)
        for name, build in (("DenseNet121", densenet121), ("the talk notebook's CNN", talk_cnn))
    }
    return [
        ("baseline CNN", train_baseline),
        *resnets.items(),
        ("ResNet50V2, whole recipe", whole_recipe),
        *references.items(),
        ("one picture", latency),
        ("robust layers", feed_robust),
        ("robust CNN, whole recipe", whole_robust),
    ]


def load(settings: Settings, sizes: Sizes) -> tuple[Bench, list[Row]]:
    """Loads both splits; the first load may decode, the second finds it done."""
    other = replace(settings, split="random")
    start = time.perf_counter()
    grouped = load_data(**settings.data)
    spent = time.perf_counter() - start
    bench = Bench(settings, other, grouped, load_data(**other.data), sizes)
    count = sum(len(labels) for _, labels in grouped)
    return bench, [Row("load and divide", spent, "s", f"{count:,} pictures")]


def train_baseline(bench: Bench) -> list[Row]:
    """Pictures a second, and whole trainings to the target on the random split."""
    train_data, val_data, (x_test, y_test) = bench.random_data
    rows = [_rate(bench, "baseline CNN", lambda: with_augmentation(baseline_cnn()))]
    spent, found = [], []
    for seed in range(bench.sizes.repeats):
        keras.utils.set_random_seed(seed)
        start = time.perf_counter()
        model = baseline_cnn()
        history = train(
            with_augmentation(model, seed=seed), train_data, val_data, seed=seed,
            batch_size=min(128, bench.sizes.batch_size), verbose=0,
        ).history  # fmt: skip
        if max(history["val_accuracy"]) >= TARGET:
            spent.append(time.perf_counter() - start)
        found.append(int((_answers(model, x_test) != y_test).sum()))
    note = (
        f"building, compiling, three epochs; {len(spent)} of {bench.sizes.repeats} seeds reached "
        f"it; {', '.join(map(str, found))} errors of {len(y_test):,} test pictures"
    )
    value = median(spent) if spent else None
    return [*rows, Row(f"baseline CNN to {TARGET:.1%}, random split", value, "s", note)]


def train_resnet(bench: Bench, *, policy: str) -> list[Row]:
    """Pictures a second with all layers trained."""
    with precision(policy):
        name = f"ResNet50V2, 80 pixels, all layers, {policy}"
        return [_rate(bench, name, lambda: resnet50v2(weights=None))]


def train_reference(bench: Bench, *, name: str, build: Callable) -> list[Row]:
    """Pictures a second of another's network, in float32 as its authors train it."""
    return [_rate(bench, name, lambda: _scaled(build()), bench.sizes.slow_batch_size)]


def whole_recipe(bench: Bench) -> list[Row]:
    """Chapter 3's training on both splits, with its errors on the test pictures."""
    return [
        _whole("ResNet50V2, whole recipe", run_resnet50v2, settings, data)
        for settings, data in (
            (bench.settings, bench.grouped_data),
            (bench.random, bench.random_data),
        )
    ]


def whole_robust(bench: Bench) -> list[Row]:
    """The training of the model that ships; its layers are tf.data's."""
    name = "robust CNN, whole recipe"
    recipe = partial(run_baseline, robust=True)
    return [_whole(name, recipe, bench.settings, bench.grouped_data)]


def feed_robust(bench: Bench) -> list[Row]:
    """How many pictures a second the robust layers give, which tf.data computes on the CPU."""
    sizes, (images, labels) = bench.sizes, bench.grouped_data[0]
    images, labels = some((images, labels), sizes.batches * sizes.batch_size)
    dataset = make_dataset(add_depth(images, labels), labels, batch_size=sizes.batch_size)
    _, *spent = seconds_of(partial(list, augment_robust(dataset)), 1 + sizes.repeats)
    value = len(labels) / median(spent)
    return [Row("robust layers alone, by tf.data", value, "images/s", "on the CPU")]


def latency(bench: Bench) -> list[Row]:
    """Milliseconds of one picture, from raw pixels to numbers."""
    one = bench.grouped_data[2][0][:1]
    models = {
        "plain CNN": baseline_cnn(),
        "shipped CNN, four views": load_model("baseline_cnn")[0],
        "ResNet50V2": resnet50v2(weights=None),
    }
    rows = []
    for name, model in models.items():
        _, *spent = seconds_of(partial(model.predict_on_batch, one), 1 + bench.sizes.calls)
        rows.append(Row(f"one picture, {name}", 1000 * median(spent), "ms"))
    return rows


def _rate(bench: Bench, name: str, build: Callable, batch_size: int | None = None) -> Row:
    """Pictures a second over some batches, after one epoch of them that also compiles."""
    sizes = bench.sizes
    batch_size = batch_size or sizes.batch_size
    images, labels = some(bench.random_data[0], sizes.batches * batch_size)
    model = build()
    model.compile(
        optimizer=keras.optimizers.AdamW(1e-3),
        loss="sparse_categorical_crossentropy",
        jit_compile=jit_compile(),
    )
    ends = [time.perf_counter()]
    clock = keras.callbacks.LambdaCallback(
        on_epoch_end=lambda epoch, logs: ends.append(time.perf_counter())
    )
    model.fit(
        ArrayBatches(images, labels, batch_size=batch_size, shuffle_seed=0),
        epochs=1 + sizes.repeats,
        verbose=0,
        shuffle=False,
        callbacks=[clock],
    )
    first, *spent = np.diff(ends).tolist()
    note = f"batches of {batch_size}; the first epoch, with compiling, took {first:.1f} s"
    if (peak := peak_gpu_memory()) is not None:
        note += f"; peak of GPU memory so far {peak:.1f} GB"
    return Row(f"{name}, training", len(labels) / median(spent), "images/s", note)


def _whole(name: str, recipe: Callable, settings: Settings, data) -> Row:
    """A whole run as the chapters do it, in a folder of its own, so that none is loaded."""
    x_test, y_test = data[2]
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        start = time.perf_counter()
        run = recipe(data, settings, verbose=0)
        spent = time.perf_counter() - start
    errors = int((_answers(run.model, x_test) != y_test).sum())
    steps = ", ".join(f"{step} {each:.0f} s" for step, each in run.facts["seconds"].items())
    note = f"{errors} errors of {len(y_test):,} test pictures; from {run.facts['weights']}; {steps}"
    return Row(f"{name}, {settings.split} split", spent, "s", note)


def _answers(model, images) -> np.ndarray:
    return model.predict(images, batch_size=256, verbose=0).argmax(axis=1)


def _scaled(model: keras.Model) -> keras.Model:
    """Another's network, with our pictures made as large and as coloured as it takes them."""
    height, width, channels = model.input_shape[1:]
    inputs = keras.Input(INPUT_SHAPE)
    x = layers.Rescaling(1 / 255)(inputs)
    if (height, width) != INPUT_SHAPE[:2]:
        x = keras.ops.image.resize(x, (height, width))
    return keras.Model(inputs, model(keras.ops.repeat(x, channels, axis=-1)))


def peak_gpu_memory() -> float | None:
    """The most memory of the GPU that this process has used so far, in GB; `None` without one."""
    if not list_gpus():
        return None
    backend = keras.backend.backend()
    if backend == "jax":
        import jax

        peak = (jax.devices()[0].memory_stats() or {}).get("peak_bytes_in_use", 0)
    elif backend == "torch":
        import torch

        peak = torch.cuda.max_memory_allocated()
    else:
        from medmnist_keras._keras import tensorflow as tf

        peak = tf.config.experimental.get_memory_info("GPU:0")["peak"]
    return peak / 1e9


def machine(settings: Settings) -> dict[str, str]:
    """What the numbers must be read with: data, hardware, versions, the card and its driver."""
    facts = settings.facts
    if cards := nvidia_cards("name,driver_version,memory.total"):
        facts["Card, driver, memory"] = "; ".join(cards)
    return facts


def format_result(result: dict) -> str:
    """The table, and what isn't in it."""
    table = pd.DataFrame(result["rows"]).set_index("what")
    lines = [table.to_string(float_format="{:,.1f}".format)]
    lines += [f"not measured: {name}: {reason}" for name, reason in result["failures"].items()]
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints the table; returns 1 if a measurement failed or wasn't begun."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--data", help="folder or archive; by default as load_data() finds it")
    parser.add_argument("--images-per-class", type=int, help="a subset, which the table then says")
    parser.add_argument("--quick", action="store_true", help="drawn phantoms, a few steps of each")
    asked = parser.parse_args(arguments)
    source, count = (PHANTOMS, 30) if asked.quick else (asked.data, asked.images_per_class)
    settings = Settings(quick=asked.quick, source=source, images_per_class=count)
    result = measure(settings, QUICK if asked.quick else Sizes())
    print(f"\n{format_result(result)}")
    return int(bool(result["failures"]))


if __name__ == "__main__":
    sys.exit(main())
