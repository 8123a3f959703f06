"""The talk: one page that asks for nothing outside, made of the notebooks' tagged cells."""

import re

import nbformat
import pytest
import talk
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from tiny_data import encode

from medmnist_keras import INFO
from medmnist_keras.data import draw_phantoms

make = talk.load_make()
NOWHERE = "http://127.0.0.1:9"  # nobody listens there
NO_REVEAL = dict.fromkeys(make.REVEAL_FILES, "")


@pytest.fixture(scope="module")
def deck():
    return talk.deck()


@pytest.fixture(scope="module")
def page(deck):
    return BeautifulSoup(deck, "html.parser")


# -- the deck of the notebooks ---------------------------------------------------------------


def test_deck_is_one_file_of_a_good_size(deck):
    assert 1_000_000 < len(deck.encode()) < 5_000_000


def test_deck_has_twenty_to_thirty_slides(page):
    slides = page.select(".slides > section")
    assert 20 <= len(slides) <= 30
    assert [slide.select("footer span")[1].text for slide in slides] == [
        str(number) for number in range(1, len(slides) + 1)
    ]
    for slide in slides:
        assert INFO["credit"] in slide.footer.text
        assert len(slide.select("h1, h2")) == 1


def test_deck_tells_its_parts_in_order(page):
    shown = [one.text for one in page.select(".part")]
    names = [name for name, _ in make.PARTS.values()]
    assert set(shown) == set(names)
    assert shown == sorted(shown, key=names.index)


def test_deck_asks_for_nothing_outside(page):
    for tag in page.find_all(True):
        for name in ("src", "href", "srcset", "data", "poster", "action"):
            if tag.get(name) and not (tag.name == "a" and tag[name].startswith("https://")):
                assert tag[name].startswith(("data:", "#")), f"{tag.name} {tag[name][:80]}"
        style = tag.get("style", "") + (tag.text if tag.name == "style" else "")
        assert "@import" not in style
        assert not re.search(r"url\((?![\"']?data:)", style)
    assert not page.find_all(["link", "iframe"])


def test_figures_are_inside_and_say_what_they_show(page):
    figures = page.select("section img")
    assert len(figures) >= 12
    for figure in figures:
        assert re.match("data:image/(png|jpeg);base64,[A-Za-z0-9+/]{99}", figure["src"])
        assert len(figure["alt"]) > 10


def test_slides_with_a_figure_have_notes(page):
    for slide in page.select(".slides > section"):
        if slide.select("figure"):
            assert len(slide.select_one("aside.notes").text) > 40, slide.h2.text


def test_maths_is_mathml(page):
    assert page.find_all("math")
    for code in page.select("pre, code, script, style"):
        code.decompose()
    assert "$" not in page.select_one(".slides").text


def test_headlines_hold_no_number_that_another_run_could_change():
    for path in talk.NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            tags = cell.metadata.get("slideshow", {})
            assert not re.search(r"\d", tags.get("headline", "") + tags.get("text", ""))


# -- a tiny one ------------------------------------------------------------------------------


def tags(kind, **more):
    return {"slideshow": {"slide_type": kind, **more}}


def figure():
    data = new_output("display_data", {"image/png": ""})
    image = draw_phantoms(1)[0][0, ..., 0]
    data.data["image/png"] = make.base64.b64encode(encode(image, "PNG")).decode()
    return data


@pytest.fixture
def tiny(tmp_path):
    def build(*cells):
        path = tmp_path / "01_tiny.ipynb"
        nbformat.write(new_notebook(cells=cells), path)
        return BeautifulSoup(make.make_deck([path], NO_REVEAL), "html.parser")

    return build


def test_cells_become_slides_as_tagged(tiny):
    page = tiny(
        new_markdown_cell("Not shown."),
        new_code_cell(
            "hidden()",
            outputs=[figure()],
            metadata=tags("slide", part="task", headline="One *look*"),
        ),
        new_markdown_cell(
            "Read it so.\n\n## Next step\n\nNot for the speaker.", metadata=tags("notes")
        ),
        new_code_cell("skipped()", metadata=tags("skip")),
        new_code_cell(
            "seen()",
            outputs=[new_output("stream", text="a: 1\nb")],
            metadata=tags("fragment", show="code and output"),
        ),
        new_markdown_cell(
            "Left out.\n\n## Last\n\n- See [chapter 2](02.ipynb)\n\nNext: [2](02.ipynb)",
            metadata=tags("slide", part="home"),
        ),
    )
    title, first, last = page.select("section")
    assert title.h1.text == make.TITLE
    assert str(first.h2) == "<h2>One <em>look</em></h2>"
    assert first["class"] == ["tall"]  # a square figure
    assert first.img["alt"] == "One *look*"
    assert first.aside.text.strip() == "Read it so."
    assert "hidden" not in first.text
    assert first.select_one(".fragment .highlight").text.strip() == "seen()"
    assert [fact.text for fact in first.select(".fragment .fact")] == ["a1", "b"]
    assert last.h2.text == "Last"
    assert last.select_one(".content").text.split() == ["See", "chapter", "2"]
    assert "skipped" not in page.text


def test_a_part_with_a_line_is_opened_by_a_slide(tiny):
    page = tiny(new_markdown_cell("## Other\n\nText.", metadata=tags("slide", part="repair")))
    opening = page.select_one("section.section")
    name, line = make.PARTS["repair"]
    assert (opening.h2.text, opening.select_one(".content").text.strip()) == (name, line)


def test_formulas_become_mathml_and_code_keeps_its_dollars(tiny):
    text = r"## Cosine $\cos x$" "\n\nInline $a^2$, code `$b`.\n\n" r"$$\frac{a}{b}$$"
    page = tiny(new_markdown_cell(text, metadata=tags("slide", part="task")))
    assert page.h2.math
    assert page.find("math", display="block").mfrac
    assert len(page.find_all("math")) == 3
    assert page.code.text == "$b"


def test_tables_have_one_row_of_names_and_no_style_of_their_own(tiny):
    html = (
        "<style>td {color: red}</style><table><thead><tr><th></th><th>errors</th></tr>"
        "<tr><th>model</th><th></th></tr></thead>"
        "<tbody><tr><th>CNN</th><td>14</td></tr></tbody></table>"
    )
    output = new_output("execute_result", {"text/html": html}, execution_count=1)
    cell = new_code_cell(
        "", outputs=[output], metadata=tags("slide", part="task", headline="Table")
    )
    table = tiny(cell).table
    assert [name.text for name in table.select("thead th")] == ["model", "errors"]
    assert table.select_one("tbody th")["class"] == ["words"]
    assert not table.td.get("class")
    assert "red" not in str(table.parent)


def test_tags_that_do_not_add_up_are_refused(tiny):
    with pytest.raises(ValueError, match=r"slideshow.part of cell .* of 01_tiny.* Received: 'no'"):
        tiny(new_markdown_cell("## A", metadata=tags("slide", part="no")))
    with pytest.raises(ValueError, match="Expected a slideshow.headline or a heading in cell"):
        tiny(new_markdown_cell("A", metadata=tags("slide", part="task")))
    with pytest.raises(ValueError, match='Expected a cell with slide_type "slide" before cell'):
        tiny(new_markdown_cell("A", metadata=tags("notes")))


# -- reveal.js -------------------------------------------------------------------------------


def test_without_a_network_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    with pytest.raises(OSError, match="could not be downloaded") as caught:
        make.fetch_reveal(tmp_path)
    for advice in (f"{NOWHERE}/reveal.js/-/reveal.js-", str(tmp_path), "npm_config_registry"):
        assert advice in str(caught.value)


def test_another_package_is_refused_and_not_kept(tmp_path, monkeypatch, serve):
    name = f"reveal.js-{make.REVEAL}.tgz"
    (tmp_path / "reveal.js" / "-").mkdir(parents=True)
    (tmp_path / "reveal.js" / "-" / name).write_bytes(b"something else")
    monkeypatch.setenv("npm_config_registry", serve(tmp_path))
    with pytest.raises(ValueError, match=r"Expected reveal.js .* Received another file"):
        make.fetch_reveal(tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*"))


def test_a_package_in_the_cache_needs_no_network(deck, monkeypatch):
    monkeypatch.setenv("npm_config_registry", NOWHERE)
    assert set(make.fetch_reveal()) == set(make.REVEAL_FILES)
