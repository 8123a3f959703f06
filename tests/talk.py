"""What the tests of the slides share."""

import importlib.util
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("0*.ipynb"))


def load_make():
    """The module `tools/slides/make.py`."""
    spec = importlib.util.spec_from_file_location(
        "make_slides", ROOT / "tools" / "slides" / "make.py"
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def deck() -> str:
    """The deck of the notebooks, or a skipped test where reveal.js can't be had."""
    make = load_make()
    try:
        reveal = make.fetch_reveal()
    except OSError as error:
        pytest.skip(f"no reveal.js: {error}")
    return make.make_deck(NOTEBOOKS, reveal)
