"""What lies in a folder, a tar or a zip: read whole, or refused when odd, spoilt or hostile."""

import gzip
import io
import os
import tarfile
import tracemalloc
import zipfile

import pytest

from medmnist_keras import load_images


def test_what_systems_leave_behind_is_ignored(files, tiny_info, write_folder, write_zip):
    litter = {
        "Hand/.DS_Store": b"",
        "Hand/.ipynb_checkpoints/1.jpeg": b"",
        "CXR/Thumbs.db": b"",
        "preview.png": b"",
        "LICENSE": b"",
    }
    load_images(write_folder(files | litter), info=tiny_info, strict=True)
    zipped = litter | {"__MACOSX/Hand/._000000.jpeg": b""}
    load_images(write_zip(files | zipped, top="top/"), info=tiny_info, strict=True)


@pytest.mark.parametrize("name", ["/etc/Hand/1.jpeg", "../Hand/1.jpeg", "C:\\Hand\\1.jpeg"])
def test_odd_paths_are_refused(name, files, tiny_info, write_tar, write_zip):
    for place in (write_tar(files | {name: b""}, top=""), write_zip(files | {name: b""})):
        with pytest.raises(ValueError, match="was refused: its member .* leads outside"):
            load_images(place, info=tiny_info)


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_links_and_special_files_are_refused(kind, files, tiny_info, write_tar):
    member = tarfile.TarInfo("MedNIST/Hand/link.jpeg")
    member.type, member.linkname = kind, "/etc/passwd"
    with pytest.raises(ValueError, match="link"):
        load_images(write_tar(files, extra=[member]), info=tiny_info)


def test_links_in_a_zip_are_refused(files, tiny_info, write_zip):
    place = write_zip(files)
    link = zipfile.ZipInfo("Hand/link.jpeg")
    link.external_attr = 0o120777 << 16
    with zipfile.ZipFile(place, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(ValueError, match="link"):
        load_images(place, info=tiny_info)


def test_zip_that_declares_too_little_is_read_no_further(files, tiny_info, write_zip):
    bomb = bytes(50_000_000)
    place = write_zip(files)
    with zipfile.ZipFile(place, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("Hand/bomb.jpeg", bomb)
        archive.getinfo("Hand/bomb.jpeg").file_size = 1000  # what the directory will say
    with pytest.raises(ValueError, match=r"not Medical MNIST|not a complete archive"):
        load_images(place, info=tiny_info)


def test_unusual_packing_is_refused(files, tiny_info, tmp_path):
    with zipfile.ZipFile(tmp_path / "odd.zip", "w", zipfile.ZIP_LZMA) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    with pytest.raises(ValueError, match="packed in an unusual way"):
        load_images(tmp_path / "odd.zip", info=tiny_info)
    with tarfile.open(tmp_path / "odd.tar.gz", "w:xz"):
        pass
    with pytest.raises(ValueError, match="not a complete archive"):
        load_images(tmp_path / "odd.tar.gz", info=tiny_info)


def test_long_names_are_read(files, tiny_info, write_tar):
    for form in ("long", "é"):
        top = f"{form * 40}/{'x' * 120}/"
        place = write_tar(files, top=top)
        assert len(load_images(place, info=tiny_info, strict=True).images) == 72


@pytest.mark.parametrize("name", ["notes.txt", "Hand/000000.jpeg"])
@pytest.mark.parametrize("kind", [tarfile.REGTYPE, tarfile.XHDTYPE, tarfile.GNUTYPE_LONGNAME])
@pytest.mark.parametrize("size", [-1024, -512, -1, 30_000_000, 8**11 + 5])
def test_sizes_that_lead_back_or_fill_memory_are_told(size, kind, name, tiny_info, tmp_path):
    header = bytearray(tarfile.TarInfo(name).tobuf(tarfile.GNU_FORMAT))
    first = bytes(header)
    sign = b"\xff" if size < 0 else b"\x80"
    header[124:136] = sign + size.to_bytes(11, "big", signed=True)
    header[156:157] = kind
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    with gzip.open(tmp_path / "odd.tar.gz", "wb", compresslevel=1) as archive:
        archive.write(first + header + bytes(31_000_000))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"is not a complete archive|is not Medical MNIST"):
            load_images(tmp_path / "odd.tar.gz", info=tiny_info)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


def test_names_that_are_not_utf8_are_told(files, tiny_info, write_tar, tmp_path):
    with pytest.raises(ValueError, match="was refused"):
        load_images(write_tar(files | {"Hand/\udcff.jpeg": b""}), info=tiny_info)


def test_links_that_lead_nowhere_are_told(files, tiny_info, write_folder):
    folder = write_folder(files)
    (folder / "Hand" / "000000.jpeg").unlink()
    (folder / "Hand" / "000000.jpeg").symlink_to(folder / "gone")
    with pytest.raises(ValueError, match="Hand/000000.jpeg: No such file"):
        load_images(folder, info=tiny_info)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_pipes_and_devices_in_a_folder_are_passed_over(files, tiny_info, write_folder):
    """To read one waited for ever, or filled the memory."""
    folder = write_folder(files)
    os.mkfifo(folder / "Hand" / "pipe.jpeg")
    (folder / "CXR" / "zeros.jpeg").symlink_to("/dev/zero")
    assert len(load_images(folder, info=tiny_info, strict=True).images) == len(files)
    (folder / "Hand" / "000000.jpeg").unlink()
    os.mkfifo(folder / "Hand" / "000000.jpeg")
    with pytest.raises(ValueError, match="Hand: 11 files, not 12"):
        load_images(folder, info=tiny_info)


@pytest.mark.parametrize("packed", ["tar", "zip"])
def test_archive_cut_short_is_told(packed, files, tiny_info, request):
    place = request.getfixturevalue(f"write_{packed}")(files)
    place.write_bytes(place.read_bytes()[:-2000])
    with pytest.raises(ValueError, match="not a complete archive"):
        load_images(place, info=tiny_info)


@pytest.mark.parametrize("kept", [0, 100, 512, 700, 1024, 50_000])
def test_plain_tar_cut_anywhere_is_told(kept, files, tiny_info, tmp_path):
    with tarfile.open(tmp_path / "cut.tar", "w") as archive:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    (tmp_path / "cut.tar").write_bytes((tmp_path / "cut.tar").read_bytes()[:kept])
    with pytest.raises(ValueError, match=r"is not a complete archive|is not Medical MNIST"):
        load_images(tmp_path / "cut.tar", info=tiny_info)


def test_a_zip_with_backslashes_is_read_as_one_with_slashes(files, tiny_info, tmp_path):
    """Windows PowerShell 5 packs so."""
    with zipfile.ZipFile(tmp_path / "windows.zip", "w") as archive:
        archive.writestr("MedNIST\\Hand\\", b"")
        for name, data in files.items():
            archive.writestr("MedNIST\\" + name.replace("/", "\\"), data)
    assert len(load_images(tmp_path / "windows.zip", info=tiny_info, strict=True)) == 72


@pytest.mark.parametrize("name", ["..\\a.jpeg", "C:\\Hand\\1.jpeg", "\\Hand\\1.jpeg"])
def test_backslashes_lead_nowhere_else(name, tiny_info, tmp_path):
    with zipfile.ZipFile(tmp_path / "windows.zip", "w") as archive:
        archive.writestr(name, b"?")
    with pytest.raises(ValueError, match="leads outside or is malformed"):
        load_images(tmp_path / "windows.zip", info=tiny_info)
