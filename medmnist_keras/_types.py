"""Types that many signatures share."""

from __future__ import annotations

import os
from typing import TypeAlias

import numpy as np

StrPath: TypeAlias = str | os.PathLike[str]
Pair: TypeAlias = tuple[np.ndarray, np.ndarray]  # images and labels
Verbose: TypeAlias = str | int  # as in fit(): "auto", 0, 1, 2
