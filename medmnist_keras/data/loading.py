"""`load_images()`: finds a source, reads it or its cache, verifies it, subsamples it."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from .._types import StrPath
from ..info import INFO
from ..storage import cache_dir, clear_leftovers, decoded_dir
from .cache import cached_images, load_path
from .finding import download, environment_folder, find_source
from .images import Images, check_images_per_class, load_phantoms, thin
from .phantoms import PHANTOMS


def load_images(
    source: StrPath | None = None,
    *,
    images_per_class: int | None = None,
    seed: int = 0,
    strict: bool = False,
    info: Mapping[str, Any] = INFO,
) -> Images:
    """Reads every picture of a source into one array, verified and cached.

    The first load decodes the files (seconds); later loads of the same source memory-map the
    decoded array from the Keras cache (`~/.keras/datasets`, or `KERAS_HOME`).

    Args:
        source: a folder of class-named folders, or a `.zip`, `.tar`, `.tar.gz` of them;
            `"phantoms"` for drawn pictures; `None` to look, in this order, at the environment
            variable `MEDICAL_MNIST_DIR` (a folder that holds either), at the Keras cache, on
            Kaggle at the notebook's inputs, and at last to download the archive.
        images_per_class: int, or `None` for all. Takes that many of each class, at even steps
            through the sorted files.
        seed: int. Seed of the phantoms; real pictures don't depend on it.
        strict: bool. Whether pictures with another fingerprint than the known copy raise an
            error instead of a warning.
        info: dict shaped as `INFO`. What the source is checked against.

    Returns:
        `Images`.

    Raises:
        FileNotFoundError: when a folder or file isn't there.
        ValueError: when the content isn't what `info` says, naming the first few offenders.
        OSError: when the download fails or can't be stored.

    Example:

    ```python
    pictures = load_images("phantoms", images_per_class=20)
    pictures.images.shape  # (120, 64, 64, 1)
    ```
    """
    per_class = check_images_per_class(images_per_class, info)
    if source == PHANTOMS:
        return load_phantoms(per_class, seed, info)
    for folder in (cache_dir(), decoded_dir()):
        clear_leftovers(folder)
    if (
        source is None
        and environment_folder() is None
        and (known := cached_images(info["fingerprint"]))
    ):
        loaded = known
    else:
        path = find_source(source, info=info) or download(info=info)
        loaded = load_path(path, info)
    if loaded.fingerprint != info["fingerprint"]:
        message = (
            f"{loaded.origin} has the right classes, counts and sizes, but its content differs "
            f"from the known copy of {info['name']}: expected fingerprint "
            f"{info['fingerprint'][:12]}…, received {loaded.fingerprint[:12]}…. "
            "Scores may differ from published ones."
        )
        if strict:
            raise ValueError(f"{message} Pass `strict=False` to load it all the same.")
        warnings.warn(f"{message} Pass `strict=True` to refuse it.", stacklevel=3)
    return thin(loaded, per_class)


def is_at_hand(*, info: Mapping[str, Any] = INFO) -> bool:
    """Whether the real pictures can be loaded here without a download."""
    return cached_images(info["fingerprint"]) is not None or find_source(info=info) is not None
