"""Ablation: what each step of robust training contributes, by short trainings of some seeds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from scipy.special import softmax

from .._keras import keras
from .._types import Pair
from ..augmentation.depth import add_depth
from ..augmentation.pipelines import add_phantoms, augment_robust
from ..data.datasets import make_dataset
from ..evaluation.external import external_report
from ..evaluation.ood_scores import energy, open_set_scores
from ..models.known import view_logits
from ..models.networks import ROBUST_WIDTH, baseline_cnn
from ..training.fitting import train
from .saved import LOG, RECIPES, digest_of, write_json
from .settings import Settings

# What each step adds to those before it, of `ROBUST_LAYERS`; the last one adds phantoms.
ABLATION_STEPS: dict[str, tuple[str, ...]] = {
    "none": (),
    "geometry, tone": ("geometry", "tone"),
    "degradation, marks": ("degradation", "marks"),
    "CT": ("CT",),
    "MRI": ("MRI", "one breast"),
    "outliers": ("outliers", "near outliers"),
    "phantoms": (),
}


def run_ablation(
    data: tuple[Pair, Pair, Pair],
    settings: Settings,
    external: Pair,
    ood_sets: Mapping[str, np.ndarray] | None = None,
    *,
    seeds: Sequence[int] = (0, 1, 2),
) -> pd.DataFrame:
    """Measures what each step of robust training buys: `ABLATION_STEPS`, one after the other.

    Each training is of a baseline CNN for one epoch on every second picture, so scores are lower
    than after a whole training; they compare with each other. Rows are kept as they come, and
    loaded where they were made before.

    Each training sets the global random state of Python, NumPy and the backend to its seed.

    Args:
        data: what `load_data()` returned, as in `run_baseline()`.
        settings: `Settings` of the run.
        external: `(images, labels)` of an external test set, uint8 `(N, 64, 64, 1)` and int
            `(N,)`.
        ood_sets: dict of names to out-of-distribution pictures, uint8; `None` for none.
        seeds: ints, one training of each step for each: of weights, order and augmentation. The
            split stays that of the settings.

    Returns:
        A table with one row a training and the columns `step` (trained with this one and those
        above it), `seed`, `test errors`, for `external` the `balanced accuracy` and the recall of
        each class by its name, and for each of `ood_sets` the share of `external` that is
        answered and right where a tenth of that set passes, by the energy (`open_set_scores()`).
    """
    file = settings.folder / f"ablation-{settings.split}{settings.seed}.json"
    kept = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    made_of = {
        "pictures": digest_of(*data, external),
        "out of distribution": {
            name: digest_of((images,)) for name, images in (ood_sets or {}).items()
        },
        "recipe": RECIPES["baseline_cnn", "robust"],
        "steps": [[step, *added] for step, added in ABLATION_STEPS.items()],
        "seeds": list(seeds),
    }
    if kept and {name: kept.get(name) for name in made_of} != made_of:
        LOG.warning("%s is of other pictures or another recipe: it is made again.", file)
        kept = {}
    rows = kept.get("rows", [])
    trainings = list(itertools.product(ABLATION_STEPS, seeds))
    if len(rows) < len(trainings):
        (x_train, y_train), val_data, (x_test, y_test) = data
        pictures = add_depth(x_train[::2], y_train[::2]), y_train[::2]
        val_ds = make_dataset(*val_data)
    for step, seed in trainings[len(rows) :]:
        keras.utils.set_random_seed(seed)
        model = baseline_cnn(width=ROBUST_WIDTH)
        train_ds = make_dataset(
            *(add_phantoms(*pictures, seed=seed) if step == "phantoms" else pictures),
            batch_size=settings.batch_size,
            shuffle_seed=seed,
        )
        train_ds = augment_robust(train_ds, robust_layers=_layers_up_to(step), seed=seed)
        train(model, train_ds, val_ds, epochs=1, verbose=0)
        predicted = model.predict(x_test, batch_size=256, verbose=0).argmax(axis=1)
        averaged = view_logits(model)
        sets = {"external": external[0], **(ood_sets or {})}
        logits = {
            name: averaged.predict(each, batch_size=256, verbose=0) for name, each in sets.items()
        }
        seen = logits.pop("external")
        report = external_report(external[1], softmax(seen, axis=1))
        correct = seen.argmax(axis=1) == external[1]
        rows.append(
            {
                "step": step,
                "seed": seed,
                "test errors": int((predicted != y_test).sum()),
                "balanced accuracy": report.scores["balanced_accuracy"],
                **report.per_class["recall"].dropna().to_dict(),
                **{
                    name: open_set_scores(energy(seen), correct, external[1], energy(each))["ccr10"]
                    for name, each in logits.items()
                },
            }
        )
        write_json(file, made_of | {"rows": rows})
        print(f"{step}, seed {seed}: balanced accuracy {rows[-1]['balanced accuracy']:.3f}")
    return pd.DataFrame(rows)


def _layers_up_to(step: str) -> list[str]:
    steps = list(ABLATION_STEPS)
    return [layer for each in steps[: steps.index(step) + 1] for layer in ABLATION_STEPS[each]]
