"""The external test set, or a shifted copy of the test pictures that stands in for it."""

from __future__ import annotations

import numpy as np

from .._types import StrPath
from ..augmentation.pipelines import render_shift
from ..data.finding import EXTERNAL_VARIABLE
from ..data.folders import Folder, load_folder
from ..info import CLASS_NAMES

_STAND_IN = 1_000_003  # added to a run's seed


def load_shifted(
    images: np.ndarray, labels: np.ndarray, *, folder: StrPath | None = None, seed: int = 0
) -> Folder:
    """Loads the external test set, or makes a shifted copy of test pictures in its place.

    Args:
        images: uint8 `(N, 64, 64, 1)`, test pictures that a shifted copy is rendered from.
        labels: int `(N,)`.
        folder: path of the external test set, as `load_folder()` takes it; `None` for a copy.
        seed: int, of the run; the copy is drawn otherwise than validation pictures of this seed.

    Returns:
        `Folder`. A printed line says which it is.

    Raises:
        As `load_folder()`.
    """
    if folder is not None:
        external = load_folder(folder)
        print(f"{_told(external)}, read from a folder")
        return external
    print(
        f"No external pictures at hand ({EXTERNAL_VARIABLE} is not set): a shifted copy of "
        f"{_counted(len(labels), 'test picture')} stands in. It is a weaker test, because the "
        "training's own code renders it: robust training has seen such pictures, so it looks "
        "better here than on external pictures."
    )
    return Folder(
        # Other draws than those of the validation pictures, which choose epoch and temperature.
        images=render_shift(images, labels, seed=seed + _STAND_IN),
        labels=np.asarray(labels, dtype="int64"),
        files=[f"{CLASS_NAMES[label]}/{row}" for row, label in enumerate(labels)],
        sources=None,
        problems=[],
    )


def _told(external: Folder) -> str:
    """How many pictures of how many sources, where each names its own."""
    told = _counted(len(external.labels), "external picture")
    if external.sources is None or "unknown" in external.sources:
        return told
    return f"{told} from {_counted(len(np.unique(external.sources)), 'public source')}"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
