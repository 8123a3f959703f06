"""Pictures as TFRecord shards: written and read as a stream, so a set needn't fit in memory.

A set is a folder of shards and `index.json`, which is written last: without it there is no set.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from ..info import CLASS_NAMES, INFO
from ..storage import replacing
from .datasets import without_autotune
from .jobs import current_job

if TYPE_CHECKING:
    import tensorflow as tf

_INDEX = "index.json"
_SHAPE = (INFO["image_size"], INFO["image_size"], 1)
_SHUFFLED = 8192  # pictures that reading mixes at a time: 34 MB
_OPEN = 16  # shards that reading has open at a time


def write_shards(examples: Iterable, folder: str | Path, *, shards: int = 16) -> dict:
    """Writes pictures as TFRecord shards, one after the other, never all in memory.

    Example `i` goes to shard `i % shards`, so shards are equally long within one. Each record is
    a `tf.train.Example` of `image`, the raw pixels, and `label`. Reading mixes only about
    8,000 neighbours: give the examples in random order, not class after class.

    Args:
        examples: iterable of `(image, label)`: uint8 `(64, 64, 1)`, and an index into
            `CLASS_NAMES`.
        folder: path of the set's folder; made if it isn't there.
        shards: int of at least 1, open files while writing. A job of several processes
            needs at least one for each.

    Returns:
        dict, the content of `index.json`: `"examples"` and `"shards"`, for each its `"file"`,
        `"examples"`, `"bytes"` and `"sha256"`.

    Raises:
        FileExistsError: when the folder holds a set already.
        ValueError: for an example of another kind, or fewer examples than shards. Nothing of
            the set is kept then.
    """
    from .._keras import tensorflow as tf

    folder = Path(folder)
    if (folder / _INDEX).exists():
        raise FileExistsError(
            f"`folder` must not hold a set already. Received: folder={str(folder)!r}; choose "
            "another, or delete that one."
        )
    if not isinstance(shards, int) or shards < 1:
        raise ValueError(f"`shards` must be a whole number, at least 1. Received: {shards!r}")
    names = [f"{number:05d}-of-{shards:05d}.tfrecord" for number in range(shards)]
    count = 0
    # The index last: without it there is no set.
    with replacing(*(folder / name for name in (*names, _INDEX))) as (*paths, note):
        with contextlib.ExitStack() as open_files:
            writers = [open_files.enter_context(tf.io.TFRecordWriter(str(path))) for path in paths]
            for image, label in examples:
                writers[count % shards].write(_encode(image, label, count))
                count += 1
        if count < shards:
            raise ValueError(
                "`examples` must be at least as many as `shards`. "
                f"Received: {count:,} examples and shards={shards}; ask for fewer shards."
            )
        index = {
            "format": 1,
            "shape": list(_SHAPE),
            "class_names": list(CLASS_NAMES),
            "examples": count,
            "shards": [
                {
                    "file": path.name,
                    "examples": len(range(number, count, shards)),
                    "bytes": path.stat().st_size,
                    "sha256": _sha256(path),
                }
                for number, path in enumerate(paths)
            ],
        }
        note.write_text(json.dumps(index, indent=1), encoding="utf-8")
    return index


def read_shards(
    folder: str | Path, batch_size: int, *, shuffle_seed: int | None = None
) -> tf.data.Dataset:
    """Reads a set of `write_shards()` as a `tf.data.Dataset`; in a job, this process's rows.

    Process `p` of `n` reads shards `p`, `p + n`, … and gives `batch_size / n` pictures a batch,
    so that all of them together make one batch of the job, see `initialize_job()`. All give
    equally many batches: in a job the last pictures, less than a batch of the shortest process,
    are left out.

    Args:
        folder: path of the set's folder.
        batch_size: int, pictures a batch of the whole job; a multiple of its devices.
        shuffle_seed: int for training: every epoch the shards come in another order, and some
            8,000 pictures are mixed at a time, the same for the same seed; the last incomplete
            batch is left out. `None` for evaluation: the same order each time, and every
            picture once if there is but one device.

    Returns:
        `tf.data.Dataset` of batches: uint8 images `(N, 64, 64, 1)` and int64 labels `(N,)`. It
        knows its length, as `train()` needs. A record damaged on disk ends the reading with
        `tf.errors.DataLossError`, for each holds a checksum.

    Raises:
        FileNotFoundError: when there is no whole set, or a shard of it lacks.
        ValueError: for a shard of another size than the index says, fewer shards than
            processes, or a `batch_size` that doesn't fit.
    """
    from .._keras import tensorflow as tf

    folder, job = Path(folder), current_job()
    index = read_index(folder)
    files = [str(folder / shard["file"]) for shard in index["shards"]]
    if len(files) < job.process_count:
        raise ValueError(
            "A set must have at least one shard for each process. Received: "
            f"{len(files)} shards and {job.process_count} processes; write more shards."
        )
    if batch_size < 1 or batch_size % job.device_count:
        raise ValueError(
            "`batch_size` must be at least 1 and a multiple of the number of devices, "
            f"{job.device_count}. Received: batch_size={batch_size!r}"
        )
    rows = batch_size // job.process_count
    counts = [
        sum(shard["examples"] for shard in index["shards"][process :: job.process_count])
        for process in range(job.process_count)
    ]
    training = shuffle_seed is not None
    whole = training or job.device_count > 1
    batches = min(counts) // rows if whole else -(-counts[0] // rows)
    if not batches:
        raise ValueError(
            "`batch_size` must be at most the number of pictures. Received: "
            f"batch_size={batch_size!r} and {index['examples']:,} pictures, "
            f"{min(counts):,} for a process"
        )

    mine = files[job.process_index :: job.process_count]
    order = tf.data.Dataset.from_tensor_slices(mine)
    if training:
        order = order.shuffle(len(mine), seed=shuffle_seed, reshuffle_each_iteration=True)
    records = order.interleave(
        tf.data.TFRecordDataset,
        cycle_length=min(_OPEN, len(mine)),
        num_parallel_calls=tf.data.AUTOTUNE,
        deterministic=True,
    )
    if training:
        records = records.shuffle(_SHUFFLED, seed=shuffle_seed, reshuffle_each_iteration=True)
    return without_autotune(
        records.batch(rows, drop_remainder=whole)
        .map(
            lambda batch: _decode(batch, rows if whole else None),
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        .take(batches)
        .apply(tf.data.experimental.assert_cardinality(batches))
        .prefetch(2)
    )


def read_index(folder) -> dict:
    """Reads what a set holds, and checks that every shard is there and as long as it should be.

    Args:
        folder: path of the set's folder.

    Returns:
        dict, as `write_shards()` returns.

    Raises:
        FileNotFoundError, ValueError: as `read_shards()`.
    """
    folder = Path(folder)
    try:
        index = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise FileNotFoundError(
            f"`folder` must hold a set that `write_shards` finished. Received: {str(folder)!r}, "
            f"without {_INDEX}; write it anew."
        ) from None
    if index.get("shape") != list(_SHAPE) or index.get("class_names") != list(CLASS_NAMES):
        raise ValueError(
            f"A set must hold pictures of shape {_SHAPE} in the classes {CLASS_NAMES}. "
            f"Received: {str(folder)!r}, of {index.get('shape')} in {index.get('class_names')}"
        )
    for shard in index["shards"]:
        path = folder / shard["file"]
        if not path.exists():
            raise FileNotFoundError(f"A shard lacks: {path}. Write the set anew.")
        if path.stat().st_size != shard["bytes"]:
            raise ValueError(
                f"A shard must be as long as the index says, {shard['bytes']:,} bytes. "
                f"Received: {path} of {path.stat().st_size:,} bytes; copy or write it anew."
            )
    return index


def check_shards(folder: str | Path) -> dict:
    """Reads every byte of a set and compares it with the index, for example after copying.

    Args:
        folder: path of the set's folder.

    Returns:
        dict, as `write_shards()` returns.

    Raises:
        FileNotFoundError: as `read_shards()`.
        ValueError: when a shard's sha256 isn't that of the index.
    """
    index = read_index(folder)
    for shard in index["shards"]:
        path = Path(folder) / shard["file"]
        if _sha256(path) != shard["sha256"]:
            raise ValueError(
                f"A shard must have the sha256 that the index says, {shard['sha256']}. "
                f"Received: {path}, which was changed or damaged; copy or write it anew."
            )
    return index


def _encode(image, label, number: int) -> bytes:
    from .._keras import tensorflow as tf

    image = np.asarray(image)
    if image.shape != _SHAPE or image.dtype != np.uint8 or not 0 <= label < len(CLASS_NAMES):
        raise ValueError(
            f"`examples` must be uint8 images of shape {_SHAPE} and labels from 0 to "
            f"{len(CLASS_NAMES) - 1}. Received, as number {number:,}: {image.dtype} of shape "
            f"{image.shape}, label {label!r}"
        )
    feature = {
        "image": tf.train.Feature(bytes_list=tf.train.BytesList(value=[image.tobytes()])),
        "label": tf.train.Feature(int64_list=tf.train.Int64List(value=[int(label)])),
    }
    return tf.train.Example(features=tf.train.Features(feature=feature)).SerializeToString()


def _decode(records, rows: int | None):
    from .._keras import tensorflow as tf

    # A whole batch at once: much faster than record after record.
    parsed = tf.io.parse_example(
        records,
        {
            "image": tf.io.FixedLenFeature([], tf.string),
            "label": tf.io.FixedLenFeature([], tf.int64),
        },
    )
    pixels = tf.io.decode_raw(parsed["image"], tf.uint8, fixed_length=np.prod(_SHAPE))
    images = tf.reshape(pixels, (-1, *_SHAPE))
    return tf.ensure_shape(images, (rows, *_SHAPE)), tf.ensure_shape(parsed["label"], (rows,))


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
