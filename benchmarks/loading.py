"""Loading pictures: ours, and plain ways to do the same."""

from __future__ import annotations

import io
import os
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from medmnist_keras._keras import keras
from medmnist_keras.data.datasets import without_autotune
from medmnist_keras.data.loading import load_images
from medmnist_keras.info import CLASS_NAMES, INFO

from .measuring import Bench, Measured, process_context, seconds_of


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
    dataset = without_autotune(dataset.map(decode_batch, tf.data.AUTOTUNE))
    return np.concatenate(list(dataset.as_numpy_iterator()))
