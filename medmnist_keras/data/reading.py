"""Reads users' own pictures of any format and size as grey 64x64 arrays.

Nothing in a file is trusted: its size is checked before it is decoded, and whatever goes wrong
is reported as one kind of error that names the file.
"""

from __future__ import annotations

import io
import logging
import os
import re
import warnings
from pathlib import Path
from typing import BinaryIO, NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from .._types import StrPath
from ..info import INFO
from .dicom import DICOM_SUFFIXES, frame_count, grey_dicom, is_dicom
from .kinds import PICTURE_STARTS, describe
from .levels import (
    FILE_ADVICE,
    OTHER_ADVICE,
    Notes,
    UnreadableError,
    as_array,
    choose_frame,
    grey_array,
    grey_image,
    is_array,
)

# What Pillow logs of a damaged file doesn't go to the terminal unasked, as with pydicom.
logging.getLogger("PIL").addHandler(logging.NullHandler())

Picture: TypeAlias = StrPath | bytes | BinaryIO | Image.Image | np.ndarray
# No other decoder of Pillow's is let near a file: some start programs, some are little tested.
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000", "AVIF")
_MAX_BYTES = 1_000_000_000
_MAX_PAGES = 10_000
_SUBFILE = 254  # TIFF's tag: bit 0 says that a page is a smaller copy of another


class Reading(NamedTuple):
    """What came of reading one picture.

    Attributes:
        image: uint8 array `(image_size, image_size, 1)`; `None` when it can't be read.
        note: str, what was chosen or left out, such as which of several frames; mostly empty.
        problem: str, why it can't be read; empty when it can.
        modality: str, what a DICOM header states, such as `"CT"`; mostly empty.
    """

    image: np.ndarray | None
    note: str = ""
    problem: str = ""
    modality: str = ""


def read_image(
    picture: Picture,
    *,
    image_size: int = INFO["image_size"],
    pad: bool = True,
    frame: int | None = None,
) -> np.ndarray:
    """Reads one picture and makes it grey, small and square.

    Colours become luminance, what is transparent black; EXIF orientation is honoured. Of several
    frames or pages the one nearest the middle counts that isn't blank.

    8-bit grey levels stay as they are. 16-bit ones are stretched between the picture's 0.5 and
    99.5 percentiles, for few pictures fill their range and none shall become white or black.
    Other numbers (floats, booleans, other integers) are taken for 0-1 where all lie there, else
    for 0-255 where all lie there, else they are stretched like 16-bit ones.

    DICOM needs pydicom: `pip install "medmnist_keras[dicom]"`. It is shown as its header says:
    rescaling, the first table or window of the header or the frame, padding, MONOCHROME1, pixels
    that aren't square. Without a window, or with one that shows next to nothing, the picture is
    stretched as above.

    Args:
        picture: path of a PNG, JPEG, TIFF, BMP, GIF, WebP or DICOM file; the bytes of one; a
            file object opened in binary mode; a PIL image; or a NumPy array `(H, W)`,
            `(H, W, 1)`, `(H, W, 3)` or `(H, W, 4)` of booleans, integers or floats.
        image_size: int, pixels of each side of what comes out.
        pad: bool. Whether the aspect ratio is kept and the square filled up, with the grey level
            most frequent on the edges that are padded; else the picture is squeezed.
        frame: int from 0, which of several frames or pages; `None` to choose as above.

    Returns:
        uint8 array `(image_size, image_size, 1)`, grey levels 0-255.

    Raises:
        FileNotFoundError: when there is no such file.
        ValueError: for whatever else can't be read; it names the file and says why.

    Example:

    ```python
    image = read_image("hand.png")
    probabilities = model.predict(image[np.newaxis])
    ```
    """
    return _read(picture, Notes(), image_size, pad, frame)


def try_reading(picture: Picture, *, pad: bool = True, frame: int | None = None) -> Reading:
    """Reads one of many pictures, where a bad one must not stop the others.

    Args:
        picture, pad, frame: as in `read_image()`.

    Returns:
        `Reading`.
    """
    notes = Notes()
    try:
        image = _read(picture, notes, INFO["image_size"], pad, frame)
    except (ValueError, FileNotFoundError) as error:
        return Reading(None, problem=str(error))
    return Reading(image, "; ".join(dict.fromkeys(notes)), modality=notes.modality)


def count_frames(picture: Picture) -> int:
    """How many frames or pages a picture has; 1 where it can't be read, which reading will tell."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if is_array(picture) or isinstance(picture, Image.Image):
                return 1
            data = _content(picture)
            if _is_dicom(picture, data):
                return frame_count(data)
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                return len(_pages(image))
    except Exception:  # decoders raise anything at all over a damaged file
        return 1


def _read(picture, notes: Notes, image_size: int, pad: bool, frame) -> np.ndarray:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of decoders: what matters is raised below
            grey = _grey(picture, frame, notes)
    except FileNotFoundError:
        raise
    except Exception as error:  # decoders raise anything at all over a damaged file
        known = isinstance(error, UnreadableError)
        damage = f"it is damaged ({' '.join(str(error).split()) or type(error).__name__})"
        reason, advice = error.args if known else (damage, FILE_ADVICE)
        raise ValueError(f"{_name(picture)} could not be read: {reason}. {advice}") from error
    return np.asarray(_fit(grey, image_size, pad))[..., np.newaxis]


def _name(picture) -> str:
    if isinstance(picture, (str, os.PathLike)):
        return os.fsdecode(picture)
    name = getattr(picture, "filename", None) or getattr(picture, "name", None)
    return name if isinstance(name, str) else f"The {type(picture).__name__}"


def _grey(picture, frame, notes: Notes) -> Image.Image:
    """Any picture as a PIL image of mode L, in its own size."""
    if is_array(picture):
        return grey_array(as_array(picture))
    if isinstance(picture, Image.Image):
        return grey_image(picture)
    data = _content(picture)
    if _is_dicom(picture, data):
        return grey_dicom(data, frame, notes)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return _grey_page(image, frame, notes)
    except Image.UnidentifiedImageError:
        raise UnreadableError(*describe(data)) from None
    except Image.DecompressionBombError:
        raise UnreadableError("it has too many pixels") from None


def _is_dicom(picture, data: bytes) -> bool:
    """By its content; where that has no preamble and is no picture either, by its suffix."""
    if is_dicom(data):
        return True
    named = Path(_name(picture)).suffix.lower() in DICOM_SUFFIXES
    return named and not data.startswith(PICTURE_STARTS)


def _pages(image: Image.Image) -> list[int]:
    """The places of what is shown: thumbnails in TIFF, and second views in JPEG, don't count."""
    count = getattr(image, "n_frames", 1)
    if image.format not in ("TIFF", "GIF", "WEBP", "PNG") or count == 1:
        return [0]
    if image.format != "TIFF":
        return list(range(count))
    pages = []
    for page in range(min(count, _MAX_PAGES)):
        image.seek(page)
        if not getattr(image, "tag_v2", {}).get(_SUBFILE, 0) & 1:
            pages.append(page)
    return pages or [0]


def _grey_page(image: Image.Image, frame: int | None, notes: Notes) -> Image.Image:
    pages = _pages(image)

    def show(place: int) -> Image.Image:
        image.seek(pages[place])
        return grey_image(image)

    place, grey = choose_frame(len(pages), frame, show)
    if len(pages) > 1 and frame is None:
        notes.append(f"page {place + 1} of {len(pages)}")
    return grey


def _content(picture) -> bytes:
    if isinstance(picture, (bytes, bytearray)):
        data = bytes(picture)
    elif isinstance(picture, (str, os.PathLike)):
        if not os.fspath(picture):
            raise UnreadableError("its path is empty", "Pass the path of a picture.")
        data = _file_content(Path(os.fsdecode(picture)).expanduser())
    elif hasattr(picture, "read"):
        data = picture.read(_MAX_BYTES + 1)
    else:
        raise UnreadableError("it is no picture", OTHER_ADVICE)
    if not isinstance(data, bytes):
        raise UnreadableError(f"reading it gives {type(data).__name__}, not bytes", OTHER_ADVICE)
    if not data:
        raise UnreadableError("it is empty")
    if len(data) > _MAX_BYTES:
        raise UnreadableError(f"it has over {_MAX_BYTES:,} bytes")
    return data


def _file_content(path: Path) -> bytes:
    text = str(path)
    if re.match(r"[a-z]+:/", text):
        raise UnreadableError("it is an address", "Download the picture, and pass its path.")
    try:
        if path.is_dir():
            raise UnreadableError("it is a folder", "Pass it to `find_pictures()`.")
        if not path.exists():
            link = f"is a link to {os.readlink(path)}, which " if path.is_symlink() else ""
            raise FileNotFoundError(
                f"{path} {link}does not exist. Expected the path of a picture: check its spelling."
            )
        if not path.is_file():
            raise UnreadableError("it is a device or a pipe")
        with path.open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error


def _fit(grey: Image.Image, image_size: int, pad: bool) -> Image.Image:
    square = (image_size, image_size)
    shrinks = (max if pad else min)(grey.size) >= image_size
    # Means of areas, so that nothing fine turns into false patterns.
    method = Image.Resampling.BOX if shrinks else Image.Resampling.BILINEAR
    if pad:
        return ImageOps.pad(grey, square, method, color=_pad_level(grey))
    return grey.resize(square, method)


def _pad_level(grey: Image.Image) -> int:
    """The most frequent grey level of the two edges that padding continues.

    Black would frame pictures whose background is white or grey.
    """
    pixels = np.asarray(grey)
    edges = pixels[:, [0, -1]] if grey.width < grey.height else pixels[[0, -1]]
    bins = edges // 16  # noise spreads a background over a few levels
    fullest = np.bincount(bins.ravel()).argmax()
    return int(np.median(edges[bins == fullest]))
