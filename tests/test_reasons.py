"""Every reason that an error is raised with is in the catalogue, with its code and metadata, and no other is."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import lse.errors
from lse import names
from lse.errors import LseError
from lse.reasons import FINDINGS, REASONS

ROOT = Path(__file__).resolve().parents[1]
SOURCES = [path for top in ("services/lse", "dashboards/lse_dashboard") for path in sorted((ROOT / top).rglob("*.py"))]
CODES = {
    name: cls.code for name, cls in vars(lse.errors).items() if isinstance(cls, type) and issubclass(cls, LseError)
}
CODES |= {"ReadError": "INVALID_ARGUMENT", "RejectedImageError": "INVALID_ARGUMENT"}
# Answers as Qdrant does, which has no reasons; what gRPC itself says; and the work that ended with its process.
WITHOUT_REASON = ("platform/vectors/edge_", "client/rpc_errors.py")
MADE_OF_KINDS = {
    f"{pattern.kind.upper().replace(' ', '_')}_NOT_FOUND"
    for pattern in vars(names).values()
    if isinstance(pattern, names.NamePattern) and pattern.kind != "project"
}


@cache
def nodes() -> list[tuple[str, ast.AST]]:
    """Calls and assignments in the sources, with their places."""
    return [
        (f"{path.relative_to(ROOT)}:{node.lineno}", node)
        for path in SOURCES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call | ast.Assign)
    ]


def reasons_of(node: ast.AST) -> Iterator[str]:
    """Constants given as ``reason=…``, or assigned to ``reason``."""
    if isinstance(node, ast.Call):
        values = [keyword.value for keyword in node.keywords if keyword.arg == "reason"]
    elif isinstance(node, ast.Assign) and any(ast.unparse(target) == "reason" for target in node.targets):
        values = [node.value]
    else:
        return
    for value in values:
        branches = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
        yield from (each.value for each in branches if isinstance(each, ast.Constant) and str(each.value).isupper())


def test_the_catalogue_has_every_reason_and_no_other() -> None:
    found = {reason: place for place, node in nodes() for reason in reasons_of(node)}
    assert {reason: place for reason, place in found.items() if reason not in REASONS} == {}
    assert set(REASONS) - set(found) - MADE_OF_KINDS == {"CANCELLED"}
    assert set(REASONS) >= MADE_OF_KINDS


def test_an_error_has_the_code_and_the_metadata_of_its_reason() -> None:
    used: dict[str, set[str]] = {"CANCELLED": {"stage"}} | {name: {"name"} for name in MADE_OF_KINDS}
    elsewhere: set[str] = set()
    for place, node in nodes():
        code = CODES.get(ast.unparse(node.func).rpartition(".")[2]) if isinstance(node, ast.Call) else None
        for reason in map(REASONS.__getitem__, reasons_of(node)):
            if code is None:  # a function or a branch that chooses the reason of an error
                elsewhere.add(reason.name)
                continue
            keys = {keyword.arg for keyword in node.keywords if keyword.arg} - {"reason"}
            used.setdefault(reason.name, set()).update(keys)
            assert code == reason.code, f"{place}: {reason.name} has the code {reason.code}"
            assert keys <= set(reason.metadata), f"{place}: {reason.name} has the metadata {reason.metadata}"
    lacking = {name: set(reason.metadata) - used.get(name, set()) for name, reason in REASONS.items()}
    assert {name: keys for name, keys in lacking.items() if keys and name not in elsewhere} == {}


def test_errors_are_raised_with_a_reason() -> None:
    without = [
        place
        for place, node in nodes()
        if isinstance(node, ast.Call)
        and CODES.get(ast.unparse(node.func).rpartition(".")[2], "CANCELLED") != "CANCELLED"
        and not any(keyword.arg == "reason" for keyword in node.keywords)
        and not any(part in place for part in WITHOUT_REASON)
    ]
    assert without == []


def test_reasons_follow_one_scheme() -> None:
    assert list(REASONS) == [name for code in dict.fromkeys(r.code for r in REASONS.values()) for name in ordered(code)]
    for name, reason in REASONS.items():
        assert name.endswith(FINDINGS), name
        assert reason.summary.endswith("."), name
        assert reason.code in CODES.values(), name


def ordered(code: str) -> list[str]:
    return sorted(name for name, reason in REASONS.items() if reason.code == code)


def test_every_way_to_end_is_used() -> None:
    assert [finding for finding in FINDINGS if not any(name.endswith(finding) for name in REASONS)] == []
