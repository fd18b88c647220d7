"""Errors on the wire (AIP-193): canonical code, sentence, ``ErrorInfo``; the same for services and clients."""

from __future__ import annotations

import grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from lse.errors import LseError, error_class

__all__ = ["DOMAIN", "error_of", "error_of_call", "sent_status", "status_of"]

DOMAIN = "latentspace"


def status_of(error: LseError) -> status_pb2.Status:
    """``google.rpc.Status`` of an error, with its reason and metadata."""
    status = status_pb2.Status(code=code_pb2.Code.Value(error.code), message=error.message)
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    status.details.add().Pack(info)
    return status


def error_of(status: status_pb2.Status) -> LseError:
    """Error that a status describes, as it was raised by the service."""
    code = code_pb2.Code.Name(status.code) if status.code in code_pb2.Code.values() else "UNKNOWN"
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            break
    error = error_class(code)(status.message or f"The work ended with {code}.", reason=info.reason or None)
    error.metadata = dict(info.metadata)
    return error


def error_of_call(error: grpc.RpcError) -> LseError:
    """Error that a service answered a call with; code and details are all there is where it sent no status."""
    status = sent_status(error)
    return error_of(status) if status else error_class(error.code().name)(error.details() or error.code().name)


def sent_status(error: grpc.RpcError) -> status_pb2.Status | None:
    """Status that a service sent with a failed call; None where the call failed without one."""
    try:
        return rpc_status.from_call(error)
    except (AttributeError, ValueError):  # no call at all, or code and details disagree
        return None
