"""DICOM files as 8-bit grey levels."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from PIL import Image

from .levels import UnreadableError, between, check_size, grey_array, stretched

DICOM_SUFFIXES = (".dcm", ".dicom")
_DEFLATED = b"1.2.840.10008.1.2.1.99"


def has_dicom_magic(path: Path) -> bool:
    """Archives often give DICOM files no suffix, and an index, DICOMDIR, beside them."""
    if not path.is_file() or path.name == "DICOMDIR":
        return False
    try:
        with path.open("rb") as file:
            return is_dicom(file.read(132))
    except OSError:
        return False


def is_dicom(data: bytes) -> bool:
    return data[128:132] == b"DICM"


def grey_dicom(data: bytes) -> Image.Image:
    try:
        import pydicom
        from pydicom import pixels
    except ImportError:
        raise UnreadableError(
            "it is DICOM, and pydicom is not installed",
            'Run: pip install "medmnist_keras[dicom]"',
        ) from None
    if _DEFLATED in data:
        raise UnreadableError("it is DICOM packed as a whole, of a size that nothing bounds")
    # Old files lack the header that says DICOM; they are of the default encoding.
    dataset = pydicom.dcmread(io.BytesIO(data), force=True)
    dataset.file_meta.setdefault("TransferSyntaxUID", pydicom.uid.ImplicitVRLittleEndian)
    if not (dataset.get("Rows") and dataset.get("Columns")):
        raise UnreadableError("it is no DICOM picture")
    check_size(dataset.Columns, dataset.Rows)
    frame = _middle_frame(dataset)
    kind = dataset.PhotometricInterpretation
    if kind == "PALETTE COLOR":
        frame = pixels.apply_color_lut(frame, dataset)
    if frame.ndim == 3:
        return grey_array(frame)
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
        raise UnreadableError(
            f"its pixels are packed as {packing.name}, which can't be decoded here",
            'Run: pip install "pylibjpeg[all]", or convert it to PNG.',
        ) from error


def _windowed(values: np.ndarray, dataset) -> np.ndarray:
    """DICOM values as grey levels, through the first window of the header if it shows any."""
    from pydicom.pixels import apply_windowing

    if None not in (dataset.get("WindowCenter"), dataset.get("WindowWidth")):
        # What lies beyond the window on either side: its black and its white.
        black, white = apply_windowing(np.array([-np.inf, np.inf]), dataset)
        levels = between(apply_windowing(values, dataset), black, white)
        if levels.min() < levels.max():
            return levels
    return values if values.dtype == np.uint8 else stretched(values)
