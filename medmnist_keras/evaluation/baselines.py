"""Trivial baselines that know no anatomy: how easy is the task?"""

from __future__ import annotations

import numpy as np
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from ..data.images import Images
from ..data.similarity import thumbnails
from ..data.splits import Split


def trivial_probabilities(
    pictures: Images, parts: Split, *, seed: int = 0
) -> dict[str, np.ndarray]:
    """Trains six trivial models on the training pictures and asks them about the test pictures.

    They are: the most frequent class; a decision tree on minimum, maximum, mean and standard
    deviation; one on the four corner pixels; one on the file's JPEG quantisation table, which
    looks at no pixel at all; logistic regression on 8x8 block means; the nearest neighbour on
    16x16 block means.

    Args:
        pictures: `Images`.
        parts: `Split` of them.
        seed: int, of the trees.

    Returns:
        dict of the model's name to float probabilities `(len(parts.test), classes)`, a column for
        each class that the training pictures have.

    Example:

    ```python
    pictures = load_images()
    parts = split_indices(pictures)
    for name, probabilities in trivial_probabilities(pictures, parts).items():
        print(name, evaluate(pictures.labels[parts.test], probabilities)["errors"])
    ```
    """
    labels = pictures.labels[parts.train]
    probabilities = {}
    for name, (features, model) in _models(seed).items():
        model.fit(features(pictures, parts.train), labels)
        probabilities[name] = model.predict_proba(features(pictures, parts.test))
    return probabilities


def _models(seed: int) -> dict:
    """Name to features and scikit-learn classifier, the most ignorant first."""
    return {
        "majority class": (_nothing, DummyClassifier()),
        "JPEG table alone": (_tables, DecisionTreeClassifier(random_state=seed)),
        "tree: four corner pixels": (_corners, DecisionTreeClassifier(random_state=seed)),
        "tree: min, max, mean, std": (_statistics, DecisionTreeClassifier(random_state=seed)),
        "logistic regression, 8×8": (
            _means,
            make_pipeline(StandardScaler(), LogisticRegression(tol=1e-3, max_iter=1000)),
        ),
        "nearest neighbour, 16×16": (_thumbnails, KNeighborsClassifier(n_neighbors=1)),
    }


def _nothing(pictures: Images, rows) -> np.ndarray:
    return np.zeros((len(rows), 1))


def _tables(pictures: Images, rows) -> np.ndarray:
    return pictures.quantization[rows]


def _corners(pictures: Images, rows) -> np.ndarray:
    return pictures.images[rows][:, [0, 0, -1, -1], [0, -1, 0, -1], 0]


def _statistics(pictures: Images, rows) -> np.ndarray:
    flat = pictures.images[rows].reshape(len(rows), -1)
    # In pieces, for in floats all pictures would take four times their memory.
    pieces = np.array_split(flat, len(flat) // 4096 + 1)
    spread = np.concatenate([piece.std(axis=1, dtype="float32") for piece in pieces])
    return np.stack([flat.min(axis=1), flat.max(axis=1), flat.mean(axis=1), spread], axis=1)


def _means(pictures: Images, rows) -> np.ndarray:
    return thumbnails(pictures.images[rows], size=8)


def _thumbnails(pictures: Images, rows) -> np.ndarray:
    return thumbnails(pictures.images[rows])
