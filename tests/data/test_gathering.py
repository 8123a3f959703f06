"""Gathering external pictures, from a server on loopback, and the manifests that ship."""

import base64
import contextlib
import csv
import gzip
import hashlib
import io
import json
import zlib

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_data import SilentHandler

from medmnist_keras import CLASS_NAMES, __main__, __version__, storage
from medmnist_keras.data import external_credit, gather, gathering, load_folder, originals
from medmnist_keras.data.originals import SETS, make_copy, read_manifest

COMMIT = "0123456789abcdef0123456789abcdef01234567"
RAMP = np.add.outer(np.arange(30), 3 * np.arange(40)).astype("uint8")
TINTED = np.stack([RAMP, RAMP // 2, RAMP // 3], axis=-1)


def packed(pixels, kind="PNG", **options) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def row(file, content, copy=b"", **fields) -> dict:
    """A row of a manifest, for an original that lies under the copy's name."""
    plain = {
        **dict.fromkeys(["left_out", "scan", "doubt", "index", "low", "high", "alpha"], ""),
        **{"rotate": "", "resize": "", "quality": "", "format": "picture", "mode": "L"},
        **{"licence": "MIT", "terms": "not stated", "collection": "drawn"},
        "file": file,
        "class": file.split("/")[0],
        "repository": "some-one/pictures",
        "commit": COMMIT,
        "path": f"the pictures/{file}",
        "sha256": sha256(content),
        "bytes": len(content),
        "width": 40,
        "height": 30,
        "copy_sha256": sha256(copy),
    }
    return plain | fields


class Handler(SilentHandler):
    """Answers as it is told to, for once, then serves the file."""

    asked: list = []  # noqa: RUF012
    answers: list = []  # noqa: RUF012

    def copyfile(self, source, outputfile):
        with contextlib.suppress(ConnectionError):  # who asked has read enough
            super().copyfile(source, outputfile)

    def do_GET(self):  # noqa: N802
        self.asked.append((self.path, self.headers["User-Agent"]))
        if not self.answers:
            return super().do_GET()
        status, headers = self.answers.pop(0)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", "0")
        self.end_headers()


@pytest.fixture
def waits(monkeypatch):
    """The pauses that were asked for; none is made."""
    found = []
    monkeypatch.setattr(gathering.time, "sleep", found.append)
    return found


@pytest.fixture
def publish(tmp_path, serve, waits, monkeypatch):
    """Publishes rows of a manifest, and their originals on loopback."""
    monkeypatch.setattr(originals, "MANIFESTS", tmp_path)
    monkeypatch.setattr(Handler, "asked", [])
    monkeypatch.setattr(Handler, "answers", [])

    def start(*pairs, which="external"):
        for fields, content in pairs:
            place = tmp_path / "web" / fields["repository"] / COMMIT / fields["path"]
            place.parent.mkdir(parents=True, exist_ok=True)
            if content is not None:
                place.write_bytes(content)
        pd.DataFrame([fields for fields, _ in pairs]).to_csv(tmp_path / f"{which}.csv", index=False)
        monkeypatch.setattr(gathering, "HOST", serve(tmp_path / "web", Handler))

    return start


@pytest.fixture
def two(publish):
    """A hand in colours that becomes a grey PNG, and a chest X-ray that becomes a JPEG."""
    hand, chest = packed(TINTED), packed(RAMP, "JPEG")
    pairs = [
        (row("CXR/b.jpg", chest, copy_of(chest, quality="90"), quality="90"), chest),
        (row("Hand/a.png", hand, copy_of(hand)), hand),
    ]
    publish(*pairs)
    return pairs


def parsed(fields: dict) -> originals.Original:
    return originals._parse({name: str(value) for name, value in fields.items()}, "manifest")


def copy_of(content, **fields) -> bytes:
    name = "Hand/a.jpg" if fields.get("quality") else "Hand/a.png"
    return make_copy(content, parsed(row(name, content, **fields)))


def pixels_of(content, **fields) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(copy_of(content, **fields))))


def statuses(table) -> list[str]:
    return table["status"].tolist()


def listed(folder) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


# -- what is gathered ------------------------------------------------------------------------


def test_copies_are_byte_for_byte_those_of_the_manifest_and_can_be_scored(two, tmp_path):
    folder = tmp_path / "mine"
    assert statuses(gather(folder)) == ["gathered", "gathered"]
    for fields, _ in two:
        assert sha256((folder / fields["file"]).read_bytes()) == fields["copy_sha256"]
    with pytest.warns(match="no pictures of"):
        data = load_folder(folder)
    assert data.files == ["CXR/b.jpg", "Hand/a.png"]
    assert data.sources.tolist() == ["some-one/pictures"] * 2
    assert external_credit(data.sources).startswith("External pictures from 1 source,")
    credit = (folder / "CREDITS.md").read_text(encoding="utf-8")
    assert "| 2 | [some-one/pictures](https://github.com/some-one/pictures) | MIT |" in credit


def test_requests_say_who_asks_and_come_one_after_another_with_pauses(two, tmp_path, waits):
    gather(tmp_path / "mine")
    paths, agents = zip(*Handler.asked, strict=True)
    assert paths == tuple(
        f"/some-one/pictures/{COMMIT}/the%20pictures/{file}" for file in ("CXR/b.jpg", "Hand/a.png")
    )
    assert set(agents) == {f"medmnist_keras/{__version__} (gather)"}
    assert waits == [gathering._PAUSE] * 2


def test_what_is_there_is_not_asked_for_again(two, tmp_path):
    folder = tmp_path / "mine"
    gather(folder)
    (folder / "Hand/a.png").unlink()
    Handler.asked.clear()
    assert statuses(gather(folder)) == ["there", "gathered"]
    assert len(Handler.asked) == 1
    assert len(pd.read_csv(folder / "SOURCES.csv")) == 2


def test_copies_of_another_encoder_are_kept_and_told_and_known_again(publish, tmp_path):
    hand = packed(TINTED)
    publish((row("Hand/a.png", hand, b"as another Pillow writes it"), hand))
    folder = tmp_path / "mine"
    assert statuses(gather(folder)) == ["redone"]
    assert statuses(gather(folder)) == ["there"]
    assert len(Handler.asked) == 1
    (folder / "SOURCES.csv").unlink()  # as if the run had been killed before it wrote them
    (folder / "CREDITS.md").unlink()
    assert statuses(gather(folder)) == ["there"]
    assert len(Handler.asked) == 2
    assert statuses(gather(folder)) == ["there"]
    assert len(Handler.asked) == 2


def test_what_has_no_licence_is_left_out_and_named_unless_asked_for(publish, tmp_path):
    hand = packed(TINTED)
    free, unclear = row("Hand/a.png", hand), row("Hand/b.png", hand, left_out="no licence stated")
    publish((free, hand), (unclear, hand))
    folder = tmp_path / "mine"
    table = gather(folder)
    assert statuses(table) == ["redone", "left out"]
    assert table["why"].tolist() == ["", "no licence stated"]
    assert statuses(gather(folder, every_licence=True)) == ["there", "redone"]
    table = gather(folder)
    assert "stays" in table["why"][1]
    assert (folder / "Hand/b.png").exists()
    assert len(pd.read_csv(folder / "SOURCES.csv")) == 2


# -- what can't be had -----------------------------------------------------------------------


def test_a_missing_source_is_told_and_left_out(publish, tmp_path):
    hand = packed(TINTED)
    publish((row("Hand/a.png", hand), None), (row("Hand/b.png", hand), hand))
    table = gather(tmp_path / "mine")
    assert statuses(table) == ["missing", "redone"]
    assert table["why"][0].startswith("404 ")
    assert "Hand/a.png" in table["why"][0]


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sha256": "0" * 64}, "its sha256 is"),
        ({"bytes": 100}, "over 100 bytes came"),
        ({"bytes": 100_000}, "bytes came, not 100,000"),
    ],
)
def test_what_is_another_file_is_discarded_before_it_is_decoded(
    change, told, publish, tmp_path, monkeypatch
):
    hand = packed(TINTED)
    publish((row("Hand/a.png", hand) | change, hand))
    monkeypatch.setattr(gathering, "make_copy", lambda *_: pytest.fail("decoded"))
    table = gather(tmp_path / "mine")
    assert statuses(table) == ["wrong"]
    assert told in table["why"][0]
    assert listed(tmp_path / "mine") == ["SOURCES.csv.lock"]


def test_no_more_is_read_than_the_manifest_says(publish, tmp_path, monkeypatch):
    large = bytes(50_000_000)
    publish((row("Hand/a.png", large, bytes=1000), large))
    read = []
    real = gathering._read

    def counted(response, size):
        chunks = response.iter_content
        response.iter_content = lambda step: (read.append(c) or c for c in chunks(step))
        return real(response, size)

    monkeypatch.setattr(gathering, "_read", counted)
    assert statuses(gather(tmp_path / "mine")) == ["wrong"]
    assert sum(map(len, read)) <= 1 << 16


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_host_is_given_the_time_that_it_asks_for(status, two, tmp_path, waits):
    Handler.answers += [(status, {"Retry-After": "7"})]
    assert statuses(gather(tmp_path / "mine")) == ["gathered", "gathered"]
    assert waits == [0.5, 7, 0.5]


def test_a_host_that_stays_busy_is_left_alone_and_the_next_run_goes_on(two, tmp_path, waits):
    Handler.answers += [(429, {})] * 4
    table = gather(tmp_path / "mine")
    assert statuses(table) == ["missing", "missing"]
    assert "429" in table["why"][0]
    assert table["why"][1].startswith("not asked for: the host is busy")
    assert len(Handler.asked) == 4
    assert waits == [0.5, 2, 8, 32]
    assert statuses(gather(tmp_path / "mine")) == ["gathered", "gathered"]


@pytest.mark.parametrize("wait", ["86400", "Wed, 21 Oct 2126 07:28:00 GMT"])
def test_nobody_waits_for_a_day(wait, two, tmp_path, waits):
    Handler.answers += [(429, {"Retry-After": wait})]
    assert statuses(gather(tmp_path / "mine")) == ["missing", "missing"]
    assert len(Handler.asked) == 1
    assert waits == [0.5]


def test_an_odd_answer_on_when_to_come_again_counts_as_none(two, tmp_path, waits):
    Handler.answers += [(429, {"Retry-After": "soon"})]
    assert statuses(gather(tmp_path / "mine")) == ["gathered", "gathered"]
    assert waits == [0.5, 2, 0.5]


def test_no_network_is_told_once_and_what_is_there_still_counts(two, tmp_path, monkeypatch, waits):
    folder = tmp_path / "mine"
    gather(folder)
    (folder / "CXR/b.jpg").unlink()
    monkeypatch.setattr(gathering, "HOST", "http://127.0.0.1:1")
    table = gather(folder)
    assert statuses(table) == ["missing", "there"]
    assert "out of reach (ConnectionError" in table["why"][0]


def test_originals_that_cannot_be_decoded_are_told(publish, tmp_path):
    text = b"no picture at all"
    publish((row("Hand/a.png", text), text))
    table = gather(tmp_path / "mine")
    assert statuses(table) == ["unreadable"]
    assert "cannot identify" in table["why"][0]


# -- what lies in the folder -----------------------------------------------------------------


def test_files_of_others_are_neither_changed_nor_removed(two, tmp_path):
    folder = tmp_path / "mine"
    (folder / "Hand").mkdir(parents=True)
    (folder / "Hand/a.png").write_bytes(b"my own hand")
    (folder / "Hand/mine.png").write_bytes(b"another")
    (folder / "notes.txt").write_text("mine")
    table = gather(folder)
    assert statuses(table) == ["gathered", "in the way"]
    assert (folder / "Hand/a.png").read_bytes() == b"my own hand"
    assert (folder / "Hand/mine.png").read_bytes() == b"another"
    assert (folder / "notes.txt").read_text() == "mine"
    assert pd.read_csv(folder / "SOURCES.csv")["file"].tolist() == ["CXR/b.jpg"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("SOURCES.csv", "file,source\nHand/mine.png,our hospital\n"),
        ("SOURCES.csv", "file,copy_sha256\nfundus/of-the-other-set.png,0\n"),
        ("SOURCES.csv", ""),
        ("CREDITS.md", "# Thanks to all\n"),
    ],
)
def test_records_of_others_are_refused(name, text, two, tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / name).write_text(text)
    with pytest.raises(ValueError, match="is of other pictures.*Choose another folder"):
        gather(folder)
    assert (folder / name).read_text() == text
    assert not Handler.asked


def test_a_file_in_place_of_the_folder_is_refused(two, tmp_path):
    (tmp_path / "mine").write_text("")
    with pytest.raises(ValueError, match="must be a folder"):
        gather(tmp_path / "mine")


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError])
def test_nothing_is_half_written_and_what_came_is_recorded(error, two, tmp_path, monkeypatch):
    folder = tmp_path / "mine"
    real = storage.Path.write_bytes

    def interrupted(path, content):
        real(path, content[:20])
        raise error

    def second(path, content):
        monkeypatch.setattr(storage.Path, "write_bytes", interrupted)
        return real(path, content)

    monkeypatch.setattr(storage.Path, "write_bytes", second)
    with pytest.raises(error):
        gather(folder)
    kept = ["CREDITS.md", "CXR", "CXR/b.jpg", "Hand", "SOURCES.csv", "SOURCES.csv.lock"]
    assert listed(folder) == kept
    assert pd.read_csv(folder / "SOURCES.csv")["file"].tolist() == ["CXR/b.jpg"]
    monkeypatch.setattr(storage.Path, "write_bytes", real)
    assert statuses(gather(folder)) == ["there", "gathered"]


@pytest.mark.parametrize(
    "change",
    [
        {"file": "../a.png", "class": ".."},
        {"file": "/etc/a.png", "class": ""},
        {"file": "Hand/../../a.png"},
        {"file": "Hand/.a.png"},
        {"file": "Hand/a\\b.png"},
        {"file": "Hand/C:a.png"},
        {"file": "Hand/a.exe"},
        {"class": "CXR"},
        {"repository": "../pictures"},
        {"path": "../../other/a.png"},
        {"path": "/a.png"},
        {"commit": "main"},
        {"sha256": "?"},
        {"copy_sha256": ""},
    ],
)
def test_rows_that_lead_elsewhere_are_refused(change, publish, tmp_path):
    pd.DataFrame([row("Hand/a.png", b"") | change]).to_csv(tmp_path / "external.csv", index=False)
    with pytest.raises(ValueError, match="external.csv was refused"):
        gather(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()


def test_another_set_is_refused(tmp_path):
    with pytest.raises(ValueError, match="one of external, ood. Received: 'other'"):
        gather(tmp_path / "mine", "other")


# -- how copies are made ---------------------------------------------------------------------


def test_pictures_are_turned_clockwise():
    turned = pixels_of(packed(RAMP), rotate="90", width=30, height=40)
    np.testing.assert_array_equal(turned, np.rot90(RAMP, -1))
    np.testing.assert_array_equal(pixels_of(packed(RAMP), rotate="180"), RAMP[::-1, ::-1])


def test_what_is_transparent_becomes_white_or_is_dropped():
    clear = np.dstack([TINTED, np.zeros_like(RAMP)])
    white = pixels_of(packed(clear), alpha="white", mode="RGB")
    np.testing.assert_array_equal(white, np.full((30, 40, 3), 255))
    np.testing.assert_array_equal(pixels_of(packed(clear), mode="RGB"), TINTED)


@pytest.mark.parametrize("resize", ["thumbnail", "lanczos", "bicubic"])
def test_large_pictures_become_smaller(resize):
    small = pixels_of(packed(RAMP), resize=resize, width=20, height=15)
    np.testing.assert_allclose(small, RAMP[::2, ::2] + 2.0, atol=4)


def test_a_picture_of_another_size_than_told_is_refused():
    with pytest.raises(ValueError, match="40x30 pixels, not 20x15"):
        copy_of(packed(RAMP), width=20, height=15)


def test_a_picture_is_taken_from_a_notebook():
    shown = [
        {"data": {"image/png": base64.b64encode(packed(each)).decode()}}
        for each in (RAMP // 2, RAMP)
    ]
    cells = [{}, {"outputs": [{"text": "…"}, shown[0]]}, {"outputs": [shown[1]]}]
    notebook = json.dumps({"cells": cells}).encode()
    np.testing.assert_array_equal(pixels_of(notebook, format="notebook", index="1"), RAMP)


@pytest.mark.parametrize("compressed", [False, True])
def test_flat_pictures_of_metaimage_are_stretched(compressed):
    header = (
        f"ObjectType = Image\nNDims = 2\nCompressedData = {compressed}\nDimSize = 40 30\n"
        "ElementType = MET_UCHAR\nElementDataFile = LOCAL\n"
    )
    body = zlib.compress(RAMP.tobytes()) if compressed else RAMP.tobytes()
    stretched = pixels_of(header.encode() + body, format="mha", low="0", high="100")
    assert (stretched.min(), stretched.max()) == (0, 255)
    np.testing.assert_allclose(stretched, RAMP * (255 / RAMP.max()), atol=1)
    wide = header.replace("UCHAR", "SHORT").encode()
    with pytest.raises(ValueError, match="MET_SHORT, not MET_UCHAR"):
        pixels_of(wide + body, format="mha", low="0", high="100")


def dicom(pixels, **header) -> bytes:
    pydicom = pytest.importorskip("pydicom")
    dataset = pydicom.Dataset()
    dataset.file_meta = pydicom.dataset.FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    dataset.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    dataset.SOPInstanceUID = "1.2.3"
    depth = pixels.dtype.itemsize * 8
    dataset.set_pixel_data(pixels, header.pop("kind", "MONOCHROME2"), depth)
    for name, value in header.items():
        setattr(dataset, name, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    return buffer.getvalue()


def test_dicom_is_stretched_between_percentiles_or_by_its_window():
    wide = RAMP.astype("uint16") * 10
    expected = RAMP * (255 / RAMP.max())
    told = {"format": "dicom", "low": "0", "high": "100"}
    np.testing.assert_allclose(pixels_of(dicom(wide), **told), expected, atol=1)
    negative = pixels_of(dicom(wide, kind="MONOCHROME1"), **told)
    np.testing.assert_allclose(negative, 255 - expected, atol=1)
    top = int(wide.max())
    scaled = {"RescaleSlope": "2", "RescaleIntercept": "-100"}
    window = {"WindowCenter": str(top - 100), "WindowWidth": str(2 * top)}
    shown = pixels_of(dicom(wide, **scaled, **window), format="dicom")
    np.testing.assert_allclose(shown, expected, atol=1)


def test_one_frame_of_dicom_and_colours():
    frames = np.stack([RAMP, RAMP.T.reshape(30, 40), RAMP[::-1]])
    told = {"format": "dicom", "low": "0", "high": "100", "index": "2"}
    np.testing.assert_allclose(
        pixels_of(dicom(frames), **told), RAMP[::-1] * (255 / RAMP.max()), atol=1
    )
    for tinted in (TINTED, TINTED.astype("uint16") * 257):
        shown = pixels_of(dicom(tinted, kind="RGB"), format="dicom", mode="RGB")
        np.testing.assert_array_equal(shown, TINTED)


def test_a_slice_of_nifti_stands_upright():
    nibabel = pytest.importorskip("nibabel")
    volume = np.zeros((40, 30, 3), "float32")
    volume[..., 1] = RAMP.T
    content = gzip.compress(nibabel.Nifti1Image(volume, np.eye(4)).to_bytes())
    told = {"format": "nifti", "low": "0", "high": "100", "index": "1"}
    expected = RAMP[::-1, ::-1] * (255 / RAMP.max())
    np.testing.assert_allclose(pixels_of(content, **told), expected, atol=1)


# -- the command -----------------------------------------------------------------------------


def test_the_command_prints_what_came_and_fails_where_something_lacks(two, tmp_path, capsys):
    folder = str(tmp_path / "mine")
    assert __main__.main(["gather", folder]) == 0
    assert capsys.readouterr().out == "   2 gathered: some-one/pictures\n"
    (tmp_path / "mine/Hand/a.png").unlink()
    Handler.answers += [(404, {})]
    assert __main__.main(["gather", folder]) == 1
    missing, there = capsys.readouterr().out.splitlines()
    assert missing.startswith("   1 missing: some-one/pictures (404 Not Found: http://127")
    assert there == "   1 there: some-one/pictures"


def test_the_command_gathers_the_other_set_and_every_licence(publish, tmp_path, capsys):
    brain = packed(RAMP)
    publish((row("brain_mri/a.png", brain, left_out="no licence stated"), brain), which="ood")
    command = ["gather", str(tmp_path / "mine"), "--set", "ood"]
    assert __main__.main(command) == 0
    assert capsys.readouterr().out == "   1 left out: some-one/pictures (no licence stated)\n"
    assert not (tmp_path / "mine/brain_mri").exists()
    assert __main__.main([*command, "--every-licence"]) == 0
    assert (tmp_path / "mine/brain_mri/a.png").exists()


# -- the manifests that ship -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("which", "count", "by_default"), [("external", 311, 179), ("ood", 221, 66)]
)
def test_the_manifests_are_well_formed(which, count, by_default):
    rows = read_manifest(which)
    assert len(rows) == count
    assert sum(not each.left_out for each in rows) == by_default
    files = [each.file for each in rows]
    assert files == sorted(files)
    assert len({file.lower() for file in files}) == count
    assert {each.mode for each in rows} <= {"L", "RGB"}
    assert {each.rotate for each in rows} <= {0, 90, 180}
    assert {each.resize for each in rows} <= {"", "thumbnail", "lanczos", "bicubic"}
    for each in rows:
        assert each.file.endswith(".jpg") == bool(each.quality), each.file
        assert 0 < each.bytes < 20_000_000, each.file
        assert max(each.width, each.height) <= 512, each.file
        assert (each.low is None) == (each.high is None), each.file
        assert each.licence, each.file
        assert each.terms, each.file
        assert each.collection, each.file
        if each.licence == originals.NO_LICENCE or "research" in each.terms:
            assert each.left_out, each.file
    classes = {file.split("/")[0] for file in files}
    if which == "external":
        assert classes == set(CLASS_NAMES)
        assert {each.mode for each in rows} == {"L"}
    else:
        assert not classes & set(CLASS_NAMES)
        assert len(classes) == 33


def test_no_original_is_in_both_sets():
    one, other = ({each.sha256 for each in read_manifest(which)} for which in SETS)
    assert not one & other


def test_the_page_on_external_pictures_names_every_source():
    page = (originals.MANIFESTS.parents[1] / "docs" / "external.md").read_text(encoding="utf-8")
    for which in SETS:
        for each in read_manifest(which):
            assert f"[{each.repository}](https://github.com/{each.repository})" in page


def test_scans_are_told_where_names_tell_them():
    scans = {}
    for each in read_manifest("external"):
        if each.scan:
            scans.setdefault(each.repository, set()).add(each.scan)
    assert sorted(map(len, scans.values())) == [1, 5, 6, 13, 29, 39]


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (None, "sources that are not listed"),
        (["unknown"], "sources that are not listed"),
        (np.array(["a/b", "c/d", "a/b", "unknown"]), "from 2 sources, credited in SOURCES.csv"),
    ],
)
def test_the_line_of_credit_counts_what_is_there(sources, told):
    assert told in external_credit(sources)


def test_the_manifest_is_a_table_that_others_read():
    with (originals.MANIFESTS / "external.csv").open(encoding="utf-8", newline="") as file:
        assert next(csv.reader(file))[:4] == ["file", "class", "repository", "commit"]
