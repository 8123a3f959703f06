"""Builds a JupyterLite whose Python runs in the visitor's browser: `make lite`, `build/lite/`.

A short first chapter on drawn pictures, for any web server; the page asks no other host for
anything. Pyodide comes from npm, verified by the hash below; JupyterLite and what is pure Python
from PyPI, verified by the hashes in `wheels.txt`. NumPy and others that are compiled to
WebAssembly are on neither: they come from where Pyodide publishes them, verified by the hashes in
its lock file.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import pooch
import requests
from packaging.utils import canonicalize_name, parse_wheel_filename

from medmnist_keras.storage import replacing
from tools.served import describe_served
from tools.slides.npm import fetch_package

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
PYODIDE = "314.0.6"  # that of the jupyterlite-pyodide-kernel in requirements.txt
PYODIDE_SHA256 = "d78ac549b28a2a58600cd06f44e017024151775f8c6b2d73fab1475400d38ea2"
PACKAGES = f"https://cdn.jsdelivr.net/pyodide/v{PYODIDE}/full"
LOCK = "pyodide-lock.json"
CORE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm", "python_stdlib.zip", LOCK)
# What the chapter imports; what these depend on comes along.
CHAPTER = ("numpy", "pandas", "scipy", "scikit-learn", "matplotlib", "pillow")
SETTINGS = "@jupyterlite/pyodide-kernel-extension:kernel"
# Where the front page leads: JupyterLite appends "/index.html", which the # makes harmless.
START = "./notebooks/index.html?path=explore_the_data.ipynb#"


def with_dependencies(locked: dict, names, given=()) -> dict:
    """Entries of Pyodide's lock for these packages and all that they depend on.

    Args:
        locked: dict of name to entry, those of the lock.
        names: of the packages.
        given: names of packages that are there already.

    Returns:
        dict of name to entry.
    """
    found, todo = {}, list(names)
    while todo:
        name = canonicalize_name(todo.pop())
        if name not in found and name not in given:
            found[name] = locked[name]
            todo += found[name]["depends"]
    return found


def fetch_locked(packages: dict, folder: Path) -> None:
    """Downloads packages of Pyodide, each verified by its hash in the lock.

    Args:
        packages: dict of name to entry of the lock.
        folder: where they go.

    Raises:
        OSError: when one can't be downloaded.
        ValueError: when what came isn't the expected file.
    """
    pooch.get_logger().setLevel("WARNING")
    for name, entry in packages.items():
        url = f"{PACKAGES}/{entry['file_name']}"
        try:
            kept = pooch.retrieve(
                url,
                known_hash=f"sha256:{entry['sha256']}",
                fname=f"{entry['sha256'][:12]}-{entry['file_name']}",
                path=pooch.os_cache("medmnist_keras") / "pyodide",
                downloader=pooch.HTTPDownloader(timeout=30),
            )
        except requests.exceptions.RequestException as error:
            raise OSError(
                f"{name} for the browser could not be downloaded from {url} "
                f"({type(error).__name__}). It is neither on PyPI nor on npm, so `make lite` needs "
                "that address."
            ) from error
        shutil.copy(kept, folder / entry["file_name"])


def fetch_pure(folder: Path, requirements: Path = HERE / "wheels.txt") -> list[Path]:
    """Downloads wheels of pure Python from PyPI, verified by the hashes beside their names."""
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes"]
    # As Pyodide would ask for them.
    command += ["--only-binary=:all:", "--python-version=3.14", "--implementation=py"]
    subprocess.run([*command, "--dest", folder, "--requirement", requirements], check=True)
    return sorted(folder.glob("*.whl"))


def entry_of(wheel: Path) -> dict:
    """What Pyodide's lock says of a package, for a wheel that isn't in it."""
    name, version, _, _ = parse_wheel_filename(wheel.name)
    with zipfile.ZipFile(wheel) as archive:
        tops = {file.split("/")[0].removesuffix(".py") for file in archive.namelist()}
    return {
        "name": name,
        "version": str(version),
        "file_name": wheel.name,
        "sha256": pooch.file_hash(str(wheel)),
        "imports": sorted(top for top in tops if top.isidentifier()),
        "depends": [],  # all are loaded anyway
        "install_dir": "site",
        "package_type": "package",
        "unvendored_tests": False,
    }


def write_source(folder: Path, core: dict[str, bytes], packages: dict) -> None:
    """Writes what `jupyter lite build` starts from, beside the wheels that are there already.

    Args:
        folder: of which `static/pyodide/` holds the wheels.
        core: what `fetch_package()` returns of Pyodide.
        packages: dict of name to entry of all packages; each is loaded before the first cell.
    """
    for name, content in core.items():
        (folder / "static" / "pyodide" / name).write_bytes(content)
    lock = json.loads(core[LOCK]) | {"packages": packages}
    (folder / "static" / "pyodide" / LOCK).write_text(json.dumps(lock), encoding="utf-8")
    kernel = {"disablePyPIFallback": True, "loadPyodideOptions": {"packages": list(packages)}}
    settings = {
        "jupyter-lite-schema-version": 0,
        "jupyter-config-data": {
            "appName": "medmnist_keras",
            "appUrl": START,
            "litePluginSettings": {SETTINGS: kernel},
        },
    }
    (folder / "jupyter-lite.json").write_text(json.dumps(settings, indent=2), encoding="utf-8")
    shutil.copytree(HERE / "files", folder / "files")


def make_lite(target: Path, package: Path, jupyter: Path, wanted=CHAPTER) -> None:
    """Builds the site.

    Args:
        target: folder, which is replaced.
        package: the wheel of `medmnist_keras`.
        jupyter: the program of an environment with what `requirements.txt` beside this names.
        wanted: names of packages of Pyodide; without any, Python starts but the chapter does not.

    Raises:
        OSError, ValueError, subprocess.CalledProcessError: when something can't be had.
    """
    core = fetch_package("pyodide", PYODIDE, PYODIDE_SHA256, CORE)
    with tempfile.TemporaryDirectory() as source:
        wheels = Path(source) / "static" / "pyodide"
        wheels.mkdir(parents=True)
        own = [*fetch_pure(wheels), Path(shutil.copy(package, wheels))]
        packages = {entry["name"]: entry for entry in map(entry_of, own)}
        locked = with_dependencies(json.loads(core[LOCK])["packages"], wanted, packages)
        fetch_locked(locked, wheels)
        write_source(Path(source), core, packages | locked)
        command = [jupyter, "lite", "build", "--apps", "notebooks", "--no-sourcemaps"]
        with replacing(target) as (draft,):
            command += ["--output-dir", draft.absolute()]
            subprocess.run(command, cwd=source, check=True, capture_output=True)


def main() -> None:
    target = ROOT / "build" / "lite"
    jupyter = ROOT / "build" / "lite-tools" / "bin" / "jupyter"
    (package,) = (ROOT / "build" / "dist").glob("*.whl")
    try:
        make_lite(target, package, jupyter.absolute())
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{error}\n{(error.stderr or b'').decode(errors='replace')}")
    print(describe_served(target))


if __name__ == "__main__":
    main()
