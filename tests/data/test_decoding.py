"""From files to pixels: both decoders give what Pillow gives."""

import io

import numpy as np
import pytest
from PIL import Image
from tiny_data import encode

from medmnist_keras import load_images, read_image
from medmnist_keras.data import decoding


def one_by_one(data):
    """What Pillow alone says of a file: pixels, quantisation table."""
    with Image.open(io.BytesIO(data)) as image:
        table = getattr(image, "quantization", {}).get(0, [0] * 64)
        return np.asarray(image.convert("L")), table


def in_a_batch(contents):
    files = [decoding.File(i, f"Hand/{i}", data) for i, data in enumerate(contents)]
    return decoding.decode_batch(files, 64)


def odd_pictures(files):
    grey = Image.open(io.BytesIO(files["Hand/000002.jpeg"]))
    rgb = np.stack([np.asarray(grey)] * 3, axis=-1)
    rgb[:32, :, 1] = 7

    def saved(image, kind="JPEG", **options):
        buffer = io.BytesIO()
        image.save(buffer, kind, **options)
        return buffer.getvalue()

    yield saved(grey, "PNG")
    yield saved(Image.fromarray(rgb))
    yield saved(Image.fromarray(rgb).convert("CMYK"))
    yield saved(grey, progressive=True)
    yield saved(grey, optimize=True)
    yield saved(grey, quality=10)
    yield saved(grey, quality=100)
    yield saved(grey, comment="of a kind")
    yield saved(grey, restart_marker_blocks=4)
    yield files["Hand/000002.jpeg"] + b"more"
    yield from spoilt_scans(files["Hand/000002.jpeg"])


def scan_start(data):
    """Where the pixels of a JPEG with one scan begin."""
    return data.index(b"\xff\xda") + 10


def spoilt_scans(data):
    """Files that Pillow takes, though what they show is spoilt: too little, too much, markers."""
    scan = scan_start(data)
    for changed in (
        data[: scan + 40],
        data[:scan],
        data[:-2] + bytes(range(200)),
        data[: scan + 40] + b"\xff\xd0" + data[scan + 40 : -2],
        data[: scan + 40] + b"\xff\0" + data[scan + 40 : -2],
        data[:scan] + np.random.default_rng(0).integers(0, 255, 3000, dtype="uint8").tobytes(),
    ):
        yield changed.rstrip(b"\xff") + b"\xff\xd9"


def pictures_of_another_depth():
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64)
    rows = np.mgrid[:64, :64][0]
    clear = Image.fromarray(np.full((64, 64), 255, "uint8"))
    yield "16 bits", Image.fromarray(ramp.astype("uint16")), {}
    clear.putalpha(Image.fromarray(np.where(rows < 32, 0, 255).astype("uint8")))
    yield "transparent", clear, {}
    yield (
        "one grey is transparent",
        Image.fromarray((4 * rows).astype("uint8")),
        {"transparency": 8},
    )
    yield "palette", Image.fromarray((4 * rows).astype("uint8")).convert("P"), {}


@pytest.mark.parametrize(("name", "image", "options"), list(pictures_of_another_depth()))
def test_a_picture_of_the_data_set_is_read_as_one_of_ones_own(name, image, options, tmp_path):
    """Two decoders, one rule: 16 bits were clipped here, and what is transparent was white."""
    image.save(tmp_path / "a.png", **options)
    batch = in_a_batch([(tmp_path / "a.png").read_bytes()])
    assert not batch.problems
    np.testing.assert_array_equal(
        batch.images[0].squeeze(), read_image(tmp_path / "a.png").squeeze()
    )


def test_pictures_in_a_batch_are_those_that_pillow_gives_alone(files):
    mixed = list(files.values())
    for i, odd in enumerate(odd_pictures(files)):
        mixed.insert(4 * i, odd)
    batch = in_a_batch(mixed)
    assert batch.problems == {}
    for data, image, table in zip(mixed, batch.images, batch.tables, strict=True):
        expected_image, expected_table = one_by_one(data)
        np.testing.assert_array_equal(image, expected_image)
        assert table.tolist() == list(expected_table)


def test_plain_pictures_are_decoded_fast_and_all_others_by_pillow(files, monkeypatch):
    slow = []
    decode = decoding._decode
    monkeypatch.setattr(decoding, "_decode", lambda *call: slow.append(call[0]) or decode(*call))
    odd = list(odd_pictures(files))
    in_a_batch([*files.values(), *odd])
    assert set(slow) <= set(odd)
    assert len(slow) >= 3  # PNG, colours, what a strict decoder refuses


@pytest.mark.parametrize("place", [0, 1, 35, 71])
@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda data: data[:-200], "Hand/{}: damaged image (image file is truncated"),
        (lambda data: data[:-2], "Hand/{}: damaged image (image file is truncated"),
        (lambda data: data[:200], "Hand/{}: damaged image ("),
        (lambda data: b"\xff" + data, "Hand/{}: not a JPEG or PNG image"),
        # A Huffman table that can't be: the header is plain, but nothing can be decoded.
        (lambda data: data[:107] + b"\xff" * 16 + data[123:], "Hand/{}: damaged image (broken"),
        (lambda data: encode(np.zeros((64, 65), "uint8")), "Hand/{}: 65x64 pixels, not 64x64"),
        (lambda data: b"", "Hand/{}: empty file"),
    ],
)
def test_one_damaged_picture_is_told_and_harms_no_other(place, spoil, message, files):
    contents = list(files.values())
    sound = in_a_batch(contents)
    contents[place] = spoil(contents[place])
    batch = in_a_batch(contents)
    assert list(batch.problems) == [place]
    assert batch.problems[place].startswith(message.format(place))
    others = np.arange(len(contents)) != place
    np.testing.assert_array_equal(batch.images[others], sound.images[others])
    np.testing.assert_array_equal(batch.tables[others], sound.tables[others])


def test_pictures_of_another_size_are_decoded_too():
    large = encode(np.tile(np.arange(96, dtype="uint8"), (96, 1)))
    batch = decoding.decode_batch([decoding.File(0, "a", large)] * 2, 96)
    np.testing.assert_array_equal(batch.images, [one_by_one(large)[0]] * 2)
    small = decoding.decode_batch([decoding.File(0, "a", encode(np.zeros((64, 64), "uint8")))], 96)
    assert small.problems == {0: "a: 64x64 pixels, not 96x96"}


def test_png_and_rgb_copies_load_as_grey(files, tiny_info, write_folder):
    grey = np.tile(np.arange(64, dtype="uint8"), (64, 1))
    rgb = encode(np.stack([grey] * 3, axis=-1), "PNG")
    with pytest.warns(UserWarning, match="differs"):
        loaded = load_images(write_folder(files | {"Hand/000000.jpeg": rgb}), info=tiny_info)
    hand = loaded.names.tolist().index("Hand/000000.jpeg")
    np.testing.assert_array_equal(loaded.images[hand, ..., 0], grey)


@pytest.mark.parametrize(("count", "size"), [(1, 4_000_000), (5, 4_000_000), (256, 3000)])
def test_how_pictures_fall_into_batches_changes_nothing(
    count, size, files, tiny_info, write_tar, monkeypatch, tmp_path
):
    place = write_tar(files)
    whole = load_images(place, info=tiny_info)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "again"))
    monkeypatch.setattr(decoding, "_BATCH", count)
    monkeypatch.setattr(decoding, "_BATCH_BYTES", size)
    parts = load_images(place, info=tiny_info)
    for name in ("images", "labels", "names", "quantization", "positions"):
        one, other = getattr(whole, name), getattr(parts, name)
        np.testing.assert_array_equal(one, other)
    assert parts.fingerprint == whole.fingerprint


def test_reading_ahead_is_bounded():
    begun = []

    def items():
        for i in range(100):
            begun.append(i)
            yield i

    for done in decoding.map_ahead(lambda i: i, items()):
        assert len(begun) <= done + 10
    assert done == 99
