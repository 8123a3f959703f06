"""Names files that can't be read by what they begin with, and says what would read them."""

from __future__ import annotations

from .levels import FILE_ADVICE

# What the formats that are read begin with; such content counts more than a suffix.
PICTURE_STARTS = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"BM", b"GIF8", b"RIFF")
_EXPECTED = "Expected a picture such as PNG or JPEG. "
_AS_PNG = "Convert it to PNG with an image program."
# Kinds that are read, so that one which isn't is damaged or odd: start, at which byte, name.
_READ = (
    (b"ftypavif", 4, "AVIF"),
    (b"\0\0\0\x0cjP  ", 0, "JPEG 2000"),
    (b"\xff\x4f\xff\x51", 0, "JPEG 2000"),
    (b"II*\0", 0, "TIFF"),
    (b"MM\0*", 0, "TIFF"),
)
# Start of the file, at which byte, what it is, and what to do.
_KINDS = (
    (b"ftypheic", 4, "HEIC", 'Run: pip install "pillow-heif" and convert it, or save it as JPEG.'),
    (b"ftypheix", 4, "HEIC", 'Run: pip install "pillow-heif" and convert it, or save it as JPEG.'),
    (b"ftypmif1", 4, "HEIF", 'Run: pip install "pillow-heif" and convert it, or save it as JPEG.'),
    (b"ftyp", 4, "a video (MP4)", "Export one of its frames as PNG."),
    (b"\0\0\0\x0cJXL ", 0, "JPEG XL", 'Convert it with "pillow-jxl-plugin", or save it as PNG.'),
    (b"\xff\x0a", 0, "JPEG XL", 'Convert it with "pillow-jxl-plugin", or save it as PNG.'),
    (b"n+1\0", 344, "NIfTI, a volume", "Save one of its slices as PNG, for example with nibabel."),
    (b"NRRD", 0, "NRRD, a volume", "Save one of its slices as PNG, for example with pynrrd."),
    (b"\x1f\x8b", 0, "packed with gzip", "Unpack it first."),
    (b"PK\x03\x04", 0, "a zip archive", "Unpack it first, and pass the folder."),
    (b"%PDF", 0, "PDF", _AS_PNG),
    (b"8BPS", 0, "Photoshop's PSD", _AS_PNG),
    (b"\x93NUMPY", 0, "a NumPy array", "Load it with numpy.load(), and pass the array."),
    (b"\x89HDF", 0, "HDF5", "Load the array, and pass that."),
    (b"<svg", 0, "SVG", _AS_PNG),
    (b"<?xml", 0, "XML, maybe SVG", _AS_PNG),
)


def describe(data: bytes) -> tuple[str, str]:
    """Why Pillow doesn't read these bytes, and what to do about it.

    Args:
        data: bytes of the file.

    Returns:
        `(reason, advice)`, for an `UnreadableError`.
    """
    for start, at, name in _READ:
        if data[at : at + len(start)] == start:
            return (
                f"it is {name} that is damaged, or of a kind that isn't read here",
                _EXPECTED + _AS_PNG,
            )
    for start, at, name, advice in _KINDS:
        if data[at : at + len(start)] == start:
            return f"it is {name}, which isn't read here", _EXPECTED + advice
    if data.startswith(b"\xff\xd8\xff") and (kind := _jpeg_kind(data)):
        return f"it is JPEG of a kind that isn't read here ({kind})", _EXPECTED + _AS_PNG
    return f"it is of another kind or cut short (it begins with {data[:16]!r})", FILE_ADVICE


def _jpeg_kind(data: bytes) -> str | None:
    """What is unusual in a JPEG's frame header: lossless coding, or 12 bits a pixel."""
    at = 2
    while at + 9 < len(data) and data[at] == 0xFF:
        marker, length = data[at + 1], int.from_bytes(data[at + 2 : at + 4], "big")
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            bits = data[at + 4]
            if marker in (0xC3, 0xC7, 0xCB, 0xCF):
                return f"lossless, {bits} bits"
            return f"{bits} bits" if bits != 8 else None
        at += 2 + length
    return None
