"""What the docs tell of fifty visitors at once, from the last `python -m benchmarks.load`."""

from __future__ import annotations

LOAD_START = "<!-- load: written by `make results` -->"
END_OF_LOAD = "<!-- end of load -->"


def load_block(load: dict) -> str:
    """The live page and the static one under load, as Markdown."""
    rows = [
        "| at once | a picture's answer: median, 95 % within | answered | memory, at most "
        "| uploads on disk, at most | files left |",
        "|---|---|---|---|---|---|",
    ]
    for crowd, part in load.items():
        if not crowd.endswith("static page") and isinstance(part, dict) and "rows" in part:
            picture = next(row for row in part["rows"] if row["what"] == "a picture")
            cells = [
                crowd.replace(" of the live page", "").replace(" at once", ""),
                f"{picture['median_s']:.1f} s, {picture['p95_s']:.1f} s",
                f"{picture['answer']} of {picture['asked']}",
                f"{part['peak_memory_MB'] / 1000:.1f} GB",
                f"{part['peak_stored_MB']:,.0f} MB",
                str(part["files_left_at_the_end"]),
            ]
            rows.append(f"| {' | '.join(cells)} |")
    machine, sizes = load["machine"], load["sizes"]
    text = (
        f"Visitors and page shared {machine['Hardware']}; {machine['Versions']}. Each visitor "
        f"showed {sizes['pictures']} pictures without a pause."
    )
    for megabytes in (sizes["refused"], sizes["accepted"]):
        part = next(part for crowd, part in load.items() if f" {megabytes} MB" in crowd)
        large = next(row for row in part["rows"] if row["what"] == "a large picture")
        text += (
            f" Of {large['asked']} pictures of {megabytes} MB, {large['refusal']} were refused "
            f"and {large['answer']} answered."
        )
    static = next((part for crowd, part in load.items() if crowd.endswith("static page")), None)
    if static:
        row = static["rows"][0]
        text += (
            f" The page that runs in the browser is {static['bytes_per_visitor'] / 1e6:.0f} MB a "
            f"visitor, from Python's own server; all {row['answer']} had it in {row['most_s']:.0f} "
            "s, with no network between."
        )
    return "\n".join([LOAD_START, "", *rows, "", text, "", END_OF_LOAD])
