"""Draws a notebook's figure once more at the size of a slide, without its title and caption,
in whose place the slide has its headline and footer.

`make notebooks` calls `save_figure()` after each cell that the talk shows.
"""

from __future__ import annotations

from pathlib import Path

from matplotlib.text import Text

FOLDER = Path(__file__).parents[2] / "images" / "slides"
# In pixels of a slide of 1280 x 720: the room below a headline, and that beside one, for figures
# of other proportions; how small a text may be; and an inch of a chart.
BELOW, BESIDE = (1168, 524), (828, 630)
SMALLEST = 18
INCH = 104
DPI = 150  # sharp on a screen of 1920 pixels


def is_tall(width: float, height: float) -> bool:
    """Whether a figure is so tall that the headline had better stand beside it."""
    return height > 0.62 * width


def save_figure(ax, path) -> None:
    """Saves the figure of `ax` as a PNG that says in its metadata what its caption was, and how
    many of its pixels its smallest text measures.

    Args:
        ax: axes of the figure, which is changed by this.
        path: the file.
    """
    figure = ax.get_figure(root=True)
    caption = figure.get_supxlabel()
    figure.supxlabel("")
    titled = [one for one in figure.axes if one.get_title(loc="left")]
    if len(titled) == 1:  # those of several panels say what each shows
        titled[0].set_title("", loc="left")
    if all(one.get_aspect() == "auto" for one in figure.axes):  # neither pictures nor a drawing
        figure.set_size_inches([side / INCH for side in BELOW])
    smallest = enlarge_texts(figure)
    metadata = {"Description": caption, "Smallest text": f"{smallest * DPI / 72:.1f}"}
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=DPI, bbox_inches="tight", pad_inches=0.05, metadata=metadata)


def enlarge_texts(figure) -> float:
    """Makes all texts so large that they can be read on a slide. Returns the smallest size, in
    points."""
    figure.draw_without_rendering()
    box = figure.get_tightbbox()
    room = BESIDE if is_tall(box.width, box.height) else BELOW
    scale = min(room[0] / box.width, room[1] / box.height)  # pixels of the slide to an inch
    needed = 1.03 * 72 * SMALLEST / scale  # larger texts make the figure a little larger, too
    sizes = []
    for text in figure.findobj(Text):
        if text.get_visible() and text.get_text().strip():
            text.set_fontsize(max(text.get_fontsize(), needed))
            sizes.append(text.get_fontsize())
    return min(sizes, default=needed)
