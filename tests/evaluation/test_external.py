"""Folders of pictures from elsewhere, and what a model's scores on them are."""

import json

import numpy as np
import pytest
from PIL import Image

from medmnist_keras import CLASS_NAMES, evaluate, load_folder
from medmnist_keras.augmentation import add_renderings, pipelines, render_shift
from medmnist_keras.data import draw_phantoms
from medmnist_keras.evaluation import (
    balanced_accuracy_interval,
    design_effects,
    external_report,
    load_shifted,
    shift,
    wilson_interval,
)
from medmnist_keras.experiments import Settings

EACH = {f"{name}/a.png": (40, 40) for name in CLASS_NAMES}


@pytest.fixture
def write(tmp_path):
    """Writes pictures of these names and sizes; each is as bright as its place in the list."""

    def write_pictures(sizes, **texts):
        for level, (name, size) in enumerate(sizes.items()):
            path = tmp_path / "set" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.full(size, level, "uint8")).save(path)
        for name, text in texts.items():
            (tmp_path / "set" / f"{name}.csv").write_text(text, encoding="utf-8")
        return tmp_path / "set"

    return write_pictures


# -- load_folder ---------------------------------------------------------------------------------


def test_pictures_of_any_size_sorted_by_class_and_name(write):
    folder = write({"Hand/b.png": (10, 99)} | EACH | {"Hand/deep/c.tif": (300, 200)})
    (folder / "README.md").write_text("six kinds")
    (folder / "CXR" / "notes.txt").write_text("fine")
    (folder / ".hidden").mkdir()
    data = load_folder(folder)
    assert data.images.shape == (8, 64, 64, 1)
    assert data.images.dtype == np.uint8
    assert data.labels.tolist() == [0, 1, 2, 3, 4, 4, 4, 5]
    assert data.labels.dtype == np.int64
    assert data.files[4:7] == ["Hand/a.png", "Hand/b.png", "Hand/deep/c.tif"]
    assert data.images[5].max() == 0  # the first that was written
    assert data.sources is None
    assert data.problems == []


def test_padding_is_passed_on(write):
    folder = write(EACH)
    half = np.zeros((40, 80), "uint8")
    half[:, 40:] = 200
    half[:1] = half[-1:] = 0
    Image.fromarray(half).save(folder / "CXR" / "a.png")
    assert not np.array_equal(load_folder(folder).images, load_folder(folder, pad=False).images)


def test_unreadable_pictures_are_listed(write):
    folder = write(EACH | {"Hand/b.png": (9, 9)})
    (folder / "Hand" / "a.png").write_bytes(b"?")
    data = load_folder(folder)
    assert "Hand/a.png" not in data.files
    ((file, why),) = data.problems
    assert file == "Hand/a.png"
    assert "could not be read" in why


def test_missing_classes_warn(write):
    folder = write({"Hand/a.png": (9, 9)})
    (folder / "CXR").mkdir()
    with pytest.warns(UserWarning, match="no pictures of AbdomenCT, BreastMRI, CXR, ChestCT, Head"):
        assert load_folder(folder).labels.tolist() == [4]


def test_own_class_names(write):
    folder = write({"cat/a.png": (9, 9), "dog/a.png": (9, 9)})
    assert load_folder(folder, class_names=("dog", "cat")).files == ["dog/a.png", "cat/a.png"]


def test_folders_that_are_told(write, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone does not exist.*AbdomenCT, BreastMRI"):
        load_folder(tmp_path / "gone")
    (tmp_path / "set.zip").write_bytes(b"?")
    with pytest.raises(ValueError, match="set.zip is no folder"):
        load_folder(tmp_path / "set.zip")
    with pytest.raises(ValueError, match=r"no class: Knee, hand\. Expected .* HeadCT"):
        load_folder(write({"Knee/a.png": (9, 9), "hand/a.png": (9, 9)}))


def test_nothing_that_can_be_read(tmp_path):
    (tmp_path / "Hand").mkdir()
    with pytest.raises(ValueError, match="no picture that can be read.*Received: 0 unreadable"):
        load_folder(tmp_path)
    (tmp_path / "Hand" / "a.png").write_bytes(b"?")
    with pytest.raises(ValueError, match="Received: 1 unreadable"):
        load_folder(tmp_path)


# -- SOURCES.csv ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "header",
    [
        "file,source",
        "file,source_repo",
        "file,dataset",
        "\ufefffile,source",
        "file,source,source_repo",
    ],
)
def test_sources_of_files(header, write):
    lines = [header, "Hand/a.png,Berlin,x", 'CXR\\a.png,"Lima, Peru",x', "Hand/gone.png,Oslo,x"]
    lines += ["HeadCT/a.png,,x", "ChestCT/a.png"]  # named, but not told where from
    sources = load_folder(write(EACH, SOURCES="\n".join(lines))).sources
    assert sources.tolist() == [*["unknown"] * 2, "Lima, Peru", "unknown", "Berlin", "unknown"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "Received: nothing"),
        ("name,source\na,b\n", "must have the column file and one of source.*Received: name"),
        ("file,notes\na,b\n", "Received: file, notes"),
    ],
)
def test_sources_of_another_form(text, message, write):
    with pytest.raises(ValueError, match=message):
        load_folder(write(EACH, SOURCES=text))


def test_sources_in_another_encoding(write):
    folder = write(EACH)
    (folder / "SOURCES.csv").write_bytes("file,source\nHand/a.png,Zürich\n".encode("latin-1"))
    with pytest.raises(ValueError, match="Expected a table in UTF-8"):
        load_folder(folder)


# -- load_shifted ------------------------------------------------------------------------------

SETTINGS = Settings(quick=True, source="phantoms", images_per_class=20, seed=3)


def test_external_pictures_are_read_where_there_are_any(write, monkeypatch, capsys):
    lines = ["file,source", "Hand/a.png,Berlin"]
    folder = write({"Hand/b.png": (9, 9)} | EACH, SOURCES="\n".join(lines))
    monkeypatch.setenv("MEDMNIST_KERAS_EXTERNAL_DIR", str(folder))
    found, expected = load_shifted(*draw_phantoms(3), folder=SETTINGS.external), load_folder(folder)
    np.testing.assert_array_equal(found.images, expected.images)
    assert found.labels.tolist() == [0, 1, 2, 3, 4, 4, 5]
    assert found.files == expected.files
    assert found.sources.tolist() == [*["unknown"] * 4, "Berlin", *["unknown"] * 2]
    # Whose sources aren't all known, so that they can't be counted.
    assert capsys.readouterr().out == "7 external pictures, read from a folder\n"


@pytest.mark.parametrize(
    ("sources", "told"),
    [
        (["Oslo"] * 3 + ["Lima"] * 3, "6 external pictures from 2 public sources"),
        (["Oslo"] * 6, "6 external pictures from 1 public source"),
        (None, "6 external pictures"),
    ],
)
def test_what_is_read_is_counted(sources, told, write, capsys):
    lines = [f"{file},{source}" for file, source in zip(EACH, sources or [], strict=False)]
    texts = {"SOURCES": "\n".join(["file,source", *lines])} if sources else {}
    load_shifted(*draw_phantoms(1), folder=write(EACH, **texts))
    assert capsys.readouterr().out == f"{told}, read from a folder\n"


def test_a_single_external_picture_is_told_as_one(write, capsys):
    folder = write({"Hand/a.png": (9, 9)}, SOURCES="file,source\nHand/a.png,Oslo\n")
    with pytest.warns(UserWarning, match="no pictures of"):
        load_shifted(*draw_phantoms(1), folder=folder)
    assert capsys.readouterr().out.startswith("1 external picture from 1 public source, read")


def test_a_shifted_copy_stands_in_and_says_so(capsys):
    images, labels = draw_phantoms(2)
    images, labels = images[::-1], labels[::-1]
    copy = load_shifted(images, labels, folder=SETTINGS.external, seed=SETTINGS.seed)
    told = capsys.readouterr().out
    assert "MEDMNIST_KERAS_EXTERNAL_DIR is not set" in told
    assert "copy of 12 test pictures stands in. It is a weaker test" in told
    assert "the training's own code renders it" in told
    expected = render_shift(images, labels, seed=3 + shift._STAND_IN)
    np.testing.assert_array_equal(copy.images, expected)
    assert (copy.images != images).any(axis=(1, 2, 3)).mean() > 0.9
    np.testing.assert_array_equal(copy.labels, labels)
    assert copy.labels.dtype == np.int64
    assert copy.files[:3] == ["HeadCT/0", "HeadCT/1", "Hand/2"]
    assert copy.sources is None
    assert copy.problems == []


def test_a_named_folder_that_is_not_there_is_told(monkeypatch, tmp_path):
    monkeypatch.setenv("MEDMNIST_KERAS_EXTERNAL_DIR", str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match="gone does not exist"):
        load_shifted(*draw_phantoms(1), folder=SETTINGS.external)


# -- external_report -----------------------------------------------------------------------------

LABELS = np.array([0] * 10 + [4] * 40)
GUESSES = np.array([0] * 8 + [3] * 2 + [4] * 30 + [2] * 10)


def certain(guesses, confidence=0.95):
    """Probabilities with one peak a row."""
    return np.eye(6)[guesses] * (confidence - (1 - confidence) / 5) + (1 - confidence) / 5


def test_scores_are_those_of_evaluate_with_an_interval():
    report = external_report(LABELS, certain(GUESSES))
    plain = evaluate(LABELS, certain(GUESSES))
    assert {name: report.scores[name] for name in plain} == plain
    assert report.scores["balanced_accuracy"] == pytest.approx((0.8 + 0.75) / 2)
    assert json.loads(json.dumps(report.scores)) == report.scores
    assert report.per_source is None


def test_interval_of_balanced_accuracy_by_hand():
    report = external_report(LABELS, certain(GUESSES))
    # Clopper and Pearson's limits of 8 of 10 and of 30 of 40, from their tables.
    first, second = np.array([0.4439, 0.9748]), np.array([0.5880, 0.8731])
    distance = np.hypot(first - 0.8, second - 0.75) / 2
    low, high = 0.775 - distance[0], 0.775 + distance[1]
    assert report.scores["balanced_accuracy_low"] == pytest.approx(low, abs=1e-4)
    assert report.scores["balanced_accuracy_high"] == pytest.approx(high, abs=1e-4)


def test_interval_of_a_perfect_score_has_a_width():
    labels = np.repeat(np.arange(6), 18)
    scores = external_report(labels, certain(labels)).scores
    assert scores["balanced_accuracy"] == scores["balanced_accuracy_high"] == 1
    assert scores["balanced_accuracy_low"] < 0.95


@pytest.mark.parametrize("images", [18, 52, 300])
@pytest.mark.parametrize("recall", [0.5, 0.9, 0.98, 1.0])
def test_intervals_cover_what_they_say(images, recall):
    """Of 95 % intervals about 95 in 100 hold the truth, however good the model is."""
    tries = 1000
    right = np.random.default_rng(0).binomial(images, recall, size=(tries, 6))
    limits = {
        key: balanced_accuracy_interval(count, [images] * 6)
        for key, count in {tuple(sorted(row)): np.sort(row) for row in right}.items()
    }
    held = [low <= recall <= high for low, high in (limits[tuple(sorted(row))] for row in right)]
    assert np.mean(held) >= 0.92  # 0.93, less what chance takes of a thousand tries
    singles = [wilson_interval(count, images) for count in range(images + 1)]
    held = [singles[count][0] <= recall <= singles[count][1] for count in right.ravel()]
    assert np.mean(held) >= 0.93
    if recall < 1:
        assert np.mean(held) <= 0.985


@pytest.mark.parametrize("recall", [0.5, 0.9, 0.98])
@pytest.mark.parametrize("correlation", [0.1, 0.3])
@pytest.mark.parametrize("sizes", [(17, 17, 18), (5,) * 10], ids=["sources", "patients"])
def test_intervals_cover_where_errors_come_together(sizes, correlation, recall):
    random, tries, scale = np.random.default_rng(0), 400, (1 - correlation) / correlation
    labels = np.repeat(np.arange(6), sum(sizes))
    clusters = np.tile(np.repeat(np.arange(len(sizes)), sizes), 6)
    held, held_as_if_independent = [], []
    for _ in range(tries):
        rates = random.beta(recall * scale, (1 - recall) * scale, (6, len(sizes)))
        correct = random.random(len(labels)) < rates[labels, clusters]
        right = [correct[labels == label].sum() for label in range(6)]
        for effects, told in (
            (design_effects(correct, labels, clusters), held),
            (1.0, held_as_if_independent),
        ):
            low, high = balanced_accuracy_interval(right, [sum(sizes)] * 6, effects)
            told.append(low <= recall <= high)
    assert np.mean(held) >= 0.92  # of many tries 93.5 to 97 %
    assert np.mean(held) > np.mean(held_as_if_independent)


def test_errors_that_come_alone_widen_nothing():
    correct = np.tile([True] * 9 + [False], 12)
    labels, clusters = np.repeat([0, 1], 60), np.tile(np.repeat(np.arange(6), 10), 2)
    assert design_effects(correct, labels, clusters).tolist() == [1, 1]
    assert design_effects(correct, labels, np.zeros(120)).tolist() == [1, 1]  # one source
    assert design_effects(correct, labels, np.arange(120)).tolist() == [1, 1]  # one picture each


def test_design_effect_of_unequal_clusters_by_hand():
    correct = [True] + [False] * 5 + [True] * 6  # 7 of 12
    clusters = np.repeat(list("abcd"), [6, 2, 2, 2])
    between = (6 * (1 / 6 - 7 / 12) ** 2 + 6 * (1 - 7 / 12) ** 2) / 3
    within = 6 * (1 / 6) * (5 / 6) / 8
    size = (6**2 + 3 * 2**2) / 12  # what a picture finds in its cluster, on average
    typical = (12 - size) / 3
    correlation = (between - within) / (between + (typical - 1) * within)
    assert correlation == pytest.approx(0.68)
    few = 3.182446 / 1.959964  # Student's quantile of 3 degrees of freedom, from its table
    effects = design_effects(correct, [3] * 12, clusters)
    assert effects.to_dict() == {3: pytest.approx((1 + (size - 1) * correlation) * few**2)}
    assert effects[3] == pytest.approx(8.014927)


def test_single_pictures_that_are_right_do_not_hide_stacks_that_are_wrong_together():
    stacks = np.repeat(np.arange(10), 80)
    correct = np.where(stacks == 0, np.arange(800) % 2 == 0, True)  # half of one stack is wrong
    alone = design_effects(correct, np.ones(800, int), stacks)[1]
    assert alone > 20
    few = (2.262157 / 1.959964) ** 2  # Student's quantile of 10 - 1 degrees of freedom
    labels, clusters = np.repeat([1, 2], [800, 2000]), np.r_[stacks, np.arange(10, 2010)]
    for wrong in (0, 20):  # X-rays
        effects = design_effects(np.r_[correct, np.arange(2000) >= wrong], labels, clusters)
        assert effects.to_dict() == {1: pytest.approx(alone), 2: pytest.approx(few)}


# 90 pictures of nine patients, two of whom are wholly wrong; ten of ten patients, all right.
TOGETHER = np.repeat([1, 4], [90, 10])
PATIENTS = np.r_[np.repeat(np.arange(9), 10), np.arange(9, 19)]
MISSED = np.where(PATIENTS < 2, 2, TOGETHER)
FEW = (2.306004 / 1.959964) ** 2  # Student's quantile of 9 - 1 degrees of freedom: one class errs
EFFECTS = [10 * FEW, FEW]


def test_each_class_widens_accuracy_as_far_as_its_pictures_count():
    scores = evaluate(TOGETHER, certain(MISSED), PATIENTS)
    effect = (90 * EFFECTS[0] + 10 * EFFECTS[1]) / 100
    assert effect == pytest.approx(12.597, abs=1e-3)
    expected = wilson_interval(80 / effect, 100 / effect)
    assert (scores["accuracy_low"], scores["accuracy_high"]) == pytest.approx(expected)


def test_each_class_widens_its_recall_by_its_own_effect():
    report = external_report(TOGETHER, certain(MISSED), clusters=PATIENTS)
    expected = balanced_accuracy_interval([70, 10], [90, 10], EFFECTS)
    limits = [report.scores[f"balanced_accuracy_{side}"] for side in ("low", "high")]
    assert limits == pytest.approx(expected)
    for name, right, images, effect in (
        ("BreastMRI", 70, 90, EFFECTS[0]),
        ("Hand", 10, 10, EFFECTS[1]),
    ):
        expected = wilson_interval(right / effect, images / effect)
        assert report.per_class.loc[name, ["low", "high"]].tolist() == pytest.approx(expected)


def test_clusters_go_before_sources():
    sources = np.repeat(["Berlin", "Lima"], 50)
    both = external_report(TOGETHER, certain(MISSED), sources, clusters=PATIENTS)
    assert both.scores == external_report(TOGETHER, certain(MISSED), clusters=PATIENTS).scores
    assert both.scores != external_report(TOGETHER, certain(MISSED), sources).scores
    assert both.per_source["images"].tolist() == [50, 40, 10]


def test_a_cluster_that_is_right_or_wrong_as_one_counts_as_one_picture():
    random = np.random.default_rng(0)
    clusters = np.repeat(np.arange(1000), 4)
    correct = random.random(1000)[clusters] < 0.8
    effect = design_effects(correct, np.zeros(4000, int), clusters)[0]
    assert effect == pytest.approx(4, rel=0.01)
    low, high = wilson_interval(correct.sum() / effect, 4000 / effect)
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(0.8 * 0.2 / 1000), rel=0.05)


def test_sources_and_clusters_widen_the_intervals_of_a_report():
    labels, sources = np.repeat(np.arange(6), 40), np.tile(["Berlin"] * 20 + ["Lima"] * 20, 6)
    guesses = np.where((sources == "Lima") & (labels < 3), 3, labels)
    alone, known = (external_report(labels, certain(guesses), told) for told in (None, sources))
    grouped = external_report(labels, certain(guesses), clusters=sources)
    assert grouped.per_source is None
    assert grouped.scores == known.scores
    for name in ("accuracy", "balanced_accuracy"):
        assert known.scores[name] == alone.scores[name]
        assert known.scores[f"{name}_low"] < alone.scores[f"{name}_low"]
        assert known.scores[f"{name}_high"] > alone.scores[f"{name}_high"]
    assert (known.per_class["low"] < alone.per_class["low"])[:3].all()
    with pytest.raises(ValueError, match="`clusters` must hold one entry for each"):
        external_report(labels, certain(guesses), clusters=sources[1:])
    with pytest.raises(ValueError, match="Received: None or NaN"):
        external_report(labels, certain(guesses), [None, *sources[1:]])


def test_the_stand_in_is_drawn_otherwise_than_the_validation_pictures(monkeypatch):
    seeds = []

    def render(images, labels, *, seed):
        seeds.append(seed)
        return images

    monkeypatch.setattr(shift, "render_shift", render)
    monkeypatch.setattr(pipelines, "render_shift", render)
    images, labels = np.zeros((6, 64, 64, 1), "uint8"), np.arange(6)
    settings = Settings(quick=True, source="phantoms", images_per_class=20)
    shift.load_shifted(images, labels, seed=settings.seed)
    add_renderings(images, labels, seed=settings.seed)
    assert len(set(seeds)) == 2


def test_recall_of_each_class():
    table = external_report(LABELS, certain(GUESSES)).per_class
    assert list(table.index) == list(CLASS_NAMES)
    assert list(table) == ["recall", "low", "high", "images"]
    assert table["images"].tolist() == [10, 0, 0, 0, 40, 0]
    assert table.loc["Hand"].tolist() == [0.75, *wilson_interval(30, 40), 40]
    assert table.loc["CXR", ["recall", "low", "high"]].isna().all()


def test_confusion_counts_every_picture():
    table = external_report(LABELS, certain(GUESSES)).confusion
    assert list(table.index) == list(table) == list(CLASS_NAMES)
    assert table.to_numpy().sum() == 50
    assert table.loc["Hand", "CXR"] == 10
    assert table.loc["CXR", "Hand"] == 0


def test_each_source_and_class_has_its_row():
    sources = ["Berlin"] * 20 + ["Lima"] * 30
    table = external_report(LABELS, certain(GUESSES), sources).per_source
    assert list(table.index) == [("Berlin", "AbdomenCT"), ("Berlin", "Hand"), ("Lima", "Hand")]
    assert table["images"].tolist() == [10, 10, 30]
    assert table.loc[("Lima", "Hand"), "recall"] == pytest.approx(20 / 30)
    assert table.loc[("Lima", "Hand"), "low"] == wilson_interval(20, 30)[0]


def test_rejected_pictures_are_counted():
    known = np.where(np.arange(50) < 30, 0.9, 0.4)  # of the last twenty ten are right
    report = external_report(LABELS, certain(GUESSES), ["x"] * 50, known=known, threshold=0.5)
    assert report.scores["rejected"] == pytest.approx(0.4)
    assert report.scores["accuracy_accepted"] == pytest.approx(28 / 30)
    assert report.per_class.loc["Hand", "rejected"] == pytest.approx(0.5)
    assert report.per_class.loc["AbdomenCT", "rejected"] == 0
    assert report.per_source.loc[("x", "Hand"), "rejected"] == pytest.approx(0.5)
    assert report.per_class.loc["Hand", "recall"] == 0.75  # rejected or not
    assert json.loads(json.dumps(report.scores)) == report.scores


def test_what_is_answered_and_right_is_the_mean_of_the_classes():
    known = np.where(np.arange(50) < 30, 0.9, 0.4)
    report = external_report(LABELS, certain(GUESSES), ["x"] * 50, known=known, threshold=0.5)
    right = report.per_class["accepted_and_right"]
    assert right["AbdomenCT"] == pytest.approx(8 / 10)
    assert right["Hand"] == pytest.approx(20 / 40)
    assert right.drop(["AbdomenCT", "Hand"]).isna().all()
    assert report.scores["accepted_and_right"] == pytest.approx((0.8 + 0.5) / 2)
    assert report.per_source.loc[("x", "Hand"), "accepted_and_right"] == pytest.approx(0.5)


@pytest.mark.parametrize(("threshold", "rejected"), [(0, 0), (0.5, 0), (0.51, 1), (1, 1)])
def test_a_picture_at_the_threshold_itself_is_accepted(threshold, rejected):
    report = external_report(LABELS, certain(GUESSES), known=[0.5] * 50, threshold=threshold)
    assert report.scores["rejected"] == rejected
    accuracy = None if rejected else pytest.approx(38 / 50)
    assert report.scores["accuracy_accepted"] == accuracy


def test_nothing_is_rejected_without_a_threshold():
    report = external_report(LABELS, certain(GUESSES), known=np.zeros(50))
    assert not {"rejected", "accuracy_accepted", "accepted_and_right"} & set(report.scores)
    assert not {"rejected", "accepted_and_right"} & set(report.per_class)


@pytest.mark.parametrize("known", [None, [0.5], np.full((50, 6), 0.5)])
def test_a_threshold_needs_the_probability_of_being_known(known):
    with pytest.raises(ValueError, match=r"needs `known`.*Received: shape .* for 50 pictures"):
        external_report(LABELS, certain(GUESSES), known=known, threshold=0.5)


def test_arguments_that_do_not_fit():
    with pytest.raises(ValueError, match="with 6 classes"):
        external_report([0, 1], np.eye(2))
    with pytest.raises(ValueError, match="`sources` must hold one entry for each of the 50"):
        external_report(LABELS, certain(GUESSES), ["a", "b"])
    with pytest.raises(ValueError, match="every row must sum to 1"):
        external_report(LABELS, certain(GUESSES) * 9)
