"""Figures are drawn with the Agg renderer and measured: what they say, and that it can be read."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from legibility import assert_legible, texts_of, written
from matplotlib.axes import Axes
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from benchmarks import figure as figure_module
from medmnist_keras import plots
from medmnist_keras.evaluation import CORRUPTIONS, risk_coverage
from medmnist_keras.plots.style import BLUE, ORANGE

NAMES = ["AbdomenCT", "BreastMRI", "CXR", "ChestCT", "Hand", "HeadCT"]
CREDIT = "Medical MNIST, Dr. Bradley J. Erickson (Mayo Clinic), CC BY-SA 4.0"
LABELS = np.repeat(np.arange(6), 4)
IMAGES = (40 * LABELS[:, None, None, None] + np.zeros((24, 16, 16, 1))).astype("uint8")
PREDICTIONS = np.where(np.arange(24) == 5, 4, LABELS)
CAPTIONS = [f"AbdomenCT → {name} 99 %" for name in NAMES]
MAPS = np.linspace(0, 1, 6 * 16 * 16, dtype="float32").reshape(6, 16, 16)
HISTORY = {"accuracy": [0.9, 0.95, 0.97], "val_accuracy": [0.92, 0.94, 0.95], "loss": [1, 0.5, 0.2]}
BINS = pd.DataFrame(
    {
        "confidence": [np.nan, 0.35, 0.5, 0.72, 0.97],
        "accuracy": [np.nan, 0.2, 0.55, 0.7, 0.99],
        "images": [0, 15, 20, 110, 8697],
    }
)
MODELS = pd.DataFrame(
    {
        "accuracy": [0.17, 0.982, 0.9986, 1.0],
        "accuracy_low": [0.162, 0.979, 0.9976, 0.9996],
        "accuracy_high": [0.178, 0.9845, 0.9992, 1.0],
        "errors": [7342, 160, 12, 0],
    },
    index=["Most frequent class", "Logistic regression", "Baseline CNN", "ResNet50V2"],
)
generator = np.random.default_rng(0)
SIMILARITY = {
    "random": np.clip(generator.normal(0.97, 0.04, 500), -1, 1),
    "grouped": np.clip(generator.normal(0.9, 0.06, 500), -1, 0.979),
}
SPREAD = pd.DataFrame(
    [
        {"model": model, "split": split, "seed": seed, "error rate": rate * (1 + seed)}
        for model, rate in (("majority class", 0.4), ("nearest neighbour", 0.002), ("CNN", 0))
        for split in ("grouped", "random")
        for seed in range(2)
    ]
)
ROWS = {"brightness": IMAGES[:6], "background level": IMAGES[6:9]}
SCORES = {
    "test pictures": 1 - np.logspace(-6, -1, 400),
    "drawn shapes": np.linspace(1 / 6, 0.95, 50),
    "blank": np.full(50, 0.2),
}
TRAINED = ("plain CNN", "robust CNN", "plain ResNet50V2", "robust ResNet50V2")
STRESS = pd.DataFrame(
    [
        (model, name, severity, strength, corruption.unit, 0.9 ** (severity / (1 + level)), 100)
        for level, model in enumerate(TRAINED)
        for name, corruption in CORRUPTIONS.items()
        for severity, strength in enumerate((0, *corruption.strengths))
    ],
    columns=["model", "corruption", "severity", "strength", "unit", "accuracy", "images"],
)
RATIOS = pd.DataFrame(
    [
        ("loading", "first load", "PIL loop", 0.57, 0.4, 0.6),
        ("loading", "first load", "image_dataset_from_directory", 1.2, 0.8, 1.3),
        ("loading", "later load", "PIL loop", 38.0, 31.0, 40.0),
        ("training", "to 99.9%, others one epoch", "DenseNet121", 1234.0, 900.0, 1300.0),
    ],
    columns=["step", "quantity", "reference", "ratio", "ratio_low", "ratio_high"],
)
CURVES = {
    "test": risk_coverage([True] * 95 + [False] * 5, np.linspace(1, 0, 100)),
    "elsewhere": risk_coverage([True, False] * 50, np.linspace(1, 0, 100)),
}
ABLATION = pd.DataFrame(
    [
        {"step": step, "seed": seed, "test errors": errors + seed - 1}
        | {"balanced accuracy": 0.1 + 0.2 * row + 0.02 * seed, "near": 0.5}
        | {name: 0.1 * (k + 1) + 0.2 * row + 0.02 * seed for k, name in enumerate(NAMES)}
        for row, (step, errors) in enumerate(
            {"none": 17, "degradation, marks": 1, "CT": 1200}.items()
        )
        for seed in range(3)
    ]
)
DRAWINGS = {
    "image_grid": lambda **more: plots.image_grid(IMAGES, columns=8, **more),
    "class_samples": lambda **more: plots.class_samples(IMAGES, LABELS, NAMES, **more),
    "rows": lambda **more: plots.image_rows(ROWS, ["none", "1", "2", "3", "4", "5"], **more),
    "captions": lambda **more: plots.image_grid(IMAGES[:6], CAPTIONS, **more),
    "no_images": lambda **more: plots.image_grid(IMAGES[:0], [], **more),
    "class_counts": lambda **more: plots.class_counts(LABELS, NAMES, **more),
    "mean_images": lambda **more: plots.mean_images(IMAGES, LABELS, NAMES, **more),
    "grey_levels": lambda **more: plots.grey_level_histograms(IMAGES, LABELS, NAMES, **more),
    "learning_curves": lambda **more: plots.learning_curves(HISTORY, **more),
    "confusion": lambda **more: plots.confusion_matrix(LABELS, PREDICTIONS, NAMES, **more),
    "reliability": lambda **more: plots.reliability_diagram(BINS, **more),
    "comparison": lambda **more: plots.model_comparison(MODELS, **more),
    "matrix": lambda **more: plots.similarity_matrix(np.eye(200), **more),
    "similarity": lambda **more: plots.similarity_to_training(SIMILARITY, **more),
    "spread": lambda **more: plots.error_spread(SPREAD, **more),
    "speed": lambda **more: figure_module.speed_ratios(RATIOS, **more),
    "risk_coverage": lambda **more: plots.risk_coverage_curves(CURVES, **more),
    "ablation": lambda **more: plots.ablation(ABLATION, **more),
    "rejection": lambda **more: plots.rejection_histogram(SCORES, 0.9, **more),
    "grad_cam": lambda **more: plots.grad_cam_overlay(IMAGES[:6], MAPS, CAPTIONS, **more),
}


# These size their figure to the pictures, and take no axes.
PICTURES = {"image_grid", "class_samples", "rows", "captions", "no_images", "mean_images"}
PICTURES |= {"grad_cam"}


@pytest.fixture(params=DRAWINGS)
def draw(request):
    return DRAWINGS[request.param]


@pytest.fixture(params=sorted(set(DRAWINGS) - PICTURES))
def draw_chart(request):
    return DRAWINGS[request.param]


def test_draws_without_showing_or_saving(draw, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("a plot must neither show nor save")

    monkeypatch.setattr(plt, "show", forbidden)
    monkeypatch.setattr(Figure, "show", forbidden)
    monkeypatch.setattr(Figure, "savefig", forbidden)
    ax = draw(title="What it says")
    assert isinstance(ax, Axes)
    assert ax.get_title(loc="left") == "What it says"
    assert len(plt.get_fignums()) == 1


def test_given_axes_are_used(draw_chart):
    _, axs = plt.subplots(1, 2, figsize=(16, 6))
    assert draw_chart(ax=axs[1]) is axs[1]
    assert len(plt.get_fignums()) == 1
    assert not axs[0].has_data()
    assert not axs[0].texts


def test_nothing_clipped_or_overlapping(draw):
    ax = draw(title="A finding that is told in one sentence of a usual length")
    assert plots.caption(ax, CREDIT) is ax
    assert_legible(ax)


def test_legible_in_half_a_figure(draw_chart):
    # Slanted names have overlapping boxes without overlapping, so they are tested on their own.
    _, axs = plt.subplots(1, 2, figsize=(18, 7))
    ax = draw_chart(ax=axs[0], title="Half a slide")
    axs[1].set_axis_off()
    if not any(label.get_rotation() for label in ax.get_xticklabels()):
        assert_legible(ax)


def test_caption_takes_arrays_and_old_layouts():
    figure, axs = plt.subplots(2, 2, layout="none")
    assert plots.caption(axs, CREDIT * 3) is axs
    assert_legible(axs[0, 0])
    assert figure.get_supxlabel() == CREDIT * 3


def test_use_style_is_moderate():
    assert plt.rcParams["figure.dpi"] <= 100
    assert plt.rcParams["font.size"] >= 16
    assert plt.rcParams["figure.constrained_layout.use"]
    assert plt.rcParams["figure.facecolor"] == "white"


def test_image_grid_keeps_grey_levels_and_order():
    images = np.stack([np.full((8, 8), 0), np.full((8, 8), 51), np.full((8, 8), 255)])
    picture = plots.image_grid(images.astype("uint8"), columns=2).images[0].get_array()
    assert picture.shape == (17, 17, 3)
    assert picture[0, 0, 0] == 0
    assert picture[0, -1, 0] == pytest.approx(0.2)
    assert picture[-1, 0, 0] == 1
    assert (picture[-1, -1] == 1).all()


def test_image_grid_captions():
    assert texts_of(plots.image_grid(IMAGES[:2], ["Hand", "CXR"])) == ["Hand", "CXR"]
    assert texts_of(plots.image_grid(IMAGES[:2])) == []
    with pytest.raises(ValueError, match="1 for 2 images"):
        plots.image_grid(IMAGES[:2], ["Hand"])
    with pytest.raises(ValueError, match=r"shape=\(2, 16, 16, 3\)"):
        plots.image_grid(np.zeros((2, 16, 16, 3)))


def test_class_samples_has_a_row_per_class():
    few = np.delete(np.arange(24), [0, 1, 2])  # a single AbdomenCT is left
    ax = plots.class_samples(IMAGES[few], LABELS[few], NAMES, per_class=3)
    assert texts_of(ax) == NAMES
    picture = ax.images[0].get_array()
    centres = [label.get_position()[1] for label in ax.get_yticklabels()]
    for label, centre in enumerate(centres):
        row = picture[int(centre), ::17, 0][:3]
        expected = [0, 1, 1] if label == 0 else [40 * label / 255] * 3
        np.testing.assert_allclose(row, expected)


def test_class_samples_follows_the_seed():
    images = np.random.default_rng(0).integers(256, size=(24, 8, 8), dtype="uint8")

    def picture(seed):
        return plots.class_samples(images, LABELS, NAMES, 2, seed=seed).images[0].get_array()

    np.testing.assert_array_equal(picture(1), picture(1))
    assert (picture(1) != picture(2)).any()


def test_image_rows_name_rows_and_columns_and_leave_gaps():
    ax = plots.image_rows({"first": IMAGES[16:18], "second": IMAGES[:1]}, ["a", "b"])
    assert sorted(texts_of(ax)) == ["a", "b", "first", "second"]
    picture = ax.images[0].get_array()
    assert picture.shape == (33, 33, 3)
    np.testing.assert_allclose(picture[[0, 0, -1, -1], [0, -1, 0, -1], 0], [160 / 255] * 2 + [0, 1])
    across, down = ax.get_xticks(), ax.get_yticks()
    assert across.tolist() == [8, 25]
    assert down.tolist() == [8, 25]


def test_gallery_writes_captions_in_few_lines():
    captions = [
        text.replace("\n", " ") for text in texts_of(plots.image_grid(IMAGES[:6], CAPTIONS))
    ]
    assert captions == CAPTIONS
    for text in written(plots.image_grid(IMAGES[:6], CAPTIONS)):
        assert text.get_text().count("\n") == 1
    assert texts_of(plots.image_grid([], [])) == ["no images"]


def test_class_counts_writes_numbers():
    ax = plots.class_counts(np.repeat([0, 2], [1234, 5]), NAMES)
    assert sorted(texts_of(ax)) == sorted([*NAMES, "1,234", "0", "5", "0", "0", "0"])
    assert ax.yaxis_inverted()


def test_mean_images():
    picture = plots.mean_images(IMAGES[:12], LABELS[:12], NAMES).images[0].get_array()
    np.testing.assert_allclose(picture[8, 8::17, 0], [0, 40 / 255, 80 / 255, 1, 1, 1])


def test_grey_levels_show_the_background():
    ax = plots.grey_level_histograms(IMAGES, LABELS, NAMES)
    outlines = ax.patches[1::2]
    for label, outline in enumerate(outlines):
        values, edges, base_line = outline.get_data()
        assert edges[np.argmax(values)] == 40 * label
        assert base_line == 5 - label
    assert texts_of(ax).count("160") == 1  # the most frequent of the fifth class


def test_similarity_writes_the_share_with_a_twin():
    ax = plots.similarity_to_training({"random": [0.99, 0.97, 0.605, 0.985], "grouped": [0.9] * 4})
    told = texts_of(ax)
    assert "random split: 50.0% above 0.98" in told
    assert "grouped split: 0.0% above 0.98" in told
    heights, edges, _ = ax.patches[1].get_data()
    assert heights.sum() == pytest.approx(1)
    assert heights[np.searchsorted(edges, 0.605) - 1] == 0.25


def test_error_spread_shows_runs_and_their_medians():
    lucky = SPREAD.iloc[:1].assign(**{"error rate": 0.01})
    more = plots.error_spread(pd.concat([SPREAD, lucky]))
    assert more.collections[1].get_offsets()[0, 0] == 40  # their mean is 40.3
    ax = plots.error_spread(SPREAD)
    runs, medians, *_ = (points.get_offsets() for points in ax.collections)
    np.testing.assert_allclose(runs[:, 0], [40, 80, 0.2, 0.4, 0, 0])
    np.testing.assert_allclose(medians[:, 0], [60, 0.3, 0])
    told = texts_of(ax)
    for text in ("majority class", "CNN", "grouped split", "random split"):
        assert text in told
    places = {split: ax.collections[2 * i].get_offsets()[:, 1] for i, split in enumerate("gr")}
    assert not np.intersect1d(places["g"], places["r"]).size  # side by side


def test_error_spread_colours_models_fills_grouped_splits_and_rings_odd_ones():
    odd = (SPREAD["model"] == "CNN") & (SPREAD["seed"] == 1)
    ax = plots.error_spread(SPREAD.assign(**{"odd group held out": odd}))
    _, grouped, _, random, rings = ax.collections
    blue = to_rgba(BLUE)
    assert [tuple(color) == blue for color in grouped.get_edgecolor()] == [False, False, True]
    assert [tuple(color) == blue for color in grouped.get_facecolor()] == [False, False, True]
    np.testing.assert_array_equal(random.get_facecolor(), [to_rgba("white")])
    np.testing.assert_allclose(rings.get_offsets()[:, 1], [1.84, 2.16])
    assert "odd group held out" in texts_of(ax)


def test_learning_curves_write_accuracies_out():
    ax = plots.learning_curves({"accuracy": [0.9997, 0.9999, 1.0]})
    ax.figure.canvas.draw()
    assert ax.yaxis.get_offset_text().get_text() == ""


def test_learning_curves_count_from_one():
    ax = plots.learning_curves(HISTORY)
    assert [line.get_xdata().tolist() for line in ax.lines] == [[1, 2, 3], [1, 2, 3]]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["training", "validation"]
    alone = plots.learning_curves({"loss": [0.3]}, metric="loss")
    assert len(alone.lines) == 1
    assert alone.lines[0].get_marker() == "o"
    assert "1" in texts_of(alone)
    assert "1.0" not in texts_of(alone)
    with pytest.raises(ValueError, match=r"Received: metric='auc'.*accuracy, val_accuracy, loss"):
        plots.learning_curves(HISTORY, metric="auc")


def test_confusion_matrix_counts():
    ax = plots.confusion_matrix([0, 0, 0, 1], [0, 0, 1, 1], ["Hand", "CXR"])
    cells = {text.get_position(): text.get_text() for text in ax.texts}
    assert cells == {(0.5, 0.5): "2", (1.5, 0.5): "1", (0.5, 1.5): "0", (1.5, 1.5): "1"}


def test_confusion_matrix_lets_a_single_error_stand_out():
    labels = np.repeat(np.arange(6), 1500)
    predictions = labels.copy()
    predictions[0] = 3
    ax = plots.confusion_matrix(labels, predictions, NAMES)
    ax.figure.draw_without_rendering()
    errors = ax.collections[1].get_facecolors()[:, :3].reshape(6, 6, 3)
    assert errors[0, 1].min() == 1  # no error: white
    assert errors[0, 3].min() < 0.2
    assert "1,499" in texts_of(ax)


def test_crowded_class_names_are_slanted_apart():
    _, ax = plt.subplots(figsize=(6, 5))
    plots.confusion_matrix(LABELS, PREDICTIONS, NAMES, ax=ax)
    ax.figure.draw_without_rendering()
    labels = ax.get_xticklabels()
    assert {label.get_rotation() for label in labels} == {30}
    boxes = [label.get_window_extent() for label in labels]
    assert min(box.x0 for box in boxes) >= 0
    assert min(box.y0 for box in boxes) >= 0
    # Parallel slanted lines of text are apart if their ends are, measured across the slant.
    ends = np.array([box.x1 for box in boxes])
    assert (np.diff(ends) * np.sin(np.pi / 6) > 0.8 * labels[0].get_fontsize()).all()


def test_reliability_diagram_counts_images():
    ax = plots.reliability_diagram(BINS)
    assert {"15", "20", "110", "8,697"} < set(texts_of(ax))
    assert [bar.get_x() for bar in ax.patches] == pytest.approx([0.2, 0.4, 0.6, 0.8])
    assert [bar.get_height() for bar in ax.patches] == [0.2, 0.55, 0.7, 0.99]


def test_model_comparison_is_in_per_cent():
    ax = plots.model_comparison(MODELS)
    assert {"7,342 errors", "160 errors", "12 errors", "0 errors"} < set(texts_of(ax))
    points = [bar.lines[0] for bar in ax.containers]
    rates = [point.get_xdata()[0] for point in points]
    np.testing.assert_allclose(rates, [83, 1.8, 0.14, 0], atol=1e-9)
    ends = [bars.get_segments()[0][:, 0] for bars in ax.collections]
    expected = 100 * (1 - MODELS[["accuracy_high", "accuracy_low"]].to_numpy())
    np.testing.assert_allclose(ends, expected, atol=1e-9)
    assert ax.get_xscale() == "symlog"
    assert "logarithmic" in ax.get_xlabel()
    two = MODELS.iloc[[2, 2, 3, 3]].assign(split=["grouped", "random"] * 2)
    points = [bar.lines[0] for bar in plots.model_comparison(two).containers]
    assert [point.get_marker() for point in points] == ["o", "s", "o", "s"]
    assert [point.get_color() for point in points] == [BLUE] * 2 + [ORANGE] * 2
    assert [point.get_markerfacecolor() for point in points][1::2] == ["white"] * 2
    close = plots.model_comparison(MODELS.iloc[2:])
    assert close.get_xscale() == "linear"
    assert "logarithmic" not in close.get_xlabel()


def test_blend_leaves_what_has_no_weight_and_colours_what_has():
    grey = np.full((2, 2, 1), 0.5)
    blended = plots.blend(grey, [[0, 0], [0.5, 1]])
    assert blended.shape == (2, 2, 3)
    np.testing.assert_array_equal(blended[0], 0.5)
    saturation = np.ptp(blended, axis=-1)
    assert saturation[1, 1] > saturation[1, 0] > 0
    assert blended.min() >= 0
    assert blended.max() <= 1


def test_grad_cam_overlay_colours_only_where_the_map_is():
    maps = np.zeros((1, 16, 16), dtype="float32")
    maps[0, :8] = 1
    picture = plots.grad_cam_overlay(IMAGES[-1:], maps).images[0].get_array()
    np.testing.assert_allclose(picture[12, 3], 200 / 255)  # grey as before
    assert np.ptp(picture[3, 3]) > 0.3  # yellow
    with pytest.raises(ValueError, match=r"Received: shape=\(16, 16\)"):
        plots.grad_cam_overlay(IMAGES[:1], maps[0])


def assert_each_has_a_colour_and_the_robust_are_filled(lines):
    """Of lines for `TRAINED`, in their order."""
    colours = [line.get_color() for line in lines]
    assert len(set(map(to_rgba, colours))) == len(colours)
    filled = [line.get_markerfacecolor() == line.get_color() for line in lines]
    assert filled == [False, True, False, True]


def test_stress_curves_have_a_panel_a_corruption_and_a_line_a_model():
    panels = plots.robustness_curves(STRESS, "What it says")
    assert panels.shape == (2, 4)
    assert [panel.get_title(loc="left") for panel in panels.flat] == list(CORRUPTIONS)
    for panel, corruption in zip(panels.flat, CORRUPTIONS.values(), strict=True):
        assert panel.get_xlabel() == corruption.unit
        assert panel.get_ylim()[0] == 0
        assert [line.get_label() for line in panel.lines] == STRESS["model"].unique().tolist()
        for line in panel.lines:
            assert line.get_xdata().tolist() == [0, *corruption.strengths]
    lines = panels[0, 0].lines
    for trait in (Line2D.get_marker, Line2D.get_linestyle):
        assert len({trait(line) for line in lines}) == len(lines)
    assert_each_has_a_colour_and_the_robust_are_filled(lines)
    np.testing.assert_allclose(lines[0].get_ydata(), 0.9 ** np.arange(6))


def test_stress_curves_are_legible():
    panels = plots.robustness_curves(STRESS, "A finding that is told in two sentences. " * 2)
    plots.caption(panels, CREDIT)
    assert_legible(panels[0, 0])
    told = texts_of(panels[0, 0])
    assert told.count("robust ResNet50V2") == 1  # one legend for all panels
    assert sum("told in two" in text for text in told) == 1


def test_stress_curves_of_few_corruptions_and_too_many_models():
    panels = plots.robustness_curves(STRESS[STRESS["corruption"].isin(["blur", "noise"])])
    assert [panel.axison for panel in panels.flat] == [True, True, False, False]
    fifth = STRESS[:6].assign(model="a fifth")
    with pytest.raises(ValueError, match="at most 4 models.* Received: .*a fifth"):
        plots.robustness_curves(pd.concat([STRESS, fifth]))


def test_risk_is_drawn_against_coverage_in_per_cent():
    ax = plots.risk_coverage_curves(CURVES)
    first, second = ax.lines
    assert (first.get_xdata()[-1], first.get_ydata()[-1]) == (100, pytest.approx(5))
    assert (second.get_xdata()[-1], second.get_ydata()[-1]) == (100, pytest.approx(50))
    with pytest.raises(ValueError, match="at most 4"):
        plots.risk_coverage_curves({str(name): CURVES["test"] for name in range(5)})


def test_rejection_writes_shares_and_parts_colours_at_the_threshold():
    ax = plots.rejection_histogram(SCORES, 0.9)
    told = texts_of(ax)
    assert "rejected below 0.9" in told
    assert [text for text in told if "%" in text] == ["0.0% rejected", "92.0%", "100.0%"]
    ((cut, _),) = {tuple(line.get_xdata()) for line in ax.lines}
    for rejected, kept in zip(ax.patches[::2], ax.patches[1::2], strict=True):
        assert rejected.get_data().edges[-1] == kept.get_data().edges[0] == pytest.approx(cut)
        assert rejected.get_facecolor() != kept.get_facecolor()
    blank = ax.patches[4].get_data()
    assert np.count_nonzero(blank.values - blank.baseline) == 1


@pytest.mark.parametrize("threshold", [0, 0.05, 0.4, 0.99999, 1])
def test_rejection_takes_any_threshold_and_score(threshold):
    scores = {"all": np.array([0, 0.04, 0.5, 0.9999999, 1])}
    ax = plots.rejection_histogram(scores, threshold)
    assert_legible(ax)
    assert f"{(scores['all'] < threshold).mean():.1%} rejected" in texts_of(ax)


@pytest.mark.parametrize(
    ("labels", "message"),
    [([0, 1], "2 labels for 24 images"), ([6] * 24, "values from 6 to 6"), ([0.5] * 24, "float64")],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(ValueError, match=f"Received: .*{message}"):
        plots.mean_images(IMAGES, labels, NAMES)


def recalls(*shares):
    table = pd.DataFrame({"recall": shares}, index=["AbdomenCT", "Hand"][: len(shares)])
    return table.assign(low=table["recall"] - 0.1, high=table["recall"] + 0.05)


def test_recall_comparison_places_each_model_at_its_share():
    tables = {"plain": recalls(0.2, 0.9), "robust": recalls(0.8, 0.95)}
    ax = plots.recall_comparison(tables)
    points = [bars.lines[0].get_xdata().tolist() for bars in ax.containers]
    assert points == [pytest.approx([20, 90]), pytest.approx([80, 95])]
    assert [text.get_text() for text in ax.get_yticklabels()] == ["AbdomenCT", "Hand"]
    legend = ax.figure.legends[0]
    assert [text.get_text() for text in legend.get_texts()] == ["plain", "robust"]
    ax = plots.recall_comparison(dict.fromkeys(TRAINED, recalls(0.5)))
    assert_each_has_a_colour_and_the_robust_are_filled([bars[0] for bars in ax.containers])
    with pytest.raises(ValueError, match="at most 4 models"):
        plots.recall_comparison({str(number): recalls(0.5) for number in range(5)})


def test_ablation_writes_median_and_range_of_the_seeds_in_each_cell():
    ax = plots.ablation(ABLATION)
    ax.figure.draw_without_rendering()
    cells = ax.collections[0].get_array().reshape(3, 7)
    # Seeds are 0.02 apart, classes 0.1, and each step is 0.2 better.
    np.testing.assert_allclose(cells[:, 0], [12, 32, 52])
    np.testing.assert_allclose(cells[0, 1:], [12, 22, 32, 42, 52, 62])
    told = [text.get_text() for text in ax.texts]
    assert told[:4] == ["12", "10–14", "12", "10–14"]
    assert told[-6:-4] == ["102", "100–104"]
    assert told[-4:] == ["17 errors", "1 error", "1,200 errors", "on the\ntest set"]
    names = [label.get_text().replace("\n", " ") for label in ax.get_yticklabels()]
    assert names == ["none", "+ degradation, marks", "+ CT"]
    names = [label.get_text().replace("\n", "") for label in ax.get_xticklabels()]
    assert names == ["all", *NAMES]
    assert ax.yaxis_inverted()  # the first step on top


def test_ablation_of_one_seed_has_no_ranges_and_of_fewer_classes_no_column_for_the_others():
    one = ABLATION[ABLATION["seed"] == 0].drop(columns=["Hand", "CXR"])
    told = [text.get_text() for text in plots.ablation(one).texts]
    assert told[:5] == ["10", "10", "20", "40", "60"]
    assert len(told) == 3 * 5 + 4
    assert "16 errors" in told


def test_speed_ratios_part_better_from_worse_and_name_each_step_once():
    ax = figure_module.speed_ratios(RATIOS)
    better, worse = (bars.lines[0] for bars in ax.containers)
    assert better.get_xdata().tolist() == [1.2, 38, 1234]
    assert worse.get_xdata().tolist() == [0.57]
    assert better.get_marker() != worse.get_marker()
    names = [label.get_text() for label in ax.get_yticklabels()]
    assert names == ["loading", "first load", "", "later load", "training", RATIOS["quantity"][3]]
    assert [*better.get_ydata(), *worse.get_ydata()] == [2, 3, 5, 1]
    assert [text.get_text() for text in ax.texts][::3] == ["0.57× PIL loop", "1,234× DenseNet121"]
