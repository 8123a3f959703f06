"""Tells whether stored results are of the package's code as it stands."""

import ast
import hashlib
from pathlib import Path

PACKAGE = Path(__file__).parents[2] / "medmnist_keras"
# What numbers come from. The other parts draw, serve, export or speak.
PARTS = ("data", "augmentation", "models", "training", "evaluation", "experiments")


def package_digest(package: Path = PACKAGE) -> str:
    """64 hex digits that change with the code that numbers come from, not with its comments,
    docstrings and layout."""
    digest = hashlib.sha256()
    for part in PARTS:
        for path in sorted((package / part).rglob("*.py")):
            code = bare(ast.parse(path.read_text(encoding="utf-8")))
            digest.update(f"{path.relative_to(package).as_posix()}\0{code}\0".encode())
    return digest.hexdigest()


def bare(node) -> str:
    """A syntax tree as text, without strings that stand alone and without what is empty, which
    differs from one Python to the next."""
    if isinstance(node, list):
        return f"[{', '.join(bare(one) for one in node if not is_docstring(one))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = [
        f"{name}={bare(value)}"
        for name, value in ast.iter_fields(node)
        if value is not None and value != []
    ]
    return f"{type(node).__name__}({', '.join(fields)})"


def is_docstring(node) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )
