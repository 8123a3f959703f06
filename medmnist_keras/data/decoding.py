"""From the bytes of files to grey pixels: many pictures at once, a few batches ahead.

A file that can't be decoded is told with its place, and harms no other.
"""

from __future__ import annotations

import io
import re
from collections import defaultdict, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

import numpy as np
from PIL import Image

from .levels import grey_image

# Pictures decoded at once, one above the other: a JPEG has up to 65,500 rows, and memory blocks
# of over 1 MB are given back to the system and fetched anew each time.
_BATCH = 256
_BATCH_BYTES = 4_000_000
# The header of every file of the known copy: a grey, sequential JPEG of 64x64 pixels with one
# quantisation table. In groups: up to the height; from width to Huffman tables; start of scan.
_GREY_64 = re.compile(
    rb"(\xff\xd8\xff\xe0\0\x10.{14}\xff\xdb\0\x43\0.{64}\xff\xc0\0\x0b\x08)\0\x40"
    rb"(\0\x40\x01\x01\x11\0\xff\xc4\0\x1f\0.{28}\xff\xc4\0\xb5\x10.{178})"
    rb"(\xff\xda\0\x08\x01\x01\0\0\x3f\0)",
    re.DOTALL,
)
_END = b"\xff\xd9"
_NO_TABLE = [0] * 64
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
    # More threads than cores, for each also waits, up to 5 ms, until Python attends to it.
    with ThreadPoolExecutor(4) as pool:
        for item in items:
            pending.append(pool.submit(function, item))
            if len(pending) > 8:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()


def decode_batch(files: list[File], image_size: int) -> _Decoded:
    """Decodes many files, those with the same plain header at once.

    One by one, Pillow's Python takes twice the time of the decoding itself, and threads only
    wait for each other. One above the other, pictures take a third of the whole, and most of
    that runs beside the reading.
    """
    images = np.zeros((len(files), image_size, image_size), "uint8")
    tables = np.zeros((len(files), 64), "uint16")
    problems = {}
    alike: dict[Any, list[int]] = defaultdict(list)
    for i, file in enumerate(files):
        alike[_plain_header(file.data) if image_size == 64 else None].append(i)
    alone = alike.pop(None, [])
    for header, places in alike.items():
        try:
            sheet = _sheet(header, [files[i].data for i in places])
            tall, tables[places] = _decode(sheet, 64, 64 * len(places))
        except _BAD_PICTURE:
            alone += places  # to tell which one it is
        else:
            images[places] = tall.reshape(-1, 64, 64)
    for i in alone:
        try:
            images[i], tables[i] = _decode(files[i].data, image_size, image_size)
        except _BAD_PICTURE as error:
            problems[files[i].place] = problem(files[i].name, error)
    return _Decoded([file.name for file in files], images, tables, problems)


def _plain_header(data: bytes) -> bytes | None:
    """The header of a JPEG whose scan may stand among others; `None` for any other file.

    Such a file ends where it should, and no marker is in its scan: each 0xff there is followed
    by 0. So nothing in it, sound or spoilt, reaches beyond the markers set around it.
    """
    header = _GREY_64.match(data)
    if header is None or not data.endswith(_END):
        return None
    scan = data[header.end() : -len(_END)]
    return header[0] if scan.count(b"\xff") == scan.count(b"\xff\0") else None


def _sheet(header: bytes, files: list[bytes]) -> bytes:
    """One JPEG of many with the same header, one above the other.

    Restart markers, after every 64 blocks of 8x8 pixels, part the pictures. At each the decoder
    starts afresh, so the pixels are the same as when each file is decoded alone.
    """
    plain = _GREY_64.match(header)
    assert plain is not None  # it is what `_plain_header()` found
    before, after, start = plain.groups()
    height = (64 * len(files)).to_bytes(2, "big")
    parts = [before, height, after, b"\xff\xdd\0\x04\0\x40", start]
    for i, file in enumerate(files):
        parts += [file[len(header) : -len(_END)], bytes((0xFF, 0xD0 + i % 8))]
    return b"".join([*parts[:-1], _END])


def _decode(data: bytes, width: int, height: int) -> tuple[np.ndarray, list[int]]:
    """Decodes one JPEG or PNG to uint8 `(height, width)` and its quantisation table.

    A ValueError says what is wrong.
    """
    if not data:
        raise ValueError("empty file")
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG", "PNG")) as image:
            # The header is checked first: a picture of another size is never decoded.
            if image.size != (width, height):
                received = "{}x{}".format(*image.size)
                raise ValueError(f"{received} pixels, not {width}x{height}")
            # In one go: between blocks, threads wait for each other.
            image.decodermaxblock = len(data)
            tables = getattr(image, "quantization", {})  # PNG has none
            table = tables.get(0, _NO_TABLE)
            plain = image.mode == "L" and not image.has_transparency_data
            return np.asarray(image if plain else grey_image(image)), table
    except Image.UnidentifiedImageError:
        raise ValueError("not a JPEG or PNG image") from None
    except OSError as error:
        raise ValueError(f"damaged image ({error})") from None


def problem(name: str, error: Exception) -> str:
    """How a file that could not be read or decoded is told of: by name and cause."""
    return f"{ascii(name)[1:-1]}: {getattr(error, 'strerror', None) or error}"
