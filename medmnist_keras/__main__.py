"""`python -m medmnist_keras demo`: the main job on the terminal."""

from __future__ import annotations

import argparse
import os

from .settings import QUICK_VARIABLE


def demo() -> None:
    """Trains and evaluates both models on what pictures there are, and prints the scores."""
    os.environ.setdefault(QUICK_VARIABLE, "1")

    import pandas as pd

    from .data import load_data
    from .evaluation import evaluate
    from .runs import run_baseline, run_resnet50v2
    from .settings import read_settings

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


def main(arguments=None) -> None:
    """Runs the command that `arguments`, or the command line, name."""
    parser = argparse.ArgumentParser(prog="python -m medmnist_keras", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("demo", help="train and evaluate both models, quickly").set_defaults(
        run=demo
    )
    parser.parse_args(arguments).run()


if __name__ == "__main__":
    main()
