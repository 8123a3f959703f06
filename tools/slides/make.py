"""Makes one deck of the notebooks: `make slides` writes `build/slides.html`, which needs no net.

The notebooks' cells say in their metadata what is shown, as `cells.py` explains. Figures are those
that `make notebooks` drew for it, or else the notebooks' own. An address, such as that of the code,
is shown with its QR code on the first and the last slide:

    make slides ADDRESS=https://example.org/code

Keys: arrows, Esc for an overview, S for the speaker's window, `?print-pdf` for printing.
"""

from __future__ import annotations

import argparse
import base64
import re
import sys
from html import escape
from pathlib import Path

import segno
from bs4 import BeautifulSoup
from nbconvert.exporters import SlidesExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat.v4 import new_notebook

from medmnist_keras.storage import replacing
from tools.slides.cells import TITLE, tell
from tools.slides.npm import fetch_package

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("0*.ipynb"))
REVEAL = "5.2.1"
REVEAL_SHA256 = "359b575dd51bbda32f89b2fd4c7dc46ad7389a805572158916c29252f7a27333"
REVEAL_FILES = ("LICENSE", "dist/reveal.css", "dist/reveal.js", "plugin/notes/notes.js")


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


# -- the page --------------------------------------------------------------------------------


def markdown(source) -> str:
    renderer = IPythonRenderer(escape=False, exclude_anchor_links=True)
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
    """A table in the deck's look, without styles of its own, which would reach all over the page.
    The name of its index moves up into the one row of its head."""
    page = BeautifulSoup(html, "html.parser")
    for style in page.find_all("style"):
        style.decompose()
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


def make_deck(paths, reveal, address=None) -> str:
    """One HTML page, complete in itself.

    Args:
        paths: notebooks, in their order.
        reveal: what `fetch_reveal()` returns.
        address: web address to show on the first and the last slide.

    Returns:
        The page.

    Raises:
        ValueError: when a notebook's tags don't add up, saying which cell.
    """
    picture = base64.b64encode((ROOT / "images" / "classes.png").read_bytes()).decode()
    talk = {
        "title": TITLE,
        "picture": f"data:image/png;base64,{picture}",
        "reveal": reveal,
        "address": address,
        "code": address and qr_code(address),
    }
    cells = [cell for slide in tell(paths) for cell in slide]
    notebook = new_notebook(cells=cells, metadata={"language_info": {"name": "python"}})
    html, _ = Deck().from_notebook_node(notebook, resources={"talk": talk})
    return html


def qr_code(address) -> str:
    """The QR code of an address, as the address of a picture that holds itself."""
    return segno.make(address, micro=False).svg_data_uri(scale=8, border=2, light="white")


def parse_address(description, arguments=None):
    """The web address given on the command line, if any."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("address", nargs="?", help="shown with its QR code")
    address = parser.parse_args(arguments).address
    if address and not address.startswith(("https://", "http://")):
        parser.error(f"Expected an address that begins with https://. Received: {address!r}.")
    return address


def main() -> None:
    address = parse_address("Makes one deck of the notebooks.")
    try:
        reveal = fetch_reveal()
    except (OSError, ValueError) as error:
        sys.exit(str(error))
    target = ROOT / "build" / "slides.html"
    html = make_deck(NOTEBOOKS, reveal, address)
    with replacing(target) as (draft,):
        draft.write_text(html, encoding="utf-8")
    print(f"{target.relative_to(ROOT)}: {html.count('<section')} slides. Open it in any browser.")


if __name__ == "__main__":
    main()
