"""Puts the name of the repository's owner on GitHub into every badge and address.

`python tools/set_owner.py ada` turns each `OWNER/medmnist_keras` into `ada/medmnist_keras`;
`python tools/set_owner.py OWNER` takes it back. `pyproject.toml` says whose name is there now.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
PLACEHOLDER = "OWNER"
# What holds such addresses.
PATTERNS = (
    "README.md",
    "pyproject.toml",
    "docs/*.md",
    "notebooks/*.md",
    "notebooks/*.ipynb",
    "notebooks/exercises/*.ipynb",
    "notebooks/solutions/*.ipynb",
)
_NAME = re.compile(r"(?=.{1,39}$)[A-Za-z0-9]+(?:-[A-Za-z0-9]+)*")  # as GitHub admits it
_REPOSITORY = "medmnist_keras"


def files(root: Path = ROOT) -> list[Path]:
    """The files that hold addresses of the repository, or may."""
    return sorted(path for pattern in PATTERNS for path in root.glob(pattern))


def owner(root: Path = ROOT) -> str:
    """The name that `pyproject.toml` holds."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project["urls"]["Repository"].split("/")[-2]


def set_owner(name: str, root: Path = ROOT) -> int:
    """Replaces the owner's name in all files.

    Args:
        name: str, a user or an organization on GitHub, or `"OWNER"`.
        root: `Path` of the repository.

    Returns:
        int. How many addresses were changed.

    Raises:
        ValueError: when GitHub admits no such name; nothing is changed.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            "The owner must be a name that GitHub admits: up to 39 letters, digits and single "
            f"hyphens inside. Received: {name!r}. For example: make owner NAME=ada"
        )
    olds, news = addresses(owner(root)), addresses(name)
    changed = 0
    for path in files(root):
        text = path.read_bytes()  # as bytes, for line ends stay as they are
        if found := sum(map(text.count, olds)) * (olds != news):
            for old, new in zip(olds, news, strict=True):
                text = text.replace(old, new)
            path.write_bytes(text)
            changed += found
    return changed


def addresses(name: str) -> list[bytes]:
    """How the repository and its web site are named in addresses."""
    return [f"/{name}/{_REPOSITORY}".encode(), f"//{name}.github.io/{_REPOSITORY}".encode()]


def main() -> int:
    if len(sys.argv) != 2:
        print("Usage: python tools/set_owner.py NAME", file=sys.stderr)
        return 2
    try:
        print(f"{set_owner(sys.argv[1])} addresses name {sys.argv[1]} now.")
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
