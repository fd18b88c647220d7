"""Requests of every method of the API, made from its descriptors, and the answers to them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

import grpc
from google.api import field_behavior_pb2, resource_pb2
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_status import rpc_status

__all__ = ["answers_of", "as_bytes", "declared", "filled_request", "patterns_of"]


def declared(method: str) -> MethodDescriptor:
    """Method of a full name."""
    service, _, name = method.partition("/")
    found: MethodDescriptor = descriptor_pool.Default().FindServiceByName(service).methods_by_name[name]
    return found


def patterns_of(methods: Iterable[str]) -> dict[str, str]:
    """Pattern of the names of each type of resource that the files of some methods declare."""
    found = {"latentspace/Operation": "projects/{project}/operations/{operation}"}
    for method in methods:
        for message in declared(method).containing_service.file.message_types_by_name.values():
            resource = message.GetOptions().Extensions[resource_pb2.resource]
            if resource.type:
                found[resource.type] = resource.pattern[0]
    return found


def filled_request(method: str, patterns: Mapping[str, str], ids: Mapping[str, str]) -> Message:
    """Request with a name in every field that names a resource.

    Parameters
    ----------
    method
        Full name of the method.
    patterns
        Of names, by type.
    ids
        What stands for which part of a pattern; ``none`` for others.
    """
    request = GetMessageClass(declared(method).input_type)()
    _fill(request, patterns, ids)
    return request


def _fill(message: Message, patterns: Mapping[str, str], ids: Mapping[str, str]) -> None:
    if not patterns:
        return
    for field in message.DESCRIPTOR.fields:
        options = field.GetOptions()
        reference = options.Extensions[resource_pb2.resource_reference]
        behaviour = options.Extensions[field_behavior_pb2.field_behavior]
        pattern = patterns.get(reference.type, "")
        if reference.child_type:
            pattern = patterns[reference.child_type].rsplit("/", 2)[0]
        if field_behavior_pb2.IDENTIFIER in behaviour:
            pattern = message.DESCRIPTOR.GetOptions().Extensions[resource_pb2.resource].pattern[0]
        if message.DESCRIPTOR.file.package == "google.longrunning" and field.name == "name":
            pattern = patterns["latentspace/Operation"]
        if field_behavior_pb2.OUTPUT_ONLY in behaviour:
            continue
        if field.message_type is not None and field.message_type.full_name.startswith("latentspace."):
            if not field.is_repeated:
                _fill(getattr(message, field.name), patterns, ids)
                getattr(message, field.name).SetInParent()
        elif pattern:
            name = re.sub(r"\{(\w+)\}", lambda part: ids.get(part[1], "none"), pattern)
            if field.is_repeated:
                getattr(message, field.name).append(name)
            else:
                setattr(message, field.name, name)


def answers_of(channel: grpc.Channel, method: str, request: Message, token: str | None) -> list[bytes] | grpc.RpcError:
    """Messages that a request is answered with, as they come over the wire, or the error.

    Of a stream both ways, which may never end, only the first message is read.
    """
    kind = declared(method)
    arity = [("stream" if streams else "unary") for streams in (kind.client_streaming, kind.server_streaming)]
    call = getattr(channel, "_".join(arity))(
        f"/{method}", request_serializer=lambda message: message.SerializeToString(), response_deserializer=bytes
    )
    metadata = (("authorization", f"Bearer {token}"),) if token else ()
    try:
        answer = call(iter([request]) if kind.client_streaming else request, metadata=metadata, timeout=30)
        if not kind.server_streaming:
            return [answer]
        endless = kind.client_streaming or kind.name == "Watch"
        found = [next(answer)] if endless else list(answer)
        answer.cancel()
    except grpc.RpcError as error:
        return error
    return found


def as_bytes(answer: list[bytes] | grpc.RpcError) -> list[bytes]:
    """An answer, or the status of an error with its details, as bytes."""
    if isinstance(answer, grpc.RpcError):
        status = rpc_status.from_call(answer)
        return [] if status is None else [status.SerializeToString()]
    return answer
