"""Turns notebooks and Markdown files of the repository into pages of the site.

A page lies where its source lies, with another ending: so links between sources hold between
pages, too. What is no page is linked on GitHub.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from posixpath import join, normpath

import nbformat
from bs4 import BeautifulSoup
from nbconvert.exporters import HTMLExporter
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from tools.set_owner import owner
from tools.slides.make import tidy

ROOT = Path(__file__).parents[2]
TEMPLATES = Path(__file__).parent / "template"
REPOSITORY = f"https://github.com/{owner()}/medmnist_keras"
SOURCES = [
    path.relative_to(ROOT).as_posix()
    for pattern in (
        *("notebooks/0*.ipynb", "notebooks/exercises/*.ipynb", "notebooks/*.md", "docs/*.md"),
        "medmnist_keras/models/weights/*.md",
    )
    for path in sorted(ROOT.glob(pattern))
]


@dataclass
class Page:
    """What the template needs of a page: its title, the HTML below, and its sections' ids and
    names. A chapter `is_run` where it holds outputs; exercises are run by their readers."""

    source: str
    title: str
    body: str
    sections: list[tuple[str, str]]
    is_run: bool = True

    @property
    def target(self) -> str:
        return as_html(self.source)


def as_html(source: str) -> str:
    return str(PurePosixPath(source).with_suffix(".html"))


# -- Markdown --------------------------------------------------------------------------------


class SiteRenderer(IPythonRenderer):
    """As nbconvert's, with a table in place of a drawing that would need Mermaid's script."""

    def block_mermaidjs(self, code):
        imports: dict[str, list[str]] = {}
        for one, other in re.findall(r"(\w+) --> (\w+)", code):
            imports.setdefault(one, []).append(other)
        head = "<thead><tr><th>package</th><th>imports</th></tr></thead>"
        rows = "".join(
            f"<tr><th>{one}</th><td>{', '.join(others)}</td></tr>"
            for one, others in imports.items()
        )
        return f"<table>{head}<tbody>{rows}</tbody></table>"


def markdown(source: str) -> str:
    renderer = SiteRenderer(escape=False, exclude_anchor_links=True)
    return MarkdownWithMath(renderer=renderer).render(source)


# -- notebooks -------------------------------------------------------------------------------


class Chapter(HTMLExporter):
    """Writes a notebook's cells with the template beside this file."""

    template_name = "chapter"
    extra_template_basedirs = [str(TEMPLATES)]  # noqa: RUF012

    def default_filters(self):
        yield from super().default_filters()
        yield "markdown2html", markdown
        yield "tidy", tidy


def notebook_body(notebook) -> str:
    """The HTML of all cells; figures have their titles, or their section's, as alternative text."""
    section = ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            section = [section, *re.findall(r"^#+ (.*)$", cell.source, re.MULTILINE)][-1]
        else:
            titles = re.findall(r'title ?= ?f?"([^"]*)"', cell.source)
            headline = cell.metadata.get("slideshow", {}).get("headline")
            cell.metadata.alt = headline or (titles[0] if titles else f"Figure: {section}")
            cell.metadata.summary = folded(cell)
    body, _ = Chapter().from_notebook_node(notebook)
    return body


def folded(cell) -> str:
    """The line that stands for a cell's code as long as nobody opens it, or nothing."""
    if "setup" in cell.metadata.get("tags", []):
        return "Set-up, for Colab, Kaggle and Binder"
    if cell.metadata.get("jupyter", {}).get("source_hidden"):
        return cell.source.split("\n")[0].removeprefix("# @title").strip()
    return ""


# -- both ------------------------------------------------------------------------------------


def make_page(source: str, pages=tuple(SOURCES)) -> Page:
    """The page of a notebook or a Markdown file.

    Args:
        source: path below the repository's root.
        pages: sources of all pages; links to them are kept.

    Returns:
        `Page`.
    """
    is_run = True
    if source.endswith(".ipynb"):
        notebook = nbformat.read(ROOT / source, as_version=4)
        is_run = "/exercises/" in source or any(cell.get("outputs") for cell in notebook.cells)
        body = notebook_body(notebook)
    else:
        body = markdown((ROOT / source).read_text(encoding="utf-8"))
    soup = BeautifulSoup(body, "html.parser")
    relink(soup, source, pages)
    sections = name_sections(soup)
    wrap_what_is_wide(soup)
    title = soup.h1.extract().get_text()
    return Page(source, title, str(soup), sections, is_run)


def relink(soup, source: str, pages) -> None:
    """Makes links to other sources lead to their pages, and the rest to GitHub."""
    for tag in soup.find_all("a", href=re.compile(r"^(?!\w+:|#)")):
        path, mark, anchor = tag["href"].partition("#")
        target = normpath(join(PurePosixPath(source).parent, path))
        if target in pages:
            tag["href"] = as_html(path) + mark + anchor
        elif not target.startswith("images/"):
            tag["href"] = f"{REPOSITORY}/blob/main/{target}{mark}{anchor}"


def name_sections(soup) -> list[tuple[str, str]]:
    """Gives headings ids as GitHub does. Returns those of the second level, and their texts."""
    taken: dict[str, int] = {}
    for heading in soup.find_all(["h2", "h3", "h4"]):
        slug = re.sub(r"[^\w\- ]", "", heading.get_text().strip().lower()).replace(" ", "-")
        taken[slug] = taken.get(slug, -1) + 1
        heading["id"] = f"{slug}-{taken[slug]}" if taken[slug] else slug
    return [(heading["id"], heading.get_text()) for heading in soup.find_all("h2")]


def wrap_what_is_wide(soup) -> None:
    """Tables and figures scroll inside a box; they and code can be reached and scrolled by the
    keyboard."""
    for wide in soup.select("table, img:not([src$='.svg'])"):
        name = "Table" if wide.name == "table" else "Figure"
        # A figure can lie in a paragraph, where a span may be but no div.
        box = wide.wrap(soup.new_tag("div" if name == "Table" else "span", attrs={"class": "wide"}))
        box.attrs.update({"tabindex": "0", "role": "region", "aria-label": name})
    for head in soup.select("thead th"):
        if not head.get_text(strip=True):
            head.name = "td"  # an empty heading says nothing
    for block in soup.find_all("pre"):
        block["tabindex"] = "0"
