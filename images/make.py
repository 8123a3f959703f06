"""Writes the README's figure and its tables from the last full run: `make results`."""

import json
from pathlib import Path

from medmnist_keras import CLASS_NAMES, INFO, PUBLISHED, load_images, plots

ROOT = Path(__file__).parents[1]
START, END = "<!-- results: written by `make results` -->", "<!-- end of results -->"


def scores_table(results) -> str:
    """The scores of one full run as a Markdown table."""
    rows = [
        "| model | parameters | trained from | test errors | accuracy (95 % interval) | training |",
        "|---|---|---|---|---|---|",
    ]
    for name, score in results["scores"].items():
        facts = results["models"].get(name)
        errors = f"{score['errors']} of {score['images']:,}"
        accuracy = (
            f"{score['accuracy']:.2%} ({score['accuracy_low']:.2%} to {score['accuracy_high']:.2%})"
        )
        if facts is None:
            how = "–", "nothing is learnt: 16×16 thumbnails are compared", errors, accuracy, "–"
        else:
            spent = sum(facts["seconds"].values())
            how = f"{facts['parameters']:,}", facts["weights"], errors, accuracy, duration(spent)
        rows.append(f"| {' | '.join((name, *how))} |")
    return "\n".join(rows)


def published_table() -> str:
    """What others report, as a Markdown table."""
    rows = ["| published by others | accuracy | errors | remark |", "|---|---|---|---|"]
    for row in PUBLISHED:
        errors = f"{row['errors']} of {row['images']:,}" if row["errors"] else "–"
        rows.append(f"| {row['model']} | {row['accuracy']:.2%} | {errors} | {row['remark']} |")
    return "\n".join(rows)


def times_table(results) -> str:
    """How long each step took, as a Markdown table."""
    loading = results["loading"]
    rows = [
        "| step | time |",
        "|---|---|",
        f"| first load of all pictures | {loading['first']:.1f} s |",
        f"| later loads | {loading['later']:.3f} s |",
    ]
    for name, facts in results["models"].items():
        for step, spent in facts["seconds"].items():
            rows.append(f"| {name}: {step} | {duration(spent)} |")
    return "\n".join(rows)


def duration(seconds) -> str:
    """Seconds for people: `"42 s"`, `"12 min"`."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def results_block(results) -> str:
    """Everything of the README that a full run decides."""
    start = results["models"]["ResNet50V2"]["weights"]
    about = f"One full run on all {sum(INFO['counts'].values()):,} real pictures: random split of "
    about += f"80/10/10, seed {results['run']['Seed']}; ResNet50V2 started from {start}"
    if start != "ImageNet weights":
        about += ", for no ImageNet weights were at hand (where they are, notebook 3 uses them)"
    errors = ", ".join(map(str, results["baseline_errors_by_seed"].values()))
    seeds = len(results["baseline_errors_by_seed"])
    return "\n\n".join(
        [
            START,
            f"{about}.",
            scores_table(results),
            f"Errors of the baseline with {seeds} seeds: {errors}. McNemar's test between the two "
            f"networks: p = {results['mcnemar_p']:.2f}. {results['run']['Versions']}; "
            f"{results['run']['Hardware']}.",
            published_table(),
            times_table(results),
            END,
        ]
    )


def main() -> None:
    """Writes `images/classes.png` and the README's results."""
    plots.use_style()
    pictures = load_images()
    ax = plots.class_samples(pictures.images, pictures.labels, CLASS_NAMES, per_class=8)
    plots.caption(ax, INFO["credit"])
    ax.figure.savefig(ROOT / "images" / "classes.png")

    results = json.loads((ROOT / "notebooks" / "results.json").read_text(encoding="utf-8"))
    readme = ROOT / "README.md"
    before, rest = readme.read_text(encoding="utf-8").split(START)
    after = rest.split(END)[1]
    readme.write_text(before + results_block(results) + after, encoding="utf-8")


if __name__ == "__main__":
    main()
