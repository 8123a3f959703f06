"""The deck in a browser, from disk: every slide fits, shows what it should and asks for nothing."""

import re

import pytest
import talk

# What a person would see at once: whether a slide's parts lie inside it, and what it says.
LOOK = """() => {
  const slide = Reveal.getCurrentSlide(), frame = slide.getBoundingClientRect()
  const outside = [], small = []
  for (const part of slide.querySelectorAll('header *, footer *, .content *')) {
    if (part.closest('aside, .strip')) continue
    const box = part.getBoundingClientRect()
    if (box.width === 0) continue
    if (box.left < frame.left - 1 || box.right > frame.right + 1 ||
        box.top < frame.top - 1 || box.bottom > frame.bottom + 1) outside.push(part.outerHTML)
    if (parseFloat(getComputedStyle(part).fontSize) < 18)
      small.push(part.outerHTML)
  }
  for (const figure of slide.querySelectorAll('img[data-smallest]')) {
    const scale = Math.min(figure.width / figure.naturalWidth, figure.height / figure.naturalHeight)
    if (scale * figure.dataset.smallest < 18) small.push(figure.alt)
  }
  const content = slide.querySelector('.content')
  const header = slide.querySelector('header').getBoundingClientRect()
  const code = [...slide.querySelectorAll('pre, code')].map(one => one.innerText)
  return {
    number: Reveal.getSlidePastCount() + 1,
    width: frame.width, height: frame.height,
    outside: outside.map(one => one.slice(0, 200)), small: small.map(one => one.slice(0, 200)),
    spills: content.scrollHeight > content.clientHeight + 1 ||
            content.scrollWidth > content.clientWidth + 1,
    headline: slide.querySelector('h1, h2').innerText,
    text: code.reduce((text, one) => text.replace(one, ''), slide.innerText),
    shown: content.innerText.trim().length + content.querySelectorAll('img').length,
    images: [...slide.querySelectorAll('img')].map(one => one.naturalWidth),
    hidden: slide.querySelectorAll('.fragment:not(.visible)').length,
  }
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    path = tmp_path_factory.mktemp("talk") / "slides.html"
    path.write_text(talk.deck("https://example.org/code"), encoding="utf-8")
    return path.as_uri()


def open_deck(page, address):
    page.goto(address)
    page.wait_for_function("Reveal.isReady()")
    return page.evaluate("Reveal.getTotalSlides()")


def test_every_slide_fits_and_shows_what_it_should(page, address):
    total = open_deck(page, address)
    seen = []
    for _ in range(3 * total):
        look = page.evaluate(LOOK)
        if not look["hidden"]:
            seen.append(look)
        if look["number"] == total and not look["hidden"]:
            break
        page.keyboard.press("ArrowRight")
    assert [look["number"] for look in seen] == list(range(1, total + 1))
    for look in seen:
        where = f"slide {look['number']}, {look['headline']!r}"
        assert (look["width"], look["height"]) == (1280, 720), where
        assert look["headline"].strip(), where
        assert look["shown"], where
        assert not look["outside"], f"{where}: {look['outside']}"
        assert not look["spills"], where
        assert not look["small"], f"{where}: {look['small']}"
        assert all(look["images"]), where
        raw = re.search(r"\$|\*\*|\]\(|^#+ |^- |\\[a-z]{2}", look["text"], re.MULTILINE)
        assert not raw, f"{where}: {raw}"
    assert not page.outside
    assert not page.complaints


def test_escape_shows_all_slides_at_once(page, address):
    open_deck(page, address)
    page.keyboard.press("Escape")
    assert page.evaluate("Reveal.isOverview()")
    page.keyboard.press("Escape")
    assert not page.evaluate("Reveal.isOverview()")


def test_speaker_window_shows_notes_and_follows(page, address):
    open_deck(page, address)
    with page.context.expect_page() as opened:
        page.keyboard.press("s")
    speaker = opened.value
    complaints = []
    speaker.on("pageerror", lambda error: complaints.append(str(error)))
    page.keyboard.press("ArrowRight")
    notes = page.evaluate("Reveal.getSlideNotes()")
    words = re.sub(r"<[^>]*>", "", notes).split()
    assert len(words) > 5
    speaker.wait_for_function(
        "first => document.querySelector('.speaker-controls-notes .value')"
        ".textContent.includes(first)",
        arg=" ".join(words[:3]),
    )
    assert not complaints
    assert not page.outside
    assert not page.complaints


def test_print_view_has_a_page_per_slide_and_per_key(page, address):
    open_deck(page, address)
    total = page.evaluate("Reveal.getTotalSlides() + document.querySelectorAll('.fragment').length")
    page.goto(address + "?print-pdf")
    page.wait_for_function("Reveal.isReady()")
    page.wait_for_selector(".pdf-page")
    assert page.locator(".pdf-page").count() == total
    printed = page.pdf(prefer_css_page_size=True, print_background=True)
    assert len(re.findall(rb"/Type\s*/Page\b", printed)) == total
    assert not page.outside
    assert not page.complaints
