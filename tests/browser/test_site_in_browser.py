"""The web site in a browser that reaches nothing else, on a phone and on a laptop."""

import os
import subprocess
import sys
from urllib.parse import unquote, urljoin, urlsplit

import pytest
import talk
from bs4 import BeautifulSoup
from test_web_in_browser import StockHandler, choose, encode, folder as folder

from medmnist_keras.data import draw_phantoms
from tools.site.make import ROOT, make_site
from tools.slides.handout import make_handout
from tools.slides.make import NOTEBOOKS
from tools.slides.npm import fetch_package

AXE = "4.10.3"
AXE_SHA256 = "0f2b4d7dcdf7d1219df8d1959ad68e565f51d14c3f0d88bb71cd59abeb956292"
PHONE, LAPTOP = {"width": 390, "height": 844}, {"width": 1280, "height": 800}
FINDINGS = """async () => (await axe.run(document, {resultTypes: ["violations"]})).violations
  .filter(one => ["serious", "critical"].includes(one.impact))
  .map(one => `${one.id}: ${one.nodes[0].html.slice(0, 200)}`)"""


@pytest.fixture(scope="module")
def site(folder, tmp_path_factory):
    """A folder with the site below a path, as on GitHub Pages."""
    build = tmp_path_factory.mktemp("build")
    (build / "web").symlink_to(folder)
    (build / "slides.html").write_text(talk.deck(), encoding="utf-8")
    (build / "handout.html").write_text(make_handout(NOTEBOOKS), encoding="utf-8")
    command = ["-m", "pdoc", "--docformat", "google", "--no-show-source"]
    command += ["--template-directory", "tools/site/template/api"]
    command += ["--output-directory", str(build / "api"), "./medmnist_keras"]
    environment = {**os.environ, "EAGER_IMPORT": "1"}
    subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, check=True)
    served = tmp_path_factory.mktemp("served")
    make_site(served / "course", build)
    return served


@pytest.fixture(scope="module")
def names(site):
    return sorted(path.relative_to(site).as_posix() for path in site.rglob("*.html"))


@pytest.fixture(scope="module")
def axe():
    try:
        files = fetch_package("axe-core", AXE, AXE_SHA256, ["axe.min.js"])
    except OSError as error:
        pytest.skip(f"no axe-core: {error}")
    return files["axe.min.js"].decode()


def test_every_link_and_anchor_holds(site, names):
    soups = {name: BeautifulSoup((site / name).read_bytes(), "html.parser") for name in names}
    ids = {name: {tag["id"] for tag in soup.select("[id]")} for name, soup in soups.items()}
    broken = []
    for name, soup in soups.items():
        for tag in soup.select("[href], [src]"):
            link = tag.get("href") or tag.get("src")
            if urlsplit(link).scheme or not link:
                continue
            path, _, anchor = urljoin(name, link).partition("#")
            in_site = path.startswith("course/") and (site / unquote(path)).is_file()
            if not in_site or (anchor and anchor not in ids.get(path, {anchor})):
                broken.append(f"{name}: {link}")
    assert broken == []


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    ("size", "scheme"),
    [
        (PHONE, "light"),
        (LAPTOP, "dark"),
        pytest.param(PHONE, "dark", marks=SLOW),
        pytest.param(LAPTOP, "light", marks=SLOW),
    ],
)
def test_every_page_fits_and_can_be_used_by_all(site, names, axe, serve, page, size, scheme):
    address = serve(site, StockHandler)
    page.set_viewport_size(size)
    page.emulate_media(color_scheme=scheme)
    found = []
    for name in names:
        if name == "course/api/index.html":
            continue  # leads on to the package's page
        page.goto(f"{address}/{name}")
        if name.endswith("live/index.html"):
            page.wait_for_selector("body[data-ready]")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            found.append(f"{name} is wider than the screen")
        page.evaluate(axe)
        found += [f"{name}: {one}" for one in page.evaluate(FINDINGS)]
    assert found == []
    assert page.outside == []
    assert page.complaints == []


@pytest.mark.parametrize("size", [PHONE, LAPTOP])
def test_the_live_page_is_found_and_answers(site, serve, page, size):
    page.set_viewport_size(size)
    page.goto(f"{serve(site, StockHandler)}/course/index.html")
    page.get_by_role("link", name="Ask the model").click()
    page.wait_for_selector("body[data-ready]")
    choose(page, "hand.png", encode(draw_phantoms({"Hand": 1})[0][0, ..., 0]))
    page.wait_for_selector("#answer:text-is('Hand')")
    page.locator("#examples button").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("#answer:text-is('AbdomenCT')")
    page.get_by_role("link", name="The course").click()
    page.wait_for_selector("#story")
    assert page.outside == []
    assert page.complaints == []
