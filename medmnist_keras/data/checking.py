"""Checks whether a source is the data set: classes, counts, names, sizes."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from . import archives, decoding

_SHOWN = 5
_IMAGE_SUFFIXES = (".jpeg", ".jpg", ".png")
_MAX_MEMBERS = 250_000  # stops archives made to fill memory
_MAX_BYTES = 1_000_000_000  # of all pictures, likewise; the known copy has 0.08 GB


class Findings:
    """What reading a source came upon, besides pictures."""

    def __init__(self):
        self.seen: Counter = Counter()
        self.roots: set[str] = set()
        self.strangers: Counter = Counter()
        self.digests: dict[str, bytes] = {}
        self.problems: dict[int, str] = {}  # by the place in the source, for they come unordered


def content_fingerprint(digests: dict[str, bytes]) -> str:
    """Digest of a data set's content, the same for a folder, a zip or a tar of it.

    Args:
        digests: dict of `"Class/file.jpeg"` to the raw 32-byte sha256 of that file's bytes.

    Returns:
        64 hex digits: sha256 over, for each sorted name, the name in UTF-8, one NUL byte and
        the file's digest.
    """
    whole = hashlib.sha256()
    for name in sorted(digests):
        whole.update(name.encode() + b"\0" + digests[name])
    return whole.hexdigest()


def read_files(path: Path, info, found: Findings) -> Iterator[decoding.File]:
    """Reads the files in class folders; tells `found` of everything else."""
    class_names, size = info["class_names"], 0
    for place, entry in enumerate(archives.entries(path)):
        if place >= _MAX_MEMBERS:
            raise ValueError(
                f"{path} was refused: it has over {_MAX_MEMBERS:,} members. "
                f"Expected {sum(info['counts'].values()):,} pictures. "
                "Get the archive from a source you trust."
            )
        if entry is None or len(entry.parts) < 2 or any(map(archives.is_junk, entry.parts)):
            continue
        *above, folder, file = entry.parts
        name = f"{folder}/{file}"
        if folder not in class_names:
            inside = next((part for part in above if part in class_names), None)
            if inside:
                whole = "/".join(entry.parts)
                found.problems[place] = f"{whole}: unexpected folder inside {inside}"
            elif file.lower().endswith(_IMAGE_SUFFIXES):
                found.strangers["/".join((*above, folder))] += 1
            continue
        found.roots.add("/".join(above))
        found.seen[folder] += 1
        if name in found.digests:
            found.problems[place] = f"{name}: twice in the archive"
            continue
        try:
            if not archives.is_utf8(name):
                raise ValueError("its name is not UTF-8")
            if entry.size > archives.MAX_IMAGE_BYTES:
                raise ValueError(f"{entry.size:,} bytes, too large for a 64x64 picture")
            data = entry.read()
        except archives.BROKEN_ARCHIVE:
            raise
        except (ValueError, OSError) as error:
            found.problems[place] = decoding.problem(name, error)
        else:
            size += len(data)
            if size > _MAX_BYTES:
                raise ValueError(
                    f"{path} was refused: its pictures have over {_MAX_BYTES:,} bytes. "
                    "Expected pictures of 64x64 pixels. Get the archive from a source you trust."
                )
            found.digests[name] = hashlib.sha256(data).digest()
            yield decoding.File(place, name, data)


def check_findings(found: Findings, path: Path, info) -> None:
    # Told first: these explain the counts that follow.
    # Pictures beside the class folders, like a README, are ignored.
    lines = [
        f"{folder.split('/')[-1]}: unexpected class ({count:,} pictures)"
        for folder, count in found.strangers.items()
        if folder not in found.roots
    ]
    if len(found.roots) > 1:
        tops = ", ".join(repr(root) for root in sorted(found.roots)[:_SHOWN])
        lines.append(f"class folders in {len(found.roots)} places: {tops}")
    for name, expected in info["counts"].items():
        if not found.seen[name]:
            lines.append(f"{name}: missing class")
        elif found.seen[name] != expected:
            lines.append(f"{name}: {found.seen[name]:,} files, not {expected:,}")
    lines += [found.problems[place] for place in sorted(found.problems)]
    if lines:
        more = f"\n  … and {len(lines) - _SHOWN:,} more" if len(lines) > _SHOWN else ""
        shown = "".join(f"\n  {line}" for line in lines[:_SHOWN])
        noun = "problem" if len(lines) == 1 else "problems"
        raise ValueError(
            f"{path} is not {info['name']}: {len(lines):,} {noun}.{shown}{more}\n"
            f"Expected {sum(info['counts'].values()):,} pictures of "
            f"{info['image_size']}x{info['image_size']} pixels in the folders "
            f"{', '.join(info['class_names'])}. Mend or leave out the files above, or get a "
            f"fresh copy from {info['url']}."
        )
