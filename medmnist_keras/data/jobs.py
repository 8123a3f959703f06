"""The index of this process in a multi-process job, which decides which rows it reads."""

from __future__ import annotations

from dataclasses import dataclass

from .._keras import keras


@dataclass(frozen=True)
class Job:
    """One process's place in a job; printing it tells what joined.

    Attributes:
        process_index: int from 0. Process 0 alone writes checkpoints, models and logs.
        process_count: int, processes in the job.
        device_count: int, devices of all processes together, which share each batch.
        address: host and port of process 0, where all processes meet; `None` for one process.
    """

    process_index: int = 0
    process_count: int = 1
    device_count: int = 1
    address: str | None = None

    @property
    def is_writer(self) -> bool:
        """Whether this is the one process that writes."""
        return self.process_index == 0

    def __str__(self):
        place = "alone" if self.process_count == 1 else f"meeting at {self.address}"
        return (
            f"Process {self.process_index + 1} of {self.process_count} ({place}): "
            f"{self.device_count} devices in all, {keras.backend.backend()} backend."
        )


def current_job() -> Job:
    """This process's place, after `initialize_job()`; else that of a process alone."""
    distribution = keras.distribution.distribution()
    if distribution is None or keras.backend.backend() != "jax":
        return Job()
    import jax  # no public name of Keras tells which process this is

    return Job(jax.process_index(), jax.process_count(), len(distribution.device_mesh.devices))
