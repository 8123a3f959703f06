"""Writes what the Hugging Face hub needs: `make space`.

`build/space/` is a Space that serves the live page, with a copy of the package, so that what is
uploaded is what was tested. `build/model/` is the shipped model with its card.
"""

from __future__ import annotations

import json
import platform
import shutil
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

from huggingface_hub import EvalResult, ModelCardData, SpaceCardData
from packaging.requirements import Requirement

from medmnist_keras import INFO, export, load_model
from medmnist_keras.models.networks import WEIGHTS_DIR
from medmnist_keras.storage import replacing

ROOT = Path(__file__).parents[2]
TAGS = ["medical", "radiology", "medical-mnist", "out-of-distribution-detection"]
METRICS = {"accuracy": "accuracy", "f1": "macro_f1"}  # the hub's name: ours
DATASETS = {
    "test": f"{INFO['name']}, grouped split",
    "external pictures": "External pictures, used for development",
}
SPACE_TEXT = """
# Which of six kinds of picture is it?

Drop a medical picture and compare the predictions of a robust and a plain Keras model.
**Not for clinical use.** Uploads are deleted as soon as they are read.

Pictures: {credit}. The models were trained on them, as the
[model card](medmnist_keras/models/weights/MODEL_CARD.md) says; the code is under the MIT licence.
"""


def write_space(target: Path) -> None:
    """Writes the Space: its header, requirements, `app.py` and a copy of the package. The header
    names no licence, for it would be that of code and weights, and none is stated for the weights.

    Args:
        target: folder, which is replaced.

    Raises:
        OSError: when it can't be written; what was there stays.
    """
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    header = SpaceCardData(
        title="Which kind of picture is it?",
        emoji="🩻",
        colorFrom="blue",
        colorTo="yellow",
        sdk="gradio",
        sdk_version=version("gradio"),
        python_version=".".join(platform.python_version_tuple()[:2]),
        app_file="app.py",
        tags=TAGS,
        short_description="Six kinds of medical picture, or none of these",
    )
    wanted = project["dependencies"] + project["optional-dependencies"]["demo"]
    pins = [_pin(line) for line in wanted if Requirement(line).name != "gradio"]  # the hub's own
    with replacing(target) as (draft,):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "medmnist_keras", draft / "medmnist_keras", ignore=ignored)
        shutil.copy(Path(__file__).with_name("app.py"), draft)
        shutil.copy(ROOT / "LICENSE", draft)
        (draft / "requirements.txt").write_text("\n".join(pins) + "\n", encoding="utf-8")
        text = _with_header(header, SPACE_TEXT.format(credit=INFO["credit"]))
        (draft / "README.md").write_text(text, encoding="utf-8")


def write_model(target: Path) -> None:
    """Writes the shipped model as a `.keras` file, with the model card and the hub's metadata.

    Args:
        target: folder, which is replaced.

    Raises:
        OSError, RuntimeError: as `export()`.
    """
    model, threshold = load_model("baseline_cnn")
    card = (WEIGHTS_DIR / "MODEL_CARD.md").read_text(encoding="utf-8")
    facts = json.loads((WEIGHTS_DIR / "baseline_cnn.json").read_text(encoding="utf-8"))
    with replacing(target) as (draft,):
        draft.mkdir()
        export(model, "keras", draft / "baseline_cnn.keras", threshold=threshold)
        (draft / "README.md").write_text(_with_header(metadata(facts), card), encoding="utf-8")


def metadata(facts: dict) -> ModelCardData:
    """The hub's metadata of the shipped model.

    Args:
        facts: what `baseline_cnn.json` holds.

    Returns:
        `huggingface_hub.ModelCardData`. It names no `datasets`, for the hub wants the names of
        its own there; the scores say on which pictures they were measured. Nor does it name a
        licence: the repository states none for the weights, as the card says.
    """
    results = [
        EvalResult(
            task_type="image-classification",
            dataset_type=name.replace(" ", "-"),
            dataset_name=DATASETS[name],
            metric_type=metric,
            metric_name=ours.replace("_", " "),
            metric_value=round(score[ours], 4),
        )
        for name, score in facts["scores"].items()
        if name in DATASETS
        for metric, ours in METRICS.items()
    ]
    return ModelCardData(
        model_name=facts["model"],
        library_name="keras",
        pipeline_tag="image-classification",
        tags=TAGS,
        metrics=list(METRICS),
        eval_results=results,
    )


def _pin(requirement: str) -> str:
    """`"numpy>=2.0,<3"` as the version that is installed and tested here: `"numpy==2.4.6"`."""
    name = Requirement(requirement).name
    return f"{name}=={version(name)}"


def _with_header(header, text: str) -> str:
    return f"---\n{header.to_yaml()}\n---\n\n{text.lstrip()}"


def main() -> None:
    build = ROOT / "build"
    try:
        write_space(build / "space")
        write_model(build / "model")
    except (ImportError, OSError, ValueError, RuntimeError) as error:
        sys.exit(str(error))
    print("build/space and build/model are written. To publish them, with your name on the hub:")
    for folder, kind in (("space", " --repo-type space"), ("model", "")):
        print(f"hf upload NAME/medmnist-keras build/{folder} .{kind}")


if __name__ == "__main__":
    main()
