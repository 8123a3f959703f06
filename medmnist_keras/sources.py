"""Where pictures come from: a folder, an archive, the cache, a download, or phantoms.

Whatever the source, what comes out is one verified uint8 array: `archives` gives the files that
lie in it, `decoding` their pixels.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np

from . import archives, decoding, storage
from ._types import StrPath
from .info import INFO
from .phantoms import draw_phantoms
from .storage import cache_dir, clear_leftovers, decoded_dir, reason, temporary_folder

ENVIRONMENT_VARIABLE = "MEDICAL_MNIST_DIR"
PHANTOMS = "phantoms"

_ARCHIVE_SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz")
_IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png")
_MAX_MEMBERS = 250_000  # stops archives made to fill memory
_MAX_BYTES = 1_000_000_000  # of all pictures, likewise; the known copy has 0.08 GB
_SHOWN = 5
# What the cache holds: type and dimensions of each array.
_ARRAYS = {"images": ("u1", 4), "labels": ("i8", 1), "names": ("U", 1), "quantization": ("u2", 2)}
_KAGGLE_NAME = "andrewmvd/medical-mnist"
_MAX_FOLDERS = 10_000  # to look through there, for other data may lie beside


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


class _Found:
    """What reading a source came upon, besides pictures."""

    def __init__(self):
        self.seen: Counter = Counter()
        self.roots: set[str] = set()
        self.strangers: Counter = Counter()
        self.digests: dict[str, bytes] = {}
        self.problems: dict[int, str] = {}  # by the place in the source, for they come unordered


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
    per_class = _checked_images_per_class(images_per_class, info)
    if source == PHANTOMS:
        return _load_phantoms(per_class, seed, info)
    for folder in (cache_dir(), decoded_dir()):
        clear_leftovers(folder)
    if (
        source is None
        and _environment_folder() is None
        and (known := cached_images(info["fingerprint"]))
    ):
        loaded = known
    else:
        path = find_source(source, info=info) or download(info=info)
        loaded = _load_path(path, info)
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
    return _thinned(loaded, per_class)


def find_source(source: StrPath | None = None, *, info: Mapping[str, Any] = INFO) -> Path | None:
    """Finds the folder or archive to read, without reading or downloading anything.

    Args:
        source: path, or `None` for the environment variable, then the Keras cache, then what
            lies below `/kaggle/input`.
        info: dict shaped as `INFO`.

    Returns:
        The path of a folder that holds the class folders, or of an archive; `None` when no
        source was named and nothing is at hand.

    Raises:
        FileNotFoundError: when the named place doesn't exist or holds no pictures.
        ValueError: when it is a file that is no archive.
    """
    named = source if source is not None else _environment_folder()
    if named is not None:
        return _resolve(Path(named).expanduser(), info)
    for place in (info["archive"], "MedNIST"):
        if (found := cache_dir() / place).exists():
            return _resolve(found, info)
    return _kaggle_input(info)


def is_at_hand(*, info: Mapping[str, Any] = INFO) -> bool:
    """Whether the real pictures can be loaded here without a download."""
    return cached_images(info["fingerprint"]) is not None or find_source(info=info) is not None


def download(*, info: Mapping[str, Any] = INFO) -> Path:
    """Downloads the archive into the Keras cache, once, and verifies its sha256.

    Args:
        info: dict shaped as `INFO`; its `url`, `archive` and `sha256` are used.

    Returns:
        Path of the archive. It only appears under that name when it is complete and verified.

    Raises:
        OSError: when there is no network, no disk space, or the cache can't be written.
        ValueError: when what came isn't the expected file.
    """
    import pooch
    import requests

    target = cache_dir() / info["archive"]
    advice = storage.internet_advice()
    if advice:
        advice += f"Or choose Add Input and add {_KAGGLE_NAME}, which needs no internet. Or: "
    by_hand = (
        f"{advice}Download {info['url']} by hand and save it as {target}, or set "
        f"{ENVIRONMENT_VARIABLE} to a folder that holds the archive or its class folders; "
        f'`source="{PHANTOMS}"` gives drawn pictures that need no file.'
    )
    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel("WARNING")
    try:
        if target.exists() and pooch.file_hash(target) == info["sha256"]:
            return target
        with temporary_folder(target.parent) as folder:
            # pooch checks the hash before the file gets its name.
            pooch.retrieve(
                info["url"],
                known_hash=f"sha256:{info['sha256']}",
                fname=target.name,
                path=folder,
                downloader=pooch.HTTPDownloader(progressbar=True, timeout=30),
            )
            (folder / target.name).replace(target)
    except ValueError as error:
        raise ValueError(
            f"The download is not the expected archive and was discarded ({error}). "
            f"Try again later. {by_hand}"
        ) from error
    except requests.exceptions.RequestException as error:
        why = f"{type(error).__name__}: {error}"
        raise OSError(f"{info['name']} could not be downloaded ({why}). {by_hand}") from error
    except OSError as error:
        raise OSError(
            f"The archive could not be stored as {target} ({reason(error)}). "
            "Set KERAS_HOME to a folder with 300 MB of free space that you can write to."
        ) from error
    finally:
        logger.setLevel(level)
    return target


def content_fingerprint(digests: dict[str, bytes]) -> str:
    """Digest of a data set's content, the same for a folder, a zip or a tar of it.

    Args:
        digests: dict of `"Class/file.jpeg"` to the raw 32-byte sha256 of that file's bytes.

    Returns:
        64 hex digits: sha256 over, for each sorted name, the name in UTF-8, one NUL byte and
        the file's digest.
    """
    whole = hashlib.sha256()
    for name in sorted(digests):
        whole.update(name.encode() + b"\0" + digests[name])
    return whole.hexdigest()


# -- which place ---------------------------------------------------------------------------


def _environment_folder() -> str | None:
    return os.environ.get(ENVIRONMENT_VARIABLE) or None


def _kaggle_input(info) -> Path | None:
    """The folder of class folders that a Kaggle notebook has added, at whatever depth it lies."""
    level = [storage.KAGGLE_INPUT]
    seen: set[Path] = set()
    while level and len(seen) < _MAX_FOLDERS:
        below: list[Path] = []
        for folder in level:
            if all((folder / name).is_dir() for name in info["class_names"]):
                return folder
            # What can't be read can't be it, and a link may lead in circles.
            with contextlib.suppress(OSError):
                if (real := folder.resolve()) not in seen:
                    seen.add(real)
                    below += (path for path in folder.iterdir() if path.is_dir())
        level = sorted(below)
    return None


def _is_archive(path: Path) -> bool:
    return path.name.lower().endswith(_ARCHIVE_SUFFIXES)


def _resolve(path: Path, info) -> Path:
    classes = ", ".join(info["class_names"])
    expected = (
        f"Expected a folder that holds the class folders {classes} (or one folder above them), "
        f"or an archive of them ({', '.join(_ARCHIVE_SUFFIXES)})."
    )
    if not path.exists():
        raise FileNotFoundError(f"{expected} Received: {path}, which does not exist.")
    if path.is_file():
        if _is_archive(path):
            return path
        raise ValueError(f"{expected} Received: {path}, a file of another kind.")
    below = sorted(entry for entry in path.iterdir() if not archives.is_junk(entry.name))
    for folder in (path, *(entry for entry in below if entry.is_dir())):
        if any((folder / name).is_dir() for name in info["class_names"]):
            return folder
    packed = [entry for entry in below if entry.is_file() and _is_archive(entry)]
    if len(packed) == 1:
        return packed[0]
    found = ", ".join(entry.name for entry in (packed or below)[:_SHOWN]) or "nothing"
    what = f"{len(packed)} archives" if packed else "neither"
    raise FileNotFoundError(f"{expected} Received: {path}, which holds {what}: {found}.")


# -- reading and checking --------------------------------------------------------------------


def _read(path: Path, info, keep: Callable[[np.ndarray], None]) -> tuple[list[int], dict]:
    """Decodes and checks every picture in one pass over the source.

    The pictures go to `keep`, a few hundred at a time, in the order of the source. Returned are
    the places in that order of the sorted pictures, and what else `Images` holds, sorted.
    """
    class_names, count = info["class_names"], sum(info["counts"].values())
    found = _Found()
    names: list[str] = []
    tables: list[np.ndarray] = []
    decode = partial(decoding.decode_batch, image_size=info["image_size"])
    try:
        for batch in decoding.map_ahead(decode, decoding.batches(_files(path, info, found))):
            found.problems |= batch.problems
            names += batch.names
            if len(names) <= count:  # more are refused below
                keep(batch.images)
                tables.append(batch.tables)
    except archives.BROKEN_ARCHIVE as error:
        raise ValueError(
            f"{path} is not a complete archive ({error}). Delete it and get it again."
        ) from error
    _check(found, path, info)
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


def _files(path: Path, info, found: _Found) -> Iterator[decoding.File]:
    """Reads the files in class folders; tells `found` of everything else."""
    class_names, size = info["class_names"], 0
    for place, entry in enumerate(archives.entries(path)):
        if place >= _MAX_MEMBERS:
            raise ValueError(
                f"{path} was refused: it has over {_MAX_MEMBERS:,} members. "
                f"Expected {sum(info['counts'].values()):,} pictures. "
                "Get the archive from a source you trust."
            )
        if entry is None or len(entry.parts) < 2 or any(map(archives.is_junk, entry.parts)):
            continue
        *above, folder, file = entry.parts
        name = f"{folder}/{file}"
        if folder not in class_names:
            inside = next((part for part in above if part in class_names), None)
            if inside:
                whole = "/".join(entry.parts)
                found.problems[place] = f"{whole}: unexpected folder inside {inside}"
            elif file.lower().endswith(_IMAGE_SUFFIXES):
                found.strangers["/".join((*above, folder))] += 1
            continue
        found.roots.add("/".join(above))
        found.seen[folder] += 1
        if name in found.digests:
            found.problems[place] = f"{name}: twice in the archive"
            continue
        try:
            if not archives.is_utf8(name):
                raise ValueError("its name is not UTF-8")
            if entry.size > archives.MAX_IMAGE_BYTES:
                raise ValueError(f"{entry.size:,} bytes, too large for a 64x64 picture")
            data = entry.read()
        except archives.BROKEN_ARCHIVE:
            raise
        except (ValueError, OSError) as error:
            found.problems[place] = decoding.problem(name, error)
        else:
            size += len(data)
            if size > _MAX_BYTES:
                raise ValueError(
                    f"{path} was refused: its pictures have over {_MAX_BYTES:,} bytes. "
                    "Expected pictures of 64x64 pixels. Get the archive from a source you trust."
                )
            found.digests[name] = hashlib.sha256(data).digest()
            yield decoding.File(place, name, data)


def _check(found: _Found, path: Path, info) -> None:
    # Told first: these explain the counts that follow.
    # Pictures beside the class folders, like a README, are ignored.
    lines = [
        f"{folder.split('/')[-1]}: unexpected class ({count:,} pictures)"
        for folder, count in found.strangers.items()
        if folder not in found.roots
    ]
    if len(found.roots) > 1:
        tops = ", ".join(repr(root) for root in sorted(found.roots)[:_SHOWN])
        lines.append(f"class folders in {len(found.roots)} places: {tops}")
    for name, expected in info["counts"].items():
        if not found.seen[name]:
            lines.append(f"{name}: missing class")
        elif found.seen[name] != expected:
            lines.append(f"{name}: {found.seen[name]:,} files, not {expected:,}")
    lines += [found.problems[place] for place in sorted(found.problems)]
    if lines:
        more = f"\n  … and {len(lines) - _SHOWN:,} more" if len(lines) > _SHOWN else ""
        shown = "".join(f"\n  {line}" for line in lines[:_SHOWN])
        noun = "problem" if len(lines) == 1 else "problems"
        raise ValueError(
            f"{path} is not {info['name']}: {len(lines):,} {noun}.{shown}{more}\n"
            f"Expected {sum(info['counts'].values()):,} pictures of "
            f"{info['image_size']}x{info['image_size']} pixels in the folders "
            f"{', '.join(info['class_names'])}. Mend or leave out the files above, or get a "
            f"fresh copy from {info['url']}."
        )


def _labels(names, info) -> np.ndarray:
    index = {name: label for label, name in enumerate(info["class_names"])}
    return np.array([index[name.split("/")[0]] for name in names], dtype="int64")


# -- cache of decoded arrays -------------------------------------------------------------------


def _load_path(path: Path, info) -> Images:
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
            for name in _ARRAYS
        }
    except Exception:  # absent or damaged, over which NumPy raises anything: decoded again
        return None
    for name, (kind, dimensions) in _ARRAYS.items():
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
            for name in _ARRAYS.keys() - {"images"}:
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


# -- phantoms and subsets ------------------------------------------------------------------------


def _load_phantoms(per_class: dict[str, int], seed: int, info) -> Images:
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


def _checked_images_per_class(images_per_class, info) -> dict[str, int]:
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


def _thinned(loaded: Images, per_class: dict[str, int]) -> Images:
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
        **{name: getattr(loaded, name)[kept] for name in _ARRAYS},
    )
