"""What every measurement shares: sizes, the bench it works on, clocks and memory."""

from __future__ import annotations

import io
import multiprocessing
import shutil
import sys
import tarfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from medmnist_keras.data.finding import find_source
from medmnist_keras.data.loading import load_images
from medmnist_keras.data.phantoms import PHANTOMS, draw_phantoms
from medmnist_keras.data.splits import split_indices
from medmnist_keras.experiments.settings import Settings
from medmnist_keras.info import CLASS_NAMES

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


def rates(dataset, bench: Bench) -> list[float]:
    """Pictures a second of whole epochs."""

    def go_through():
        for _ in dataset:
            pass

    go_through()
    count = int(dataset.cardinality()) * bench.sizes.batch_size
    return [count / spent for spent in seconds_of(go_through, bench.sizes.repeats)]


def scored(answers, labels) -> Measured:
    """Accuracies as one quantity, with the numbers of errors."""
    errors = [int((each != labels).sum()) for each in answers]
    values = [100 * (1 - each / len(labels)) for each in errors]
    counts = f"{', '.join(map(str, errors))} errors of {len(labels):,} test pictures"
    return Measured("right answers", "%", values, f"{counts}, {np.mean(errors):.1f} on average")
