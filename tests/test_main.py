import pytest

from medmnist_keras import Settings, __main__, baseline_cnn, keep_run, runs


@pytest.fixture
def small(tmp_path, monkeypatch):
    """A demo of a second: few pictures, and a small network in the large one's place."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MEDMNIST_KERAS_QUICK", "1")
    settings = Settings(quick=True, source="phantoms", images_per_class=20)
    monkeypatch.setattr("medmnist_keras.settings.read_settings", lambda: settings)
    monkeypatch.setattr(
        runs,
        "run_resnet50v2",
        lambda data, settings: keep_run(
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
