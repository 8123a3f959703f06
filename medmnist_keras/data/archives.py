"""Reads all files of a folder, tar or zip in one pass, without unpacking to disk.

Nothing in an archive is trusted: neither its paths, nor the kinds and sizes that it declares.
"""

from __future__ import annotations

import gzip
import io
import os
import re
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

# A 64x64 picture is about 1.4 kB; these bounds stop archives made to fill memory or time.
MAX_IMAGE_BYTES = 1_000_000
_MAX_UNPACKED = 1_000_000_000  # of a tar; the known copy has 0.13 GB
_MAX_DIRECTORY = 16_000_000  # of a zip: what it says of its members, about 100 bytes each
BROKEN_ARCHIVE = (
    EOFError,
    gzip.BadGzipFile,
    zlib.error,
    tarfile.TarError,
    zipfile.BadZipFile,
)
_ODD_SIGN = re.compile(r"[\\:\0]")


class _RefusedError(ValueError):
    """Of an archive that is well-formed, and not to be trusted."""


class _Entry(NamedTuple):
    """One file of a folder or an archive, not read yet."""

    parts: tuple[str, ...]
    size: int
    read: Callable[[], bytes]


class _ForwardOnlyFile:
    """A file for tarfile that is read in one pass, little at once, and counts where it is.

    What the archive declares can't lead back, nor fill memory, be it a header of gigabytes.
    """

    def __init__(self, file):
        self._file, self._place = file, 0

    def tell(self) -> int:
        return self._place

    def seek(self, place: int) -> None:
        if place < self._place:
            raise tarfile.ReadError("members overlap")
        while place > self._place and self.read(min(place - self._place, MAX_IMAGE_BYTES)):
            pass

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_IMAGE_BYTES + tarfile.BLOCKSIZE:
            raise tarfile.ReadError(f"{size:,} bytes at once")
        data = self._file.read(size)
        self._place += len(data)
        if self._place > _MAX_UNPACKED:
            raise tarfile.ReadError(f"it unpacks to over {_MAX_UNPACKED:,} bytes")
        return data


class _BoundedZipFile(io.BufferedReader):
    """A file for zipfile, which reads all that a zip says of its members at once."""

    def read(self, size=-1, /) -> bytes:
        if size > _MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"{size:,} bytes at once")
        return super().read(size)


def entries(path: Path) -> Iterator[_Entry | None]:
    """Every file of a folder or archive; `None` for an archive's folder, which is but counted."""
    if path.is_dir():
        yield from _folder_entries(path)
        return
    is_zip = path.name.lower().endswith(".zip")
    try:
        yield from _zip_entries(path) if is_zip else _tar_entries(path)
    except (_RefusedError, OSError, *BROKEN_ARCHIVE):
        raise
    except Exception as error:  # tarfile and zipfile raise anything at all over odd headers
        raise _malformed(error) from error


def _folder_entries(root: Path) -> Iterator[_Entry]:
    for folder, file in listing(root):
        parts = (folder, file.name, "") if file.is_dir() else (folder, file.name)  # "": too deep
        yield _Entry(parts, status(file).st_size, partial(_read_file, file.path))


def _read_file(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read(MAX_IMAGE_BYTES + 1)


def listing(root: Path) -> Iterator[tuple[str, os.DirEntry]]:
    """What lies in each folder of `root`, sorted: the folder's name and the file.

    Pipes, devices and the like are passed over: to read one may take for ever.
    """
    for folder in sorted(entry for entry in root.iterdir() if entry.is_dir()):
        if not is_junk(folder.name):
            with os.scandir(folder) as files:
                for file in sorted(files, key=lambda file: file.name):
                    mode = status(file).st_mode
                    if any(is_kind(mode) for is_kind in (stat.S_ISREG, stat.S_ISDIR, stat.S_ISLNK)):
                        yield folder.name, file


def status(file: os.DirEntry) -> os.stat_result:
    """Size and times of a file, or of the link itself where that leads nowhere."""
    try:
        return file.stat()
    except FileNotFoundError:  # a link that leads nowhere: reading it will tell
        return file.stat(follow_symlinks=False)


def _tar_entries(path: Path) -> Iterator[_Entry | None]:
    with path.open("rb") as start:
        is_gzip = start.read(2) == b"\x1f\x8b"
    # No other packing: what xz and bzip2 unpack to has no bound.
    with (
        (gzip.open if is_gzip else open)(path, "rb") as unpacked,
        io.BufferedReader(unpacked, 1 << 20) as buffered,
        tarfile.open(fileobj=(file := cast(Any, _ForwardOnlyFile(buffered))), mode="r:") as archive,
    ):
        for member in archive:
            parts = _safe_parts(member.name, path)
            if member.isdir():
                yield None
                continue
            if member.islnk():
                reason = "a hard link; pack the folder anew with tar --hard-dereference"
                raise _RefusedError(_refused(path, member.name, reason))
            if not member.isreg():
                raise _RefusedError(_refused(path, member.name, "a link or a special file"))
            if member.issparse():
                sparse = archive.extractfile(member)
                assert sparse is not None  # a regular file has content
                yield _Entry(parts, member.size, sparse.read)
            else:
                yield _Entry(parts, member.size, partial(_read_packed, file, member))


def _read_packed(file: _ForwardOnlyFile, member: tarfile.TarInfo) -> bytes:
    file.seek(member.offset_data)
    data = file.read(member.size)
    if len(data) < member.size:
        raise tarfile.ReadError("unexpected end of data")
    return data


def _zip_entries(path: Path) -> Iterator[_Entry | None]:
    with _BoundedZipFile(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            # Windows PowerShell 5 writes backslashes where the format has slashes.
            name = member.filename
            parts = _safe_parts(name if "/" in name else name.replace("\\", "/"), path)
            kind = stat.S_IFMT(member.external_attr >> 16)
            if member.is_dir() or name.endswith("\\"):
                yield None
                continue
            if kind not in (0, stat.S_IFREG):
                raise _RefusedError(_refused(path, member.filename, "a link or a special file"))
            if member.flag_bits & 0x1:
                raise _RefusedError(_refused(path, member.filename, "encrypted"))
            if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise _RefusedError(_refused(path, member.filename, "packed in an unusual way"))
            yield _Entry(parts, member.file_size, partial(_read_zipped, archive, member))


def _read_zipped(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    try:
        with archive.open(member) as file:
            return file.read(MAX_IMAGE_BYTES)  # whatever size the archive declares
    except (OSError, *BROKEN_ARCHIVE):
        raise
    except Exception as error:  # such as NotImplementedError, OverflowError
        raise _malformed(error) from error


def _safe_parts(name: str, path: Path) -> tuple[str, ...]:
    parts = tuple([part for part in name.split("/") if part not in ("", ".")])
    if name.startswith("/") or ".." in parts or _ODD_SIGN.search(name) or not is_utf8(name):
        raise _RefusedError(_refused(path, name, "a path that leads outside or is malformed"))
    return parts


def is_utf8(name: str) -> bool:
    """Whether a name, as the system or an archive gives it, can be written in UTF-8."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def is_junk(name: str) -> bool:
    """Files that operating systems leave among others."""
    return name.startswith((".", "__")) or name.lower() in ("thumbs.db", "desktop.ini")


def _malformed(error: Exception) -> tarfile.ReadError:
    return tarfile.ReadError(f"malformed, {type(error).__name__}: {error}")


def _refused(path: Path, member: str, reason: str) -> str:
    return (
        f"{path} was refused: its member {member!r} is {reason}; nothing of it was kept. "
        "Expected plain files in class-named folders. Get the archive from a source you trust."
    )
