"""One run's settings: full or quick, which pictures, which seed. Read once, shown first."""

from __future__ import annotations

import os
import platform
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from .._keras import keras
from ..data.finding import EXTERNAL_VARIABLE
from ..data.loading import is_at_hand
from ..data.phantoms import PHANTOMS
from ..info import INFO
from ..training.hardware import hardware_name

QUICK_VARIABLE = "MEDMNIST_KERAS_QUICK"


@dataclass(frozen=True)
class Settings:
    """What a notebook or the demo runs with; printing it shows what an audience must know.

    Attributes:
        quick: bool. A shrunken run: few pictures, few epochs, nothing skipped.
        source: `None` for the real pictures, `"phantoms"` for drawn ones.
        images_per_class: int, or `None` for all.
        seed: int, for the split, the weights and the order of training.
        split: `"grouped"` or `"random"`; `dataclasses.replace(settings, split="random")` gives
            the settings of the other one.
    """

    quick: bool
    source: str | None
    images_per_class: int | None
    seed: int = 0
    split: str = "grouped"

    @property
    def caption(self) -> str:
        """The line that belongs under every figure: whose pictures these are."""
        return "Drawn phantoms, not patients" if self.source == PHANTOMS else INFO["credit"]

    @property
    def images(self) -> dict:
        """Keyword arguments for `load_images()`: the pictures before they are divided."""
        return {
            "source": self.source,
            "images_per_class": self.images_per_class,
            "seed": self.seed,
        }

    @property
    def data(self) -> dict:
        """Keyword arguments for `load_data()` and `load_datasets()`."""
        return self.images | {"split": self.split}

    @property
    def external(self) -> Path | None:
        """Folder of external pictures, in class-named folders: what the environment variable
        `MEDMNIST_KERAS_EXTERNAL_DIR` names, if anything."""
        folder = os.environ.get(EXTERNAL_VARIABLE)
        return Path(folder) if folder else None

    @property
    def hardware(self) -> str:
        """What computes: `"2 CPU cores, no GPU"`."""
        return hardware_name()

    @property
    def batch_size(self) -> int:
        """Of the baseline: 128, or 32 in a quick run, whose epochs would have too few steps."""
        return 32 if self.quick else 128

    @property
    def folder(self) -> Path:
        """Where trained models of this run are kept, below the working directory."""
        mode = "quick" if self.quick else "full"
        return Path("build") / (f"{mode}-{self.source}" if self.source else mode)

    @property
    def results_file(self) -> Path:
        """Where the results of this run go, beside its models."""
        return self.folder / "results.json"

    def epochs(self, full: int) -> int:
        """`full` epochs in a full run, a third of them, at least one, in a quick one.

        For trainings of minutes; those of seconds are short enough as they are.
        """
        return max(1, full // 3) if self.quick else full

    @property
    def seeds(self) -> range:
        """Seeds that a mean and spread are taken over: five, or two in a quick run."""
        return range(2 if self.quick else 5)

    @property
    def facts(self) -> dict[str, str]:
        """What a result must be read with: data, mode, split, hardware, versions."""
        pictures = (
            "drawn phantoms, not patients (the real pictures are not at hand)"
            if self.source == PHANTOMS
            else INFO["name"]
        )
        amount = f"{self.images_per_class} a class" if self.images_per_class else "all of them"
        backend = keras.backend.backend()
        return {
            "Data": f"{pictures}, {amount}",
            "Mode": "quick" if self.quick else "full",
            "Split": f"{self.split}, seed {self.seed}",
            "Hardware": self.hardware,
            "Versions": f"Python {platform.python_version()}, Keras {keras.__version__} on "
            f"{backend} {import_module(backend).__version__}",
        }

    def __str__(self) -> str:
        lines = [f"{key + ':':10}{value}" for key, value in self.facts.items()]
        if self.quick:
            lines.append("Note:     the text describes a full run; this one shows that all works")
        return "\n".join(lines)


def read_settings() -> Settings:
    """Reads the settings of this run from the environment.

    `MEDMNIST_KERAS_QUICK=1` asks for a quick run: 240 pictures a class, the real ones where
    they are at hand and phantoms where not, without any download. Otherwise the run is full:
    all real pictures, downloaded if need be.

    Returns:
        `Settings`.

    Raises:
        ValueError: when the switch is neither `0` nor `1`.

    Example:

    ```python
    settings = read_settings()
    print(settings)
    train_ds, val_ds, test_ds = load_datasets(**settings.data)
    ```
    """
    switch = os.environ.get(QUICK_VARIABLE, "0") or "0"
    if switch not in ("0", "1"):
        raise ValueError(
            f"{QUICK_VARIABLE} must be 1 (quick) or 0 (full). Received: {QUICK_VARIABLE}={switch!r}"
        )
    if switch == "0":
        return Settings(quick=False, source=None, images_per_class=None)
    source = None if is_at_hand() else PHANTOMS
    return Settings(quick=True, source=source, images_per_class=240)
