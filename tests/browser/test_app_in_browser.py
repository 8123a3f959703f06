"""The live page in a real browser, which reaches nothing but this machine."""

import io
import os
import re
import sys

import numpy as np
import pytest
from PIL import Image
from tiny_data import page_of

from medmnist_keras.data import draw_phantoms

pytest.importorskip("gradio")

PHANTOMS = {"AbdomenCT": 0, "BreastMRI": 1, "CXR": 2, "ChestCT": 3, "Hand": 4, "HeadCT": 5}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """The command as it is typed, without any data: its address and where uploads go."""
    uploads, home = tmp_path_factory.mktemp("uploads"), tmp_path_factory.mktemp("keras_home")
    environment = {**os.environ, "GRADIO_TEMP_DIR": str(uploads), "KERAS_HOME": str(home)}
    environment.pop("MEDICAL_MNIST_DIR", None)
    command = [sys.executable, "-m", "medmnist_keras", "app", "--no-open"]
    with page_of(command, environment) as address:
        yield address, uploads
    assert list(uploads.iterdir()) == []


@pytest.fixture
def demo(page, served):
    page.goto(served[0])
    page.wait_for_selector("#picture input[type=file]", state="attached")
    yield page
    assert page.outside == []
    assert page.complaints == []


def drop(page, name, data, kind="application/octet-stream"):
    page.set_input_files(
        "#picture input[type=file]", {"name": name, "mimeType": kind, "buffer": data}
    )


def verdict(page, model):
    return page.locator(f".mk-{model} .mk-verdict span")


def expect_text(locator, pattern):
    locator.filter(has_text=re.compile(pattern)).first.wait_for(timeout=20_000)


def png(pixels):
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def files_below(folder):
    # Gradio leaves an empty file behind for each upload; it is swept later.
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size]


def test_a_picture_that_is_dropped_gets_both_answers_and_is_not_kept(demo, served):
    hand = draw_phantoms({"Hand": 1})[0][0, ..., 0]
    name = "<img src=x onerror=alert(1)>.png"
    drop(demo, name, png(hand), "image/png")
    expect_text(verdict(demo, "robust"), "^Hand$")
    expect_text(verdict(demo, "plain"), "^Hand$")
    assert demo.locator(".mk-robust tr").count() == 6
    assert "alert(1)" in demo.locator(".mk-seen p").inner_text()
    assert demo.locator(".mk-seen p img").count() == 0
    assert "not at hand" in demo.locator(".mk-note").inner_text()
    assert files_below(served[1]) == []
    for picture in demo.locator(".mk-answers img").all():
        assert picture.evaluate("image => image.naturalWidth") == 64


def test_a_slider_changes_what_the_plain_model_says_live(demo):
    demo.locator(".mk-examples button").nth(PHANTOMS["HeadCT"]).click()
    expect_text(verdict(demo, "plain"), "^HeadCT$")
    seen = demo.locator(".mk-seen img").get_attribute("src")
    slider = demo.locator("#brightness input[type=range]")
    slider.focus()
    slider.press("End")
    expect_text(verdict(demo, "plain"), "^(?!HeadCT)")
    assert verdict(demo, "robust").inner_text() == "HeadCT"
    assert demo.locator(".mk-plain .mk-wrong").count() == 1
    assert demo.locator(".mk-seen img").get_attribute("src") != seen
    # The next picture starts without damage.
    demo.locator(".mk-examples button").nth(PHANTOMS["Hand"]).click()
    expect_text(demo.locator(".mk-seen p"), "^Hand")
    assert slider.input_value() == "0"


def test_a_drawn_knee_is_none_of_these(demo):
    demo.locator(".mk-examples button").last.click()
    expect_text(verdict(demo, "robust"), "none of these")
    assert demo.locator(".mk-robust .mk-right").count() == 1


def test_a_file_that_is_no_picture_gets_a_message_and_the_next_one_an_answer(demo, served):
    drop(demo, "notes.png", b"<b>${1 + 1}{{x}}", "image/png")
    expect_text(demo.locator(".mk-problem"), "notes.png could not be read")
    assert "<b>${1 + 1}{{x}}" in demo.locator(".mk-problem").inner_text()
    assert str(served[1]) not in demo.locator(".mk-problem").inner_text()
    drop(demo, "blank.png", png(np.full((80, 80), 7, "uint8")), "image/png")
    expect_text(verdict(demo, "robust"), "none of these")
    assert files_below(served[1]) == []


def test_a_file_that_is_too_large_gets_a_message(demo, served, tmp_path):
    with open(tmp_path / "huge.dcm", "wb") as file:
        file.truncate(53_000_000)
    demo.set_input_files("#picture input[type=file]", tmp_path / "huge.dcm")
    expect_text(demo.locator("body"), "maximum allowed size")
    drop(demo, "small.png", png(draw_phantoms({"CXR": 1})[0][0, ..., 0]))
    expect_text(verdict(demo, "robust"), "^CXR$")
    assert files_below(served[1]) == []


def test_a_picture_that_is_pasted_gets_an_answer(demo):
    demo.evaluate(
        """data => {
          const pasted = new DataTransfer();
          pasted.items.add(new File([new Uint8Array(data)], "image.png", {type: "image/png"}));
          document.body.dispatchEvent(
            new ClipboardEvent("paste", {clipboardData: pasted, bubbles: true}));
        }""",
        list(png(draw_phantoms({"CXR": 1})[0][0, ..., 0])),
    )
    expect_text(verdict(demo, "robust"), "^CXR$")


def test_the_page_says_whose_the_data_is_and_what_it_is_not_for(demo):
    expect_text(demo.locator("body"), "Drawn, not patients")
    text = demo.locator("body").inner_text()
    assert "Not for clinical use" in text
    assert "Medical MNIST, Dr. Bradley J. Erickson (Mayo Clinic), CC BY-SA 4.0" in text
