"""Makes the talk's handout: `make handout` writes `build/handout.html`, one page of A4 with the
story in six figures, and `build/handout.pdf` where there is a Chromium to print it.

Figures and sentences are those of the cells with a tag `handout`, as `cells.py` explains.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from jinja2 import Environment, FileSystemLoader
from playwright.sync_api import sync_playwright

from medmnist_keras.storage import replacing
from tools.slides.cells import CLOSING, LESSONS, TITLE, picture_of, tell
from tools.slides.make import NOTEBOOKS, ROOT, parse_address, qr_code

TEMPLATES = Path(__file__).parent / "template"


def make_handout(paths, address=None) -> str:
    """One HTML page, complete in itself.

    Args:
        paths: notebooks, in their order.
        address: web address to show with its QR code.

    Returns:
        The page.
    """
    cells = [cell for slide in tell(paths) for cell in slide]
    figures = [
        {
            "sentence": cell.metadata.slideshow.handout,
            "caption": cell.metadata.slideshow.get("caption", ""),
            "picture": next(filter(None, map(picture_of, cell.outputs)), ""),
        }
        for cell in cells
        if "handout" in cell.metadata.slideshow
    ]
    page = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=True)
    return page.get_template("handout.html.j2").render(
        title=TITLE,
        figures=figures,
        closing=CLOSING,
        lessons=LESSONS,
        address=address,
        code=address and qr_code(address),
    )


def print_pdf(page: Path) -> Path | None:
    """Prints a page to a PDF beside it. Returns its file, or `None` without a Chromium."""
    chromium = shutil.which("chromium")
    if chromium is None:
        return None
    target = page.with_suffix(".pdf")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = browser.new_page()
        tab.goto(page.as_uri())
        tab.pdf(path=target, prefer_css_page_size=True, print_background=True)
        browser.close()
    return target


def main() -> None:
    address = parse_address("Makes the handout of the talk.")
    target = ROOT / "build" / "handout.html"
    with replacing(target) as (draft,):
        draft.write_text(make_handout(NOTEBOOKS, address), encoding="utf-8")
    printed = print_pdf(target)
    print(f"{(printed or target).relative_to(ROOT)}: one page of A4.")


if __name__ == "__main__":
    main()
