"""Draws the architecture from the code's imports: `make architecture`, docs/architecture.md.

A package is a folder of `medmnist_keras`, or a module at its top; a dependency leads from one to
another that it imports from, wherever in a file it does so.
"""

from __future__ import annotations

import ast
from collections import defaultdict
from graphlib import TopologicalSorter
from pathlib import Path

from medmnist_keras.storage import replacing

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "medmnist_keras"
PAGE = ROOT / "docs" / "architecture.md"


def modules(package: Path = PACKAGE) -> dict[str, Path]:
    """Each module's name below the package, such as `"data.cache"`, and its file; no faces."""
    files = (path for path in sorted(package.rglob("*.py")) if path.name != "__init__.py")
    return {".".join(path.relative_to(package).with_suffix("").parts): path for path in files}


def imports(name: str, path: Path, known: set[str]) -> set[str]:
    """The modules of the package that one of them imports, in functions too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.ImportFrom):
            continue
        if node.level:
            above = name.split(".")[: -node.level]
        elif node.module and node.module.split(".")[0] == "medmnist_keras":
            above = []
        else:
            continue
        below = (node.module or "").split(".") if node.module else []
        base = ".".join([*above, *(below if node.level else below[1:])])
        for alias in node.names:
            # `from .images import Images` names a module, `from . import archives` holds one.
            whole = f"{base}.{alias.name}".strip(".")
            found |= {each for each in (base, whole) if each in known}
            if whole in {module.split(".")[0] for module in known} - known:
                found.add(whole)  # a folder's face
    return found - {name}


def graph(package: Path = PACKAGE) -> dict[str, set[str]]:
    """Each module and the modules that it imports."""
    files = modules(package)
    return {name: imports(name, path, set(files)) for name, path in files.items()}


def room(module: str) -> str:
    """The folder of a module; of one at the top, itself."""
    return module.split(".")[0]


def rooms(arrows: dict[str, set[str]]) -> dict[str, set[str]]:
    """Each room and the rooms that its modules import from."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, imported in arrows.items():
        found[room(module)] |= {room(other) for other in imported} - {room(module)}
    return dict(found)


def floors(arrows: dict[str, set[str]]) -> dict[str, int]:
    """Each room's or module's floor: one above the highest that it imports, 1 for the lowest.

    Raises:
        graphlib.CycleError: when the arrows run in a circle; it names it.
    """
    floor: dict[str, int] = {}
    for name in TopologicalSorter(arrows).static_order():
        floor[name] = 1 + max((floor[other] for other in arrows.get(name, ())), default=0)
    return floor


def _says(path: Path) -> str:
    """The first paragraph of a file's docstring, in one line."""
    text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def page(package: Path = PACKAGE) -> str:
    """The page, as Markdown: the drawing, then every room with its files."""
    files, arrows = modules(package), graph(package)
    between = rooms(arrows)
    floor = floors(between)
    count = sum(map(len, between.values()))
    ground = sorted(name for name, level in floor.items() if level == 1)
    text = [
        "# Architecture",
        "",
        "How the package is laid out, for whoever carries on. `make architecture` writes this "
        "page from the code's imports; a test holds the rules below.",
        "",
        f"{len(files)} modules in {len(between)} packages and top-level modules, on "
        f"{max(floor.values())} layers, with {count} dependencies between them.",
        "",
        "```mermaid",
        "flowchart BT",
    ]
    for level in sorted(set(floor.values())):
        names = " & ".join(sorted(name for name in floor if floor[name] == level))
        text.append(f"    %% layer {level}: {names}")
    for name in sorted(between):
        # What stands on the lowest floor serves all: arrows to it would hide the others.
        text += [f"    {name} --> {to}" for to in sorted(between[name]) if to not in ground]
    text += [
        "```",
        "",
        "Every package may import from the base layer: "
        f"{', '.join(f'`{name}`' for name in ground)}; "
        "these dependencies are left out of the drawing.",
        "",
        "## Rules",
        "",
        "- Dependencies run one way between packages, and there are no cyclic imports.",
        "- `models` and `plots` import only the base layer; nothing imports `__main__`, "
        "`benchmarks` or `tools`.",
        "- No file has more than 350 lines, and there are no more than seven layers.",
        "- A package's `__init__.py` describes it, its `__init__.pyi` lists its public names, "
        "which are imported when they are first used.",
        "",
        "## Working on it",
        "",
        "`make lint` checks style and types, `make test` everything quick, `make test-slow` the "
        "rest before a release. `make test-oldest`, `test-newest`, `test-colab` and "
        "`test-kaggle` check the ranges of versions. Generated: `make results`, `architecture`, "
        "`exercises`, `weights`, `index`, `screenshot`. Beside the package: `benchmarks/` "
        "(speed), `tools/` (what makes weights, slides, pages), `jobs/` (Slurm, Kubeflow), "
        "`tests/` (mirrors the package).",
        "",
        "## Packages",
    ]
    for name in sorted(between, key=lambda each: (floor[each], each)):
        inside = {module: path for module, path in files.items() if room(module) == name}
        if list(inside) == [name]:
            text += ["", f"### `{name}.py` · layer {floor[name]}", ""]
            text.append(f"{_says(inside[name])}")
            continue
        text += ["", f"### `{name}/` · layer {floor[name]}", ""]
        text += [_says(package / name / "__init__.py"), "", "| file | what it does |"]
        text.append("|---|---|")
        for module, path in inside.items():
            text.append(f"| `{module.split('.', 1)[1]}` | {_says(path)} |")
    return "\n".join(text) + "\n"


if __name__ == "__main__":
    with replacing(PAGE) as (draft,):
        draft.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
