"""The external test set, or a shifted copy of the test pictures that stands in for it."""

from __future__ import annotations

import numpy as np

from ..augmentation.pipelines import render_shift
from ..data.folders import Folder, load_folder
from ..experiments.settings import EXTERNAL_VARIABLE, Settings
from ..info import CLASS_NAMES

_STAND_IN = 1_000_003  # added to a run's seed


def load_shifted(settings: Settings, images: np.ndarray, labels: np.ndarray) -> Folder:
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
    elsewhere = load_shifted(settings, x_test, y_test)
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
        images=render_shift(images, labels, seed=settings.seed + _STAND_IN),
        labels=np.asarray(labels, dtype="int64"),
        files=[f"{CLASS_NAMES[label]}/{row}" for row, label in enumerate(labels)],
        sources=None,
        problems=[],
    )
