"""How large and how fast exported models are: `python -m benchmarks.exports` prints the table of
docs/using.md."""

import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from medmnist_keras import export, load_model
from medmnist_keras.data import draw_phantoms
from medmnist_keras.inference.exporting import file_name
from medmnist_keras.inference.formats import FORMATS

SECONDS = 0.3  # for which each speed is measured, at least


def images_per_second(run, images: np.ndarray) -> float:
    """The speed of a runtime, after a first call that may compile or allocate."""
    run(images)
    calls, start = 0, time.perf_counter()
    while (seconds := time.perf_counter() - start) < SECONDS:
        run(images)
        calls += 1
    return calls * len(images) / seconds


def measure(format: str, model, threshold, images: np.ndarray) -> dict:
    """One row: size, differences from Keras, and the median speeds of three runs."""
    with tempfile.TemporaryDirectory() as folder:
        made = export(model, format, Path(folder) / file_name(model, format), threshold=threshold)
        shown = images.astype(FORMATS[format].dtype)
        run = FORMATS[format].load(made.path)
        batched, single = (
            np.median([images_per_second(run, some) for _ in range(3)])
            for some in (shown, shown[:1])
        )
    return made._asdict() | {"images/s, batches of 256": batched, "one by one": single}


if __name__ == "__main__":
    model, threshold = load_model("baseline_cnn")
    images = np.resize(draw_phantoms(43)[0], (256, 64, 64, 1))
    rows = [measure(format, model, threshold, images) for format in FORMATS]
    print(pd.DataFrame(rows).drop(columns="path").to_string(index=False))
