"""Errors on the wire (AIP-193): canonical code, sentence, ErrorInfo."""

from __future__ import annotations

import grpc
from google.protobuf import any_pb2
from google.rpc import error_details_pb2, status_pb2

from lse.platform.errors import LseError

__all__ = ["DOMAIN", "status_of"]

DOMAIN = "latentspace"


def status_of(error: LseError) -> status_pb2.Status:
    """``google.rpc.Status`` of an error, with its reason and metadata."""
    info = any_pb2.Any()
    info.Pack(error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata))
    code: int = grpc.StatusCode[error.code].value[0]
    return status_pb2.Status(code=code, message=error.message, details=[info])
