"""Whether what was found was made as a pipeline declares it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lse.client.resources import Method
from lse.values import parameter_text

__all__ = ["as_declared", "within"]


def as_declared(
    wanted: Mapping[str, object],
    parameters: Mapping[str, object] | None = None,
    methods: Callable[[], Sequence[Method]] | None = None,
) -> Callable[[Any], list[str]]:
    """What of a resource is not as wanted; others are given by their short names, and None may be anything.

    What `methods` lists tells which names of methods and parameters mean the same.
    """

    def differences(found: Any) -> list[str]:
        facts: list[tuple[Any, ...]] = [
            (value, str(getattr(found, key)).rsplit("/", 1)[-1]) for key, value in wanted.items()
        ]
        given, made = parameters or {}, getattr(found, "parameters", {})
        for method in methods() if methods else ():
            ids = (method.id, *method.aliases)
            facts = [tuple(method.id if each in ids else each for each in fact) for fact in facts]
            if (method.id, method.id) in facts:
                given, made = method.with_present_names(given), method.with_present_names(made)
        named = [*zip(wanted, facts, strict=True), *((key, (value, made.get(key))) for key, value in given.items())]
        return [
            f"{key} {parameter_text(fact) or 'none'}, not {parameter_text(value)}"
            for key, (value, fact) in named
            if value is not None and not _same_text(parameter_text(value), parameter_text(fact))
        ]

    return differences


def _same_text(a: str, b: str) -> bool:
    try:
        return float(a) == float(b)
    except ValueError:
        return a.strip() == b.strip()


def within(part: object, whole: object) -> bool:
    """Whether all keys declared in a part have the same values in the whole."""
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(key in whole and within(part[key], whole[key]) for key in part)
    return part == whole
