"""What the benchmark of many visitors counts, without the live page."""

import subprocess

import pytest
from tiny_data import in_a_thread

pytest.importorskip("httpx")

from benchmarks import load
from benchmarks.visitors import Wait, draw_files, draw_large, fetch, together


def test_times_are_those_of_answers():
    waits = [Wait("a", 1, "answer"), Wait("a", 3, "answer"), Wait("a", 60, "nothing")]
    first, second = load.rows_of([*waits, Wait("b", 1, "refusal")])
    assert (first["asked"], first["answer"], first["nothing"]) == (3, 2, 1)
    assert (first["median_s"], first["most_s"]) == (2, 3)
    assert (second["refusal"], second["median_s"]) == (1, None)


def test_visitors_of_a_static_page_load_all_of_it_or_nothing(tmp_path, serve):
    (tmp_path / "index.html").write_text("a page")
    visits = [fetch(serve(tmp_path), names) for names in (["index.html"], ["gone.js"])]
    waits = in_a_thread(together, visits)
    assert [wait.came for wait in waits] == ["answer", "nothing"]


def test_a_static_page_is_served_measured_and_ended(tmp_path):
    (tmp_path / "index.html").write_text("a page")
    measured = in_a_thread(load.measure_static, load.Sizes(visitors=2), tmp_path)
    assert measured["rows"][0]["answer"] == 2
    assert measured["bytes_per_visitor"] == len("a page")
    result = {"2 visitors": measured, "seconds": 1}
    assert "bytes_per_visitor 6" in load.format_result(result)


def test_a_page_that_does_not_start_is_told(tmp_path):
    with pytest.raises(RuntimeError, match="did not start"), load.serving(["false"], "", "ready"):
        pass


def test_memory_is_that_of_the_process():
    with subprocess.Popen(["sleep", "9"]) as process:
        memory = load.peak_memory_of(process)
        process.kill()
    assert memory is None or 0 < memory < 100


def test_pictures_have_the_size_that_was_asked_for():
    assert len(set(draw_files(3))) == 3
    assert 0.95e6 < len(draw_large(1)) <= 1.01e6


def test_files_are_counted_and_waited_for(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "b").write_bytes(b"four")
    with load.most_files(tmp_path) as stored:
        assert load.files_below(tmp_path) == (1, 4)
        assert load.wait_until(lambda: max(stored) == 4, 9) is not None
    assert load.wait_until(lambda: False, 0) is None
