"""Gathers external pictures from the public repositories that a manifest names.

One request at a time, verified before anything is decoded, resumable. What can't be had is told
and left out; nothing that lies in the folder already is replaced.
"""

from __future__ import annotations

import csv
import hashlib
import time
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
from tqdm import tqdm

from .. import storage
from .._types import StrPath
from .folders import SOURCES_FILE
from .originals import Original, make_copy, read_manifest

HOST = "https://raw.githubusercontent.com"
CREDITS_FILE = "CREDITS.md"
FAILED = ("missing", "wrong", "unreadable", "in the way")
_PAUSE = 0.5  # seconds before each request
_LONGEST_WAIT = 120.0  # seconds; a host that asks for more is left alone
_TRIES = 4
_TIMEOUT = 30.0  # seconds without a byte
# Of SOURCES.csv: of an `Original`, but for the first, which `load_folder()` reads as the source.
_COLUMNS = {"source_repo": "repository"} | {
    name: name
    for name in ("commit", "path", "sha256", "licence", "terms", "collection", "scan", "doubt")
}


class _FailedError(Exception):
    """Why one picture can't be had: one of `FAILED`, and a text."""


def gather(
    folder: StrPath, which: str = "external", *, every_licence: bool = False
) -> pd.DataFrame:
    """Gathers the external pictures that were used in development, as they were used.

    Each original comes from its public repository on GitHub, at the commit of the manifest that
    ships with the package. Its sha256 is verified before it is decoded; then the copy is made
    that was scored, at most 512 pixels a side, and written as `folder/Class/file`. `SOURCES.csv`
    and `CREDITS.md` beside them say where each is from, and under which licence. Called again, it
    goes on where it stopped. Files that are no copies of ours are neither changed nor removed.

    Some originals need a package: DICOM pydicom, NIfTI nibabel.

    Args:
        folder: path, made where it isn't there. `load_folder()` reads it, and for chapters
            5 and 6 the environment variable `MEDMNIST_KERAS_EXTERNAL_DIR` may name it.
        which: `"external"` for pictures of the six classes, or `"ood"` for pictures of none of
            them. Each needs a folder of its own.
        every_licence: bool. By default pictures are left out whose repository states no licence,
            or of which terms are known that stand against such use, such as "research only".
            `True` gathers them too; whether you may use them is yours to judge.

    Returns:
        Table with a row for each picture of the manifest and the columns `file`; `source`, its
        repository; `status`; and `why`, mostly empty. The status is `"gathered"`; `"redone"`, the
        copy made as it should be, but packed into other bytes than by the version of Pillow that
        the manifest was made with; `"there"`, gathered before; `"left out"`, for its licence or
        terms; or it failed: `"missing"`, not to be had; `"wrong"`, of another size or hash, and
        discarded; `"unreadable"`, mostly for want of a package; `"in the way"`, another file
        bears its name.

    Raises:
        ValueError: for another `which`, or a folder that holds another `SOURCES.csv`.
        OSError: when the folder can't be written.

    Example:

    ```python
    table = gather("external-pictures")
    data = load_folder("external-pictures")
    ```
    """
    originals = read_manifest(which)
    folder = Path(folder).expanduser()
    if folder.exists() and not folder.is_dir():
        raise ValueError(
            f"`folder` must be a folder, or not there yet. Received: {folder}, a file."
        )
    rows = []
    with storage.locked(folder / SOURCES_FILE), _Host() as host:
        copies = _recorded(folder, originals)
        try:
            for original in tqdm(originals, unit=" pictures", delay=1):
                why = ""
                if original.left_out and not every_licence:
                    status, why = "left out", original.left_out
                    if original.file in copies:
                        why += "; its copy of an earlier run stays"
                else:
                    try:
                        status = _gather_one(host, folder, original, copies)
                    except _FailedError as error:
                        status, why = error.args
                rows.append((original.file, original.repository, status, why))
        finally:  # after Ctrl+C, too
            if copies:
                _write_records(folder, [each for each in originals if each.file in copies], copies)
    return pd.DataFrame(rows, columns=["file", "source", "status", "why"])


def _gather_one(host: _Host, folder: Path, original: Original, copies: dict[str, str]) -> str:
    """Gets one picture, and notes the hash of its copy in `copies`; returns its status."""
    target = folder / original.file
    there = _sha256(target.read_bytes()) if target.is_file() else None
    if there and there in (original.copy_sha256, copies.get(original.file)):
        copies[original.file] = there
        return "there"
    content = host.fetch(original)
    if (found := _sha256(content)) != original.sha256:
        raise _FailedError("wrong", f"its sha256 is {found}, not {original.sha256}: discarded")
    try:
        copy = make_copy(content, original)
    except Exception as error:  # decoders raise anything at all
        why = " ".join(map(str, error.args)) or type(error).__name__
        raise _FailedError("unreadable", why) from error
    made = _sha256(copy)
    if there == made:  # by a run that was killed before it wrote its records
        copies[original.file] = made
        return "there"
    if there or target.is_symlink() or target.exists():
        raise _FailedError("in the way", "another file bears its name: move it elsewhere")
    with storage.replacing(target) as (draft,):
        draft.write_bytes(copy)
    copies[original.file] = made
    return "gathered" if made == original.copy_sha256 else "redone"


class _Host:
    """The host of the originals, asked politely: one file at a time, with pauses and bounds."""

    def __init__(self):
        import requests

        from .. import __version__

        self._session = requests.Session()
        self._session.headers["User-Agent"] = f"medmnist_keras/{__version__} (gather)"
        self._session.headers["Accept-Encoding"] = "identity"
        self._closed = ""  # why it is left alone

    def __enter__(self) -> _Host:
        return self

    def __exit__(self, *_):
        self._session.close()

    def fetch(self, original: Original) -> bytes:
        """An original, not verified, of no more bytes than the manifest says.

        Raises:
            _FailedError: when it can't be had; when the host is out of reach or busy, all that
                is asked for later fails at once.
        """
        import requests

        if self._closed:
            raise _FailedError("missing", f"not asked for: {self._closed}")
        wait = _PAUSE
        for attempt in range(_TRIES):
            if wait > _LONGEST_WAIT:
                break
            time.sleep(wait)
            wait = _PAUSE * 4 ** (attempt + 1)
            try:
                address = f"{HOST}/{original.address}"
                with self._session.get(address, stream=True, timeout=_TIMEOUT) as response:
                    why = f"{response.status_code} {response.reason}"
                    if response.ok:
                        return _read(response, original.bytes)
                    if response.status_code != 429 and response.status_code < 500:
                        raise _FailedError("missing", f"{why}: {address}")
                    wait = max(wait, _retry_after(response))
            except requests.RequestException as error:
                why = f"{type(error).__name__}: {error}"
        self._closed = f"the host is busy or out of reach ({why}). Try again later: it goes on."
        raise _FailedError("missing", f"{storage.internet_advice()}{self._closed}")


def _read(response, size: int) -> bytes:
    content = b""
    for chunk in response.iter_content(1 << 16):
        content += chunk
        if len(content) > size:
            break
    if len(content) != size:
        came = f"over {size:,}" if len(content) > size else f"{len(content):,}"
        raise _FailedError("wrong", f"{came} bytes came, not {size:,}: discarded")
    return content


def _retry_after(response) -> float:
    """Seconds that the host asks to wait; 0 where it doesn't say so, or not in the usual form."""
    from urllib3.exceptions import InvalidHeader
    from urllib3.util import Retry

    try:
        return Retry().parse_retry_after(response.headers.get("Retry-After", "0"))
    except InvalidHeader:
        return 0.0


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _recorded(folder: Path, originals: Sequence[Original]) -> dict[str, str]:
    """The file and hash of each copy that lies in the folder, as an earlier run has noted it."""
    path = folder / SOURCES_FILE
    noted: dict[str, str] = {}
    try:
        if path.exists():
            with path.open(encoding="utf-8", newline="") as file:
                noted = {row["file"]: row["copy_sha256"] for row in csv.DictReader(file)}
        ours = bool(noted) or not (path.exists() or (folder / CREDITS_FILE).exists())
    except (KeyError, UnicodeDecodeError, csv.Error):
        ours = False
    if not ours or set(noted) - {original.file for original in originals}:
        raise ValueError(
            f"{path} or {CREDITS_FILE} there is of other pictures. Expected an empty folder, or "
            "one that an earlier run has gathered the same set into. Choose another folder."
        )
    return {file: copy for file, copy in noted.items() if (folder / file).is_file()}


def _write_records(folder: Path, present: Sequence[Original], copies: dict[str, str]) -> None:
    table = pd.DataFrame(
        {name: [getattr(each, of) for each in present] for name, of in _COLUMNS.items()}
    )
    table.insert(0, "file", [each.file for each in present])
    table["copy_sha256"] = [copies[each.file] for each in present]
    keys = ["source_repo", "licence", "collection", "terms"]
    counts = table.groupby(keys, sort=False).size()
    lines = [
        "# Credits",
        "",
        "Gathered by medmnist_keras from public repositories. A repository's licence is its "
        "author's; it does not by itself license pictures taken from elsewhere. "
        "Each file's origin is in SOURCES.csv.",
        "",
        "| pictures | source | licence of the repository | collection | terms of the pictures |",
        "|---|---|---|---|---|",
        *(
            f"| {count} | [{source}](https://github.com/{source}) | {' | '.join(rest)} |"
            for (source, *rest), count in counts.items()
        ),
    ]
    with storage.replacing(folder / SOURCES_FILE, folder / CREDITS_FILE) as (sources, credit):
        table.to_csv(sources, index=False, lineterminator="\n", encoding="utf-8")
        credit.write_text("\n".join(lines) + "\n", encoding="utf-8")
