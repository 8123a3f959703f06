"""The talk's slides, from the cells that the notebooks' metadata `slideshow` tag:

slide_type  "slide" starts a slide, "-" continues it, "fragment" continues it at the next
            key, "notes" is for the speaker; all other cells are left out. A figure that
            comes at a key covers what was there
part        the part of the story that a slide belongs to, a key of `PARTS`
headline    what a slide says, in place of the cell's own heading
text        a line below the headline, if one is needed
minutes     how long a slide is meant to take; not of a backup
backup      true of a slide for questions, behind the last one
handout     the sentence below a cell's figure on the handout, for six cells
"""

from __future__ import annotations

import base64
import copy
import io
import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_markdown_cell, new_output
from PIL import Image

from medmnist_keras import INFO
from tools.slides import figures

TITLE = "A perfect score, and what it is worth"
SUBTITLE = "Medical image classification in Keras\n\n**Not for clinical use**"
CLOSING = "Before you believe a perfect score"
LESSONS = (
    "Ask what a trivial model scores.",
    "Split by patient.",
    "Test on pictures made elsewhere.",
)
GREETING = "Who we are. All code and all numbers are in the notebooks that this deck is made of."
FAREWELL = "This slide stays while questions are asked. If time is left, open the live page."
# The story, in order.
PARTS = {
    "task": "The task",
    "rival": "Trivial models",
    "data": "What the files give away",
    "split": "A split that doesn't leak",
    "elsewhere": "Pictures made elsewhere",
    "repair": "The repair",
    "doubt": "None of these",
}
KINDS = {"slide", "subslide", "fragment", "notes", "-"}


def slides_of(path) -> list[list]:
    """The slides that a notebook's tags make, each a list of cells."""
    slides = []
    for cell in copy.deepcopy(nbformat.read(path, as_version=4).cells):
        tags = cell.metadata.get("slideshow", {})
        kind = tags.get("slide_type")
        if kind not in KINDS:
            continue
        where = f"cell {cell.id!r} of {Path(path).name}"
        cell.id = f"{Path(path).stem[:2]}-{cell.id}"  # unique in the deck too
        prepare(cell)
        if kind in ("slide", "subslide"):
            if tags.get("part") not in PARTS:
                raise ValueError(
                    f"Expected one of {', '.join(PARTS)} as slideshow.part of {where}. "
                    f"Received: {tags.get('part')!r}. Set it in the cell's metadata."
                )
            if not tags.headline:
                raise ValueError(
                    f"Expected a slideshow.headline or a heading in {where}. Received: none. "
                    "Write what the slide says."
                )
            if ("minutes" in tags) == ("backup" in tags):
                raise ValueError(
                    f"Expected either slideshow.minutes or slideshow.backup in {where}. "
                    "Received: both or none. Say how long the slide takes, or that it is a backup."
                )
            slides.append([])
        elif not slides:
            raise ValueError(
                f'Expected a cell with slide_type "slide" before {where}. Received: none. '
                f"Start a slide, or take the tag {kind!r} away."
            )
        slides[-1].append(cell)
    return slides


def prepare(cell) -> None:
    """Leaves of a cell what the deck shows of it."""
    tags = cell.metadata.slideshow
    tags.setdefault("headline", "")
    if cell.cell_type == "markdown":
        before, heading, after = cut(cell.source)
        cell.source = before if tags.slide_type == "notes" or not heading else after
        tags.headline = tags.headline or heading
    else:
        take_figure(cell, figures.FOLDER / f"{cell.id}.png")
    for output in cell.get("outputs", []):
        if output.output_type == "execute_result":  # shown as any display, without its number
            output.output_type = "display_data"
            del output["execution_count"]


def cut(source) -> tuple[str, str, str]:
    """What comes before a cell's first heading, that heading, and what comes after it. Links to
    other notebooks lose their target, and lines that only lead there are left out."""
    source = re.sub(r"^(Next|Back to the start): .*$", "", source, flags=re.MULTILINE)
    source = re.sub(r"\[([^\]]*)\]\((?!https?:)[^)]*\)", r"\1", source)
    before, *rest = re.split(r"^#+ +(.*)$", source, maxsplit=1, flags=re.MULTILINE)
    heading, after = rest or ("", "")
    return before.strip(), heading, after.strip()


def take_figure(cell, file: Path) -> None:
    """Puts the figure that was drawn for the slide in the place of the notebook's, if there is
    one, and tags the cell with its caption and the size of its smallest text."""
    if file.exists():
        said = Image.open(file).text
        cell.metadata.slideshow.caption = said["Description"]
        cell.metadata.slideshow.smallest = said["Smallest text"]
        data = {"image/png": base64.b64encode(file.read_bytes()).decode()}
        cell.outputs = [one for one in cell.outputs if not picture_of(one)]
        cell.outputs.append(new_output("display_data", data))


def picture_of(output) -> str:
    """The picture of an output as an address that holds it, or nothing."""
    for kind in ("image/png", "image/jpeg"):
        if content := output.get("data", {}).get(kind):
            return f"data:{kind};base64,{content}".replace("\n", "")
    return ""


def opening(kind, source, notes, **tags):
    """A slide of the deck alone: the first one, and the last before the backups."""
    tags = {"slide_type": "slide", "kind": kind, "minutes": 0.5, **tags}
    return [
        new_markdown_cell(source, metadata={"slideshow": tags}),
        new_markdown_cell(notes, metadata={"slideshow": {"slide_type": "notes"}}),
    ]


def tell(paths) -> list[list]:
    """All slides of the notebooks at `paths`, in the story's order, with what the page says of
    each: its place, its part, its notes, the time when it ends, the captions of its figures."""
    told = [slide for path in paths for slide in slides_of(path)]
    told.sort(key=lambda slide: list(PARTS).index(tags_of(slide).part))
    told.sort(key=lambda slide: tags_of(slide).get("backup", False))
    mains = sum("minutes" in tags_of(slide) for slide in told)
    lessons = "\n\n".join(LESSONS)
    first = opening("title", SUBTITLE, GREETING, headline=TITLE, caption=INFO["credit"])
    last = opening("closing", lessons, FAREWELL, headline=CLOSING)
    slides = [first, *told[:mains], last, *told[mains:]]
    seconds = 0
    for place, slide in enumerate(slides, 1):
        tags = tags_of(slide)
        tags.notes = take_notes(slide)
        seconds += round(60 * tags.get("minutes", 0))
        tags.update(place=place, until=f"{seconds // 60}:{seconds % 60:02}")
        tags.update(tall=any(is_tall(cell) for cell in slide), caption=captions_of(slide))
        tags.part_name = "Backup" if "backup" in tags else PARTS.get(tags.get("part"), "")
        for cell in slide:
            cell.metadata.slideshow.headline = tags.headline  # what a figure shows, in words
    return slides


def tags_of(slide):
    return slide[0].metadata.slideshow


def take_notes(slide) -> list[str]:
    """Takes the speaker's notes out of a slide and returns their texts."""
    notes = [cell for cell in slide if cell.metadata.slideshow.slide_type == "notes"]
    slide[:] = [cell for cell in slide if cell not in notes]
    return [cell.source for cell in notes]


def captions_of(slide) -> str:
    """The captions of a slide's figures, without those that another one holds."""
    captions = dict.fromkeys(cell.metadata.slideshow.get("caption", "") for cell in slide)
    kept = [one for one in captions if not any(one in other for other in captions if other != one)]
    return " · ".join(filter(None, kept))


def is_tall(cell) -> bool:
    """Whether a cell shows a tall figure."""
    for output in cell.get("outputs", []):
        if figure := picture_of(output):
            file = io.BytesIO(base64.b64decode(figure.split(",")[1]))
            return figures.is_tall(*Image.open(file).size)
    return False
