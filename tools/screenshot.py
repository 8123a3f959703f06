"""Takes the README's picture of the live page, in a real browser: `make screenshot`."""

import shutil
from pathlib import Path

from playwright.sync_api import sync_playwright

from medmnist_keras.inference import open_app


def main() -> None:
    page = open_app()
    try:
        with sync_playwright() as driver:
            browser = driver.chromium.launch(
                executable_path=shutil.which("chromium"), args=["--no-sandbox"]
            )
            tab = browser.new_page(viewport={"width": 1280, "height": 900})
            tab.goto(page.local_url)
            # A test picture where the real ones are at hand, else a phantom.
            tab.locator('.mk-examples button[title^="HeadCT"]').first.click()
            tab.wait_for_selector(".mk-plain .mk-right")
            brightness = tab.locator("#brightness input[type=number]")
            brightness.fill("25")
            brightness.press("Enter")
            tab.wait_for_selector(".mk-plain .mk-wrong")
            tab.mouse.move(0, 0)
            tab.screenshot(path=Path(__file__).parents[1] / "images" / "app.png", full_page=True)
            browser.close()
    finally:
        page.close(verbose=False)


if __name__ == "__main__":
    main()
