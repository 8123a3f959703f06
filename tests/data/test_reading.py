"""People's own pictures: every kind that should be read, and every bad one."""

import io
import os
import struct
import sys
import warnings
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, TiffImagePlugin
from tiny_data import dicom, encode

from medmnist_keras import read_image
from medmnist_keras.data import find_pictures, levels, reading
from medmnist_keras.data.reading import count_frames, try_reading

RAMP = np.tile(np.arange(0, 256, 4, dtype="uint8"), (64, 1))  # dark on the left


def saved(path, values=RAMP, mode=None, **options):
    """Writes an array as a picture file, in another mode if one is named."""
    image = values if isinstance(values, Image.Image) else Image.fromarray(values)
    (image.convert(mode) if mode else image).save(path, **options)
    return path


def grey(picture, **options):
    """What is read, without its channel, as numbers that can be subtracted."""
    image = read_image(picture, **options)
    assert image.dtype == np.uint8
    assert image.shape == (64, 64, 1)
    return image[..., 0].astype(int)


# -- kinds of files ------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "GIF", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_each_kind_of_file(kind, mode, tmp_path):
    path = saved(tmp_path / f"picture.{kind.lower()}", mode=mode, format=kind)
    assert np.abs(grey(path) - RAMP).max() <= 4  # some kinds are lossy


@pytest.mark.parametrize("mode", ["1", "LA", "P", "RGBA", "CMYK", "I", "F"])
def test_each_mode(mode, tmp_path):
    values = (RAMP > 127).astype("uint8") * 255
    path = saved(tmp_path / "picture.tif", values, mode)
    np.testing.assert_array_equal(grey(path), values)


def test_path_bytes_file_and_image_give_the_same(tmp_path):
    path = saved(tmp_path / "ramp.png")
    data = path.read_bytes()
    for picture in (path, str(path), data, bytearray(data), io.BytesIO(data), Image.open(path)):
        np.testing.assert_array_equal(grey(picture), RAMP)
    with path.open("rb") as file:
        np.testing.assert_array_equal(grey(file), RAMP)


def test_content_counts_not_the_suffix(tmp_path):
    np.testing.assert_array_equal(grey(saved(tmp_path / "ramp.jpg", format="PNG")), RAMP)


def test_the_page_nearest_the_middle_counts_that_is_not_blank(tmp_path):
    pages = [Image.fromarray(levels) for levels in (RAMP, RAMP.T, 0 * RAMP)]
    for name in ("pages.tif", "moving.gif", "moving.webp"):
        options = {"lossless": True} if name.endswith("webp") else {}
        saved(tmp_path / name, pages[0], save_all=True, append_images=pages[1:], **options)
        reading = try_reading(tmp_path / name)
        assert reading.note == "page 2 of 3"
        np.testing.assert_allclose(reading.image[..., 0].astype(int), RAMP.T, atol=3)
        np.testing.assert_allclose(grey(tmp_path / name, frame=0), RAMP, atol=3)
        assert count_frames(tmp_path / name) == 3


@pytest.mark.parametrize("frame", [-1, 2])
def test_a_frame_that_is_not_there_is_told_with_those_that_are(frame, tmp_path):
    moving = saved(tmp_path / "two.gif", save_all=True, append_images=[Image.fromarray(255 - RAMP)])
    for picture in (moving, dicom(np.stack([RAMP, RAMP]))):
        with pytest.raises(ValueError, match=f"it has no frame {frame}. Pass `frame` from 0 to 1"):
            read_image(picture, frame=frame)


def test_a_smaller_copy_in_a_tiff_is_no_page(tmp_path):
    small = Image.fromarray(RAMP.T[::2, ::2])
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[254] = 1
    with TiffImagePlugin.AppendingTiffWriter(tmp_path / "two.tif", new=True) as file:
        Image.fromarray(RAMP).save(file, "TIFF")
        file.newFrame()
        small.save(file, "TIFF", tiffinfo=tags)
    reading = try_reading(tmp_path / "two.tif")
    assert reading.note == ""
    np.testing.assert_array_equal(reading.image[..., 0], RAMP)


def test_colours_become_luminance(tmp_path):
    red = saved(tmp_path / "red.png", Image.new("RGB", (64, 64), (255, 0, 0)))
    palette = saved(tmp_path / "palette.png", Image.new("RGB", (64, 64), (255, 0, 0)), "P")
    assert grey(red).max() == grey(palette).max() == 76


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparent_becomes_black(mode, tmp_path):
    white = np.full((64, 64), 255, "uint8")
    opacity = np.where(np.arange(64) < 32, 0, 255).astype("uint8") * np.ones((64, 1), "uint8")
    bands = [Image.fromarray(white)] * (len(mode) - 1) + [Image.fromarray(opacity)]
    path = saved(tmp_path / "half.png", Image.merge(mode, bands))
    np.testing.assert_array_equal(grey(path), opacity)


def test_transparent_palette_entry_becomes_black(tmp_path):
    image = Image.fromarray((np.arange(64) < 32).astype("uint8") * np.ones((64, 1), "uint8"))
    image.putpalette([200, 200, 200, 255, 255, 255])  # 1, on the left, is white and transparent
    path = saved(tmp_path / "icon.png", image, transparency=1)
    assert set(grey(path)[:, :32].ravel()) == {0}
    assert set(grey(path)[:, 32:].ravel()) == {200}


@pytest.mark.parametrize("kind", ["jpg", "png", "tif", "webp"])
def test_exif_orientation_is_honoured(kind, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn clockwise to show
    options = {"lossless": True} if kind == "webp" else {}
    path = saved(tmp_path / f"photo.{kind}", exif=exif, **options)
    assert np.abs(grey(path) - np.rot90(RAMP, -1)).max() <= 4


# -- levels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["png", "tif"])
@pytest.mark.parametrize("top", [400, 4095, 65535])
def test_16_bits_are_stretched_by_their_own_range(kind, top, tmp_path):
    values = (RAMP / 255 * top).astype("uint16")
    path = saved(tmp_path / f"deep.{kind}", values)
    assert grey(path).min() == 0
    assert grey(path).max() == 255
    assert np.abs(grey(path) - np.linspace(0, 255, 64)).max() <= 5
    np.testing.assert_array_equal(grey(values), grey(path))
    np.testing.assert_array_equal(grey(values.astype(">u2")), grey(path))  # of other machines


def test_a_few_hot_pixels_do_not_darken_16_bits():
    values = RAMP.astype("uint16") * 4
    values[0, :5] = 65535
    assert np.abs(grey(values)[1:] - np.linspace(0, 255, 64)).max() <= 5


def test_little_on_much_black_is_still_seen():
    values = np.zeros((64, 64), "uint16")
    values[30:33, 30:33] = 1000  # less than the percentiles leave
    assert grey(values).max() == 255


def test_16_bit_tiff_where_zero_is_white(tmp_path):
    path = saved(tmp_path / "film.tif", RAMP.astype("uint16") * 16)
    data = bytearray(path.read_bytes())
    entry = np.array([262, 3], "<u2").tobytes() + np.array([1, 1], "<u4").tobytes()
    assert data.count(entry) == 1  # photometric interpretation: zero is black
    data[data.index(entry) + 8] = 0
    np.testing.assert_array_equal(grey(bytes(data)), 255 - grey(path))
    assert TiffImagePlugin.PHOTOMETRIC_INTERPRETATION == levels._PHOTOMETRIC


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (RAMP > 127, (RAMP > 127) * 255),
        (RAMP / 255, RAMP),
        ((RAMP / 255).astype("float16"), RAMP),
        (RAMP.astype("float32"), RAMP),
        (RAMP.astype("int64"), RAMP),
        ((RAMP > 127).astype("int32"), (RAMP > 127) * 255),
        (RAMP * 10.0 - 1000, np.linspace(0, 255, 64)),  # such as Hounsfield units
        (RAMP.astype("int16") - 100, np.linspace(0, 255, 64)),
        (np.full((64, 64), 3000, "uint16"), np.zeros((64, 64))),  # flat: nothing to stretch
    ],
)
def test_ranges_of_arrays(values, expected):
    assert np.abs(grey(values) - expected).max() <= 5


@pytest.mark.parametrize("kind", ["uint8", "uint16", "float32"])
def test_channels_of_arrays(kind):
    full = {"uint8": 255, "uint16": 65535, "float32": 1}[kind]
    values = (RAMP / 255 * full).astype(kind)
    expected = grey(values)
    opaque = np.full_like(values, full)
    opaque[:, 32:] = 0
    assert np.abs(grey(values[..., None]) - expected).max() == 0
    assert np.abs(grey(np.stack([values] * 3, axis=-1)) - expected).max() <= 1
    see_through = grey(np.stack([values, values, values, opaque], axis=-1))
    assert see_through[:, 32:].max() == 0
    assert (np.diff(see_through[:, :32]) >= 0).all()
    assert see_through[:, 31].min() > 100


# -- sizes ---------------------------------------------------------------------------------------


def test_fine_patterns_become_their_mean():
    checks = np.indices((640, 640)).sum(axis=0) % 2 * np.uint8(255)
    assert np.abs(grey(checks) - 127).max() <= 1


def test_small_pictures_grow_smoothly():
    grown = grey(np.array([[0, 255], [0, 255]], "uint8"))
    assert len(np.unique(grown)) > 10
    assert (np.diff(grown) >= 0).all()


@pytest.mark.parametrize("image_size", [32, 80])
def test_other_image_sizes(image_size):
    assert read_image(RAMP, image_size=image_size).shape == (image_size, image_size, 1)


@pytest.mark.parametrize("level", [0, 90, 255])
def test_padding_goes_on_with_the_background(level):
    tall = np.full((200, 100), level, "uint8")
    tall[20:180, 20:80] = 160
    tall[0, :] = 40  # an edge that isn't padded has no say
    square = grey(tall)
    assert set(square[:, :16].ravel()) == set(square[:, 48:].ravel()) == {level}
    wide = grey(tall.T)
    np.testing.assert_array_equal(wide, square.T)


def test_padding_is_not_misled_by_noise():
    generator = np.random.default_rng(0)
    noisy = generator.integers(0, 12, (200, 100)).astype("uint8")
    noisy[80:] = generator.integers(40, 250, (120, 100))  # many levels, each of them rare
    assert 2 <= grey(noisy)[0, 0] <= 9


def test_padding_takes_the_level_that_is_there_not_a_mean_of_two():
    speckled = np.zeros((200, 100), "uint8")
    speckled[::4] = 15
    assert grey(speckled)[1, 0] == 0


def test_without_padding_the_picture_is_squeezed():
    wide = np.repeat(RAMP, 3, axis=1)
    np.testing.assert_array_equal(grey(wide, pad=False), RAMP)


# -- what can't be read --------------------------------------------------------------------------


def refused(picture, *messages):
    with pytest.raises(ValueError, match="could not be read") as caught:
        read_image(picture)
    for message in messages:
        assert message in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "it is empty"),
        (
            b"patient,age\n1,72\n",
            "it is of another kind or cut short (it begins with b'patient,age",
        ),
        (encode(RAMP, "PNG")[:5], "it is of another kind or cut short"),
        (encode(RAMP, "PNG")[:20], "it is damaged"),
        (encode(RAMP, "PNG")[:-40], "it is damaged"),
        (encode(RAMP)[:500], "it is damaged (image file is truncated"),
        (encode(RAMP, "TIFF")[:-100], "it is damaged"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n", "it is of another kind"),
    ],
)
def test_bad_files_are_told_by_name(content, reason, tmp_path):
    path = tmp_path / "scan.png"
    path.write_bytes(content)
    message = refused(path, f"{path} could not be read: {reason}", "Expected a PNG, JPEG, TIFF")
    assert "leave it out" in message
    assert "\n" not in message
    refused(content, f"The bytes could not be read: {reason}")


def test_missing_files_and_links_to_nowhere(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone.png does not exist.*check its spelling"):
        read_image(tmp_path / "gone.png")
    (tmp_path / "link.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(FileNotFoundError, match=r"link.png is a link to .*gone.png, which does"):
        read_image(tmp_path / "link.png")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_are_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    refused(tmp_path / "pipe.png", "it is a device or a pipe")


def test_folders_and_locked_files(tmp_path, monkeypatch):
    refused(tmp_path, "it is a folder", "find_pictures()")
    path = saved(tmp_path / "locked.png")

    def locked(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", locked)
    refused(path, "locked.png could not be read: Permission denied")


def test_size_is_checked_before_decoding(tmp_path, monkeypatch):
    path = saved(tmp_path / "huge.png", Image.new("1", (10_001, 10_000)))  # 12 kB of file
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("decoded"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        refused(path, "it has 10,001 x 10,000 pixels", "at most 100 megapixels")
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1_000_000)
        refused(path, "it has too many pixels")
    refused(np.broadcast_to(np.uint8(0), (20_000, 10_000)), "10,000 x 20,000 pixels")


def test_files_without_end_and_strips(tmp_path, monkeypatch):
    refused(np.zeros((1, 101), "uint8"), "a strip of 101 x 1 pixels")
    path = saved(tmp_path / "ramp.png")
    monkeypatch.setattr(reading, "_MAX_BYTES", 50)
    refused(path, "it has over 50 bytes")


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.zeros((64, 64, 2)), "it has shape (64, 64, 2) and float64"),
        (np.zeros((2, 64, 64, 1)), "it has shape (2, 64, 64, 1)"),
        (np.zeros(64), "it has shape (64,)"),
        (np.zeros((0, 64)), "it has shape (0, 64)"),
        (np.zeros((64, 64), complex), "it has shape (64, 64) and complex128"),
        (np.full((64, 64), np.nan), "it holds NaN or infinity"),
        (np.full((64, 64), np.inf), "it holds NaN or infinity"),
    ],
)
def test_bad_arrays(values, reason):
    refused(values, f"The ndarray could not be read: {reason}", "(H, W, 3)")


def test_what_is_no_picture_at_all():
    refused(None, "The NoneType could not be read: it is no picture", "a NumPy array")
    refused(io.StringIO("text"), "reading it gives str, not bytes", "binary mode")


def test_try_reading_gives_the_reason_instead(tmp_path):
    image, note, problem, _ = try_reading(RAMP)
    assert (image.shape, note, problem) == ((64, 64, 1), "", "")
    image, note, problem, _ = try_reading(tmp_path / "gone.png")
    assert (image, note) == (None, "")
    assert "does not exist" in problem


# -- DICOM ---------------------------------------------------------------------------------------


HOUNSFIELD = np.tile(np.linspace(-1000, 1000, 64).astype("int16"), (64, 1))


def test_dicom_without_window_is_stretched():
    assert np.abs(grey(dicom(HOUNSFIELD)) - np.linspace(0, 255, 64)).max() <= 5
    low = (RAMP // 2).astype("uint16")  # within 0-255, but of 16 bits all the same
    rescaled = dicom(low, RescaleSlope=1, RescaleIntercept=0)
    assert grey(rescaled).max() == grey(dicom(low)).max() == 255


def test_dicom_of_8_bits_stays_as_it_is():
    np.testing.assert_array_equal(grey(dicom(RAMP // 2)), RAMP // 2)


@pytest.mark.parametrize("stored", ["values", "rescaled"])
@pytest.mark.parametrize("function", ["LINEAR", "LINEAR_EXACT", "SIGMOID"])
def test_dicom_window_counts_in_rescaled_units(stored, function):
    # The first of two windows: 0 is its middle, -200 its black, 200 its white.
    window = {"WindowCenter": [0, 700], "WindowWidth": [400, 10], "VOILUTFunction": function}
    if stored == "values":
        shown = grey(dicom(HOUNSFIELD, **window))
    else:
        raw = (HOUNSFIELD + 1024).astype("uint16") * 2
        shown = grey(dicom(raw, RescaleSlope=0.5, RescaleIntercept=-1024, **window))
    assert shown[:, HOUNSFIELD[0] < -500].max() <= 2
    assert shown[:, HOUNSFIELD[0] > 500].min() >= 253
    assert np.abs(shown[:, np.abs(HOUNSFIELD[0]).argmin()] - 127).max() <= 15
    assert (np.diff(shown) >= 0).all()


def test_dicom_window_that_shows_nothing_is_left_aside():
    for window in ((9000, 100), (None, 100)):
        data = dicom(HOUNSFIELD, WindowCenter=window[0], WindowWidth=window[1])
        np.testing.assert_array_equal(grey(data), grey(dicom(HOUNSFIELD)))


def test_dicom_modality_table():
    from pydicom.dataset import Dataset

    table = Dataset()
    table.LUTDescriptor = [256, 0, 16]
    table["LUTDescriptor"].VR = "US"
    table.ModalityLUTType = "US"
    table.add_new("LUTData", "US", list(range(2550, -10, -10)))  # upside down
    shown = grey(dicom(RAMP, ModalityLUTSequence=[table]))
    np.testing.assert_array_equal(shown, grey(dicom(2550 - 10 * RAMP.astype("uint16"))))


@pytest.mark.parametrize("values", [RAMP, RAMP.astype("uint16") * 16, HOUNSFIELD])
@pytest.mark.parametrize("window", [{}, {"WindowCenter": 100, "WindowWidth": 150}])
def test_monochrome1_is_inverted(values, window):
    upright = grey(dicom(values, **window))
    inverted = dicom(values, PhotometricInterpretation="MONOCHROME1", **window)
    np.testing.assert_array_equal(grey(inverted), 255 - upright)


def test_dicom_middle_frame_counts():
    frames = np.stack([RAMP * 0, RAMP, RAMP * 0 + 255])
    np.testing.assert_array_equal(grey(dicom(frames)), RAMP)


def test_dicom_in_colour():
    red = np.zeros((64, 64, 3), "uint8")
    red[..., 0] = 255
    assert set(grey(dicom(red)).ravel()) == {76}


def test_dicom_with_palette():
    palette = {
        f"{colour}PaletteColorLookupTable{part}": value
        for colour in ("Red", "Green", "Blue")
        for part, value in (
            ("Descriptor", [256, 0, 8]),
            ("Data", bytes(range(255, -1, -1))),
        )
    }
    data = dicom(RAMP, PhotometricInterpretation="PALETTE COLOR", **palette)
    np.testing.assert_array_equal(grey(data), 255 - RAMP)


def test_dicom_is_known_by_content_or_by_suffix(tmp_path):
    path = dicom(RAMP, tmp_path / "IM0001")
    np.testing.assert_array_equal(grey(path), RAMP)
    # Old files have no header; they are of the default encoding.
    from pydicom.uid import ImplicitVRLittleEndian

    data = dicom(RAMP, syntax=ImplicitVRLittleEndian)
    start = data.index(b"\x08\x00\x16\x00")  # SOP Class UID, the first element
    (tmp_path / "old.dcm").write_bytes(data[start:])
    np.testing.assert_array_equal(grey(tmp_path / "old.dcm"), RAMP)


def test_bad_dicom_is_told(tmp_path):
    refused(dicom(RAMP)[:-100], "it is damaged")
    refused(dicom(RAMP, Rows=None), "it is a DICOM file without pixels")
    refused(dicom(RAMP, Rows=20_000, Columns=20_000), "it has 20,000 x 20,000 pixels")
    rescaled = dicom(RAMP, RescaleSlope=1, RescaleIntercept=0)
    odd = try_reading(rescaled.replace(b"1.0 ", b"one "))
    assert "rescaling can't be used" in odd.note
    np.testing.assert_array_equal(odd.image[..., 0], RAMP)
    path = tmp_path / "letter.dcm"
    path.write_text("Dear doctor, " * 30)
    refused(path, "letter.dcm could not be read")


def test_packed_dicom_that_cannot_be_decoded():
    from pydicom import uid
    from pydicom.encaps import encapsulate

    data = dicom(RAMP, syntax=uid.JPEGLSLossless, PixelData=encapsulate([b"nonsense"]))
    refused(data, "packed as JPEG-LS", "no decoder is installed", "convert it to PNG")
    cut = dicom(RAMP, syntax=uid.RLELossless, PixelData=encapsulate([b"nonsense"]))
    refused(cut, "RLE Lossless, are damaged")  # and no advice to install what is there
    deflated = dicom(RAMP, syntax=uid.DeflatedExplicitVRLittleEndian)
    np.testing.assert_array_equal(grey(deflated), RAMP)


def test_without_pydicom_the_remedy_is_told(monkeypatch):
    data = dicom(RAMP)
    monkeypatch.setitem(sys.modules, "pydicom", None)
    refused(data, "pydicom is not installed", 'pip install "medmnist_keras[dicom]"')


# -- folders -------------------------------------------------------------------------------------


def test_find_pictures_in_folders(tmp_path):
    top = tmp_path / "scans"
    for name in ("b.PNG", "a.jpeg", "deep/c.tif", ".hidden/d.png", "._b.png", "e.csv", "f"):
        (top / name).parent.mkdir(parents=True, exist_ok=True)
        (top / name).write_bytes(b"?")
    dicom(RAMP, top / "1.2.840.1")
    dicom(RAMP, top / "DICOMDIR")
    (top / "gone.png").symlink_to(top / "nowhere.png")
    (top / "folder.png").mkdir()
    named = [path.relative_to(top).as_posix() for path in find_pictures([top])]
    assert named == ["1.2.840.1", "a.jpeg", "b.PNG", "deep/c.tif", "gone.png"]


def test_find_pictures_keeps_what_is_named(tmp_path):
    notes, hidden = tmp_path / "notes.csv", tmp_path / ".hidden" / "a.png"
    hidden.parent.mkdir()
    hidden.write_bytes(b"?")
    assert find_pictures([str(notes), hidden.parent, "gone"]) == [notes, hidden, Path("gone")]
    assert find_pictures([]) == []


@pytest.mark.parametrize(
    ("function", "inverted"),
    [("LINEAR", False), ("LINEAR_EXACT", False), ("SIGMOID", False), ("LINEAR", True)],
)
def test_a_window_wider_than_the_picture_leaves_it_flat(function, inverted, tmp_path):
    """What lies within the window is shown by it, not stretched to white and black."""
    values = np.linspace(-50, 50, 64 * 64).reshape(64, 64).astype("int16")
    elements = {"WindowCenter": 0, "WindowWidth": 400, "VOILUTFunction": function}
    if inverted:
        elements["PhotometricInterpretation"] = "MONOCHROME1"
    dicom(values, tmp_path / "a.dcm", **elements)
    grey = read_image(tmp_path / "a.dcm")
    assert 90 < grey.min() < 100
    assert 155 < grey.max() < 165


# -- what people bring ---------------------------------------------------------------------------


def test_folders_are_read_whole_and_what_is_left_out_is_counted(tmp_path):
    saved(tmp_path / "a.png")
    (tmp_path / "deep").mkdir()
    saved(tmp_path / "deep" / "no_suffix.png").rename(tmp_path / "deep" / "no_suffix")
    other = tmp_path.parent / f"{tmp_path.name}-beside"
    other.mkdir()
    saved(other / "linked.png")
    (tmp_path / "link").symlink_to(other)
    (tmp_path / "deep" / "circle").symlink_to(tmp_path)
    for junk in ("__MACOSX/a.png", "@eaDir/a.png", ".hidden/a.png", "Thumbs.db", "._a.png"):
        (tmp_path / junk).parent.mkdir(exist_ok=True)
        (tmp_path / junk).write_bytes(b"junk")
    for name in ("b.heic", "c.heic", "notes.txt", "README"):
        (tmp_path / name).write_text("no picture")
    with pytest.warns(UserWarning, match=r"2 \.heic, 1 \.txt, 1 without suffix"):
        found = find_pictures([tmp_path])
    names = [path.relative_to(tmp_path).as_posix() for path in found]
    assert names == ["a.png", "deep/no_suffix", "link/linked.png"]


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("", "its path is empty"),
        ("https://example.org/hand.png", "it is an address"),
        ("n" * 300, "too long"),
        ("a\0b", "does not exist"),
    ],
)
def test_a_path_that_can_be_none_is_a_problem_and_no_end(path, message):
    assert message in try_reading(path).problem


def test_content_counts_more_than_the_suffix(tmp_path):
    saved(tmp_path / "hand.png").rename(tmp_path / "hand.dcm")
    np.testing.assert_array_equal(grey(tmp_path / "hand.dcm"), RAMP)


def test_nan_is_background_in_files_and_arrays(tmp_path):
    gap = RAMP.astype("float32")
    gap[:8] = np.nan
    expected = np.where(np.isnan(gap), 0, RAMP)
    np.testing.assert_array_equal(grey(gap), expected)
    Image.fromarray(gap).save(tmp_path / "nan.tif")
    np.testing.assert_array_equal(grey(tmp_path / "nan.tif"), expected)


def test_lab_is_shown_as_the_grey_that_it_is(tmp_path):
    Image.fromarray(np.stack([RAMP] * 3, axis=-1)).convert("LAB").save(tmp_path / "lab.tif")
    np.testing.assert_allclose(grey(tmp_path / "lab.tif"), RAMP, atol=2)


def png16(values, colour) -> bytes:
    """A PNG of 16 bits a channel, which Pillow doesn't write."""
    height, width = values.shape[:2]
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(kind, data):
        parts = kind + data
        return struct.pack(">I", len(data)) + parts + struct.pack(">I", zlib.crc32(parts))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("channels", "colour"), [(3, 2), (2, 4), (4, 6)])
def test_colours_of_16_bits_are_refused_by_name(channels, colour):
    values = np.stack([RAMP.astype("uint16") * 16] * channels, axis=-1)
    refused(png16(values, colour), "several channels of 16 bits", "with 8 bits a channel")
    single = png16(RAMP.astype("uint16") * 16, 0)
    np.testing.assert_allclose(grey(single), RAMP, atol=4)


@pytest.mark.parametrize(
    ("start", "name", "advice"),
    [
        (b"\0\0\0\x18ftypheic", "HEIC", "pillow-heif"),
        (b"\0\0\0\x18ftypisom", "a video", "frames"),
        (b"\0\0\0\x0cJXL \r\n", "JPEG XL", "pillow-jxl-plugin"),
        (b"\x1f\x8b\x08", "gzip", "Unpack"),
        (b"PK\x03\x04", "a zip archive", "Unpack"),
        (b"%PDF-1.7", "PDF", "PNG"),
        (bytes(344) + b"n+1\0", "NIfTI", "nibabel"),
        (b"\xff\xd8\xff\xc3\0\x0b\x0c\0\x40\0\x40\x01", "lossless, 12 bits", "PNG"),
        (b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x40\0\x40\x01", "12 bits", "PNG"),
    ],
)
def test_formats_that_are_not_read_are_named_with_what_would_read_them(start, name, advice):
    refused(start + bytes(200), name, advice)


def test_tensors_and_channels_first():
    tensorflow = pytest.importorskip("tensorflow")
    jax = pytest.importorskip("jax.numpy")
    for tensor in (tensorflow.constant(RAMP), jax.asarray(RAMP)):
        np.testing.assert_array_equal(grey(tensor), RAMP)
    colour = np.stack([RAMP] * 3)
    np.testing.assert_array_equal(grey(colour), RAMP)
    np.testing.assert_array_equal(grey(RAMP[None]), RAMP)
