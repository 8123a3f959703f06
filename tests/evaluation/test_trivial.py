import numpy as np
from tiny_data import listing

from medmnist_keras import load_images, split_indices, trivial_probabilities
from medmnist_keras.data import Split


def errors(pictures, parts, **kwargs):
    truth = pictures.labels[parts.test]
    return {
        name: int((rated.argmax(axis=1) != truth).sum())
        for name, rated in trivial_probabilities(pictures, parts, **kwargs).items()
    }


def test_each_returns_probabilities_for_the_test_pictures():
    pictures = load_images("phantoms", images_per_class=20)
    parts = split_indices(pictures)
    rated = trivial_probabilities(pictures, parts)
    assert len(rated) == 6
    for probabilities in rated.values():
        assert probabilities.shape == (12, 6)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-5)


def test_each_sees_only_what_its_name_says():
    generator = np.random.default_rng(0)
    labels = np.tile([0, 1], 60)
    noise = generator.integers(100, 156, (120, 64, 64))
    parts = Split(np.arange(80), np.arange(80, 100), np.arange(100, 120))

    def wrong(images, **kwargs):
        return errors(listing(images, labels, **kwargs), parts)

    tables = np.ones((120, 64), dtype="uint16") + labels[:, None].astype("uint16")
    giveaway = wrong(noise, quantization=tables)
    assert giveaway["JPEG table alone"] == 0
    assert giveaway["majority class"] == 10
    assert min(giveaway["tree: four corner pixels"], giveaway["nearest neighbour, 16×16"]) > 2

    corner = noise.copy()
    corner[labels == 1, -1, 0] = 255
    assert wrong(corner)["tree: four corner pixels"] == 0
    assert wrong(corner)["JPEG table alone"] == 10

    bright = noise + 30 * labels[:, None, None]
    assert wrong(bright)["tree: min, max, mean, std"] == 0

    left = noise.copy()
    left[labels == 1, :, :32] += 40
    assert wrong(left)["logistic regression, 8×8"] == 0
    assert wrong(left)["nearest neighbour, 16×16"] == 0


def test_the_same_seed_gives_the_same_answers():
    pictures = load_images("phantoms", images_per_class=30)
    parts = split_indices(pictures)
    one, again = (trivial_probabilities(pictures, parts, seed=3) for _ in range(2))
    for name, rated in one.items():
        np.testing.assert_array_equal(rated, again[name])
