"""The command line: `python -m medmnist_keras demo | predict | evaluate | gather | export | …`."""

from __future__ import annotations

import argparse
import os
import sys

from ._commands import (
    FORMATS,
    check,
    demo,
    evaluate_model,
    export_model,
    gather_pictures,
    open_page,
    predict_pictures,
    printable,
    train_on_set,
    write_set,
)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m medmnist_keras", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="train and evaluate both models, quickly").set_defaults(
        run=demo
    )
    commands.add_parser("check", help="tell what this machine has of what is needed").set_defaults(
        run=check
    )

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
        help="probability of being one of the six, 0 to 1, under which it is none; 0 rejects none",
    )
    predicting.add_argument(
        "--top",
        type=int,
        choices=range(1, 7),
        default=2,
        help="how many classes the table names (default: 2)",
    )
    predicting.add_argument(
        "--all-frames",
        action="store_true",
        help="a row for each frame or page (default: one near the middle)",
    )
    form = predicting.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="print a list of objects")
    form.add_argument("--csv", action="store_true", help="print comma-separated values")
    predicting.set_defaults(run=predict_pictures)

    evaluating = commands.add_parser(
        "evaluate",
        parents=[model],
        help="score a model on an external test set, or on the test pictures",
    )
    evaluating.add_argument(
        "--data",
        metavar="FOLDER",
        help="class-named folders (default: the test pictures of Medical MNIST, grouped split)",
    )
    evaluating.add_argument("--json", action="store_true", help="print all as one object")
    evaluating.set_defaults(run=evaluate_model)

    gathering = commands.add_parser(
        "gather",
        help="gather the external pictures from their public repositories",
        description="Each is verified and made as it was scored; docs/external.md lists sources "
        "and licences. The same command goes on where it stopped. Exit status 1: some pictures "
        "could not be had.",
    )
    gathering.add_argument("folder", metavar="FOLDER", help="gets class-named folders")
    gathering.add_argument(
        "--set",
        choices=("external", "ood"),
        default="external",
        help="pictures of the six kinds from elsewhere (default), or of none of them",
    )
    gathering.add_argument(
        "--every-licence",
        action="store_true",
        help="also pictures without a stated licence, or with terms that may be against such use",
    )
    gathering.set_defaults(run=gather_pictures)

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
    writing.set_defaults(run=write_set)

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
    training.set_defaults(run=train_on_set)

    exporting = commands.add_parser(
        "export", parents=[model], help="write a model in formats that others run, and compare"
    )
    exporting.add_argument(
        "--format",
        nargs="+",
        required=True,
        choices=(*FORMATS, "all"),
        metavar="F",
        help=f"one or more of {', '.join(FORMATS)}, or all",
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
    exporting.set_defaults(run=export_model)

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
    serving.set_defaults(run=open_page)
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
    except (ValueError, OSError, RuntimeError, ImportError) as error:  # their texts are for people
        print(*map(printable, str(error).splitlines()), sep="\n", file=sys.stderr)
        return 2
    return status


if __name__ == "__main__":
    sys.exit(main())
