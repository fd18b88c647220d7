"""Server reflection, in both versions that tools ask for: v1 and its forerunner v1alpha, which differ in name alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool
from grpc_reflection.v1alpha import reflection, reflection_pb2, reflection_pb2_grpc

__all__ = ["V1", "add_reflection", "declare_v1"]

_ALPHA, _FIRST = "grpc.reflection.v1alpha", "grpc.reflection.v1"
V1 = f"{_FIRST}.ServerReflection"


def add_reflection(services: Sequence[str], server: Any) -> None:
    """Let tools such as grpcurl list and describe services.

    Parameters
    ----------
    services
        Full names of what the server serves.
    server
        An asyncio gRPC server.
    """
    declare_v1()
    servicer = reflection.aio.ReflectionServicer([*services, reflection.SERVICE_NAME, V1])
    reflection_pb2_grpc.add_ServerReflectionServicer_to_server(servicer, server)
    # `grpcio-reflection` has v1alpha only; the messages of v1 are the same on the wire.
    handler = grpc.stream_stream_rpc_method_handler(
        servicer.ServerReflectionInfo,
        request_deserializer=reflection_pb2.ServerReflectionRequest.FromString,
        response_serializer=reflection_pb2.ServerReflectionResponse.SerializeToString,
    )
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(V1, {"ServerReflectionInfo": handler}),))


def declare_v1() -> None:
    """Make the protobuf file of v1 known, as one that was generated would."""
    file = descriptor_pb2.FileDescriptorProto()
    reflection_pb2.DESCRIPTOR.CopyToProto(file)
    file.name, file.package = "grpc/reflection/v1/reflection.proto", _FIRST
    for message in file.message_type:
        for field in (field for field in message.field if field.type_name):
            field.type_name = field.type_name.replace(f".{_ALPHA}.", f".{_FIRST}.")
    for method in file.service[0].method:
        method.input_type = method.input_type.replace(_ALPHA, _FIRST)
        method.output_type = method.output_type.replace(_ALPHA, _FIRST)
    descriptor_pool.Default().AddSerializedFile(file.SerializeToString())
