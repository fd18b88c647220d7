"""Errors on the wire (AIP-193): canonical code, sentence, ErrorInfo."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

from lse.platform.errors import LseError, error_class

__all__ = ["DOMAIN", "error_of", "status_of"]

DOMAIN = "latentspace"


def status_of(error: LseError) -> status_pb2.Status:
    """``google.rpc.Status`` of an error, with its reason and metadata."""
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))
    code: int = grpc.StatusCode[error.code].value[0]
    return status_pb2.Status(code=code, message=error.message, details=[info])


def error_of(error: grpc.RpcError) -> LseError:
    """Error that a service answered with, as it was raised there."""
    code = error.code()
    reason: str | None = None
    metadata: dict[str, str] = {}
    status = rpc_status.from_call(error)
    for detail in status.details if status is not None else ():
        info = error_details_pb2.ErrorInfo()
        if detail.Unpack(info):
            reason, metadata = info.reason, dict(info.metadata)
    raised = error_class(code.name)(error.details() or code.name, reason=reason)
    raised.metadata = metadata
    return raised
