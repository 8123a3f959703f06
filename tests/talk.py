"""What the tests of the slides share."""

import pytest

from tools.slides import make


def deck(address=None) -> str:
    """The deck of the notebooks, or a skipped test where reveal.js can't be had."""
    try:
        reveal = make.fetch_reveal()
    except OSError as error:
        pytest.skip(f"no reveal.js: {error}")
    return make.make_deck(make.NOTEBOOKS, reveal, address)
