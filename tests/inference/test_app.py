"""The live page without a browser: files of every kind, what it says of them, and its limits."""

import asyncio
import io
import os
import re
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tiny_data import dicom, encode, in_a_thread

from benchmarks.visitors import Visitor, together, visit
from medmnist_keras import CLASS_NAMES, __main__, baseline_cnn, load_images, load_model
from medmnist_keras.data import draw_phantoms
from medmnist_keras.inference import app, html as html_module, limits, session
from medmnist_keras.inference.html import show
from medmnist_keras.inference.session import Picture, ask, damage, nearest_training, take_upload
from medmnist_keras.models import rate


@pytest.fixture(scope="module")
def robust():
    return baseline_cnn(weights="medical_mnist")


@pytest.fixture(scope="module")
def shipped():
    """The model that says what it knows, and its threshold."""
    return load_model("baseline_cnn")


@pytest.fixture(scope="module")
def plain():
    return baseline_cnn(weights="medical_mnist_plain")


@pytest.fixture
def upload(tmp_path):
    """Puts a file where uploads go, and takes it as the page does."""

    def take(content, name="picture.png", **options):
        path = tmp_path / name
        if isinstance(content, Image.Image):
            content.save(path, **options)
        else:
            path.write_bytes(content)
        try:
            return take_upload(path)
        finally:
            assert not path.exists()

    return take


HAND = draw_phantoms({"Hand": 1})[0][0]


# -- files ---------------------------------------------------------------------------------------


def test_an_upload_is_read_and_deleted(upload):
    picture = upload(Image.fromarray(HAND[..., 0]))
    np.testing.assert_array_equal(picture.image, HAND)
    assert picture.title == "picture.png"
    assert picture.truth is None


@pytest.mark.parametrize("content", [b"", b"some notes", b"\x89PNG\r\n\x1a\n", bytes(200)])
def test_a_bad_file_is_told_by_its_name_alone_and_deleted(content, upload, tmp_path):
    with pytest.raises(ValueError, match=r"^picture\.png could not be read") as caught:
        upload(content)
    assert str(tmp_path) not in str(caught.value)


def test_a_file_that_is_gone_is_told(tmp_path):
    with pytest.raises(ValueError, match="drop it once more"):
        take_upload(tmp_path / "gone.png")


def test_a_photo_of_20_megabytes(upload):
    noise = np.random.default_rng(0).integers(0, 256, (3000, 4000, 3), dtype="uint8")
    file = io.BytesIO()
    Image.fromarray(noise).save(file, "JPEG", quality=99)
    assert len(file.getvalue()) > 20_000_000
    assert upload(file.getvalue(), "photo.jpg").image.std() < 30  # noise, averaged


def test_16_bits_are_not_cut_to_8(upload):
    ramp = np.tile(np.linspace(1000, 3000, 64).astype("uint16"), (64, 1))
    levels = upload(Image.fromarray(ramp)).image[0, :, 0]
    assert len(np.unique(levels)) > 60


@pytest.mark.parametrize("mode", ["RGBA", "P", "LA", "CMYK"])
def test_modes_of_colour(mode, upload):
    image = Image.fromarray(HAND[..., 0]).convert(mode)
    read = upload(image, "picture.tif").image
    assert np.abs(read.astype(int) - HAND).max() <= 2


def test_dicom_where_low_means_bright(upload):
    pytest.importorskip("pydicom")
    plain = dicom(HAND[..., 0])
    inverted = dicom(HAND[..., 0], PhotometricInterpretation="MONOCHROME1")
    difference = upload(plain, "a.dcm").image.astype(int) + upload(inverted, "no_suffix").image
    assert np.abs(difference - 255).max() <= 1


# -- answers -------------------------------------------------------------------------------------


def test_a_blank_picture_is_none_of_these(robust, shipped):
    answer = ask(robust, np.full((64, 64, 1), 90, "uint8"), *shipped)
    assert answer.answer == "none of these"
    assert 0 <= answer.known < shipped[1]


def test_an_answer_is_what_the_model_predicts(robust):
    answer = ask(robust, HAND)
    expected = robust.predict(HAND[np.newaxis], verbose=0)[0]
    np.testing.assert_allclose(answer.probabilities, expected, atol=1e-6)
    assert answer.answer == "Hand"
    assert answer.heat.shape == (64, 64)
    assert np.isnan(answer.known)


def test_a_model_that_says_what_it_knows_gives_the_answer(robust, shipped):
    answer = ask(robust, HAND, *shipped)
    probabilities, known = rate(shipped[0], HAND[np.newaxis])
    np.testing.assert_allclose(answer.probabilities, probabilities[0], atol=1e-6)
    assert answer.known == pytest.approx(known[0], abs=1e-6)
    np.testing.assert_allclose(answer.heat, ask(robust, HAND).heat, atol=1e-6)
    nowhere = ask(robust, HAND, shipped[0], np.nextafter(answer.known, 2))
    assert nowhere.answer == "none of these"
    assert ask(robust, HAND, shipped[0], answer.known).answer == "Hand"


def test_the_drawn_knee_is_none_of_the_six(robust, shipped):
    *phantoms, knee = session.drawn_examples()
    assert [each.truth for each in phantoms] == list(CLASS_NAMES)
    assert (knee.title, knee.truth) == ("a drawn knee", "none of these")
    assert ask(robust, knee.image, *shipped).answer == "none of these"


def test_sliders_at_zero_change_nothing():
    np.testing.assert_array_equal(damage(HAND, [0] * len(session.SLIDERS)), HAND)


@pytest.mark.parametrize("index", range(len(session.SLIDERS)))
def test_each_slider_changes_what_the_models_see(index):
    strengths = [0] * len(session.SLIDERS)
    strengths[index] = app.CORRUPTIONS[session.SLIDERS[index]].strengths[-1]
    assert (damage(HAND, strengths) != HAND).any()


def test_brightness_breaks_the_plain_model_and_not_the_robust_one(robust, plain, shipped):
    head = next(each for each in session.drawn_examples() if each.truth == "HeadCT").image
    bright = damage(head, [50, 0, 0, 0])
    assert ask(plain, head).answer == ask(robust, head).answer == "HeadCT"
    assert ask(plain, bright).answer != "HeadCT"
    assert ask(robust, bright, *shipped).answer == "HeadCT"


def test_without_the_data_there_are_no_training_pictures_and_nothing_is_downloaded(monkeypatch):
    monkeypatch.setattr(session, "load_images", lambda: pytest.fail("looked for a download"))
    assert session.load_training() == (None, [])


def test_nearest_training_pictures(monkeypatch, capsys):
    phantoms = load_images("phantoms", images_per_class=30)
    monkeypatch.setattr(session, "is_at_hand", lambda: True)
    monkeypatch.setattr(session, "load_images", lambda: phantoms)
    training, examples = session.load_training()
    assert [example.truth for example in examples] == list(CLASS_NAMES)
    assert capsys.readouterr().out == ""

    own = training.rows[3]
    found = nearest_training(phantoms.images[own], training)
    similarities = [similarity for *_, similarity in found]
    assert similarities == sorted(similarities, reverse=True)
    assert similarities[0] == pytest.approx(1, abs=1e-5)
    np.testing.assert_array_equal(found[0][0], phantoms.images[own])
    assert found[0][1] == CLASS_NAMES[phantoms.labels[own]]
    assert nearest_training(np.zeros((64, 64, 1), "uint8"), training) == []


def test_what_is_shown(robust):
    answer = ask(robust, HAND)
    html = show(Picture(HAND, "<b>.png"), HAND, answer, answer._replace(answer="CXR"), None)
    assert "&lt;b&gt;.png" in html
    assert "<b>" not in html
    assert html.count("<tr>") == 2 * len(CLASS_NAMES)
    assert "not at hand" in html
    assert "right" not in html  # what it is, nobody said
    known = show(Picture(HAND, "a hand", "Hand"), HAND, answer, answer._replace(answer="CXR"), [])
    assert known.count("mk-right") == known.count("mk-wrong") == 1
    assert "single grey level" in known


def test_whether_it_is_known_is_shown_where_the_model_says_so(robust):
    plain = ask(robust, HAND)
    told = plain._replace(known=0.1234, answer="none of these")
    html = show(Picture(HAND, "a hand"), HAND, told, plain, None)
    assert html.count("one of the six: 12.3%") == html.count("one of the six") == 1
    assert html.count("nearest Hand, ") == 1


def test_a_problem_is_shown_as_text():
    assert "<script>" not in html_module.show_problem("<script> could not be read")


# -- the server ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page, served; `asked` lists each host that was looked up or connected to."""
    pytest.importorskip("gradio")
    import socket

    asked = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(tmp_path_factory.mktemp("uploads")))
        patch.setenv("KERAS_HOME", str(tmp_path_factory.mktemp("keras_home")))
        patch.delenv("MEDICAL_MNIST_DIR", raising=False)
        look_up, connect = socket.getaddrinfo, socket.socket.connect

        def recorded_look_up(host, *others, **options):
            asked.append(host)
            return look_up(host, *others, **options)

        def recorded_connect(self, address):
            asked.append(address[0])
            return connect(self, address)

        patch.setattr(socket, "getaddrinfo", recorded_look_up)
        patch.setattr(socket.socket, "connect", recorded_connect)
        opened = app.open_app()
        opened.asked, opened.uploads = asked, Path(os.environ["GRADIO_TEMP_DIR"])
        yield opened
        opened.close(verbose=False)


@pytest.fixture
def visitor(page):
    import httpx

    with httpx.Client(base_url=page.local_url, timeout=60) as client:
        yield client


def test_only_this_machine_is_let_in_and_asked(page):
    assert page.server_name == "127.0.0.1"
    assert page.local_url.startswith("http://127.0.0.1:")
    assert page.share_url is None
    assert page.asked
    assert set(page.asked) <= {"127.0.0.1", "localhost"}


def test_neither_visitors_nor_runs_are_recorded(page):
    config = page.get_config_file()
    assert not config["analytics_enabled"]
    assert not page.run_history


@pytest.mark.parametrize(("count", "size"), [(1, 27_000_000), (1, 50_000_000), (9, 4_000_000)])
def test_what_is_too_large_is_refused_and_leaves_nothing(count, size, page, visitor):
    files = [("files", (f"{number}.png", bytes(size))) for number in range(count)]
    sent = visitor.post("/gradio_api/upload", files=files)
    assert sent.status_code == 413
    assert re.search("Too Large|maximum allowed size", sent.text)
    assert not any(path.stat().st_size for path in page.uploads.rglob("*") if path.is_file())
    visits = [visit(page.local_url, [encode(HAND[..., 0])])]
    assert in_a_thread(together, visits)[1].came == "answer"


def test_a_picture_that_two_visitors_drop_is_answered_to_both(page):
    async def drop():
        visitors = Visitor(page.local_url), Visitor(page.local_url)
        places = []
        for each in visitors:
            await each.open()
            sent = await each.send("hand.jpg", encode(HAND[..., 0]))
            places += sent.json()
        assert places[0] == places[1]
        answers = [await each.ask(places[0]) for each in visitors]
        for each in visitors:
            await each.client.aclose()
        assert not Path(places[0]).exists()
        return answers

    assert in_a_thread(asyncio.run, drop()) == ["answer", "answer"]


def test_when_too_many_wait_the_next_is_told(page, visitor, monkeypatch):
    monkeypatch.setattr(page._queue, "max_size", 0)
    call = {"data": [None], "fn_index": 0, "session_hash": "a"}
    told = visitor.post("/gradio_api/queue/join", json=call)
    assert told.status_code == 503  # at which the page says "currently busy. Please try again."
    assert "Queue is full" in told.json()["detail"]


def test_nobody_passes_by_the_queue(visitor):
    call = {"data": [None], "fn_index": 0, "session_hash": "a"}
    assert visitor.post("/gradio_api/run/predict", json=call).status_code == 404


def test_recordings_are_not_taken(visitor):
    sent = visitor.post("/gradio_api/process_recording", files={"video": ("a.webm", b"film")})
    assert sent.status_code == 404


def test_what_is_left_of_uploads_is_swept_when_it_is_old(tmp_path):
    old, new, whole = tmp_path / "tmp1", tmp_path / "tmp2", tmp_path / "0f" / "tmp3"
    whole.parent.mkdir()
    for path in (old, new, whole):
        path.write_bytes(b"half a pict")
    for path in (old, whole):
        os.utime(path, (0, 0))
    limits.sweep(tmp_path)
    assert (old.exists(), new.exists(), whole.exists()) == (False, True, True)


def test_a_port_that_is_taken_is_told(page, capsys):
    status = __main__.main(["app", "--no-open", "--port", str(page.server_port)])
    assert status == 2
    assert "Expected an address of this machine and a free port" in capsys.readouterr().err


def test_without_gradio_the_error_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(ImportError, match=r'pip install "medmnist_keras\[demo\]"'):
        app.open_app()
    assert __main__.main(["app"]) == 2
    assert "[demo]" in capsys.readouterr().err


def test_importing_the_package_leaves_gradio_alone():
    import subprocess

    code = "import sys, medmnist_keras.inference.app; sys.exit('gradio' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
