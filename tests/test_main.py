"""The commands, as they are typed: what they print where, and their exit status."""

import csv
import inspect
import io
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tiny_data import brightness_model, knowing_model, write

from medmnist_keras import CLASS_NAMES, __main__, baseline_cnn, load_data
from medmnist_keras.environment import Check
from medmnist_keras.experiments import Settings, recipes, save_run


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A demo of a second: few pictures, and a small network in the large one's place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDMNIST_KERAS_QUICK", "1")
    settings = Settings(quick=True, source="phantoms", images_per_class=20)
    monkeypatch.setattr("medmnist_keras.experiments.settings.read_settings", lambda: settings)
    monkeypatch.setattr(
        recipes,
        "run_resnet50v2",
        lambda data, settings: save_run(
            baseline_cnn(name="resnet50v2"), settings, seconds={"all layers": 1}
        ),
    )


def test_demo_says_first_that_these_are_phantoms_and_ends_in_a_table(small, capsys):
    __main__.main(["demo"])
    lines = capsys.readouterr().out.splitlines()
    assert "drawn phantoms, not patients" in lines[0]
    header = next(line for line in lines if "baseline_cnn" in line and "resnet50v2" in line)
    table = lines[lines.index(header) :]
    assert any(line.startswith("errors") for line in table)
    assert any(line.startswith("test pictures") and "12" in line for line in table)
    assert "A quick run" in lines[-1]


def test_unknown_command_is_told(capsys):
    with pytest.raises(SystemExit) as caught:
        __main__.main(["dance"])
    assert caught.value.code == 2
    assert "invalid choice: 'dance'" in capsys.readouterr().err


# -- predict -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The path of a model that calls white pictures Hand and black ones HeadCT."""
    path = tmp_path_factory.mktemp("model") / "brightness.keras"
    brightness_model().save(path)
    return str(path)


@pytest.fixture(scope="module")
def knowing(tmp_path_factory):
    """The same, which also says that grey pictures are none of these."""
    path = tmp_path_factory.mktemp("model") / "knowing.keras"
    knowing_model().save(path)
    return str(path)


@pytest.fixture
def scans(tmp_path, monkeypatch):
    """A folder of a white, a grey and a black picture."""
    monkeypatch.chdir(tmp_path)
    for name, level in {"white": 255, "grey": 127, "black": 0}.items():
        write(Path("scans") / f"{name}.png", np.full((30, 40), level, "uint8"))
    return Path("scans")


def run(capsys, *arguments):
    """Exit status, standard output and standard error of a command."""
    status = __main__.main(list(map(str, arguments)))
    return status, *capsys.readouterr()


def test_predict_prints_a_table(scans, knowing, capsys):
    status, out, err = run(capsys, "predict", scans, "--model", knowing, "--threshold", "0.5")
    assert (status, err) == (0, "")
    header, black, grey, white = out.splitlines()
    titles = " ".join(header.split())
    assert titles == "file answer confidence second best one of the six"
    assert re.match(r"\s*scans/black.png\s+HeadCT\s+100.0%\s+\w+ 0.0%\s+100.0%", black)
    assert re.search(r"none of these \(HeadCT\?\)\s+2\d.\d%.*\s0.\d%", grey)
    assert "Hand" in white


def test_predict_shows_no_column_of_what_the_model_does_not_say(scans, model, capsys):
    _, out, _ = run(capsys, "predict", scans, "--model", model)
    header, _, grey, _ = out.splitlines()
    assert header.split() == ["file", "answer", "confidence", "second", "best"]
    assert re.search(r"AbdomenCT\s+16.7%", grey)


def test_predict_names_as_many_classes_as_asked(scans, model, capsys):
    for top, end in (("1", "confidence"), ("3", "third"), ("6", "sixth")):
        _, out, _ = run(capsys, "predict", scans / "grey.png", "--model", model, "--top", top)
        header, row = out.splitlines()
        assert header.endswith(end)
        assert row.count("%") == int(top)


def test_predict_prints_json_and_nothing_else(scans, model, capsys):
    (scans / "broken.png").write_text("?")
    status, out, err = run(capsys, "predict", scans, "--model", model, "--json")
    records = json.loads(out, parse_constant=pytest.fail)  # NaN is no JSON
    assert status == 1
    assert [Path(record["file"]).stem for record in records] == ["black", "broken", "grey", "white"]
    columns = ["file", "answer", "confidence", "known", *CLASS_NAMES, "note", "problem"]
    assert list(records[0]) == columns
    assert records[0]["known"] is None
    assert records[0]["answer"] == "HeadCT"
    assert records[1]["answer"] == ""
    assert records[1]["Hand"] is None
    assert "could not be read" in records[1]["problem"]
    assert "1 of 4 pictures could not be read:\n  scans/broken.png could not" in err


def test_predict_prints_csv(scans, model, capsys):
    Path("scans/white.png").rename("scans/left, right.png")
    _, out, _ = run(capsys, "predict", scans, "--model", model, "--csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert [row["file"] for row in rows] == [
        "scans/black.png",
        "scans/grey.png",
        "scans/left, right.png",
    ]
    assert [row["answer"] for row in rows][::2] == ["HeadCT", "Hand"]
    assert float(rows[0]["HeadCT"]) == pytest.approx(1, abs=1e-3)


def test_predict_goes_on_after_unreadable_files(scans, model, capsys):
    Path("empty.png").write_bytes(b"")
    arguments = ("predict", "empty.png", "gone.png", scans / "white.png", "--model", model)
    status, out, err = run(capsys, *arguments)
    assert status == 1
    assert len(out.splitlines()) == 2
    assert [line.split()[0] for line in err.splitlines()] == ["2", "empty.png", "gone.png"]
    status, out, _ = run(capsys, "predict", "gone.png", "--model", model)
    assert (status, out) == (1, "")


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
@pytest.mark.parametrize("name", ["línea\n\x1b[31m.png", "\udcff.png", "手.png"])
def test_predict_takes_odd_names(name, form, scans, model, capsysbinary):
    try:
        (scans / "white.png").rename(scans / name)
        (scans / "black.png").rename(scans / f"gone {name}")
    except OSError:
        pytest.skip("this file system refuses such names")
    (scans / f"gone {name}").write_text("?")
    assert __main__.main(["predict", str(scans), "--model", model, *form]) == 1
    out, err = capsysbinary.readouterr()
    assert b"Hand" in out
    assert b"\x1b" not in err
    if not form:
        assert len(out.splitlines()) == 3
        assert b"\x1b" not in out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict"], "FILE_OR_FOLDER"),
        (["predict", "scans", "--json", "--csv"], "not allowed with"),
        (["predict", "scans", "--threshold", "high"], "invalid float"),
        (["predict", "scans", "--top", "7"], "invalid choice: 7"),
        (["evaluate", "--data"], "expected one argument"),
        (["evaluate", "folder"], "unrecognized arguments: folder"),
    ],
)
def test_wrong_usage_is_told(arguments, message, capsys):
    with pytest.raises(SystemExit) as caught:
        __main__.main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["predict", "nothing"], "expects pictures, or folders that hold some"),
        (["predict", "scans", "--threshold", "2"], "Received: threshold=2.0"),
        (["predict", "scans", "--threshold", "0.5"], "no threshold applies. Received: thresh"),
        (["predict", "scans", "--model", "gone.keras"], "gone.keras does not exist"),
        (["predict", "scans", "--model", "scans/grey.png"], "is of another kind"),
        (["evaluate", "--data", "gone"], "gone does not exist"),
        (["evaluate", "--data", "scans/.."], "folders that are no class: nothing, scans"),
    ],
)
def test_what_cannot_be_done_is_told_without_a_traceback(arguments, message, scans, model, capsys):
    Path("nothing").mkdir()
    if "--model" not in arguments:
        arguments = [*arguments, "--model", model]
    status, out, err = run(capsys, *arguments)
    assert (status, out) == (2, "")
    assert message in err
    assert "Traceback" not in err


def test_closed_pipe_ends_quietly(scans, model, monkeypatch):
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)  # of what was imported first here
    command = [sys.executable, "-m", "medmnist_keras", "predict", "scans", "--model", model]
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run(command, stdout=writer, stderr=subprocess.PIPE, text=True)
    os.close(writer)
    assert (done.returncode, done.stderr) == (1, "")


# -- evaluate ------------------------------------------------------------------------------------


@pytest.fixture
def external(tmp_path):
    """Three hands, one of them too dark for the model, and two heads, one of them broken."""
    folder = tmp_path / "external"
    for name, level in {"Hand/a": 255, "Hand/b": 250, "Hand/c": 3, "HeadCT/a": 0}.items():
        write(folder / f"{name}.png", np.full((30, 40), level, "uint8"))
    (folder / "HeadCT" / "b.png").write_text("?")
    (folder / "SOURCES.csv").write_text("file,source\nHand/a.png,Lima\nHand/c.png,Oslo\n")
    return folder


def test_evaluate_prints_tables(external, model, capsys):
    status, out, err = run(capsys, "evaluate", "--data", external, "--model", model)
    assert status == 1
    assert out.splitlines()[:2] == [f"Data: {external}", "4 pictures, 1 errors"]
    assert "balanced accuracy 83.3% (95 % interval 26.8% to 99.6%)" in out
    assert re.search(r"\nHand +0.667 +0.208 +0.939 +3\n", out)
    assert re.search(r"\nLima +Hand +1.0 ", out)
    assert "rejected" not in out
    assert "no pictures of AbdomenCT, BreastMRI, CXR, ChestCT:" in err
    assert "1 of 5 pictures could not be read:" in err


def test_evaluate_prints_json_that_holds_everything(external, model, capsys):
    _, out, _ = run(capsys, "evaluate", "--data", external, "--model", model, "--json")
    report = json.loads(out, parse_constant=pytest.fail)
    assert report["data"] == str(external)
    assert report["scores"]["errors"] == 1
    assert [row["class"] for row in report["per_class"]] == list(CLASS_NAMES)
    assert report["per_class"][4]["images"] == 3
    assert report["per_class"][0]["recall"] is None
    assert report["confusion"]["Hand"]["HeadCT"] == 1
    assert [row["source"] for row in report["per_source"]] == ["Lima", "Oslo", *["unknown"] * 2]
    assert report["problems"][0]["file"] == "HeadCT/b.png"
    assert (report["model"], report["threshold"]) == (model, None)


def test_evaluate_with_the_threshold_of_the_model_that_ships(external, monkeypatch, capsys):
    shipped = (knowing_model(), 0.9)
    monkeypatch.setattr("medmnist_keras.models.shipped.load_model", {"baseline_cnn": shipped}.get)
    (external / "SOURCES.csv").unlink()
    write(external / "HeadCT" / "b.png", np.full((30, 40), 127, "uint8"))
    status, out, _ = run(capsys, "evaluate", "--data", external)
    assert status == 0
    assert "rejected as none of these 20.0%, accuracy on the others 75.0%" in out
    # Of the hands two of three, of the heads the black one of two.
    assert "answered and right, mean of the classes 58.3%" in out
    _, out, _ = run(capsys, "evaluate", "--data", external, "--json")
    assert json.loads(out)["per_source"] is None


@pytest.fixture
def home_pictures(monkeypatch):
    """Two white hands and a black one, in place of the test pictures; what they were asked by."""
    asked = []
    levels = np.array([255, 255, 0], "uint8")[:, None, None, None]
    test_data = levels * np.ones((1, 64, 64, 1), "uint8"), np.array([4, 4, 4])

    def load_data(*arguments, **more):
        asked.append((arguments, more))
        print("Left out of the grouped split: 1 blank picture")
        return None, None, test_data

    monkeypatch.setattr("medmnist_keras.data.datasets.load_data", load_data)
    monkeypatch.setattr("medmnist_keras.data.datasets.find_test_groups", lambda: [0, 1, 1])
    return asked


def test_evaluate_without_a_folder_takes_the_grouped_test_pictures(home_pictures, model, capsys):
    status, out, err = run(capsys, "evaluate", "--model", model)
    assert status == 0
    assert home_pictures == [((), {})]
    first, second, *_ = out.splitlines()
    assert first == "Data: the test pictures of Medical MNIST, grouped split"
    assert second == "3 pictures, 1 errors"
    assert "Left out" not in out
    assert "Left out" in err


def test_evaluate_without_a_folder_prints_json_and_nothing_else(home_pictures, model, capsys):
    status, out, _ = run(capsys, "evaluate", "--model", model, "--json")
    report = json.loads(out, parse_constant=pytest.fail)
    assert status == 0
    assert report["data"] == "the test pictures of Medical MNIST, grouped split"
    assert report["scores"]["errors"] == 1
    assert report["confusion"]["Hand"]["HeadCT"] == 1
    assert report["per_source"] is None
    assert report["problems"] == []


def test_evaluate_without_pictures_says_why(model, monkeypatch, capsys):
    def load_data():
        raise OSError("no network: put the archive there")

    monkeypatch.setattr("medmnist_keras.data.datasets.load_data", load_data)
    status, out, err = run(capsys, "evaluate", "--model", model)
    assert (status, out, err) == (2, "", "no network: put the archive there\n")


def test_the_default_of_load_data_is_the_grouped_split():
    assert inspect.signature(load_data).parameters["split"].default == "grouped"


@pytest.mark.parametrize(("required", "status"), [(True, 1), (False, 0)])
def test_check_prints_each_need_and_tells_by_its_status(required, status, monkeypatch, capsys):
    needs = [Check("Python", True, "3.11.7"), Check("torch", False, "not here", required)]
    monkeypatch.setattr("medmnist_keras.environment.check_environment", lambda: needs)
    told = run(capsys, "check")
    lacking = "torch" if required else "torch (optional)"
    assert told == (status, f"[ok]      Python: 3.11.7\n[missing] {lacking}: not here\n", "")
