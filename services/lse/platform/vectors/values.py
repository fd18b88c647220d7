"""Payload values on their way through Qdrant's protobuf messages: JSON-like Python values and back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from qdrant_client import grpc as messages

from lse.errors import InvalidArgumentError

__all__ = ["from_payload", "from_value", "to_payload", "to_value"]


def to_value(value: object) -> messages.Value:
    """Message of one payload value.

    Parameters
    ----------
    value
        None, bool, int (64 bits), float, str, a sequence or a mapping of these; NumPy scalars are taken as well.
        A NaN or an infinity becomes null, for JSON, in which payloads are kept, has neither.

    Raises
    ------
    InvalidArgumentError
        For a value of any other type, or an integer beyond 64 bits.
    """
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        value = None
    match value:
        case None:
            message = messages.Value(null_value=0)  # type: ignore[arg-type]
        case bool():
            message = messages.Value(bool_value=value)
        case int():
            if not -(2**63) <= value < 2**63:
                raise InvalidArgumentError(
                    f"The payload value {value} does not fit in 64 bits; store it as text.",
                    reason="PAYLOAD_VALUE_INVALID",
                )
            message = messages.Value(integer_value=value)
        case float():
            message = messages.Value(double_value=value)
        case str():
            message = messages.Value(string_value=value)
        case Mapping():
            message = messages.Value(struct_value=messages.Struct(fields=to_payload(value)))
        case list() | tuple() | np.ndarray():
            message = messages.Value(list_value=messages.ListValue(values=[to_value(item) for item in value]))
        case _:
            raise InvalidArgumentError(
                f"A payload value is of type {type(value).__name__}; use text, numbers, booleans, lists or mappings.",
                reason="PAYLOAD_VALUE_INVALID",
                type=type(value).__name__,
            )
    return message


def to_payload(payload: Mapping[str, object]) -> dict[str, messages.Value]:
    """Messages of a payload's values by key; see `to_value`."""
    return {str(key): to_value(value) for key, value in payload.items()}


def from_value(value: messages.Value) -> Any:
    """Python value of a message."""
    kind = value.WhichOneof("kind")
    if kind is None or kind == "null_value":
        return None
    if kind == "struct_value":
        return from_payload(value.struct_value.fields)
    if kind == "list_value":
        return [from_value(item) for item in value.list_value.values]
    return getattr(value, kind)


def from_payload(payload: Mapping[str, messages.Value]) -> dict[str, Any]:
    """Python values of a payload's messages by key."""
    return {key: from_value(value) for key, value in payload.items()}
