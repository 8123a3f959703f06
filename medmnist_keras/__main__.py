"""`python -m medmnist_keras demo | predict | evaluate | export | app | train | …`: the jobs."""

from __future__ import annotations

import argparse
import json
import os
import sys
import warnings

_PARTS = ("train", "val", "test")  # folders of sets of shards
_MODEL = "model.keras"
# As `exporting.FORMATS`, which takes seconds to import.
_FORMATS = ("keras", "saved_model", "onnx", "litert", "litert-int8", "openvino")
_RANKS = ("second best", "third", "fourth", "fifth", "sixth")


def demo(options=None) -> None:
    """Trains and evaluates both models on what pictures there are, and prints the scores."""
    import pandas as pd

    from .data import load_data
    from .evaluation import evaluate
    from .runs import run_baseline, run_resnet50v2
    from .settings import QUICK_VARIABLE, read_settings

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


def _check(options) -> int:
    """Prints what this machine has of what is needed; returns 1 if something required lacks."""
    from .environment import check_environment

    needs = check_environment()
    print(*needs, sep="\n")
    return int(any(need.required and not need.met for need in needs))


def _predict(options) -> int:
    """Prints what is on each picture; returns 1 if some could not be read, else 0."""
    from .predicting import load_model, predict

    model, threshold = load_model(options.model)
    if options.threshold is not None:
        threshold = options.threshold
    table = predict(options.pictures, model=model, threshold=threshold, progress=True).round(6)
    if options.json:
        _print_json(_records(table))
    elif options.csv:
        print(table.to_csv(index=False, lineterminator="\n"), end="")
    else:
        _print_answers(table[table["problem"] == ""], options.top)
    return _tell_problems(table["problem"][table["problem"] != ""], len(table))


def _evaluate(options) -> int:
    """Prints a model's scores on a folder of pictures from elsewhere; returns as `_predict`."""
    from .external import external_report, load_folder
    from .predicting import load_model

    told, sources, clusters = "the test pictures of Medical MNIST, grouped split", None, None
    problems: list[tuple[str, str]] = []
    if options.data is None:
        images, labels, clusters = _test_pictures()
    else:
        told = options.data
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            images, labels, _, sources, problems = load_folder(options.data)
        for warning in caught:
            print(warning.message, file=sys.stderr)
    model, threshold = load_model(options.model)
    probabilities = model.predict(images, batch_size=256, verbose=0)
    report = external_report(labels, probabilities, sources, threshold, clusters=clusters)
    if options.json:
        _print_json(
            {
                "data": told,
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
        print(f"Data: {_printable(told)}")
        _print_report(report)
    return _tell_problems([why for _, why in problems], len(labels) + len(problems))


def _export(options) -> int:
    """Writes a model in other formats and prints how they compare; returns 1 if one failed."""
    import numpy as np

    from .exporting import export, export_table, file_name
    from .predicting import load_model
    from .reading import find_pictures, read_image

    model, threshold = load_model(options.model)
    representative = None
    if options.pictures is not None:
        representative = np.array(list(map(read_image, find_pictures(options.pictures))))
    formats = list(_FORMATS) if "all" in options.format else list(dict.fromkeys(options.format))
    done, status = [], 0
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
            print(_printable(str(error)), file=sys.stderr)
            status = 1
    if done:
        print(export_table(done).to_string(index=False))
    return status


def _app(options) -> None:
    """Serves the live page until it is interrupted."""
    from .app import open_app

    print("Loading the models, and the training pictures where they are at hand …", flush=True)
    page = open_app(host=options.host, port=options.port, browser=not options.no_open)
    print(f"The page is at {page.local_url}; Ctrl+C ends it.", flush=True)
    page.block_thread()


def _benchmark(options) -> int:
    """Prints how fast each step is beside plain ways; returns 1 if a measurement failed."""
    from .benchmark import benchmark, told

    result = benchmark()
    print(f"\n{told(result)}")
    return int(bool(result["failures"]))


def _shards(options) -> None:
    """Writes training, validation and test pictures as three sets of shards."""
    import numpy as np

    from .data import load_data
    from .shards import write_shards

    parts = load_data(options.source, images_per_class=options.images_per_class)
    for name, (images, labels) in zip(_PARTS, parts, strict=True):
        # Mixed here, for reading mixes only neighbours.
        order = np.random.default_rng(0).permutation(len(images))
        examples = ((images[row], labels[row]) for row in order)
        index = write_shards(examples, os.path.join(options.folder, name), shards=options.shards)
        size = sum(shard["bytes"] for shard in index["shards"])
        print(f"{name}: {index['examples']:,} pictures, {options.shards} shards, {size:,} bytes")


def _train(options) -> None:
    """Trains the baseline on a set of shards, in this process or as a part of a job."""
    import shutil
    import tempfile
    from pathlib import Path

    from . import _quiet as _quiet  # isort: skip  # before Keras

    import keras

    from .distributed import INDEX_VARIABLE, Job, join
    from .models import baseline_cnn
    from .shards import read_shards
    from .storage import replacing
    from .training import train

    wanted = INDEX_VARIABLE in os.environ
    # Alone, TensorFlow will do as well; a job on it is refused with what to do.
    job = join() if wanted or keras.backend.backend() == "jax" else Job()
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

    from .data import find_test_groups, load_data

    with redirect_stdout(sys.stderr):  # what it says of the split would spoil JSON
        return *load_data()[2], find_test_groups()


# -- printing ------------------------------------------------------------------------------------


def _print_answers(table, top: int) -> None:
    from .info import CLASS_NAMES
    from .models import decode_predictions

    if table.empty:
        return
    ranked = decode_predictions(table[list(CLASS_NAMES)].to_numpy(), top=top)
    shown = table[["file", "answer", "confidence"]].copy()
    shown["file"] = shown["file"].map(_printable)
    shown["confidence"] = shown["confidence"].map("{:.1%}".format)
    shown["answer"] = [
        answer if answer in CLASS_NAMES else f"{answer} ({best[0]}?)"
        for answer, (best, *_) in zip(shown["answer"], ranked, strict=True)
    ]
    for rank, title in enumerate(_RANKS[: top - 1], start=1):
        shown[title] = ["{} {:.1%}".format(*row[rank]) for row in ranked]
    print(shown.to_string(index=False))


def _print_report(report) -> None:
    scores = report.scores
    print(f"{scores['images']:,} pictures, {scores['errors']:,} errors")
    for name in ("accuracy", "balanced_accuracy"):
        interval = f"{scores[f'{name}_low']:.1%} to {scores[f'{name}_high']:.1%}"
        print(f"{name.replace('_', ' ')} {scores[name]:.1%} (95 % interval {interval})")
    if "refused" in scores:
        kept = scores["accuracy_kept"]
        told = "" if kept is None else f", accuracy on the others {kept:.1%}"
        print(f"refused as none of these {scores['refused']:.1%}{told}")
    print(f"\n{report.per_class.round(3).to_string()}")
    print(f"\nConfusion: true classes down, predicted across\n{report.confusion.to_string()}")
    if report.per_source is not None:
        table = report.per_source.rename(index=_printable, level="source").round(3)
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
        print(f"  {_printable(problem)}", file=sys.stderr)
    return 1


def _printable(text: str) -> str:
    """Line ends and control characters of a file's name would spoil a table, or the terminal."""
    return "".join(
        sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in text
    )


# -- the command line ----------------------------------------------------------------------------


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m medmnist_keras", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="train and evaluate both models, quickly").set_defaults(
        run=demo, told=()
    )
    commands.add_parser("check", help="tell what this machine has of what is needed").set_defaults(
        run=_check, told=()
    )
    commands.add_parser(
        "benchmark", help="measure each step beside plain ways to do it, about 15 minutes"
    ).set_defaults(run=_benchmark, told=(ValueError, OSError))

    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model",
        default="baseline_cnn",
        metavar="M",
        help="baseline_cnn, which ships (default), or a .keras or .weights.h5 file",
    )
    predicting = commands.add_parser(
        "predict", parents=[model], help="say what is on pictures of your own"
    )
    predicting.add_argument(
        "pictures", nargs="+", metavar="FILE_OR_FOLDER", help="PNG, JPEG, TIFF, DICOM and more"
    )
    predicting.add_argument(
        "--threshold",
        type=float,
        metavar="T",
        help="confidence, 0 to 1, under which a picture is none of these; 0 refuses none",
    )
    predicting.add_argument(
        "--top",
        type=int,
        choices=range(1, 7),
        default=2,
        help="how many classes the table names (default: 2)",
    )
    form = predicting.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a list of objects")
    form.add_argument("--csv", action="store_true", help="print comma-separated values")
    predicting.set_defaults(run=_predict, told=(ValueError, OSError))

    evaluating = commands.add_parser(
        "evaluate",
        parents=[model],
        help="score a model on pictures from elsewhere, or on the test pictures",
    )
    evaluating.add_argument(
        "--data",
        metavar="FOLDER",
        help="class-named folders (default: the test pictures of Medical MNIST, grouped split)",
    )
    evaluating.add_argument("--json", action="store_true", help="print all as one object")
    evaluating.set_defaults(run=_evaluate, told=(ValueError, OSError))

    writing = commands.add_parser(
        "shards", help="write the pictures as TFRecord shards, for training on more machines"
    )
    writing.add_argument("folder", metavar="FOLDER", help="gets the sets train, val and test")
    writing.add_argument(
        "--source",
        metavar="S",
        help="folder or archive of the pictures, or phantoms (default: as load_data())",
    )
    writing.add_argument(
        "--images-per-class", type=int, metavar="N", help="at most so many (default: all)"
    )
    writing.add_argument(
        "--shards", type=int, default=16, metavar="N", help="files in each set (default: 16)"
    )
    writing.set_defaults(run=_shards, told=(ValueError, OSError))

    training = commands.add_parser(
        "train",
        help="train the baseline on shards, also as one of the processes of a job",
        description="Address, number and index of processes come from JAX_COORDINATOR_ADDRESS, "
        "JAX_NUM_PROCESSES and JAX_PROCESS_ID; KERAS_BACKEND=jax is needed for a job. The same "
        "command goes on after a run that was killed.",
    )
    training.add_argument("folder", metavar="FOLDER", help="that `shards` wrote")
    training.add_argument(
        "--output", required=True, metavar="FOLDER", help="gets model.keras and the run's state"
    )
    training.add_argument("--epochs", type=int, default=3, metavar="N", help="default: 3")
    training.add_argument(
        "--batch-size", type=int, default=64, metavar="N", help="of all processes (default: 64)"
    )
    training.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    training.set_defaults(run=_train, told=(ValueError, OSError, RuntimeError))

    exporting = commands.add_parser(
        "export", parents=[model], help="write a model in formats that others run, and compare"
    )
    exporting.add_argument(
        "--format",
        nargs="+",
        required=True,
        choices=(*_FORMATS, "all"),
        metavar="F",
        help=f"one or more of {', '.join(_FORMATS)}, or all",
    )
    exporting.add_argument(
        "--output",
        default=os.path.join("build", "export"),
        metavar="FOLDER",
        help="default: build/export",
    )
    exporting.add_argument(
        "--pictures",
        nargs="+",
        metavar="FILE_OR_FOLDER",
        help="from which litert-int8 learns its ranges, some hundreds (default: phantoms)",
    )
    exporting.set_defaults(run=_export, told=(ValueError, OSError))

    serving = commands.add_parser(
        "app", help="open a page in the browser that says what is on a picture dropped there"
    )
    serving.add_argument(
        "--host",
        default="127.0.0.1",
        metavar="A",
        help="address to listen on (default: 127.0.0.1, this machine alone)",
    )
    serving.add_argument(
        "--port", type=int, metavar="P", help="default: the first free one from 7860 on"
    )
    serving.add_argument("--no-open", action="store_true", help="open no browser")
    serving.set_defaults(run=_app, told=(ValueError, OSError, ImportError))
    return parser


def main(arguments=None) -> int:
    """Runs the command that `arguments`, or the command line, name; returns the exit status.

    0: done. 1: some pictures could not be read, something lacks or failed, or nobody reads
    the output.
    2: wrong usage.
    """
    options = _parser().parse_args(arguments)
    for stream in (sys.stdout, sys.stderr):
        # A file's name may hold what the terminal's encoding doesn't.
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = options.run(options) or 0
        sys.stdout.flush()
    except BrokenPipeError:  # what reads the output, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except options.told as error:  # its text is meant for people
        print(*map(_printable, str(error).splitlines()), sep="\n", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
