"""Messages that all services share, made from plain values."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any, TypeVar

import pyarrow as pa
from google.protobuf import any_pb2
from google.protobuf.descriptor import EnumDescriptor, FieldDescriptor
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.protobuf.struct_pb2 import ListValue, Struct
from google.protobuf.timestamp_pb2 import Timestamp
from pydantic import BaseModel

from latentspace.type.v1.figure_pb2 import Figure
from latentspace.type.v1.metadata_pb2 import MetadataField
from latentspace.type.v1.method_pb2 import Method
from latentspace.type.v1.row_set_pb2 import RowSet
from latentspace.type.v1.table_pb2 import TableChunk
from lse.columns import message_value
from lse.errors import InvalidArgumentError
from lse.kinds import Scalar
from lse.methods import Method as DescribedMethod
from lse.parameters import parameters_schema
from lse.platform.catalogue import Record
from lse.platform.catalogue.records.record import Parameter
from lse.rows import bitmap_of_rows

__all__ = [
    "figures",
    "metadata_fields",
    "method_to_pb",
    "packed",
    "parameters_from_pb",
    "parameters_to_pb",
    "seconds_of",
    "table_chunks",
    "timestamp",
    "to_pb",
]

MessageT = TypeVar("MessageT", bound=Message)

# Well below the message limit, and large enough that a million coordinates take a few dozen messages.
_CHUNK_BYTES = 1 << 20


def timestamp(seconds: float) -> Timestamp:
    """Protobuf timestamp of seconds since 1970, UTC."""
    whole = int(seconds)
    return Timestamp(seconds=whole, nanos=int((seconds - whole) * 1e9))


def seconds_of(value: Timestamp | Duration) -> float:
    """Seconds since 1970 of a time, or seconds of a duration, that a request gives.

    Raises
    ------
    InvalidArgumentError
        If its parts are out of range, as protobuf defines them.
    """
    try:
        return float(value.ToNanoseconds() / 1e9)
    except ValueError as error:
        raise InvalidArgumentError(
            f"A time or duration is out of range: {value.seconds} s and {value.nanos} ns.", reason="TIME_INVALID"
        ) from error


def packed(message: Message) -> bytes:
    """Serialized ``google.protobuf.Any`` of a message: what operations answer with."""
    wrapped = any_pb2.Any()
    wrapped.Pack(message)
    return wrapped.SerializeToString()


def to_pb(source: object, message: type[MessageT], **given: Any) -> MessageT:
    """Message of a record, or of any other object, by the names of its fields.

    Parameters
    ----------
    source
        A record, whose message is filled from its `layers`, or an object with attributes.
    message
        Class of the message.
    given
        Fields that the source does not have.

    Raises
    ------
    TypeError
        If the message has a field of which nothing is known: a fault of the record or the message.

    Examples
    --------
    >>> to_pb(PredictedClass(label="spiral", label_count=3, image_count=40), pb.PredictedClass)  # doctest: +SKIP
    """
    return message(**_values(source, message.DESCRIPTOR, given))


def _values(source: object, descriptor: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    layers = source.layers() if isinstance(source, Record) else (source,)
    values = dict(given)
    for field in descriptor.fields:
        if field.name in values:
            continue
        for layer in layers:
            if _has(layer, field.name):
                value = getattr(layer, field.name)
                if value is not None:
                    values[field.name] = _value(value, field)
                break
        else:
            if not (isinstance(source, Record) and source.made is None):
                raise TypeError(f"{type(source).__name__} has no '{field.name}' for {descriptor.full_name}")
    return values


def _has(layer: object, name: str) -> bool:
    # Methods do not count: an encoder has one called `version`, beside the number of the version in use.
    return hasattr(layer, name) and not callable(getattr(layer, name))


def _value(value: Any, field: FieldDescriptor) -> Any:
    """Value as the constructor of a message takes it."""
    kind = field.message_type
    if kind is None:
        return _enum_name(value, field.enum_type) if field.enum_type is not None else value
    if (make := _MAKERS.get(kind.full_name)) is not None:
        return make(value)
    if isinstance(value, Mapping) and all(isinstance(item, BaseModel) for item in value.values()):
        return [_values(item, kind, {"key": key}) for key, item in value.items()]
    if isinstance(value, Mapping):
        (other,) = (each for each in kind.fields if each.name != "key")
        return [{"key": key, other.name: _value(item, other)} for key, item in value.items() if item is not None]
    return [_values(each, kind, {}) for each in value]


def _enum_name(value: str, kind: EnumDescriptor) -> str:
    """Name of a value by our convention, such as ``RESOURCE_STATE_READY``; of nothing, that of the number 0."""
    prefix = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind.name).upper()
    return f"{prefix}_{value.upper()}" if value else str(kind.values[0].name)


def figures(values: Mapping[str, float | None]) -> list[Figure]:
    """Named figures; those without a value are left out."""
    return [Figure(key=key, value=value) for key, value in values.items() if value is not None]


def parameters_to_pb(parameters: Mapping[str, Any]) -> Struct:
    """Parameters of a method as a message; None, which is chosen from the data, is null."""
    struct = Struct()
    struct.update(parameters)
    return struct


def parameters_from_pb(struct: Struct) -> dict[str, Parameter]:
    """Parameters of a method that a request gives.

    Raises
    ------
    InvalidArgumentError
        If one is neither a number, a text, true, false nor null.
    """
    parameters: dict[str, Parameter] = {}
    for key in struct:
        value = struct[key]
        if isinstance(value, Struct | ListValue):
            raise InvalidArgumentError(
                f"The parameter '{key}' is a list or an object: give a number, a text, true, false or null.",
                reason="PARAMETER_INVALID",
                parameter=key,
            )
        # JSON knows numbers only: what is whole may be meant as an integer.
        parameters[key] = int(value) if isinstance(value, float) and value.is_integer() else value
    return parameters


def method_to_pb(method: DescribedMethod[Any, Any]) -> Method:
    """Message of a method and its parameters."""
    return Method(
        method=method.id,
        title=method.title,
        summary=method.summary,
        parameters_schema=json.dumps(parameters_schema(method.parameters)),
        aliases=method.aliases,
    )


def metadata_fields(values: Mapping[str, Scalar | None]) -> list[MetadataField]:
    """Typed facts; a missing one has no value."""
    fields = []
    for key, value in values.items():
        field = MetadataField(key=key)
        if value is not None:
            setattr(field, *message_value(value))
        fields.append(field)
    return fields


def table_chunks(table: pa.Table | Iterator[pa.Table]) -> Iterator[TableChunk]:
    """Messages that carry a table, or its blocks in their order, at least one, as one Arrow IPC stream."""
    blocks = iter([table]) if isinstance(table, pa.Table) else table
    first, sink = next(blocks), _Pieces()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), first.schema) as writer:
        for block in chain([first], blocks):
            for batch in block.to_batches(max_chunksize=65536):
                writer.write_batch(batch)
                yield from sink.full()
    yield from sink.rest()


_MAKERS: Mapping[str, Callable[[Any], Message]] = {
    "google.protobuf.Timestamp": timestamp,
    "google.protobuf.Struct": parameters_to_pb,
    "latentspace.type.v1.RowSet": lambda rows: RowSet(bitmap=bitmap_of_rows(rows)),
}


class _Pieces:
    """File-like sink that is emptied in pieces while it is written to."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self.closed = False

    def write(self, data: Any) -> int:
        self._buffer += data
        return len(data)

    def flush(self) -> None:
        pass

    def close(self) -> None:
        self.closed = True

    def full(self) -> Iterator[TableChunk]:
        while len(self._buffer) >= _CHUNK_BYTES:
            yield TableChunk(arrow=bytes(self._buffer[:_CHUNK_BYTES]))
            del self._buffer[:_CHUNK_BYTES]

    def rest(self) -> Iterator[TableChunk]:
        yield from self.full()
        if self._buffer:
            yield TableChunk(arrow=bytes(self._buffer))
            self._buffer.clear()
