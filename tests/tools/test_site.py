"""The web site's pages: made of sources as they are, with links that lead to other pages."""

import re

import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from tools.site import make, pages


@pytest.fixture(scope="module")
def made():
    return [pages.make_page(source) for source in pages.SOURCES]


@pytest.fixture(scope="module")
def front(made):
    return BeautifulSoup(make.front_page(made, make.tell_story()), "html.parser")


def soup_of(markdown):
    return BeautifulSoup(pages.markdown(markdown), "html.parser")


def test_the_front_page_tells_four_figures_and_leads_to_all_pages(front, made):
    assert len(front.select(".story figcaption")) == 4
    assert len(front.select(".chapters li")) == 6
    linked = {link["href"] for link in front.select("a[href]")}
    assert {page.target for page in made} <= linked
    assert {"live/index.html", "talk/slides.html", "talk/handout.html"} <= linked


def test_no_page_loads_anything_from_elsewhere_and_all_figures_say_what_they_show(front, made):
    for soup in [
        front,
        *(BeautifulSoup(make.inner_page(one, made), "html.parser") for one in made),
    ]:
        for tag in soup.select("[src], link[href]"):
            assert not re.match(r"\w+://|/", tag.get("src") or tag["href"])
        assert not soup.select("script, iframe")
        assert all(image["alt"].strip() for image in soup.select("img"))
        assert len(soup.select("h1")) == 1


def test_solutions_are_not_linked(front, made):
    for html in [str(front), *(make.inner_page(page, made) for page in made)]:
        assert not re.search(r'href="[^"]*solutions/', html)


def test_links_lead_to_pages_and_else_to_github():
    soup = soup_of(
        "[a](../docs/using.md#talk) [b](../data/x.csv) [c](#top) [d](https://e.org/f.md)"
    )
    pages.relink(soup, "notebooks/one.ipynb", ["docs/using.md"])
    assert [link["href"] for link in soup.select("a")] == [
        *("../docs/using.html#talk", f"{pages.REPOSITORY}/blob/main/data/x.csv"),
        *("#top", "https://e.org/f.md"),
    ]


def test_sections_are_named_as_on_github_each_once():
    soup = soup_of("## Is it `so`? Yes\n\n## Twice\n\n### Twice")
    assert pages.name_sections(soup) == [("is-it-so-yes", "Is it so? Yes"), ("twice", "Twice")]
    assert soup.h3["id"] == "twice-1"


def test_a_drawing_of_imports_becomes_a_table():
    soup = soup_of("```mermaid\nflowchart BT\n  a --> b\n  a --> c\n```")
    assert soup.find("table").get_text(" ", strip=True) == "package imports a b, c"


def test_cells_become_code_figures_and_folded_solutions():
    figure = new_output("display_data", {"image/png": "iVBOR=="})
    cells = [
        new_markdown_cell("## Looking"),
        new_code_cell('ax = plot(title="What it shows")', outputs=[figure]),
        new_code_cell("plot()", outputs=[figure]),
        new_code_cell("# @title Solution 1\n6 * 7", metadata={"jupyter": {"source_hidden": True}}),
    ]
    soup = BeautifulSoup(pages.notebook_body(new_notebook(cells=cells)), "html.parser")
    assert [image["alt"] for image in soup.select("img")] == ["What it shows", "Figure: Looking"]
    assert soup.details.summary.text == "Solution 1"
    assert "6" in soup.details.text


def test_what_a_cell_returns_is_shown_once_a_table_as_a_table():
    table = {"text/html": "<table><tr><td>7</td></tr></table>", "text/plain": "as text"}
    outputs = [
        new_output("execute_result", table),
        new_output("execute_result", {"text/plain": "8"}),
    ]
    body = pages.notebook_body(new_notebook(cells=[new_code_cell("7", outputs=outputs)]))
    soup = BeautifulSoup(body, "html.parser")
    assert soup.select_one(".output td").text == "7"
    assert soup.select_one(".output pre").text == "8"
    assert "as text" not in body


def test_a_chapter_without_outputs_says_so():
    page = pages.Page("notebooks/09_new.ipynb", "9 · New", "", [], is_run=False)
    assert "was not run in full yet" in make.inner_page(page, [page])


def test_the_story_is_told_with_the_figures_of_the_full_run_and_says_which_is_missing(
    made, tmp_path, monkeypatch
):
    monkeypatch.setattr(make, "ROOT", tmp_path)
    monkeypatch.setattr(make, "FOLDER", tmp_path / "images" / "slides")
    make.FOLDER.mkdir(parents=True)
    (make.FOLDER / "05-05-15.png").touch()
    story = make.tell_story()
    monkeypatch.undo()
    assert [one["file"] for one in story] == ["", "images/slides/05-05-15.png", "", ""]
    html = BeautifulSoup(make.front_page(made, story), "html.parser")
    assert [image["src"] for image in html.select(".story img")] == ["images/slides/05-05-15.png"]
    assert len(html.select(".story .note")) == 3


def test_external_pictures_are_credited_where_they_are_shown(front):
    told = make.tell_story()[1]
    assert "External pictures" in told["caption"]
    assert told["caption"] in front.select_one(".story").get_text()
    assert front.select_one('#story ~ p a[href="docs/external.html"]')


def test_the_chapter_in_the_browser_is_linked_where_it_was_built(front, made):
    assert not front.select('a[href^="lite/"]')
    assert 'href="lite/index.html"' in make.front_page(made, make.tell_story(), has_lite=True)


@pytest.fixture
def built(tmp_path):
    """What other commands build, in small."""
    build = tmp_path / "build"
    for name in ("web", "api", "lite"):
        (build / name).mkdir(parents=True)
        (build / name / "index.html").write_text("<header>x</header>", encoding="utf-8")
    for name in ("slides.html", "handout.html"):
        (build / name).touch()
    return build


def test_all_that_was_built_is_taken_and_what_no_run_has_stored_is_told(built, tmp_path):
    lacking = make.make_site(tmp_path / "site", built)
    for name in (*make.BUILT.values(), *make.OPTIONAL.values()):
        assert (tmp_path / "site" / name).exists()
    for one in make.tell_story():
        name = f"images/slides/{one['cell']}.png"
        assert (name in lacking) != (tmp_path / "site" / name).exists()


def test_what_was_not_built_is_named_and_nothing_is_left(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"Expected .*web.* Received: none"):
        make.make_site(tmp_path / "site", build=tmp_path)
    assert not (tmp_path / "site").exists()
