"""Makes the web site of the course: `make site` writes `build/site/`, for any web server.

It composes what exists: chapters and exercises as they are stored, the texts of `docs/`, the deck,
the handout, the live page and the API reference, which `make` has built before. All links are
relative, so that it works below any path, and no page loads anything from elsewhere.
"""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from medmnist_keras import INFO
from medmnist_keras.storage import replacing
from tools.served import describe_served
from tools.site.pages import REPOSITORY, ROOT, SOURCES, TEMPLATES, Page, as_html, make_page
from tools.slides.cells import TITLE, tell
from tools.slides.figures import FOLDER
from tools.slides.make import NOTEBOOKS

# What the other commands of `make` built, and where the site holds it.
BUILT = {
    "web": "live",
    "api": "api",
    "slides.html": "talk/slides.html",
    "handout.html": "talk/handout.html",
}
# Shown where it was built, too: `make lite` needs a host that not all can reach.
OPTIONAL = {"lite": "lite"}
# The story on the front page: cells of the talk whose figures tell it.
STORY = ("01-random-first", "05-05-15", "05-05-23", "06-06-16")
_CHAPTER = re.compile(r"^\d\. \[(.+?)\]\((.+?)\): (.+)$", re.MULTILINE)
_FIGURE = re.compile(r"^!\[(.+?)\]\((images/\w+\.png)\)\n\n\*(.+?)\*$", re.MULTILINE)


def render(template: str, **values) -> str:
    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return made.get_template(template).render(info=INFO, repository=REPOSITORY, **values)


def tell_story() -> list[dict]:
    """The figures of `STORY`, each with its sentence on the handout, or its slide's headline. The
    `file` is empty where the chapter's full run has not drawn it yet."""
    cells = {cell.id: cell for slide in tell(NOTEBOOKS) for cell in slide}
    figures = []
    for one in STORY:
        tags = cells[one].metadata.slideshow
        file = FOLDER / f"{one}.png"
        figures.append(
            {
                "cell": one,
                "file": file.relative_to(ROOT).as_posix() if file.exists() else "",
                "alt": tags.headline,
                "sentence": tags.get("handout", f"{tags.headline}."),
                "caption": tags.get("caption", ""),
            }
        )
    return figures


def front_page(pages: list[Page], story: list[dict], *, has_lite: bool = False) -> str:
    """The first page: what it is, the story, and the ways in. Chapters are told as in the README,
    and so is the picture of the classes."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    chapters = [
        {"title": title, "target": as_html(path), "told": told}
        for title, path, told in _CHAPTER.findall(readme)
    ]
    shown = {path: {"alt": alt, "caption": text} for alt, path, text in _FIGURE.findall(readme)}
    return render(
        "index.html.j2",
        page=None,
        root="",
        title=TITLE,
        chapters=chapters,
        classes=shown["images/classes.png"],
        story=story,
        has_lite=has_lite,
        exercises=[page for page in pages if "/exercises/" in page.source],
        docs=[page for page in pages if page.source.startswith("docs/")],
    )


def inner_page(page: Page, pages: list[Page]) -> str:
    """A page with the site's frame around it; a chapter leads to those before and after it."""
    row = [one for one in pages if Path(one.source).parent == Path(page.source).parent]
    row = [one for one in row if one.source.endswith(".ipynb")]
    at = row.index(page) if page in row else None
    return render(
        "page.html.j2",
        page=page,
        root="../" * page.target.count("/"),
        title=page.title,
        before=row[at - 1] if at else None,
        after=row[at + 1] if at is not None and at + 1 < len(row) else None,
    )


def take_built(build: Path, site: Path) -> None:
    """Copies what other commands built. The live page and the reference get a way back."""
    for name, target in (BUILT | OPTIONAL).items():
        if not (build / name).exists():
            continue
        (site / target).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (build / name).is_dir() else shutil.copy
        copy(build / name, site / target)
    for path in [site / "live" / "index.html", *(site / "api").rglob("*.html")]:
        depth = len(path.relative_to(site).parts) - 1
        back = f'<p class="back"><a href="{"../" * depth}index.html">← The course</a></p>'
        html = path.read_text(encoding="utf-8")
        html = re.sub(r'<header>|<main class="pdoc">', rf"\g<0>{back}", html, count=1)
        # pdoc's links to a name are empty, and what scrolls can't be reached by the keyboard.
        html = re.sub(r'(class="headerlink" href="#([^"]*)")', r'\1 aria-label="Link to \2"', html)
        html = html.replace('<div class="attr ', '<div tabindex="0" class="attr ')
        html = html.replace("<pre>", '<pre tabindex="0">')
        path.write_text(html, encoding="utf-8")


def make_site(target, build=ROOT / "build") -> list[str]:
    """Writes the site.

    Args:
        target: folder, which is replaced.
        build: folder with what `make slides handout web api` wrote; what `make lite` wrote is
            taken where it is there.

    Returns:
        List of str, the chapters without outputs and the figures of the front page that no full
        run has stored yet. The pages say so in their place.

    Raises:
        FileNotFoundError: when some of that is missing.
    """
    build = Path(build)
    for name in BUILT:
        if not (build / name).exists():
            raise FileNotFoundError(f"Expected {build / name}. Received: none. Run `make site`.")
    pages = [make_page(source) for source in SOURCES]
    story = tell_story()
    with replacing(target) as (site,):
        site.mkdir()
        shutil.copytree(ROOT / "images", site / "images", ignore=shutil.ignore_patterns("slides"))
        (site / "images" / "slides").mkdir()
        for figure in story:
            if figure["file"]:
                shutil.copy(ROOT / figure["file"], site / figure["file"])
        shutil.copy(TEMPLATES / "style.css", site)
        take_built(build, site)
        html = front_page(pages, story, has_lite=(build / "lite").exists())
        (site / "index.html").write_text(html, encoding="utf-8")
        for page in pages:
            (site / page.target).parent.mkdir(parents=True, exist_ok=True)
            (site / page.target).write_text(inner_page(page, pages), encoding="utf-8")
    not_run = [page.source for page in pages if not page.is_run]
    return not_run + [f"images/slides/{one['cell']}.png" for one in story if not one["file"]]


def main() -> None:
    target = ROOT / "build" / "site"
    for lacking in make_site(target):
        print(f"The site lacks what a full run stores: {lacking}.", file=sys.stderr)
    print(describe_served(target))


if __name__ == "__main__":
    main()
