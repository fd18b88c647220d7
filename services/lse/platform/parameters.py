"""The one way in which methods declare their parameters and read them from text.

A method (a reducer, a clusterer, a training method) declares one subclass of `Parameters`; every field has a default,
a description and, where it makes sense, bounds.  ``None`` as default means: chosen from the data.

    class KMeansParameters(Parameters):
        clusters: int | None = Field(None, ge=2, description="Number of clusters; found from the data when not given.")

    parse_parameters(KMeansParameters, {"clusters": "12"})
"""

from __future__ import annotations

import difflib
import types
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationError

from lse.platform.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pydantic.fields import FieldInfo

__all__ = [
    "Method",
    "MethodDescription",
    "ParameterDescription",
    "ParameterKind",
    "Parameters",
    "describe_parameters",
    "find_method",
    "parse_parameters",
]

ParameterKind = Literal["integer", "number", "text", "choice", "boolean"]

_KINDS: dict[object, ParameterKind] = {bool: "boolean", int: "integer", float: "number", str: "text"}
# What a person writes to leave a choice to the data.
_AUTOMATIC = frozenset({"", "auto", "none"})


class Parameters(BaseModel):
    """Root of all parameter models: immutable, no unknown keys, no NaN or infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


_ParametersT = TypeVar("_ParametersT", bound=BaseModel)
_RunT = TypeVar("_RunT")


@dataclass(frozen=True)
class ParameterDescription:
    """One parameter as a form shows it.

    Attributes
    ----------
    name
        Key, as in ``--set name=value``.
    kind
        What the value is.
    default
        Value when nothing is given; None means chosen from the data.
    minimum, maximum
        Bounds of a number, None where there is none.
    choices
        Allowed values of a choice, empty otherwise.
    help
        One or two sentences for a person.
    minimum_excluded
        True when the value must be above the minimum and not equal to it.
    """

    name: str
    kind: ParameterKind
    default: bool | int | float | str | None
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    help: str = ""
    minimum_excluded: bool = False


@dataclass(frozen=True)
class MethodDescription:
    """One method as a form or a help page shows it.

    Attributes
    ----------
    name
        Key, as in ``--method name``.
    title
        Name for a person.
    help
        When to use it, in a few sentences.
    parameters
        What can be set.
    """

    name: str
    title: str
    help: str
    parameters: tuple[ParameterDescription, ...]


@dataclass(frozen=True)
class Method(Generic[_RunT]):
    """A method of a family: how it is shown, what can be set, and the function that runs it.

    Attributes
    ----------
    name, title, help
        As in `MethodDescription`.
    parameters
        Model of its parameters.
    run
        What the family calls.
    """

    name: str
    title: str
    help: str
    parameters: type[Parameters]
    run: _RunT

    def describe(self) -> MethodDescription:
        """What a form shows."""
        return MethodDescription(self.name, self.title, self.help, tuple(describe_parameters(self.parameters)))


def find_method(methods: Mapping[str, Method[_RunT]], name: str) -> Method[_RunT]:
    """Find a method by its name.

    Raises
    ------
    InvalidArgumentError
        ``UNKNOWN_METHOD``, with the nearest name and all allowed ones.
    """
    if name in methods:
        return methods[name]
    raise InvalidArgumentError(
        f"Unknown method {name!r}:{_hint(name, methods)} Allowed are {', '.join(methods)}.",
        reason="UNKNOWN_METHOD",
        method=name,
    )


def describe_parameters(model: type[BaseModel]) -> list[ParameterDescription]:
    """Parameters of a model in the order of their declaration.

    Raises
    ------
    TypeError
        A field has a type that no form can show: a fault of the declaration.
    """
    return [_describe(name, field) for name, field in model.model_fields.items()]


def parse_parameters(model: type[_ParametersT], values: Mapping[str, object]) -> _ParametersT:
    """Make a parameter model from keys and values, either of which may come as text.

    Parameters
    ----------
    model
        The parameter model of a method.
    values
        Keys to values; a text is converted to the field's type, and ``auto`` or ``none`` to None where None is allowed.

    Returns
    -------
    instance
        The model with its defaults filled in.

    Raises
    ------
    InvalidArgumentError
        ``UNKNOWN_PARAMETER`` names the nearest allowed key; ``BAD_PARAMETER`` tells what is allowed.
    """
    known = {description.name: description for description in describe_parameters(model)}
    for key in values:
        if key not in known:
            raise _unknown(key, known)
    prepared = {key: _prepared(value, model.model_fields[key], known[key]) for key, value in values.items()}
    try:
        return model.model_validate(prepared)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        if not first["loc"]:
            message = first["msg"].removeprefix("Value error, ")
            raise InvalidArgumentError(f"Parameters do not fit together: {message}.", reason="BAD_PARAMETER") from None
        key = str(first["loc"][0])
        raise InvalidArgumentError(
            f"Parameter {key!r} cannot be {_shown(values.get(key))}: it must be {_allowed(known[key])}.",
            reason="BAD_PARAMETER",
            parameter=key,
            value=values.get(key),
        ) from None


def _describe(name: str, field: FieldInfo) -> ParameterDescription:
    annotation, _ = _without_none(field.annotation)
    bounds = {
        limit: float(value)
        for part in field.metadata
        for limit in ("ge", "gt", "le", "lt")
        if (value := getattr(part, limit, None)) is not None
    }
    choices: tuple[str, ...] = ()
    if get_origin(annotation) is Literal:
        choices = tuple(str(choice) for choice in get_args(annotation))
        kind: ParameterKind = "choice"
    elif annotation in _KINDS:
        kind = _KINDS[annotation]
    else:
        raise TypeError(f"parameter {name!r} is a {annotation!r}: use bool, int, float, str, Literal or one with None")
    if field.is_required():
        raise TypeError(f"parameter {name!r} has no default: every parameter needs one (None for automatic)")
    return ParameterDescription(
        name=name,
        kind=kind,
        default=field.get_default(call_default_factory=True),
        minimum=bounds.get("ge", bounds.get("gt")),
        maximum=bounds.get("le", bounds.get("lt")),
        choices=choices,
        help=field.description or "",
        minimum_excluded="gt" in bounds and "ge" not in bounds,
    )


def _without_none(annotation: Any) -> tuple[Any, bool]:
    """Type without its None, and whether it had one."""
    if get_origin(annotation) not in (Union, types.UnionType):
        return annotation, False
    others = [part for part in get_args(annotation) if part is not type(None)]
    return (others[0] if len(others) == 1 else annotation), len(others) < len(get_args(annotation))


def _prepared(value: object, field: FieldInfo, description: ParameterDescription) -> object:
    """Value as pydantic shall see it: automatic texts as None, other texts without outer blanks."""
    if not isinstance(value, str):
        return value
    text = value.strip()
    _, optional = _without_none(field.annotation)
    if optional and text.lower() in _AUTOMATIC and text not in description.choices:
        return None
    return text


def _unknown(key: str, known: Mapping[str, ParameterDescription]) -> InvalidArgumentError:
    if not known:
        message = f"Unknown parameter {key!r}: this method has no parameters."
    else:
        message = f"Unknown parameter {key!r}:{_hint(key, known)} Allowed are {', '.join(sorted(known))}."
    return InvalidArgumentError(message, reason="UNKNOWN_PARAMETER", parameter=key)


def _hint(name: str, known: Iterable[str]) -> str:
    nearest = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f" did you mean {nearest[0]!r}?" if nearest else ""


def _allowed(description: ParameterDescription) -> str:
    """Noun phrase for what a parameter may be."""
    if description.kind == "choice":
        phrase = f"one of {', '.join(description.choices)}"
    elif description.kind == "boolean":
        phrase = "true or false"
    elif description.kind == "text":
        phrase = "a text"
    else:
        phrase = "a whole number" if description.kind == "integer" else "a number"
        least = "above" if description.minimum_excluded else "at least"
        limits = [
            f"{word} {limit:g}"
            for word, limit in ((least, description.minimum), ("at most", description.maximum))
            if limit is not None
        ]
        phrase = f"{phrase} {' and '.join(limits)}".strip()
    return f"{phrase}, or auto" if description.default is None else phrase


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
