"""Writes figures and tables of README and docs from the last full run: `make results`."""

import json
import shutil
import statistics
from pathlib import Path

import pandas as pd

from medmnist_keras import CLASS_NAMES, INFO, load_images, plots
from medmnist_keras.info import PUBLISHED
from medmnist_keras.models.networks import WEIGHTS_DIR
from medmnist_keras.storage import replacing
from tools.load import END_OF_LOAD, LOAD_START, load_block

ROOT = Path(__file__).parents[1]
SPEED_START = "<!-- speed: written by `make results` -->"
END_OF_SPEED = "<!-- end of speed -->"
REPEATED = ("grouped", "baseline CNN")  # what chapter 4 trains again with other first weights
START, END = "<!-- results: written by `make results` -->", "<!-- end of results -->"


def scores_table(results) -> str:
    """The scores of one full run as a Markdown table, with what other seeds make of them."""
    rows = [
        "| split | model | test errors | same split, other weights | other splits | training |",
        "|---|---|---|---|---|---|",
    ]
    every = spread(results)
    for split, pair in results["scores"].items():
        for name, score in pair.items():
            facts = results["models"][split][name]
            low, high = score["accuracy_low"], score["accuracy_high"]
            accuracy = f"{score['accuracy']:.2%}; {low:.2%} to {high:.2%}"
            errors = f"{score['errors']} of {score['images']:,} ({accuracy})"
            again = results["repeated"].values() if (split, name) == REPEATED else ()
            others = every[(every["split"] == split) & (every["model"] == name)]["errors"]
            cells = [split, called(name, facts), errors, median_and_range(again)]
            cells += [median_and_range(others), duration(sum(facts["seconds"].values()))]
            rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def called(name, facts) -> str:
    """A model's name, with what its training started from where that isn't plain."""
    scratch = name == "ResNet50V2" and facts["weights"] != "ImageNet weights"
    return f"{name}, from scratch" if scratch else name


def median_and_range(errors) -> str:
    """`"40 (14 to 88)"` of several numbers of errors; a dash for fewer than two."""
    errors = sorted(errors)
    if len(errors) < 2:
        return "–"
    return f"{statistics.median(errors):g} ({errors[0]} to {errors[-1]})"


def spread_table(results) -> str:
    """Error rates of all models on both splits, median and range over seeds, as Markdown."""
    rates = spread(results).groupby(["model", "split"], sort=False)["error rate"]
    rows = ["| error rate, % of test pictures | grouped split | random split |", "|---|---|---|"]
    table = rates.agg(["median", "min", "max", "count"]) * [100, 100, 100, 1]
    for model in table.index.unique("model"):
        cells = [model]
        for split in ("grouped", "random"):
            row = table.loc[model, split]
            span = f" ({row['min']:.2f} to {row['max']:.2f})" if row["count"] > 1 else ""
            cells.append(f"{row['median']:.2f}{span}")
        rows.append(f"| {' | '.join(cells)} |")
    return "\n".join(rows)


def spread(results) -> pd.DataFrame:
    """One row per model, split and seed, with its error rate."""
    table = pd.DataFrame(results["spread"])
    return table.assign(**{"error rate": table["errors"] / table["images"]})


def beyond_table(results) -> str:
    """Plain and robust models inside and outside the data set, as a Markdown table."""
    rows = [
        "| model | test errors, grouped split "
        "| balanced accuracy on the external pictures (95 % interval) |",
        "|---|---|---|",
    ]
    large = results["fall"]["scores"]["plain ResNet50V2"]
    ends = {"": "balanced accuracy", "_low": "95 % low", "_high": "95 % high"}
    scores = {
        "plain ResNet50V2, from scratch": {
            "test errors": large["test errors"],
            **{name: large[f"balanced_accuracy{end}"] for end, name in ends.items()},
        },
        **results["beyond"]["scores"],
    }
    for name, score in scores.items():
        accuracy = f"{score['balanced accuracy']:.1%}"
        interval = f"{score['95 % low']:.1%} to {score['95 % high']:.1%}"
        rows.append(f"| {name} | {score['test errors']:.0f} | {accuracy} ({interval}) |")
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
    for name, facts in results["models"]["grouped"].items():
        for step, spent in facts["seconds"].items():
            rows.append(f"| {name}: {step} | {duration(spent)} |")
    return "\n".join(rows)


def duration(seconds) -> str:
    """Seconds for people: `"42 s"`, `"12 min"`."""
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def readme_block(results) -> str:
    """What the README shows of a full run."""
    about, shares = _about(results), _twins(results)
    return "\n\n".join(
        [
            START,
            about,
            scores_table(results),
            shares,
            beyond_text(results),
            "![Recall of plain and robust models on the external pictures](images/beyond.png)",
            "*Sources and licences of the external pictures: [list](docs/external.md)*",
            beyond_table(results),
            END,
        ]
    )


def _about(results) -> str:
    models = results["models"]["grouped"]
    start = models["ResNet50V2"]["weights"]
    about = (
        f"All {sum(INFO['counts'].values()):,} real pictures, split about 80/10/10 with seed "
        f"{models['ResNet50V2']['split seed']}. The 95 % interval of accuracy covers neither seeds "
        "nor slices that belong together, so beside it stand median and range of five trainings. "
        "One odd group makes most of the errors, as chapter 4 shows. "
        f"ResNet50V2 started from {start}"
    )
    if start != "ImageNet weights":
        about += ", because no ImageNet weights were at hand (chapter 3 uses them if they are)"
    return f"{about}. {results['run']['Hardware']}."


def _twins(results) -> str:
    shares = (results["similarity"][split]["above 0.98"] for split in ("random", "grouped"))
    return (
        "A test picture has a near duplicate in training (similarity of thumbnails above 0.98) "
        "in {:.1%} of cases on the random split, in {:.1%} on the grouped one.".format(*shares)
    )


def results_block(results) -> str:
    """Everything of `docs/results.md` that a full run decides."""
    seeds = spread(results).groupby(["model", "split"])["seed"].nunique().max()
    return "\n\n".join(
        [
            START,
            "## Scores",
            _about(results),
            scores_table(results),
            _twins(results),
            f"McNemar's test between the two networks on the grouped split, which treats pictures "
            f"as independent: p = {results['mcnemar_p']:.2g}. {results['run']['Versions']}.",
            "## How much of it is due to the data set being easy?",
            f"Median and range over {seeds} seeds, each with a split of its own (ResNet50V2: one "
            "seed):",
            "![Error rates of trivial baselines and our models](../images/task.png)",
            spread_table(results),
            "## What others publish",
            published_table(),
            "## Times",
            times_table(results),
            "## Beyond the data set",
            beyond_text(results),
            "![Recall of plain and robust models on the external pictures](../images/beyond.png)",
            "*Sources and licences of the external pictures: [list](external.md)*",
            beyond_table(results),
            END,
        ]
    )


def beyond_text(results) -> str:
    """What robust training changes, in words."""
    beyond = results["beyond"]
    card = json.loads((WEIGHTS_DIR / "baseline_cnn.json").read_text(encoding="utf-8"))["scores"]
    rejected = [row["rejected"] for row in beyond["rejected"].values()]
    errors = beyond["random split"]["robust CNN"]
    spent = {
        name: duration(sum(run["seconds"].values())) for name, run in beyond["training"].items()
    }
    return (
        f"**Beyond the data set**, on {beyond['images']} external pictures from "
        f"{beyond['sources']} public sources, plain models fail on whole classes and the robust "
        "one holds up, at a price: it is twice as large as the plain one, was trained "
        f"in {spent['robust CNN']} in place of {spent['plain CNN']}, and on the random split it "
        f"makes {errors} errors, the plain one {beyond['random split']['plain CNN']}. The control "
        "has the same width and epochs, without the new renderings. "
        "As shipped, it answers two questions: which class, and whether the picture is one of the "
        f"six at all. It answers {card['test']['accepted_and_right']:.1%} of the test pictures and "
        f"{card['external pictures']['accepted_and_right']:.1%} of the external ones correctly "
        f"(means over the classes), and rejects {min(rejected):.0%} to {max(rejected):.0%} of "
        f"{len(rejected)} sets of out-of-distribution pictures. The steps of the robust "
        "training were chosen by comparing them on these pictures, so they served for "
        "development and are no blind test. The intervals allow for errors that come together "
        "in one source. In the table a network looks at each picture once; as shipped it looks "
        "four times."
    )


FASTER = [  # what the README shows of a benchmark: step, quantity, reference
    ("speed run", "to 99.9%, others one epoch", "talk notebook's CNN"),
    ("speed run", "to 99.9%, others one epoch", "DenseNet121"),
    ("training", "to 99.9%, others one epoch", "talk notebook's CNN"),
    ("fine-tuning", "both stages", "fit, frozen then unfrozen"),
    ("loading", "later load", "image_dataset_from_directory"),
    ("loading", "first load", "PIL loop"),
    ("loading", "first load", "libjpeg alone"),
    ("pipeline", "with augment", "the model's own training"),
    ("pipeline, robust", "with augment_robust", "the model's own training"),
]


def speed_block(benchmark) -> str:
    """What a full benchmark on the real pictures has measured, as Markdown."""
    rows = ["| ratio | step | ours | compared with |", "|---|---|---|---|"]
    measured = {(row["step"], row["quantity"], row["reference"]): row for row in benchmark["rows"]}
    for key in FASTER:
        row = measured[key]
        ours, other = (
            f"{row[side]}: {row[f'{side}_median']:,.{0 if row[f'{side}_median'] >= 99.5 else 1}f} "
            f"{row['unit']}"
            for side in ("ours", "reference")
        )
        rows.append(f"| {row['ratio']:.3g}× | {key[0]}, {key[1]} | {ours} | {other} |")
    machine = benchmark["machine"]
    scores = measured["speed run, random split", "right answers", "nearest neighbour, 16×16"]
    return "\n".join(
        [
            SPEED_START,
            "",
            *rows,
            "",
            f"The speed run on the random split, with {len(scores['ours_values'])} seeds: "
            f"{scores['ours_note']}.",
            "",
            f"Medians of repeats, side by side in one run; above 1× is in our favour. The others' "
            f"time is that of a single epoch, extrapolated from a slice. {machine['Hardware']}; "
            f"{machine['Versions']}; load {machine['Load']}.",
            "",
            END_OF_SPEED,
        ]
    )


def last_benchmark() -> dict:
    """The last full benchmark on the real pictures: a new one in `build/` replaces what is kept."""
    new, kept = ROOT / "build" / "benchmark.json", ROOT / "notebooks" / "benchmark.json"
    if new.exists():
        machine = json.loads(new.read_text(encoding="utf-8"))["machine"]
        if machine["Mode"] == "full" and machine["Data"] == f"{INFO['name']}, all of them":
            shutil.copy(new, kept)
            shutil.copy(new.with_suffix(".png"), ROOT / "images" / "benchmark.png")
    return json.loads(kept.read_text(encoding="utf-8"))


# Our own, for a badge that a web site draws is a broken picture where there is no network.
BADGE = """<svg xmlns="http://www.w3.org/2000/svg" width="118" height="24"
 role="img" aria-label="{0}">
<rect width="118" height="24" rx="4" fill="#0173b2"/>
<text x="59" y="16.5" fill="#fff" font-family="sans-serif" font-size="13"
 text-anchor="middle">{0}</text>
</svg>
"""


def main() -> None:
    """Writes the README's figures and its results, and the notebooks' badges."""
    for place in ("Colab", "Kaggle", "Binder"):
        badge = ROOT / "images" / f"open-in-{place.lower()}.svg"
        badge.write_text(BADGE.format(f"Open in {place}"), encoding="utf-8")
    plots.use_style()
    pictures = load_images()
    ax = plots.class_samples(pictures.images, pictures.labels, CLASS_NAMES, per_class=8)
    plots.caption(ax, INFO["credit"])
    ax.figure.savefig(ROOT / "images" / "classes.png")

    results = json.loads((ROOT / "notebooks" / "results.json").read_text(encoding="utf-8"))
    ax = plots.error_spread(spread(results), title="How much of the score is the data set?")
    ax.figure.savefig(ROOT / "images" / "task.png")
    recall = {
        name: pd.DataFrame.from_dict(table, orient="index")
        for name, table in results["beyond"]["recall"].items()
    }
    ax = plots.recall_comparison(recall, title="Recall on the external pictures")
    ax.figure.savefig(ROOT / "images" / "beyond.png")
    speed = SPEED_START, END_OF_SPEED, speed_block(last_benchmark())
    fill(ROOT / "README.md", (START, END, readme_block(results)))
    fill(ROOT / "docs" / "results.md", (START, END, results_block(results)), speed)
    visitors = json.loads((ROOT / "notebooks" / "load.json").read_text(encoding="utf-8"))
    fill(ROOT / "docs" / "using.md", (LOAD_START, END_OF_LOAD, load_block(visitors)))


def fill(page: Path, *blocks) -> None:
    """Puts each block in the place of what stands between its marks."""
    text = page.read_text(encoding="utf-8")
    for start, end, block in blocks:
        before, rest = text.split(start)
        text = before + block + rest.split(end)[1]
    with replacing(page) as (draft,):
        draft.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
