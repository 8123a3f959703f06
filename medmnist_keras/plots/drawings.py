"""Drawings of the ideas: places in the body, split, questions, the way through the package."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Ellipse, Polygon, Rectangle

from ._body import HAND, draw_silhouette
from ._canvas import (
    apply_window,
    draw_arrow,
    draw_box,
    make_canvas,
    show_picture,
    write,
)
from ._phantom import draw_cat, draw_chest_slice, draw_knee, draw_page
from .style import BLUE, COLOURS, GREEN, ORANGE, PINK

_SKIN, _OUTLINE = "0.92", "0.45"


def draw_body(title: str | None = None) -> Axes:
    """Draws where in a body the six kinds are, and which planes they show.

    CT is blue, MRI green, X-ray orange; slices are discs, projections are frames.

    Args:
        title: What the figure shows.

    Returns:
        The axes, of a figure of its own.
    """
    ax = make_canvas(6.4, title)
    x, y, scale = 3.15, 0.15, 6.1 / 8
    draw_silhouette(ax, x, y, 8 * scale, fill=_SKIN, edge=_OUTLINE)

    def place(across, up):
        return x + scale * across, y + scale * up

    slices = (  # of CT: heights, and the width of the body there
        ((7.65, 7.45, 7.25), 1.0),
        ((6.4, 6.15, 5.9, 5.65, 5.4), 1.7),
        ((4.7, 4.45, 4.2, 3.95), 1.6),
    )
    for heights, width in slices:
        for up in heights:
            disc = Ellipse(place(0, up), scale * width, scale * 0.2, facecolor=(*BLUE, 0.25))
            ax.add_patch(disc).set(edgecolor=BLUE, linewidth=2, zorder=2)
    pale_green = tuple(0.6 + 0.4 * np.array(GREEN))  # hides the slices behind it
    for side in (-0.32, 0.32):
        breast = Ellipse(place(side, 5.75), scale * 0.5, scale * 0.46, facecolor=pale_green)
        ax.add_patch(breast).set(edgecolor=GREEN, linewidth=2, zorder=3)
    frames = ((0, 5.85, 1.9, 1.5), (*HAND, 0.8, 1.05))
    for across, up, width, height in frames:
        corner = place(across - width / 2, up - height / 2)
        frame = Rectangle(corner, scale * width, scale * height, fill=False, edgecolor=ORANGE)
        ax.add_patch(frame).set(linewidth=2.5, linestyle="--", zorder=3)
    labels = (  # name, colour, where a thin line from the label ends, height of the label
        ("HeadCT", BLUE, (-0.55, 7.45), 7.45),
        ("ChestCT", BLUE, (-0.85, 6.15), 6.15),
        ("AbdomenCT", BLUE, (-0.8, 4.45), 4.75),
        ("CXR", ORANGE, (0.95, 6.45), 6.7),
        ("BreastMRI", GREEN, (0.55, 5.75), 5.75),
        ("Hand", ORANGE, (1.86, 3.75), 3.75),
    )
    for name, color, end, up in labels:
        left = end[0] < 0
        style = {"color": color, "weight": "bold", "ha": "right" if left else "left"}
        text = write(ax, 1.72 if left else 4.78, y + scale * up, name, "medium", **style)
        start = 1.8 if left else 4.7, text.get_position()[1]
        ax.plot(*zip(start, place(*end), strict=True), color=color, linewidth=1.5, zorder=4)
    for up, gloss in ((6.3, "chest X-ray"), (3.35, "X-ray")):
        write(ax, 4.78, y + scale * up, gloss, ha="left", color=ORANGE)
    _draw_planes(ax, 6.5)
    return ax


def _draw_planes(ax: Axes, left: float) -> None:
    """Three small bodies, each cut by a plane, in the right of the figure."""
    planes = (
        ("axial", "CT and breast MRI:\nslices across\nthe body"),
        ("coronal", "CXR and Hand:\nprojections onto it,\ndepths added up"),
        ("sagittal", "no class here"),
    )
    for row, (name, use) in enumerate(planes):
        x, y = left + 0.65, 4.5 - 2.13 * row
        _cut_body(ax, name, x, y)
        write(ax, left + 1.72, y + 1.35, name, "medium", weight="bold", ha="left")
        write(ax, left + 1.72, y + 1.1, use, ha="left", va="top")


def _cut_body(ax: Axes, plane: str, x: float, y: float, height: float = 1.65) -> None:
    """A small body with its soles at (x, y) and a plane through it, half of it in front."""
    draw_silhouette(ax, x, y, height, fill=_SKIN, edge=_OUTLINE, linewidth=1, zorder=2)
    if plane == "coronal":  # as the page: it faces the reader
        corner = x - 0.27 * height, y - 0.04 * height
        sheet = Rectangle(corner, 0.54 * height, 1.08 * height, facecolor=(*PINK, 0.35))
        ax.add_patch(sheet).set(edgecolor=PINK, linewidth=2, zorder=3)
        return
    middle = np.array([x, y + (0.6 if plane == "axial" else 0.5) * height])
    along = height * np.array([0.32, 0] if plane == "axial" else [0, 0.54])
    depth = height * np.array([0.2, 0.1])  # away from the reader
    for zorder, towards in ((1, depth), (3, -depth)):
        corners = [middle - along, middle + along, middle + along + towards]
        half = Polygon([*corners, middle - along + towards], facecolor=(*PINK, 0.35))
        ax.add_patch(half).set(edgecolor=PINK, linewidth=2, zorder=zorder)


_SLICES = 8  # in a stack
# Of each stack, the slices that a random split happens to test on: as many as the stack that the
# grouped one does.
_DEALT = ((2,), (6,), (4, 1), (3,), (5, 7), (1,))


def draw_dealing(title: str | None = None) -> Axes:
    """Draws six stacks of slices dealt slice by slice, and stack by stack.

    A stack is a column of one colour and letter. Slice by slice (random split) a test slice
    leaves a gap in its column: its neighbours, nearly the same picture, are in training. Stack by
    stack (grouped split) no colour is on both sides.

    Args:
        title: What the figure shows.

    Returns:
        The axes, of a figure of its own.
    """
    ax = make_canvas(6.3, title)
    every = range(_SLICES)
    _draw_stacks(ax, 0.1, 1.95, [every] * 6)
    write(ax, 1.3, 4.3, "six stacks", "medium", weight="bold")
    write(ax, 1.3, 1.75, "neighbouring slices\nlook alike", va="top")
    random = [[each for each in every if each not in dealt] for dealt in _DEALT], _DEALT
    grouped = [*[every] * 4, (), every], [*[()] * 4, every, ()]
    rows = (
        (3.3, ORANGE, "slice by slice: random split", random, "near duplicates\non both sides"),
        (
            0.0,
            BLUE,
            "stack by stack: grouped split",
            grouped,
            "only stacks that\ntraining never saw",
        ),
    )
    for y, color, name, (train, test), verdict in rows:
        draw_arrow(ax, (2.75, 3.0 + (0.25 if y else -0.25)), (3.45, y + 1.4), color=color)
        write(ax, 3.6, y + 2.8, name, "medium", weight="bold", color=color, ha="left")
        for left, part, stacks in ((3.6, "training", train), (6.5, "test", test)):
            draw_box(ax, left, y, 2.64, 2.55)
            _draw_stacks(ax, left + 0.15, y + 0.1, stacks, empty="1")
            write(ax, left + 1.32, y + 2.32, part)
        write(ax, 9.35, y + 1.25, verdict, color=color, ha="left")
    return ax


def _draw_stacks(ax: Axes, left: float, bottom: float, stacks, empty="none") -> None:
    """Six columns of slices, those that are in `stacks`, each where it lies in its stack."""
    for column, slices in enumerate(stacks):
        x, color = left + 0.4 * column, COLOURS[(0, 1, 2, 4, 9, 5)[column]]
        write(ax, x + 0.17, bottom + 0.13, "ABCDEF"[column])
        for each in range(_SLICES):
            shown = color if each in slices else empty
            y = bottom + 0.34 + 0.21 * each
            draw_box(ax, x, y, 0.34, 0.17, rounded=0.03, facecolor=shown)


def draw_two_questions(title: str | None = None) -> Axes:
    """Draws the two questions that pictures from elsewhere ask of a model, on phantoms.

    One: a class it knows, rendered differently (covariate shift, or domain shift): is it still
    right? Two: none of the six kinds (an unknown class): does it abstain? Each has a score of its
    own.

    Args:
        title: What the figure shows.

    Returns:
        The axes, of a figure of its own.
    """
    ax = make_canvas(5.7, title)
    chest = draw_chest_slice()
    known = 0.5 + 0.5 * np.clip(chest / 400, 0, 1)  # as Medical MNIST shows a chest
    write(ax, 1.1, 4.15, "training", "medium", weight="bold")
    show_picture(ax, known, 0.1, 1.9, 2.0)
    write(ax, 1.1, 1.65, "ChestCT")
    near = apply_window(chest[48:-48, 48:-48], -600, 1500)
    rows = (
        (
            3.0,
            BLUE,
            "1  The same class, rendered differently",
            "covariate shift, or domain shift",
            (apply_window(chest, 50, 400), 1 - apply_window(chest, -600, 1500), near),
            ("Still right?", "ChestCT", "scored by recall"),
        ),
        (
            0.0,
            ORANGE,
            "2  None of the six kinds",
            "unknown class: out of distribution",
            (draw_knee(), draw_cat(), draw_page()),
            ("Does it abstain?", "none of these", "scored by rejection"),
        ),
    )
    for y, color, name, also, pictures, (question, answer, score) in rows:
        draw_arrow(ax, (2.2, 2.9 + (0.4 if y else -0.4)), (2.85, y + 0.8), color=color)
        write(ax, 3.0, y + 2.45, name, "medium", weight="bold", color=color, ha="left")
        write(ax, 3.0, y + 2.05, also, ha="left")
        for column, picture in enumerate(pictures):
            show_picture(ax, picture, 3.0 + 1.7 * column, y + 0.1, 1.6)
        draw_arrow(ax, (8.1, y + 0.9), (8.6, y + 0.9), color=color)
        write(ax, 9.8, y + 1.5, question, "medium", weight="bold")
        draw_box(ax, 8.75, y + 0.65, 2.1, 0.52, rounded=0.26, facecolor=color)
        write(ax, 9.8, y + 0.91, answer, color="white", weight="bold")
        write(ax, 9.8, y + 0.35, score)
    return ax
