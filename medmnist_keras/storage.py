"""Cache folders, and atomic writes: a file is written completely or not at all.

What is being written lies in a folder of our own beside its place, under a name that no other
process has and with a marker in it. Nothing without both is ever cleared away. This needs
hardly more than the standard library, so that everything else may use it.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

KAGGLE_INPUT = Path("/kaggle/input")  # where Kaggle mounts what a notebook has added, read-only
_PREFIX = ".medmnist_keras-"
_MARKER = "being-written-by-medmnist_keras"
_ABANDONED = 600  # seconds; a process that lives writes all the time


def keras_home() -> Path:
    """The folder that Keras keeps downloads in: `$KERAS_HOME`, or `~/.keras`."""
    return Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras").expanduser()


def cache_dir() -> Path:
    """The folder that Keras keeps data sets in: `$KERAS_HOME/datasets`, or `~/.keras/datasets`."""
    return keras_home() / "datasets"


def decoded_dir() -> Path:
    """The folder of decoded pictures: a folder for each content, named by its fingerprint."""
    return cache_dir() / "medmnist_keras"


def internet_advice() -> str:
    """What to switch on where the network is off unless asked for, as on Kaggle; else nothing."""
    return "On Kaggle, choose Settings > Turn on internet. " if KAGGLE_INPUT.is_dir() else ""


@contextlib.contextmanager
def temporary_folder(parent: Path) -> Iterator[Path]:
    """A folder to write in, on the same disk as where things go when they are complete.

    Args:
        parent: `Path` of the folder that it lies in; made if it isn't there.

    Returns:
        A context manager that gives the `Path` of an empty folder, and deletes it in the end.
    """
    parent.mkdir(parents=True, exist_ok=True)
    clear_leftovers(parent)
    with tempfile.TemporaryDirectory(dir=parent, prefix=_PREFIX) as ours:
        (Path(ours) / _MARKER).touch()
        folder = Path(ours) / "whole"
        folder.mkdir()
        yield folder


@contextlib.contextmanager
def replacing(*targets: Path) -> Iterator[list[Path]]:
    """Names to write under; what is complete then takes the targets' places.

    Files that belong together go in one call, and old ones never lie beside new ones: a process
    that is killed in between leaves some of them out. Where nothing counts without a certain
    file, name that last.

    Args:
        *targets: `Path`s of files or folders in one folder; what is there is replaced.

    Returns:
        A context manager that gives a list of `Path`s, one for each target.

    Raises:
        OSError: when something can't be written; what was there stays.
    """
    parent = targets[0].parent
    try:
        with temporary_folder(parent) as folder:
            drafts = [folder / target.name for target in targets]
            yield drafts
            for later in reversed(targets[1:]):
                _remove(later)
            for draft, target in zip(drafts, targets, strict=True):
                # A folder neither takes nor gives its place in one step: the old one goes aside.
                if (target.is_dir() and not target.is_symlink()) or draft.is_dir():
                    with contextlib.suppress(FileNotFoundError):
                        target.rename(folder.parent / f"old {target.name}")
                draft.replace(target)
    except OSError as error:
        names = ", ".join(str(target) for target in targets)
        raise OSError(
            f"{names} could not be written ({reason(error)}). Free some space on that disk, or "
            "choose a folder that you can write to."
        ) from error


@contextlib.contextmanager
def locked(file: Path) -> Iterator[None]:
    """Within it, this process alone changes a file; others that lock it wait.

    Args:
        file: `Path` of a file, there or not; an empty `<file>.lock` comes to lie beside it.
    """
    from filelock import FileLock

    file.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(file.with_name(f"{file.name}.lock")):
        yield


def clear_leftovers(parent: Path) -> None:
    """Deletes what processes that were killed have left half-written; all else stays.

    Args:
        parent: `Path` of a folder, there or not.
    """
    for folder in parent.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):  # another clears it too
            if folder.is_symlink():
                continue
            latest = max(path.stat().st_mtime for path in (folder, *folder.rglob("*")))
            if time.time() - latest < _ABANDONED:
                continue
            if (folder / _MARKER).is_file():
                shutil.rmtree(folder)
            else:
                folder.rmdir()  # of a process killed before it set its mark: empty, or not ours


def reason(error: OSError) -> str:
    """Why a file could not be written, in words for people."""
    reasons: dict[int | None, str] = {
        errno.ENOSPC: "the disk is full",
        errno.EDQUOT: "your share of the disk is full",
        errno.EACCES: "no permission to write there",
        errno.EROFS: "it is read-only",
    }
    return reasons.get(error.errno, str(error))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
