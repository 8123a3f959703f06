"""One owner's name in every address, and one command that puts it there and takes it back."""

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
# Addresses on GitHub, those of Colab, Binder and Kaggle that name a repository there, and its site.
ADDRESS = re.compile(r"(?:github\.com/|github/|gh/|//)([\w-]+)(?:\.github\.io)?/medmnist_keras")


@pytest.fixture(scope="module")
def tool():
    path = ROOT / "tools" / "set_owner.py"
    spec = importlib.util.spec_from_file_location("set_owner", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def copy(tool, tmp_path):
    for path in tool.files():
        target = tmp_path / path.relative_to(ROOT)
        target.parent.mkdir(exist_ok=True)
        shutil.copy(path, target)
    return tmp_path


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_every_tracked_address_names_the_owner(tool):
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False
    ).stdout.split()
    if not tracked:
        pytest.skip("this is no clone")
    known = {path.relative_to(ROOT).as_posix() for path in tool.files()}
    for name in tracked:
        if Path(name).suffix in {".png", ".npz", ".h5"} or name.startswith(("tests/", "tools/")):
            continue
        owners = set(ADDRESS.findall((ROOT / name).read_text(encoding="utf-8")))
        assert owners <= {tool.owner()}, name
        assert not owners or name in known, f"{name}: PATTERNS in tools/set_owner.py lack it"


def test_the_real_name_goes_everywhere_and_back(tool, copy):
    before = contents(copy)
    addresses = sum(len(ADDRESS.findall(text.decode())) for text in before.values())
    old = tool.owner(copy)
    assert tool.set_owner("ada-l", copy) == addresses > 20
    assert tool.owner(copy) == "ada-l"
    for path, text in contents(copy).items():
        assert set(ADDRESS.findall(text.decode())) <= {"ada-l"}, path
    assert tool.set_owner("ada-l", copy) == 0
    assert tool.set_owner(old, copy) == addresses
    assert contents(copy) == before


@pytest.mark.parametrize("name", ["", "ada/lovelace", "-ada", "ada-", "a--b", "a" * 40, "ada l"])
def test_a_name_that_github_does_not_admit_changes_nothing(tool, copy, name):
    before = contents(copy)
    with pytest.raises(ValueError, match="a name that GitHub admits.*Received: "):
        tool.set_owner(name, copy)
    assert contents(copy) == before


def test_the_command_says_what_it_did_or_how_it_is_used():
    command = [sys.executable, str(ROOT / "tools" / "set_owner.py")]
    assert "Usage" in subprocess.run(command, capture_output=True, text=True).stderr
    done = subprocess.run([*command, "not/one"], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Received: 'not/one'" in done.stderr


def test_until_the_name_is_set_the_readme_leads_with_what_works(tool):
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    if tool.owner() != tool.PLACEHOLDER:
        pytest.skip("the name is set")
    text = text.replace(f"//{tool.PLACEHOLDER}.github.io/", "")  # told to work once published
    assert text.index('pip install ".[notebooks]"') < ADDRESS.search(text).start()
