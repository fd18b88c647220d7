"""The house stays as it was drawn: short files, short functions (docstrings aside), nothing written twice."""

from __future__ import annotations

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for top in ("services/lse", "dashboards/lse_dashboard") for path in (ROOT / top).rglob("*.py"))
ONCE = [path for path in SOURCES if path.is_relative_to(ROOT / "services/lse")]
FILE_LINES = 400
FUNCTION_LINES = 60
REPEATED_LINES = 6

# What is still over these limits: it may shrink, nothing may join it.
LONG_FILES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()
REPEATED = {
    ("services/lse/analysis/clusterers/agglomerative.py", "services/lse/analysis/clusterers/kmeans.py"),
}


def shown(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_no_file_is_long() -> None:
    assert {shown(path) for path in SOURCES if len(path.read_text().splitlines()) > FILE_LINES} <= LONG_FILES


def test_no_function_is_long() -> None:
    long = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                body = node.body[1:] if ast.get_docstring(node) is not None else node.body
                length = body[-1].end_lineno - body[0].lineno + 1 if body else 0
                if length > FUNCTION_LINES:
                    long.add(f"{shown(path)} {node.name}")
    assert long <= LONG_FUNCTIONS


def code_lines(path: Path) -> Iterator[tuple[int, str]]:
    """Lines of code with their numbers: no imports, no docstrings, no comments, no lists of exports."""
    text = path.read_text()
    tree = ast.parse(text)
    left_out: set[int] = set()
    for node in ast.walk(tree):
        documented = ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef
        if isinstance(node, documented) and ast.get_docstring(node, clean=False) is not None:
            left_out.update(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
        elif isinstance(node, ast.Import | ast.ImportFrom) or (
            isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
        ):
            left_out.update(range(node.lineno, (node.end_lineno or 0) + 1))
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        # Brackets alone say nothing.
        if number not in left_out and len(stripped.strip("()[]{},:")) > 1 and not stripped.startswith("#"):
            yield number, stripped


def test_nothing_is_written_twice() -> None:
    seen: defaultdict[tuple[str, ...], list[str]] = defaultdict(list)
    for path in ONCE:
        lines = list(code_lines(path))
        for first in range(len(lines) - REPEATED_LINES + 1):
            window = lines[first : first + REPEATED_LINES]
            seen[tuple(text for _, text in window)].append(shown(path))
    assert {tuple(places) for places in seen.values() if len(places) > 1} <= REPEATED
