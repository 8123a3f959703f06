"""The Space as the hub would start it, on this machine: its page answers a drawn picture."""

import io
import os
import re
import subprocess
import sys

import pytest
from PIL import Image

from medmnist_keras.data import draw_phantoms
from tools.space.make import write_space


@pytest.fixture
def address(tmp_path):
    """Of `app.py`, run with the copy of the package beside it."""
    write_space(tmp_path / "space")
    environment = {**os.environ, "KERAS_HOME": str(tmp_path / "home")}
    for name in ("MEDICAL_MNIST_DIR", "PYTHONPATH", "GRADIO_SERVER_NAME"):
        environment.pop(name, None)
    with subprocess.Popen(
        [sys.executable, "app.py"],
        cwd=tmp_path / "space",
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        told = ""
        for line in process.stdout:
            told += line
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                break
        else:
            pytest.fail(told)
        yield found.group()
        process.terminate()


def test_the_page_of_the_space_answers(page, address):
    page.goto(address)
    file = io.BytesIO()
    Image.fromarray(draw_phantoms({"Hand": 1})[0][0, ..., 0]).save(file, "PNG")
    picture = {"name": "hand.png", "mimeType": "image/png", "buffer": file.getvalue()}
    page.wait_for_selector("#picture input[type=file]", state="attached")
    page.set_input_files("#picture input[type=file]", picture)
    for model in ("robust", "plain"):
        verdict = page.locator(f".mk-{model} .mk-verdict span")
        verdict.filter(has_text=re.compile("^Hand$")).first.wait_for(timeout=60_000)
    assert page.outside == []
