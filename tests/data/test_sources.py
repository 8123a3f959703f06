"""Where pictures come from: every good form of the data set, and every bad one."""

import contextlib
import errno
import hashlib
import os
import time

import numpy as np
import pytest
from tiny_data import PER_CLASS, SilentHandler, encode

from medmnist_keras import CLASS_NAMES, load_images, storage
from medmnist_keras.data import cache, checking, decoding, finding
from medmnist_keras.data.finding import download, find_source
from medmnist_keras.data.loading import is_at_hand
from medmnist_keras.storage import cache_dir

README = {"README.md": b"six folders"}


def test_folder_zip_and_tar_give_the_same_pictures(
    files, tiny_info, write_folder, write_tar, write_zip
):
    places = [
        write_folder(files),
        write_tar(files | README),
        write_tar(files, "flat.tar", top=""),
        write_zip(files),
        write_zip(files | README, "nested.zip", top="any/top/folder/"),
    ]
    first = load_images(places[0], info=tiny_info, strict=True)
    assert first.images.shape == (6 * PER_CLASS, 64, 64, 1)
    assert first.images.dtype == np.uint8
    assert first.labels.tolist() == np.repeat(range(6), PER_CLASS).tolist()
    assert first.names[0] == "AbdomenCT/000000.jpeg"
    for place in places[1:]:
        other = load_images(place, info=tiny_info, strict=True)
        assert other.fingerprint == first.fingerprint
        np.testing.assert_array_equal(other.images, first.images)


@pytest.mark.parametrize("cached", [True, False])
def test_order_does_not_depend_on_the_order_in_the_archive(
    cached, files, tiny_info, write_tar, tmp_path, monkeypatch
):
    forwards = load_images(write_tar(files), info=tiny_info)
    # Into another cache, or where there is none.
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "home") if cached else os.devnull)
    expected = contextlib.nullcontext() if cached else pytest.warns(match="not be cached")
    with expected:
        backwards = load_images(
            write_tar(dict(reversed(files.items())), "b.tar.gz"), info=tiny_info
        )
    assert isinstance(backwards.images, np.memmap) == cached
    for name in ("images", "labels", "names", "quantization", "positions"):
        np.testing.assert_array_equal(getattr(forwards, name), getattr(backwards, name))
    assert forwards.fingerprint == backwards.fingerprint == tiny_info["fingerprint"]


def test_fingerprint_follows_its_recipe(files, tiny_info):
    recipe = hashlib.sha256()
    for name in sorted(files):
        recipe.update(name.encode() + b"\0" + hashlib.sha256(files[name]).digest())
    assert tiny_info["fingerprint"] == recipe.hexdigest()


def test_another_content_warns_or_is_refused_when_strict(files, tiny_info, write_folder):
    changed = files | {"Hand/000003.jpeg": files["Hand/000004.jpeg"]}
    folder = write_folder(changed)
    with pytest.warns(UserWarning, match="content differs from the known copy"):
        load_images(folder, info=tiny_info)
    with pytest.raises(ValueError, match="strict=False"):
        load_images(folder, info=tiny_info, strict=True)


def test_problems_come_in_the_order_of_the_archive(files, tiny_info, write_tar, monkeypatch):
    monkeypatch.setattr(decoding, "_BATCH", 7)
    bad = files | {"CXR/000001.jpeg": b"text", "Hand/000004.jpeg": b""}
    bad |= {"Hand/000001.jpeg": bytes(1_000_001), "Hand/more/1.jpeg": b""}
    with pytest.raises(ValueError, match="4 problems") as caught:
        load_images(write_tar(bad), info=tiny_info)
    told = [line.strip().split(":")[0] for line in str(caught.value).splitlines()[1:5]]
    assert told == [
        "CXR/000001.jpeg",
        "Hand/000001.jpeg",
        "Hand/000004.jpeg",
        "MedNIST/Hand/more/1.jpeg",
    ]


# -- finding the source ----------------------------------------------------------------------


@pytest.mark.parametrize("form", ["class folders", "folder above", "archive"])
def test_environment_variable_names_a_folder_that_holds_either(
    form, files, tiny_info, write_folder, write_tar, tmp_path, monkeypatch
):
    place = write_folder(files, "data/MedNIST")
    if form == "archive":
        (tmp_path / "archives").mkdir()
        write_tar(files, "archives/MedNIST.tar.gz")
        place = tmp_path / "archives"
    elif form == "folder above":
        place = place.parent
    monkeypatch.setenv("MEDICAL_MNIST_DIR", str(place))
    assert is_at_hand(info=tiny_info)
    assert len(load_images(info=tiny_info, strict=True).images) == 6 * PER_CLASS


def test_keras_cache_is_looked_at_and_phantoms_never_come_unasked(
    files, tiny_info, write_tar, monkeypatch
):
    # The fixture decoded this very content into the cache; start without it.
    monkeypatch.setattr(cache, "decoded_dir", lambda: cache_dir() / "empty")
    assert not is_at_hand(info=tiny_info)
    write_tar(files).rename(cache_dir() / "MedNIST.tar.gz")
    assert is_at_hand(info=tiny_info)
    assert load_images(info=tiny_info, strict=True).origin == "MedNIST.tar.gz"


@pytest.fixture
def kaggle(tiny_info, monkeypatch, tmp_path):
    """An empty folder in the place of `/kaggle/input`, and an empty Keras cache."""
    monkeypatch.setattr(storage, "KAGGLE_INPUT", tmp_path / "input")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "fresh"))
    (tmp_path / "input" / "other-data" / "Hand").mkdir(parents=True)  # of another data set
    return tmp_path / "input"


@pytest.mark.parametrize("place", ["medical-mnist", "datasets/andrewmvd/medical-mnist/MedNIST"])
def test_inputs_of_a_kaggle_notebook_are_found_at_any_depth(
    place, kaggle, files, tiny_info, write_folder
):
    assert not is_at_hand(info=tiny_info)
    (kaggle / "other-data" / "back").symlink_to(kaggle, target_is_directory=True)
    folder = write_folder(files, f"input/{place}")
    before = sorted(kaggle.rglob("*"))
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o555 if path.is_dir() else 0o444)  # read-only, as it is there
    assert find_source(info=tiny_info) == folder
    assert len(load_images(info=tiny_info, strict=True).images) == 6 * PER_CLASS
    for path in (folder, *folder.rglob("*")):
        path.chmod(0o755)
    assert sorted(kaggle.rglob("*")) == before


def test_inputs_of_other_kinds_are_not_searched_for_ever(kaggle, tiny_info, monkeypatch):
    monkeypatch.setattr(finding, "_MAX_FOLDERS", 20)
    for number in range(100):
        (kaggle / "wide" / f"{number}" / "deep").mkdir(parents=True)
    seen = []
    real = finding.Path.iterdir
    monkeypatch.setattr(finding.Path, "iterdir", lambda path: seen.append(path) or real(path))
    assert find_source(info=tiny_info) is None
    assert len(seen) <= 104  # the level that passes the bound is the last


def test_places_without_pictures_are_told(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        find_source(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match="holds neither: nothing"):
        find_source(tmp_path / "empty")
    (tmp_path / "notes.txt").write_text("?")
    with pytest.raises(ValueError, match="a file of another kind"):
        find_source(tmp_path / "notes.txt")
    for name in ("a.zip", "b.tar"):
        (tmp_path / "empty" / name).write_bytes(b"")
    with pytest.raises(FileNotFoundError, match="2 archives: a.zip, b.tar"):
        find_source(tmp_path / "empty")
    monkeypatch.setenv("MEDICAL_MNIST_DIR", str(tmp_path / "nowhere"))
    with pytest.raises(FileNotFoundError, match="nowhere"):
        is_at_hand()


# -- wrong content ---------------------------------------------------------------------------


def without(files, prefix):
    return {name: data for name, data in files.items() if not name.startswith(prefix)}


def bad_sets(files):
    large = encode(np.zeros((65, 64), "uint8"))
    cut = files["Hand/000001.jpeg"][:300]
    yield "missing class", without(files, "Hand/"), ["Hand: missing class"]
    yield "extra class", files | {"Knee/1.jpeg": large}, ["Knee: unexpected class (1 pictures)"]
    yield "wrong count", without(files, "CXR/000003"), ["CXR: 11 files, not 12"]
    yield (
        "too many",
        files | {"CXR/999999.jpeg": files["CXR/000001.jpeg"]},
        ["CXR: 13 files, not 12"],
    )
    yield "wrong size", files | {"CXR/000003.jpeg": large}, ["CXR/000003.jpeg: 64x65 pixels"]
    yield "not an image", files | {"CXR/000003.jpeg": b"text"}, ["not a JPEG or PNG image"]
    yield "truncated", files | {"Hand/000001.jpeg": cut}, ["Hand/000001.jpeg: damaged image"]
    yield "zero bytes", files | {"Hand/000001.jpeg": b""}, ["Hand/000001.jpeg: empty file"]
    yield "too deep", files | {"Hand/more/1.jpeg": cut}, ["unexpected folder inside Hand"]
    yield "too large", files | {"Hand/000001.jpeg": bytes(1_000_001)}, ["1,000,001 bytes"]
    both = without(files, "Hand/") | {"CXR/000003.jpeg": b""}
    yield "two at once", both, ["2 problems", "Hand: missing class", "000003.jpeg: empty file"]
    many = {f"Hand/{i:06d}.jpeg": b"text" for i in range(9)}
    yield "many", files | many, ["9 problems", "Hand/000004.jpeg", "and 4 more"]


@pytest.mark.parametrize("packed", ["folder", "tar", "zip"])
@pytest.mark.parametrize("case", range(11))
def test_wrong_content_is_told_with_offenders_and_counts(case, packed, files, tiny_info, request):
    _, bad, messages = list(bad_sets(files))[case]
    place = request.getfixturevalue(f"write_{packed}")(bad)
    with pytest.raises(ValueError, match="is not Medical MNIST") as caught:
        load_images(place, info=tiny_info)
    for message in messages:
        assert message in str(caught.value)
    assert "Expected 72 pictures of 64x64 pixels" in str(caught.value)
    assert "000005" not in str(caught.value)  # the first few, not all


def test_class_folders_in_two_places_are_refused(files, tiny_info, write_zip):
    both = {f"a/{name}": data for name, data in files.items()}
    both |= {f"b/{name[:-5]}.jpg": data for name, data in files.items()}
    with pytest.raises(ValueError, match="class folders in 2 places: 'a', 'b'"):
        load_images(write_zip(both), info=tiny_info)


def test_archive_of_too_many_members_is_refused(files, tiny_info, write_zip, monkeypatch):
    monkeypatch.setattr(checking, "_MAX_MEMBERS", 20)
    with pytest.raises(ValueError, match="over 20 members"):
        load_images(write_zip(files), info=tiny_info)


# -- cache of decoded arrays -----------------------------------------------------------------


def test_second_load_decodes_nothing(files, tiny_info, write_tar, monkeypatch):
    place = write_tar(files)
    first = load_images(place, info=tiny_info)
    monkeypatch.setattr(decoding, "_decode", lambda *_: pytest.fail("decoded again"))
    again = load_images(place, info=tiny_info)
    assert isinstance(again.images, np.memmap)
    assert not again.images.flags.writeable
    np.testing.assert_array_equal(again.images, first.images)
    # Known content needs no source at all.
    assert load_images(info=tiny_info).fingerprint == tiny_info["fingerprint"]


def test_changed_source_is_decoded_again(files, tiny_info, write_folder):
    folder = write_folder(files)
    load_images(folder, info=tiny_info)
    (folder / "Hand" / "000000.jpeg").write_bytes(b"spoilt")
    with pytest.raises(ValueError, match="Hand/000000.jpeg: not a JPEG"):
        load_images(folder, info=tiny_info)


def test_a_picture_of_the_same_size_that_is_newer_is_decoded_again(files, tiny_info, write_folder):
    folder = write_folder(files)
    before = load_images(folder, info=tiny_info)
    one, other = folder / "Hand" / "000000.jpeg", folder / "Hand" / "000001.jpeg"
    size = max(len(one.read_bytes()), len(other.read_bytes())) + 2
    contents = [path.read_bytes().ljust(size, b"\0") for path in (one, other)]
    for content, path in zip(contents, (one, other), strict=True):
        path.write_bytes(content)
    with pytest.warns(UserWarning, match="differs"):
        padded = load_images(folder, info=tiny_info)
    np.testing.assert_array_equal(padded.images, before.images)
    for content, path in zip(contents, (other, one), strict=True):
        path.write_bytes(content)
        os.utime(path, ns=(time.time_ns(), time.time_ns() + 10**9))
    with pytest.warns(UserWarning, match="differs"):
        swapped = load_images(folder, info=tiny_info)
    first = before.names.tolist().index("Hand/000000.jpeg")
    np.testing.assert_array_equal(swapped.images[first], before.images[first + 1])


def test_an_archive_of_the_same_size_that_is_newer_is_decoded_again(files, tiny_info, write_zip):
    place = write_zip(files)
    load_images(place, info=tiny_info)
    before = place.stat()
    one, other = "Hand/000000.jpeg", "Hand/000001.jpeg"
    swapped = files | {one: files[other], other: files[one]}
    assert write_zip(swapped).stat().st_size == before.st_size
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns + 1000))
    with pytest.warns(UserWarning, match="differs"):
        assert load_images(place, info=tiny_info).fingerprint != tiny_info["fingerprint"]


@pytest.mark.parametrize("name", ["labels", "names", "quantization"])
def test_a_cache_whose_arrays_do_not_fit_is_made_anew(name, files, tiny_info, write_tar):
    place = write_tar(files)
    load_images(place, info=tiny_info)
    file = cache_dir() / "medmnist_keras" / tiny_info["fingerprint"] / f"{name}.npy"
    np.save(file, np.load(file)[:-1])
    assert cache.cached_images(tiny_info["fingerprint"]) is None
    again = load_images(place, info=tiny_info)
    assert len(getattr(again, name)) == len(again.images) == len(files)


@pytest.mark.parametrize("damage", [b"", b"nonsense", None])
def test_damaged_cache_is_decoded_again(damage, files, tiny_info, write_tar):
    place = write_tar(files)
    load_images(place, info=tiny_info)
    arrays = cache_dir() / "medmnist_keras" / tiny_info["fingerprint"] / "images.npy"
    if damage is None:
        arrays.unlink()
    else:
        arrays.write_bytes(damage)
    again = load_images(place, info=tiny_info)
    assert again.images.shape == (6 * PER_CLASS, 64, 64, 1)
    assert arrays.stat().st_size > 6 * PER_CLASS * 64 * 64


def test_cache_that_cannot_be_written_warns_and_loads(files, tiny_info, write_tar, monkeypatch):
    blocker = cache_dir() / "blocker"
    blocker.write_text("a file where a folder should be")
    monkeypatch.setenv("KERAS_HOME", str(blocker))
    with pytest.warns(UserWarning, match=r"could not be cached.*Set KERAS_HOME"):
        assert len(load_images(write_tar(files), info=tiny_info).images) == 72


def test_full_disk_leaves_nothing_half_written(files, tiny_info, write_tar, monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "full"))

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.warns(UserWarning, match="the disk is full"):
        load_images(write_tar(files), info=tiny_info)
    assert list((tmp_path / "full/datasets/medmnist_keras").iterdir()) == []


# -- download --------------------------------------------------------------------------------


class _CutsOff(SilentHandler):
    def copyfile(self, source, outputfile):
        outputfile.write(source.read(1000))


@pytest.fixture
def online(files, tiny_info, write_tar, monkeypatch, tmp_path):
    """An archive to be served, and an empty cache to download it into."""
    place = write_tar(files | README, "MedNIST.tar.gz")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "fresh"))
    return {**tiny_info, "sha256": hashlib.sha256(place.read_bytes()).hexdigest()}


def test_download_leaves_poochs_logger_as_it_was(online, serve, tmp_path):
    import pooch

    level = pooch.get_logger().level
    download(info={**online, "url": f"{serve(tmp_path)}/MedNIST.tar.gz"})
    (cache_dir() / "MedNIST.tar.gz").unlink()
    with pytest.raises(OSError, match="could not be downloaded"):
        download(info={**online, "url": "http://127.0.0.1:1/gone"})
    assert pooch.get_logger().level == level


def test_download_is_verified_and_kept(online, serve, capfd, tmp_path):
    info = {**online, "url": f"{serve(tmp_path)}/MedNIST.tar.gz"}
    assert len(load_images(info=info, strict=True).images) == 72
    assert "100%" in capfd.readouterr().err  # the progress bar
    assert (cache_dir() / "MedNIST.tar.gz").exists()
    info["url"] = "http://127.0.0.1:1/gone"
    assert load_images(info=info).origin == "Keras cache"


@pytest.mark.parametrize(
    ("handler", "sha256", "error", "message"),
    [
        (SilentHandler, "0" * 64, ValueError, "not the expected archive and was discarded"),
        (_CutsOff, None, OSError, "could not be downloaded"),
    ],
)
def test_broken_download_never_stays(handler, sha256, error, message, online, serve, tmp_path):
    info = {**online, "url": f"{serve(tmp_path, handler)}/MedNIST.tar.gz"}
    info["sha256"] = sha256 or info["sha256"]
    with pytest.raises(error, match=message) as caught:
        download(info=info)
    assert "by hand" in str(caught.value)
    assert list(cache_dir().iterdir()) == []


@pytest.mark.parametrize("path", ["missing.tar.gz", None])
def test_no_such_file_or_no_network_says_what_to_do(path, online, serve, tmp_path):
    url = f"{serve(tmp_path)}/{path}" if path else "http://127.0.0.1:1/MedNIST.tar.gz"
    with pytest.raises(OSError, match=r"could not be downloaded.*MEDICAL_MNIST_DIR.*phantoms"):
        load_images(info={**online, "url": url})


def test_on_kaggle_no_network_says_what_to_switch_on(online, kaggle):
    info = {**online, "url": "http://127.0.0.1:1/MedNIST.tar.gz"}
    told = r"Settings > Turn on internet.*Add Input and add andrewmvd/medical-mnist"
    with pytest.raises(OSError, match=told):
        load_images(info=info)


def test_download_into_a_place_that_cannot_be_written(online, serve, tmp_path, monkeypatch):
    (tmp_path / "blocker").write_text("")
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "blocker"))
    with pytest.raises(OSError, match="could not be stored.*Set KERAS_HOME"):
        download(info={**online, "url": f"{serve(tmp_path)}/MedNIST.tar.gz"})


def test_download_onto_a_full_disk(online, serve, monkeypatch, tmp_path):
    import pooch

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pooch.HTTPDownloader, "__call__", full)
    with pytest.raises(OSError, match="the disk is full"):
        download(info={**online, "url": f"{serve(tmp_path)}/MedNIST.tar.gz"})


# -- phantoms and subsets --------------------------------------------------------------------


def test_phantoms_have_the_shape_of_the_real_data(tiny_info, files, write_folder):
    real = load_images(write_folder(files), info=tiny_info)
    drawn = load_images("phantoms", info=tiny_info)
    assert drawn.images.shape == real.images.shape
    assert drawn.images.dtype == real.images.dtype
    np.testing.assert_array_equal(drawn.labels, real.labels)
    assert drawn.fingerprint == "phantoms"


def test_pictures_are_no_tuple_of_arrays(tiny_info, files, write_folder):
    one, other = (load_images(write_folder(files), info=tiny_info) for _ in range(2))
    assert len(one) == len(files)
    assert one == one
    assert one != other  # by what they are; arrays are compared one by one
    with pytest.raises(TypeError, match="not iterable"):
        iter(one)
    with pytest.raises(AttributeError, match="cannot assign"):
        one.origin = "elsewhere"


def test_images_per_class_takes_even_steps(files, tiny_info, write_folder):
    thinned = load_images(write_folder(files), images_per_class=4, info=tiny_info)
    assert thinned.names[:4].tolist() == [f"AbdomenCT/{i:06d}.jpeg" for i in (0, 3, 6, 9)]
    assert np.bincount(thinned.labels).tolist() == [4] * 6
    assert len(load_images("phantoms", images_per_class=4, info=tiny_info).images) == 24
    assert len(load_images("phantoms", images_per_class=999, info=tiny_info).images) == 72


@pytest.mark.parametrize("wrong", [0, -1, 1.5, "ten", True])
def test_images_per_class_out_of_range(wrong):
    with pytest.raises(ValueError, match=r"Received: images_per_class="):
        load_images("phantoms", images_per_class=wrong)


def test_phantom_classes_are_ours():
    from medmnist_keras.data.phantoms import PHANTOM_CLASSES

    assert PHANTOM_CLASSES == CLASS_NAMES


def test_two_folders_of_class_folders_are_told_and_none_is_chosen(files, tiny_info, write_folder):
    write_folder(files, "both/train_dir")
    top = write_folder(files, "both/test_dir").parent
    with pytest.raises(ValueError, match=r"2 folders of class folders: test_dir, train_dir\. Pass"):
        load_images(top, info=tiny_info)
