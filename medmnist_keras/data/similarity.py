"""Thumbnail similarity of pictures: nearest neighbours, exact and near duplicates.

Two pictures are compared as thumbnails of 16x16 block means, mean removed and scaled to unit
length; their *similarity* is the cosine, 1 for the same picture but for brightness and contrast.
"""

from __future__ import annotations

import hashlib

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components
from sklearn.neighbors import NearestNeighbors

from .images import Images

NEAR = 0.98  # beyond this similarity two pictures are near duplicates
_BLANK = 1.0  # grey levels


def thumbnails(images: np.ndarray, size: int = 16) -> np.ndarray:
    """Shrinks pictures to the means of square blocks.

    Args:
        images: array `(N, H, W)` or `(N, H, W, 1)`, H and W multiples of `size`.
        size: int, blocks a side.

    Returns:
        float32 array `(N, size * size)` in the range of `images`.
    """
    count, height, width = images.shape[:3]
    blocks = np.reshape(images, (count, size, height // size, size, width // size))
    return blocks.mean(axis=(2, 4), dtype="float32").reshape(count, -1)


def unit_thumbnails(images: np.ndarray) -> np.ndarray:
    """Thumbnails without their mean, scaled to unit length: dot products are similarities.

    Args:
        images: uint8 array `(N, 64, 64, 1)`.

    Returns:
        float32 array `(N, 256)`; zeros for a constant picture, which is similar to nothing.
    """
    units = thumbnails(images)
    units -= units.mean(axis=1, keepdims=True)
    units /= np.maximum(np.linalg.norm(units, axis=1, keepdims=True), 1e-6)
    return units


def nearest(images: np.ndarray, reference: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Finds, for each picture, the most similar one of a reference such as the training set.

    Args:
        images: uint8 array `(N, 64, 64, 1)`.
        reference: uint8 array `(M, 64, 64, 1)`.

    Returns:
        `(similarity, index)`: float32 array `(N,)` of cosines in -1 to 1, 0 where a picture is
        constant; int64 array `(N,)` of
        indices into `reference`.
    """
    units, others = unit_thumbnails(images), unit_thumbnails(reference)
    search = NearestNeighbors(n_neighbors=1, algorithm="brute").fit(others)
    index = search.kneighbors(units, return_distance=False)[:, 0]
    return np.einsum("ij,ij->i", units, others[index]), index


def find_near_duplicates(pictures: Images, threshold: float = NEAR) -> np.ndarray:
    """Finds pairs of pictures of one class that look alike.

    Args:
        pictures: `Images`.
        threshold: float below 1, the similarity that a pair must exceed.

    Returns:
        int64 array `(M, 2)` of indices, the smaller first.
    """
    found = [np.empty((0, 2), dtype="int64")]
    for members in class_members(pictures):
        # Of unit vectors, the squared distance is 2 - 2 similarity.
        search = NearestNeighbors(radius=np.sqrt(2 - 2 * threshold), algorithm="brute")
        units = unit_thumbnails(pictures.images[members])
        links = search.fit(units).radius_neighbors_graph(mode="connectivity").tocoo()
        # Constant pictures, all zeros here, are at no distance from each other.
        once = (links.row < links.col) & np.any(units, axis=1)[links.row]
        found.append(members[np.stack([links.row[once], links.col[once]], axis=1)])
    return np.concatenate(found)


def neighbours(images: np.ndarray, count: int = 5) -> np.ndarray:
    """Finds the most similar others of each picture.

    Args:
        images: uint8 array `(N, 64, 64, 1)`.
        count: int below N.

    Returns:
        int64 array `(N, count)` of indices, the most similar first. Constant pictures count as
        most similar to each other.
    """
    search = NearestNeighbors(n_neighbors=count, algorithm="brute").fit(unit_thumbnails(images))
    return search.kneighbors(return_distance=False)


def find_blank(images: np.ndarray) -> np.ndarray:
    """Tells which pictures show nothing: their standard deviation is below one grey level.

    Args:
        images: uint8 array `(N, 64, 64, 1)`.

    Returns:
        bool array `(N,)`.
    """
    flat = images.reshape(len(images), -1)
    return np.array([picture.std() < _BLANK for picture in flat])


def find_originals(images: np.ndarray) -> np.ndarray:
    """Finds, for each picture, the first one of the same pixels: itself, if there is none before.

    Args:
        images: uint8 array `(N, 64, 64, 1)`.

    Returns:
        int64 array `(N,)` of indices.
    """
    first: dict[bytes, int] = {}
    digests = (hashlib.sha256(image.tobytes()).digest() for image in images)
    found = [first.setdefault(digest, index) for index, digest in enumerate(digests)]
    return np.array(found, dtype="int64")


def class_members(pictures: Images) -> list[np.ndarray]:
    """Indices of each class that there is, in the order of its files."""
    return [np.flatnonzero(pictures.labels == label) for label in np.unique(pictures.labels)]


def connected(pairs: np.ndarray, count: int) -> np.ndarray:
    """Numbers the sets that pairs connect, int64 `(count,)`; what has no pair is a set itself."""
    links = coo_matrix((np.ones(len(pairs), bool), tuple(np.transpose(pairs))), (count, count))
    return connected_components(links, directed=False)[1].astype("int64")
