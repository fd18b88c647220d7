"""How messages of the services become frozen dataclasses, and the fields that many resources share."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, partial
from html import escape
from operator import attrgetter
from typing import Any, ClassVar, Literal, Self

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import Struct

from lse.columns import value_of_message

__all__ = ["MadeResource", "NamedResource", "Parametrised", "Received", "State", "received"]

State = Literal["creating", "ready", "failed"]

# What stands for a value of an enum that this version does not know, where it is not the empty text.
_UNKNOWN = {"ResourceState": "creating", "Kind": "text", "Type": "text", "Status": "rejected"}
_SHOWN = 500
_METADATA = "latentspace.type.v1.MetadataField"
_CLASSES: dict[str, type[Received]] = {}


class Received:
    """Data that come as a message of the services.

    A subclass is a frozen dataclass that names its message, and for each attribute the field of the message where that
    has another name.  Values are converted by what the message declares: times to `datetime`, enums to lower-case
    words, repeated fields to tuples, pairs of key and value to dictionaries (as are messages with a key where the
    attribute is a dictionary), pixels to arrays, other messages to their own dataclasses; a field that is not set is
    None.

    Examples
    --------
    >>> @dataclass(frozen=True, kw_only=True)
    ... class Match(Received, message=search_pb2.Match, similarity_to_query="similarity"):
    ...     image: str
    ...     similarity_to_query: float
    >>> Match.from_pb(search_pb2.Match(image="projects/p/datasets/d/images/a", similarity=0.5)).similarity_to_query
    0.5
    """

    message: ClassVar[type[Message]]
    _sent_as: ClassVar[dict[str, str]] = {}

    def __init_subclass__(cls, *, message: type[Message] | None = None, **sent_as: str) -> None:
        super().__init_subclass__()
        cls._sent_as = {**cls._sent_as, **sent_as}
        if message is not None:
            cls.message = message
            _CLASSES[message.DESCRIPTOR.full_name] = cls

    @property
    def called(self) -> str | None:
        """What people call it, the value of ``name`` in tables; None of what has no name."""
        return None

    @classmethod
    def from_pb(cls, message: Message) -> Self:
        """Data of a message."""
        return cls(**{name: read(message) for name, read in _readers(cls)})  # type: ignore[arg-type]  # classes are hashable

    @classmethod
    def _reader(cls, attribute: dataclasses.Field[Any]) -> Callable[[Message], Any]:
        """What reads an attribute from a message."""
        field = cls.message.DESCRIPTOR.fields_by_name[cls._sent_as.get(attribute.name, attribute.name)]
        if not (field.is_repeated or field.has_presence or field.enum_type or field.message_type):
            return attrgetter(field.name)
        return partial(_value, field=field, by_key=str(attribute.type).startswith("dict"))


@cache
def _readers(cls: type[Received]) -> list[tuple[str, Callable[[Message], Any]]]:
    """What reads each attribute, worked out once: a search has thousands of matches."""
    attributes = dataclasses.fields(cls)  # type: ignore[arg-type]  # subclasses are dataclasses
    return [(attribute.name, cls._reader(attribute)) for attribute in attributes]


def received(packed: AnyMessage) -> Received | None:
    """Data of a message of any kind; None of a kind that this client does not know."""
    cls = _CLASSES.get(packed.TypeName())
    if cls is None:
        return None
    message = cls.message()
    packed.Unpack(message)
    return cls.from_pb(message)


def _value(message: Message, field: Any, *, by_key: bool = False) -> Any:
    value = getattr(message, field.name)
    if field.is_repeated:
        if _is_pair(field):
            return dict(_pair(item) for item in value)
        if by_key:
            return {item.key: _item(item, field) for item in value}
        return tuple(_item(item, field) for item in value)
    if field.has_presence and not message.HasField(field.name):
        return {} if isinstance(value, Struct) else None
    return _item(value, field)


def _item(value: Any, field: Any) -> Any:
    if field.enum_type is not None:
        return _word(field.enum_type, value)
    if field.message_type is not None and (read := _READERS.get(field.message_type.full_name)) is not None:
        return read(value)
    return value if field.message_type is None else _CLASSES[field.message_type.full_name].from_pb(value)


def _is_pair(field: Any) -> bool:
    message = field.message_type
    return message is not None and message.full_name not in _CLASSES and message.full_name not in _READERS


def _pair(message: Message) -> tuple[Any, Any]:
    """Key, which is the first field, and value: the second, or of several the one that is set."""
    key, *values = list[Any](message.DESCRIPTOR.fields)
    if len(values) > 1:
        values = [field for field in values if message.HasField(field.name)]
    found = _value(message, values[0]) if values else None
    if found is not None and message.DESCRIPTOR.full_name == _METADATA:
        found = value_of_message(values[0].name, found)
    return _value(message, key), found


def _pixels(value: Any) -> Any:
    import numpy as np

    return np.frombuffer(value.values, "<f4").astype(np.float32).reshape(value.shape)


def _moment(value: Any) -> datetime | None:
    moment: datetime | None = value.ToDatetime(tzinfo=UTC) if value.seconds or value.nanos else None
    return moment


def _plain(value: Any) -> dict[str, object]:
    """Values of a JSON object; a number without a fraction is an integer."""
    return {
        key: int(item) if isinstance(item, float) and item.is_integer() else item
        for key, item in ((key, value[key]) for key in value)
    }


_READERS: dict[str, Callable[[Any], Any]] = {
    "google.protobuf.Struct": _plain,
    "google.protobuf.Timestamp": _moment,
    "latentspace.explanation.v1.PixelArray": _pixels,
    # The services answer with bitmaps, whatever they were asked with.
    "latentspace.type.v1.RowSet": lambda rows: rows.bitmap,
}


@cache
def _word(enum: Any, number: int) -> str:
    """Value of an enum without its prefix, ``RESOURCE_STATE_READY`` as ``ready``."""
    value = enum.values_by_number.get(number)
    if value is None or number == 0:
        return _UNKNOWN.get(enum.name, "")
    prefix = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", enum.name).upper()
    return str(value.name).removeprefix(f"{prefix}_").lower()


@dataclass(frozen=True, kw_only=True)
class NamedResource(Received):
    """Something with a resource name.

    Attributes
    ----------
    name
        Full resource name, such as ``projects/default/datasets/first``.
    """

    name: str

    def _repr_html_(self) -> str:
        """Attributes that say something, a line each, as a notebook shows them."""
        shown = ((field.name, getattr(self, field.name)) for field in dataclasses.fields(self) if field.repr)
        left = "style='text-align:left'"
        lines = (
            f"<tr><th {left}>{name}</th><td {left}>{escape(_shortened(value))}</td></tr>"
            for name, value in shown
            if value not in ("", None, (), {})
        )
        return f"<table>{''.join(lines)}</table>"

    @property
    def id(self) -> str:
        """Last part of the name."""
        return self.name.rsplit("/", 1)[-1]

    @property
    def called(self) -> str:
        """What people call it: its id."""
        return self.id


def _shortened(value: object) -> str:
    if isinstance(value, dict):
        value = ", ".join(f"{key} {item}" for key, item in value.items())
    elif isinstance(value, tuple):
        value = ", ".join(map(str, value))
    text = str(value)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


class Parametrised:
    """What a method made, with its parameters."""

    parameters: dict[str, object]

    @property
    def seed(self) -> int:
        """Random seed."""
        return int(str(self.parameters.get("seed") or 0))


@dataclass(frozen=True, kw_only=True)
class MadeResource(NamedResource):
    """A resource that long work makes.

    Attributes
    ----------
    uid
        Identifier that is never used again, even after the name is.
    state
        ``creating`` while nothing of it can be read, ``ready``, or ``failed``: it can only be deleted.
    operation
        Name of the operation that made it.
    creator
        Who created it.
    title, description
        What people call it, and say about it.
    etag
        Tag of the resource as it was read, for an update that is refused if it was changed since.
    create_time, update_time
        When it was asked for and when it last changed; None where that is not known.
    notes
        Sentences that a user should know.
    """

    uid: str
    state: State
    operation: str
    creator: str
    title: str
    description: str
    etag: str
    create_time: datetime | None
    update_time: datetime | None
    notes: tuple[str, ...]
