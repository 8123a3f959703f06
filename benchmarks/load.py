"""Fifty visitors at once, of the live page and of the page that runs in their browsers.

    make web
    python -m benchmarks.load

Five minutes on two CPU cores, which pages and visitors share; everything stays on this machine.
It prints a table and writes `build/load.json`; copied to `notebooks/load.json`, `make results`
tells it in the docs.
"""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from medmnist_keras.data.loading import is_at_hand
from medmnist_keras.experiments.saved import write_json
from medmnist_keras.experiments.settings import Settings

from .figure import FOLDER
from .measuring import process_context
from .report import describe_machine
from .visitors import Wait, draw_files, draw_large, fetch, flood, together, visit

START = 120  # seconds a page has to start
SWEPT = 90  # and the live page to delete what nobody read


class Sizes(NamedTuple):
    """How much is asked for."""

    visitors: int = 50
    pictures: int = 3  # of each visitor
    refused: int = 50  # MB of a picture that is too large
    accepted: int = 24  # and of one that is not
    times: int = 30  # that each is shown at once


def measure_live(sizes: Sizes, large: bytes | None = None, patience: float = 0) -> dict:
    """Visitors of the live page; where a large picture is given, beside one who floods it.

    At the end it is watched, for as long as `patience`, until it has deleted all files.
    """
    files = draw_files(sizes.visitors * sizes.pictures)
    own = [files[number :: sizes.visitors] for number in range(sizes.visitors)]
    flooding: Future[list[Wait]] | None = None
    command = [sys.executable, "-m", "medmnist_keras", "app", "--no-open", "--port"]
    with tempfile.TemporaryDirectory() as folder, most_files(Path(folder)) as stored:
        with serving(command, folder, "The page is at") as (address, process):
            together([visit(address, own[0])])  # what the first one waits for, only once
            with ProcessPoolExecutor(1, mp_context=process_context()) as pool:
                if large:  # from a process of its own, so as not to hold up the visitors
                    flooding = pool.submit(_flood, address, large, sizes.times)
                start = time.perf_counter()
                waits = together([visit(address, each) for each in own])
                seconds = time.perf_counter() - start
                # What a speaker shows to all, all drop.
                waits += [
                    wait._replace(what="the same picture")
                    for wait in together([visit(address, files[:1]) for _ in own])
                    if wait.what == "a picture"
                ]
                waits += flooding.result() if flooding else []
            left = files_below(Path(folder))
            memory = peak_memory_of(process)
            gone = wait_until(lambda: not files_below(Path(folder))[0], patience)
        after = files_below(Path(folder))
    result = {
        "rows": rows_of(waits),
        "seconds": seconds,
        "peak_memory_MB": memory,
        "peak_stored_MB": max(stored) / 1e6,
        "files_left": left[0],
        "bytes_left": left[1],
        "files_left_at_the_end": after[0],
    }
    return result | ({"all_gone_after_s": gone} if patience else {})


def _flood(address: str, large: bytes, times: int) -> list[Wait]:
    return together([flood(address, large, times)])


def measure_static(sizes: Sizes, page: Path) -> dict:
    """Visitors of the page that needs no Python, from the server that its maker names."""
    names = [path.relative_to(page).as_posix() for path in page.rglob("*") if path.is_file()]
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1"]
    command += ["--directory", str(page)]
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(command, folder, "Serving HTTP") as (address, process),
    ):
        waits = together([fetch(address, names) for _ in range(sizes.visitors)])
        memory = peak_memory_of(process)
    return {
        "rows": rows_of(waits),
        "files": len(names),
        "bytes_per_visitor": files_below(page)[1],
        "peak_memory_MB": memory,
    }


@contextmanager
def serving(command: list[str], folder: str, ready: str) -> Iterator[tuple[str, subprocess.Popen]]:
    """A page in a process of its own, with a folder for whatever it stores; ended by Ctrl+C."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "TMPDIR": folder, "PYTHONUNBUFFERED": "1"}
    environment.pop("GRADIO_TEMP_DIR", None)
    with subprocess.Popen(
        [*command, str(port)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        timer = threading.Timer(START, process.kill)
        timer.start()
        try:
            if not any(ready in line for line in process.stdout or ()):
                raise RuntimeError(f"The page did not start: {' '.join(command)}")
            timer.cancel()
            yield f"http://127.0.0.1:{port}", process
        finally:
            timer.cancel()
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()


@contextmanager
def most_files(folder: Path) -> Iterator[list[int]]:
    """How many bytes lie below a folder, five times a second."""
    stored, done = [0], threading.Event()

    def watch():
        while not done.wait(0.2):
            stored.append(files_below(folder)[1])

    watching = threading.Thread(target=watch)
    watching.start()
    try:
        yield stored
    finally:
        done.set()
        watching.join()


def files_below(folder: Path) -> tuple[int, int]:
    """Number and bytes of the files below a folder, which may vanish meanwhile."""
    sizes = []
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                sizes.append(os.path.getsize(os.path.join(place, name)))
            except OSError:
                continue
    return len(sizes), sum(sizes)


def wait_until(done: Callable[[], bool], limit: float) -> float | None:
    """How long it takes until something is so; `None` if it isn't within the limit."""
    start = time.perf_counter()
    while not done():
        if time.perf_counter() - start > limit:
            return None
        time.sleep(1)
    return time.perf_counter() - start


def peak_memory_of(process: subprocess.Popen) -> float | None:
    """The most memory that a process has held so far, in MB; `None` where there is no /proc."""
    status = Path(f"/proc/{process.pid}/status")
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text()) if status.exists() else None
    return int(found[1]) * 1024 / 1e6 if found else None


def rows_of(waits: list[Wait]) -> list[dict]:
    """A row for each kind of thing that was asked for; the times are those of answers."""
    rows = []
    for what in dict.fromkeys(wait.what for wait in waits):
        came = [wait.came for wait in waits if wait.what == what]
        seconds = [wait.seconds for wait in waits if (wait.what, wait.came) == (what, "answer")]
        row: dict[str, object] = {"what": what, "asked": len(came)}
        row |= {kind: came.count(kind) for kind in ("answer", "refusal", "nothing")}
        points = np.percentile(seconds, (50, 95, 100)).tolist() if seconds else [None] * 3
        rows.append(row | dict(zip(("median_s", "p95_s", "most_s"), points, strict=True)))
    return rows


def measure(sizes: Sizes, page: Path) -> dict:
    """All of it; what the JSON holds."""
    start = time.perf_counter()
    settings = Settings(quick=False, source=None, images_per_class=None)
    machine = describe_machine(settings)
    machine["Data"] = f"drawn; nearest training pictures {'shown' if is_at_hand() else 'lacking'}"
    result: dict = {"machine": machine, "sizes": sizes._asdict()}
    crowd = f"{sizes.visitors} visitors"
    steps: dict[str, Callable[[], dict]] = {
        f"{crowd} of the live page": lambda: measure_live(sizes)
    }
    for megabytes, patience in ((sizes.refused, 0), (sizes.accepted, SWEPT)):
        name = f"{crowd} of the live page, and {sizes.times} times {megabytes} MB at once"
        large = draw_large(megabytes)
        steps[name] = partial(measure_live, sizes, large, patience)
    if page.is_dir():
        steps[f"{crowd} of the static page"] = lambda: measure_static(sizes, page)
    for name, step in steps.items():
        print(f"{name} …", flush=True)
        result[name] = step()
    machine["Load"] += f", {os.getloadavg()[0]:.1f} at the end"
    return result | {"seconds": round(time.perf_counter() - start, 1)}


def format_result(result: dict) -> str:
    """A table for each crowd, and what lies below it."""
    text = []
    for name, part in result.items():
        if isinstance(part, dict) and "rows" in part:
            table = pd.DataFrame(part["rows"]).to_string(index=False, float_format="{:.2f}".format)
            others = {key: value for key, value in part.items() if key != "rows"}
            facts = (
                f"{key} {value:,.1f}" if isinstance(value, float) else f"{key} {value}"
                for key, value in others.items()
            )
            text += [name, table, "; ".join(facts), ""]
    return "\n".join([*text, f"{result['seconds']:,.0f} s in all"])


def main() -> None:
    """Measures, prints and writes."""
    page = FOLDER / "web"
    if not page.is_dir():
        print("build/web is not there, so the static page is left out: run `make web` first.")
    result = measure(Sizes(), page)
    FOLDER.mkdir(exist_ok=True)
    write_json(FOLDER / "load.json", result)
    print(format_result(result))


if __name__ == "__main__":
    main()
