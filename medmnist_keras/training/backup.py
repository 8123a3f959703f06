"""Saves the training state after each epoch, so that an interrupted run can resume."""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path

import numpy as np

from .._keras import keras
from ..data.jobs import current_job
from ..storage import replacing


class BestEpoch(keras.callbacks.Callback):
    """Keeps, in memory, the weights of the epoch with the least validation loss.

    Keras's `EarlyStopping` begins anew with each `fit()`, and never lets go of a first epoch
    whose loss is not a number.

    Attributes:
        loss: float, the least validation loss so far.
        weights: list of arrays as of `get_weights()`, `None` while no epoch had a finite loss.
    """

    def __init__(self):
        super().__init__()
        self.loss, self.weights = np.inf, None

    def on_epoch_end(self, epoch, logs=None):
        if logs["val_loss"] < self.loss:
            self.loss, self.weights = float(logs["val_loss"]), self.model.get_weights()


class Backup(keras.callbacks.Callback):
    """Keeps all of training's state after each epoch: weights, optimizer, best epoch, history.

    Each state is a folder that appears whole or not at all; Keras's `BackupAndRestore` writes
    weights and epoch one after the other, so a run killed in between would repeat an epoch on
    weights that have it already. In a job only process 0 writes, and all read: the folder must
    be one that all machines see.

    Args:
        folder: path of the folder of states; made if it isn't there.
        best: `BestEpoch` of the same run, called before this.
        recipe: dict, what the run was asked for; a state of another recipe is refused.
    """

    def __init__(self, folder, best, recipe):
        super().__init__()
        self.folder, self.best, self.recipe = Path(folder), best, recipe
        self.history = {}

    def restore(self, model) -> int:
        """Loads the newest state into a compiled model.

        Args:
            model: `keras.Model`, compiled.

        Returns:
            How many epochs it has had: 0 when there is no state.

        Raises:
            ValueError: when the state is of a run with another recipe.
        """
        states = sorted(self.folder.glob("epoch-*"))
        if not states:
            return 0
        note = json.loads((states[-1] / "state.json").read_text(encoding="utf-8"))
        if note["recipe"] != self.recipe:
            raise ValueError(
                f"`backup` must be a folder of this same run. Received: {str(self.folder)!r}, of "
                f"a run with {note['recipe']}, not {self.recipe}; choose another folder, or "
                "delete this one to start anew."
            )
        model.load_weights(states[-1] / "latest.weights.h5")
        for seed, value in zip(_seeds(model), note["seeds"], strict=True):
            seed.assign(value)
        if note["best_loss"] is not None:
            with np.load(states[-1] / "best.npz") as best:
                self.best.loss, self.best.weights = note["best_loss"], list(best.values())
        self.history = note["history"]
        return note["epochs"]

    def on_epoch_end(self, epoch, logs=None):
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(float(value))
        # Every process saves, for reading a variable is a matter of all of them; one keeps it.
        with tempfile.TemporaryDirectory() as local:
            latest = Path(local) / "latest.weights.h5"
            self.model.save_weights(latest)
            note = {
                "epochs": epoch + 1,
                "best_loss": None if self.best.weights is None else self.best.loss,
                "history": self.history,
                "recipe": self.recipe,
                "seeds": [np.asarray(seed).tolist() for seed in _seeds(self.model)],
            }
            if current_job().is_writer:
                self._keep(latest, note)

    def _keep(self, latest: Path, note: dict) -> None:
        older = list(self.folder.glob("epoch-*"))
        with replacing(self.folder / f"epoch-{note['epochs']:05d}") as (whole,):
            whole.mkdir()
            shutil.copy(latest, whole)
            if self.best.weights is not None:
                np.savez(whole / "best.npz", *self.best.weights)
            (whole / "state.json").write_text(json.dumps(note), encoding="utf-8")
        for state in older:
            shutil.rmtree(state)


def _seeds(model) -> list:
    """The state of dropout and its like, which `save_weights` leaves out."""
    return [variable for variable in model.variables if variable.name == "seed_generator_state"]
