"""Beyond the data set: scores on pictures from elsewhere, in class-named folders.

Such sets are small and gathered from few places, so every share comes with its interval, and
with a table per source where the sources are known.
"""

from __future__ import annotations

import csv
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from sklearn import metrics

from ._types import StrPath
from .augment import render_elsewhere
from .checks import check_clusters, check_predictions
from .evaluation import evaluate
from .info import CLASS_NAMES
from .intervals import balanced_accuracy_interval, design_effects, wilson_interval
from .reading import find_pictures, try_reading
from .settings import EXTERNAL_VARIABLE, Settings

_SOURCES_FILE = "SOURCES.csv"
_SOURCE_COLUMNS = ("source", "source_repo", "dataset")  # the first of these that is there counts
_STAND_IN = 1_000_003  # added to a run's seed


class Folder(NamedTuple):
    """The pictures of a folder of class-named folders.

    Attributes:
        images: uint8 array `(N, 64, 64, 1)`, grey levels 0-255.
        labels: int64 array `(N,)`, indices into the class names.
        files: list of N names such as `"Hand/left.png"`.
        sources: string array `(N,)` of where each comes from, `"unknown"` where that isn't told;
            `None` without a `SOURCES.csv`.
        problems: list of `(file, why)`, the pictures that couldn't be read.
    """

    images: np.ndarray
    labels: np.ndarray
    files: list[str]
    sources: np.ndarray | None
    problems: list[tuple[str, str]]


class ExternalReport(NamedTuple):
    """Scores of a model on pictures from elsewhere; nothing is rounded.

    Attributes:
        scores: dict of plain numbers: those of `evaluate()`, `balanced_accuracy_low` and
            `balanced_accuracy_high`; with a threshold also `refused`, the share of pictures,
            and `accuracy_kept`, of the others (`None` when all are refused).
        per_class: table with one row a class and the columns `recall`, `low`, `high` and
            `images`; with a threshold also `refused`. Shares of an absent class are NaN.
        confusion: table of counts, true classes down, predicted classes across.
        per_source: table like `per_class`, with a row for each class of each source, or `None`.
    """

    scores: dict[str, int | float | None]
    per_class: pd.DataFrame
    confusion: pd.DataFrame
    per_source: pd.DataFrame | None


def load_folder(
    folder: StrPath, *, class_names: Sequence[str] = CLASS_NAMES, pad: bool = True
) -> Folder:
    """Reads any folder of class-named folders, with pictures of any size and kind.

    Args:
        folder: path. Its folders bear the names of classes, of which some may be missing; what
            they hold at any depth is read as `predict()` reads it. A `SOURCES.csv` beside them
            may tell, in its columns `file` and `source` (or `source_repo`, or `dataset`),
            where each file comes from.
        class_names: sequence of str, in label order.
        pad: bool, as in `read_image()`.

    Returns:
        `Folder`, sorted by class and file name. A class without pictures gives a warning.

    Raises:
        FileNotFoundError: when the folder isn't there.
        ValueError: when it holds a folder that isn't a class, or nothing that can be read, or
            a `SOURCES.csv` of another form.

    Example:

    ```python
    data = load_folder("pictures-of-our-hospital")
    report = external_report(data.labels, model.predict(data.images), data.sources)
    ```
    """
    folder = Path(folder).expanduser()
    _check_folders(folder, class_names)
    images: list = []
    labels, files, problems = [], [], []
    for label, name in enumerate(class_names):
        for path in find_pictures([folder / name] if (folder / name).is_dir() else []):
            file = path.relative_to(folder).as_posix()
            image, problem = try_reading(path, pad=pad)
            if problem:
                problems.append((file, problem))
            else:
                images.append(image)
                labels.append(label)
                files.append(file)
    if not images:
        raise ValueError(
            f"{folder} holds no picture that can be read. Expected pictures in the folders "
            f"{', '.join(class_names)}. Received: {len(problems)} unreadable ones."
        )
    absent = [name for label, name in enumerate(class_names) if label not in labels]
    if absent:
        warnings.warn(
            f"{folder} holds no pictures of {', '.join(absent)}: scores are over the other "
            "classes, and don't compare with those over all.",
            stacklevel=2,
        )
    return Folder(
        images=np.stack(images),
        labels=np.array(labels, dtype="int64"),
        files=files,
        sources=_read_sources(folder / _SOURCES_FILE, files),
        problems=problems,
    )


def load_elsewhere(settings: Settings, images: np.ndarray, labels: np.ndarray) -> Folder:
    """Loads pictures from elsewhere, or makes a shifted copy where there are none at hand.

    Args:
        settings: `Settings` of the run; `settings.external` is the folder, if any.
        images: uint8 `(N, 64, 64, 1)`, test pictures that a shifted copy is rendered from.
        labels: int `(N,)`.

    Returns:
        `Folder`. A printed line says which it is.

    Raises:
        As `load_folder()`.

    Example:

    ```python
    elsewhere = load_elsewhere(settings, x_test, y_test)
    ```
    """
    if settings.external is not None:
        folder = load_folder(settings.external)
        print(f"{len(folder.labels):,} pictures from other hospitals, read from a folder")
        return folder
    print(
        f"No pictures from other hospitals at hand ({EXTERNAL_VARIABLE} is not set): a shifted "
        f"copy of {len(labels):,} test pictures stands in, rendered anew by the package. Robust "
        "training has seen such pictures, so it looks better here than it would elsewhere."
    )
    return Folder(
        # Other draws than those of the validation pictures, which choose epoch and temperature.
        images=render_elsewhere(images, labels, seed=settings.seed + _STAND_IN),
        labels=np.asarray(labels, dtype="int64"),
        files=[f"{CLASS_NAMES[label]}/{row}" for row, label in enumerate(labels)],
        sources=None,
        problems=[],
    )


def external_report(
    labels: ArrayLike,
    probabilities: ArrayLike,
    sources: ArrayLike | None = None,
    threshold: float | None = None,
    *,
    clusters: ArrayLike | None = None,
) -> ExternalReport:
    """Scores a model on pictures from elsewhere, by class and by source.

    Accuracy and recall have Wilson's interval, balanced accuracy that of
    `balanced_accuracy_interval()`. Where sources or clusters are known they allow for errors that
    come together (`design_effects()`); without them pictures count as independent, which slices
    of one patient are not, and the true doubt is larger. So it is within each source. Recall and
    the confusion matrix count each picture's most probable class, refused or not.

    Args:
        labels: True classes, integers of shape `(N,)` in `[0, 6)`.
        probabilities: Softmax output, floats of shape `(N, 6)`; each row sums to 1.
        sources: Where each picture comes from, N strings, or `None`.
        threshold: Float from 0 to 1. Pictures whose highest probability lies under it count as
            refused; `None` for no such count.
        clusters: Groups of pictures that belong together, such as those of `find_groups()`,
            `(N,)`; by default the sources.

    Returns:
        `ExternalReport`.

    Raises:
        ValueError: If the arrays do not fit together or the rows are not probabilities.

    Example:

    ```python
    report = external_report(data.labels, model.predict(data.images), data.sources)
    report.per_class.round(3)
    ```
    """
    labels, probabilities = check_predictions(labels, probabilities, len(CLASS_NAMES))
    if sources is not None:
        sources = check_clusters(sources, len(labels), "sources")
    if clusters is None:
        clusters = sources
    scores = evaluate(labels, probabilities, clusters)
    predictions = probabilities.argmax(axis=1)
    pictures = pd.DataFrame(
        {
            "class": pd.Categorical.from_codes(labels, CLASS_NAMES),
            "source": "" if sources is None else sources,
            "correct": predictions == labels,
        }
    )
    if threshold is not None:
        pictures["refused"] = probabilities.max(axis=1) < threshold
        kept = pictures.loc[~pictures["refused"], "correct"]
        scores["refused"] = float(pictures["refused"].mean())
        scores["accuracy_kept"] = float(kept.mean()) if len(kept) else None
    effects = pd.Series(1.0, index=CLASS_NAMES)
    if clusters is not None:
        found = design_effects(pictures["correct"], labels, clusters)
        effects[[CLASS_NAMES[label] for label in found.index]] = found.to_numpy()
    per_class = _recall_table(pictures, "class", effects, observed=False)
    present = per_class[per_class["images"] > 0]
    low, high = balanced_accuracy_interval(
        present["recall"] * present["images"], present["images"], effects[present.index]
    )
    scores |= {"balanced_accuracy_low": low, "balanced_accuracy_high": high}
    return ExternalReport(
        scores=scores,
        per_class=per_class,
        confusion=pd.DataFrame(
            metrics.confusion_matrix(labels, predictions, labels=range(len(CLASS_NAMES))),
            index=pd.Index(CLASS_NAMES, name="true"),
            columns=pd.Index(CLASS_NAMES, name="predicted"),
        ),
        per_source=None if sources is None else _recall_table(pictures, ["source", "class"]),
    )


def _check_folders(folder: Path, class_names) -> None:
    expected = f"Expected a folder that holds the folders {', '.join(class_names)}."
    if not folder.exists():
        raise FileNotFoundError(f"{folder} does not exist. {expected} Check the path.")
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder. {expected}")
    below = sorted(path.name for path in folder.iterdir() if path.is_dir())
    unknown = [name for name in below if name not in class_names and not name.startswith(".")]
    if unknown:
        raise ValueError(
            f"{folder} holds folders that are no class: {', '.join(unknown)}. {expected} "
            "Rename them, or move them elsewhere."
        )


def _read_sources(path: Path, files: list[str]) -> np.ndarray | None:
    if not path.exists():
        return None
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # -sig: Excel's first bytes
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(
            f"{path} can't be read ({error}). Expected a table in UTF-8, parted by commas. "
            "Save it so, or move it elsewhere."
        ) from error
    columns = list(rows[0]) if rows else []
    column = next((name for name in _SOURCE_COLUMNS if name in columns), None)
    if column is None or "file" not in columns:
        raise ValueError(
            f"{path} must have the column file and one of {', '.join(_SOURCE_COLUMNS)}. "
            f"Received: {', '.join(map(str, columns)) or 'no rows'}. Mend it or move it elsewhere."
        )
    told = {(row["file"] or "").replace("\\", "/"): row[column] for row in rows}
    return np.array([told.get(file) or "unknown" for file in files])


def _recall_table(pictures: pd.DataFrame, by, effects=None, observed=True) -> pd.DataFrame:
    groups = pictures.groupby(by, observed=observed)
    table = groups.agg(recall=("correct", "mean"))
    images, correct = groups.size(), groups["correct"].sum()
    divisors = np.ones(len(images)) if effects is None else effects[images.index]
    bounds = [
        wilson_interval(right / effect, total / effect) if total else (np.nan, np.nan)
        for right, total, effect in zip(correct, images, divisors, strict=True)
    ]
    table["low"], table["high"] = zip(*bounds, strict=True)
    table["images"] = images
    if "refused" in pictures:
        table["refused"] = groups["refused"].mean()
    return table
