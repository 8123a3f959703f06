"""A real browser that reaches nothing but this machine, for the deck and the demo page."""

import shutil
from urllib.parse import urlsplit

import pytest

CHROMIUM = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HERE = {"127.0.0.1", "localhost", ""}  # "" is that of file: and data:


@pytest.fixture(scope="session")
def browser():
    playwright = pytest.importorskip(
        "playwright.sync_api", reason="playwright is not installed", exc_type=ImportError
    )
    path = next(filter(None, map(shutil.which, CHROMIUM)), None)
    if path is None:
        pytest.skip("no Chromium on this machine: install the package chromium")
    closed = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", closed]
    with playwright.sync_playwright() as driver:
        started = driver.chromium.launch(executable_path=path, args=flags)
        yield started
        started.close()


@pytest.fixture
def page(browser):
    """A page of 1280 x 720 pixels. `page.outside` lists the addresses elsewhere that it asked
    for, all refused; `page.complaints` the errors of its scripts."""
    context = browser.new_context(viewport={"width": 1280, "height": 720})
    page = context.new_page()
    page.outside, page.complaints = [], []

    def only_here(route):
        if urlsplit(route.request.url).hostname in HERE | {None}:
            route.continue_()
        else:
            page.outside.append(route.request.url)
            route.abort()

    context.route("**/*", only_here)
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    yield page
    context.close()
