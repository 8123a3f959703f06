"""The formats that a model is exported to: how each is written, and loaded in its own runtime."""

from __future__ import annotations

import importlib.metadata
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import NamedTuple, cast

import numpy as np

from .._keras import keras
from ..models.known import KNOWN, PROBABILITIES, split_outputs
from ..models.networks import INPUT_SHAPE

INPUT = "images"
_HINT = 'Run: pip install "medmnist_keras[export]"'
Run = Callable[[np.ndarray], "tuple[np.ndarray, np.ndarray | None]"]


def complete(model) -> keras.Model:
    """The model with its outputs by name."""
    if isinstance(model.output, dict):
        return model
    return keras.Model(model.inputs[0], {PROBABILITIES: model.outputs[0]}, name=model.name)


def _write_keras(model, path: Path, representative) -> None:
    model.save(path)


def _write_saved_model(model, path: Path, representative) -> None:
    model.export(path, format="tf_saved_model", verbose=False, input_signature=_signature())


def _write_onnx(model, path: Path, representative) -> None:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*np.object.*", FutureWarning)  # of Keras' own code
        model.export(str(path), format="onnx", verbose=False, input_signature=_signature())


def _write_litert(model, path: Path, representative) -> None:
    model.export(str(path), format="litert", verbose=False, input_signature=_signature())
    _put_probabilities_first(path)


def _put_probabilities_first(path: Path) -> None:
    """The converter lists outputs in an order of its own; signatures name them whatever it is."""
    from tensorflow.lite.tools import flatbuffer_utils

    content = flatbuffer_utils.read_model(str(path))
    graph = content.subgraphs[0]
    graph.outputs = sorted(graph.outputs, key=lambda index: -len(graph.tensors[index].shape))
    flatbuffer_utils.write_model(content, str(path))


def _write_litert_int8(model, path: Path, representative) -> None:
    from .._keras import tensorflow as tf

    def examples():
        for image in representative:
            yield [image[np.newaxis].astype("float32")]

    model.export(
        str(path),
        format="litert",
        verbose=False,
        input_signature=_signature(),
        optimizations=[tf.lite.Optimize.DEFAULT],
        representative_dataset=examples,
        target_spec={"supported_ops": [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]},
        inference_input_type=tf.uint8,
    )
    _put_probabilities_first(path)


def _write_openvino(model, path: Path, representative) -> None:
    import openvino

    # By way of a SavedModel: on Python 3.13 OpenVINO can't take models from memory (2026.4).
    with tempfile.TemporaryDirectory() as folder:
        _write_saved_model(model, Path(folder), representative)
        openvino.save_model(openvino.convert_model(folder), path, compress_to_fp16=False)


def _signature() -> list:
    # Its name is that of the input in the file.
    return [keras.InputSpec(shape=(None, *INPUT_SHAPE), dtype="float32", name=INPUT)]


def _load_keras(path: Path) -> Run:
    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    return lambda images: split_outputs(model.predict_on_batch(images))


def _load_saved_model(path: Path) -> Run:
    from .._keras import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    serve = loaded.signatures["serving_default"]

    # `loaded` goes along: its variables live no longer than it does.
    def run(images, _kept=loaded):
        return split_outputs(serve(**{INPUT: tf.constant(images)}))

    return run


def _load_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return lambda images: split_outputs(
        dict(zip(names, session.run(names, {INPUT: images}), strict=True))
    )


def _load_litert(path: Path) -> Run:
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(path))
    run = interpreter.get_signature_runner()
    return lambda images: split_outputs(run(**{INPUT: images}))


def _load_openvino(path: Path) -> Run:
    import openvino

    # Processors that can would compute in bfloat16, which costs three digits.
    compiled = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    present = set().union(*(output.names for output in compiled.outputs))
    names = [name for name in (PROBABILITIES, KNOWN) if name in present]

    def run(images):
        outputs = compiled({INPUT: images})
        return split_outputs({name: outputs[name] for name in names})

    return run


class Format(NamedTuple):
    """How a format is written and loaded, what that needs, and how near it has to be."""

    ending: str
    write: Callable
    load: Callable[[Path], Run]
    packages: tuple[str, ...] = ()
    dtype: str = "float32"
    difference: float = 1e-4


FORMATS = {
    "keras": Format(".keras", _write_keras, _load_keras),
    "saved_model": Format("_saved_model", _write_saved_model, _load_saved_model),
    "onnx": Format(".onnx", _write_onnx, _load_onnx, ("onnx", "tf2onnx", "onnxruntime")),
    "litert": Format(".tflite", _write_litert, _load_litert, ("ai_edge_litert",)),
    "litert-int8": Format(
        "_int8.tflite",
        _write_litert_int8,
        _load_litert,
        ("ai_edge_litert",),
        dtype="uint8",
        difference=0.2,
    ),
    "openvino": Format(".xml", _write_openvino, _load_openvino, ("openvino",)),
}


def find_format(format) -> Format:
    if format not in FORMATS:
        raise ValueError(f"`format` must be one of {', '.join(FORMATS)}. Received: {format!r}")
    return FORMATS[format]


def check_backend(format) -> None:
    if format != "keras" and keras.backend.backend() != "tensorflow":
        raise RuntimeError(
            f"format={format!r} needs Keras on TensorFlow. Received: Keras on "
            f'{keras.backend.backend()}; save the model as format="keras", and export it with '
            "KERAS_BACKEND=tensorflow."
        )


def check_packages(format, kind: Format) -> None:
    if format == "openvino":
        # It tells its makers of each import and conversion, unless this can't be imported.
        sys.modules.setdefault("openvino_telemetry", cast(ModuleType, None))
    for package in kind.packages:
        try:
            importlib.import_module(package)
        except ImportError as error:
            raise ImportError(
                f"format={format!r} needs {package}, which can't be imported ({error}). {_HINT}"
            ) from error
