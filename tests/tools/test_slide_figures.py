"""Figures of the talk: drawn at the size of a slide, without what the slide says itself."""

import matplotlib.pyplot as plt
import pandas as pd
import pytest
from legibility import assert_legible, texts_of
from PIL import Image

from medmnist_keras import CLASS_NAMES, plots
from medmnist_keras.data import draw_phantoms
from tools.slides import figures

CREDIT = "A credit – with a dash"


@pytest.fixture(autouse=True)
def style():
    with plt.rc_context():
        plots.use_style()
        yield
    plt.close("all")


@pytest.fixture
def save(tmp_path):
    """Saves a figure and opens it."""

    def saved(ax):
        plots.caption(ax, CREDIT)
        figures.save_figure(ax, tmp_path / "figure.png")
        return Image.open(tmp_path / "figure.png")

    return saved


def draw_chart():
    rows = [{"model": name, "split": "random", "error rate": 0.1} for name in CLASS_NAMES]
    return plots.error_spread(pd.DataFrame(rows), title="A title")


def draw_pictures():
    images, _ = draw_phantoms(2)
    return plots.image_grid(images[:9], list(CLASS_NAMES)[:1] * 9, columns=3, title="A title")


def draw_dealing():
    return plots.draw_dealing(title="A title")


@pytest.mark.parametrize("draw", [draw_chart, draw_pictures, draw_dealing])
def test_a_figure_is_legible_on_a_slide_and_leaves_title_and_caption_to_it(draw, save):
    ax = draw()
    figure = save(ax)
    assert figure.text["Description"] == CREDIT
    assert not {"A title", CREDIT} & set(texts_of(ax))
    assert_legible(ax)
    width, height = figure.size
    room = figures.BESIDE if figures.is_tall(width, height) else figures.BELOW
    scale = min(room[0] / width, room[1] / height)
    assert scale * float(figure.text["Smallest text"]) >= figures.SMALLEST
    assert scale <= 1.05  # none is drawn smaller than it is shown


def test_a_chart_gets_the_proportions_of_a_slide_and_a_drawing_keeps_its_own(save):
    width, height = save(draw_chart()).size
    assert width / height == pytest.approx(figures.BELOW[0] / figures.BELOW[1], rel=0.05)
    width, height = save(draw_dealing()).size
    assert width / height == pytest.approx(11 / 6.3, rel=0.05)


def test_panels_keep_their_titles(save):
    _, axs = plt.subplots(1, 2)
    for ax, title in zip(axs, ("left", "right"), strict=True):
        ax.set_title(title, loc="left")
    save(axs[0])
    assert {"left", "right"} <= set(texts_of(axs[0]))
