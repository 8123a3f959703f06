"""DICOM files as grey levels, shown as the standard says that they are to be shown.

PS3.3 C.11 and PS3.4 N.2: stored values go through the modality table or rescale, then through the
first VOI table or window of the header, or of the frame's functional groups, and are inverted for
MONOCHROME1. Padding is background, and pixels that are not square are made so. What can't be used
falls back to the picture's own range, and a note says so.
"""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image

from .levels import (
    MAX_PIXELS,
    Notes,
    UnreadableError,
    between,
    check_size,
    choose_frame,
    grey_array,
    stretched,
)

DICOM_SUFFIXES = (".dcm", ".dicom")
_DEFLATED = "1.2.840.10008.1.2.1.99"
_VIDEO = "1.2.840.10008.1.2.4.10"  # MPEG-2, H.264 and H.265 begin so, from .100 to .108
_MAX_INFLATED = 8 * MAX_PIXELS
_SHOWING = (0x0018, 0x0028, 0x2050)  # groups of elements on how to show the pixels
_USED = 1 / 8  # of a window's range; a picture that fills less of it shows next to nothing
# What functional groups of enhanced files say, by the sequence that says it.
_GROUPS = (
    "PixelValueTransformationSequence",
    "FrameVOILUTSequence",
    "PixelMeasuresSequence",
)
# Each says how far apart rows and columns are; the first that is there counts.
_SPACINGS = ("PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing")

# What files without a preamble begin with: an element of group 2 or 8.
_FIRST = {struct.pack("<HH", 8, element) for element in (0, 1, 5, 8, 0x12, 0x14, 0x16, 0x18)}
_FIRST |= {struct.pack("<HH", 2, element) for element in (0, 1, 2)}
_FIRST_BIG = {struct.pack(">HH", *struct.unpack("<HH", first)) for first in _FIRST}


def is_dicom(data: bytes) -> bool:
    """Whether a file begins as DICOM does, with the preamble or, as old ones do, without."""
    if data[128:132] == b"DICM":
        return True
    typed = data[4:6].isalpha() and data[4:6].isupper()
    if typed and data[:4] in (_FIRST | _FIRST_BIG):
        return True
    return data[:4] in _FIRST and len(data) > 12 and struct.unpack("<I", data[4:8])[0] < 256


def grey_dicom(data: bytes, frame: int | None, notes: Notes) -> Image.Image:
    """One frame of a DICOM file as an image of mode `"L"` with square pixels.

    Args:
        data: bytes of the file.
        frame: int from 0; `None` for the one nearest the middle that isn't blank.
        notes: `Notes`, to which is added what a reader of the answer should know.

    Raises:
        UnreadableError: when it holds no picture, or its pixels can't be decoded.
    """
    dataset = parse_dicom(data)
    notes.modality = str(dataset.get("Modality") or "")
    count = int(dataset.get("NumberOfFrames") or 1)
    by_frame: dict[int, list[str]] = {}
    place, image = choose_frame(
        count, frame, lambda index: _frame(dataset, index, by_frame.setdefault(index, []))
    )
    if count > 1 and frame is None:
        notes.append(f"frame {place + 1} of {count}")
    notes += by_frame[place]
    return image


def frame_count(data: bytes) -> int:
    """How many frames a DICOM file holds."""
    return int(parse_dicom(data).get("NumberOfFrames") or 1)


def parse_dicom(data: bytes) -> Any:
    """The pydicom dataset of a DICOM file with pixels, whichever way it is wrapped."""
    try:
        import pydicom
    except ImportError:
        raise UnreadableError(
            "it is DICOM, and pydicom is not installed",
            'Run: pip install "medmnist_keras[dicom]"',
        ) from None
    start = data.find(b"DICM", 128, 132) + 4
    syntax = _meta_syntax(data, start) if start > 3 else None
    if syntax == _DEFLATED:
        dataset = _inflated(data, start)
    else:
        dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    meta = dataset.file_meta if hasattr(dataset, "file_meta") else pydicom.dataset.FileMetaDataset()
    dataset.file_meta = meta
    if "TransferSyntaxUID" not in meta:
        implicit, little = dataset.original_encoding
        uids = pydicom.uid
        explicit = uids.ExplicitVRLittleEndian if little else uids.ExplicitVRBigEndian
        meta.TransferSyntaxUID = uids.ImplicitVRLittleEndian if implicit else explicit
    _check_is_picture(dataset)
    check_size(dataset.Columns, dataset.Rows)
    return dataset


def _meta_syntax(data: bytes, start: int) -> str | None:
    """The transfer syntax of the file's head alone; another may be mentioned further down."""
    head = data[start : start + 4096]
    at = head.find(b"\x02\x00\x10\x00UI")
    if at < 0:
        return None
    length = int.from_bytes(head[at + 6 : at + 8], "little")
    return head[at + 8 : at + 8 + length].decode("ascii", "replace").rstrip("\0 ")


def _inflated(data: bytes, start: int) -> Any:
    """A file that is deflated as a whole, up to a bound."""
    from pydicom.dataset import FileMetaDataset
    from pydicom.filereader import read_dataset

    (length,) = struct.unpack("<I", data[start + 8 : start + 12])  # of the rest of the head
    body = start + 12 + length
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    content = inflater.decompress(data[body:], _MAX_INFLATED)
    if inflater.unconsumed_tail:
        raise UnreadableError(f"it unpacks to over {_MAX_INFLATED:,} bytes")
    dataset: Any = read_dataset(io.BytesIO(content), False, True)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = "1.2.840.10008.1.2.1"
    return dataset


def _check_is_picture(dataset) -> None:
    syntax = dataset.file_meta.TransferSyntaxUID
    if str(syntax).startswith(_VIDEO):
        raise UnreadableError(f"it is a video ({syntax.name})", "Export one of its frames as PNG.")
    pixels = {"PixelData", "FloatPixelData", "DoubleFloatPixelData"}
    if dataset.get("Rows") and dataset.get("Columns") and any(name in dataset for name in pixels):
        return
    kind = getattr(dataset.get("SOPClassUID"), "name", None)
    what = f"it is a DICOM file without pixels ({kind})" if kind else "it is no DICOM picture"
    raise UnreadableError(what, "Expected a DICOM file of a picture: leave it out.")


def _frame(dataset, index: int, notes: list[str]) -> Image.Image:
    from pydicom import pixels

    values = decode_frame(dataset, index)
    header = _of_frame(dataset, index)
    photometric = str(dataset.get("PhotometricInterpretation", "MONOCHROME2"))
    if photometric == "PALETTE COLOR":
        values = pixels.apply_color_lut(values, dataset)
    if values.ndim == 3:
        return _square_pixels(grey_array(values), header)
    background = _padding(values, dataset)
    levels = _displayed(values, header, background, notes)
    if photometric == "MONOCHROME1" or header.get("PresentationLUTShape") == "INVERSE":
        levels = 255 - levels
    levels[background] = 0
    return _square_pixels(Image.fromarray(levels), header)


def decode_frame(dataset, index: int) -> np.ndarray:
    """The stored values of one frame, `(H, W)` or `(H, W, 3)`."""
    from pydicom.pixels import get_decoder, pixel_array

    try:
        return pixel_array(dataset, index=index)
    except Exception as error:
        syntax = dataset.file_meta.TransferSyntaxUID
        if not syntax.is_compressed:
            raise
        lacking: list[str] = []
        with contextlib.suppress(NotImplementedError):
            decoder = get_decoder(syntax)
            if decoder.is_available and "does not support" not in str(error):
                raise UnreadableError(
                    f"its pixels, {syntax.name}, are damaged ({error})"
                ) from error
            lacking = decoder.missing_dependencies
        needs = f"; one of these would read it: {'; '.join(lacking)}" if lacking else ""
        raise UnreadableError(
            f"its pixels are packed as {syntax.name}, for which no decoder is installed{needs}",
            'Run: pip install "pylibjpeg[all]", or convert it to PNG.',
        ) from error


def _of_frame(dataset, index: int) -> Any:
    """The header, with what the functional groups of an enhanced file say of this frame."""
    from pydicom.dataset import Dataset

    header = Dataset()
    for tag in list(dataset.keys()):
        if tag.group in _SHOWING:
            header[tag] = dataset.get_item(tag)  # not converted yet, so that a bad one harms none
    shared = dataset.get("SharedFunctionalGroupsSequence") or []
    by_frame = dataset.get("PerFrameFunctionalGroupsSequence") or []
    for groups in [*shared[:1], *by_frame[index : index + 1]]:
        for name in _GROUPS:
            for item in (groups.get(name) or [])[:1]:
                header.update({element.tag: element for element in item})
    return header


def _padding(values: np.ndarray, dataset) -> np.ndarray:
    """Where stored values are no measurement but fill up the frame."""
    first = dataset.get("PixelPaddingValue")
    if first is None:
        return np.zeros(values.shape, bool)
    last = dataset.get("PixelPaddingRangeLimit")
    ends = []
    for end in (first, first if last is None else last):
        end = int.from_bytes(end, "little") if isinstance(end, bytes) else int(end)
        if dataset.get("PixelRepresentation") == 0 and end < 0:
            end += 2 ** int(dataset.BitsAllocated)
        elif dataset.get("PixelRepresentation") == 1 and end >= 2 ** (int(dataset.BitsStored) - 1):
            end -= 2 ** int(dataset.BitsAllocated)
        ends.append(end)
    padding = (values >= min(ends)) & (values <= max(ends))
    return padding if not padding.all() else np.zeros(values.shape, bool)


def _displayed(values: np.ndarray, header, background, notes: list[str]) -> np.ndarray:
    """Stored values as grey levels, through modality transform and VOI transform."""
    values = _rescaled(values, header, notes)
    for shown in (_through_table, _through_window):
        try:
            levels = shown(values, header)
        except Exception:  # over a damaged header pydicom raises anything
            notes.append("its table or window for display can't be used: its own range is shown")
            break
        if levels is None:
            continue
        seen = levels[~background]
        if np.ptp(np.percentile(seen, (0.5, 99.5))) >= 255 * _USED:
            return levels
        notes.append("its window shows next to nothing: its own range is shown")
        break
    if values.dtype == np.uint8:  # of fewer bits, such as one, where fewer are stored
        return between(values, 0, 2 ** min(int(header.get("BitsStored") or 8), 8) - 1)
    levels = np.zeros(values.shape, "uint8")
    levels[~background] = stretched(values[~background])
    return levels


def _rescaled(values: np.ndarray, header, notes: list[str]) -> np.ndarray:
    from pydicom.pixels import apply_modality_lut

    tables = header.get("ModalityLUTSequence")
    if tables is not None and not (len(tables) and "LUTData" in tables[0]):
        del header.ModalityLUTSequence
    try:
        rescaled = apply_modality_lut(values, header)
        if np.isfinite(rescaled).any() and (np.ptp(rescaled) or not np.ptp(values)):
            return rescaled
    except Exception:  # over a damaged header pydicom raises anything
        pass
    notes.append("its rescaling can't be used")
    return values


def _through_table(values: np.ndarray, header) -> np.ndarray | None:
    from pydicom.pixels import apply_voi

    tables = header.get("VOILUTSequence")
    if not tables or "LUTData" not in tables[0]:
        return None
    entries = apply_voi(np.rint(values), header)
    highest = 2 ** int(tables[0].LUTDescriptor[2]) - 1
    return between(entries, 0, max(highest, int(entries.max())))


def _through_window(values: np.ndarray, header) -> np.ndarray | None:
    from pydicom.pixels import apply_windowing

    function = str(header.get("VOILUTFunction") or "LINEAR").upper()
    centres, widths = (_numbers(header.get(name)) for name in ("WindowCenter", "WindowWidth"))
    if not centres or not widths:
        return None
    for index, (centre, width) in enumerate(zip(centres, widths, strict=False)):
        if centre is None or width is None or width < (1 if function == "LINEAR" else 1e-12):
            continue
        # What lies beyond the window on either side: its black and its white.
        ends = apply_windowing(np.array([-np.inf, np.inf]), header, index)
        return between(apply_windowing(values, header, index), *ends.tolist())
    raise ValueError("no window can be used")


def _numbers(value) -> list[float | None]:
    """The numbers of an element with one value, several, or none; `None` for what is no number."""
    if value is None or value == "":
        return []
    several = [value] if isinstance(value, (str, int, float)) else list(value)
    numbers: list[float | None] = []
    for one in several:
        try:
            number = float(one)
        except (TypeError, ValueError):
            number = None
        numbers.append(number if number is not None and np.isfinite(number) else None)
    return numbers


def _square_pixels(image: Image.Image, header) -> Image.Image:
    """Makes pixels square that are higher than wide, or wider than high."""
    for name in _SPACINGS:
        spacing = [number for number in _numbers(header.get(name)) if number and number > 0]
        if len(spacing) == 2:
            height, width = spacing
            break
    else:
        return image
    ratio = height / width
    if abs(ratio - 1) < 0.01:
        return image
    size = round(image.width / min(ratio, 1)), round(image.height * max(ratio, 1))
    check_size(*size)
    return image.resize(size, Image.Resampling.BILINEAR)
