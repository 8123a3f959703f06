"""What the commands say that made a folder for a web server."""

from pathlib import Path

ROOT = Path(__file__).parents[1]


def describe_served(folder: Path) -> str:
    """How large a folder below the repository's root is, and how to look at it."""
    sizes = [file.stat().st_size for file in folder.rglob("*") if file.is_file()]
    path = folder.relative_to(ROOT)
    return (
        f"{path}: {len(sizes)} files, {sum(sizes) / 1e6:.0f} MB. Put it on any web server, "
        f"or look at it with python -m http.server --directory {path}"
    )
