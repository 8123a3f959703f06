"""The digest of the package's code."""

import pytest
from package_digest import PARTS, package_digest

CODE = '''
"""A module."""


def half(x):
    """Divides."""
    return x / 2  # by two
'''


@pytest.fixture
def package(tmp_path):
    for part in PARTS:
        (tmp_path / part).mkdir()
        (tmp_path / part / "module.py").write_text(CODE, encoding="utf-8")
    return tmp_path


def rewritten(package, part, old, new):
    assert old in CODE
    (package / part / "module.py").write_text(CODE.replace(old, new), encoding="utf-8")
    return package_digest(package)


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("old", "new"), [("x / 2", "x / 3"), ("half", "halve"), ("/ 2", "// 2")])
def test_other_code_has_another_digest(package, part, old, new):
    before = package_digest(package)
    assert rewritten(package, part, old, new) != before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("A module.", "The module."),
        ("Divides.", "Divides a number.\n\n    By two.\n    "),
        ("  # by two", ""),
        ("x / 2", "(\n        x\n        / 2\n    )"),
        ('    """Divides."""\n', ""),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(package, old, new):
    before = package_digest(package)
    assert rewritten(package, "data", old, new) == before


def test_a_file_more_less_or_renamed_counts(package):
    found = {package_digest(package)}
    file = package / "models" / "more.py"
    file.write_text(CODE, encoding="utf-8")
    found.add(package_digest(package))
    file.rename(file.with_name("other.py"))
    found.add(package_digest(package))
    assert len(found) == 3


def test_what_makes_no_numbers_does_not_count(package):
    before = package_digest(package)
    (package / "plots").mkdir()
    (package / "plots" / "module.py").write_text(CODE, encoding="utf-8")
    assert package_digest(package) == before
