"""The Space as the hub would start it, on this machine: its page answers a drawn picture."""

import os
import re
import sys

import pytest
from tiny_data import encode, page_of

from medmnist_keras.data import draw_phantoms
from tools.space.make import write_space


@pytest.fixture
def address(tmp_path):
    """Of `app.py`, run with the copy of the package beside it."""
    write_space(tmp_path / "space")
    environment = {**os.environ, "KERAS_HOME": str(tmp_path / "home")}
    for name in ("MEDICAL_MNIST_DIR", "PYTHONPATH", "GRADIO_SERVER_NAME"):
        environment.pop(name, None)
    with page_of([sys.executable, "app.py"], environment, tmp_path / "space") as address:
        yield address


def test_the_page_of_the_space_answers(page, address):
    page.goto(address)
    file = encode(draw_phantoms({"Hand": 1})[0][0, ..., 0], "PNG")
    picture = {"name": "hand.png", "mimeType": "image/png", "buffer": file}
    page.wait_for_selector("#picture input[type=file]", state="attached")
    page.set_input_files("#picture input[type=file]", picture)
    for model in ("robust", "plain"):
        verdict = page.locator(f".mk-{model} .mk-verdict span")
        verdict.filter(has_text=re.compile("^Hand$")).first.wait_for(timeout=60_000)
    assert page.outside == []
