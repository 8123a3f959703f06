"""Makes one deck of the notebooks: `make slides` writes `build/slides.html`, which needs no net.

The notebooks say what is shown, in the metadata `slideshow` of their cells:

    slide_type  "slide" starts a slide, "-" continues it, "fragment" continues it at the next
                key, "notes" is for the speaker; all other cells are left out
    part        the part of the story that a slide belongs to, a key of `PARTS`
    headline    what a slide says, in place of the cell's own heading
    text        a line below the headline, if one is needed
    show        "code" or "code and output" of a code cell, in place of its output
    dense       true where there is much to show: smaller type

Keys: arrows, Esc for an overview, S for the speaker's window, `?print-pdf` for printing.
"""

from __future__ import annotations

import base64
import copy
import io
import re
import sys
from html import escape
from pathlib import Path
from textwrap import dedent

import nbformat
from bs4 import BeautifulSoup
from latex2mathml.converter import convert
from nbconvert.exporters import SlidesExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from PIL import Image
from pygments.formatters import HtmlFormatter

from medmnist_keras.storage import replacing
from tools.slides.npm import fetch_package

ROOT = Path(__file__).parents[2]
TITLE = "A perfect score, and what it is worth"
SUBTITLE = "Medical image classification in Keras\n\n**Not for clinical use**"
CREDIT = "Medical MNIST, Dr. Bradley J. Erickson (Mayo Clinic), CC BY-SA 4.0"
# The story, in order: each part's name, and the line on the slide that opens it, if any does.
PARTS = {
    "task": ("The task", ""),
    "rival": ("A perfect score", ""),
    "data": ("What the files give away", "Before anyone looks at anatomy"),
    "split": ("A split that doesn't leak", "Whole stacks of slices, on one side or the other"),
    "elsewhere": ("Other hospitals", "The same six kinds, made by other people on other scanners"),
    "repair": ("The repair", "No new pictures: the old ones, as others might have made them"),
    "doubt": ("Knowing what it doesn't know", ""),
    "home": ("What to take home", ""),
}

REVEAL = "5.2.1"
REVEAL_SHA256 = "359b575dd51bbda32f89b2fd4c7dc46ad7389a805572158916c29252f7a27333"
REVEAL_FILES = ("LICENSE", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js")
SHOWN = {"slide", "subslide", "fragment", "notes", "-"}


# -- reveal.js -------------------------------------------------------------------------------


def fetch_reveal(cache=None) -> dict[str, str]:
    """The files of reveal.js that a deck needs, from npm's package.

    Args:
        cache: folder that keeps the package; by default the user's cache folder.

    Returns:
        Dict of file name to content.

    Raises:
        OSError, ValueError: as `fetch_package()`.
    """
    files = fetch_package("reveal.js", REVEAL, REVEAL_SHA256, REVEAL_FILES, cache)
    return {name: content.decode("utf-8") for name, content in files.items()}


# -- which cells -----------------------------------------------------------------------------


def slides_of(path) -> list[list]:
    """The slides that a notebook's tags make, each a list of cells."""
    slides = []
    for cell in copy.deepcopy(nbformat.read(path, as_version=4).cells):
        tags = cell.metadata.get("slideshow", {})
        kind = tags.get("slide_type")
        if kind not in SHOWN:
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


def opening(kind, source, **tags):
    """A slide by itself: the first one, and those that open a part."""
    tags = {"slide_type": "slide", "kind": kind, **tags}
    return [nbformat.v4.new_markdown_cell(source, metadata={"slideshow": tags})]


def merge(paths):
    """One notebook of all slides of the notebooks at `paths`, in the story's order."""
    told = [slide for path in paths for slide in slides_of(path)]
    slides = [opening("title", SUBTITLE, headline=TITLE)]
    for part, (name, line) in PARTS.items():
        own = [slide for slide in told if slide[0].metadata.slideshow.part == part]
        if own and line:
            slides.append(opening("section", line, headline=name))
        slides += own
    for place, slide in enumerate(slides, 1):
        tags = slide[0].metadata.slideshow
        tags.update(place=place, tall=any(is_tall(cell) for cell in slide))
        tags.part_name = PARTS.get(tags.get("part"), ("",))[0]
        for cell in slide:
            cell.metadata.slideshow.headline = tags.headline  # what a figure shows, in words
    cells = [cell for slide in slides for cell in slide]
    return nbformat.v4.new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})


def is_tall(cell) -> bool:
    """Whether a figure is so tall that the headline had better stand beside it."""
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if figure := data.get("image/png") or data.get("image/jpeg"):
            width, height = Image.open(io.BytesIO(base64.b64decode(figure))).size
            return height > 0.62 * width
    return False


# -- the page --------------------------------------------------------------------------------


class Renderer(IPythonRenderer):
    """Writes formulas as MathML, which browsers draw themselves. So the deck needs neither
    MathJax nor KaTeX: no script, no fonts, nothing to wait for."""

    def inline_math(self, body):
        return convert(body)

    def block_math(self, body):
        return convert(body, display="block")

    def latex_environment(self, name, body):
        return convert(f"\\begin{{{name}}}{body}\\end{{{name}}}", display="block")


def markdown(source) -> str:
    renderer = Renderer(escape=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(source)


def line(source) -> str:
    """Markdown of a single line, without the paragraph around it."""
    return re.sub(r"^<p>|</p>\s*$", "", markdown(source))


def facts(printed) -> str:
    """What a cell printed, as large type: names in grey, what comes after a colon in black."""
    rows = []
    for row in filter(None, (row.strip() for row in printed.split("\n"))):
        name, colon, value = row.partition(": ")
        value = value if colon else name
        name = f'<span class="name">{escape(name)}</span>' if colon else ""
        rows.append(f'<p class="fact">{name}<span>{escape(value.strip())}</span></p>')
    return "\n".join(rows)


def tidy(html) -> str:
    """A table or a listing in the deck's look, without styles of its own, which would reach all
    over the page. The name of a table's index moves up into the one row of its head."""
    page = BeautifulSoup(html, "html.parser")
    for style in page.find_all("style"):
        style.decompose()
    for listing in page.find_all("pre"):
        lines = listing.decode_contents().replace("<span></span>", "", 1)
        listing.replace_with(BeautifulSoup(f"<pre>{dedent(lines)}</pre>", "html.parser"))
    for table in page.find_all("table"):
        head = [row.find_all("th") for row in table.select("thead tr")]
        if len(head) == 2 and len(head[0]) == len(head[1]):
            pairs = list(zip(*head, strict=True))
            if not any(name.text.strip() and index.text.strip() for name, index in pairs):
                for name, index in pairs:
                    name.string = name.text.strip() or index.text.strip()
                head.pop()[0].parent.decompose()
        for row in table.select("tbody tr"):
            for place, cell in enumerate(row.find_all(["th", "td"])):
                if re.search(r"[^\W\d]{2}", cell.text):  # words stand to the left, numbers right
                    cell["class"] = "words"
                    if len(head) == 1:
                        head[0][place]["class"] = "words"
    return str(page)


class Deck(SlidesExporter):
    """Writes a notebook with the template beside this file."""

    template_name = "talk"
    extra_template_basedirs = [str(Path(__file__).parent / "template")]  # noqa: RUF012

    def default_filters(self):
        yield from super().default_filters()
        yield "markdown2html", markdown
        for one in (line, facts, tidy):
            yield one.__name__, one


def make_deck(paths, reveal) -> str:
    """One HTML page, complete in itself.

    Args:
        paths: notebooks, in their order.
        reveal: what `fetch_reveal()` returns.

    Returns:
        The page.

    Raises:
        ValueError: when a notebook's tags don't add up, saying which cell.
    """
    picture = base64.b64encode((ROOT / "images" / "classes.png").read_bytes()).decode()
    talk = {
        "title": TITLE,
        "credit": CREDIT,
        "picture": f"data:image/png;base64,{picture}",
        "pygments": HtmlFormatter(style="xcode").get_style_defs(".highlight"),
        "reveal": reveal,
    }
    html, _ = Deck().from_notebook_node(merge(paths), resources={"talk": talk})
    return html


def main() -> None:
    try:
        reveal = fetch_reveal()
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    target = ROOT / "build" / "slides.html"
    html = make_deck(sorted((ROOT / "notebooks").glob("0*.ipynb")), reveal)
    with replacing(target) as (draft,):
        draft.write_text(html, encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: {html.count('<section')} slides. Open it in any browser.")


if __name__ == "__main__":
    main()
