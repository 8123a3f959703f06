"""Plays the first minute on Colab and on Kaggle: a kernel that has NumPy and others loaded before
the first cell installs the wheel, and then runs the first cells of chapter 1."""

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or sys.version_info >= (3, 13),
    reason="the versions that these hosts hold have wheels for Linux and Python 3.12 or older",
)

ROOT = Path(__file__).parents[2]
HERE = Path(__file__).parent
BIN = Path(sys.executable).parent
HOSTS = ("colab", "kaggle")
# What their kernels have imported when the first cell starts, and whether it still works.
LOADED = "import numpy, pandas, scipy, matplotlib, sklearn"
STILL_WORKS = """
import numpy, scipy.stats, sklearn.linear_model
from importlib.metadata import version
print("numpy", numpy.__version__, version("numpy"))
"""


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dist")
    run(BIN / "uv", "build", "--quiet", "--out-dir", folder, ROOT)
    (built,) = folder.glob("*.whl")
    return built


def pinned(host) -> dict[str, str]:
    text = (HERE / f"{host}.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w-]+)==(\S+)$", text, re.MULTILINE))


@pytest.fixture(params=HOSTS)
def host(request, tmp_path, monkeypatch):
    """A kernel named after the host, in an environment with what that holds."""
    name, environment = request.param, tmp_path / request.param
    run(BIN / "uv", "venv", "--quiet", "--seed", "--python", sys.executable, environment)
    python = environment / "bin" / "python"
    pins = HERE / f"{name}.txt"
    run(BIN / "uv", "pip", "install", "--quiet", "--python", python, "--requirement", pins)
    run(python, "-m", "ipykernel", "install", "--prefix", environment, "--name", name)
    monkeypatch.setenv("JUPYTER_PATH", str(environment / "share" / "jupyter"))
    monkeypatch.setenv("PATH", f"{environment / 'bin'}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("MEDMNIST_KERAS_QUICK", "1")
    return name


def first_cells(wheel, count):
    """Cells of chapter 1 up to the `count`-th that is no set-up, with this wheel to install."""
    chapter = nbformat.read(ROOT / "notebooks" / "01_explore_the_data.ipynb", as_version=4)
    code = [cell for cell in chapter.cells if cell.cell_type == "code"][: count + 1]
    address = re.compile(r"git\+https://\S+/medmnist_keras")
    assert address.search(code[0].source)
    code[0].source = address.sub(wheel.as_uri(), code[0].source)
    return code


def play(host, cells, folder):
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = NotebookClient(
        notebook, kernel_name=host, timeout=600, resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return notebook


def printed(cell) -> str:
    return "".join(output.get("text", "") for output in cell.outputs)


def test_the_first_cells_run_and_nothing_that_was_loaded_is_replaced(host, wheel, tmp_path):
    cells = [
        nbformat.v4.new_code_cell(LOADED),
        *first_cells(wheel, 4),
        nbformat.v4.new_code_cell(STILL_WORKS),
    ]
    played = play(host, cells, tmp_path)
    assert "Mode:     quick" in printed(played.cells[2])
    numpy = pinned(host)["numpy"]
    assert printed(played.cells[-1]).strip() == f"numpy {numpy} {numpy}"
    python = tmp_path / host / "bin" / "python"
    now = run(BIN / "uv", "pip", "freeze", "--quiet", "--python", python)
    now = dict(re.findall(r"^([\w-]+)==(\S+)$", now, re.MULTILINE))
    replaced = {name for name, version in pinned(host).items() if now.get(name) != version}
    assert replaced == {"lazy-loader"}  # too old there, and imported by no kernel


@pytest.mark.parametrize("host", ["colab"], indirect=True)
def test_a_package_that_is_replaced_under_the_session_is_told(host, wheel, tmp_path):
    setup = first_cells(wheel, 0)[0]
    other = nbformat.v4.new_code_cell("%pip install --quiet --no-deps 'pandas==2.3.3'")
    cells = [nbformat.v4.new_code_cell(LOADED), other, setup]
    with pytest.raises(CellExecutionError) as caught:
        play(host, cells, tmp_path)
    assert caught.value.ename == "RuntimeError"
    old = pinned(host)["pandas"]
    assert "Restart the session" in caught.value.evalue
    assert f"pandas {old} is loaded, 2.3.3 is installed" in caught.value.evalue
