"""The manifests of external pictures, and the copy that is scored made from an original."""

from __future__ import annotations

import base64
import csv
import gzip
import io
import json
import re
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from PIL import Image

from .dicom import decode_frame, parse_dicom

SETS = ("external", "ood")
MANIFESTS = Path(__file__).parent  # `external.csv` and `ood.csv`
NO_LICENCE = "none stated"
_FILE = re.compile(r"\w+/\w[^/\\:\0]*\.(jpg|png)")  # `Class/name`: nothing leads out of a folder
_REPOSITORY = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_TURNS = {180: Image.Transpose.ROTATE_180, 90: Image.Transpose.ROTATE_270}  # by clockwise degrees
_RESAMPLING = {"lanczos": Image.Resampling.LANCZOS, "bicubic": Image.Resampling.BICUBIC}


@dataclass(frozen=True)
class Original:
    """One row of a manifest: where a picture lies, whose it is, and how its copy is made.

    Attributes:
        file: str, `Class/name` of the copy.
        repository, commit, path: str, of the original on GitHub.
        sha256, bytes: hash and size of the original.
        licence: str, of the repository; `"none stated"` where it has no licence file.
        terms: str, what is known of the terms of the pictures themselves.
        left_out: str, why it isn't gathered by default; empty where it is.
        collection: str, the data set it is from, as far as told.
        scan: str, the patient or volume within its repository; empty where no name tells it.
        doubt: str, what is doubtful about it; mostly empty.
        format: `"picture"`, `"dicom"`, `"mha"`, `"nifti"`, or `"notebook"` that holds a picture.
        index: int, the frame, the slice, or the picture of a notebook; `None` for the only one.
        low, high: float, percentiles that become black and white; `None` for none, or, in grey
            DICOM, the window of its header.
        alpha: `"white"` where what is transparent becomes white; else transparency is dropped.
        mode: `"L"` or `"RGB"`.
        rotate: int, degrees clockwise.
        resize: `"thumbnail"`, `"lanczos"`, `"bicubic"`, or empty where the size is kept.
        width, height: int, pixels of the copy.
        quality: int, of JPEG; `None` for PNG.
        copy_sha256: str, hash of the copy, as one version of the encoders writes it.
    """

    file: str
    repository: str
    commit: str
    path: str
    sha256: str
    bytes: int
    licence: str
    terms: str
    left_out: str
    collection: str
    scan: str
    doubt: str
    format: str
    index: int | None
    low: float | None
    high: float | None
    alpha: str
    mode: str
    rotate: int
    resize: str
    width: int
    height: int
    quality: int | None
    copy_sha256: str

    @property
    def address(self) -> str:
        """Where the original lies, below the address of the host."""
        return f"{self.repository}/{self.commit}/{quote(self.path)}"


def read_manifest(which: str) -> list[Original]:
    """Reads one of the manifests that ship with the package.

    Args:
        which: `"external"`, pictures of the six classes from elsewhere, or `"ood"`, pictures of
            none of them.

    Returns:
        List of `Original`, sorted by file.

    Raises:
        ValueError: for another name, or a row that isn't well-formed, such as one whose paths
            lead elsewhere.
    """
    if which not in SETS:
        raise ValueError(f"`which` must be one of {', '.join(SETS)}. Received: {which!r}.")
    path = MANIFESTS / f"{which}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [_parse(row, path.name) for row in csv.DictReader(file)]


def _parse(row: dict[str, str], name: str) -> Original:
    if not (
        _FILE.fullmatch(row["file"])
        and row["file"].split("/")[0] == row["class"]
        and _REPOSITORY.fullmatch(row["repository"])
        and _COMMIT.fullmatch(row["commit"])
        and not {"", ".", ".."} & set(row["path"].split("/"))
        and _SHA256.fullmatch(row["sha256"])
        and _SHA256.fullmatch(row["copy_sha256"])
    ):
        raise ValueError(
            f"{name} was refused: a row must have a plain file `Class/name`, a path inside its "
            "repository, a commit and sha256 in hexadecimal digits. "
            f"Received: {row['file']!r} from {row['path']!r}. Install the package anew."
        )
    numbers: dict[str, Any] = {
        key: int(row[key]) if row[key] else None for key in ("index", "quality")
    }
    numbers |= {key: float(row[key]) if row[key] else None for key in ("low", "high")}
    numbers |= {key: int(row[key] or 0) for key in ("bytes", "rotate", "width", "height")}
    return Original(**{key: text for key, text in row.items() if key != "class"} | numbers)


def make_copy(content: bytes, original: Original) -> bytes:
    """Makes the copy that is scored, as the manifest says.

    Args:
        content: bytes of the original, verified.
        original: `Original`.

    Returns:
        Bytes of a JPEG or PNG file. Another version of Pillow may pack the same pixels otherwise.

    Raises:
        Exception: whatever decoders raise over what they can't read, or where they lack:
            `UnreadableError`, `ImportError` and others.
    """
    image = _OPENERS[original.format](content, original)
    if original.alpha:
        white = Image.new("RGBA", image.size, original.alpha)
        image = Image.alpha_composite(white, image.convert("RGBA"))
    image = image.convert(original.mode)
    if original.rotate:
        image = image.transpose(_TURNS[original.rotate])
    size = (original.width, original.height)
    if original.resize == "thumbnail":
        image.thumbnail((max(size), max(size)), Image.Resampling.LANCZOS)
    elif original.resize:
        image = image.resize(size, _RESAMPLING[original.resize])
    if image.size != size:
        raise ValueError(f"it has {image.width}x{image.height} pixels, not {size[0]}x{size[1]}")
    copy = io.BytesIO()
    if original.quality:
        image.save(copy, "JPEG", quality=original.quality)
    else:
        image.save(copy, "PNG", optimize=True)
    return copy.getvalue()


def _open_picture(content: bytes, original: Original) -> Image.Image:
    return Image.open(io.BytesIO(content), formats=("JPEG", "PNG"))


def _open_notebook(content: bytes, original: Original) -> Image.Image:
    outputs = [
        output.get("data", {})
        for cell in json.loads(content)["cells"]
        for output in cell.get("outputs", ())
    ]
    packed = [output["image/png"] for output in outputs if "image/png" in output]
    assert original.index is not None
    return _open_picture(base64.b64decode("".join(packed[original.index])), original)


def _open_dicom(content: bytes, original: Original) -> Image.Image:
    """The grey levels by percentiles, not as `grey_dicom()` shows them."""
    dataset = parse_dicom(content)
    values = decode_frame(dataset, original.index or 0)
    if original.mode == "RGB":
        return Image.fromarray((values // 257 if values.itemsize == 2 else values).astype("uint8"))
    slope, intercept = dataset.get("RescaleSlope", 1), dataset.get("RescaleIntercept", 0)
    values = values.astype("float32") * np.float32(slope) + np.float32(intercept)
    if original.low is None:
        center, width = float(dataset.WindowCenter), float(dataset.WindowWidth)
        grey = _stretch(values, center - width / 2, center + width / 2)
    else:
        grey = _by_percentiles(values, original)
    is_negative = dataset.get("PhotometricInterpretation") == "MONOCHROME1"
    return Image.fromarray(255 - grey if is_negative else grey)


def _open_mha(content: bytes, original: Original) -> Image.Image:
    """A flat picture of 8 bits in MetaImage, a text header with the pixels behind it."""
    header, _, packed = content.partition(b"ElementDataFile = LOCAL\n")
    fields = dict(line.split(" = ", 1) for line in header.decode("ascii").splitlines())
    if fields["ElementType"].strip() != "MET_UCHAR":
        raise ValueError(f"its pixels are {fields['ElementType']}, not MET_UCHAR")
    width, height = map(int, fields["DimSize"].split())
    pixels = zlib.decompress(packed) if fields.get("CompressedData") == "True" else packed
    values = np.frombuffer(pixels, "uint8").reshape(height, width).astype("float32")
    return Image.fromarray(_by_percentiles(values, original))


def _open_nifti(content: bytes, original: Original) -> Image.Image:
    import nibabel

    volume = nibabel.Nifti1Image.from_bytes(gzip.decompress(content))
    values = nibabel.as_closest_canonical(volume).get_fdata(dtype="float32")[..., original.index]
    values = values.T[::-1, ::-1]  # the front of the body on top, its right on the left
    return Image.fromarray(_by_percentiles(values, original))


def _by_percentiles(values: np.ndarray, original: Original) -> np.ndarray:
    assert original.low is not None
    assert original.high is not None
    return _stretch(values, *np.percentile(values, (original.low, original.high)))


def _stretch(values: np.ndarray, low: float, high: float) -> np.ndarray:
    return (np.clip((values - low) / max(high - low, 1e-6), 0, 1) * 255).astype("uint8")


_OPENERS = {
    "picture": _open_picture,
    "notebook": _open_notebook,
    "dicom": _open_dicom,
    "mha": _open_mha,
    "nifti": _open_nifti,
}
