"""What several tests share."""

import http.server
import io
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import keras
import numpy as np
import pytest
from keras import layers
from PIL import Image

from medmnist_keras import CLASS_NAMES, baseline_cnn
from medmnist_keras.data import Images
from medmnist_keras.models import with_known

PER_CLASS = 12


class SilentHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_):
        pass


def in_a_thread(function, *args):
    """What a function returns that runs an event loop, for Playwright leaves one of its own running
    in the thread of the tests."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function, *args).result()


@contextmanager
def page_of(command, environment, folder=None):
    """The address of the live page that a command serves, until it is terminated."""
    with subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        told = ""
        for line in process.stdout:
            told += line
            if found := re.search(r"http://127\.0\.0\.1:\d+/", line):
                break
        else:
            pytest.fail(told)
        try:
            yield found.group()
        finally:
            process.terminate()


def encode(image, kind="JPEG") -> bytes:
    """One uint8 array `(H, W)` as the bytes of a file."""
    buffer = io.BytesIO()
    Image.fromarray(image).save(buffer, kind)
    return buffer.getvalue()


def listing(images, labels, fingerprint="tiny", quantization=None) -> Images:
    """Arrays as `load_images()` returns them."""
    count = len(images)
    if quantization is None:
        quantization = np.zeros((count, 64), dtype="uint16")
    return Images(
        images=np.asarray(images, dtype="uint8").reshape(count, 64, 64, 1),
        labels=np.asarray(labels),
        names=np.array([f"{CLASS_NAMES[k]}/{i:06d}.jpeg" for i, k in enumerate(labels)]),
        quantization=quantization,
        positions=np.arange(count),
        fingerprint=fingerprint,
        origin="tiny",
    )


def stacks_and_singles(stacks=30, slices=12, seed=0) -> tuple[Images, np.ndarray]:
    """Class 0: stacks of slices that drift from first to last, shuffled within their stack.
    Class 1: as many single pictures. Also returns the number of each picture's stack."""
    generator = np.random.default_rng(seed)
    coarse = generator.uniform(0, 255, (2 * stacks + stacks * slices, 8, 8))
    first, last, singles = np.split(coarse, [stacks, 2 * stacks])
    steps = np.linspace(0, 0.5, slices)[:, None, None]
    shuffled = [
        generator.permutation((1 - steps) * one + steps * other)
        for one, other in zip(first, last, strict=True)
    ]
    images = np.concatenate([*shuffled, singles]).repeat(8, axis=1).repeat(8, axis=2)
    count = stacks * slices
    bodies = np.r_[np.arange(stacks).repeat(slices), stacks + np.arange(count)]
    return listing(images, np.repeat([0, 1], count)), bodies


WHITE = np.full((64, 64), 255, "uint8")


def brightness_model() -> keras.Model:
    """Calls white pictures Hand, black ones HeadCT, and of grey ones has no idea."""
    inputs = keras.Input((64, 64, 1))
    mean = layers.GlobalAveragePooling2D()(layers.Rescaling(1 / 127, offset=-1)(inputs))
    dense = layers.Dense(6, name="logits")
    model = keras.Model(inputs, layers.Softmax()(dense(mean)))
    dense.set_weights([np.array([[0, 0, 0, 0, 9, -9]]), np.zeros(6)])
    return model


def with_logits_twin(width) -> tuple[keras.Model, keras.Model]:
    """A network whose logits differ, and one of the same weights that gives them."""
    keras.utils.set_random_seed(0)
    model = baseline_cnn(width=width)
    kernel, _ = model.get_layer("logits").get_weights()
    model.get_layer("logits").set_weights([5 * kernel, np.linspace(-1, 1, 6)])
    twin = baseline_cnn(width=width, classifier_activation=None)
    twin.set_weights(model.get_weights())
    return model, twin


def knowing_model() -> keras.Model:
    """The same, which also says that grey pictures are none of the six."""
    return with_known(brightness_model(), scale=2, offset=-10)


def write(path, values=WHITE):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)
    return path


def dicom(values, path=None, **elements):
    """A DICOM file of `(H, W)` or `(frames, H, W)` or RGB values; elements change its header."""
    import pydicom
    from pydicom.dataset import FileDataset, FileMetaDataset

    values = np.asarray(values)
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = elements.pop("syntax", pydicom.uid.ExplicitVRLittleEndian)
    meta.MediaStorageSOPClassUID = pydicom.uid.SecondaryCaptureImageStorage
    meta.MediaStorageSOPInstanceUID = "1.2.3"
    rgb = values.shape[-1] == 3
    header = {
        "SOPClassUID": meta.MediaStorageSOPClassUID,
        "SOPInstanceUID": "1.2.3",
        "Rows": values.shape[-3] if rgb else values.shape[-2],
        "Columns": values.shape[-2] if rgb else values.shape[-1],
        "SamplesPerPixel": 3 if rgb else 1,
        "PhotometricInterpretation": "RGB" if rgb else "MONOCHROME2",
        "BitsAllocated": 8 * values.itemsize,
        "BitsStored": 8 * values.itemsize,
        "HighBit": 8 * values.itemsize - 1,
        "PixelRepresentation": int(values.dtype.kind == "i"),
        "PixelData": values.tobytes(),
    }
    if rgb:
        header["PlanarConfiguration"] = 0
    elif values.ndim == 3:
        header["NumberOfFrames"] = len(values)
    dataset = FileDataset(None, {}, file_meta=meta, preamble=bytes(128))
    for name, value in (header | elements).items():
        if value is not None:
            setattr(dataset, name, value)
    buffer = io.BytesIO()
    dataset.save_as(buffer, enforce_file_format=True)
    if path is None:
        return buffer.getvalue()
    path.write_bytes(buffer.getvalue())
    return path


def tiny_resnet() -> keras.Model:
    """A network with the layers that `fine_tune()` looks for, and a thousandth of the work."""
    inputs = keras.Input((64, 64, 1))
    x = layers.Rescaling(1 / 127.5, offset=-1)(inputs)
    x = layers.Conv2D(8, 5, strides=4, activation="relu", name="conv4_block6_out")(x)
    x = layers.BatchNormalization()(layers.Conv2D(8, 3, strides=2, name="conv5")(x))
    x = layers.GlobalAveragePooling2D(name="pool")(layers.ReLU()(x))
    outputs = layers.Dense(6, activation="softmax", name="logits")(x)
    return keras.Model(inputs, outputs, name="resnet50v2")
