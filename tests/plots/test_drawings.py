"""Drawings are measured: what they say, that it can be read, and that numbers are the model's."""

from __future__ import annotations

import ast
import inspect

import matplotlib.pyplot as plt
import numpy as np
import pytest
from legibility import assert_legible, texts_of
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

import medmnist_keras as mk
from medmnist_keras import CLASS_NAMES, baseline_cnn, plots, resnet50v2
from medmnist_keras.models import freeze_batch_normalization, speed_cnn
from medmnist_keras.plots import networks
from medmnist_keras.plots.style import BLUE, ORANGE
from medmnist_keras.training import fine_tuning

ROWS, COLUMNS = np.mgrid[:64, :64] - 31.5
BODY = np.hypot(ROWS, COLUMNS) < 25
GREY = np.where(BODY, 200, 126).astype("uint8")
UNITS = np.where(BODY, 40.0, -1000.0)
SMALL = 14  # points: readable from the last row


@pytest.fixture(scope="module")
def baseline():
    return baseline_cnn()


@pytest.fixture(scope="module")
def resnet():
    return resnet50v2(weights=None)


DRAWINGS = {
    "body": lambda models, **more: plots.draw_body(**more),
    "dealing": lambda models, **more: plots.draw_dealing(**more),
    "phantom": lambda models, **more: plots.draw_windows(**more),
    "windows": lambda models, **more: plots.draw_windows(UNITS[..., None], **more),
    "guess": lambda models, **more: plots.draw_guess(GREY[..., None], UNITS, **more),
    "one window": lambda models, **more: plots.draw_guess(GREY, UNITS, {"brain": (40, 80)}, **more),
    "baseline": lambda models, **more: plots.draw_baseline(models[0], **more),
    "wide": lambda models, **more: plots.draw_baseline(baseline_cnn(width=64), **more),
    "speed": lambda models, **more: plots.draw_baseline(speed_cnn(), **more),
    "fine-tuning": lambda models, **more: plots.draw_fine_tuning(models[1], **more),
    "questions": lambda models, **more: plots.draw_two_questions(**more),
    "pipeline": lambda models, **more: plots.draw_pipeline(**more),
}


@pytest.fixture(params=DRAWINGS)
def draw(request, baseline, resnet):
    return lambda **more: DRAWINGS[request.param]((baseline, resnet), **more)


def pixels(ax: Axes) -> np.ndarray:
    canvas = ax.figure.canvas
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def assert_inside(ax: Axes) -> None:
    """Everything that is drawn lies within the figure."""
    ax.figure.canvas.draw()
    canvas = ax.figure.bbox
    for artist in (*ax.patches, *ax.lines, *ax.images, *ax.collections):
        box = artist.get_window_extent()
        assert box.x0 >= -1, artist
        assert box.y0 >= -1, artist
        assert box.x1 <= canvas.x1 + 1, artist
        assert box.y1 <= canvas.y1 + 1, artist


def test_legible_inside_and_without_showing_or_saving(draw, monkeypatch):
    def forbidden(*_, **__):
        raise AssertionError("a drawing must neither show nor save")

    monkeypatch.setattr(plt, "show", forbidden)
    monkeypatch.setattr(Figure, "savefig", forbidden)
    ax = draw()
    assert len(plt.get_fignums()) == 1
    assert ax.figure.get_size_inches()[0] == plots.WIDTH
    assert_legible(ax, SMALL)
    assert_inside(ax)


def test_legible_with_title_and_credit(draw):
    ax = draw(title="A finding that is told in one sentence")
    assert ax.get_title(loc="left") == "A finding that is told in one sentence"
    assert_legible(ax, SMALL)
    plots.caption(ax, mk.INFO["credit"])
    assert_legible(ax)
    assert_inside(ax)
    inch = ax.transData.transform([(0, 0), (1, 0)])[:, 0]
    # An inch is hardly less than one, for texts don't shrink with the drawing.
    assert np.diff(inch)[0] == pytest.approx(ax.figure.dpi, rel=0.05)


@pytest.mark.parametrize("name", ["body", "phantom", "questions"])
def test_the_same_each_time(name):
    first, again = (pixels(DRAWINGS[name](None)) for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_body_names_the_kinds_and_planes():
    told = texts_of(plots.draw_body())
    assert {*CLASS_NAMES, "axial", "coronal", "sagittal"} <= set(told)
    assert "no class here" in told


# -- dealing -------------------------------------------------------------------------------------


def dealt(ax: Axes, random: bool, test: bool) -> dict[tuple, int]:
    """How many slices of each colour lie in one of the four boxes."""
    counts: dict[tuple, int] = {}
    for patch in ax.patches:
        box = patch.get_path().get_extents(patch.get_patch_transform())
        colour = to_rgb(patch.get_facecolor())
        there = box.x0 > 6.5 if test else 3.6 < box.x0 < 6.3
        there &= box.y0 > 3.2 if random else box.y0 < 2.6
        if there and box.width < 0.5 and len(set(colour)) > 1:
            counts[colour] = counts.get(colour, 0) + 1
    return counts


def test_random_split_leaves_each_stack_on_both_sides_and_grouped_none():
    ax = plots.draw_dealing()
    train, test = dealt(ax, random=True, test=False), dealt(ax, random=True, test=True)
    assert set(train) == set(test)
    assert len(test) == 6
    assert {colour: train[colour] + test[colour] for colour in train} == dict.fromkeys(train, 8)
    grouped_train, grouped_test = dealt(ax, False, test=False), dealt(ax, False, test=True)
    assert not set(grouped_train) & set(grouped_test)
    assert set(grouped_train) | set(grouped_test) == set(train)
    # A fair comparison: as much to test on.
    assert sum(test.values()) == sum(grouped_test.values())


# -- windows -------------------------------------------------------------------------------------


def square_pictures(ax: Axes) -> list[np.ndarray]:
    shown = [image.get_array() for image in ax.images]
    return [np.asarray(array) for array in shown if array.shape[0] == array.shape[1]]


def test_windows_show_the_slice_by_level_and_width():
    shown = square_pictures(plots.draw_windows(UNITS))
    assert len(shown) == 3
    for picture, (level, width) in zip(shown, plots.WINDOWS.values(), strict=True):
        low, high = level - width / 2, level + width / 2
        np.testing.assert_allclose(picture, np.clip((UNITS - low) / (high - low), 0, 1))


def test_windows_are_framed_where_they_lie_on_the_axis():
    ax = plots.draw_windows()
    frames = [patch for patch in ax.patches if patch.get_linewidth() == 3]
    assert [to_rgb(frame.get_edgecolor()) for frame in frames[:2]] == [BLUE, ORANGE]
    ticks = {float(text.get_text().replace("−", "-")): text.get_position()[0]
             for text in ax.texts if text.get_text().lstrip("−").isdigit()}  # fmt: skip
    inch = (ticks[1000] - ticks[-1000]) / 2000
    for frame, (level, width) in zip(frames, plots.WINDOWS.values(), strict=True):
        assert frame.get_width() == pytest.approx(inch * width)
        assert frame.get_x() == pytest.approx(ticks[0] + inch * (level - width / 2))
    assert {"air", "water", "lung", "fat", "soft tissue", "bone"} <= set(texts_of(ax))


def test_guess_shows_grey_units_and_windows_and_hatches_what_was_clipped():
    grey = GREY.copy()
    grey[0, 0], grey[0, 1] = 130, 131  # compression varies a background by a few levels
    ax = plots.draw_guess(grey, UNITS, {"brain": (40, 80), "wide": (0, 2000)})
    shown = square_pictures(ax)
    np.testing.assert_allclose(shown[0], grey / 255)
    np.testing.assert_allclose(shown[1], UNITS)
    np.testing.assert_allclose(shown[3], np.where(BODY, 0.52, 0))
    assert {"brain", "wide", "level 40\nwidth 80", "−1000", "1000"} <= set(texts_of(ax))
    (hatched,) = ax.collections
    # The hatched area is the outside of the body, in shares of the picture.
    outlines = [path.to_polygons() for path in hatched.get_paths()]
    area = sum(
        np.sum(x[:-1] * y[1:] - x[1:] * y[:-1]) / 2 for each in outlines for x, y in
        (polygon.T for polygon in each)
    )  # fmt: skip
    side = np.ptp(ax.images[0].get_extent()[:2])
    assert abs(area) / side**2 == pytest.approx((~BODY).mean(), abs=0.05)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((GREY[None, ..., None], UNITS), r"`image\[0\]` of several"),
        ((GREY, UNITS[:32]), r"\(64, 64\) and \(32, 64\)"),
        ((GREY, GREY), "may be grey levels"),
        ((UNITS, UNITS), "grey levels in 0-255. Received: -1000 to 40"),
        ((GREY, np.full((64, 64), np.nan)), "finite"),
        ((GREY, UNITS, {}), "one to three windows.* Received: 0"),
    ],
)
def test_guess_says_what_is_wrong(arguments, message):
    with pytest.raises(ValueError, match=message):
        plots.draw_guess(*arguments)
    assert not plt.get_fignums()


@pytest.mark.parametrize("wrong", [GREY, UNITS[None], UNITS[:0]])
def test_windows_take_one_slice_in_hounsfield_units(wrong):
    with pytest.raises(ValueError, match=r"`hounsfield_slice` must be .* Received: "):
        plots.draw_windows(wrong)


# -- networks ------------------------------------------------------------------------------------


def test_baseline_is_read_from_the_model():
    model = baseline_cnn(width=8)
    before = model.get_weights()
    told = texts_of(plots.draw_baseline(model))
    for size in ("64×64×1", "16×16×8", "8×8×16", "4×4×32", "4×4×64", "1×1×64", "1×1×6"):
        assert size in told, size
    for block in ("stem", "block1", "block2", "block3", "logits"):
        parameters = sum(
            layer.count_params() for layer in model.layers if layer.name.startswith(block)
        )
        assert f"{parameters:,}" in told
    assert f"{model.count_params():,} parameters" in told
    assert "conv 4×4\nstride 4" in told
    assert told.count("conv 3×3\npool 2×2") == 2
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_blocks_sum_up_to_the_whole(baseline):
    told = texts_of(plots.draw_baseline(baseline))
    start = told.index("parameters")
    assert start >= 0
    numbers = [int(text.replace(",", "")) for text in told if text.replace(",", "").isdigit()]
    assert sum(numbers) == baseline.count_params() == 98_758


def test_baseline_says_what_it_takes(resnet):
    with pytest.raises(ValueError, match=r"'resnet50v2' with \d+ conv.*draw_fine_tuning"):
        plots.draw_baseline(resnet)
    with pytest.raises(ValueError, match="Received: 'no model' with 0 convolutions"):
        plots.draw_baseline("no model")


def test_fine_tuning_is_read_from_the_model(resnet):
    ax = plots.draw_fine_tuning(resnet)
    told = texts_of(ax)
    assert {"conv1", "conv2", "conv3", "conv4", "conv5", "head", "frozen"} <= set(told)
    assert "64×64 grey\nto 80×80\nRGB" in told
    for name in ("conv2_block3_out", "conv4_block6_out", "conv5_block3_out"):
        assert "×".join(map(str, resnet.get_layer(name).output.shape[1:])) in told
    freeze_batch_normalization(resnet)
    assert networks._CUT == fine_tuning._FROZEN_UP_TO  # `plots` imports no training
    cut = [layer.name for layer in resnet.layers].index(networks._CUT)
    trained = sum(
        int(np.prod(weight.shape))
        for layer in resnet.layers[cut + 1 :]
        for weight in layer.trainable_weights
    )
    assert f"step two trains conv5 and head: {trained / 1e6:.1f} M parameters" in told
    head = resnet.get_layer("logits").count_params()
    assert f"step one trains the head: {head:,} parameters" in told
    small = texts_of(plots.draw_fine_tuning(resnet50v2(weights=None, image_size=64)))
    assert "64×64 grey\nto 64×64\nRGB" in small
    assert "2×2×2048" in small


def test_fine_tuning_says_what_it_takes(baseline):
    with pytest.raises(ValueError, match=r"'baseline_cnn'.*draw_baseline"):
        plots.draw_fine_tuning(baseline)


# -- ideas ---------------------------------------------------------------------------------------


def test_two_questions_have_two_answers():
    told = texts_of(plots.draw_two_questions())
    for text in ("Still right?", "ChestCT", "Does it abstain?", "none of these"):
        assert text in told


def test_pipeline_names_functions_and_folders_that_there_are():
    told = texts_of(plots.draw_pipeline())
    names = ["pictures", "arrays", "splits", "tf.data", "model", "training", "evaluation"]
    assert {*names, "figures"} <= set(told)
    folders = [text.strip("/") for text in told if text.endswith("/")]
    functions = [text for text in told if text.endswith(")")]
    assert len(folders) == len(functions) == 8
    for folder, function in zip(folders, functions, strict=True):
        if function != "(N, 64, 64, 1)":
            assert callable(getattr(getattr(mk, folder), function.removesuffix("()")))


def test_drawings_need_no_keras():
    for module in (plots.draw_baseline, plots.draw_body, plots.draw_pipeline, plots.draw_windows):
        tree = ast.parse(inspect.getsource(inspect.getmodule(module)))
        imported = {node.module for node in tree.body if isinstance(node, ast.ImportFrom)}
        assert not {name for name in imported if name and name.startswith(("_keras", "keras"))}
