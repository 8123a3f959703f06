"""Converts pixels of any depth, range, colour or transparency to grey levels 0-255."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import numpy as np
from PIL import Image, ImageCms, ImageOps

MAX_PIXELS = 100_000_000
_MAX_ASPECT = 100  # of a longer strip nothing is left at 64 pixels
_PERCENTILES = (0.5, 99.5)  # black and white of a picture that fills a part of its range
_BITS = 258  # TIFF's tag: bits of each channel
_PHOTOMETRIC = 262  # TIFF's tag; 0 means that zero is white
FILE_ADVICE = (
    "Expected a PNG, JPEG, TIFF, BMP, GIF, WebP or DICOM picture of at most "
    f"{MAX_PIXELS // 1_000_000} megapixels. Convert it with an image program, or leave it out."
)
_ARRAY_ADVICE = (
    "Expected finite numbers of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, 4). "
    "Pass one picture, as an array or a tensor."
)
OTHER_ADVICE = (
    "Expected a path, the bytes of a file, a file object opened in binary mode, a PIL image or "
    "a NumPy array."
)


class Notes(list[str]):
    """What a reader of a picture should know of it, and the modality that its header states."""

    modality = ""


class UnreadableError(Exception):
    """Why a picture can't be read, and what to do about it."""

    def __init__(self, reason, advice=FILE_ADVICE):
        super().__init__(reason, advice)


def check_size(width: int, height: int) -> None:
    """Stops before the pixels are decoded what would fill the memory, or has no shape."""
    if width * height > MAX_PIXELS:
        raise UnreadableError(f"it has {width:,} x {height:,} pixels")
    if max(width, height) > _MAX_ASPECT * min(width, height):
        raise UnreadableError(f"it is a strip of {width:,} x {height:,} pixels")


def choose_frame(
    count: int, frame: int | None, show: Callable[[int], Image.Image]
) -> tuple[int, Image.Image]:
    """The one rule for several frames or pages, whatever the format.

    Args:
        count: int, how many there are.
        frame: int from 0, which to show; `None` for the one nearest the middle that isn't blank,
            and the middle one where all are.
        show: function from a place to the image there.

    Returns:
        `(place, image)`.

    Raises:
        UnreadableError: when there is no such frame.
    """
    if frame is not None:
        if not 0 <= frame < count:
            raise UnreadableError(
                f"it has no frame {frame}", f"Pass `frame` from 0 to {count - 1}, or None."
            )
        return frame, show(frame)
    order = sorted(range(count), key=lambda place: (abs(place - count // 2), place))
    middle = show(order[0])
    if count == 1 or np.ptp(np.asarray(middle)):
        return order[0], middle
    for place in order[1:]:
        image = show(place)
        if np.ptp(np.asarray(image)):
            return place, image
    return order[0], middle


def grey_image(image: Image.Image) -> Image.Image:
    """A picture of any depth, with colours or transparency or without, as 8-bit grey levels.

    Args:
        image: `PIL.Image.Image`, opened.

    Returns:
        `PIL.Image.Image` of mode `"L"`, upright; what is transparent is black.

    Raises:
        ValueError: for one too large to be decoded.
    """
    check_size(*image.size)
    _check_depth(image)
    # Pillow inverts these itself, but for 16 bits and more.
    white_is_zero = getattr(image, "tag_v2", {}).get(_PHOTOMETRIC) == 0
    image = ImageOps.exif_transpose(image)
    if image.mode[0] in "IF":
        grey = Image.fromarray(_eight_bit(np.asarray(image)))
        return ImageOps.invert(grey) if white_is_zero else grey
    if image.mode == "LAB":
        profiles = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        image = cast(Image.Image, ImageCms.profileToProfile(image, *profiles, outputMode="RGB"))
    if image.has_transparency_data:
        black = Image.new("RGBA", image.size, "black")
        image = Image.alpha_composite(black, image.convert("RGBA"))
    return image.convert("L")


def _check_depth(image: Image.Image) -> None:
    """Refuses colours of more than 8 bits, of which Pillow keeps the upper 8 alone.

    Values of 12 bits would be all but black.
    """
    bits = getattr(image, "tag_v2", {}).get(_BITS, ())
    layouts = [str(tile[3]) for tile in getattr(image, "tile", None) or []]
    deep = any(";16" in layout for layout in layouts) or (len(bits) > 1 and max(bits) > 8)
    if deep and len(image.getbands()) > 1:
        raise UnreadableError(
            "it has several channels of 16 bits, which can't be read in full",
            "Save it with a single channel, or with 8 bits a channel.",
        )


def is_array(picture) -> bool:
    """Whether it is an array or a tensor, of NumPy, TensorFlow, PyTorch, JAX or others."""
    return hasattr(picture, "__array__") and not isinstance(picture, Image.Image)


def as_array(picture) -> np.ndarray:
    """An array or tensor, wherever it lies, as one of NumPy."""
    for step in ("detach", "cpu"):  # PyTorch's, of a model's output on a GPU
        picture = getattr(picture, step)() if hasattr(picture, step) else picture
    return np.asarray(picture)


def has_channels(values: np.ndarray) -> bool:
    """Whether three dimensions are one picture with channels, first or last."""
    return values.shape[-1] in (1, 3, 4) or (values.shape[0] in (1, 3, 4) and values.shape[1] > 4)


def grey_array(values: np.ndarray) -> Image.Image:
    """One picture's numbers as 8-bit grey levels; channels may come first where that is plain."""
    if values.ndim == 3 and values.shape[-1] not in (1, 3, 4) and values.shape[0] in (1, 3, 4):
        values = np.moveaxis(values, 0, -1)
    if values.ndim == 3 and values.shape[-1] == 1:
        values = values[..., 0]
    fits = values.ndim == 2 or (values.ndim == 3 and values.shape[-1] in (3, 4))
    if not (fits and values.size and values.dtype.kind in "buif"):
        raise UnreadableError(f"it has shape {values.shape} and {values.dtype}", _ARRAY_ADVICE)
    check_size(*values.shape[1::-1])
    if values.shape[2:] == (4,) and values.dtype != np.uint8:
        # Over black: the most opaque pixel counts as wholly so, whatever the range.
        opacity = values[..., 3:] / max(values[..., 3].max(), np.finfo(float).tiny)
        values = values[..., :3] * opacity
    return grey_image(Image.fromarray(_eight_bit(values)))


def _eight_bit(values: np.ndarray) -> np.ndarray:
    """Grey levels 0-255 from numbers of any type and range, by the rules of `read_image()`.

    NaN, as outside the body, counts as the lowest of the other values.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "f":
        values = np.where(np.isnan(values), np.nanmin(values, initial=np.inf), values)
    low, high = float(values.min()), float(values.max())
    if values.dtype.name == "uint16" or low < 0 or not high <= 255:
        return stretched(values)
    return between(values, 0, 1 if high <= 1 else 255)


def stretched(values: np.ndarray) -> np.ndarray:
    """The picture's own range as grey levels; a few extreme pixels don't count."""
    if not np.isfinite([values.min(), values.max()]).all():
        raise UnreadableError("it holds NaN or infinity", _ARRAY_ADVICE)
    low, high = np.percentile(values, _PERCENTILES).tolist()
    if low == high:
        low, high = float(values.min()), float(values.max())
    return between(values, low, high)


def between(values: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8 levels that are 0 at `low` and 255 at `high`."""
    values = values.astype(np.result_type(values, np.float32))
    shares = (values - low) / ((high - low) or 1)
    return np.rint(255 * shares.clip(0, 1)).astype("uint8")
