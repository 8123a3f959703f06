"""Thousands of spoilt pictures: each gets an answer, or an error that says why not.

`MEDMNIST_KERAS_FUZZ=1000` asks for that many of each kind; by default there are a few dozen.
`pytest -rP tests/test_fuzz.py` shows the counts.
"""

import io
import os
import re
import signal
import struct
import subprocess
import sys
import time
import warnings
import zlib
from collections import Counter

import numpy as np
import pytest
from PIL import Image
from tiny_data import dicom, encode

from medmnist_keras import CLASS_NAMES, __main__, predict
from medmnist_keras.data import draw_phantoms
from medmnist_keras.data.reading import try_reading
from medmnist_keras.inference import app, session
from medmnist_keras.inference.predicting import NONE_OF_THESE

resource = pytest.importorskip("resource", reason="no limits on this system")

Image.init()
FORMATS = set(Image.SAVE)  # AVIF is not in every Pillow
COUNT = int(os.environ.get("MEDMNIST_KERAS_FUZZ", 50))
SECONDS = 10  # for one picture; the largest that is allowed takes 2

GREY = draw_phantoms({"Hand": 1})[0][0][..., 0]
PICTURE = np.pad(GREY, ((3, 10), (0, 27)))  # 77 x 91: sizes that are found again in headers
RGB = np.stack([PICTURE, PICTURE // 2, 255 - PICTURE], axis=-1)
DEEP = PICTURE.astype("uint16") * 100
HEADER = {"WindowCenter": 3000, "WindowWidth": 9000, "RescaleSlope": 2, "RescaleIntercept": -100}


def sound_files():
    """A few good files of each kind."""
    files = {
        kind: [encode(values, kind) for values in (PICTURE, RGB)]
        for kind in ("JPEG", "PNG", "TIFF", "BMP", "GIF", "WEBP", "JPEG2000", "AVIF")
        if kind in FORMATS
    }
    files["PNG"].append(encode(DEEP, "PNG"))
    files["TIFF"].append(encode(DEEP, "TIFF"))
    moving = [Image.fromarray(PICTURE), Image.fromarray(255 - PICTURE)]
    for kind in ("TIFF", "GIF", "WEBP"):
        buffer = io.BytesIO()
        moving[0].save(buffer, kind, save_all=True, append_images=moving[1:])
        files[kind].append(buffer.getvalue())
    files["DICOM"] = [
        dicom(PICTURE),
        dicom(DEEP, **HEADER),
        dicom(RGB),
        dicom(np.stack([PICTURE] * 3)),
        dicom(PICTURE, PhotometricInterpretation="MONOCHROME1"),
    ]
    return files


FILES = sound_files()


def flip(data, generator):
    spoilt = np.frombuffer(data, "uint8").copy()
    at = generator.integers(0, len(spoilt), generator.integers(1, 20))
    spoilt[at] ^= 1 << generator.integers(0, 8, len(at)).astype("uint8")
    return spoilt.tobytes()


def truncate(data, generator):
    return data[: generator.integers(0, len(data))]


def insert(data, generator):
    at, count = generator.integers(0, len(data)), generator.integers(1, 100)
    return data[:at] + generator.bytes(count) + data[at:]


def repeat(data, generator):
    start, end, at = np.sort(generator.integers(0, len(data), 3))
    return data[:at] + data[start:end] + data[at:]


def edit_header(data, generator):
    """Extreme bytes where formats say what is to come."""
    spoilt = bytearray(data)
    for _ in range(generator.integers(1, 4)):
        at, count = generator.integers(0, min(len(data), 600)), generator.integers(1, 9)
        extreme = generator.choice([b"\0", b"\xff", b"\x7f", b"\x80", b"\1"])
        spoilt[at : at + count] = bytes(extreme) * count
    return bytes(spoilt[: len(data)])


def declare(data, generator):
    """Another width, height or both, with the checksum that PNG wants."""
    other = int(generator.choice([0, 1, 2, 255, 4000, 9999, 30_000, 65_535, 2**24, 2**31 - 1]))
    for size in [(77,), (91,), (77, 91)][generator.integers(3)]:
        for width, order in [(4, "big"), (4, "little"), (2, "big"), (2, "little")]:
            stated = size.to_bytes(width, order)
            found = [match.start() for match in re.finditer(re.escape(stated), data[:600])]
            if found:
                at = int(generator.choice(found))
                told = min(other, 256**width - 1).to_bytes(width, order)
                data = data[:at] + told + data[at + width :]
                break
    if data[12:16] == b"IHDR":
        data = data[:29] + zlib.crc32(data[12:29]).to_bytes(4, "big") + data[33:]
    return data


SPOILERS = (flip, truncate, insert, repeat, edit_header, declare)


def spoilt(kind):
    """`COUNT` spoilt files of a kind, the same ones each time."""
    generator = np.random.default_rng(sum(kind.encode()))
    for i in range(COUNT):
        data = FILES[kind][i // len(SPOILERS) % len(FILES[kind])]
        data = SPOILERS[i % len(SPOILERS)](data, generator)
        if generator.random() < 0.2:
            data = flip(data, generator) if data else data
        yield data


class TooLongError(BaseException):
    """No `except Exception` catches it."""


@pytest.fixture
def limited(capfd):
    """Neither hangs, nor fills the memory, nor writes to the terminal."""

    def stop(*_):
        raise TooLongError

    def run(function, *arguments):
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, SECONDS)
        try:
            return function(*arguments)
        finally:
            if hasattr(signal, "setitimer"):
                signal.setitimer(signal.ITIMER_REAL, 0)

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    old = signal.signal(signal.SIGALRM, stop)
    with warnings.catch_warnings():
        for kind in (UserWarning, RuntimeWarning, DeprecationWarning):
            warnings.simplefilter("error", kind)
        yield run
    signal.signal(signal.SIGALRM, old)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    assert grown < 1500, f"{grown} MB"
    assert capfd.readouterr().err == ""


@pytest.fixture(scope="module")
def receive():
    """What the live page calls with an upload."""
    pytest.importorskip("gradio")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(session, "load_training", lambda: (None, []))
        page = app.build_app()
    return next(each.fn for each in page.fns.values() if each.fn.__name__ == "receive")


def reason(text):
    """Why, without what differs from file to file."""
    why = text.split("could not be read: ")[1]
    return re.split(r"[(\d.]", why)[0].strip()


@pytest.mark.parametrize("kind", FILES)
def test_every_spoilt_picture_gets_an_answer_or_a_reason(kind, limited):
    outcomes, slowest = Counter(), 0
    for data in spoilt(kind):
        start = time.perf_counter()
        image, _, problem, _ = limited(try_reading, data)
        if problem:
            assert problem.startswith("The bytes could not be read: ")
            assert "Expected" in problem or "Run: " in problem
            assert "\n" not in problem
            outcomes[reason(problem)] += 1
        else:
            assert image.shape == (64, 64, 1)
            assert image.dtype == np.uint8
            outcomes["read"] += 1
        slowest = max(slowest, time.perf_counter() - start)
    print(f"{kind}: slowest {slowest:.2f} s, {dict(outcomes.most_common())}")
    assert outcomes["read"] > 0
    assert outcomes.total() - outcomes["read"] > 0


def test_what_decoders_log_stays_off_the_terminal():
    script = """
import sys
from medmnist_keras.data.reading import try_reading
for line in sys.stdin:
    try_reading(bytes.fromhex(line))
"""
    tiff = bytearray(encode(RGB, "TIFF"))
    samples = struct.pack("<2H2L", 277, 3, 1, 3)
    at = tiff.index(samples)
    tiff[at : at + 12] = struct.pack("<2H2L", 277, 3, 1, 7)  # Pillow logs an error
    lines = [data.hex() for kind in ("TIFF", "DICOM") for data in (bytes(tiff), *spoilt(kind))]
    done = subprocess.run(
        [sys.executable, "-c", script], input="\n".join(lines), capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_predict_answers_for_all_of_them():
    pictures = [data for kind in FILES for data in spoilt(kind)]
    table = predict(pictures)
    assert len(table) == len(pictures)
    read = table["problem"] == ""
    assert set(table["answer"][read]) <= {*CLASS_NAMES, NONE_OF_THESE}
    assert np.isfinite(table.loc[read, ["confidence", "known"]]).all(axis=None)
    assert (table["answer"][~read] == "").all()
    print(f"predict: {read.sum()} answers, {(~read).sum()} problems")
    assert 0 < read.sum() < len(table)


@pytest.mark.parametrize("form", [[], ["--json"], ["--csv"]])
def test_the_command_line_answers_for_a_folder_of_them(form, tmp_path, capsys):
    for kind in FILES:
        for i, data in zip(range(7), spoilt(kind), strict=False):
            (tmp_path / f"{i}.{kind.lower().replace('dicom', 'dcm')}").write_bytes(data)
    assert __main__.main(["predict", *form, str(tmp_path)]) == 1
    told = capsys.readouterr()
    assert "pictures could not be read" in told.err
    assert "Traceback" not in told.err
    assert len(told.err.splitlines()) < 50
    assert told.out


def test_the_page_answers_for_every_upload(receive, tmp_path, limited):
    outcomes = Counter()
    for kind in FILES:
        for i, data in enumerate(spoilt(kind)):
            if i % 6 != (i // 6) % 6:  # each answer takes a moment
                continue
            path = tmp_path / f"{i}.{kind.lower()}"
            path.write_bytes(data)
            _, picture, html, *strengths = limited(receive, str(path))
            assert not path.exists()
            assert strengths == [0] * len(session.SLIDERS)
            if picture is None:
                assert 'role="alert"' in html
                assert f"{path.name} could not be read" in html
                assert str(tmp_path) not in html
            else:
                assert "mk-robust" in html
            outcomes["problem" if picture is None else "answer"] += 1
    print(f"page: {dict(outcomes)}")
    assert min(outcomes["problem"], outcomes["answer"]) > 0
