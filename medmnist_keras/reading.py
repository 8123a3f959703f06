"""People's own pictures, of any kind and size, as the grey 64x64 arrays that models take.

Nothing in a file is trusted: its size is checked before it is decoded, and whatever goes wrong
is told as one kind of error that names the file.
"""

from __future__ import annotations

import io
import logging
import os
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, TypeAlias

import numpy as np
from PIL import Image, ImageOps

from ._types import StrPath
from .info import INFO

Picture: TypeAlias = StrPath | bytes | BinaryIO | Image.Image | np.ndarray

# No other decoder of Pillow's is let near a file: some start programs, some are little tested.
_FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP")
_DICOM_SUFFIXES = (".dcm", ".dicom")
_SUFFIXES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".gif", ".webp", *_DICOM_SUFFIXES)
_MAX_BYTES = 1_000_000_000
_MAX_PIXELS = 100_000_000
_MAX_ASPECT = 100  # of a longer strip nothing is left at 64 pixels
_PERCENTILES = (0.5, 99.5)  # black and white of a picture that fills a part of its range
_PHOTOMETRIC = 262  # TIFF's tag; 0 means that zero is white
_DEFLATED = b"1.2.840.10008.1.2.1.99"

# What Pillow logs of a spoilt file doesn't go to the terminal unasked, as with pydicom.
logging.getLogger("PIL").addHandler(logging.NullHandler())

_FILE_ADVICE = (
    "Expected a PNG, JPEG, TIFF, BMP, GIF, WebP or DICOM picture of at most "
    f"{_MAX_PIXELS // 1_000_000} megapixels. Convert it with an image program, or leave it out."
)
_ARRAY_ADVICE = (
    "Expected finite numbers of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4). "
    "Pass one picture, channels last."
)
_OTHER_ADVICE = (
    "Expected a path, the bytes of a file, a file object opened in binary mode, a PIL image or "
    "a NumPy array."
)


class _UnreadableError(Exception):
    """Why a picture can't be read, and what to do about it."""

    def __init__(self, reason, advice=_FILE_ADVICE):
        super().__init__(reason, advice)


def read_image(
    picture: Picture, *, image_size: int = INFO["image_size"], pad: bool = True
) -> np.ndarray:
    """Reads one picture and makes it grey, small and square.

    Colours become luminance, what is transparent black; EXIF orientation is honoured. Of several
    pages the first counts, of several DICOM frames the middle one.

    8-bit grey levels stay as they are. 16-bit ones are stretched between the picture's 0.5 and
    99.5 percentiles, for few pictures fill their range and none shall become white or black.
    Other numbers (floats, booleans, other integers) are taken for 0-1 where all lie there, else
    for 0-255 where all lie there, else they are stretched like 16-bit ones.

    DICOM needs pydicom: `pip install "medmnist_keras[dicom]"`. Its rescaling and the first
    window that it states are applied; without one, or where that shows nothing of the picture,
    the picture is stretched as above. MONOCHROME1, where low means bright, is inverted.

    Args:
        picture: path of a PNG, JPEG, TIFF, BMP, GIF, WebP or DICOM file; the bytes of one; a
            file object opened in binary mode; a PIL image; or a NumPy array `(H, W)`,
            `(H, W, 1)`, `(H, W, 3)` or `(H, W, 4)` of booleans, integers or floats.
        image_size: int, pixels of each side of what comes out.
        pad: bool. Whether the aspect ratio is kept and the square filled up, with the grey level
            most frequent on the edges that are padded; else the picture is squeezed.

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
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of decoders: what matters is raised below
            grey = _grey(picture)
    except FileNotFoundError:
        raise
    except Exception as error:  # decoders raise anything at all over a spoilt file
        known = isinstance(error, _UnreadableError)
        damage = f"it is damaged ({' '.join(str(error).split()) or type(error).__name__})"
        reason, advice = error.args if known else (damage, _FILE_ADVICE)
        raise ValueError(f"{_name(picture)} could not be read: {reason}. {advice}") from error
    return np.asarray(_fit(grey, image_size, pad))[..., np.newaxis]


def try_reading(picture: Picture, **options) -> tuple[np.ndarray | None, str]:
    """Reads one of many pictures, where a bad one must not stop the others.

    Args:
        picture: as in `read_image()`.
        **options: of `read_image()`.

    Returns:
        The array and `""`; or `None` and what is wrong.
    """
    try:
        return read_image(picture, **options), ""
    except (ValueError, FileNotFoundError) as error:
        return None, str(error)


def find_pictures(paths: Iterable) -> list[Path]:
    """Lists the files to read: those named, and the pictures inside the folders named.

    Args:
        paths: paths of files and folders. A file is listed whatever it is. Of a folder all
            files, at any depth, that are pictures by their suffix, or DICOM by their content;
            hidden ones are skipped.

    Returns:
        List of paths, in the order named, the files of each folder sorted.

    Example:

    ```python
    find_pictures(["hand.png", "scans"])
    ```
    """
    found = []
    for path in map(Path, paths):
        found += _pictures_inside(path) if path.is_dir() else [path]
    return found


def _pictures_inside(folder: Path) -> list[Path]:
    return sorted(
        path
        for path in folder.rglob("*")
        if not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and (path.suffix.lower() in _SUFFIXES or _has_dicom_magic(path))
        and not path.is_dir()
    )


def _has_dicom_magic(path: Path) -> bool:
    """Archives often give DICOM files no suffix, and an index, DICOMDIR, beside them."""
    if not path.is_file() or path.name == "DICOMDIR":
        return False
    try:
        with path.open("rb") as file:
            return _is_dicom(file.read(132))
    except OSError:
        return False


def _is_dicom(data: bytes) -> bool:
    return data[128:132] == b"DICM"


def _name(picture) -> str:
    if isinstance(picture, (str, os.PathLike)):
        return os.fsdecode(picture)
    name = getattr(picture, "filename", None) or getattr(picture, "name", None)
    return name if isinstance(name, str) else f"The {type(picture).__name__}"


# -- from anything to 8-bit grey -----------------------------------------------------------------


def _grey(picture) -> Image.Image:
    """Any picture as a PIL image of mode L, in its own size."""
    if isinstance(picture, np.ndarray):
        return _grey_array(picture)
    if isinstance(picture, Image.Image):
        return grey_image(picture)
    data = _content(picture)
    if _is_dicom(data) or Path(_name(picture)).suffix.lower() in _DICOM_SUFFIXES:
        return _grey_dicom(data)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return grey_image(image)
    except Image.UnidentifiedImageError:
        begin = f"it begins with {data[:16]!r}"
        raise _UnreadableError(f"it is of another kind or cut short ({begin})") from None
    except Image.DecompressionBombError:
        raise _UnreadableError("it has too many pixels") from None


def _content(picture) -> bytes:
    if isinstance(picture, (bytes, bytearray)):
        data = bytes(picture)
    elif isinstance(picture, (str, os.PathLike)):
        data = _file_content(Path(os.fsdecode(picture)))
    elif hasattr(picture, "read"):
        data = picture.read(_MAX_BYTES + 1)
    else:
        raise _UnreadableError("it is no picture", _OTHER_ADVICE)
    if not isinstance(data, bytes):
        raise _UnreadableError(f"reading it gives {type(data).__name__}, not bytes", _OTHER_ADVICE)
    if not data:
        raise _UnreadableError("it is empty")
    if len(data) > _MAX_BYTES:
        raise _UnreadableError(f"it has over {_MAX_BYTES:,} bytes")
    return data


def _file_content(path: Path) -> bytes:
    try:
        if path.is_dir():
            raise _UnreadableError("it is a folder", "Pass it to `find_pictures()`.")
        if not path.exists():
            link = f"is a link to {os.readlink(path)}, which " if path.is_symlink() else ""
            raise FileNotFoundError(
                f"{path} {link}does not exist. Expected the path of a picture: check its spelling."
            )
        if not path.is_file():
            raise _UnreadableError("it is a device or a pipe")
        with path.open("rb") as file:
            return file.read(_MAX_BYTES + 1)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise _UnreadableError(error.strerror or str(error)) from error


def _check_size(width: int, height: int) -> None:
    """Stops before the pixels are decoded what would fill the memory, or has no shape."""
    if width * height > _MAX_PIXELS:
        raise _UnreadableError(f"it has {width:,} x {height:,} pixels")
    if max(width, height) > _MAX_ASPECT * min(width, height):
        raise _UnreadableError(f"it is a strip of {width:,} x {height:,} pixels")


def grey_image(image: Image.Image) -> Image.Image:
    """A picture of any depth, with colours or transparency or without, as 8-bit grey levels.

    Args:
        image: `PIL.Image.Image`, opened.

    Returns:
        `PIL.Image.Image` of mode `"L"`, upright; what is transparent is black.

    Raises:
        ValueError: for one too large to be decoded.
    """
    _check_size(*image.size)
    # Pillow inverts these itself, but for 16 bits and more.
    white_is_zero = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":
        grey = Image.fromarray(_eight_bit(np.asarray(image)))
        return ImageOps.invert(grey) if white_is_zero else grey
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(black, image.convert("RGBA"))
    return image.convert("L")


def _grey_array(values: np.ndarray) -> Image.Image:
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    fits = values.ndim == 2 or (values.ndim == 3 and values.shape[-1] in (3, 4))
    if not (fits and values.size and values.dtype.kind in "buif"):
        raise _UnreadableError(f"it has shape {values.shape} and {values.dtype}", _ARRAY_ADVICE)
    _check_size(*values.shape[1::-1])
    if values.shape[2:] == (4,) and values.dtype != np.uint8:
        # Over black: the most opaque pixel counts as wholly so, whatever the range.
        opacity = values[..., 3:] / max(values[..., 3].max(), np.finfo(float).tiny)
        values = values[..., :3] * opacity
    return grey_image(Image.fromarray(_eight_bit(values)))


def _eight_bit(values: np.ndarray) -> np.ndarray:
    """Grey levels 0-255 from numbers of any type and range; `read_image()` tells the rules."""
    if values.dtype == np.uint8:
        return values
    low, high = float(values.min()), float(values.max())
    if values.dtype.name == "uint16" or low < 0 or not high <= 255:
        return _stretched(values)
    return _between(values, 0, 1 if high <= 1 else 255)


def _stretched(values: np.ndarray) -> np.ndarray:
    """The picture's own range as grey levels; a few extreme pixels don't count."""
    if not np.isfinite([values.min(), values.max()]).all():
        raise _UnreadableError("it holds NaN or infinity", _ARRAY_ADVICE)
    low, high = np.percentile(values, _PERCENTILES).tolist()
    if low == high:
        low, high = float(values.min()), float(values.max())
    return _between(values, low, high)


def _between(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8 levels that are 0 at `low` and 255 at `high`."""
    values = values.astype(np.result_type(values, np.float32))
    shares = (values - low) / ((high - low) or 1)
    return np.rint(255 * shares.clip(0, 1)).astype("uint8")


def _grey_dicom(data: bytes) -> Image.Image:
    try:
        import pydicom
        from pydicom import pixels
    except ImportError:
        raise _UnreadableError(
            "it is DICOM, and pydicom is not installed",
            'Run: pip install "medmnist_keras[dicom]"',
        ) from None
    if _DEFLATED in data:
        raise _UnreadableError("it is DICOM packed as a whole, of a size that nothing bounds")
    # Old files lack the header that says DICOM; they are of the default encoding.
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    dataset.file_meta.setdefault("TransferSyntaxUID", pydicom.uid.ImplicitVRLittleEndian)
    if not (dataset.get("Rows") and dataset.get("Columns")):
        raise _UnreadableError("it is no DICOM picture")
    _check_size(dataset.Columns, dataset.Rows)
    frame = _middle_frame(dataset)
    kind = dataset.PhotometricInterpretation
    if kind == "PALETTE COLOR":
        frame = pixels.apply_color_lut(frame, dataset)
    if frame.ndim == 3:
        return _grey_array(frame)
    levels = _windowed(pixels.apply_modality_lut(frame, dataset), dataset)
    return Image.fromarray(255 - levels if kind == "MONOCHROME1" else levels)


def _middle_frame(dataset) -> np.ndarray:
    from pydicom.pixels import pixel_array

    try:
        return pixel_array(dataset, index=int(dataset.get("NumberOfFrames") or 1) // 2)
    except Exception as error:
        packing = dataset.file_meta.TransferSyntaxUID
        if not packing.is_compressed:
            raise
        raise _UnreadableError(
            f"its pixels are packed as {packing.name}, which can't be decoded here",
            'Run: pip install "pylibjpeg[all]", or convert it to PNG.',
        ) from error


def _windowed(values: np.ndarray, dataset) -> np.ndarray:
    """DICOM values as grey levels, through the first window of the header if it shows any."""
    from pydicom.pixels import apply_windowing

    if None not in (dataset.get("WindowCenter"), dataset.get("WindowWidth")):
        # What lies beyond the window on either side: its black and its white.
        black, white = apply_windowing(np.array([-np.inf, np.inf]), dataset)
        levels = _between(apply_windowing(values, dataset), black, white)
        if levels.min() < levels.max():
            return levels
    return values if values.dtype == np.uint8 else _stretched(values)


# -- from any size to a square -------------------------------------------------------------------


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
