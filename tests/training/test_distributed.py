"""Jobs of several processes, on this machine: the tests start them as an engine would."""

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest

from medmnist_keras import __main__
from medmnist_keras.data import draw_phantoms, write_shards
from medmnist_keras.data.jobs import Job, current_job
from medmnist_keras.training import initialize_job
from medmnist_keras.training.distributed import _place, check_strategy

JOBS = Path(__file__).parents[2] / "jobs"
LIMIT = 90  # seconds, less than JAX's own 100; a job that takes longer hangs
DIED = 9

needs_jax = pytest.mark.skipif(
    importlib.util.find_spec("jax") is None, reason="jax is not installed"
)

# A network without dropout on rows in a fixed order, so that the losses of jobs can be compared; at
# a rate at which rounding stays rounding, where at three times as much it grows to a thousandth.
# With a third argument the last process dies in the second step of that epoch.
SCRIPT = f"""
import json, os, sys, keras
import medmnist_keras as mk
from medmnist_keras.data import read_shards
from medmnist_keras.models import speed_cnn
from medmnist_keras.training import initialize_job

shards, backup, dies = sys.argv[1:]

def run(**arguments):
    keras.utils.set_random_seed(0)
    history = mk.train(
        speed_cnn(), read_shards(shards, 16), read_shards(shards, 16), epochs=3, verbose=2,
        learning_rate=1e-3, **arguments,
    )
    print("history", json.dumps(history.history), flush=True)

if dies == "after one device":
    run()
job = initialize_job()
print(job, flush=True)

class Death(keras.callbacks.TerminateOnNaN):
    def on_epoch_begin(self, epoch, logs=None):
        self.armed = str(epoch) == dies and job.process_index == job.process_count - 1
    def on_train_batch_end(self, batch, logs=None):
        if self.armed and batch == 1:
            os._exit({DIED})
keras.callbacks.TerminateOnNaN = Death

run(backup=backup.format(job.process_index))
"""


class Ended(SimpleNamespace):
    """What a process left: its exit status, its output, the histories of its runs."""

    def __init__(self, code, output):
        found = re.findall("^history (.*)", output, re.MULTILINE)
        super().__init__(code=code, output=output, histories=[json.loads(line) for line in found])


def start(processes, *arguments, devices=1, limit=LIMIT):
    """Starts a job and waits for it; one that hangs fails the test."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "KERAS_BACKEND": "jax",
        "JAX_PLATFORMS": "cpu",
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}",
    }
    if processes > 1:
        environment |= {
            "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{port}",
            "JAX_NUM_PROCESSES": str(processes),
        }
    running = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *map(str, arguments)],
            env=environment | ({"JAX_PROCESS_ID": str(index)} if processes > 1 else {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for index in range(processes)
    ]
    try:
        end = time.monotonic() + limit
        outputs = [process.communicate(timeout=end - time.monotonic())[0] for process in running]
    finally:
        for process in running:
            process.kill()
    return [Ended(*both) for both in zip([p.returncode for p in running], outputs, strict=True)]


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    """64 pictures in four shards."""
    images, labels = draw_phantoms(11)
    rows = np.random.default_rng(0).permutation(len(images))[:64]
    folder = tmp_path_factory.mktemp("shards") / "set"
    write_shards(((images[row], labels[row]) for row in rows), folder, shards=4)
    return folder


@pytest.fixture(scope="module")
def single(shards, tmp_path_factory):
    """One process that trains on one device, joins, and trains on both of its devices."""
    (ended,) = start(1, shards, tmp_path_factory.mktemp("single"), "after one device", devices=2)
    assert ended.code == 0, ended.output
    assert "Process 1 of 1 (alone): 2 devices in all" in ended.output
    return ended


@pytest.fixture(scope="module")
def alone(single):
    """The history on one device."""
    return single.histories[0]


def assert_same(history, expected):
    assert history.keys() == expected.keys()
    for name, values in expected.items():
        np.testing.assert_allclose(history[name], values, rtol=1e-5, err_msg=name)


# -- the same losses -----------------------------------------------------------------------------


@needs_jax
def test_two_devices_of_one_process_train_as_one(single, alone):
    assert_same(single.histories[1], alone)


@needs_jax
@pytest.mark.slow
def test_two_processes_train_as_one_and_one_of_them_writes(shards, alone, tmp_path):
    first, second = start(2, shards, tmp_path / "state" / "of_process_{}", "never")
    assert (first.code, second.code) == (0, 0), first.output + second.output
    assert "Process 1 of 2 (meeting at 127.0.0.1:" in first.output
    assert "Process 2 of 2" in second.output
    assert "2 devices in all" in second.output
    assert first.histories == second.histories
    assert_same(first.histories[0], alone)
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["of_process_0"]
    assert "Epoch 3/3" in first.output
    assert "Epoch" not in second.output


@needs_jax
@pytest.mark.slow
def test_a_process_that_dies_ends_the_job_which_then_goes_on(shards, alone, tmp_path):
    first, second = start(2, shards, tmp_path / "state", "1")
    assert (first.code, second.code) == (1, DIED)
    assert "Process 1 of 2 failed, or lost another one: " in first.output
    assert "start it again" in first.output
    assert [path.name for path in (tmp_path / "state").iterdir()] == ["epoch-00001"]
    first, second = start(2, shards, tmp_path / "state", "never")
    assert (first.code, second.code) == (0, 0), first.output + second.output
    assert "Epoch 1/3" not in first.output  # nothing but the epoch in hand was lost
    assert_same(first.histories[0], alone)


# -- joining -------------------------------------------------------------------------------------


def test_place_comes_from_the_environment_or_arguments(monkeypatch):
    for name in ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID"):
        monkeypatch.delenv(name, raising=False)
    assert _place(None, None, None) == (None, 1, 0)
    assert _place("node1:1234", 3, 2) == ("node1:1234", 3, 2)
    assert _place(None, 1, 0) == (None, 1, 0)
    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "node7:99")
    monkeypatch.setenv("JAX_NUM_PROCESSES", "4")
    with pytest.raises(ValueError, match="JAX_PROCESS_ID=None; set all three"):
        _place(None, None, None)
    monkeypatch.setenv("JAX_PROCESS_ID", "3")
    assert _place(None, None, None) == ("node7:99", 4, 3)
    for wrong in ({"index": 4}, {"index": -1}, {"count": "two"}, {"address": "node7"}):
        with pytest.raises(ValueError, match="Received: JAX_COORDINATOR_ADDRESS="):
            _place(**({"address": None, "count": None, "index": None} | wrong))


def test_tensorflow_is_refused_with_what_to_do():
    assert keras.backend.backend() == "tensorflow"
    with pytest.raises(RuntimeError, match="'tensorflow'; set KERAS_BACKEND=jax before"):
        initialize_job()


def test_ways_to_distribute_that_do_not_work_are_refused():
    import tensorflow as tf

    check_strategy(SimpleNamespace())
    check_strategy(SimpleNamespace(distribute_strategy=tf.distribute.get_strategy()))
    broken = object.__new__(tf.distribute.MultiWorkerMirroredStrategy)
    with pytest.raises(ValueError, match="MultiWorkerMirroredStrategy.*call `initialize_job"):
        check_strategy(SimpleNamespace(distribute_strategy=broken))


def test_keras_distribution_on_tensorflow_is_refused():
    try:
        parallel = keras.distribution.DataParallel(devices=["cpu:0"])
    except AttributeError:
        pytest.skip("Keras 3.13 can't make one on TensorFlow")
    with (
        parallel.scope(),
        pytest.raises(ValueError, match="Received: DataParallel, which TensorFlow ignores"),
    ):
        check_strategy(SimpleNamespace())


def test_without_a_job_a_process_is_alone_and_writes():
    assert current_job() == Job(0, 1, 1, None)
    assert current_job().is_writer
    assert not Job(1, 2, 2, "node1:1").is_writer


# -- the commands --------------------------------------------------------------------------------


def test_commands_write_shards_train_on_them_and_know_when_they_are_done(tmp_path, capsys):
    sets, output = str(tmp_path / "sets"), tmp_path / "run"
    phantoms = ["--source", "phantoms", "--images-per-class", "20", "--shards", "2"]
    assert __main__.main(["shards", sets, *phantoms]) == 0
    told = capsys.readouterr().out
    assert re.search("train: 96 pictures, 2 shards, [0-9,]+ bytes", told)
    assert __main__.main(["shards", sets, *phantoms]) == 2
    assert "must not hold a set already" in capsys.readouterr().err
    command = ["train", sets, "--output", str(output), "--epochs", "1", "--batch-size", "16"]
    assert __main__.main(command) == 0
    told = capsys.readouterr().out
    assert told.startswith("Process 1 of 1 (alone)")
    last = told.splitlines()[-1]
    assert re.match(r"Epoch 1 of 1 was best: validation loss \d\.\d+, accuracy", last)
    assert keras.saving.load_model(output / "model.keras").count_params() == 98_758
    assert __main__.main(command) == 0  # an engine that starts it again does no harm
    told = capsys.readouterr().out
    assert told.splitlines()[-1] == last
    assert "Epoch 1/1" not in told
    assert __main__.main([*command, "--epochs", "2"]) == 2
    assert "choose another folder" in capsys.readouterr().err


# -- job files -----------------------------------------------------------------------------------


def program(folder, name, text):
    (folder / name).write_text(f"#!/bin/bash\n{text}\n")
    (folder / name).chmod(0o755)


@pytest.mark.skipif(os.name == "nt", reason="Slurm runs on Linux")
def test_slurm_file_starts_each_process_with_its_place(tmp_path):
    """Run by stand-ins of Slurm's commands and of Python."""
    program(tmp_path, "scontrol", '[ "$*" = "show hostnames n[3-4]" ] && echo n3 && echo n4')
    program(tmp_path, "srun", 'shift\nfor id in 0 1; do SLURM_PROCID=$id "$@"; done')
    program(
        tmp_path,
        "python",
        "echo $KERAS_BACKEND $JAX_COORDINATOR_ADDRESS $JAX_NUM_PROCESSES $JAX_PROCESS_ID $*",
    )
    environment = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "SLURM_JOB_NODELIST": "n[3-4]",
        "SLURM_JOB_ID": "1234567",
        "SLURM_NTASKS": "2",
    }
    command = ["bash", JOBS / "slurm.sh", "my shards", "out", "--epochs", "7"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = "-m medmnist_keras train my shards --output out --epochs 7"
    assert done.stdout.splitlines() == [f"jax n3:24567 2 {index} {told}" for index in (0, 1)]
    none = subprocess.run(command[:2], env=environment, capture_output=True, text=True)
    assert none.returncode != 0
    assert "folder of shards" in none.stderr


def test_kubeflow_file_names_runtime_command_and_backend():
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((JOBS / "kubeflow.yaml").read_text(encoding="utf-8"))
    trainer = job["spec"]["trainer"]
    assert job["kind"] == "TrainJob"
    assert job["spec"]["runtimeRef"]["name"] == "jax-distributed"
    assert trainer["numNodes"] == 2
    assert trainer["command"][:3] == ["python", "-m", "medmnist_keras"]
    options = __main__._parser().parse_args([*trainer["command"][3:], *trainer["args"]])
    assert (options.folder, options.output, options.epochs) == ("/data/shards", "/data/run", 10)
    assert {"name": "KERAS_BACKEND", "value": "jax"} in trainer["env"]
