"""How fast each step is and how much memory it takes, beside plain references that do the same
work: `make benchmark`. What is measured, and how, is in the modules beside.
"""

from __future__ import annotations

import os
import platform
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import NamedTuple

import pandas as pd

from medmnist_keras.data.loading import is_at_hand
from medmnist_keras.data.phantoms import PHANTOMS
from medmnist_keras.experiments.saved import write_json
from medmnist_keras.experiments.settings import Settings, read_settings

from .figure import FOLDER, RATIOS, draw, format_figure
from .measuring import QUICK, Bench, Measured, Sizes, Step, peak_memory, prepare, process_context
from .steps import all_steps

_LESS_IS_BETTER = ("s", "ms", "MB")


class Side(NamedTuple):
    """What one way of doing a step has measured, and its peak of memory in MB."""

    name: str
    measured: list[Measured]
    memory: float | None


def benchmark(settings: Settings | None = None, steps: list[Step] | None = None) -> dict:
    """Measures each step beside its references and writes `build/benchmark.json` and `.png`.

    Takes about a quarter of an hour on two CPU cores; a quick run about a minute. Nothing is
    downloaded: where the real pictures aren't at hand, it takes drawn phantoms.

    Args:
        settings: `Settings` of the run; `None` for those of the environment.
        steps: list of `Step`; `None` for all.

    Returns:
        What the JSON holds: `machine` (dict), `rows` (a dict for each comparison), `failures`
        (dict of what failed to the reason) and `seconds`.

    Raises:
        ValueError: when the quick switch or a source in the environment is wrong.

    Example:

    ```python
    print(told(benchmark()))
    ```
    """
    start = time.perf_counter()
    settings = settings or _settings()
    machine = describe_machine(settings)
    _, libraries = run_alone(bool, None)
    machine["Memory"] += f", of which the libraries alone take {format_figure(libraries)} MB"
    print(*(f"{key + ':':10}{value}" for key, value in machine.items()), sep="\n", flush=True)
    sizes = QUICK if settings.quick else Sizes()
    rows: list[dict] = []
    failures: dict[str, str] = {}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        laid_out = partial(prepare, settings=settings, sizes=sizes)
        bench, _ = run_alone(laid_out, Path(folder))
        for step in all_steps(sizes) if steps is None else steps:
            rows += compare(step.name, *_run(step, bench, failures))
    if hasattr(os, "getloadavg"):
        machine["Load"] += f", {os.getloadavg()[0]:.1f} at the end"
    seconds = round(time.perf_counter() - start, 1)
    result = {"machine": machine, "rows": rows, "failures": failures, "seconds": seconds}
    FOLDER.mkdir(exist_ok=True)
    write_json(FOLDER / "benchmark.json", result)
    draw(result, settings.caption)
    return result


def _settings() -> Settings:
    settings = read_settings()
    if settings.source is None and not is_at_hand():
        return replace(settings, source=PHANTOMS, images_per_class=1000)
    return settings


def describe_machine(settings: Settings) -> dict[str, str]:
    """What the numbers must be read with: pictures, processor, memory, versions, load."""
    processor, memory, load = platform.processor() or platform.machine(), "unknown", "unknown"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8", errors="ignore").splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        processor = names[0] if names else processor
    if hasattr(os, "sysconf"):  # not on Windows
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        memory, load = f"{size / 1e9:.0f} GB", f"{os.getloadavg()[0]:.1f} at the start"
    facts = settings.facts
    facts["Hardware"] = f"{processor}, {facts['Hardware']}"
    return facts | {"Memory": memory, "System": platform.platform(), "Load": load}


def run_alone(work: Callable, argument):
    """Calls a function in a fresh process; returns what it returned and the peak of memory."""
    with ProcessPoolExecutor(1, mp_context=process_context()) as pool:
        return pool.submit(_with_memory, work, argument).result()


def _with_memory(work: Callable, argument):
    return work(argument), peak_memory()


def _run(step: Step, bench: Bench, failures: dict[str, str]) -> list[Side]:
    """Our way and each reference; one that fails is told and has measured nothing."""
    sides = []
    for name, measure in (step.ours, *step.references.items()):
        print(f"{step.name}: {name} …", flush=True)
        try:
            sides.append(Side(name, *run_alone(measure, bench)))
        except Exception as error:  # of any kind: the other measurements shall not be lost
            failures[f"{step.name}: {name}"] = f"{type(error).__name__}: {error}"
            sides.append(Side(name, [], None))
    return sides


def compare(step: str, ours: Side, *references: Side) -> list[dict]:
    """A row for each quantity of ours and each reference that has it too; a ratio above 1 is in
    our favour."""
    rows = []
    for mine in ours.measured:
        for reference in references:
            for other in reference.measured:
                if other.quantity == mine.quantity:
                    row: dict[str, object] = {
                        "step": step,
                        "quantity": mine.quantity,
                        "unit": mine.unit,
                    }
                    row |= _ratios(mine.values, other.values, mine.unit)
                    row |= _columns("ours", ours, mine) | _columns("reference", reference, other)
                    rows.append(row)
    return rows


def _ratios(ours: list[float], reference: list[float], unit: str) -> dict[str, float | None]:
    """The ratio of medians, and those of the extremes against each other."""
    if not ours or not reference:
        return dict.fromkeys(RATIOS)
    if unit in _LESS_IS_BETTER:
        ours, reference = reference, ours
    extremes = min(ours) / max(reference), max(ours) / min(reference)
    return dict(zip(RATIOS, (median(ours) / median(reference), *extremes), strict=True))


def _columns(name: str, side: Side, measured: Measured) -> dict:
    return {
        name: side.name,
        f"{name}_median": median(measured.values) if measured.values else None,
        f"{name}_values": measured.values,
        f"{name}_memory": side.memory,
        f"{name}_note": measured.note,
    }


def format_report(result: dict) -> str:
    """What `benchmark()` returned as a table, the ratio first, with notes and failures below."""
    notes = [row[f"{side}_note"] for row in result["rows"] for side in ("ours", "reference")]
    notes = list(dict.fromkeys(filter(None, notes)))

    def side(row, name):
        note = row[f"{name}_note"]
        mark = f" [{notes.index(note) + 1}]" if note else ""
        return f"{row[name]}{mark}: {_spread(row[f'{name}_values'])}"

    lines = [
        {
            "ratio": f"{format_figure(row['ratio'])}×",
            "step": row["step"],
            "quantity": f"{row['quantity']}, {row['unit']}",
            "ours: median (least to most)": side(row, "ours"),
            "reference": side(row, "reference"),
            "peak MB": " / ".join(
                format_figure(row[f"{side}_memory"]) for side in ("ours", "reference")
            ),
        }
        for row in result["rows"]
    ]
    text = ["Above 1× is in our favour."]
    if lines:
        table = pd.DataFrame(lines)
        for name in table.columns[1:]:
            table[name] = table[name].str.ljust(table[name].str.len().max())
        text.append(table.to_string(index=False, justify="left"))
    text += [f"[{number}] {note}" for number, note in enumerate(notes, start=1)]
    text += [f"FAILED {what}: {why}" for what, why in result["failures"].items()]
    return "\n".join([*text, f"{result['seconds']:,.0f} s in all"])


def _spread(values: list[float]) -> str:
    if not values:
        return "–"
    middle, least, most = (
        format_figure(value) for value in (median(values), min(values), max(values))
    )
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"
