"""Makes the weights that ship with the package, and their model card: `make weights`."""

from __future__ import annotations

import json
from pathlib import Path

import keras

from medmnist_keras import CLASS_NAMES, INFO, load_data
from medmnist_keras._types import StrPath
from medmnist_keras.augmentation.pipelines import add_renderings, render_outliers
from medmnist_keras.data import find_test_groups
from medmnist_keras.data.folders import load_folder
from medmnist_keras.evaluation import expected_calibration_error
from medmnist_keras.evaluation.calibration import apply_temperature, fit_temperature
from medmnist_keras.evaluation.external import external_report
from medmnist_keras.evaluation.ood_sets import load_ood_sets
from medmnist_keras.evaluation.open_set import fit_known, open_set_table
from medmnist_keras.experiments.recipes import run_baseline
from medmnist_keras.experiments.settings import Settings
from medmnist_keras.models.known import KNOWN_THRESHOLD, rate, with_known
from medmnist_keras.models.networks import WEIGHTS_DIR
from medmnist_keras.storage import replacing


def write_weights(folder: StrPath = WEIGHTS_DIR, *, settings: Settings | None = None) -> dict:
    """Trains the robust baseline, calibrates it, and writes weights, facts and model card.

    The plain baseline is trained and written too, as it is, to be shown beside the robust one.
    Temperature and calibration of `known` come from the validation pictures as they are, as
    `render_shift()` shows them, and as outliers that `render_outliers()` makes of them. The
    threshold is `KNOWN_THRESHOLD`. The test pictures, external pictures where
    `MEDMNIST_KERAS_EXTERNAL_DIR` names a folder of them, and the out-of-distribution sets are only
    measured.

    Args:
        folder: where `baseline_cnn.weights.h5`, `plain_cnn.weights.h5`, `baseline_cnn.json` and
            `MODEL_CARD.md` go.
        settings: `Settings`; by default of a full run on the grouped split, as it ships.

    Returns:
        dict of what the JSON file holds: training, temperature, threshold, scores.

    Raises:
        OSError: when a file can't be written; what was there stays.

    Example:

    >>> write_weights("weights-of-my-own")
    """
    settings = settings or Settings(quick=False, source=None, images_per_class=None)
    data = load_data(**settings.data)
    groups = find_test_groups(**settings.data)
    plain = run_baseline(data, settings, verbose=2)
    run = run_baseline(data, settings, robust=True, verbose=2)
    facts = run.facts | {"data": settings.facts["Data"], "versions": settings.facts["Versions"]}
    model, found = _calibrate(run.model, data[1], settings.seed)
    facts |= found
    facts["scores"] = _measure(model, data[2], groups, settings, facts["threshold"])
    table = open_set_table(model, data[2][0], load_ood_sets(), facts["threshold"])
    facts["scores"]["out of distribution"] = table.to_dict("index")
    facts["scores of plain training"] = _measure(plain.model, data[2], groups, settings)
    texts = {
        "MODEL_CARD.md": model_card(facts),
        "baseline_cnn.json": json.dumps(facts, indent=2, allow_nan=False) + "\n",
    }
    weights = {"plain_cnn.weights.h5": plain.model, "baseline_cnn.weights.h5": run.model}
    # Weights and threshold belong together, so none counts without the file of the last.
    names = [*weights, *texts]
    with replacing(*(Path(folder) / name for name in names)) as drafts:
        for draft, (_, model) in zip(drafts, weights.items(), strict=False):
            # Without the optimizer's state, which a trained model's file would hold too.
            model.save_weights(draft)
        for draft, text in zip(drafts[len(weights) :], texts.values(), strict=True):
            draft.write_text(text, encoding="utf-8")
    return facts


def _calibrate(model, val_data, seed: int) -> tuple[keras.Model, dict]:
    """Puts the temperature into the weights; returns the model that says what it knows, and
    temperature, the numbers of `with_known()`, and threshold."""
    # On validation pictures a robust model hardly errs, and probabilities that are honest on these
    # alone would be all but certain everywhere. So half of those that tell the temperature are
    # rendered.
    both, labels = add_renderings(*val_data, seed=seed)
    before = rate(with_known(model), both)[0]
    temperature = fit_temperature(labels, before)
    apply_temperature(model, temperature)
    outliers = render_outliers(*val_data, seed=seed)
    known = fit_known(model, both[len(labels) // 2 :], outliers)
    after, kept = rate(known.model, both)
    passing = rate(known.model, outliers)[1] >= KNOWN_THRESHOLD
    return known.model, {
        "temperature": temperature,
        "known": {"scale": known.scale, "offset": known.offset},
        "threshold": KNOWN_THRESHOLD,
        "validation pictures accepted": {
            "as they are": float((kept[: len(labels) // 2] >= KNOWN_THRESHOLD).mean()),
            "rendered": float((kept[len(labels) // 2 :] >= KNOWN_THRESHOLD).mean()),
            "as outliers": float(passing.mean()),
        },
        "calibration error before and after": [
            expected_calibration_error(labels, each) for each in (before, after)
        ],
    }


def _measure(model, test_data, groups, settings: Settings, threshold=None) -> dict:
    sets = {"test": (*test_data, groups)}
    if settings.external is not None:
        pictures = load_folder(settings.external)
        sets["external pictures"] = pictures.images, pictures.labels, pictures.sources
    scores = {}
    for name, (images, labels, clusters) in sets.items():
        probabilities, known = rate(model, images)
        report = external_report(
            labels, probabilities, known=known, threshold=threshold, clusters=clusters
        )
        recall = report.per_class["recall"].dropna().to_dict()
        scores[name] = report.scores | {"recall": recall}
    return scores


def model_card(facts: dict) -> str:
    """What a user must know of the weights, as Markdown (Mitchell et al. 2019,
    https://arxiv.org/abs/1810.03993)."""
    scores = facts["scores"]
    lines = [
        "| pictures | number | accuracy | balanced accuracy (95 % interval) | rejected "
        "| accuracy of the others | answered and right |",
        "|---|---|---|---|---|---|---|",
    ]
    lines += [_row(name, scores[name]) for name in ("test", "external pictures") if name in scores]
    plain = facts["scores of plain training"]
    lines += [_row(f"{name}, plain training", score) for name, score in plain.items()]
    recall = "".join(
        f"\nRecall by class in {place}: {_told(scores[name]['recall'])}.\n"
        for name, place in (("test", "the test pictures"), ("external pictures",) * 2)
        if name in scores
    )
    outside = ["| out-of-distribution set | AUROC | rejected |", "|---|---|---|"]
    outside += [
        f"| {name} | {row['auroc']:.3f} | {row['rejected']:.0%} |"
        for name, row in scores["out of distribution"].items()
    ]
    return _CARD.format(
        parameters=facts["parameters"],
        data=facts["data"],
        credit=INFO["credit"],
        split=facts["split"],
        split_seed=facts["split seed"],
        seed=facts["seed"],
        seconds=sum(facts["seconds"].values()),
        hardware=facts["hardware"],
        versions=facts["versions"],
        temperature=facts["temperature"],
        threshold=facts["threshold"],
        before=facts["calibration error before and after"][0],
        after=facts["calibration error before and after"][1],
        accepted=facts["validation pictures accepted"],
        scores="\n".join(lines),
        recall=recall,
        outside="\n".join(outside),
    )


def _told(shares: dict) -> str:
    return ", ".join(f"{name} {shares[name]:.1%}" for name in CLASS_NAMES if name in shares)


def _row(name: str, score: dict) -> str:
    low, high = score["balanced_accuracy_low"], score["balanced_accuracy_high"]
    rejected, accepted, both = (
        "–" if score.get(key) is None else f"{score[key]:.{digits}%}"
        for key, digits in (("rejected", 1), ("accuracy_accepted", 2), ("accepted_and_right", 1))
    )
    return (
        f"| {name} | {score['images']:,} | {score['accuracy']:.2%} "
        f"| {score['balanced_accuracy']:.1%} ({low:.1%} to {high:.1%}) | {rejected} | {accepted} "
        f"| {both} |"
    )


_CARD = """# Model card: `baseline_cnn(weights="medical_mnist")`

Written by `make weights`, its numbers from `baseline_cnn.json`.

**What it is.** A convolutional network of {parameters:,} parameters that sorts grey 64×64
pictures into abdomen CT, breast MRI, chest X-ray, chest CT, hand X-ray and head CT. It answers
two questions with two numbers: which of the six, and whether it is one of them at all.

**What it is for.** Teaching, demonstrations, research on robustness. **Not for clinical use**:
it has been tested on no patient, and says nothing about any disease.

**Data.** {data}.
{credit}. Trained on the {split} split, seed {split_seed}: stacks of slices
stay on one side of the split.

**Licence.** These weights were trained on pictures published under
[CC BY-SA 4.0](https://creativecommons.org/licenses/by-sa/4.0/): credit them as above. Whether that
licence reaches weights is not settled, and the repository states none for them: its MIT licence is
that of the code.

**Training.** `run_baseline(…, robust=True)`: random weights, seed {seed}, `augment_robust()`
and drawn phantoms. {seconds:.0f} s on {hardware}; {versions}.
No external picture was trained on.

**Calibration.** On the validation pictures, as they are and rendered anew. Temperature
{temperature:.3f}, already in the weights; expected calibration error on these pictures
{before:.4f} before, {after:.4f} after. `load_model("baseline_cnn")` looks at a picture four times
and gives the probability that it is one of the six; under {threshold} the answer is "none of
these". It is calibrated on renderings of the validation pictures against outliers of training's
own kinds made of them, each side weighing the same. Accepted are {accepted[as they are]:.1%} of the
validation pictures as they are, {accepted[rendered]:.1%} of their renderings, many of which are
hardly to be recognized, and {accepted[as outliers]:.1%} of the outliers.

## Scores

{scores}
{recall}
Intervals allow for correlated errors: in groups of near duplicates on the test pictures, in
sources of the external test set. `python -m medmnist_keras evaluate` finds the first row again;
with `--data FOLDER` it measures other pictures. The layers of `augment_robust()` were chosen by
comparing them on the external pictures, so that row served for development and is not
a blind test. "Answered and right" is the mean of the classes.

The last rows are of `baseline_cnn(weights="medical_mnist_plain")`, trained without
`augment_robust()`, which never rejects. It ships to show how such a model falls; don't use it.

## Rejection of out-of-distribution pictures

Against the test pictures; AUROC 0.5 is chance.

{outside}

## Limits

Some classes come from one collection each. Patients are not known, so that the split may still
share some. Some errors on the test pictures are slices through the heart that the data set files
under AbdomenCT and the model under ChestCT. On the external test set it rejects breast MRI most
often, much of it one breast seen from the side, which the data set doesn't have. Most slices of a
brain in MRI pass for one of the six: at 64×64 pixels little but the ring of the skull tells them
from head CT. A picture of nothing but a grey near the background of chest CT, 126, passes for
chest CT. Scores were compared on the out-of-distribution sets above, and training draws many of
their kinds with other pens, so they are no blind test either. Parts and other renderings of the six
kinds that training takes for outliers, such as a shoulder out of a chest X-ray, may be rejected or
not. Children and implants were not tested.
"""


if __name__ == "__main__":
    write_weights()
