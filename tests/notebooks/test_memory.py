"""Chapter 1 runs within what Binder gives: 2 GB of memory, all pictures loaded."""

import json
import os
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

resource = pytest.importorskip("resource", reason="no limits on this system")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a limit as Linux has it")

CHAPTER = Path(__file__).parents[2] / "notebooks" / "01_explore_the_data.ipynb"
LIMIT = 1_800_000_000  # bytes; Jupyter itself takes the rest
# What the kernel may have of its own in memory, used or not. Mapped files don't count, of which
# the system lets go where memory is short.
KERNEL = f"""
import resource, runpy
resource.setrlimit(resource.RLIMIT_DATA, ({LIMIT}, {LIMIT}))
runpy.run_module("ipykernel_launcher", run_name="__main__")
"""
REAL = os.environ.get("MEDICAL_MNIST_DIR")  # as this module is imported: each test starts without


@pytest.fixture
def limited_kernel(tmp_path, monkeypatch):
    spec = tmp_path / "kernels" / "limited" / "kernel.json"
    spec.parent.mkdir(parents=True)
    argv = [sys.executable, "-c", KERNEL, "-f", "{connection_file}"]
    spec.write_text(
        json.dumps({"argv": argv, "display_name": "limited", "language": "python"}),
        encoding="utf-8",
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    return "limited"


def test_chapter_1_runs_within_binders_memory(limited_kernel, tmp_path, monkeypatch):
    if REAL:
        monkeypatch.setenv("MEDICAL_MNIST_DIR", REAL)
    monkeypatch.setenv("MEDMNIST_KERAS_QUICK", "0" if REAL else "1")
    notebook = nbformat.read(CHAPTER, as_version=4)
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, kernel_name=limited_kernel, timeout=600, resources=resources).execute()
