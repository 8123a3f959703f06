"""Detects GPUs, chooses the precision, and explains why a GPU is not seen."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from .._keras import keras

_SECONDS = 60  # for a program that answers within a few
# What makes each backend look for GPUs and log what it finds, in an interpreter of its own.
_PROBES = {
    "tensorflow": "import tensorflow; tensorflow.config.list_physical_devices('GPU')",
    "jax": "import jax; jax.devices()",
    "torch": "import torch; torch.cuda.init()",
}
_REMEDIES = {
    "tensorflow": 'pip install "medmnist_keras[cuda]"',
    "jax": 'pip install "jax[cuda12]"',
    "torch": "install PyTorch's build for CUDA, as https://pytorch.org/get-started says",
}
# What stands before a message: a date and time, a level, the place in the source.
_LOG_PREFIX = re.compile(r"^(?:\d{4}-\d\d-\d\d )?[\d:.]+: [IWEF] \S+\] |^[IWEF]\d{4} .*?\] ")


def list_gpus() -> list[str]:
    """Names of the GPUs that the backend computes on; an empty list for none.

    Returns:
        list of str, such as `["NVIDIA H100 80GB HBM3"]`, in the backend's order.
    """
    backend = keras.backend.backend()
    if backend == "torch":
        import torch

        if torch.backends.mps.is_available():
            return ["Apple GPU (MPS)"]
        return [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    if backend == "jax":
        import jax

        # Asking JAX for "gpu" alone raises an error where there is none.
        return [device.device_kind for device in jax.devices() if device.platform == "gpu"]
    import tensorflow as tf

    details = tf.config.experimental.get_device_details
    return [
        details(device).get("device_name", device.name)
        for device in tf.config.list_physical_devices("GPU")
    ]


def hardware_name() -> str:
    """What computes, such as `"2 CPU cores, no GPU"` or `"8 CPU cores, 1 GPU (NVIDIA L4)"`."""
    gpus = list_gpus()
    kinds = ", ".join(dict.fromkeys(gpus))
    return f"{os.cpu_count()} CPU cores, {f'{len(gpus)} GPU ({kinds})' if gpus else 'no GPU'}"


def hardware_line() -> str:
    """Says what computes and in what precision, for the reader of a notebook.

    Returns:
        str, one line.
    """
    line = (
        f"Computes on {hardware_name()}: the baseline in {keras.config.dtype_policy().name}, "
        f"ResNet50V2 in {_mixed_precision()}"
    )
    if not list_gpus() and (cards := nvidia_cards()):
        line += (
            f". {', '.join(cards)} is in this machine, and {keras.backend.backend()} does not see "
            "it: `python -m medmnist_keras check` says why"
        )
    return line


def nvidia_cards(fields: str = "name") -> list[str]:
    """The NVIDIA GPUs that the driver sees, whatever the backend sees; may be empty.

    Args:
        fields: str, what to tell of each, as `nvidia-smi --help-query-gpu` lists it.

    Returns:
        list of str, one for each GPU.
    """
    done = _answer("nvidia-smi", f"--query-gpu={fields}", "--format=csv,noheader")
    if done is None or done.returncode:
        return []
    return [name for line in done.stdout.splitlines() if (name := line.strip())]


def why_no_gpu() -> str:
    """Why the backend sees no GPU where there is one, in its own words, and what to do."""
    backend = keras.backend.backend()
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    if hidden is not None and hidden.strip() in ("", "-1"):
        return f"CUDA_VISIBLE_DEVICES={hidden!r} hides it; unset that variable."
    if backend == "tensorflow" and platform.system() == "Windows":
        return "TensorFlow computes on the CPU alone under Windows; on WSL2 it takes the GPU."
    done = _answer(sys.executable, "-c", _PROBES[backend], TF_CPP_MIN_LOG_LEVEL="0")
    words = ("cuda", "gpu", "cudnn", "libdevice", "driver", "nvidia")
    messages = [
        _LOG_PREFIX.sub("", line).strip()
        for line in (done.stderr if done else "").splitlines()
        if any(word in line.lower() for word in words)
    ]
    # Of a traceback, the last line; of a log, what it says, once.
    messages = [line for line in messages if not line.startswith(("File ", "raise "))]
    reason = " ".join(dict.fromkeys(messages)) or "It gives no reason."
    return f"It says: {reason} Try: {_REMEDIES[backend]}, then restart Python."


@contextlib.contextmanager
def accelerated() -> Iterator[str]:
    """Builds models for the hardware at hand: mixed precision, and all GPUs of this machine.

    Within it, on a GPU, models compute in float16 and keep float32 weights
    (https://arxiv.org/abs/1710.03740); with several GPUs under TensorFlow each batch is divided
    among them by `tf.distribute.MirroredStrategy`. On a CPU with bfloat16 instructions models
    compute in bfloat16 (2.4 times the float32 speed, measured on ResNet50V2 at 64 pixels);
    on another CPU, and on Apple's GPUs, the precision stays what it is.

    Returns:
        A context manager; `as` gives the line, str, that says what computes and in what
        precision, such as `"2 CPU cores, no GPU, in mixed_bfloat16"`.
    """
    scope = contextlib.nullcontext()
    if keras.backend.backend() == "tensorflow" and len(list_gpus()) > 1:
        import tensorflow as tf

        scope = tf.distribute.MirroredStrategy().scope()
    policy = _mixed_precision()
    with precision(policy), scope:
        yield f"{hardware_name()}, in {policy}"


@contextlib.contextmanager
def precision(policy: str) -> Iterator[None]:
    """Within it models are built in this precision, such as `"mixed_bfloat16"`.

    Args:
        policy: str, the name of a `keras.DTypePolicy`.

    Returns:
        A context manager.
    """
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def jit_compile():
    """What `compile()` takes: XLA for one GPU, and wherever JAX computes.

    With TensorFlow on a CPU XLA halves the baseline's speed, and several GPUs can't exchange
    gradients within an XLA step.
    """
    if keras.backend.backend() == "tensorflow" and len(list_gpus()) != 1:
        return False
    return "auto"


def _mixed_precision() -> str:
    gpus, backend = list_gpus(), keras.backend.backend()
    if gpus and not gpus[0].startswith("Apple"):
        return "mixed_float16"
    if not gpus and backend == "tensorflow" and _cpu_has_bfloat16():
        return "mixed_bfloat16"
    return keras.config.dtype_policy().name


def _cpu_has_bfloat16() -> bool:
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="ignore")
    except OSError:
        return False  # not Linux: no cheap way to tell
    return "avx512_bf16" in flags or "amx_bf16" in flags


def _answer(program: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess | None:
    """What a program prints; `None` where it isn't there or doesn't answer."""
    if not (path := shutil.which(program)):
        return None
    try:
        return subprocess.run(
            [path, *arguments],
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=_SECONDS,
            env=os.environ | variables,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
