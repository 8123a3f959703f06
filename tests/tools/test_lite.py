"""What `make lite` fetches and writes, and its chapter where Keras isn't installed."""

import hashlib
import json
import subprocess
import sys
import zipfile

import pytest

from tools.lite import make

CHAPTER = make.HERE / "files" / "explore_the_data.ipynb"
# Runs the cells as the browser does: without what has no build for it.
RUN = """
import json, sys
import matplotlib
matplotlib.use("Agg")
for name in ("keras", "tensorflow", "simplejpeg", "filelock", "pooch", "requests"):
    sys.modules[name] = None
for cell in json.load(open(sys.argv[1], encoding="utf-8"))["cells"]:
    if cell["cell_type"] == "code":
        exec("".join(cell["source"]))
train, test = splits["random"]
nearest_one = train[found["random"][1]]
print(json.dumps({told: (y[nearest_one] == y[test]).mean() for told, y in targets.items()}))
"""


def locked(name, *depends, sha256="0" * 64):
    return {"name": name, "file_name": f"{name}.whl", "depends": list(depends), "sha256": sha256}


@pytest.fixture
def published(tmp_path, monkeypatch, serve):
    """A folder that takes the place of Pyodide's packages, and one to download them into."""
    there, here = tmp_path / "there", tmp_path / "here"
    there.mkdir()
    here.mkdir()
    monkeypatch.setattr(make, "PACKAGES", serve(there))
    monkeypatch.setattr(make.pooch, "os_cache", lambda name: tmp_path / "cache")
    return there, here


def test_dependencies_come_along_but_for_those_that_are_there():
    lock = {
        "seen": locked("seen", "six"),
        "pure-eval": locked("pure-eval", "Six", "cycler"),
        "six": locked("six"),
        "cycler": locked("cycler"),
    }
    found = make.with_dependencies(lock, ["pure_eval"], given={"cycler": None})
    assert found.keys() == {"pure-eval", "six"}
    assert make.with_dependencies(lock, []) == {}


def test_a_package_of_pyodide_is_kept_if_it_is_the_one_in_the_lock(published):
    there, here = published
    (there / "numpy.whl").write_bytes(b"numpy")
    right = locked("numpy", sha256=hashlib.sha256(b"numpy").hexdigest())
    make.fetch_locked({"numpy": right}, here)
    assert (here / "numpy.whl").read_bytes() == b"numpy"


def test_another_file_is_refused(published):
    there, here = published
    (there / "numpy.whl").write_bytes(b"something else")
    with pytest.raises(ValueError, match="hash"):
        make.fetch_locked({"numpy": locked("numpy")}, here)
    assert list(here.iterdir()) == []


def test_an_address_that_cannot_be_reached_is_told(published, monkeypatch):
    monkeypatch.setattr(make, "PACKAGES", "http://127.0.0.1:9")
    with pytest.raises(OSError, match=r"numpy .* neither on PyPI nor on npm"):
        make.fetch_locked({"numpy": locked("numpy")}, published[1])


def test_a_wheel_of_our_own_gets_an_entry(tmp_path):
    wheel = tmp_path / "Pure_Eval-1.2-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for name in ("pure_eval/core.py", "alone.py", "Pure_Eval-1.2.dist-info/METADATA"):
            archive.writestr(name, "")
    entry = make.entry_of(wheel)
    assert (entry["name"], entry["version"]) == ("pure-eval", "1.2")
    assert entry["imports"] == ["alone", "pure_eval"]
    assert entry["sha256"] == hashlib.sha256(wheel.read_bytes()).hexdigest()


def test_the_settings_load_every_package_and_ask_no_other_host(tmp_path):
    (tmp_path / "static" / "pyodide").mkdir(parents=True)
    core = {make.LOCK: json.dumps({"info": {"python": "3.14.2"}, "packages": {"old": {}}})}
    core = {name: text.encode() for name, text in core.items()}
    make.write_source(tmp_path, core, {"numpy": locked("numpy")})
    lock = json.loads((tmp_path / "static" / "pyodide" / make.LOCK).read_text("utf-8"))
    assert lock == {"info": {"python": "3.14.2"}, "packages": {"numpy": locked("numpy")}}
    settings = json.loads((tmp_path / "jupyter-lite.json").read_text("utf-8"))
    kernel = settings["jupyter-config-data"]["litePluginSettings"][make.SETTINGS]
    assert kernel["loadPyodideOptions"]["packages"] == ["numpy"]
    assert kernel["disablePyPIFallback"]
    assert (tmp_path / "files" / CHAPTER.name).is_file()


def test_the_chapter_runs_without_keras_and_shows_the_leak():
    run = subprocess.run(
        [sys.executable, "-W", "error::UserWarning:__main__", "-c", RUN, CHAPTER],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    scores = json.loads(run.stdout.splitlines()[-1])
    # Nothing can be learned of random labels, yet the random split says so.
    assert scores["random labels"] > 0.9


def test_the_chapter_is_stored_without_outputs():
    for cell in json.loads(CHAPTER.read_text(encoding="utf-8"))["cells"]:
        assert not cell.get("outputs")
