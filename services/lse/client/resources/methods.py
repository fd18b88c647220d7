"""Methods and their parameters."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self

from google.protobuf.message import Message

from latentspace.type.v1 import method_pb2 as pb
from lse.client.resources.fields import Received

__all__ = ["Method", "Parameter", "ParameterKind"]

ParameterKind = Literal["integer", "number", "text", "choice", "boolean"]

_KINDS: dict[str, ParameterKind] = {"integer": "integer", "number": "number", "boolean": "boolean"}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One parameter of a method.

    Attributes
    ----------
    key
        Name in requests, as in ``--set key=value``.
    kind
        Type of its values.
    default
        Value used when none is given, as text; empty where it is chosen from the data.
    minimum, maximum
        Bounds of a number, None where there is none.
    choices
        Allowed values of a choice.
    help
        What it does, in a sentence or two.
    aliases
        Earlier names that are still accepted.
    """

    key: str
    kind: ParameterKind
    default: str
    minimum: float | None = None
    maximum: float | None = None
    choices: tuple[str, ...] = ()
    help: str = ""
    aliases: tuple[str, ...] = ()

    @classmethod
    def from_schema(cls, key: str, entry: Mapping[str, Any]) -> Self:
        """Parameter of a property of the JSON Schema of a method."""
        value = {**entry, **next((each for each in entry.get("anyOf", ()) if each.get("type") != "null"), {})}
        choices, default = value.get("enum", ()), entry.get("default")
        return cls(
            key=key,
            kind="choice" if choices else _KINDS.get(value.get("type", ""), "text"),
            default="" if default is None else str(default).lower() if isinstance(default, bool) else str(default),
            minimum=value.get("minimum", value.get("exclusiveMinimum")),
            maximum=value.get("maximum", value.get("exclusiveMaximum")),
            choices=tuple(str(choice) for choice in choices),
            help=entry.get("description", ""),
            aliases=tuple(entry.get("aliases", ())),
        )


@dataclass(frozen=True, kw_only=True)
class Method(Received, message=pb.Method, id="method"):
    """A way to train, project, cluster or predict.

    Attributes
    ----------
    id
        Identifier used in requests, such as ``umap``.
    title
        Name for a person.
    summary
        What it does and when it suits, in one or two sentences.
    parameters_schema
        JSON Schema of its parameters, in the order in which a form shows them.
    aliases
        Earlier identifiers that are still accepted.
    """

    id: str
    title: str
    summary: str
    parameters_schema: Mapping[str, Any]
    aliases: tuple[str, ...] = ()

    @classmethod
    def from_pb(cls, message: Message) -> Self:
        """Method that a message describes."""
        assert isinstance(message, pb.Method)
        return cls(
            id=message.method,
            title=message.title,
            summary=message.summary,
            parameters_schema=json.loads(message.parameters_schema or "{}"),
            aliases=tuple(message.aliases),
        )

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """Its parameters, in the order in which a form shows them."""
        properties = self.parameters_schema.get("properties", {})
        return tuple(Parameter.from_schema(key, entry) for key, entry in properties.items())

    def with_present_names(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """Parameters of which those given by an earlier name have the present one."""
        present = {alias: parameter.key for parameter in self.parameters for alias in parameter.aliases}
        return {present.get(name, name): value for name, value in parameters.items()}
