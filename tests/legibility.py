"""Measures the texts of a figure: what they say, and whether it can be read."""

from __future__ import annotations

from itertools import combinations

import pytest
from matplotlib.axes import Axes
from matplotlib.text import Text


def written(ax: Axes) -> list[Text]:
    """All texts that are really drawn on the figure, after the layout has settled."""
    drawn, draw_text = [], Text.draw

    def record(text, renderer):
        if text.get_visible() and text.get_text().strip():
            drawn.append(text)
        draw_text(text, renderer)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", record)
        ax.get_figure(root=True).draw_without_rendering()
    return drawn


def texts_of(ax: Axes) -> list[str]:
    return [text.get_text().replace("\N{NO-BREAK SPACE}", " ") for text in written(ax)]


def assert_legible(ax: Axes, smallest: float = 10) -> None:
    texts = written(ax)
    canvas = ax.get_figure(root=True).bbox
    boxes = [text.get_window_extent() for text in texts]
    for text, box in zip(texts, boxes, strict=True):
        inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= canvas.x1 + 1
        inside = inside and box.y1 <= canvas.y1 + 1
        assert inside, f"{text.get_text()!r} is clipped"
        assert text.get_fontsize() >= smallest, f"{text.get_text()!r} is tiny"
    for (first, box), (second, other) in combinations(zip(texts, boxes, strict=True), 2):
        width = min(box.x1, other.x1) - max(box.x0, other.x0)
        height = min(box.y1, other.y1) - max(box.y0, other.y0)
        touching = width > 1 and height > 1
        assert not touching, f"{first.get_text()!r} overlaps {second.get_text()!r}"
