"""Writing that leaves all or nothing, and clearing that takes nothing of anybody else's."""

import errno
import multiprocessing
import os
import time

import pytest

from medmnist_keras import storage
from medmnist_keras.storage import clear_leftovers, locked, replacing, temporary_folder

OLD = (1e9, 1e9)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def ours(folder, name=".medmnist_keras-left"):
    """What a process that was killed long ago has left."""
    left = folder / name
    (left / "whole").mkdir(parents=True)
    (left / storage._MARKER).touch()
    (left / "whole" / "model.keras").write_bytes(b"half")
    for path in (*left.rglob("*"), left):
        os.utime(path, OLD)
    return left


# -- writing -------------------------------------------------------------------------------------


def test_a_file_takes_its_place_when_it_is_complete(tmp_path):
    target = tmp_path / "new folder" / "a[1]*.txt"
    with replacing(target) as (draft,):
        draft.write_text("one", encoding="utf-8")
        assert not target.exists()
        assert draft.name == target.name
    assert target.read_text(encoding="utf-8") == "one"
    assert names(target.parent) == [target.name]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_breaks_off_leaves_what_was_there(kind, tmp_path):
    target = tmp_path / "target"
    if kind == "folder":
        target.mkdir()
    else:
        target.write_text("old", encoding="utf-8")
    with pytest.raises(KeyError), replacing(target) as (draft,):  # noqa: PT012
        draft.write_text("half", encoding="utf-8")
        raise KeyError
    assert names(tmp_path) == ["target"]
    assert target.is_dir() if kind == "folder" else target.read_text(encoding="utf-8") == "old"


def test_folder_and_file_take_each_others_place(tmp_path):
    target = tmp_path / "target"
    for write in (
        lambda p: p.mkdir(),
        lambda p: p.touch(),
        lambda p: p.mkdir(),
        lambda p: p.mkdir(),
    ):
        with replacing(target) as (draft,):
            write(draft)
    assert names(tmp_path) == ["target"]


def test_a_link_is_replaced_and_not_what_it_leads_to(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "file").touch()
    (tmp_path / "link").symlink_to(tmp_path / "real", target_is_directory=True)
    with replacing(tmp_path / "link") as (draft,):
        draft.write_text("new", encoding="utf-8")
    assert (tmp_path / "link").read_text(encoding="utf-8") == "new"
    assert names(tmp_path / "real") == ["file"]


def test_old_and_new_of_a_group_never_lie_side_by_side(tmp_path, monkeypatch):
    targets = [tmp_path / name for name in ("model.xml", "model.bin", "model.json")]

    def write(text):
        with replacing(*targets) as drafts:
            for draft in drafts:
                draft.write_text(text, encoding="utf-8")

    real, seen = storage.Path.replace, []
    remove, left = storage._remove, []

    def replace(self, target):
        seen.append({path.read_text(encoding="utf-8") for path in targets if path.exists()})
        seen[-1] = (seen[-1], targets[-1].exists())
        return real(self, target)

    def remove_and_look(path):
        remove(path)
        left.append([path.name for path in targets if path.exists()])

    write("old")
    monkeypatch.setattr(storage.Path, "replace", replace)
    monkeypatch.setattr(storage, "_remove", remove_and_look)
    write("new")
    assert [path.read_text(encoding="utf-8") for path in targets] == ["new"] * 3
    assert [texts for texts, _ in seen] == [{"old"}, {"new"}, {"new"}]
    assert not any(last for _, last in seen)  # so that nothing counts meanwhile
    assert left == [["model.xml", "model.bin"], ["model.xml"]]  # nor while the old ones go


def test_what_can_not_be_written_is_told_with_name_and_advice(tmp_path):
    (tmp_path / "blocker").touch()
    target = tmp_path / "blocker" / "file"
    with (
        pytest.raises(OSError, match=r"file could not be written \(.*\)\. Free some space"),
        replacing(target),
    ):
        pass


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (errno.ENOSPC, "the disk is full"),
        (errno.EDQUOT, "your share of the disk is full"),
        (errno.EACCES, "no permission to write there"),
        (errno.EROFS, "it is read-only"),
        (errno.EIO, f"[Errno {errno.EIO}] as the system says"),
    ],
)
def test_why_a_file_could_not_be_written_is_told_in_words(code, told):
    assert storage.reason(OSError(code, "as the system says")) == told


# -- clearing ------------------------------------------------------------------------------------


def test_leftovers_of_ours_go_and_all_else_stays(tmp_path):
    ours(tmp_path)
    kept = {
        ".medmnist_keras-without marker": lambda path: (path / "mine").mkdir(parents=True),
        ".medmnist_keras-a file": lambda path: path.touch(),
        ".model.keras-backup": lambda path: ours(tmp_path, path.name),
        ".medmnist_keras": lambda path: ours(tmp_path, path.name),
        "writing-mine": lambda path: path.mkdir(),
    }
    for name, make in kept.items():
        make(tmp_path / name)
        for path in (*(tmp_path / name).rglob("*"), tmp_path / name):
            os.utime(path, OLD)
    (tmp_path / ".medmnist_keras-killed").mkdir()  # before it could set its mark
    os.utime(tmp_path / ".medmnist_keras-killed", OLD)
    elsewhere = ours(tmp_path / "elsewhere")
    (tmp_path / ".medmnist_keras-link").symlink_to(elsewhere, target_is_directory=True)
    with replacing(tmp_path / "model.keras") as (draft,):
        draft.touch()
    assert set(names(tmp_path)) == {*kept, "elsewhere", ".medmnist_keras-link", "model.keras"}
    assert elsewhere.exists()


def test_what_a_living_process_writes_stays(tmp_path):
    left = ours(tmp_path)
    os.utime(left / "whole" / "model.keras")  # the one file that it is writing
    clear_leftovers(tmp_path)
    assert left.exists()
    os.utime(left / "whole" / "model.keras", (time.time() - 601, time.time() - 601))
    clear_leftovers(tmp_path)
    assert not left.exists()


def test_no_folder_is_no_error(tmp_path):
    clear_leftovers(tmp_path / "nowhere")


def test_each_writer_has_a_folder_of_its_own(tmp_path):
    with temporary_folder(tmp_path) as one, temporary_folder(tmp_path) as other:
        assert one != other
        assert names(one) == names(other) == []
    assert names(tmp_path) == []


# -- at once -------------------------------------------------------------------------------------


def count_up(file, times):
    for _ in range(times):
        with locked(file):
            number = int(file.read_text(encoding="utf-8")) if file.exists() else 0
            with replacing(file) as (draft,):
                draft.write_text(str(number + 1), encoding="utf-8")


def test_processes_that_change_a_file_at_once_lose_nothing(tmp_path):
    file, context = tmp_path / "results.json", multiprocessing.get_context("spawn")
    children = [context.Process(target=count_up, args=(file, 50)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join(120)
    assert [child.exitcode for child in children] == [0] * 3
    assert file.read_text(encoding="utf-8") == "150"
