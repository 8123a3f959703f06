"""Cache of decoded pictures: decoded once, memory-mapped on later loads."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import warnings
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from ..storage import decoded_dir, reason, temporary_folder
from . import archives, decoding
from .checking import Findings, check_findings, content_fingerprint, read_files
from .images import ARRAYS, Images


def _read(path: Path, info, keep: Callable[[np.ndarray], None]) -> tuple[list[int], dict]:
    """Decodes and checks every picture in one pass over the source.

    The pictures go to `keep`, a few hundred at a time, in the order of the source. Returned are
    the places in that order of the sorted pictures, and what else `Images` holds, sorted.
    """
    class_names, count = info["class_names"], sum(info["counts"].values())
    found = Findings()
    names: list[str] = []
    tables: list[np.ndarray] = []
    decode = partial(decoding.decode_batch, image_size=info["image_size"])
    try:
        for batch in decoding.map_ahead(decode, decoding.batches(read_files(path, info, found))):
            found.problems |= batch.problems
            names += batch.names
            if len(names) <= count:  # more are refused below
                keep(batch.images)
                tables.append(batch.tables)
    except archives.BROKEN_ARCHIVE as error:
        raise ValueError(
            f"{path} is not a complete archive ({error}). Delete it and get it again."
        ) from error
    check_findings(found, path, info)
    ranks = {name: rank for rank, name in enumerate(class_names)}
    order = sorted(range(count), key=lambda i: (ranks[names[i].split("/")[0]], names[i]))
    names = [names[i] for i in order]
    return order, {
        "labels": _labels(names, info),
        "names": np.array(names),
        "quantization": np.concatenate(tables)[order],
        "positions": np.arange(count),
        "fingerprint": content_fingerprint(found.digests),
        "origin": path.name,
    }


def _labels(names, info) -> np.ndarray:
    index = {name: label for label, name in enumerate(info["class_names"])}
    return np.array([index[name.split("/")[0]] for name in names], dtype="int64")


def load_path(path: Path, info) -> Images:
    """Reads a folder or archive, from the cache of decoded arrays when it hasn't changed."""
    note = decoded_dir() / f"{_signature(path)}.txt"
    try:
        cached = cached_images(note.read_text(encoding="ascii").strip())
    except (OSError, UnicodeDecodeError):
        cached = None
    if cached is not None:
        return replace(cached, origin=path.name)
    try:
        return _read_into_cache(path, info, note)
    except _NotCachedError as error:
        why = reason(error.reason)
    images: list[np.ndarray] = []
    order, rest = _read(path, info, images.append)
    warnings.warn(
        f"The decoded pictures could not be cached in {decoded_dir()} ({why}), so "
        "the next load will decode them again. Set KERAS_HOME to a folder with 300 MB of "
        "free space that you can write to.",
        stacklevel=4,
    )
    return Images(images=np.concatenate(images)[order, ..., None], **rest)


def _signature(path: Path) -> str:
    """Cheap key that changes when the source does: names, sizes and modification times."""
    key = hashlib.sha256(os.fsencode(path.resolve()))
    if path.is_file():
        status = path.stat()
        key.update(f"{status.st_size} {status.st_mtime_ns}".encode())
    else:
        for folder, file in archives.listing(path):
            status = archives.status(file)
            line = f"{folder}/{file.name} {status.st_size} {status.st_mtime_ns}\n"
            key.update(line.encode(errors="surrogateescape"))
    return key.hexdigest()


def cached_images(fingerprint: str) -> Images | None:
    """All pictures of this content as they were decoded before; `None` if they never were."""
    folder = decoded_dir() / fingerprint
    try:
        arrays = {
            name: np.load(
                folder / f"{name}.npy",
                mmap_mode="r" if name == "images" else None,
                allow_pickle=False,
            )
            for name in ARRAYS
        }
    except Exception:  # absent or damaged, over which NumPy raises anything: decoded again
        return None
    for name, (kind, dimensions) in ARRAYS.items():
        array = arrays[name]
        if not array.dtype.str[1:].startswith(kind) or array.ndim != dimensions:
            return None
        if len(array) != len(arrays["images"]):
            return None
    return Images(
        **arrays,
        positions=np.arange(len(arrays["images"])),
        fingerprint=fingerprint,
        origin="Keras cache",
    )


class _NotCachedError(Exception):
    """Of a source that is being read well while the cache can't be written."""

    def __init__(self, reason: OSError):
        self.reason = reason


@contextlib.contextmanager
def _caching() -> Iterator[None]:
    """Tells what fails in the cache from what fails in the source."""
    try:
        yield
    except OSError as error:
        raise _NotCachedError(error) from error


def _read_into_cache(path: Path, info, note: Path) -> Images:
    """Writes pictures to the disk while others are decoded: memory never holds them all.

    Everything has a temporary name until it is complete, so that no reader sees half of it.
    """
    with contextlib.ExitStack() as stack:
        with _caching():
            temporary = stack.enter_context(temporary_folder(note.parent))
            whole = temporary / "arrays"
            whole.mkdir()
        order, rest = _read_into_file(path, info, whole / "images.npy")
        with _caching():
            if order != list(range(len(order))):  # of an archive that wasn't packed in order
                _save(whole / "sorted.npy", np.load(whole / "images.npy", mmap_mode="r")[order])
                (whole / "sorted.npy").replace(whole / "images.npy")
            for name in ARRAYS.keys() - {"images"}:
                _save(whole / f"{name}.npy", rest[name])
            fingerprint = rest["fingerprint"]
            (temporary / "note").write_text(fingerprint, encoding="ascii")
            final = note.parent / fingerprint
            if cached_images(fingerprint) is None:
                with contextlib.suppress(FileNotFoundError):  # there is none, or another moved it
                    final.rename(temporary / "damaged")
            try:
                whole.rename(final)
            except OSError as error:
                # Another process stored the same arrays first: theirs will do.
                if error.errno not in (errno.EEXIST, errno.ENOTEMPTY):
                    raise
            (temporary / "note").replace(note)
            stored = cached_images(fingerprint)
            if stored is None:
                raise FileNotFoundError(errno.ENOENT, "another process deletes there")
            return replace(stored, origin=path.name)


def _read_into_file(path: Path, info, target: Path) -> tuple[list[int], dict]:
    """As `_read()`, with the pictures in an `.npy` file, in the order of the source."""
    size = info["image_size"]
    shape = (sum(info["counts"].values()), size, size, 1)
    with _caching():
        # Unbuffered: closing would try once more what couldn't be written, and fail by itself.
        file = target.open("wb", buffering=0)
    with file:

        def write(data):
            with _caching():
                rest = memoryview(data).cast("B")
                while rest:
                    rest = rest[file.write(rest) :]

        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(cast(Any, SimpleNamespace(write=write)), header)
        return _read(path, info, write)


def _save(path: Path, array: np.ndarray) -> None:
    with path.open("wb") as file:
        # By `write()`: NumPy's own way into a file doesn't tell why it fails.
        np.save(cast(Any, SimpleNamespace(write=file.write)), array, allow_pickle=False)
