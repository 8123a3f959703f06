"""Training on several machines: how a process joins a job of Slurm or Kubeflow.

Slurm, Kubeflow or whatever else starts the processes; each says its rank, and Keras on JAX does
the rest: the same model in every process, each batch divided among all devices.
"""

from __future__ import annotations

import contextlib
import importlib.util
import os
import sys
import traceback
from dataclasses import replace

from .._keras import keras
from ..data.jobs import Job, current_job

# As JAX names them; Kubeflow Trainer's JAX runtime sets all three, jobs/slurm.sh does too.
ADDRESS_VARIABLE = "JAX_COORDINATOR_ADDRESS"
COUNT_VARIABLE = "JAX_NUM_PROCESSES"
INDEX_VARIABLE = "JAX_PROCESS_ID"


def initialize_job(
    address: str | None = None,
    process_count: int | None = None,
    process_index: int | None = None,
) -> Job:
    """Joins the job that this process was started for, and divides batches among its devices.

    Call it before a model is built or anything computed, in every process of the job. It calls
    `keras.distribution.initialize()` and sets `keras.distribution.DataParallel`: every process
    holds the same weights, reads its own rows (see `read_shards()`), and exchanges gradients.
    Batch normalization sees the whole batch, so the losses are those of one device. In a job of
    one process it divides batches among that machine's devices.

    Args:
        address: host and port of process 0, for example `"node1:12345"`; by default the
            environment variable `JAX_COORDINATOR_ADDRESS`.
        process_count: int of at least 1; by default `JAX_NUM_PROCESSES`.
        process_index: int from 0 to `process_count - 1`; by default `JAX_PROCESS_ID`. Without
            any of the three it is a job of one process.

    Returns:
        `Job`.

    Raises:
        RuntimeError: on another backend than JAX.
        ValueError: when only some of the three are values, or they don't fit together.
    """
    if keras.backend.backend() != "jax":
        raise RuntimeError(
            "`initialize_job` needs Keras on JAX: `keras.distribution` does nothing on TensorFlow, "
            "and its MultiWorkerMirroredStrategy fails in Keras 3's `fit`. Received: the backend "
            f"{keras.backend.backend()!r}; set KERAS_BACKEND=jax before Python starts. Several "
            "GPUs of one machine need no job: build the model within `accelerated()`."
        )
    address, count, index = _place(address, process_count, process_index)

    if importlib.util.find_spec("tensorflow"):
        from .._keras import tensorflow as tf

        tf.config.set_visible_devices([], "GPU")  # it only feeds, and would take all their memory
    if count > 1:
        keras.distribution.initialize(address, count, index)
    keras.distribution.set_distribution(keras.distribution.DataParallel(auto_shard_dataset=False))
    return replace(current_job(), address=address)


@contextlib.contextmanager
def failing_fast():
    """Within it, an error in a job of several processes ends this process at once.

    It is of no use without the others, or they without it, and JAX would have it wait for them
    at its end for up to 100 seconds. Alone, an error is raised as ever.
    """
    try:
        yield
    except Exception as error:
        job = current_job()
        if job.process_count == 1:
            raise
        traceback.print_exc()
        print(
            f"Process {job.process_index + 1} of {job.process_count} failed, or lost another one: "
            f"{error}. The job can't go on; start it again, and with `backup` it resumes after "
            "its last whole epoch.",
            file=sys.stderr,
            flush=True,
        )
        sys.stdout.flush()
        os._exit(1)


def check_strategy(model) -> None:
    """Refuses the ways to distribute that fail, or silently do nothing, on this backend.

    Args:
        model: `keras.Model` that is about to be trained.

    Raises:
        ValueError: for `keras.distribution` on TensorFlow, which `fit` ignores, so that each
            process would train alone; and for `tf.distribute.MultiWorkerMirroredStrategy`,
            which fails in Keras 3's `fit` (keras issue #20585).
    """
    if keras.backend.backend() != "tensorflow":
        return
    import tensorflow as tf

    received, strategy = None, getattr(model, "distribute_strategy", None)
    if keras.distribution.distribution() is not None:
        received = f"{type(keras.distribution.distribution()).__name__}, which TensorFlow ignores"
    elif isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy):
        received = "MultiWorkerMirroredStrategy, which fails in Keras 3"
    if received is not None:
        raise ValueError(
            "Training on several machines needs Keras on JAX. "
            f"Received: {received}; set KERAS_BACKEND=jax before Python starts and "
            "call `initialize_job()`. For several GPUs of one machine build the model within "
            "`accelerated()`."
        )


def _place(address, count, index) -> tuple[str | None, int, int]:
    values = {
        ADDRESS_VARIABLE: address,
        COUNT_VARIABLE: count,
        INDEX_VARIABLE: index,
    }
    values = {
        name: os.environ.get(name) if value is None else value for name, value in values.items()
    }
    received = ", ".join(f"{name}={value!r}" for name, value in values.items())
    if not any(value is not None for value in values.values()):
        return None, 1, 0
    address = values[ADDRESS_VARIABLE]
    try:
        count, index = int(values[COUNT_VARIABLE]), int(values[INDEX_VARIABLE])
    except (TypeError, ValueError):
        count, index = 0, 0
    if not 0 <= index < count or (count > 1 and ":" not in (address or "")):
        raise ValueError(
            "A process must know its job's address (host:port of process 0), the number of "
            f"processes, and its own from 0 on. Received: {received}; set all three, or none for a "
            "job of one process."
        )
    return address, count, index
