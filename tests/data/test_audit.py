import io
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from tiny_data import encode, listing, stacks_and_singles

from medmnist_keras import load_images
from medmnist_keras.data import audit_images, find_originals, nearest, thumbnails, unit_thumbnails
from medmnist_keras.data.similarity import (
    connected,
    find_blank,
    find_near_duplicates,
    neighbours,
)


@pytest.fixture
def noise():
    return np.random.default_rng(0).integers(0, 256, (8, 64, 64, 1), dtype="uint8")


def test_thumbnails_are_block_means(noise):
    small = thumbnails(noise)
    assert small.shape == (8, 256)
    assert small.dtype == np.float32
    assert small[3, 16 * 2 + 5] == pytest.approx(noise[3, 8:12, 20:24].mean())
    assert thumbnails(noise[..., 0], size=8).shape == (8, 64)


def test_similarity_ignores_brightness_and_contrast(noise):
    dim = (noise // 2 + 20).astype("uint8")
    similarity, index = nearest(dim, noise)
    np.testing.assert_array_equal(index, np.arange(8))
    assert similarity.min() > 0.999
    assert nearest(255 - noise[:1], noise[:1])[0][0] == pytest.approx(-1, abs=1e-5)


def test_a_constant_picture_is_similar_to_nothing(noise):
    constant = np.full((2, 64, 64, 1), 7, dtype="uint8")
    assert not unit_thumbnails(constant).any()
    assert nearest(constant, np.concatenate([constant, noise]))[0].tolist() == [0, 0]
    pictures = listing(np.concatenate([constant, noise]), [0] * 10)
    assert len(find_near_duplicates(pictures)) == 0


def test_near_duplicates_are_of_one_class_and_listed_once(noise):
    pictures = listing(np.concatenate([noise[:2], noise[:2], noise[:1]]), [0, 0, 0, 0, 1])
    assert find_near_duplicates(pictures).tolist() == [[0, 2], [1, 3]]


def test_the_threshold_is_a_cosine():
    generator = np.random.default_rng(1)
    base = generator.uniform(60, 190, (1, 16, 16))
    others = base + generator.normal(0, 8, (20, 16, 16)) * np.arange(20)[:, None, None] / 10
    images = np.concatenate([base, others]).repeat(4, axis=1).repeat(4, axis=2)
    pictures = listing(images, [0] * 21)
    units = unit_thumbnails(pictures.images)
    expected = np.argwhere(np.triu(units @ units.T > 0.98, 1))
    found = find_near_duplicates(pictures, 0.98)
    assert 0 < len(expected) < 210
    assert sorted(map(tuple, found)) == sorted(map(tuple, expected))


def test_blank_pictures_and_copies(noise):
    nearly = np.full((1, 64, 64, 1), 9, dtype="uint8")
    nearly[0, 0, 0] = 12
    images = np.concatenate([noise[:3], nearly, noise[1:2], nearly])
    np.testing.assert_array_equal(find_blank(images), [0, 0, 0, 1, 0, 1])
    np.testing.assert_array_equal(find_originals(images), [0, 1, 2, 3, 1, 3])


def test_connected_numbers_the_sets():
    assert connected([(0, 3), (3, 4)], 6).tolist() == [0, 1, 2, 0, 0, 3]
    assert connected(np.empty((0, 2), dtype=int), 3).tolist() == [0, 1, 2]


def test_neighbours_never_name_the_picture_itself(noise):
    found = neighbours(np.concatenate([noise, noise[:4]]), 3)
    assert found.shape == (12, 3)
    assert (found[:4, 0] == np.arange(8, 12)).all()
    assert (found != np.arange(12)[:, None]).all()


def test_audit_counts_class_by_class():
    pictures, _ = stacks_and_singles(stacks=4, slices=10)
    images = pictures.images.copy()
    images[45] = images[44]  # a copy among the single pictures
    images[50] = 30  # and a blank one
    tables = np.zeros((80, 64), dtype="uint16")
    tables[:40, :4], tables[40:, :4] = (8, 6, 5, 8), (3, 2, 2, 3)
    tables[79, 0] = 4
    table = audit_images(replace(pictures, images=images, quantization=tables))
    assert table.index.tolist() == ["AbdomenCT", "BreastMRI"]
    stacks, singles = table.to_dict(orient="records")
    assert (stacks["images"], stacks["blank"], stacks["duplicates"]) == (40, 0, 0)
    assert stacks["near 0.99"] > 30
    assert stacks["groups 0.98"] < 10 < singles["groups 0.98"] == 39
    assert (singles["blank"], singles["duplicates"], singles["duplicate sets"]) == (1, 2, 1)
    assert (singles["near 0.99"], singles["largest 0.98"]) == (2, 2)
    assert stacks["file distance"] < 6 < singles["file distance"]
    units = unit_thumbnails(images[:40])
    twins = np.argsort(-units @ units.T, axis=1)[:, 1]
    apart = np.abs(twins - np.arange(40))
    far = audit_images(replace(pictures, positions=np.r_[np.arange(39), 139:180]))["file distance"]
    assert stacks["file distance"] == far.iloc[0] == np.median(apart)  # one far file moves nothing
    assert stacks["JPEG table"] == "(8, 6, 5, 8)"
    assert singles["JPEG table"] == "(3, 2, 2, 3), (4, 2, 2, 3)"
    assert singles["darkest"] == images[40:].min()


def test_audit_tells_the_two_similarities_apart():
    rows, columns = np.indices((16, 16)) // 8 * 2 - 1  # orthogonal: -1 in one half, 1 in the other
    coarse = [128 + 100 * rows, 128 + 98 * rows + 17 * columns, 128 + 99 * rows - 10 * columns]
    images = np.array([*coarse, 128 + 100 * columns]).repeat(4, axis=1).repeat(4, axis=2)
    pictures = listing(images, [0] * 4)
    units = unit_thumbnails(pictures.images)
    assert (units @ units[0])[:3].tolist() == pytest.approx([1, 0.985, 0.995], abs=1e-3)
    (row,) = audit_images(pictures).to_dict(orient="records")
    assert (row["near 0.99"], row["groups 0.99"]) == (2, 3)
    assert (row["groups 0.98"], row["largest 0.98"]) == (2, 3)


def test_quantisation_tables_come_from_the_files_and_survive_the_cache(
    files, write_folder, tiny_info
):
    for name in ("Hand/000003.jpeg", "CXR/000001.jpeg"):
        files = {**files, name: encode(np.asarray(Image.open(io.BytesIO(files[name]))), "PNG")}
    folder = write_folder(files)
    with pytest.warns(UserWarning, match="differs"):
        fresh = load_images(folder, info=tiny_info)
    with pytest.warns(UserWarning, match="differs"):
        again = load_images(folder, info=tiny_info)
    np.testing.assert_array_equal(fresh.quantization, again.quantization)
    png = np.isin(fresh.names, ["Hand/000003.jpeg", "CXR/000001.jpeg"])
    assert not fresh.quantization[png].any()
    # Pillow's quality 75: ITU-T T.81, table K.1, halved.
    assert (fresh.quantization[~png][:, :4] == [8, 6, 5, 8]).all()
