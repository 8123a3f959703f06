"""What `benchmark` measures: each of our steps, and plain references that do the same work.

A measurement takes a `Bench` and returns a list of `Measured`. It may leave its process as it
likes: each has one of its own.
"""

from __future__ import annotations

from . import _quiet as _quiet  # isort: skip  # before Keras

import io
import multiprocessing
import os
import shutil
import sys
import tarfile
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import layers
from PIL import Image
from sklearn.neighbors import KNeighborsClassifier

from .audit import thumbnails
from .augment import augment, augment_robust
from .bodies import with_bodies
from .data import make_dataset, untuned
from .hardware import accelerated, list_gpus
from .info import CLASS_NAMES, INFO
from .models import ROBUST_WIDTH, baseline_cnn, freeze_batch_normalization, resnet50v2
from .phantoms import draw_phantoms
from .runs import speed_run
from .settings import Settings
from .sources import PHANTOMS, find_source, load_images
from .splits import split_indices
from .training import fine_tune, train

TARGET = 0.999  # validation accuracy
TO_TARGET = f"to {TARGET:.1%}, others one epoch"


class Sizes(NamedTuple):
    """How much is measured; by default some ten minutes of it on two CPU cores."""

    repeats: int = 3
    batch_size: int = 128
    batches: int = 8  # of a slow reference's training, in each repeat
    pictures: int = 8192  # through pipelines and the baseline's prediction
    slow_pictures: int = 512  # through ResNet50V2's prediction
    tuned: int = 1024  # that ResNet50V2 is fine-tuned on
    seeds: int = 10  # of the speed run, where its errors are counted
    calls: int = 100  # with a single picture
    grown: int = 200  # phantoms a class at 1×
    growth: tuple[int, ...] = (2, 4, 10)  # times that


QUICK = Sizes(1, 32, 1, 256, slow_pictures=32, tuned=64, seeds=2, calls=10, grown=10, growth=(10,))


class Bench(NamedTuple):
    """What a measurement works on.

    Attributes:
        folder: `Path` of `images.npy`, of the rows and labels that each split gives to each
            part, and of the archives that grow.
        source: `Path` of the pictures as `load_images()` takes them, an archive or a folder.
        unpacked: `Path` of the same pictures as files in class-named folders.
        sizes: `Sizes`.
        split: name of the split that is measured on.
    """

    folder: Path
    source: Path
    unpacked: Path
    sizes: Sizes
    split: str = "grouped"


class Measured(NamedTuple):
    """One quantity, its value in each repeat, and what must be said with it."""

    quantity: str
    unit: str
    values: list[float]
    note: str = ""


class Step(NamedTuple):
    """Our way, and others that it is measured beside: names and measurements."""

    name: str
    ours: tuple[str, Callable]
    references: dict[str, Callable]


def all_steps(sizes: Sizes) -> list[Step]:
    """Every step of `benchmark()`, in the order of the table."""
    return [
        Step(
            "loading",
            ("load_images", load_ours),
            {
                "PIL loop": partial(load_plainly, read=read_with_pil),
                "image_dataset_from_directory": partial(load_plainly, read=read_with_keras),
                "libjpeg alone": decode_only,
            },
        ),
        Step(
            "pipeline",
            ("tf.data", feed),
            {"the model's own training": train_on_one_batch},
        ),
        Step(
            "pipeline, robust",
            ("tf.data", feed_robust),
            {"the model's own training": partial(train_on_one_batch, width=ROBUST_WIDTH)},
        ),
        *(
            Step(
                name,
                (ours, partial(train_whole, recipe=recipe)),
                {
                    "talk notebook's CNN": partial(train_slice, build=talk_cnn, batch_size=32),
                    "DenseNet121": partial(train_slice, build=densenet121, batch_size=64),
                },
            )
            for name, ours, recipe in (
                ("training", "baseline CNN", train_baseline),
                ("speed run", "speed_run", train_fast),
            )
        ),
        Step(
            "speed run, random split",
            ("speed_run", score_fast),
            {"nearest neighbour, 16×16": score_nearest},
        ),
        Step(
            "fine-tuning",
            ("fine_tune", partial(tune, recipe=fine_tune)),
            {"fit, frozen then unfrozen": partial(tune, recipe=fine_tune_plainly)},
        ),
        *(
            Step(
                f"prediction, {name}",
                ("predict_on_batch", partial(ask, name=name, call="predict_on_batch")),
                {
                    "model.predict": partial(ask, name=name, call="predict"),
                    "tf.function": partial(ask, name=name, call="tf.function"),
                },
            )
            for name in ("baseline_cnn", "resnet50v2")
        ),
        *(
            Step(
                f"{times}× the data",
                (f"{times}×", partial(grow, times=times)),
                {"linear growth": partial(grow, times=1, counted=times)},
            )
            for times in sizes.growth
        ),
    ]


# -- pictures --------------------------------------------------------------------------------------


def prepare(folder: Path, *, settings: Settings, sizes: Sizes) -> Bench:
    """Lays out in a folder what the measurements work on.

    The pictures are those at hand as they are, archive or folder; where they are drawn or few,
    or known only as the arrays of an earlier load, they are encoded anew.
    """
    loaded = load_images(**settings.images)
    np.save(folder / "images.npy", loaded.images)
    for split in dict.fromkeys((settings.split, "random")):
        parts = split_indices(loaded, split, seed=settings.seed)
        labelled = {name: (part, loaded.labels[part]) for name, part in parts._asdict().items()}
        np.savez(folder / f"{split}.npz", **{
            f"{kind}_{name}": array
            for name, pair in labelled.items()
            for kind, array in zip(("rows", "labels"), pair, strict=True)
        })  # fmt: skip
    whole = settings.source != PHANTOMS and settings.images_per_class is None
    source = find_source() if whole else None
    if source is None:
        source = pack(folder / "pictures.tar", loaded.images, loaded.labels)
    unpacked = source
    if source.is_file():
        checked: dict[str, Any] = {} if source.suffix == ".zip" else {"filter": "data"}
        shutil.unpack_archive(source, folder / "unpacked", **checked)
        unpacked = find_source(folder / "unpacked") or folder / "unpacked"
    for times in (1, *sizes.growth):
        pack(folder / f"grown{times}.tar", *draw_phantoms(times * sizes.grown))
    return Bench(folder, source, unpacked, sizes, settings.split)


def pack(path: Path, images, labels) -> Path:
    """Writes grey pictures as JPEG files into an archive."""
    with tarfile.open(path, "w") as archive:
        for index, (image, label) in enumerate(zip(images[..., 0], labels, strict=True)):
            file = io.BytesIO()
            Image.fromarray(image).save(file, "JPEG", quality=90)
            member = tarfile.TarInfo(f"{CLASS_NAMES[label]}/{index:06d}.jpeg")
            member.size = file.tell()
            file.seek(0)
            archive.addfile(member, file)
    return path


def divided(bench: Bench, parts=("train", "val"), split: str | None = None):
    """Pictures of these parts, each with their labels; of the run's split by default."""
    images = np.load(bench.folder / "images.npy", mmap_mode="r")
    with np.load(bench.folder / f"{split or bench.split}.npz") as arrays:
        return [(images[arrays[f"rows_{part}"]], arrays[f"labels_{part}"]) for part in parts]


def some(pair, count: int):
    """So many pictures with labels, at even steps, again from the start if there are fewer."""
    images, labels = pair
    rows = np.arange(count) * max(1, len(labels) // count) % len(labels)
    return images[rows], labels[rows]


# -- clock, memory, processes ----------------------------------------------------------------------


def seconds_of(work: Callable, repeats: int = 1) -> list[float]:
    """How long each of several calls takes."""
    spent = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        spent.append(time.perf_counter() - start)
    return spent


def peak_memory() -> float | None:
    """The most memory that this process has held so far, in MB; `None` on Windows."""
    try:
        import resource
    except ImportError:
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6  # bytes there, kB here


def process_context():
    """How to start processes that are as good as new.

    On Linux they are forked off a server that has only imported: they are there at once.
    """
    context = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
    context.set_forkserver_preload([__name__])
    return context


# -- loading ---------------------------------------------------------------------------------------


def load_ours(bench: Bench) -> list[Measured]:
    """`load_images()` into an empty cache, then once more."""
    counts = {name: len(os.listdir(bench.unpacked / name)) for name in CLASS_NAMES}
    first, later, (_, labels) = load_anew(bench.source, counts, bench.sizes.repeats)
    anew = ", encoded anew" if bench.source.parent == bench.folder else ""
    note = f"from {bench.source.name}{anew}: unpacked, checked, cached; others read plain files"
    return [
        Measured("first load", "images/s", [len(labels) / spent for spent in first], note),
        Measured("later load", "images/s", [len(labels) / spent for spent in later]),
    ]


def load_anew(source: Path, counts: dict[str, int], repeats: int):
    """Seconds of first and of later loads, and what was loaded: images and labels.

    Once more is loaded, unmeasured, as other ways have it: so the disk's cache has the source.
    """
    first: list[float] = []
    later: list[float] = []
    for _ in range(1 + repeats):
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as home:
            os.environ["KERAS_HOME"] = home
            for spent in (first, later):
                start = time.perf_counter()
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")  # drawn or few pictures: another content
                    loaded = load_images(source, info=INFO | {"counts": counts})
                # They are mapped from the cache: read them, so that all are in memory.
                images, labels = np.array(loaded.images), loaded.labels
                spent.append(time.perf_counter() - start)
                del loaded
    return first[1:], later[1:], (images, labels)


def load_plainly(bench: Bench, *, read: Callable) -> list[Measured]:
    """The unpacked files by another way, which starts anew each time."""
    count = len(read(bench.unpacked))  # once unmeasured, so that the disk's cache has them
    spent = seconds_of(lambda: read(bench.unpacked), bench.sizes.repeats)
    values = [count / each for each in spent]
    return [Measured("first load", "images/s", values), Measured("later load", "images/s", values)]


def read_with_pil(folder: Path) -> np.ndarray:
    """What anyone would write: uint8 `(N, 64, 64, 1)`."""
    pictures = []
    for file in sorted(folder.glob("*/*.*")):
        with Image.open(file) as picture:
            pictures.append(np.asarray(picture))
    return np.stack(pictures)[..., None]


def read_with_keras(folder: Path) -> np.ndarray:
    """Keras' own way: uint8 `(N, 64, 64, 1)`."""
    size = INFO["image_size"]
    dataset = keras.utils.image_dataset_from_directory(
        folder,
        color_mode="grayscale",
        image_size=(size, size),
        batch_size=256,
        shuffle=False,
        verbose=False,
    )
    return np.concatenate([images.numpy().astype("uint8") for images, _ in dataset])


def decode_only(bench: Bench) -> list[Measured]:
    """libjpeg on all cores, from memory to memory: no loader of these files can be faster."""
    files = [file.read_bytes() for file in sorted(bench.unpacked.glob("*/*.*"))]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=process_context()) as pool:
        ways = {
            "tf.data": lambda: decode_with_tf_data(files),
            "Pillow in processes": lambda: decode_with_pillow(files, pool),
        }
        for decode in ways.values():
            decode()  # once unmeasured: compiles, starts the processes
        spent = {name: seconds_of(decode, bench.sizes.repeats) for name, decode in ways.items()}
    faster = min(spent, key=lambda name: np.median(spent[name]))
    values = [len(files) / each for each in spent[faster]]
    note = f"{faster}, the faster of two; files already in memory, nothing checked or kept: a bound"
    return [Measured("first load", "images/s", values, note)]


def decode_with_pillow(files: list[bytes], pool: ProcessPoolExecutor) -> np.ndarray:
    """Decodes JPEG files to uint8 `(N, 64, 64, 1)`, a thousand at a time in each process."""
    pieces = [files[start : start + 1000] for start in range(0, len(files), 1000)]
    return np.concatenate(list(pool.map(_decode_piece, pieces)))


def _decode_piece(files: list[bytes]) -> np.ndarray:
    return np.stack([np.asarray(Image.open(io.BytesIO(file))) for file in files])[..., None]


def decode_with_tf_data(files: list[bytes]) -> np.ndarray:
    """Decodes JPEG files to uint8 `(N, 64, 64, 1)`."""
    import tensorflow as tf

    def decode(file):
        # As Pillow does it; TensorFlow's default is less exact.
        return tf.io.decode_jpeg(file, channels=1, dct_method="INTEGER_ACCURATE")

    def decode_batch(batch):
        return tf.map_fn(decode, batch, fn_output_signature=tf.uint8)

    dataset = tf.data.Dataset.from_tensor_slices(files).batch(256)
    dataset = untuned(dataset.map(decode_batch, tf.data.AUTOTUNE))
    return np.concatenate(list(dataset.as_numpy_iterator()))


# -- pipeline --------------------------------------------------------------------------------------


def feed(bench: Bench) -> list[Measured]:
    """Batches without a model: as they are, and with `augment`."""
    images, labels = some(divided(bench)[0], bench.sizes.pictures)
    plain = make_dataset(images, labels, batch_size=bench.sizes.batch_size, shuffle_seed=0)
    return [
        Measured("plain", "images/s", rates(plain, bench)),
        Measured("with augment", "images/s", rates(augment(plain), bench)),
    ]


def feed_robust(bench: Bench) -> list[Measured]:
    """Batches without a model, with `augment_robust`."""
    images, labels = some(divided(bench)[0], bench.sizes.pictures)
    plain = make_dataset(
        with_bodies(images, labels), labels, batch_size=bench.sizes.batch_size, shuffle_seed=0
    )
    return [Measured("with augment_robust", "images/s", rates(augment_robust(plain), bench))]


def rates(dataset, bench: Bench) -> list[float]:
    """Pictures a second of whole epochs."""

    def go_through():
        for _ in dataset:
            pass

    go_through()
    count = int(dataset.cardinality()) * bench.sizes.batch_size
    return [count / spent for spent in seconds_of(go_through, bench.sizes.repeats)]


def train_on_one_batch(bench: Bench, *, width: int | None = None) -> list[Measured]:
    """Training without a pipeline, on one batch again and again: what must be fed."""
    import tensorflow as tf

    steps = bench.sizes.pictures // bench.sizes.batch_size
    batch = some(divided(bench)[0], bench.sizes.batch_size)
    dataset = tf.data.Dataset.from_tensors(batch).repeat(steps)
    _, spent = fit(partial(baseline_cnn, width=width), dataset, bench.sizes.repeats)
    values = [steps * bench.sizes.batch_size / each for each in spent]
    quantities = ("with augment_robust",) if width else ("plain", "with augment")
    return [Measured(quantity, "images/s", values) for quantity in quantities]


# -- training --------------------------------------------------------------------------------------


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


def scored(answers, labels) -> Measured:
    """Accuracies as one quantity, with the numbers of errors."""
    errors = [int((each != labels).sum()) for each in answers]
    values = [100 * (1 - each / len(labels)) for each in errors]
    counts = f"{', '.join(map(str, errors))} errors of {len(labels):,} test pictures"
    return Measured("right answers", "%", values, f"{counts}, {np.mean(errors):.1f} on average")


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


# -- prediction ------------------------------------------------------------------------------------


def ask(bench: Bench, *, name: str, call: str) -> list[Measured]:
    """Many pictures in batches of 256, and one at a time."""
    sizes = bench.sizes
    if name == "baseline_cnn":
        model, count = baseline_cnn(weights="medical_mnist"), sizes.pictures
    else:
        model, count = resnet50v2(weights=None), sizes.slow_pictures
    images, _ = some(divided(bench)[0], count)
    answer = calls(model)[call]

    answer(images)  # compiles
    answer(images[:1])
    values = [count / spent for spent in seconds_of(lambda: answer(images), sizes.repeats)]
    singles = [
        1000 * np.array(seconds_of(lambda: answer(images[:1]), sizes.calls))
        for _ in range(sizes.repeats)
    ]
    return [
        Measured("many pictures", "images/s", values),
        Measured("one picture, median", "ms", [float(np.median(each)) for each in singles]),
        Measured("one picture, 95 %", "ms", [float(np.percentile(each, 95)) for each in singles]),
    ]


def calls(model, batch_size: int = 256) -> dict[str, Callable]:
    """Ways to ask a model about uint8 pictures `(N, 64, 64, 1)`: name to function."""
    import tensorflow as tf

    graph = tf.function(lambda images: model(images, training=False))

    def in_batches(answer):
        def answer_all(images):
            starts = range(0, len(images), batch_size)
            batches = [answer(images[start : start + batch_size]) for start in starts]
            return np.concatenate([np.asarray(batch) for batch in batches])

        return answer_all

    return {
        "predict": lambda images: model.predict(images, batch_size=batch_size, verbose=0),
        "predict_on_batch": in_batches(model.predict_on_batch),
        "tf.function": in_batches(lambda images: graph(tf.constant(images))),
    }


# -- growth ----------------------------------------------------------------------------------------


def grow(bench: Bench, *, times: int, counted: int = 1) -> list[Measured]:
    """Loading, pipeline, training and memory with `times` the data, all of it `counted` times."""
    before = peak_memory()
    sizes = bench.sizes
    counts = dict.fromkeys(CLASS_NAMES, times * sizes.grown)
    loads, _, pictures = load_anew(bench.folder / f"grown{times}.tar", counts, sizes.repeats)
    dataset = augment(make_dataset(*pictures, batch_size=sizes.batch_size, shuffle_seed=0))
    count = int(dataset.cardinality()) * sizes.batch_size
    measured = {
        "first load": loads,
        "pipeline, one epoch": [count / rate for rate in rates(dataset, bench)],
        "training, one epoch": fit(baseline_cnn, dataset, sizes.repeats)[1],
    }
    note = f"phantoms, {sizes.grown:,} a class at 1×; memory without that of the libraries"
    rows = [
        Measured(quantity, "s", [counted * each for each in values], note)
        for quantity, values in measured.items()
    ]
    after = peak_memory()
    if before is not None and after is not None:
        more = [counted * (after - before)]
        rows.append(Measured("memory", "MB", more, note))
    return rows
