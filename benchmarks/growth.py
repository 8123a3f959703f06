"""More pictures: does time grow in proportion?"""

from __future__ import annotations

from medmnist_keras.augmentation.pipelines import augment
from medmnist_keras.data.datasets import make_dataset
from medmnist_keras.info import CLASS_NAMES
from medmnist_keras.models.networks import baseline_cnn

from .loading import load_anew
from .measuring import Bench, Measured, peak_memory, rates
from .training import fit


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
