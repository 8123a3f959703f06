"""The talk: one page that asks for nothing outside, made of the notebooks' tagged cells."""

import re

import nbformat
import pytest
import talk
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image
from PIL.PngImagePlugin import PngInfo
from tiny_data import encode

from medmnist_keras.data import draw_phantoms
from tools.slides import cells, figures, handout, make

NOWHERE = "http://127.0.0.1:9"  # nobody listens there
NO_REVEAL = dict.fromkeys(make.REVEAL_FILES, "")
ADDRESS = "https://example.org/code"


@pytest.fixture(scope="module")
def deck():
    return talk.deck()


@pytest.fixture(scope="module")
def page(deck):
    return BeautifulSoup(deck, "html.parser")


@pytest.fixture(scope="module")
def slides():
    return cells.tell(make.NOTEBOOKS)


@pytest.fixture
def main_slides(slides):
    return [slide for slide in slides if "backup" not in cells.tags_of(slide)]


# -- the deck of the notebooks ---------------------------------------------------------------


def test_deck_is_one_file_of_a_good_size(deck):
    assert 1_000_000 < len(deck.encode()) < 5_000_000


def test_fifteen_slides_take_at_most_twenty_minutes(slides, main_slides):
    assert len(main_slides) == 15
    assert slides[:15] == main_slides  # backups come behind the last
    assert [cells.tags_of(slide).get("kind") for slide in main_slides] == [
        *["title", *[None] * 13, "closing"]
    ]
    minutes = [cells.tags_of(slide).minutes for slide in main_slides]
    assert 15 <= sum(minutes) <= 20
    assert min(minutes) > 0


def test_what_is_said_of_each_main_slide_stands_in_its_notes(main_slides):
    for slide in main_slides:
        tags = cells.tags_of(slide)
        assert len(" ".join(tags.notes)) > 40, tags.headline


def test_nothing_is_shown_before_it_is_explained(slides):
    places = {cell.id: place for place, slide in enumerate(slides) for cell in slide}
    explained = places["01-draw-dealing"]
    assert places["01-random-first"] < explained  # only the random split
    for cell in ("01-06933c79", "01-8d082a1b", "04-cad2638d", "04-odd-errors"):
        assert places[cell] > explained


def test_deck_tells_its_parts_in_order(main_slides):
    parts = [cells.tags_of(slide).part for slide in main_slides[1:-1]]
    assert list(dict.fromkeys(parts)) == list(cells.PARTS)
    assert parts == sorted(parts, key=list(cells.PARTS).index)


def test_slides_are_numbered_and_each_has_a_headline_of_its_own(page):
    slides = page.select(".slides > section")
    numbers = [slide.select("footer span")[1].text.split()[-1] for slide in slides]
    assert numbers == [str(number) for number in range(1, len(slides) + 1)]
    headlines = [slide.select("h1, h2") for slide in slides]
    assert {len(each) for each in headlines} == {1}
    assert len({each[0].text for each in headlines}) == len(slides)


def test_backups_say_so(page):
    slides = page.select(".slides > section")
    assert [bool(slide.select(".backup")) for slide in slides] == [False] * 15 + [True] * (
        len(slides) - 15
    )


def test_the_last_slide_leaves_three_sentences(page):
    last = page.select("section.closing .prose p")
    assert tuple(one.text for one in last) == cells.LESSONS


def test_handout_has_six_figures_with_a_sentence_each():
    page = BeautifulSoup(handout.make_handout(make.NOTEBOOKS), "html.parser")
    sentences = [figure.img["alt"] for figure in page.select("figure")]
    assert len(sentences) == 6
    for sentence in sentences:
        assert re.fullmatch(r"[A-Z].{20,130}\.", sentence)
    assert not page.select(".address")


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


def test_headlines_hold_no_number_that_another_run_could_change():
    for path in make.NOTEBOOKS:
        for cell in nbformat.read(path, as_version=4).cells:
            tags = cell.metadata.get("slideshow", {})
            for name in ("headline", "text", "handout"):
                assert not re.search(r"\d", tags.get(name, ""))


# -- a tiny one ------------------------------------------------------------------------------


def tags(kind, **more):
    if kind == "slide":
        more = {"part": "task", "minutes": 1, **more}
        if "backup" in more:
            del more["minutes"]
    return {"slideshow": {"slide_type": kind, **more}}


def figure():
    data = new_output("display_data", {"image/png": ""})
    image = draw_phantoms(1)[0][0, ..., 0]
    data.data["image/png"] = cells.base64.b64encode(encode(image, "PNG")).decode()
    return data


@pytest.fixture
def tiny(tmp_path, monkeypatch):
    """Makes a deck of a notebook of some cells."""
    monkeypatch.setattr(figures, "FOLDER", tmp_path)

    def build(*cells, address=None):
        path = tmp_path / "01_tiny.ipynb"
        nbformat.write(new_notebook(cells=cells), path)
        return BeautifulSoup(make.make_deck([path], NO_REVEAL, address), "html.parser")

    return build


def test_cells_become_slides_as_tagged(tiny):
    page = tiny(
        new_markdown_cell("Not shown."),
        new_code_cell(
            "hidden()",
            outputs=[figure()],
            metadata=tags("slide", headline="One *look*", minutes=1.5),
        ),
        new_markdown_cell(
            "Read it so.\n\n## Next step\n\nNot for the speaker.", metadata=tags("notes")
        ),
        new_code_cell("skipped()", metadata=tags("skip")),
        new_code_cell(
            "seen()",
            outputs=[new_output("stream", text="a: 1\nb")],
            metadata=tags("fragment"),
        ),
        new_markdown_cell(
            "Left out.\n\n## Last\n\n- See [chapter 2](02.ipynb)\n\nNext: [2](02.ipynb)",
            metadata=tags("slide", part="doubt"),
        ),
    )
    title, first, last, closing = page.select("section")
    assert title.h1.text == cells.TITLE
    assert str(first.h2) == "<h2>One <em>look</em></h2>"
    assert first["class"] == ["tall"]  # a square figure
    assert first.img["alt"] == "One *look*"
    (notes,) = first.select("aside.notes")
    assert [one.text for one in notes.select("p")] == [
        "1.5 min, until 2:00",  # of which the title takes half a minute
        "Read it so.",
    ]
    assert "hidden" not in first.text
    assert "seen" not in first.text
    assert [fact.text for fact in first.select(".fragment .fact")] == ["a1", "b"]
    assert last.h2.text == "Last"
    assert last.select_one(".content").text.split() == ["See", "chapter", "2"]
    assert closing.h2.text == cells.CLOSING
    assert "skipped" not in page.text


def test_parts_come_in_their_order_and_backups_last(tiny):
    made = [("A", "doubt", {}), ("B", "task", {"backup": True}), ("C", "split", {})]
    page = tiny(
        *(
            new_markdown_cell(f"## {name}", metadata=tags("slide", part=part, **more))
            for name, part, more in made
        )
    )
    shown = [slide.h2.text for slide in page.select("section")[1:]]
    assert shown == ["C", "A", cells.CLOSING, "B"]
    assert [bool(slide.select(".backup")) for slide in page.select("section")] == [
        *[False] * 4,
        True,
    ]


def draw(folder, name, caption):
    """What `make notebooks` stores of a cell's figure, in little."""
    said = PngInfo()
    said.add_text("Description", caption)
    said.add_text("Smallest text", "30.0")
    Image.new("L", (200, 100)).save(folder / f"01-{name}.png", pnginfo=said)


def test_figures_are_those_drawn_for_the_slide_and_credited_once(tiny, tmp_path):
    for name, caption in (("one", "Credit"), ("two", "Note. Credit"), ("three", "A drawing")):
        draw(tmp_path, name, caption)
    page = tiny(
        new_code_cell(id="one", outputs=[figure()], metadata=tags("slide", headline="A")),
        new_code_cell(id="two", metadata=tags("fragment")),
        new_code_cell(id="three", metadata=tags("slide", headline="B")),
        new_code_cell(id="four", outputs=[figure()], metadata=tags("slide", headline="C")),
    )
    slides = page.select("section")[1:4]
    assert [slide.select_one("footer span").text for slide in slides] == [
        "Note. Credit",
        "A drawing",
        "",  # the notebook's own figure has it
    ]
    pictures = [slide.select("img") for slide in slides]
    assert [len(each) for each in pictures] == [2, 1, 1]
    drawn = cells.base64.b64encode((tmp_path / "01-one.png").read_bytes()).decode()
    assert pictures[0][0]["src"] == f"data:image/png;base64,{drawn}"
    assert pictures[0][0]["data-smallest"] == "30.0"


def test_an_address_is_shown_twice_with_its_code_and_else_not_at_all(tiny):
    assert not tiny().select(".address")
    first, last = tiny(address=ADDRESS).select("section .address")
    for shown in (first, last):
        assert shown.a["href"] == ADDRESS
        assert shown.a.text == "example.org/code"
        assert shown.img["src"].startswith("data:image/svg+xml")


def test_what_is_no_address_is_refused(capsys):
    assert make.parse_address("", []) is None
    assert make.parse_address("", [ADDRESS]) == ADDRESS
    with pytest.raises(SystemExit):
        make.parse_address("", ["example"])
    assert "Expected an address that begins with https://" in capsys.readouterr().err


def test_handout_shows_figures_with_sentence_credit_and_address(tiny, tmp_path):
    draw(tmp_path, "one", "Credit")
    tiny(new_code_cell(id="one", metadata=tags("slide", headline="A", handout="It says so.")))
    page = BeautifulSoup(handout.make_handout([tmp_path / "01_tiny.ipynb"], ADDRESS), "html.parser")
    assert page.figure.figcaption.text.split() == ["1", "It", "says", "so.Credit"]
    assert page.figure.img["src"].startswith("data:image/png;base64,iVBOR")
    assert [one.text for one in page.select("footer p")] == list(cells.LESSONS)
    assert page.select_one(".address").text == "example.org/code"


def test_tables_have_one_row_of_names_and_no_style_of_their_own(tiny):
    html = (
        "<style>td {color: red}</style><table><thead><tr><th></th><th>errors</th></tr>"
        "<tr><th>model</th><th></th></tr></thead>"
        "<tbody><tr><th>CNN</th><td>14</td></tr></tbody></table>"
    )
    output = new_output("execute_result", {"text/html": html}, execution_count=1)
    cell = new_code_cell("", outputs=[output], metadata=tags("slide", headline="Table"))
    table = tiny(cell).table
    assert [name.text for name in table.select("thead th")] == ["model", "errors"]
    assert table.select_one("tbody th")["class"] == ["words"]
    assert not table.td.get("class")
    assert "red" not in str(table.parent)


def test_tags_that_do_not_add_up_are_refused(tiny):
    with pytest.raises(ValueError, match=r"slideshow.part of cell .* of 01_tiny.* Received: 'no'"):
        tiny(new_markdown_cell("## A", metadata=tags("slide", part="no")))
    with pytest.raises(ValueError, match="Expected a slideshow.headline or a heading in cell"):
        tiny(new_markdown_cell("A", metadata=tags("slide")))
    unsaid = {"slideshow": {"slide_type": "slide", "part": "task"}}
    with pytest.raises(ValueError, match="Expected either slideshow.minutes or slideshow.backup"):
        tiny(new_markdown_cell("## A", metadata=unsaid))
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
