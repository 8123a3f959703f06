"""Tests, those of the notebooks included, run quick unless told otherwise."""

import os

os.environ.setdefault("MEDMNIST_KERAS_QUICK", "1")
