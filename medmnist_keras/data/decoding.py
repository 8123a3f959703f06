"""Decodes image files to grey pixels in threads, a few batches ahead.

A file that can't be decoded is reported with its place, and harms no other.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import simplejpeg
from PIL import Image

from .levels import grey_image

_BATCH = 256
_BATCH_BYTES = 4_000_000
# A grey JPEG of one quantisation table, as every file of the known copy, begins so: its JFIF
# header, and the marker of the table, which is stored in zigzag order.
_JFIF, _TABLE, _TABLE_START = b"\xff\xd8\xff\xe0\0\x10", b"\xff\xdb\0\x43\0", 20
_DIAGONALS = sorted(
    ((row, column) for row in range(8) for column in range(8)),
    key=lambda at: (sum(at), at[sum(at) % 2 == 0]),
)
_ZIGZAG = [8 * row + column for row, column in _DIAGONALS]
_NO_TABLE = np.zeros(64, "uint16")
_BAD_PICTURE = (ValueError, SyntaxError, OSError, Image.DecompressionBombError)


class File(NamedTuple):
    """One file that should hold a picture, read."""

    place: int
    name: str
    data: bytes


class _Decoded(NamedTuple):
    """A batch of files, decoded but for those that have problems."""

    names: list[str]
    images: np.ndarray
    tables: np.ndarray
    problems: dict[int, str]


def batches(files: Iterator[File]) -> Iterator[list[File]]:
    """Parts files into lists as long as are decoded at once."""
    batch, size = [], 0
    for file in files:
        batch.append(file)
        size += len(file.data)
        if len(batch) == _BATCH or size > _BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def map_ahead(function, items: Iterator) -> Iterator:
    """`map()` in threads that are a few calls ahead, and no more: it all has to fit in memory."""
    pending: deque[Future] = deque()
    with ThreadPoolExecutor(2) as pool:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > 8:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def decode_batch(files: list[File], image_size: int) -> _Decoded:
    """Decodes files to uint8 `(N, image_size, image_size)`; a problem is reported."""
    images = np.zeros((len(files), image_size, image_size), "uint8")
    tables = np.zeros((len(files), 64), "uint16")
    problems = {}
    for i, file in enumerate(files):
        try:
            plain = _decode_plain(file.data, image_size)
            images[i], tables[i] = _decode(file.data, image_size) if plain is None else plain
        except _BAD_PICTURE as error:
            problems[file.place] = problem(file.name, error)
    return _Decoded([file.name for file in files], images, tables, problems)


def _decode_plain(data: bytes, size: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Pixels and quantisation table of a sound grey JPEG; `None` of anything else.

    As `_decode()`, in half the time, and most of that while other threads work.
    """
    start = _TABLE_START + len(_TABLE)
    if not data.startswith(_JFIF) or data[_TABLE_START:start] != _TABLE:
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if (height, width, colours) != (size, size, "Gray"):
            return None
        pixels = simplejpeg.decode_jpeg(data, "GRAY")[..., 0]
    except ValueError:
        return None
    table = np.empty(64, "uint16")
    table[_ZIGZAG] = np.frombuffer(data, "uint8", 64, start)
    return pixels, table


def _decode(data: bytes, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Decodes one JPEG or PNG to uint8 `(size, size)` and its quantisation table.

    A ValueError says what is wrong.
    """
    if not data:
        raise ValueError("empty file")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            # The header is checked first: a picture of another size is never decoded.
            if image.size != (size, size):
                received = "{}x{}".format(*image.size)
                raise ValueError(f"{received} pixels, not {size}x{size}")
            tables = getattr(image, "quantization", {})  # PNG has none
            table = np.array(tables.get(0, _NO_TABLE))
            plain = image.mode == "L" and not image.has_transparency_data
            return np.asarray(image if plain else grey_image(image)), table
    except Image.UnidentifiedImageError:
        raise ValueError("not a JPEG or PNG image") from None
    except OSError as error:
        raise ValueError(f"damaged image ({error})") from None


def problem(name: str, error: Exception) -> str:
    """How a file that could not be read or decoded is reported: by name and cause."""
    return f"{ascii(name)[1:-1]}: {getattr(error, 'strerror', None) or error}"
