"""Methods and their parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Self

from latentspace.type.v1 import method_pb2 as pb

__all__ = ["Method", "Parameter", "ParameterKind"]

ParameterKind = Literal["integer", "number", "text", "choice", "boolean"]

_KINDS: dict[int, ParameterKind] = {
    pb.Parameter.KIND_INTEGER: "integer",
    pb.Parameter.KIND_NUMBER: "number",
    pb.Parameter.KIND_TEXT: "text",
    pb.Parameter.KIND_CHOICE: "choice",
    pb.Parameter.KIND_BOOLEAN: "boolean",
}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of a method.

    Attributes
    ----------
    key
        Key in settings.
    kind
        Kind of value.
    default
        Value used when none is given, as text; empty where the data decide.
    minimum, maximum
        Bounds of a number, None where there is none.
    choices
        Allowed values of a choice.
    help
        One sentence that tells what it does.
    """

    key: str
    kind: ParameterKind
    default: str
    minimum: float | None
    maximum: float | None
    choices: tuple[str, ...]
    help: str

    @classmethod
    def from_pb(cls, message: pb.Parameter) -> Self:
        """Parameter that a message describes."""
        return cls(
            key=message.key,
            kind=_KINDS.get(message.kind, "text"),
            default=message.default_value,
            minimum=message.minimum if message.HasField("minimum") else None,
            maximum=message.maximum if message.HasField("maximum") else None,
            choices=tuple(message.choices),
            help=message.help,
        )


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to train, project or cluster.

    Attributes
    ----------
    id
        Identifier given in requests, such as ``umap``.
    title
        Name for a person.
    help
        One sentence that tells what it does and when it fits.
    parameters
        Its parameters in the order in which a form shows them.
    """

    id: str
    title: str
    help: str
    parameters: tuple[Parameter, ...]

    @classmethod
    def from_pb(cls, message: pb.Method) -> Self:
        """Method that a message describes."""
        return cls(
            id=message.method_id,
            title=message.title,
            help=message.help,
            parameters=tuple(Parameter.from_pb(parameter) for parameter in message.parameters),
        )
