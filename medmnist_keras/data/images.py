"""`Images`, the container for all pictures of one source; subsets, and phantoms as such."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from .phantoms import PHANTOMS, draw_phantoms

# What the cache holds: type and dimensions of each array.
ARRAYS = {"images": ("u1", 4), "labels": ("i8", 1), "names": ("U", 1), "quantization": ("u2", 2)}


@dataclass(frozen=True, eq=False)
class Images:
    """All pictures of one source, sorted by class and file name; its length is their number.

    Attributes:
        images: uint8 array `(N, 64, 64, 1)`, grey levels 0-255, maybe memory-mapped read-only.
        labels: int64 array `(N,)`, indices into `CLASS_NAMES`.
        names: string array `(N,)`, such as `"Hand/000042.jpeg"`.
        quantization: uint16 array `(N, 64)`, each file's JPEG quantisation table for grey
            levels, row by row; zeros where there is none (PNG, phantoms).
        positions: int64 array `(N,)`, each picture's place in the sorted listing of the whole
            source, of which `images_per_class` takes a part.
        fingerprint: 64 hex digits over names and file contents, or `"phantoms"`.
        origin: where they were read, for people: an archive's or a folder's name.
    """

    images: np.ndarray
    labels: np.ndarray
    names: np.ndarray
    quantization: np.ndarray
    positions: np.ndarray
    fingerprint: str
    origin: str

    def __len__(self) -> int:
        return len(self.labels)


def load_phantoms(per_class: dict[str, int], seed: int, info) -> Images:
    images, labels = draw_phantoms(per_class, seed=seed)
    names = [f"{name}/{i:06d}" for name in info["class_names"] for i in range(per_class[name])]
    return Images(
        images=images,
        labels=labels,
        names=np.array(names),
        quantization=np.zeros((len(images), 64), dtype="uint16"),
        positions=np.arange(len(images)),
        fingerprint=PHANTOMS,
        origin="drawn phantoms",
    )


def check_images_per_class(images_per_class, info) -> dict[str, int]:
    if images_per_class is None:
        return dict(info["counts"])
    if (
        not isinstance(images_per_class, (int, np.integer))
        or isinstance(images_per_class, bool)
        or images_per_class < 1
    ):
        raise ValueError(
            "`images_per_class` must be a whole number of at least 1, or None for all. "
            f"Received: images_per_class={images_per_class!r}"
        )
    return {name: min(int(images_per_class), count) for name, count in info["counts"].items()}


def thin(loaded: Images, per_class: dict[str, int]) -> Images:
    """Even steps through each class: neighbouring files are slices of the same patient."""
    if sum(per_class.values()) == len(loaded.labels):
        return loaded
    starts = np.flatnonzero(np.r_[True, np.diff(loaded.labels) > 0])
    ends = np.r_[starts[1:], len(loaded.labels)]
    kept = np.concatenate(
        [
            np.linspace(start, end, count, endpoint=False).astype("int64")
            for start, end, count in zip(starts, ends, per_class.values(), strict=True)
        ]
    )
    return replace(
        loaded,
        positions=loaded.positions[kept],
        **{name: getattr(loaded, name)[kept] for name in ARRAYS},
    )
