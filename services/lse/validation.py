"""What is wrong with values, names and keys that people write: one wording for all of them.

Parameters of methods, keys of recipes and pipelines, and settings are pydantic models; what a model refuses becomes one
sentence here, with what is allowed instead, as the JSON Schema of the model says it.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lse.errors import InvalidArgumentError, LseError

if TYPE_CHECKING:
    from pydantic import ValidationError

__all__ = ["all_faults", "did_you_mean", "joined_faults", "unknown_name", "validation_fault"]

_NOUNS = {
    "integer": "a whole number",
    "number": "a number",
    "string": "a text",
    "boolean": "true or false",
    "array": "a list",
    "object": "a mapping",
}
_LIMITS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
    "minItems": "with at least",
}


def validation_fault(
    error: ValidationError,
    schema: Mapping[str, Any],
    *,
    what: str,
    reason: str,
    of: str = "",
    subject: str = "",
    secret: bool = False,
    index: int = 0,
) -> InvalidArgumentError:
    """What pydantic found wrong, first or otherwise, as one sentence with what is allowed.

    Parameters
    ----------
    error
        What a model raised.
    schema
        JSON Schema of that model.
    what
        Singular noun for an entry of the model, such as ``parameter``, ``key`` or ``setting``.
    reason
        Reason of the error.
    of
        Whose entry it is, such as ``of the recipe``.
    subject
        What the entry is called, where that is not its key, such as ``--grpc-port``.
    secret
        Whether the value must not be shown.
    index
        Which of the things that are wrong.
    """
    first = error.errors(include_url=False)[index]
    location, place = first["loc"], _Place(schema, none="auto" if what == "parameter" else "null")
    parent = place
    for part in location:
        parent, place = place, place.enter(part)
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    key, tail = place.key, f" {of}" if of else ""
    value = "what it is" if secret else _shown(first["input"])
    name = subject or f"{what.capitalize()} '{key}'{tail}"
    if first["type"] == "extra_forbidden":
        key = f"{parent.key}.{location[-1]}".lstrip(".")
        sentence = unknown_name(what, key, parent.properties(), of=of)
    elif not key:
        sentence = f"The {what}s{tail} do not fit together: {message}."
    elif first["type"] == "missing":
        sentence = f"{name} is missing: it must be {place.allowed()}."
    elif first["type"] == "value_error" or not place.allowed():
        sentence = f"{name} cannot be {value}: {message[:1].lower()}{message[1:]}."
    else:
        sentence = f"{name} cannot be {value}: it must be {place.allowed()}."
    return InvalidArgumentError(sentence, reason=reason, **{what: key})


def all_faults(error: ValidationError, schema: Mapping[str, Any], **named: Any) -> InvalidArgumentError:
    """All that pydantic found wrong, a sentence an entry; parameters as for `validation_fault`."""
    faults = [validation_fault(error, schema, index=index, **named) for index in range(error.error_count())]
    return joined_faults(list({tuple(fault.metadata.items()): fault for fault in reversed(faults)}.values())[::-1])


def joined_faults(faults: Sequence[LseError]) -> InvalidArgumentError:
    """Several faults as one: whoever corrects one is not to meet the next one a try later."""
    told = InvalidArgumentError(" ".join(fault.message for fault in faults), reason=faults[0].reason)
    told.metadata = faults[0].metadata
    return told


def unknown_name(
    what: str, key: str, allowed: Iterable[str], names: Mapping[str, str] | None = None, *, of: str = ""
) -> str:
    """The one sentence for a name that does not exist, with the nearest right one.

    Parameters
    ----------
    what
        Singular noun for what was named.
    key
        The name given.
    allowed
        Names that exist, in the order in which they are told.
    names
        Every name that is accepted, to its name today; `allowed` when None.
    of
        Whose name it is, such as ``of the recipe``.
    """
    known = list(allowed)
    names = {name: name for name in known} if names is None else names
    hint = did_you_mean(key.rpartition(".")[2], names, today=names)
    rest = f"{hint}Allowed are {', '.join(known)}." if known else "none are allowed."
    return f"Unknown {what} '{key}'{f' {of}' if of else ''}: {rest}"


def did_you_mean(name: str, known: Iterable[str], *, count: int = 1, today: Mapping[str, str] | None = None) -> str:
    """Question for the nearest names, with a space behind it; empty where none is near.

    Parameters
    ----------
    name
        The name given.
    known
        Names that are accepted.
    count
        How many names to show at most.
    today
        What to show for a name; the name itself when None.

    Examples
    --------
    >>> did_you_mean("epoch", ["epochs", "seed"])
    "did you mean 'epochs'? "
    """
    nearest = difflib.get_close_matches(name, list(known), n=count, cutoff=0.5)
    shown = [each if today is None else today[each] for each in nearest]
    return "did you mean '" + "' or '".join(shown) + "'? " if shown else ""


class _Place:
    """A place in a JSON Schema, entered part by part as pydantic names it."""

    def __init__(
        self, schema: Mapping[str, Any], *, none: str, root: Mapping[str, Any] | None = None, key: str = ""
    ) -> None:
        self._root = root if root is not None else schema
        self._none = none
        self.key = key
        self.resolved = self._resolve(schema)

    def enter(self, part: int | str) -> _Place:
        """The place one part further in; the same one where the part names an alternative, which nobody wrote."""
        for option in self._options():
            if part in option.get("properties", {}):
                return self._within(option["properties"][part], f"{self.key}.{part}".lstrip("."))
            if isinstance(part, int) and option.get("type") == "array":
                items = [*option.get("prefixItems", ()), *[option.get("items", {})] * (part + 1)]
                return self._within(items[part], f"{self.key}[{part}]")
            if isinstance(option.get("additionalProperties"), dict):
                return self._within(option["additionalProperties"], f"{self.key}.{part}".lstrip("."))
            if part in option.get("discriminator", {}).get("mapping", {}):
                return self._within({"$ref": option["discriminator"]["mapping"][part]}, self.key)
        return self

    def properties(self) -> tuple[str, ...]:
        """Names of what may be within, in the order of their declaration."""
        return tuple(name for option in self._options() for name in option.get("properties", {}))

    def allowed(self) -> str:
        """Noun phrase for what may be here; empty where the schema does not say."""
        nullable = any(option.get("type") == "null" for option in self._options())
        phrases = list(dict.fromkeys(filter(None, map(_phrase, self._options()))))
        if nullable and phrases:
            return f"{', or '.join(phrases)}, or {self._none}"
        return ", or ".join(phrases)

    def _options(self) -> list[Mapping[str, Any]]:
        """What may be here: the place itself and its alternatives."""
        found = [self.resolved]
        for each in found:
            alternatives = (
                each.get("anyOf", ())
                if "discriminator" in each
                else (
                    *each.get("anyOf", ()),
                    *each.get("oneOf", ()),
                )
            )
            found += [self._resolve(option) for option in alternatives]
        return found

    def _within(self, schema: Mapping[str, Any], key: str) -> _Place:
        return _Place(schema, none=self._none, root=self._root, key=key)

    def _resolve(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        reference = schema.get("$ref")
        return schema if reference is None else self._root["$defs"][reference.rpartition("/")[2]]


def _phrase(entry: Mapping[str, Any]) -> str:
    """Noun phrase for one alternative; empty where it says nothing, or only that nothing is allowed too."""
    kind = str(entry.get("type"))
    if "discriminator" in entry:
        return f"of {entry['discriminator']['propertyName']} {', '.join(entry['discriminator']['mapping'])}"
    if "enum" in entry or "const" in entry:
        choices = entry.get("enum", [entry.get("const")])
        return f"one of {', '.join(map(str, choices))}" if len(choices) > 1 else str(choices[0])
    if {"minimum", "maximum"} <= entry.keys():
        return f"{_NOUNS[kind]} from {_number(entry['minimum'])} to {_number(entry['maximum'])}"
    noun = {"path": "a path"}.get(str(entry.get("format"))) or _NOUNS.get(kind, "")
    limits = [f"{word} {_number(entry[limit])}" for limit, word in _LIMITS.items() if limit in entry]
    return f"{noun} {' and '.join(limits)}".strip()


def _number(value: float) -> str:
    return str(value) if isinstance(value, int) else f"{value:g}"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
