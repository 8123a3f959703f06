"""Makes the web site of the course: `make site` writes `build/site/`, for any web server.

It composes what exists: chapters and exercises as they are stored, the texts of `docs/`, the deck,
the handout, the live page and the API reference, which `make` has built before. All links are
relative, so that it works below any path, and no page loads anything from elsewhere.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from medmnist_keras import INFO
from medmnist_keras.storage import replacing
from tools.site.pages import REPOSITORY, ROOT, SOURCES, TEMPLATES, Page, as_html, make_page
from tools.slides.cells import TITLE
from tools.slides.handout import figures_of
from tools.slides.make import NOTEBOOKS

# What the other commands of `make` built, and where the site holds it.
BUILT = {
    "web": "live",
    "api": "api",
    "slides.html": "talk/slides.html",
    "handout.html": "talk/handout.html",
}
# The story on the front page: three figures of the handout, and that of the results.
STORY = ("01-random-first", "01-86f4d98c", "01-draw-dealing")
_CHAPTER = re.compile(r"^\d\. \[(.+?)\]\((.+?)\): (.+)$", re.MULTILINE)
_FIGURE = re.compile(r"^!\[(.+?)\]\((images/\w+\.png)\)\n\n\*(.+?)\*$", re.MULTILINE)


def render(template: str, **values) -> str:
    made = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return made.get_template(template).render(info=INFO, repository=REPOSITORY, **values)


def front_page(pages: list[Page]) -> str:
    """The first page: what it is, the story, and the ways in. Chapters are told as in the README,
    pictures that it shows too have its words."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    chapters = [
        {"title": title, "target": as_html(path), "told": told}
        for title, path, told in _CHAPTER.findall(readme)
    ]
    shown = {path: {"alt": alt, "caption": text} for alt, path, text in _FIGURE.findall(readme)}
    figures = {figure["id"]: figure for figure in figures_of(NOTEBOOKS)}
    story = [figures[one] for one in STORY if one in figures and figures[one]["picture"]]
    return render(
        "index.html.j2",
        page=None,
        root="",
        title=TITLE,
        chapters=chapters,
        classes=shown["images/classes.png"],
        story=story,
        beyond=shown["images/beyond.png"],
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
    for name, target in BUILT.items():
        (site / target).parent.mkdir(parents=True, exist_ok=True)
        copy = shutil.copytree if (build / name).is_dir() else shutil.copy
        copy(build / name, site / target)
    for path in [site / "live" / "index.html", *(site / "api").rglob("*.html")]:
        depth = len(path.relative_to(site).parts) - 1
        back = f'<p class="back"><a href="{"../" * depth}index.html">← medmnist_keras</a></p>'
        html = path.read_text(encoding="utf-8")
        html = re.sub(r'<header>|<main class="pdoc">', rf"\g<0>{back}", html, count=1)
        # pdoc's links to a name are empty, and what scrolls can't be reached by the keyboard.
        html = re.sub(r'(class="headerlink" href="#([^"]*)")', r'\1 aria-label="Link to \2"', html)
        html = html.replace('<div class="attr ', '<div tabindex="0" class="attr ')
        html = html.replace("<pre>", '<pre tabindex="0">')
        path.write_text(html, encoding="utf-8")


def make_site(target, build=ROOT / "build") -> None:
    """Writes the site.

    Args:
        target: folder, which is replaced.
        build: folder with what `make slides handout web api` wrote.

    Raises:
        FileNotFoundError: when some of that is missing.
    """
    build = Path(build)
    for name in BUILT:
        if not (build / name).exists():
            raise FileNotFoundError(f"Expected {build / name}. Received: none. Run `make site`.")
    pages = [make_page(source) for source in SOURCES]
    with replacing(target) as (site,):
        site.mkdir()
        shutil.copytree(ROOT / "images", site / "images", ignore=shutil.ignore_patterns("slides"))
        shutil.copy(TEMPLATES / "style.css", site)
        take_built(build, site)
        (site / "index.html").write_text(front_page(pages), encoding="utf-8")
        for page in pages:
            (site / page.target).parent.mkdir(parents=True, exist_ok=True)
            (site / page.target).write_text(inner_page(page, pages), encoding="utf-8")


def main() -> None:
    target = ROOT / "build" / "site"
    make_site(target)
    files = [file for file in target.rglob("*") if file.is_file()]
    size = sum(file.stat().st_size for file in files) / 1e6
    print(
        f"{target.relative_to(ROOT)}: {len(files)} files, {size:.0f} MB. Put it on any web server, "
        f"or look at it with python -m http.server --directory {target.relative_to(ROOT)}"
    )


if __name__ == "__main__":
    main()
