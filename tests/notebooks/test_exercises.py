"""The exercises: what their notebooks hold, and that they are made from those with solutions."""

import re
from pathlib import Path

import nbformat
import pytest

from tools import exercises

ROOT = Path(__file__).parents[2]
PATHS = sorted(exercises.SOLUTIONS.glob("*.ipynb"))
LEVELS = ["easy", "medium", "open-ended"]
TASK = re.compile(r"^## Exercise (\d) · ([\w-]+) · (\d+) minutes$", re.MULTILINE)
BLOCK = re.compile(rf"{exercises.BEGIN}\n(.*?)^ *{exercises.END}", re.DOTALL | re.MULTILINE)


def read(path):
    return nbformat.read(path, as_version=4)


def tags(cell):
    return cell.metadata.get("tags", [])


def lines(code):
    return {line.strip() for line in code.splitlines() if line.strip()}


@pytest.fixture(params=PATHS, ids=lambda path: path.stem)
def path(request):
    return request.param


@pytest.fixture
def solved(path):
    return read(path)


@pytest.fixture
def given(path):
    return read(exercises.EXERCISES / path.name)


@pytest.fixture
def questions(given):
    return [one.source for one in given.cells if one.source.startswith("### Question ")]


def test_there_is_one_for_each_of_six_chapters():
    assert [path.stem[:2] for path in PATHS] == [f"0{number}" for number in range(1, 7)]
    made = sorted(path.name for path in exercises.EXERCISES.glob("*.ipynb"))
    assert made == [path.name for path in PATHS]


def test_exercises_are_made_from_the_solutions(path, solved):
    made = exercises.text(exercises.make_exercises(solved))
    committed = (exercises.EXERCISES / path.name).read_text(encoding="utf-8")
    assert committed == made, "Run `make exercises`."


def test_no_outputs_are_stored(solved, given):
    for cell in [*solved.cells, *given.cells]:
        assert cell.get("outputs", []) == []
        assert cell.get("execution_count") is None


def test_exercises_hold_no_solution(solved, given):
    told = {cell.id: cell for cell in given.cells}
    for cell in solved.cells:
        if exercises.TAG not in tags(cell):
            assert exercises.BEGIN not in cell.source
        elif cell.cell_type == "markdown":
            assert cell.id not in told
        else:
            solution = lines("\n".join(BLOCK.findall(cell.source)))
            frame = lines(told[cell.id].source)
            assert solution
            assert not solution & frame
            assert exercises.FRAME in frame
            assert tags(told[cell.id]) == ["exercise"]
    content = "\n".join(cell.source for cell in given.cells)
    assert "SOLUTION" not in content
    assert "*Solution.*" not in content


def test_three_exercises_with_level_minutes_hint_frame_and_check(given):
    cells = given.cells
    tasks = [index for index, cell in enumerate(cells) if TASK.match(cell.source)]
    heads = [TASK.match(cells[index].source).groups() for index in tasks]
    assert [(number, level) for number, level, _ in heads] == [
        (str(number), level) for number, level in enumerate(LEVELS, 1)
    ]
    minutes = [int(minute) for *_, minute in heads]
    assert minutes == sorted(minutes)
    assert f"{sum(minutes)} minutes for the exercises" in cells[0].source
    for start in tasks:
        assert cells[start + 1].source.startswith("<details><summary>Hint</summary>\n\n")
        code = [cell for cell in cells[start + 2 : start + 5] if cell.cell_type == "code"]
        wanted = [[], ["exercise"], ["check"]]
        assert [tags(cell) for cell in code] in (wanted, wanted[1:])
        check = next(cell for cell in code if tags(cell) == ["check"])
        assert re.search(r"^if solved\(", check.source, re.MULTILINE)
        assert "    assert " in check.source
        assert "    print(" in check.source
    assert sum("check" in tags(cell) for cell in cells) == len(LEVELS)


def test_each_solution_says_what_it_shows(solved):
    for cell, after in zip(solved.cells, solved.cells[1:], strict=False):
        if "check" in tags(cell):
            assert after.source.startswith("*Solution.* ")
            assert tags(after) == [exercises.TAG]


def test_questions_have_answers_that_say_why_the_wrong_ones_are_wrong(questions):
    assert 3 <= len(questions) <= 5
    for number, question in enumerate(questions, 1):
        asked, answer = question.split("<details><summary>Answer</summary>\n\n")
        assert asked.startswith(f"### Question {number}\n\n")
        assert answer.endswith("\n\n</details>")
        options = re.findall(r"^- \*\*([A-D])\.\*\* ", asked, re.MULTILINE)
        assert options == list("ABCD"[: len(options)])
        assert len(options) >= 3
        (right,) = re.findall(r"^\*\*([A-D])\.\*\* ", answer, re.MULTILINE)
        wrong = re.findall(r"^- ([A-D]) is wrong\. \w", answer, re.MULTILINE)
        assert sorted([right, *wrong]) == options


def test_questions_hold_no_number_that_no_cell_prints(questions):
    for question in questions:
        assert not re.search(r"\d{2,}|\d\.\d|\d ?%", question)


def test_links_point_at_files_that_exist_and_at_no_solution(path, solved, given):
    badges = 0
    for name, notebook in {"solutions": solved, "exercises": given}.items():
        text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
        for target in re.findall(r"\]\(([^)]+)\)", text):
            if target.startswith("https://"):
                if "medmnist_keras" in target:
                    assert target.endswith(f"notebooks/{name}/{path.name}")
                    badges += 1
            else:
                assert (path.parent / target).exists(), target
                assert "solutions" not in target
    assert badges == 6


def test_chapters_link_to_no_solution():
    for chapter in sorted(exercises.NOTEBOOKS.glob("*.ipynb")):
        assert "](solutions" not in chapter.read_text(encoding="utf-8")


def test_they_begin_as_the_chapters_do(given):
    chapter = read(exercises.NOTEBOOKS / "01_explore_the_data.ipynb")
    setup = next(cell for cell in chapter.cells if "setup" in tags(cell))
    assert re.match(r"# \d · Exercises: ", given.cells[0].source)
    first, second = [cell for cell in given.cells if cell.cell_type == "code"][:2]
    assert first.source == setup.source
    assert tags(first) == ["setup"]
    assert "read_settings()" in second.source
    assert given.metadata.kernelspec.name == "python3"


def test_nothing_private(path):
    for folder in (exercises.SOLUTIONS, exercises.EXERCISES):
        text = (folder / path.name).read_text(encoding="utf-8")
        assert not re.search(r"/home/|/root/|/Users/|/work/|/tmp/", text)


def test_minutes_of_the_page_for_teachers_are_those_of_the_notebooks(path, given):
    page = (ROOT / "docs" / "teaching.md").read_text(encoding="utf-8")
    row = re.compile(rf"^\| {int(path.stem[:2])} [^|]+ \| (\d+) min \| (\d+) min \|", re.MULTILINE)
    reading, doing = row.search(page).groups()
    told = f"**Time**: {reading} minutes for the chapter, {doing} minutes for the exercises"
    assert told in given.cells[0].source


# -- the generator ---------------------------------------------------------------------------


def test_a_frame_keeps_what_is_given():
    source = (
        "def double(x):\n"
        '    """Twice x."""\n'
        "    ### BEGIN SOLUTION\n"
        "    return 2 * x\n"
        "    ### END SOLUTION\n"
        "\n"
        "\n"
        "four = ...\n"
        "### BEGIN SOLUTION\n"
        "four = double(2)\n"
        "### END SOLUTION\n"
        "print(four)"
    )
    frame = exercises.without_solution(source)
    assert frame == (
        "def double(x):\n"
        '    """Twice x."""\n'
        "    # Your code here\n"
        "\n"
        "\n"
        "four = ...\n"
        "# Your code here\n"
        "print(four)"
    )
    names = {}
    exec(frame, names)
    assert names["four"] is ...
    assert names["double"](2) is None


@pytest.mark.parametrize("marker", [exercises.BEGIN, exercises.END])
def test_a_marker_without_its_partner_is_an_error(marker):
    with pytest.raises(ValueError, match="Expected pairs"):
        exercises.without_solution(f"x = 1\n{marker}\ny = 2")


def test_the_solutions_stay_as_they_are_and_old_exercises_go(tmp_path, monkeypatch):
    solutions, made = tmp_path / "solutions", tmp_path / "exercises"
    solutions.mkdir()
    made.mkdir()
    monkeypatch.setattr(exercises, "SOLUTIONS", solutions)
    monkeypatch.setattr(exercises, "EXERCISES", made)
    source = PATHS[0].read_bytes()
    (solutions / "01.ipynb").write_bytes(source)
    (made / "07_of_old.ipynb").write_text("{}")
    exercises.main()
    assert (solutions / "01.ipynb").read_bytes() == source
    assert [path.name for path in made.iterdir()] == ["01.ipynb"]
    before = read(PATHS[0])
    expected = exercises.text(exercises.make_exercises(before))
    assert before == read(PATHS[0])
    assert (made / "01.ipynb").read_bytes() == expected.encode()
