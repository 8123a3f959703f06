"""Keras, and TensorFlow where it is asked for, imported without TensorFlow's start-up log.

Nobody in a notebook or an audience needs that log, and no setting silences it wholly; `check`
shows what it says of GPUs. Sets environment variables that are not set yet: the log's level, and
that memory of a GPU is taken as it is needed, for otherwise one notebook leaves none to the next.
TensorFlow's logger stays at errors: it advises about retracing whenever several models predict in
one session.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import logging
import os
from collections.abc import Iterator
from typing import Any

# 3, for without a GPU TensorFlow logs an error that is none. What goes wrong is raised as ever.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # the same for JAX


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """C++ writes to file descriptor 2, past Python's sys.stderr."""
    try:
        stderr = os.dup(2)
    except OSError:  # closed, so quiet already
        yield
        return
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(nowhere)


_BACKENDS = ("tensorflow", "jax", "torch")

try:
    with _quietly():
        import keras
        from keras import layers
except ModuleNotFoundError as error:
    if error.name not in _BACKENDS:
        raise
    here = [name for name in _BACKENDS if importlib.util.find_spec(name)]
    advice = (
        f"{' and '.join(here)} can be used here: set the environment variable "
        f"KERAS_BACKEND={here[0]} before Python starts"
        if here
        else "none of them is installed: pip install tensorflow"
    )
    raise ModuleNotFoundError(
        "Keras computes on TensorFlow, JAX or PyTorch. "
        f"Received: the backend {error.name!r}, which isn't installed; {advice}.",
        name=error.name,
    ) from error

logging.getLogger("tensorflow").setLevel(logging.ERROR)

__all__ = ["keras", "layers"]


def __getattr__(name: str) -> Any:
    """`from ._keras import tensorflow as tf`: models on other backends do without it."""
    if name != "tensorflow":
        raise AttributeError(name)
    try:
        with _quietly():
            return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name != name:
            raise
        raise ModuleNotFoundError(
            "This needs TensorFlow, whatever backend Keras computes on: tf.data, shards, robust "
            "layers and exports are made of it. Received: a Python that hasn't it; pip install "
            "tensorflow. Models load, train on arrays, predict and explain without it.",
            name=name,
        ) from error
