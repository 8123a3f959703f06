"""Implements each command of `python -m medmnist_keras`: calls the package, prints the result."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import warnings

_PARTS = ("train", "val", "test")  # folders of sets of shards
_MODEL = "model.keras"
# As `exporting.FORMATS`, which takes seconds to import.
FORMATS = ("keras", "saved_model", "onnx", "litert", "litert-int8", "openvino")
_RANKS = ("second best", "third", "fourth", "fifth", "sixth")


def demo(options=None) -> None:
    """Trains and evaluates both models on what pictures there are, and prints the scores."""
    import pandas as pd

    from .data.datasets import load_data
    from .evaluation.metrics import evaluate
    from .experiments.recipes import run_baseline, run_resnet50v2
    from .experiments.settings import QUICK_VARIABLE, read_settings

    os.environ.setdefault(QUICK_VARIABLE, "1")
    settings = read_settings()
    print(settings, flush=True)
    data = load_data(**settings.data)
    images, labels = data[2]
    rows = []
    for recipe in (run_baseline, run_resnet50v2):
        run = recipe(data, settings)
        print(run.story, flush=True)
        scores = evaluate(labels, run.model.predict(images, batch_size=256, verbose=0))
        rows.append(
            {
                "model": run.facts["model"],
                "parameters": f"{run.facts['parameters']:,}",
                "test pictures": scores["images"],
                "errors": scores["errors"],
                "accuracy": f"{scores['accuracy']:.2%}",
                "95 % interval": f"{scores['accuracy_low']:.1%} to {scores['accuracy_high']:.1%}",
            }
        )
    print(f"\n{settings.caption}")
    print(pd.DataFrame(rows).set_index("model").T.to_string())
    if settings.quick:
        print("A quick run: it shows that all works, not how good the models are.")


def check(options) -> int:
    """Prints what this machine has of what is needed; returns 1 if something required lacks."""
    from .environment import check_environment

    needs = check_environment()
    print(*needs, sep="\n")
    return int(any(need.required and not need.met for need in needs))


def predict_pictures(options) -> int:
    """Prints what is on each picture; returns 1 if some could not be read, else 0."""
    from .inference.predicting import predict
    from .models.shipped import load_model

    model, threshold = load_model(options.model)
    if options.threshold is not None:
        threshold = options.threshold
    with _warnings_as_lines():
        table = predict(
            options.pictures,
            model=model,
            threshold=threshold,
            progress=True,
            frames="all" if options.all_frames else "one",
        ).round(6)
    if options.json:
        _print_json(_records(table))
    elif options.csv:
        print(table.to_csv(index=False, lineterminator="\n"), end="")
    else:
        _print_answers(table[table["problem"] == ""], options.top)
    return _tell_problems(table["problem"][table["problem"] != ""], len(table))


def evaluate_model(options) -> int:
    """Prints a model's scores on a labelled folder; returns as `predict_pictures()`."""
    from .data.folders import load_folder
    from .evaluation.external import external_report
    from .models.known import rate
    from .models.shipped import load_model

    source_name, sources, clusters = "the test pictures of Medical MNIST, grouped split", None, None
    problems: list[tuple[str, str]] = []
    if options.data is None:
        images, labels, clusters = _test_pictures()
    else:
        source_name = options.data
        with _warnings_as_lines():
            images, labels, _, sources, problems = load_folder(options.data)
    model, threshold = load_model(options.model)
    probabilities, known = rate(model, images)
    report = external_report(
        labels, probabilities, sources, known=known, threshold=threshold, clusters=clusters
    )
    if options.json:
        _print_json(
            {
                "data": source_name,
                "model": options.model,
                "threshold": threshold,
                "scores": report.scores,
                "per_class": _records(report.per_class.reset_index()),
                "confusion": report.confusion.to_dict("index"),
                "per_source": None
                if report.per_source is None
                else _records(report.per_source.reset_index()),
                "problems": [{"file": file, "problem": why} for file, why in problems],
            }
        )
    else:
        print(f"Data: {printable(source_name)}")
        _print_report(report)
    return _tell_problems([why for _, why in problems], len(labels) + len(problems))


def gather_pictures(options) -> int:
    """Gathers external pictures, prints what came of it; returns 1 if some could not be had."""
    from .data.gathering import FAILED, gather

    table = gather(options.folder, options.set, every_licence=options.every_licence)
    counts = table.value_counts(["status", "source", "why"], sort=False)
    for (status, source, why), count in counts.items():
        print(f"{count:4} {status}: {source}{printable(f' ({why})' if why else '')}")
    return int(table["status"].isin(FAILED).any())


def export_model(options) -> int:
    """Writes a model in other formats and prints how they compare; returns 1 if one failed."""
    import numpy as np
    import pandas as pd

    from .data.folders import find_pictures
    from .data.reading import try_reading
    from .inference.exporting import export, file_name
    from .models.shipped import load_model

    model, threshold = load_model(options.model)
    representative, status = None, 0
    if options.pictures is not None:
        with _warnings_as_lines():
            readings = [try_reading(path) for path in find_pictures(options.pictures)]
        problems = [reading.problem for reading in readings if reading.problem]
        status = _tell_problems(problems, len(readings))
        images = [reading.image for reading in readings if reading.image is not None]
        if not images:
            raise ValueError(
                "`--pictures` must name pictures, or folders that hold some. "
                f"Received: {' '.join(options.pictures)}, with none that can be read."
            )
        representative = np.array(images)
    formats = list(FORMATS) if "all" in options.format else list(dict.fromkeys(options.format))
    done = []
    for format in formats:
        print(f"{format} …", file=sys.stderr, flush=True)
        try:
            done.append(
                export(
                    model,
                    format,
                    os.path.join(options.output, file_name(model, format)),
                    threshold=threshold,
                    representative=representative,
                )
            )
        except (ImportError, RuntimeError) as error:  # the other formats may do
            print(printable(str(error)), file=sys.stderr)
            status = 1
    if done:
        rows = [
            {
                "format": one.format,
                "file": one.path.name,
                "size": f"{one.size / 1000:,.0f} kB",
                "max difference": f"{one.difference:.1e}",
                "same class": f"{one.agreement:.1%}",
                "same decision": "" if one.same_decision is None else f"{one.same_decision:.1%}",
            }
            for one in done
        ]
        print(pd.DataFrame(rows).to_string(index=False))
    return status


def open_page(options) -> None:
    """Serves the live page until it is interrupted."""
    from .inference.app import block, open_app

    print("Loading the models, and the training pictures where they are at hand …", flush=True)
    page = open_app(host=options.host, port=options.port, browser=not options.no_open)
    print(f"The page is at {page.local_url}; Ctrl+C ends it.", flush=True)
    block(page)


def write_set(options) -> None:
    """Writes training, validation and test pictures as three sets of shards."""
    import numpy as np

    from .data.datasets import load_data
    from .data.shards import write_shards

    parts = load_data(options.source, images_per_class=options.images_per_class)
    for name, (images, labels) in zip(_PARTS, parts, strict=True):
        # Mixed here, for reading mixes only neighbours.
        order = np.random.default_rng(0).permutation(len(images))
        examples = ((images[row], labels[row]) for row in order)
        index = write_shards(examples, os.path.join(options.folder, name), shards=options.shards)
        size = sum(shard["bytes"] for shard in index["shards"])
        print(f"{name}: {index['examples']:,} pictures, {options.shards} shards, {size:,} bytes")


def train_on_set(options) -> None:
    """Trains the baseline on a set of shards, in this process or as a part of a job."""
    import shutil
    import tempfile
    from pathlib import Path

    from ._keras import keras
    from .data.jobs import Job
    from .data.shards import read_shards
    from .models.networks import baseline_cnn
    from .storage import replacing
    from .training.distributed import INDEX_VARIABLE, initialize_job
    from .training.fitting import train

    wanted = INDEX_VARIABLE in os.environ
    # Alone, TensorFlow will do as well; a job on it is refused with what to do.
    job = initialize_job() if wanted or keras.backend.backend() == "jax" else Job()
    print(job, flush=True)
    keras.utils.set_random_seed(options.seed)
    folder, output = Path(options.folder), Path(options.output)
    model = baseline_cnn()
    history = train(
        model,
        read_shards(folder / "train", options.batch_size, shuffle_seed=options.seed),
        read_shards(folder / "val", options.batch_size),
        epochs=options.epochs,
        verbose=2,
        backup=output / "backup",
    ).history
    best = min(range(len(history["val_loss"])), key=history["val_loss"].__getitem__)
    with tempfile.TemporaryDirectory() as local:
        # Every process saves, for reading a variable is a matter of all of them; one keeps it.
        model.save(Path(local) / _MODEL)
        if job.is_writer:
            with replacing(output / _MODEL) as (draft,):
                shutil.copy(Path(local) / _MODEL, draft)
    if job.is_writer:
        print(
            f"Epoch {best + 1} of {options.epochs} was best: validation loss "
            f"{history['val_loss'][best]:.6f}, accuracy {history['val_accuracy'][best]:.2%}; "
            f"last training loss {history['loss'][-1]:.6f}."
        )


def _test_pictures():
    from contextlib import redirect_stdout

    from .data.datasets import find_test_groups, load_data

    with redirect_stdout(sys.stderr):  # what it says of the split would spoil JSON
        return *load_data()[2], find_test_groups()


@contextlib.contextmanager
def _warnings_as_lines():
    """Prints warnings to stderr as they are, without the place in the code."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        if issubclass(warning.category, UserWarning):
            print(printable(str(warning.message)), file=sys.stderr)


def _print_answers(table, top: int) -> None:
    from .info import CLASS_NAMES
    from .models.networks import decode_predictions

    if table.empty:
        return
    ranked = decode_predictions(table[list(CLASS_NAMES)].to_numpy(), top=top)
    shown = table[["file", "answer"]].copy()
    shown["file"] = shown["file"].map(printable)
    shown["answer"] = [
        answer if answer in CLASS_NAMES else f"{answer} ({best[0]}?)"
        for answer, (best, *_) in zip(shown["answer"], ranked, strict=True)
    ]
    shown["confidence"] = table["confidence"].map("{:.1%}".format)
    for rank, title in enumerate(_RANKS[: top - 1], start=1):
        shown[title] = ["{} {:.1%}".format(*row[rank]) for row in ranked]
    if table["known"].notna().any():
        shown["one of the six"] = table["known"].map("{:.1%}".format)
    if table["note"].any():
        shown["note"] = table["note"].map(printable)
    print(shown.to_string(index=False))


def _print_report(report) -> None:
    scores = report.scores
    print(f"{scores['images']:,} pictures, {scores['errors']:,} errors")
    for name in ("accuracy", "balanced_accuracy"):
        interval = f"{scores[f'{name}_low']:.1%} to {scores[f'{name}_high']:.1%}"
        print(f"{name.replace('_', ' ')} {scores[name]:.1%} (95 % interval {interval})")
    if "rejected" in scores:
        accepted = scores["accuracy_accepted"]
        accuracy = "" if accepted is None else f", accuracy on the others {accepted:.1%}"
        print(f"rejected as none of these {scores['rejected']:.1%}{accuracy}")
        print(f"answered and right, mean of the classes {scores['accepted_and_right']:.1%}")
    print(f"\n{report.per_class.round(3).to_string()}")
    print(f"\nConfusion: true classes down, predicted across\n{report.confusion.to_string()}")
    if report.per_source is not None:
        table = report.per_source.rename(index=printable, level="source").round(3)
        print(f"\n{table.to_string()}")


def _records(table) -> list[dict]:
    """Rows for JSON, which knows no NaN."""
    return table.astype(object).where(table.notna(), None).to_dict("records")


def _print_json(content) -> None:
    print(json.dumps(content, indent=2))


def _tell_problems(problems, total: int) -> int:
    if not len(problems):
        return 0
    print(f"{len(problems):,} of {total:,} pictures could not be read:", file=sys.stderr)
    for problem in problems:
        print(f"  {printable(problem)}", file=sys.stderr)
    return 1


def printable(text: str) -> str:
    """Line ends and control characters of a file's name would spoil a table, or the terminal."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )
