"""Files in other formats say in their own runtimes what the model says in Keras."""

import json
import os
import sys

import keras
import numpy as np
import pandas as pd
import pytest
from tiny_data import brightness_model, knowing_model

from medmnist_keras import (
    CLASS_NAMES,
    __main__,
    _commands,
    baseline_cnn,
    export,
    load_model,
    predict,
    resnet50v2,
)
from medmnist_keras.data import draw_phantoms
from medmnist_keras.inference import exporting, formats
from medmnist_keras.inference.exporting import file_name
from medmnist_keras.inference.formats import FORMATS
from medmnist_keras.models import rate

PICTURES = draw_phantoms(2, seed=7)[0]  # none that the export itself looks at


@pytest.fixture(scope="module")
def shipped():
    return load_model("baseline_cnn")


@pytest.fixture(scope="module")
def small():
    return brightness_model()


@pytest.fixture(scope="module")
def knowing():
    return knowing_model()


def run_keras(path, images):
    return keras.saving.load_model(path, safe_mode=True)(images)


def run_saved_model(path, images):
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return loaded.serve(tf.constant(images))


def run_onnx(path, images):
    session = pytest.importorskip("onnxruntime").InferenceSession(path)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"images": images}), strict=True))


def run_litert(path, images):
    runtime = pytest.importorskip("ai_edge_litert.interpreter")
    return runtime.Interpreter(model_path=str(path)).get_signature_runner()(images=images)


def run_openvino(path, images):
    sys.modules.setdefault("openvino_telemetry", None)
    openvino = pytest.importorskip("openvino")
    model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    return {output.any_name: values for output, values in model({"images": images}).items()}


RUNTIMES = {
    "keras": run_keras,
    "saved_model": run_saved_model,
    "onnx": run_onnx,
    "litert": run_litert,
    "litert-int8": run_litert,
    "openvino": run_openvino,
}


@pytest.mark.parametrize("format", FORMATS)
def test_a_model_that_does_not_say_what_it_knows_has_one_output(format, small, tmp_path):
    made = export(small, format, tmp_path / file_name(small, format))
    facts = json.loads((tmp_path / f"{made.path.name}.json").read_text())
    outputs = RUNTIMES[format](made.path, PICTURES.astype(facts["input"]["dtype"]))
    assert list(facts["outputs"]) == list(outputs) == ["probabilities"]
    assert facts["threshold"] is None
    assert made.same_decision is None


@pytest.mark.parametrize("format", FORMATS)
def test_another_program_gets_the_same_answers(format, shipped, tmp_path):
    model, threshold = shipped
    made = export(model, format, tmp_path / file_name(model, format), threshold=threshold)
    facts = json.loads((tmp_path / f"{made.path.name}.json").read_text())
    outputs = RUNTIMES[format](made.path, PICTURES.astype(facts["input"]["dtype"]))
    expected = predict(PICTURES, model=model)
    probabilities = np.asarray(outputs["probabilities"])
    tolerance = 0.05 if format == "litert-int8" else 1e-4
    np.testing.assert_allclose(probabilities, expected[list(CLASS_NAMES)], atol=tolerance)
    assert np.shape(outputs["probability_known"]) == (len(PICTURES),)
    np.testing.assert_allclose(outputs["probability_known"], expected["known"], atol=tolerance)
    assert [facts["class_names"][best] for best in probabilities.argmax(axis=1)] == list(
        expected["answer"]
    )
    assert facts["threshold"] == threshold
    assert facts["below_threshold"] == "none of these"
    assert set(facts["outputs"]) == set(outputs)
    assert made.agreement >= 0.99
    assert made.difference <= (0.2 if format == "litert-int8" else 1e-4)
    whole = 4 * model.count_params()  # bytes, of which batch normalization may be folded in
    low, high = (0.2, 0.3) if format == "litert-int8" else (0.95, 2.5)
    assert low < made.size / whole < high
    # Nothing else is left there.
    names = {made.path.name, f"{made.path.name}.json"}
    assert {path.name for path in tmp_path.iterdir()} - names <= {"baseline_cnn.bin"}


def first_of_onnx(path, images):
    session = pytest.importorskip("onnxruntime").InferenceSession(path)
    return session.run(None, {session.get_inputs()[0].name: images})[0]


def first_of_litert(path, images):
    runtime = pytest.importorskip("ai_edge_litert.interpreter")
    interpreter = runtime.Interpreter(model_path=str(path))
    interpreter.allocate_tensors()
    found = []
    for image in images:
        interpreter.set_tensor(interpreter.get_input_details()[0]["index"], image[None])
        interpreter.invoke()
        found.append(interpreter.get_tensor(interpreter.get_output_details()[0]["index"])[0])
    return np.array(found)


def first_of_openvino(path, images):
    sys.modules.setdefault("openvino_telemetry", None)
    openvino = pytest.importorskip("openvino")
    return openvino.Core().compile_model(path, "CPU")(images)[0]


def first_of_opencv(path, images):
    network = pytest.importorskip("cv2").dnn.readNetFromONNX(str(path))
    found = []
    for image in images:
        network.setInput(image[None])
        found.append(network.forward()[0])
    return np.array(found)


@pytest.mark.parametrize(
    ("format", "usual"),
    [
        ("onnx", first_of_onnx),
        ("litert", first_of_litert),
        ("openvino", first_of_openvino),
        ("onnx", first_of_opencv),
    ],
)
def test_the_first_output_is_the_probabilities_to_whoever_asks_for_no_name(
    format, usual, shipped, tmp_path
):
    model, threshold = shipped
    made = export(model, format, tmp_path / file_name(model, format), threshold=threshold)
    probabilities = usual(made.path, PICTURES.astype("float32"))
    np.testing.assert_allclose(probabilities, rate(model, PICTURES)[0], atol=0.02)
    facts = json.loads((tmp_path / f"{made.path.name}.json").read_text())
    assert list(facts["outputs"]) == ["probabilities", "probability_known"]


def test_an_exported_keras_file_is_loaded_with_its_threshold(shipped, tmp_path):
    model, threshold = shipped
    for given in (threshold, None):
        export(model, "keras", tmp_path / "mine.keras", threshold=given)
        loaded, found = load_model(tmp_path / "mine.keras")
        assert found == given
        answers = predict(PICTURES, model=loaded, threshold=found)
        pd.testing.assert_frame_equal(answers, predict(PICTURES, model=model, threshold=given))
    export(loaded, "keras", tmp_path / "again.keras", threshold=0.5)
    assert load_model(tmp_path / "again.keras")[1] == 0.5


def test_a_threshold_beside_an_export_without_that_output_is_not_used(small, tmp_path):
    export(small, "keras", tmp_path / "mine.keras")
    facts = json.loads((tmp_path / "mine.keras.json").read_text())
    (tmp_path / "mine.keras.json").write_text(json.dumps(facts | {"threshold": 0.5}))
    with pytest.warns(UserWarning, match="of the highest probability, as versions before 0.4"):
        loaded, threshold = load_model(tmp_path / "mine.keras")
    assert threshold is None
    assert predict(PICTURES, model=loaded, threshold=threshold)["known"].isna().all()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"threshold": 2}', '{"threshold": "0.5"}'])
def test_a_spoilt_file_beside_the_model_is_told(text, small, tmp_path):
    export(small, "keras", tmp_path / "mine.keras")
    (tmp_path / "mine.keras.json").write_text(text)
    with pytest.raises(ValueError, match=r"mine\.keras\.json can't be read .*or delete that file"):
        load_model(tmp_path / "mine.keras")


@pytest.mark.slow
def test_resnet50v2_says_the_same_too(tmp_path):
    pytest.importorskip("onnxruntime")
    model = resnet50v2(weights=None, image_size=32)
    made = export(model, "onnx", tmp_path / "resnet50v2.onnx")
    answers = run_onnx(made.path, PICTURES.astype("float32"))["probabilities"]
    np.testing.assert_allclose(answers, model(PICTURES), atol=1e-4)


def test_int8_learns_its_ranges_from_pictures_given(small, tmp_path):
    pytest.importorskip("ai_edge_litert")
    path = tmp_path / "small_int8.tflite"
    # Mid-greys alone: brighter and darker pictures lie beyond what was learned.
    narrow = np.full((4, 64, 64, 1), 127, "uint8")
    with pytest.raises(RuntimeError, match="does not say what it says in Keras"):
        export(small, "litert-int8", path, representative=narrow)
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_says_something_else_is_not_kept(small, tmp_path, monkeypatch):
    def write_other(model, path, representative):
        other = keras.models.clone_model(model)
        other.set_weights([-weights for weights in model.get_weights()])
        other.save(path)

    kind = FORMATS["keras"]._replace(write=write_other)
    monkeypatch.setitem(formats.FORMATS, "keras", kind)
    (tmp_path / "small.keras").write_text("an earlier one")
    with pytest.raises(RuntimeError, match=r"'keras' does not say .* Nothing was kept"):
        export(small, "keras", tmp_path / "small.keras")
    assert [path.name for path in tmp_path.iterdir()] == ["small.keras"]
    assert (tmp_path / "small.keras").read_text() == "an earlier one"


@pytest.mark.parametrize("format", ["keras", "saved_model"])
def test_neighbours_of_the_export_are_left_alone(format, small, tmp_path):
    """A folder whose name began as the export's temporary ones was deleted with all in it."""
    path = tmp_path / file_name(small, format)
    for name in (
        f".{path.name}-backup",
        f".{path.name}-",
        f"{path.name}-old",
        ".medmnist_keras-me",
    ):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mine.txt").touch()
        os.utime(tmp_path / name / "mine.txt", (1e9, 1e9))
        os.utime(tmp_path / name, (1e9, 1e9))
    export(small, format, path)
    assert len(list(tmp_path.glob("*/mine.txt"))) == 4


@pytest.mark.parametrize("off", ["numbers", "classes", "outputs"])
def test_one_check_that_fails_is_enough(off, knowing, tmp_path, monkeypatch):
    real = FORMATS["keras"]

    def load(path):
        run = real.load(path)

        def changed(images):
            probabilities, known = (np.array(output) for output in run(images))
            if off == "numbers":
                return probabilities, known + 1e-3
            if off == "outputs":
                return probabilities, None
            first, second = np.argsort(-probabilities[0])[:2]  # of 96 phantoms: over 1 %
            probabilities[0, [first, second]] = probabilities[0, [second, first]]
            return probabilities, known

        return changed

    difference = 9 if off == "classes" else real.difference
    kind = real._replace(load=load, difference=difference)
    monkeypatch.setitem(formats.FORMATS, "keras", kind)
    with pytest.raises(RuntimeError, match="Nothing was kept"):
        export(knowing, "keras", tmp_path / "small.keras")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("spoilt", ["probabilities", "known"])
def test_an_output_that_is_no_number_is_noticed(spoilt):
    good = np.full((4, 6), 1 / 6), np.full(4, 0.5)
    assert exporting._compare(good, *good, 0.4) == (0, 1, 1)
    outputs = {"probabilities": good[0].copy(), "known": good[1].copy()}
    outputs[spoilt][:] = np.nan
    difference, *_ = exporting._compare(good, outputs["probabilities"], outputs["known"], None)
    assert not difference <= 1e9


def test_decisions_are_the_same_where_both_reject_or_both_name_a_class():
    probabilities = np.eye(6)[[0, 1, 2, 3]]
    expected = probabilities, np.array([0.9, 0.1, 0.9, 0.1])
    # The first and the second agree; the third is another class, the fourth is let in.
    others = np.eye(6)[[0, 5, 5, 3]], np.array([0.8, 0.2, 0.9, 0.6])
    assert exporting._compare(expected, *others, 0.5) == (1, 0.5, 0.5)
    assert exporting._compare(expected, *others, None)[2] is None


def test_noise_and_blank_pictures_need_not_be_of_the_same_class():
    ties = np.full((112, 6), 1 / 6)
    ties[:, 0] += 1e-6
    others = ties.copy()
    others[96:, 1] += 2e-6
    nothing = np.full(112, np.nan)
    assert exporting._compare((ties, nothing), others, None, None)[1] == 1
    others[0, 1] += 2e-6
    assert exporting._compare((ties, nothing), others, None, None)[1] < 1


def test_what_was_there_is_replaced(small, tmp_path):
    folder = tmp_path / "deep" / "small_saved_model"
    (folder / "old").mkdir(parents=True)
    export(small, "saved_model", folder)
    assert (folder / "saved_model.pb").exists()
    assert not (folder / "old").exists()


def test_openvino_tells_nobody(small, tmp_path):
    pytest.importorskip("openvino")
    export(small, "openvino", tmp_path / "a.xml")
    from openvino.tools.ovc import telemetry_utils

    assert telemetry_utils.tm.__name__ == "openvino.tools.ovc.telemetry_stub"


@pytest.mark.parametrize(
    ("format", "name", "options", "message"),
    [
        ("pickle", "a.pickle", {}, "`format` must be one of keras, .* Received: 'pickle'"),
        ("onnx", "a.keras", {}, r"must end in '.onnx' .* Received: path=.*a.keras"),
        ("keras", "a.keras", {"threshold": 2}, "`threshold` must be from 0 to 1. Received"),
        ("keras", "a.keras", {"representative": np.zeros((3, 28, 28))}, r"Received: shape \(3, "),
    ],
)
def test_wrong_arguments(format, name, options, message, small, tmp_path):
    with pytest.raises(ValueError, match=message):
        export(small, format, tmp_path / name, **options)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("threshold", [0, 0.5])
def test_a_threshold_needs_a_model_that_says_what_it_knows(threshold, small, tmp_path):
    with pytest.raises(ValueError, match="which this model doesn't give. Received: threshold=0"):
        export(small, "keras", tmp_path / "a.keras", threshold=threshold)
    assert list(tmp_path.iterdir()) == []


def test_logits_are_refused(tmp_path):
    with pytest.raises(ValueError, match="probabilities that sum to 1"):
        export(baseline_cnn(classifier_activation=None), "keras", tmp_path / "a.keras")


@pytest.fixture
def no_onnx(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)


def test_without_the_extra_the_error_says_what_to_install(no_onnx, small, tmp_path):
    pytest.importorskip("tf2onnx")
    with pytest.raises(ImportError, match=r"onnxruntime.*pip install \"medmnist_keras\[export\]\""):
        export(small, "onnx", tmp_path / "a.onnx")


def test_another_backend_is_told(small, tmp_path, monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match="needs Keras on TensorFlow. Received: Keras on jax"):
        export(small, "saved_model", tmp_path / "a_saved_model")
    assert list(tmp_path.iterdir()) == []


# -- the command ---------------------------------------------------------------------------------


def test_command_goes_on_without_what_is_not_installed(no_onnx, small, tmp_path, capsys):
    small.save(tmp_path / "mine.keras")
    arguments = ["--model", str(tmp_path / "mine.keras"), "--output", str(tmp_path / "out")]
    status = __main__.main(["export", "--format", "onnx", "keras", *arguments])
    out, err = capsys.readouterr()
    assert status == 1
    assert "medmnist_keras[export]" in err
    header, row = out.splitlines()
    assert header.split()[:3] == ["format", "file", "size"]
    assert row.split()[0] == "keras"
    assert "100.0%" in row
    assert (tmp_path / "out" / row.split()[1]).exists()


def test_command_takes_pictures_and_tells_when_there_are_none(small, tmp_path, capsys):
    small.save(tmp_path / "mine.keras")
    (tmp_path / "nothing").mkdir()
    arguments = ["--model", str(tmp_path / "mine.keras"), "--pictures", str(tmp_path / "nothing")]
    assert __main__.main(["export", "--format", "keras", *arguments]) == 2
    assert "--pictures" in capsys.readouterr().err


def test_command_refuses_another_format(capsys):
    with pytest.raises(SystemExit) as caught:
        __main__.main(["export", "--format", "pickle"])
    assert caught.value.code == 2
    assert "invalid choice: 'pickle'" in capsys.readouterr().err


def test_the_command_knows_the_formats():
    assert list(FORMATS) == list(_commands.FORMATS)
