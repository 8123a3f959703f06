"""Files out of npm's packages, for slides and web page: no node, no npm, nothing unpacked."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable
from pathlib import Path

import pooch
import requests

MIRROR = "npm_config_registry"  # npm's own variable for another registry; the hash holds for any


def fetch_package(
    name: str, version: str, sha256: str, files: Iterable[str], cache=None
) -> dict[str, bytes]:
    """Files of a package, which is downloaded once and verified.

    Args:
        name: of the package.
        version: its version, in full.
        sha256: of its archive.
        files: names inside the package.
        cache: folder that keeps the archive; by default the user's cache folder.

    Returns:
        Dict of file name to content.

    Raises:
        OSError: when it can be neither found nor downloaded nor stored.
        ValueError: when what came isn't the expected package.

    Example:

    ```python
    fetch_package("reveal.js", "5.2.1", "359b575d…", ["dist/reveal.js"])
    ```
    """
    registry = os.environ.get(MIRROR) or "https://registry.npmjs.org"
    url = f"{registry.rstrip('/')}/{name}/-/{name}-{version}.tgz"
    target = Path(cache or pooch.os_cache("medmnist_keras")) / f"{name}-{version}.tgz"
    advice = (
        f"Download {url} on another machine and save it as {target}, "
        f"or set {MIRROR} to a mirror of the npm registry that you can reach."
    )
    pooch.get_logger().setLevel("WARNING")
    try:
        pooch.retrieve(
            url,
            known_hash=f"sha256:{sha256}",
            fname=target.name,
            path=target.parent,
            downloader=pooch.HTTPDownloader(timeout=30),
        )
    except ValueError as error:
        raise ValueError(
            f"Expected {name} {version} with sha256 {sha256[:12]}…. Received another "
            f"file, which was discarded ({error}). {advice}"
        ) from error
    except requests.exceptions.RequestException as error:
        reason = f"{type(error).__name__}: {error}"
        raise OSError(f"{name} could not be downloaded ({reason}). {advice}") from error
    except OSError as error:
        raise OSError(f"{name} could not be stored as {target} ({error}). {advice}") from error
    with tarfile.open(target) as archive:
        return {name: archive.extractfile(f"package/{name}").read() for name in files}
