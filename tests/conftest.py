"""Tiny stand-ins for the real data set: the same layout, a dozen pictures a class."""

import functools
import http.server
import io
import tarfile
import threading
import zipfile

import pytest
from tiny_data import PER_CLASS, SilentHandler, encode

from medmnist_keras import CLASS_NAMES, INFO, load_images
from medmnist_keras.data import draw_phantoms


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Each test starts without a cache and without the environment's data."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path / "keras_home"))
    monkeypatch.delenv("MEDICAL_MNIST_DIR", raising=False)
    monkeypatch.delenv("MEDMNIST_KERAS_EXTERNAL_DIR", raising=False)


@pytest.fixture(scope="session")
def files() -> dict[str, bytes]:
    """`"Class/000000.jpeg"` to file content."""
    images, labels = draw_phantoms(PER_CLASS)
    return {
        f"{CLASS_NAMES[label]}/{index % PER_CLASS:06d}.jpeg": encode(image[..., 0])
        for index, (image, label) in enumerate(zip(images, labels, strict=True))
    }


@pytest.fixture
def write_folder(tmp_path):
    def write(files, name="MedNIST"):
        for path, data in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_bytes(data)
        return tmp_path / name

    return write


@pytest.fixture
def write_tar(tmp_path):
    def write(files, name="MedNIST.tar.gz", top="MedNIST/", extra=()):
        with tarfile.open(tmp_path / name, "w:gz") as archive:
            for path, data in files.items():
                member = tarfile.TarInfo(top + path)
                member.size = len(data)
                archive.addfile(member, io.BytesIO(data))
            for member in extra:
                archive.addfile(member)
        return tmp_path / name

    return write


@pytest.fixture
def write_zip(tmp_path):
    def write(files, name="archive.zip", top=""):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            for path, data in files.items():
                archive.writestr(top + path, data)
        return tmp_path / name

    return write


@pytest.fixture
def tiny_info(files, write_folder) -> dict:
    """`INFO` of the tiny data set."""
    info = {**INFO, "counts": dict.fromkeys(CLASS_NAMES, PER_CLASS), "fingerprint": "?"}
    with pytest.warns(UserWarning, match="differs"):
        fingerprint = load_images(write_folder(files, "reference"), info=info).fingerprint
    return {**info, "fingerprint": fingerprint}


@pytest.fixture
def serve():
    """Serves folders over HTTP on loopback: `serve(folder)` returns the URL."""
    servers = []

    def start(folder, handler=SilentHandler):
        handler = functools.partial(handler, directory=folder)
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()
