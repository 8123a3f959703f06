"""What computes, what is told of it, and why a GPU that is there isn't seen."""

import contextlib
import os
import subprocess
import sys
from types import SimpleNamespace

import keras
import pytest

from medmnist_keras.training import accelerated, hardware


@pytest.fixture
def gpus(monkeypatch):
    """Lets the backend see these GPUs."""

    def see(*names):
        monkeypatch.setattr(hardware, "list_gpus", lambda: list(names))
        monkeypatch.setattr(hardware, "nvidia_cards", list)

    return see


@pytest.fixture
def nvidia_smi(tmp_path, monkeypatch):
    """Puts a stand-in for `nvidia-smi` first on the path, with these lines of a shell script."""

    def put(script):
        program = tmp_path / "bin" / "nvidia-smi"
        program.parent.mkdir()
        program.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")

    return put


needs_shell = pytest.mark.skipif(os.name == "nt", reason="the stand-in is a shell script")


def test_no_gpu_here_or_it_has_a_name():
    for name in hardware.list_gpus():
        assert name
    assert hardware.hardware_name().startswith(f"{os.cpu_count()} CPU cores, ")


@pytest.mark.parametrize(
    ("names", "told"),
    [
        ([], "no GPU"),
        (["NVIDIA L4"], "1 GPU (NVIDIA L4)"),
        (["NVIDIA L4", "NVIDIA L4"], "2 GPU (NVIDIA L4)"),
        (["NVIDIA L4", "NVIDIA T4"], "2 GPU (NVIDIA L4, NVIDIA T4)"),
    ],
)
def test_hardware_is_named(gpus, names, told):
    gpus(*names)
    assert hardware.hardware_name() == f"{os.cpu_count()} CPU cores, {told}"


@pytest.mark.parametrize(
    ("names", "bfloat16", "precision"),
    [
        (["NVIDIA L4"], False, "mixed_float16"),
        (["Apple GPU (MPS)"], False, "float32"),
        (["Apple GPU (MPS)"], True, "float32"),
        ([], True, "mixed_bfloat16" if keras.backend.backend() == "tensorflow" else "float32"),
        ([], False, "float32"),
    ],
)
def test_precision_that_suits_the_hardware_is_told(gpus, monkeypatch, names, bfloat16, precision):
    gpus(*names)
    monkeypatch.setattr(hardware, "_cpu_has_bfloat16", lambda: bfloat16)
    with accelerated() as line:
        assert keras.config.dtype_policy().name == precision
    assert line == f"{hardware.hardware_name()}, in {precision}"
    whole = hardware.hardware_line()
    assert whole.endswith(f"the baseline in float32, ResNet50V2 in {precision}")
    assert len(whole.splitlines()) == 1


def test_a_policy_that_nothing_here_improves_stays(gpus, monkeypatch):
    gpus()
    monkeypatch.setattr(hardware, "_cpu_has_bfloat16", lambda: False)
    keras.config.set_dtype_policy("float64")
    try:
        with accelerated() as line:
            assert keras.config.dtype_policy().name == "float64"
        assert line.endswith("in float64")
        assert keras.config.dtype_policy().name == "float64"
    finally:
        keras.config.set_dtype_policy("float32")


def test_user_policy_is_as_before(gpus):
    gpus("NVIDIA L4")
    with contextlib.suppress(KeyError), accelerated():
        raise KeyError
    assert keras.config.dtype_policy().name == "float32"


@needs_shell
def test_a_card_that_the_backend_does_not_see_is_told_in_one_line(gpus, nvidia_smi, monkeypatch):
    gpus()
    monkeypatch.undo()
    monkeypatch.setattr(hardware, "list_gpus", list)
    nvidia_smi("echo 'NVIDIA L4'")
    line = hardware.hardware_line()
    assert "NVIDIA L4 is in this machine" in line
    assert "python -m medmnist_keras check" in line
    assert len(line.splitlines()) == 1
    monkeypatch.setattr(hardware, "list_gpus", lambda: ["NVIDIA L4"])
    assert "in this machine" not in hardware.hardware_line()


@needs_shell
@pytest.mark.parametrize(
    ("script", "cards"),
    [
        ("echo 'NVIDIA L4'; echo ' NVIDIA T4 '", ["NVIDIA L4", "NVIDIA T4"]),
        ("echo NVIDIA-SMI has failed; exit 9", []),
        ("exit 0", []),
    ],
)
def test_cards_are_those_that_the_driver_lists(nvidia_smi, script, cards):
    nvidia_smi(f'test "$1" = --query-gpu=name || exit 2\n{script}')
    assert hardware.nvidia_cards() == cards


def test_no_driver_no_cards(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert hardware.nvidia_cards() == []


def test_a_driver_that_hangs_is_no_card(monkeypatch):
    def hang(command, **options):
        raise subprocess.TimeoutExpired(command, options["timeout"])

    monkeypatch.setattr(hardware.shutil, "which", lambda name: name)
    monkeypatch.setattr(hardware.subprocess, "run", hang)
    assert hardware.nvidia_cards() == []


def says(monkeypatch, backend, stderr):
    monkeypatch.setattr(hardware.keras.backend, "backend", lambda: backend)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(
        hardware.subprocess, "run", lambda *_, **__: SimpleNamespace(stderr=stderr, returncode=0)
    )
    return hardware.why_no_gpu()


LIBRARIES = "Cannot dlopen some GPU libraries. Skipping registering GPU devices..."


def test_the_reason_is_the_backends_own_without_its_log_marks(monkeypatch):
    log = (
        "2026-11-27 11:20:43.100000: I tensorflow/core/platform/cpu_feature_guard.cc:210] This "
        "TensorFlow binary is optimized to use available CPU instructions.\n"
        f"W0000 00:00:1700000000.000001 42 gpu_device.cc:2341] {LIBRARIES}\n"
        f"2026-11-27 11:20:43.2: W tensorflow/core/gpu_device.cc:2341] {LIBRARIES}\n"
    )
    assert says(monkeypatch, "tensorflow", log) == (
        f'It says: {LIBRARIES} Try: pip install "medmnist_keras[cuda]", then restart Python.'
    )


def test_the_last_line_of_a_traceback_is_the_reason(monkeypatch):
    traceback = (
        "Traceback (most recent call last):\n"
        '  File "/site-packages/torch/cuda/__init__.py", line 403, in _lazy_init\n'
        '    raise AssertionError("Torch not compiled with CUDA enabled")\n'
        "AssertionError: Torch not compiled with CUDA enabled\n"
    )
    told = says(monkeypatch, "torch", traceback)
    assert told.startswith("It says: AssertionError: Torch not compiled with CUDA enabled Try: ")


def test_a_backend_without_a_word_is_told(monkeypatch):
    assert 'It gives no reason. Try: pip install "jax[cuda' in says(monkeypatch, "jax", "")


@pytest.mark.parametrize("hidden", ["", "-1", " "])
def test_a_variable_that_hides_the_gpu_is_the_reason(monkeypatch, hidden):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", hidden)
    assert f"CUDA_VISIBLE_DEVICES={hidden!r} hides it" in hardware.why_no_gpu()


def test_a_variable_that_names_a_gpu_hides_none(monkeypatch):
    says(monkeypatch, "jax", "")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    assert hardware.why_no_gpu().startswith("It says: It gives no reason.")


def test_under_windows_tensorflow_needs_wsl(monkeypatch):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setattr(hardware.keras.backend, "backend", lambda: "tensorflow")
    monkeypatch.setattr(hardware.platform, "system", lambda: "Windows")
    assert "WSL2" in hardware.why_no_gpu()


@needs_shell
def test_check_tells_of_the_hidden_gpu_and_why(nvidia_smi):
    """The whole command, with TensorFlow's true reason on a machine that has no GPU."""
    nvidia_smi("echo 'NVIDIA L4'")
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in ("CUDA_VISIBLE_DEVICES", "TF_CPP_MIN_LOG_LEVEL", "KERAS_BACKEND")
    }
    done = subprocess.run(
        [sys.executable, "-m", "medmnist_keras", "check"],
        capture_output=True,
        text=True,
        env=environment,
    )
    line = done.stdout.splitlines()[-1]
    if line.startswith("[ok]"):
        pytest.skip("this machine has a GPU that TensorFlow sees")
    assert line.startswith(
        "[missing] GPU (optional): NVIDIA L4 is here, but tensorflow does not see it. It says: "
    )
    assert "no reason" not in line
    assert line.endswith('Try: pip install "medmnist_keras[cuda]", then restart Python.')


def test_memory_of_a_gpu_is_taken_as_needed_unless_the_user_says_otherwise():
    code = (
        "import os, medmnist_keras.training.hardware\n"
        "print(os.environ['TF_FORCE_GPU_ALLOW_GROWTH'], "
        "os.environ['XLA_PYTHON_CLIENT_PREALLOCATE'])"
    )
    names = ("TF_FORCE_GPU_ALLOW_GROWTH", "XLA_PYTHON_CLIENT_PREALLOCATE")
    bare = {name: value for name, value in os.environ.items() if name not in names}
    for own, told in (({}, "true false"), ({names[0]: "false"}, "false false")):
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, env=bare | own
        )
        assert done.stdout.split() == told.split(), done.stderr
