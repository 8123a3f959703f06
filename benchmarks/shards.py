"""How fast shards are written and read, and in how much memory: the numbers of docs/scale.md.

    python -m benchmarks.shards write 1000000 FOLDER
    python -m benchmarks.shards read FOLDER

Each prints one line of JSON. Two commands, for the peak of memory is a process's.
"""

import json
import os
import platform
import resource
import sys
import time

import numpy as np

from medmnist_keras.data import check_shards, draw_phantoms, read_shards, write_shards
from medmnist_keras.data.phantoms import PHANTOM_CLASSES
from medmnist_keras.data.shards import read_index

CHUNK = 2000  # of each class, drawn at a time


def drawn(count, seconds):
    """So many phantoms, mixed, a chunk at a time; adds the time of drawing to `seconds`."""
    left, seed = count, 0
    while left:
        start = time.perf_counter()
        images, labels = draw_phantoms(CHUNK, seed=seed)
        order = np.random.default_rng(seed).permutation(len(images))[:left]
        seconds[0] += time.perf_counter() - start
        yield from zip(images[order], labels[order], strict=True)
        left, seed = left - len(order), seed + 1


def write(count, folder):
    drawing = [0.0]
    start = time.perf_counter()
    index = write_shards(drawn(count, drawing), folder)
    seconds = time.perf_counter() - start - drawing[0]
    size = sum(shard["bytes"] for shard in index["shards"])
    return {
        "written": index["examples"],
        "bytes": size,
        "bytes_per_image": size / index["examples"],
        "drawing_images_per_second": count / drawing[0],
        "writing_images_per_second": count / seconds,
    }


def read(folder):
    result = {"read": read_index(folder)["examples"]}
    for name, seed in (("reading", None), ("reading_shuffled", 0)):
        start = time.perf_counter()
        count, sums = 0, np.zeros(len(PHANTOM_CLASSES), "int64")
        for images, labels in read_shards(folder, 256, shuffle_seed=seed):
            count += len(images)
            sums += np.bincount(labels, minlength=len(sums))
        result[f"{name}_images_per_second"] = count / (time.perf_counter() - start)
        result[f"{name}_classes"] = sums.tolist()
    start = time.perf_counter()
    check_shards(folder)
    result["check_seconds"] = time.perf_counter() - start
    return result


if __name__ == "__main__":
    import tensorflow as tf  # its own memory is told apart

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    start, load = time.perf_counter(), os.getloadavg()[0]
    command, *arguments = sys.argv[1:]
    told = write(int(arguments[0]), arguments[1]) if command == "write" else read(arguments[0])
    told |= {
        "seconds": time.perf_counter() - start,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
        "of_which_imports": before,
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, TensorFlow {tf.__version__}, "
        f"load {load:.1f}",
    }
    print(json.dumps(told, indent=1))
