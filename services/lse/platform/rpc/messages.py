"""Messages that all services share, made from plain values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
from google.protobuf import any_pb2
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

from latentspace.type.v1.figure_pb2 import Figure
from latentspace.type.v1.metadata_pb2 import MetadataField
from latentspace.type.v1.method_pb2 import Method, Parameter, Setting
from latentspace.type.v1.resource_pb2 import ResourceState
from latentspace.type.v1.table_pb2 import TableChunk
from lse.platform.catalogue import Resource
from lse.platform.parameters import MethodDescription

__all__ = [
    "figures",
    "metadata_fields",
    "method_to_pb",
    "packed",
    "resource_fields",
    "settings",
    "settings_from_pb",
    "table_chunks",
    "timestamp",
]

# Well below the message limit, and large enough that a million coordinates take a few dozen messages.
_CHUNK_BYTES = 1 << 20


def timestamp(seconds: float) -> Timestamp:
    """Protobuf timestamp of seconds since 1970, UTC."""
    whole = int(seconds)
    return Timestamp(seconds=whole, nanos=int((seconds - whole) * 1e9))


def packed(message: Message) -> bytes:
    """Serialized ``google.protobuf.Any`` of a message: what operations answer with."""
    wrapped = any_pb2.Any()
    wrapped.Pack(message)
    return wrapped.SerializeToString()


def resource_fields(resource: Resource) -> dict[str, Any]:
    """Fields that the messages of all resources share."""
    return {
        "name": resource.name,
        "uid": resource.uid,
        "state": ResourceState.Value(f"RESOURCE_STATE_{resource.state.upper()}"),
        "operation": resource.operation,
        "create_time": timestamp(resource.create_time),
        "update_time": timestamp(resource.update_time),
    }


def figures(values: Mapping[str, float | None]) -> list[Figure]:
    """Named figures; those without a value are left out."""
    return [Figure(key=key, value=value) for key, value in values.items() if value is not None]


def settings(values: Mapping[str, object]) -> list[Setting]:
    """Settings of parameter values; None, which the data decide, is the empty text."""
    return [Setting(key=key, value=_as_text(value)) for key, value in values.items()]


def settings_from_pb(messages: Iterable[Setting]) -> dict[str, str]:
    """Parameter values, still as text, of settings."""
    return {message.key: message.value for message in messages}


def method_to_pb(method: MethodDescription) -> Method:
    """Message of a method and its parameters."""
    return Method(
        method_id=method.name,
        title=method.title,
        help=method.help,
        parameters=[
            Parameter(
                key=parameter.name,
                kind=Parameter.Kind.Value(f"KIND_{parameter.kind.upper()}"),
                default_value=_as_text(parameter.default),
                minimum=parameter.minimum,
                maximum=parameter.maximum,
                choices=[str(choice) for choice in parameter.choices],
                help=parameter.help,
            )
            for parameter in method.parameters
        ],
    )


def metadata_fields(values: Mapping[str, object]) -> list[MetadataField]:
    """Typed facts; a missing one has no value."""
    fields = []
    for key, value in values.items():
        field = MetadataField(key=key)
        if isinstance(value, bool):
            field.boolean = value
        elif isinstance(value, int):
            field.integer = value
        elif isinstance(value, float):
            field.number = value
        elif value is not None:
            field.text = str(value)
        fields.append(field)
    return fields


def table_chunks(table: pa.Table) -> Iterator[TableChunk]:
    """Messages that carry a table as one Arrow IPC stream."""
    sink = _Pieces()
    with pa.ipc.new_stream(pa.PythonFile(sink, mode="w"), table.schema) as writer:
        for batch in table.to_batches(max_chunksize=65536):
            writer.write_batch(batch)
            yield from sink.full()
    yield from sink.rest()


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


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
