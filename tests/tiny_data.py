"""What several tests share."""

import http.server
import io

import numpy as np
from PIL import Image

from medmnist_keras import CLASS_NAMES
from medmnist_keras.data import Images

PER_CLASS = 12


class SilentHandler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder without a word."""

    def log_message(self, *_):
        pass


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
