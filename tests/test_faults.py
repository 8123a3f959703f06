"""What may go wrong around the package: killed processes, full disks, hostile archives and models.

A process is killed as `kill -9` or a power cut would: at each thing in turn that it does to a
file, or in the middle of writing one. Children are forked from a server that has the package
imported, which takes milliseconds.
"""

import errno
import gzip
import hashlib
import io
import itertools
import json
import multiprocessing
import os
import pickle
import signal
import struct
import subprocess
import sys
import tarfile
import threading
import time
import warnings
import zipfile
import zlib

import h5py
import keras
import numpy as np
import pytest
from tiny_data import SilentHandler, encode

from medmnist_keras import baseline_cnn, export, load_data, load_images, load_model, storage
from medmnist_keras.data import archives
from medmnist_keras.data.cache import cached_images
from medmnist_keras.data.finding import download
from medmnist_keras.experiments import Settings, load_run, run_baseline, save_run
from medmnist_keras.models import with_known
from medmnist_keras.storage import cache_dir, decoded_dir

resource = pytest.importorskip("resource", reason="kills and limits as Linux has")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="kills and limits as Linux has")

CHILDREN = multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
# With all that children use, for the package itself imports next to nothing.
CHILDREN.set_forkserver_preload(
    [
        "medmnist_keras.experiments.recipes",
        "medmnist_keras.inference.exporting",
        *("pooch", "requests", "h5py", "pytest"),
    ]
)
WRITES = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree", "tempfile.mkdtemp"}


def die_at(step, folder, events=WRITES | {"open"}):
    """Kills this process at the n-th thing that it does to files in a folder."""
    seen = itertools.count(1)

    def watch(event, arguments):
        if event == "open":
            path, _, flags = arguments
            writes = event in events and flags & (os.O_WRONLY | os.O_RDWR)
        else:
            path, writes = (arguments or [""])[0], event in events
        if writes and str(path).startswith(str(folder)) and next(seen) == step:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


def limit_files(size, *, kill):
    """Files grow no further: writing on is an error, or kills the process in the midst of it."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if kill else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def in_child(function, *arguments, wait=True):
    child = CHILDREN.Process(target=function, args=arguments)
    child.start()
    if wait:
        child.join(120)
    return child


def load(home, place, info, step=0, size=None):
    os.environ["KERAS_HOME"] = str(home)
    if step:
        die_at(step, home)
    if size:
        limit_files(size, kill=True)
    return load_images(place, info=info, strict=True)


def loads(home, place, info, step=0, size=None):
    loaded = load(home, place, info, step, size)
    digest = hashlib.sha256(loaded.images.tobytes() + loaded.labels.tobytes()).hexdigest()
    (home.parent / f"{home.name}-{os.getpid()}.loaded").write_text(digest)


def same(one, other):
    return one.names.tolist() == other.names.tolist() and all(
        np.array_equal(getattr(one, name), getattr(other, name))
        for name in ("images", "labels", "quantization")
    )


def leftovers(folder):
    return [path for path in folder.rglob(".*") if path.is_dir()]


def grow_old(folder):
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (1e9, 1e9))


@pytest.fixture
def whole(files, tiny_info, write_tar, monkeypatch, tmp_path):
    """An archive, what an undisturbed load of it gives, and info with which it can be downloaded
    from where it lies."""
    place = write_tar(files)
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "undisturbed"))
    loaded = load_images(place, info=tiny_info, strict=True)
    return place, loaded, {**tiny_info, "sha256": hashlib.sha256(place.read_bytes()).hexdigest()}


# -- killed ----------------------------------------------------------------------------------


def test_killed_at_each_step_from_download_to_cache(whole, serve, tmp_path, monkeypatch):
    place, expected, info = whole
    info = {**info, "url": f"{serve(tmp_path)}/{place.name}"}
    for step in itertools.count(1):
        home = tmp_path / f"home{step}"
        child = in_child(loads, home, None, info, step)
        monkeypatch.setenv("KERAS_HOME", str(home))
        found = cached_images(info["fingerprint"])
        assert found is None or same(found, expected)
        assert same(load_images(info=info, strict=True), expected)
        assert cached_images(info["fingerprint"]) is not None
        if home.exists():
            grow_old(home)
        load_images(info=info)
        assert leftovers(home) == []
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
    assert step > 12


@pytest.mark.parametrize("size", [1000, 100_000, 290_000])
def test_killed_while_writing_the_cache(size, whole, tmp_path, monkeypatch):
    place, expected, info = whole
    home = tmp_path / "home"
    monkeypatch.setenv("KERAS_HOME", str(home))
    for _ in range(3):
        child = in_child(loads, home, place, info, 0, size)
        assert child.exitcode == -signal.SIGXFSZ
        assert cached_images(info["fingerprint"]) is None
        (left,) = leftovers(home)
        grow_old(home)  # the next one clears what this one left
    assert left.exists()
    assert same(load_images(place, info=info, strict=True), expected)
    assert leftovers(home) == []


def test_killed_at_random_moments(whole, tmp_path, monkeypatch):
    place, expected, info = whole
    home = tmp_path / "home"
    monkeypatch.setenv("KERAS_HOME", str(home))
    generator = np.random.default_rng(0)
    for _ in range(10):
        child = in_child(loads, home, place, info, wait=False)
        time.sleep(generator.uniform(0, 0.4))
        child.kill()
        child.join()
        found = cached_images(info["fingerprint"])
        assert found is None or same(found, expected)
    assert same(load_images(place, info=info, strict=True), expected)


class _Stalls(SilentHandler):
    """Sends half of a file, and then nothing more."""

    stalled, over = threading.Event(), threading.Event()

    def copyfile(self, source, outputfile):
        data = source.read()
        outputfile.write(data[: len(data) // 2])
        outputfile.flush()
        self.stalled.set()
        self.over.wait(60)


def test_killed_in_the_midst_of_a_download(whole, serve, tmp_path, monkeypatch):
    place, expected, info = whole
    home = tmp_path / "home"
    monkeypatch.setenv("KERAS_HOME", str(home))
    stalling = {**info, "url": f"{serve(tmp_path, _Stalls)}/{place.name}"}
    try:
        for _ in range(3):
            _Stalls.stalled.clear()
            child = in_child(loads, home, None, stalling, wait=False)
            assert _Stalls.stalled.wait(60)
            child.kill()
            child.join()
            assert not (cache_dir() / info["archive"]).exists()
            assert len(leftovers(home)) == 1
            grow_old(home)
    finally:
        _Stalls.over.set()
    info = {**info, "url": f"{serve(tmp_path)}/{place.name}"}
    assert same(load_images(info=info, strict=True), expected)
    assert leftovers(home) == []


def test_what_a_living_process_writes_is_left_alone(whole, tmp_path):
    place, _, info = whole
    for parent in (cache_dir(), decoded_dir()):
        (parent / ".medmnist_keras-alive").mkdir()
        (parent / ".medmnist_keras-alive" / storage._MARKER).touch()
        grow_old(parent / ".medmnist_keras-alive")
        (parent / ".medmnist_keras-alive" / "images.npy").write_bytes(b"half")
    load_images(place, info=info)
    assert len(leftovers(tmp_path / "undisturbed")) == 2


def test_processes_that_load_at_once(whole, tmp_path, monkeypatch):
    place, expected, info = whole
    digest = hashlib.sha256(expected.images.tobytes() + expected.labels.tobytes()).hexdigest()
    for attempt in range(3):
        home = tmp_path / f"home{attempt}"
        children = [in_child(loads, home, place, info, wait=False) for _ in range(4)]
        for child in children:
            child.join(120)
        assert [child.exitcode for child in children] == [0] * 4
        told = [path.read_text() for path in tmp_path.glob(f"home{attempt}-*.loaded")]
        assert told == [digest] * 4
        monkeypatch.setenv("KERAS_HOME", str(home))
        assert same(cached_images(info["fingerprint"]), expected)
        assert leftovers(home) == []


SETTINGS = Settings(quick=True, source="phantoms", images_per_class=20)


def train_and_die(folder):
    os.chdir(folder)

    def dies(self, epoch, logs=None):
        if epoch == 1:
            os.kill(os.getpid(), signal.SIGKILL)

    keras.callbacks.TerminateOnNaN.on_epoch_end = dies
    run_baseline(load_data(**SETTINGS.data), SETTINGS, verbose=0)


def test_killed_between_epochs(tmp_path, monkeypatch):
    for name in ("killed", "undisturbed"):
        (tmp_path / name).mkdir()
    assert in_child(train_and_die, tmp_path / "killed").exitcode == -signal.SIGKILL
    trained = []
    for name in ("killed", "undisturbed"):
        monkeypatch.chdir(tmp_path / name)
        assert load_run("baseline_cnn", SETTINGS) is None
        trained.append(run_baseline(load_data(**SETTINGS.data), SETTINGS, verbose=0))
    again, undisturbed = trained
    assert not again.loaded
    for one, other in zip(again.model.get_weights(), undisturbed.model.get_weights(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
    kept = [
        sorted(path.name for path in (tmp_path / name).rglob("*"))
        for name in ("killed", "undisturbed")
    ]
    assert kept[0] == kept[1]


def keeps(folder, level, step=0, size=None, kill=True):
    os.chdir(folder)
    model = baseline_cnn()
    model.set_weights([np.full_like(weights, level) for weights in model.get_weights()])
    if step:
        die_at(step, "build")
    if size:
        limit_files(size, kill=kill)
    try:
        save_run(model, SETTINGS, seconds={"training": level})
    except OSError as error:
        (folder / "told").write_text(str(error))


def levels_of(run):
    return {float(level) for weights in run.model.get_weights() for level in np.unique(weights)}


def test_killed_while_keeping_a_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    keeps(tmp_path, 1)
    survived = []
    for step in itertools.count(1):
        child = in_child(keeps, tmp_path, step + 1, step)
        found = load_run("baseline_cnn", SETTINGS)
        survived.append(found is not None)
        if found:
            assert levels_of(found) == {found.facts["seconds"]["training"]}
        if child.exitcode == 0:
            break
        assert child.exitcode == -signal.SIGKILL
        if not found:
            keeps(tmp_path, 1)
    assert found.facts["seconds"]["training"] == step + 1
    assert step > 4
    assert survived.count(False) <= 3  # between the first renaming and the last
    assert in_child(keeps, tmp_path, 99, 0, 100_000).exitcode == -signal.SIGXFSZ
    assert levels_of(load_run("baseline_cnn", SETTINGS)) == {step + 1}
    grow_old(SETTINGS.folder)
    keeps(tmp_path, 7)
    assert levels_of(load_run("baseline_cnn", SETTINGS)) == {7}
    assert len(list(SETTINGS.folder.iterdir())) == 2


def exports(path, level, removal=0, renaming=0, size=None):
    model = baseline_cnn(width=1)
    model.set_weights([np.full_like(weights, level) for weights in model.get_weights()])
    if removal:
        die_at(removal, path, {"os.remove"})
    if renaming:
        die_at(renaming, path.parent, {"os.rename"})
    if size:
        limit_files(size, kill=True)
    export(with_known(model), "keras", path, threshold=level)


def test_killed_while_exporting(tmp_path):
    path = tmp_path / "model.keras"

    def exported():
        """What the weights and the file beside them say."""
        model = keras.saving.load_model(path, safe_mode=True)
        levels = {float(level) for level in np.unique(model.get_weights()[0])}
        note = tmp_path / "model.keras.json"
        return levels, json.loads(note.read_text())["threshold"] if note.exists() else None

    exports(path, 0.1)
    old, new = np.float32([0.1, 0.2])
    for fault, expected in (
        ((0, 0, 1000), ({old}, 0.1)),  # in the midst of writing
        ((1, 0), ({old}, 0.1)),  # before the old note goes
        ((0, 1), ({old}, None)),  # before the new model comes
        ((0, 2), ({new}, None)),  # before its note comes
    ):
        exports(path, 0.1)
        child = in_child(exports, path, 0.2, *fault)
        assert child.exitcode in (-signal.SIGKILL, -signal.SIGXFSZ)
        assert exported() == expected
    assert len(leftovers(tmp_path)) == 4
    grow_old(tmp_path)
    exports(path, 0.2)
    assert exported() == ({new}, 0.2)
    assert leftovers(tmp_path) == []


# -- full or locked disks ----------------------------------------------------------------------


def warns(home, place, info, size, folder):
    os.environ["KERAS_HOME"] = str(home)
    if size:
        limit_files(size, kill=False)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        loaded = load_images(place, info=info, strict=True)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    told = [str(warning.message) for warning in caught]
    (folder / "told.json").write_text(json.dumps([len(loaded.images), told])[:900])


@pytest.mark.parametrize("size", [1000, 100_000, 290_000])
def test_files_that_may_not_grow(size, whole, tmp_path, monkeypatch):
    place, _, info = whole
    home = tmp_path / "home"
    assert in_child(warns, home, place, info, size, tmp_path).exitcode == 0
    count, (told,) = json.loads((tmp_path / "told.json").read_text())
    assert count == 72
    assert "could not be cached" in told
    assert os.strerror(errno.EFBIG) in told
    assert list((home / "datasets" / "medmnist_keras").iterdir()) == []


@pytest.fixture
def small_disk(tmp_path):
    """A disk of its own, of 256 kB: less than the decoded pictures, more than the archive."""
    disk = tmp_path / "disk"
    disk.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", disk], capture_output=True
    )
    if made.returncode:
        pytest.skip("no disk can be mounted here")
    yield disk
    subprocess.run(["umount", "-l", disk], check=True)


def test_a_disk_that_is_really_full(whole, small_disk, serve, tmp_path, monkeypatch):
    place, expected, info = whole
    monkeypatch.setenv("KERAS_HOME", str(small_disk))
    with pytest.warns(UserWarning, match="the disk is full"):
        assert same(load_images(place, info=info, strict=True), expected)
    assert [path for path in small_disk.rglob("*") if path.is_file()] == []
    (small_disk / "large").write_bytes(bytes(240_000))
    with pytest.raises(OSError, match=r"could not be stored.*the disk is full.*KERAS_HOME"):
        download(info={**info, "url": f"{serve(tmp_path)}/{place.name}"})
    assert list(cache_dir().glob("*")) == [decoded_dir()]
    monkeypatch.chdir(small_disk)
    with pytest.raises(OSError, match=r"could not be written"):
        save_run(baseline_cnn(), SETTINGS, seconds={})
    assert [path for path in (small_disk / "build").rglob("*") if path.is_file()] == []


def test_a_run_that_may_not_grow(tmp_path):
    child = in_child(keeps, tmp_path, 1, 0, 100_000, False)
    assert child.exitcode == 0
    assert "could not be written" in (tmp_path / "told").read_text()
    assert [path for path in (tmp_path / "build").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("home", ["/proc/nobody", "/dev/null/home", "/proc/self/status"])
def test_a_home_that_cannot_be_written(home, whole, serve, tmp_path, monkeypatch):
    place, expected, info = whole
    monkeypatch.setenv("KERAS_HOME", home)
    with pytest.warns(UserWarning, match=r"could not be cached.*Set KERAS_HOME"):
        assert same(load_images(place, info=info, strict=True), expected)
    with pytest.raises(OSError, match=r"could not be stored.*Set KERAS_HOME"):
        load_images(info={**info, "url": f"{serve(tmp_path)}/{place.name}"})


def test_the_command_line_without_a_home(tmp_path):
    (tmp_path / "picture.png").write_bytes(encode(np.full((64, 64), 90, "uint8"), "PNG"))
    environment = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    environment |= {"HOME": "/proc/nobody", "KERAS_HOME": "/proc/nobody/.keras"}
    done = subprocess.run(
        [sys.executable, "-m", "medmnist_keras", "predict", tmp_path / "picture.png"],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "none of these" in done.stdout


# -- hostile archives ----------------------------------------------------------------------------


def refuse(place, info, folder):
    """Loads in a process of its own, for its memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"was refused: it|unpacks to over|bytes at once"):
        load_images(place, info=info)
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1000
    (folder / "megabytes").write_text(str(grown))


def memory_of_refusing(place, info, folder):
    """Megabytes; a refusal that hangs fails."""
    assert in_child(refuse, place, info, folder).exitcode == 0
    return float((folder / "megabytes").read_text())


def zip_of_many(path, data=b"", *, count, names=None):
    """A zip of the same bytes under many names; its directory may tell of more than there are."""
    deflate = zlib.compressobj(9, wbits=-15)  # as in a zip, without a header
    packed = deflate.compress(data) + deflate.flush()
    fields = (20, 0, 8, 0, 33, zlib.crc32(data), len(packed), len(data), 17)
    header = struct.pack("<4s5H3L2H", b"PK\3\4", *fields, 0)
    members = b"".join(b"%sHand/%07d.jpeg%s" % (header, i, packed) for i in range(names or count))
    step = len(header) + 17 + len(packed)
    entry = struct.pack("<4s6H3L5HL", b"PK\1\2", 20, *fields, 0, 0, 0, 0, 0)
    directory = b"".join(
        b"%s%sHand/%07d.jpeg" % (entry, struct.pack("<L", i * step if names is None else 0), i)
        for i in range(count)
    )
    start, size = len(members), len(directory)
    end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, count, count, size, start)
    end += struct.pack("<4sLQL", b"PK\6\7", 0, start + size, 1)
    end += struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 65535, 65535, 2**32 - 1, 2**32 - 1, 0)
    path.write_bytes(members + directory + end)
    return path


def test_a_million_members(tiny_info, tmp_path):
    many = zip_of_many(tmp_path / "many.zip", count=1_000_000, names=1)
    assert memory_of_refusing(many, tiny_info, tmp_path) < 200
    thousand = gzip.compress(tarfile.TarInfo("Hand/000000.jpeg").tobuf() * 1000)
    (tmp_path / "many.tar.gz").write_bytes(thousand * 1000)
    assert memory_of_refusing(tmp_path / "many.tar.gz", tiny_info, tmp_path) < 500


def test_many_members_are_all_read_where_allowed(tiny_info, tmp_path):
    place = zip_of_many(tmp_path / "some.zip", b"text", count=9)
    with pytest.raises(ValueError, match=r"Hand: 9 files, not 12"):
        load_images(place, info=tiny_info)


def test_bombs(tiny_info, tmp_path):
    bomb = zip_of_many(tmp_path / "bomb.zip", bytes(999_000), count=1500)
    assert bomb.stat().st_size < 5_000_000  # and unpacks to 1.5 GB
    assert memory_of_refusing(bomb, tiny_info, tmp_path) < 200
    # A member beside the class folders, skipped yet unpacked: a terabyte by what it says.
    member = tarfile.TarInfo("notes/large.bin")
    member.size = 10**12
    zeros = gzip.compress(bytes(10_000_000)) * 150
    data = gzip.compress(member.tobuf(tarfile.GNU_FORMAT)) + zeros
    (tmp_path / "bomb.tar.gz").write_bytes(data)
    assert memory_of_refusing(tmp_path / "bomb.tar.gz", tiny_info, tmp_path) < 200


HOSTILE = [
    ("../../escaped", tarfile.REGTYPE, ""),
    ("Hand/../../escaped", tarfile.REGTYPE, ""),
    ("{outside}/escaped", tarfile.REGTYPE, ""),
    ("Hand/link.jpeg", tarfile.SYMTYPE, "{outside}/secret"),
    ("Hand", tarfile.SYMTYPE, "{outside}"),
    ("Hand/hard.jpeg", tarfile.LNKTYPE, "{outside}/secret"),
    ("Hand/device.jpeg", tarfile.CHRTYPE, ""),
    ("Hand/disk.jpeg", tarfile.BLKTYPE, ""),
    ("Hand/pipe.jpeg", tarfile.FIFOTYPE, ""),
]


def state_of(folder):
    """All that lies there, when it was last written; things come and go in the cache alone."""
    return {path: path.stat().st_mtime_ns * (path != decoded_dir()) for path in folder.rglob("*")}


@pytest.mark.parametrize(("name", "kind", "target"), HOSTILE)
def test_nothing_outside_is_touched(name, kind, target, files, tiny_info, write_tar, tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_bytes(files["Hand/000000.jpeg"])
    member = tarfile.TarInfo(name.format(outside=outside))
    member.type, member.linkname = kind, target.format(outside=outside)
    place = write_tar(files, top="", extra=[member])
    before = state_of(tmp_path)
    with pytest.raises(ValueError, match="was refused: its member"):
        load_images(place, info=tiny_info)
    assert state_of(tmp_path) == before


@pytest.mark.parametrize("suffix", [".zip", ".tar", ".tar.gz", ".tgz"])
@pytest.mark.parametrize("kind", ["empty", "picture", "text", "the other", "pickle"])
def test_files_of_the_wrong_kind(kind, suffix, files, tiny_info, write_tar, write_zip, tmp_path):
    place = tmp_path / f"wrong{suffix}"
    other = write_tar(files) if suffix == ".zip" else write_zip(files)
    place.write_bytes(
        {
            "empty": b"",
            "picture": files["Hand/000000.jpeg"],
            "text": b"no archive at all " * 100,
            "the other": other.read_bytes(),
            "pickle": pickle.dumps({"a": 1}),
        }[kind]
    )
    with pytest.raises(ValueError, match=r"not a complete archive|is not Medical MNIST"):
        load_images(place, info=tiny_info)


def test_headers_before_headers_without_end(tiny_info, tmp_path):
    header = tarfile.TarInfo("././@LongLink")
    header.type, header.size = tarfile.GNUTYPE_LONGNAME, 3
    one = header.tobuf(tarfile.GNU_FORMAT) + b"a/b".ljust(512, b"\0")
    (tmp_path / "deep.tar").write_bytes(one * 3000)
    with pytest.raises(ValueError, match="not a complete archive"):
        load_images(tmp_path / "deep.tar", info=tiny_info)


@pytest.mark.parametrize("packed", ["tar", "zip"])
def test_spoilt_archives_are_told(packed, files, tiny_info, tmp_path, monkeypatch):
    """Bits flipped and bytes overwritten, above all in headers."""
    few = {name: data for name, data in files.items() if name.endswith(("00.jpeg", "01.jpeg"))}
    buffer = io.BytesIO()
    if packed == "tar":
        with tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as archive:
            for name, data in few.items():
                member = tarfile.TarInfo(name)
                member.size, member.pax_headers = (
                    len(data),
                    {"mtime": "1.5", "size": str(len(data))},
                )
                archive.addfile(member, io.BytesIO(data))
    else:
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in few.items():
                archive.writestr(name, data)
    sound = np.frombuffer(buffer.getvalue(), "uint8")
    heads = np.flatnonzero(np.isin(sound, [ord("P"), ord("H"), ord("0"), ord("1")]))
    generator = np.random.default_rng(0)
    monkeypatch.setattr(archives, "_MAX_UNPACKED", 20_000_000)
    outcomes = set()
    for _ in range(150):
        spoilt = sound.copy()
        places = generator.choice(heads, 3) + generator.integers(0, 30, 3)
        places = np.minimum(places, len(sound) - 1)
        spoilt[places] = generator.choice([0, 1, 45, 48, 127, 128, 255], 3)
        if generator.random() < 0.5:  # with its checksum mended, a header is believed
            mend_checksums(spoilt)
        place = tmp_path / f"spoilt.{packed}"
        place.write_bytes(spoilt.tobytes())
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with pytest.raises(ValueError, match=str(place)) as caught:
                load_images(place, info=tiny_info)
        outcomes.add(str(caught.value).split(str(place))[1][:15])
    assert len(outcomes) >= 2


def mend_checksums(tar):
    for start in range(0, len(tar) - 511, 512):
        if tar[start + 257 : start + 262].tobytes() == b"ustar":
            tar[start + 148 : start + 156] = ord(" ")
            total = b"%06o\0 " % int(tar[start : start + 512].sum(dtype=int))
            tar[start + 148 : start + 156] = np.frombuffer(total, "uint8")


def test_spoilt_headers_in_the_cache_are_told(whole):
    place, expected, info = whole
    folder = decoded_dir() / info["fingerprint"]
    generator = np.random.default_rng(0)
    for name in ("images", "labels", "names", "quantization"):
        sound = (folder / f"{name}.npy").read_bytes()
        for _ in range(60):
            spoilt = bytearray(sound)
            for at in generator.integers(0, 100, 2):
                spoilt[at] = generator.integers(0, 256)
            (folder / f"{name}.npy").write_bytes(spoilt)
            found = cached_images(info["fingerprint"])
            assert found is None or found.images.shape[0] == 72
        (folder / f"{name}.npy").write_bytes(sound)
    assert same(load_images(place, info=info), expected)


# -- hostile models ------------------------------------------------------------------------------


class _Harm:
    """Runs a command when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


def saved_model(path, *, change=None, **members):
    """A sound `.keras` file with some of its members replaced."""
    baseline_cnn(width=2).save(path.with_name("sound.keras"))
    with zipfile.ZipFile(path.with_name("sound.keras")) as sound, zipfile.ZipFile(path, "w") as new:
        for name in sound.namelist():
            data = members.get(name.split(".")[0], sound.read(name))
            if change and name == "config.json":
                data = json.dumps(change(json.loads(data)))
            new.writestr(name, data)
    return path


def calls(module, name, *arguments):
    return {
        "module": "keras.layers",
        "class_name": "Lambda",
        "config": {
            "name": "harm",
            "function": {"class_name": "function", "config": name, "module": module},
            "arguments": dict(enumerate(arguments)),
        },
        "registered_name": None,
    }


@pytest.mark.parametrize(
    "whole_config",
    [
        {"module": "os", "class_name": "system", "config": {"command": "touch {}"}},
        {"module": "builtins", "class_name": "exec", "config": "open('{}', 'w')"},
        {"module": "subprocess", "class_name": "Popen", "config": {"args": ["touch", "{}"]}},
        {"module": "keras.utils", "class_name": "get_file", "config": {"origin": "file://{}"}},
        calls("os", "system", "touch {}"),
    ],
)
def test_code_named_in_a_model_file_is_not_run(whole_config, tmp_path):
    sentinel = tmp_path / "harmed"
    config = json.loads(json.dumps(whole_config).replace("{}", str(sentinel)))
    for place, change in {
        "whole": lambda old: config,
        "layer": lambda old: {
            **old,
            "config": {**old["config"], "layers": [*old["config"]["layers"][:2], config]},
        },
    }.items():
        path = saved_model(tmp_path / f"{place}.keras", change=change)
        with pytest.raises(ValueError, match=r"can't be loaded|is for another task"):
            load_model(path)
    assert not sentinel.exists()


@pytest.mark.parametrize("name", ["model.keras", "inside.keras", "model.weights.h5", "model.pkl"])
def test_pickles_are_not_opened(name, tmp_path):
    sentinel = tmp_path / "harmed"
    data = pickle.dumps(_Harm(sentinel))
    path = tmp_path / name
    if name == "inside.keras":
        saved_model(path, model=data, config=data)
    else:
        path.write_bytes(data)
    with pytest.raises(ValueError, match=r"The (model|weights) .*Expected"):
        load_model(path)
    assert not sentinel.exists()


def weights_file(path):
    baseline_cnn().save_weights(path)
    return path


def first_kernel(file):
    """Where a weights file keeps the kernel of the first convolution."""
    found = []
    file.visititems(lambda name, item: found.append(name) if name.endswith("vars/0") else None)
    return next(name for name in found if "conv2d" in name)


@pytest.mark.parametrize("trick", ["link", "external link", "external data", "huge"])
def test_weights_that_lead_elsewhere_or_fill_memory(trick, tmp_path):
    path = weights_file(tmp_path / "hostile.weights.h5")
    (tmp_path / "secret").write_bytes(b"s" * 10_000)
    with h5py.File(path, "r+") as file:
        name = first_kernel(file)
        shape = file[name].shape
        del file[name]
        if trick == "link":
            file[name] = h5py.SoftLink("/nowhere")
        elif trick == "external link":
            file[name] = h5py.ExternalLink(str(tmp_path / "secret"), "/data")
        elif trick == "external data":
            secret = [(str(tmp_path / "secret"), 0, 10_000)]
            file.create_dataset(name, shape, "float32", external=secret)
        else:
            file.create_dataset(name, (10**7, 10**6), "float32", chunks=(1000, 1000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"hostile\.weights\.h5'?, which does not fit"):
        baseline_cnn(weights=path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000


def reason_against(function, *arguments, **options):
    try:
        function(*arguments, **options)
    except ValueError as error:
        return str(error)
    return ""


def test_spoilt_weights_are_told(tmp_path):
    path = weights_file(tmp_path / "spoilt.weights.h5")
    sound = np.fromfile(path, "uint8")
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(40):
        spoilt = sound.copy()
        places = generator.integers(0, 3000, 5)
        spoilt[places] = generator.integers(0, 256, 5)
        spoilt[: generator.choice([len(sound), len(sound) // 2], p=[0.8, 0.2])].tofile(path)
        if why := reason_against(baseline_cnn, weights=path):
            assert "which does not fit" in why
            refused += 1
    assert refused > 5


def test_spoilt_models_are_told(tmp_path):
    sound = saved_model(tmp_path / "spoilt.keras").read_bytes()
    generator = np.random.default_rng(0)
    refused = 0
    for _ in range(25):
        spoilt = bytearray(sound)
        for at in generator.integers(0, 3000, 3):
            spoilt[at] = generator.integers(0, 256)
        path = tmp_path / "spoilt.keras"
        path.write_bytes(spoilt[: generator.choice([len(sound), 5000])])
        if why := reason_against(load_model, path):
            assert "can't be loaded" in why
            refused += 1
    assert refused > 5
