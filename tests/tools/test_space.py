"""What goes to the Hugging Face hub: headers, requirements, the model and its card."""

import re

import huggingface_hub as hub
import keras
import numpy as np
import pytest
import yaml

from medmnist_keras import load_model
from medmnist_keras.data import draw_phantoms
from tools.space import make

# As the hub documents them for Spaces.
COLOURS = {"red", "yellow", "green", "blue", "indigo", "purple", "pink", "gray"}
LONGEST = 60  # characters of a short description


@pytest.fixture(scope="module")
def space(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub") / "space"
    make.write_space(folder)
    return folder


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("hub") / "model"
    make.write_model(folder)
    return folder


def header(folder):
    return yaml.safe_load((folder / "README.md").read_text(encoding="utf-8").split("---\n")[1])


def test_the_header_of_the_space_is_what_the_hub_requires(space):
    found = header(space)
    assert found["sdk"] == "gradio"
    assert re.fullmatch(r"\d+\.\d+\.\d+", found["sdk_version"])
    assert isinstance(found["python_version"], str)  # 3.10 would be 3.1 as a number
    assert (space / found["app_file"]).is_file()
    assert {found["colorFrom"], found["colorTo"]} <= COLOURS
    assert len(found["short_description"]) <= LONGEST
    assert hub.SpaceCard.load(space / "README.md").data.sdk == "gradio"


def test_no_licence_is_claimed_for_the_weights_and_that_of_their_pictures_is_told(space, model):
    assert "license" not in header(space) | header(model)
    for card in (model / "README.md", space / "medmnist_keras/models/weights/MODEL_CARD.md"):
        text = " ".join(card.read_text(encoding="utf-8").split())
        assert "trained on pictures published under [CC BY-SA 4.0]" in text


def test_each_requirement_is_one_version(space):
    lines = (space / "requirements.txt").read_text(encoding="utf-8").split()
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", line) for line in lines)
    names = {line.split("==")[0] for line in lines}
    assert {"keras", "tensorflow", "starlette"} <= names
    assert "gradio" not in names  # the header says which


def test_the_space_holds_the_package_and_nothing_stale(space):
    names = {path.relative_to(space).as_posix() for path in space.rglob("*")}
    assert "medmnist_keras/models/weights/baseline_cnn.weights.h5" in names
    assert not any("__pycache__" in name for name in names)


def test_the_card_has_the_scores_of_the_facts(model):
    data = hub.ModelCard.load(model / "README.md").data
    assert (data.library_name, data.pipeline_tag) == ("keras", "image-classification")
    text = (model / "README.md").read_text(encoding="utf-8")
    for result in data.eval_results:
        assert result.dataset_name in make.DATASETS.values()
        if result.metric_type == "accuracy":
            assert f"| {result.metric_value:.2%} |" in text


def test_the_model_answers_as_the_one_that_ships(model):
    pictures = draw_phantoms(2)[0]
    shipped, _ = load_model("baseline_cnn")
    again = keras.saving.load_model(model / "baseline_cnn.keras")
    for one, other in zip(
        shipped.predict(pictures, verbose=0).values(),
        again.predict(pictures, verbose=0).values(),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-6)
