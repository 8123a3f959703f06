"""DICOM is shown as its header says; what can't be used falls back, and a note says so."""

import struct
import zlib

import numpy as np
import pytest
from tiny_data import dicom

from medmnist_keras import predict, read_image
from medmnist_keras.data.reading import count_frames, try_reading

pydicom = pytest.importorskip("pydicom")

RAMP = np.tile(np.arange(0, 256, 4, dtype="uint8"), (64, 1))
TWELVE = RAMP.astype("uint16") * 16
BITS = {"BitsStored": 12, "HighBit": 11}


def item(**elements):
    dataset = pydicom.Dataset()
    for name, value in elements.items():
        setattr(dataset, name, value)
    return dataset


def table(data, bits, first=0):
    made = item(LUTDescriptor=[len(data), first, bits], LUTData=list(data))
    made["LUTDescriptor"].VR = made["LUTData"].VR = "US"
    return made


def shown(data) -> np.ndarray:
    return read_image(data)[..., 0].astype(int)


def test_a_window_shows_what_lies_in_it():
    levels = shown(dicom(TWELVE, WindowCenter="1024", WindowWidth="1024", **BITS))
    black, white = TWELVE[0] < 510, TWELVE[0] > 1540
    assert (levels[:, black] == 0).all()
    assert (levels[:, white] == 255).all()
    assert 120 <= levels[0, np.flatnonzero(TWELVE[0] >= 1024)[0]] <= 132


@pytest.mark.parametrize("function", ["LINEAR_EXACT", "SIGMOID"])
def test_other_windows_than_linear_ones(function):
    levels = shown(
        dicom(TWELVE, WindowCenter="2048", WindowWidth="800", VOILUTFunction=function, **BITS)
    )
    middle = np.flatnonzero(TWELVE[0] >= 2048)[0]
    assert 120 <= levels[0, middle] <= 136
    at = np.flatnonzero(TWELVE[0] >= 2448)[0]  # half a width above the centre, or a little more
    sigmoid = 255 / (1 + np.exp(-4 * (float(TWELVE[0, at]) - 2048) / 800))
    assert levels[0, at] == (255 if function == "LINEAR_EXACT" else round(sigmoid))
    assert (np.diff(levels[0]) >= 0).all()


@pytest.mark.parametrize(
    ("centre", "width"), [("0", "0"), ("0.5", "0.9"), ("2048", "-5"), (["0", "2048"], ["0", "0"])]
)
def test_a_window_that_can_not_be_used_falls_back_and_a_note_says_so(centre, width):
    reading = try_reading(dicom(TWELVE, WindowCenter=centre, WindowWidth=width, **BITS))
    assert "its own range is shown" in reading.note
    np.testing.assert_allclose(reading.image[..., 0], RAMP, atol=4)


def test_the_first_window_that_can_be_used_counts():
    windows = {"WindowCenter": ["0", "1024"], "WindowWidth": ["0", "1024"]}
    one = {"WindowCenter": "1024", "WindowWidth": "1024"}
    np.testing.assert_array_equal(
        shown(dicom(TWELVE, **windows, **BITS)), shown(dicom(TWELVE, **one, **BITS))
    )


@pytest.mark.parametrize(("centre", "width"), [(b"2047,5", b"4096,0"), (b" " * 6, b" " * 6)])
def test_a_window_that_is_blank_or_has_commas(centre, width):
    plain = dicom(TWELVE, WindowCenter="2047.5", WindowWidth="4096.0", **BITS)
    odd = plain.replace(b"2047.5", centre).replace(b"4096.0", width)
    np.testing.assert_allclose(shown(odd), RAMP, atol=4)


def test_a_window_that_shows_next_to_nothing_falls_back():
    reading = try_reading(dicom(RAMP, WindowCenter="2048", WindowWidth="4096"))
    np.testing.assert_array_equal(reading.image[..., 0], RAMP)
    assert "shows next to nothing" in reading.note


def test_a_table_goes_before_a_window():
    inverting = table(range(4095, -1, -1), 12)
    data = dicom(
        4080 - TWELVE, VOILUTSequence=[inverting], WindowCenter="99", WindowWidth="9", **BITS
    )
    np.testing.assert_allclose(shown(data), RAMP, atol=2)


def test_a_modality_table_with_an_empty_item_is_passed_over():
    data = dicom(RAMP, ModalityLUTSequence=[item()])
    np.testing.assert_array_equal(shown(data), RAMP)
    data = dicom(RAMP, ModalityLUTSequence=[table(range(255, -1, -1), 8)])
    np.testing.assert_allclose(shown(data), 252 - RAMP, atol=3)


def test_groups_of_enhanced_files_are_honoured_shared_and_by_frame():
    def groups(centre):
        return item(
            PixelValueTransformationSequence=[
                item(RescaleIntercept="-1024", RescaleSlope="1", RescaleType="HU")
            ],
            FrameVOILUTSequence=[item(WindowCenter=centre, WindowWidth="400")],
        )

    frames = np.stack([RAMP.astype("uint16") * 8] * 3)
    shared = dicom(frames, SharedFunctionalGroupsSequence=[groups("0")])
    plain = dicom(
        frames[0],
        RescaleIntercept="-1024",
        RescaleSlope="1",
        WindowCenter="0",
        WindowWidth="400",
    )
    np.testing.assert_array_equal(shown(shared), shown(plain))
    each = dicom(
        frames, PerFrameFunctionalGroupsSequence=[groups("-500"), groups("0"), groups("500")]
    )
    for frame, centre in enumerate((-500, 0, 500)):
        middle = np.flatnonzero(frames[0, 0] - 1024.0 >= centre)[0]
        assert 118 <= read_image(each, frame=frame)[0, middle, 0] <= 145


def test_padding_is_background_and_does_not_darken_the_rest():
    padded = RAMP.astype("int16") * 4
    padded[:20] = -32768
    levels = shown(dicom(padded, PixelPaddingValue=-32768))
    assert (levels[:20] == 0).all()
    np.testing.assert_allclose(levels[20:], RAMP[20:], atol=4)
    ranged = RAMP.astype("uint16") * 4
    ranged[:20], ranged[20:24] = 60000, 65000
    both = shown(dicom(ranged, PixelPaddingValue=60000, PixelPaddingRangeLimit=65535))
    assert (both[:24] == 0).all()
    np.testing.assert_allclose(both[24:], RAMP[24:], atol=4)
    inverted = dicom(padded, PixelPaddingValue=-32768, PhotometricInterpretation="MONOCHROME1")
    assert (shown(inverted)[:20] == 0).all()
    np.testing.assert_allclose(shown(inverted)[20:], 252 - RAMP[20:], atol=5)


def test_presentation_shape_inverts_once():
    inverse = dicom(RAMP, PresentationLUTShape="INVERSE", PhotometricInterpretation="MONOCHROME1")
    np.testing.assert_array_equal(shown(inverse), 255 - RAMP)
    alone = dicom(RAMP, PresentationLUTShape="INVERSE")
    np.testing.assert_array_equal(shown(alone), 255 - RAMP)


@pytest.mark.parametrize(
    "name", ["PixelAspectRatio", "PixelSpacing", "ImagerPixelSpacing", "NominalScannedPixelSpacing"]
)
def test_pixels_are_made_square(name):
    disc = np.hypot(*(np.mgrid[:64, :64] - 31.5)) < 20
    squeezed = np.zeros((32, 64), "uint8")
    squeezed[disc[::2]] = 200
    levels = shown(dicom(squeezed, **{name: [2, 1]}))
    rows, columns = levels.any(axis=1).sum(), levels.any(axis=0).sum()
    assert abs(int(rows) - int(columns)) <= 2


def test_frames_follow_one_rule_and_all_can_be_read():
    frames = np.zeros((10, 64, 64), "uint8")
    frames[3] = RAMP
    reading = try_reading(dicom(frames))
    assert reading.note == "frame 4 of 10"
    np.testing.assert_array_equal(reading.image[..., 0], RAMP)
    assert count_frames(dicom(frames)) == 10
    rows = predict(dicom(frames), frames="all")
    assert len(rows) == 10
    assert rows["note"][3] == "frame 4 of 10"
    assert set(rows["problem"]) == {""}


def test_no_preamble_in_either_order_of_bytes():
    whole = dicom(TWELVE, **BITS)
    body = whole[whole.index(b"\x08\x00\x16\x00") :]
    np.testing.assert_allclose(shown(body), RAMP, atol=4)


def test_deflated_files_are_read_up_to_a_bound(monkeypatch):
    plain = dicom(RAMP)
    start = plain.index(b"DICM") + 4
    (length,) = struct.unpack("<I", plain[start + 8 : start + 12])
    head, body = plain[: start + 12 + length], plain[start + 12 + length :]
    old, new = b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99"
    meta = head[start + 12 :].replace(struct.pack("<H", 20) + old, struct.pack("<H", 22) + new)
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    packed = packer.compress(body) + packer.flush()
    head = head[: start + 8] + struct.pack("<I", len(meta)) + meta
    np.testing.assert_array_equal(shown(head + packed), RAMP)
    monkeypatch.setattr("medmnist_keras.data.dicom._MAX_INFLATED", 1000)
    assert "unpacks to over 1,000 bytes" in try_reading(head + packed).problem


def test_another_syntax_that_is_only_mentioned_changes_nothing():
    data = dicom(RAMP, AvailableTransferSyntaxUID="1.2.840.10008.1.2.1.99")
    np.testing.assert_array_equal(shown(data), RAMP)


def test_what_is_no_picture_is_named():
    report = dicom(RAMP, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.11", PixelData=None)
    assert "Basic Text SR Storage" in try_reading(report).problem
    pixels = pydicom.encaps.encapsulate([b"no frames"])
    video = dicom(RAMP, syntax="1.2.840.10008.1.2.4.102", PixelData=pixels)
    assert "it is a video" in try_reading(video).problem


def test_fewer_bits_than_are_allocated_fill_the_greys():
    np.testing.assert_allclose(shown(dicom(RAMP // 4, BitsStored=6, HighBit=5)), RAMP, atol=4)


def test_an_element_that_is_no_number_harms_no_other():
    windowed = dicom(TWELVE, WindowCenter="2048", WindowWidth="4096", **BITS)
    reading = try_reading(windowed.replace(b"2048", b"1A  "))
    assert "its own range is shown" in reading.note
    np.testing.assert_allclose(reading.image[..., 0], RAMP, atol=4)


def test_a_decoder_that_lacks_a_kind_is_no_damage():
    pixels = pydicom.encaps.encapsulate(
        [b"\xff\xd8\xff\xc1\0\x0b\x0c\0\x40\0\x40\x01\x11\0\xff\xd9"]
    )
    data = dicom(TWELVE, syntax="1.2.840.10008.1.2.4.51", PixelData=pixels, **BITS)
    assert "no decoder is installed" in try_reading(data).problem
