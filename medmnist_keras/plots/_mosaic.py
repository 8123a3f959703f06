"""Many small pictures in one figure, with titles and captions that don't collide."""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.text import Text
from numpy.typing import ArrayLike

from .style import GREY, WIDTH, finish, make_axes, make_figure, wrap_text


def mosaic(
    tiles: np.ndarray,
    columns: int,
    captions: Sequence[str] | None,
    title: str | None,
    row_labels: Sequence[str] = (),
    column_labels: Sequence[str] = (),
    margin: float = 0,
) -> Axes:
    """Joins RGB tiles to one picture, row by row, with captions below each.

    `margin` is the room, in inches, for what stands beside the tiles.
    """
    if captions is not None and len(captions) != len(tiles):
        raise ValueError(
            "There must be one caption or label per image. "
            f"Received: {len(captions)} for {len(tiles)} images. Select both by the same indices."
        )
    if len(tiles) == 0:
        ax = make_axes(None, WIDTH, 1.5)
        ax.set_axis_off()
        ax.text(0, 0.5, "no images", va="center", color=GREY, transform=ax.transAxes)
        return finish(ax, title)
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    inches = min((WIDTH - margin) / columns, 1.8)  # per tile
    height, width = tiles.shape[1:3]
    points = 72 * inches / width  # of text per pixel of the picture
    size = min(0.75 * plt.rcParams["font.size"], 11 * inches)
    # The average letter is 0.6 of the font size wide.
    limit = max(int(72 * inches / (0.6 * size)), 4)
    lines = [wrap_text(text, limit) for text in captions or ()]
    text_height = (1.25 * max(map(len, lines)) + 0.6) * size / points if lines else 0
    gap = max(width // 32, 1)
    down, right = height + gap + int(text_height), width + gap
    corners = [(index // columns * down, index % columns * right) for index in range(len(tiles))]
    picture = np.ones((rows * down - gap, columns * right - gap, 3))
    for tile, (top, left) in zip(tiles, corners, strict=True):
        picture[top : top + height, left : left + width] = tile

    # Above and below the picture there is room for a title and a credit line.
    picture_height = inches * len(picture) / width
    extra = (0.8 if title else 0.35) + (0.35 if column_labels else 0)
    ax = make_axes(None, max(columns * inches + margin, 8), picture_height + extra)
    ax.imshow(picture)
    # Constrained layout then knows where the title begins, whatever the aspect.
    ax.set_anchor("NW")
    texts = [
        ax.text(left + width / 2, top + height + 0.4 * size / points, "\n".join(text))
        for text, (top, left) in zip(lines, corners, strict=False)
    ]
    plt.setp(texts, ha="center", va="top", fontsize=size, linespacing=1.1)
    ax.xaxis.tick_top()
    ax.set_xticks(np.arange(len(column_labels)) * right + width / 2, column_labels)
    ax.set_yticks(np.arange(len(row_labels)) * down + height / 2, row_labels)
    ax.tick_params(length=0)
    sns.despine(ax=ax, left=True, bottom=True)
    finish(ax, title)
    _shrink_captions(ax, texts, width)
    return ax


def _shrink_captions(ax: Axes, texts: Sequence[Text], width: int) -> None:
    """Makes the captions fit below their tiles, wherever the layout has put these."""
    if texts:
        make_figure(ax).draw_without_rendering()
        left, right = ax.transData.transform([(0, 0), (width, 0)])[:, 0]
        room = 0.94 * (right - left)  # a credit line, if added, makes the tiles a little smaller
        widest = max(text.get_window_extent().width for text in texts)
        if widest > room:
            plt.setp(texts, fontsize=texts[0].get_fontsize() * room / widest)


def as_rgb(images: ArrayLike) -> np.ndarray:
    """Grey images in 0-255 as floats of shape `(N, height, width, 3)` in `[0, 1]`."""
    images = np.asarray(images)
    if len(images) == 0:
        return np.zeros((0, 1, 1, 3))
    if images.ndim == 4 and images.shape[-1] == 1:
        images = images[..., 0]
    if images.ndim != 3:
        raise ValueError(
            "`images` must be grey images of shape (N, height, width) or (N, height, width, 1). "
            f"Received: shape={images.shape}. Pass `image[None]` to show a single one."
        )
    return np.repeat(np.clip(images / 255, 0, 1)[..., None], 3, axis=-1)
