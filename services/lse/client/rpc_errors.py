"""What a failed call says, as an error of `lse.platform.errors`."""

from __future__ import annotations

import grpc
from google.rpc import code_pb2, error_details_pb2, status_pb2
from grpc_status import rpc_status

from lse.platform.errors import LseError, UnavailableError, error_class

__all__ = ["from_rpc_error", "from_status", "unreachable"]


def from_status(status: status_pb2.Status) -> LseError:
    """Error that a `google.rpc.Status` describes: its code, sentence, reason and metadata."""
    code = code_pb2.Code.Name(status.code) if status.code in code_pb2.Code.values() else "UNKNOWN"
    info = error_details_pb2.ErrorInfo()
    for detail in status.details:
        if detail.Unpack(info):
            break
    error = error_class(code)(status.message or f"The work ended with {code}.", reason=info.reason or None)
    error.metadata = dict(info.metadata)
    return error


def unreachable(address: str) -> UnavailableError:
    """Error of an address where nothing answers."""
    return UnavailableError(
        f"No services answer at {address}: start them with `lse up` or set LSE_ADDRESS.",
        reason="SERVICES_UNREACHABLE",
        address=address,
    )


def from_rpc_error(error: grpc.RpcError, *, address: str, timeout: float | None = None) -> LseError:
    """Error of a failed call.

    Parameters
    ----------
    error
        As grpc raised it.
    address
        Where the services were looked for.
    timeout
        Seconds that the call was given.
    """
    if not isinstance(error, grpc.Call):
        return LseError(f"The call to {address} failed: {error}.")
    status = _status(error)
    if status is not None:
        return from_status(status)
    code, details = error.code().name, (error.details() or "").strip().rstrip(".")
    if code == "UNAVAILABLE":
        return unreachable(address)
    if code == "DEADLINE_EXCEEDED":
        within = f" within {timeout:g} s" if timeout else " in time"
        sentence = f"The services at {address} did not answer{within}: look at their log, then try again."
    elif code == "UNIMPLEMENTED":
        sentence = f"The services at {address} cannot do this: {details or 'they are of another version'}."
    elif code in {"INTERNAL", "UNKNOWN"}:
        sentence = f"The services at {address} failed ({details or code}): look at their log."
    elif code == "CANCELLED":
        sentence = "The call was cut short before its answer came: try again."
    else:
        sentence = f"{details or code}."
    return error_class(code)(sentence, address=address)


def _status(error: grpc.Call) -> status_pb2.Status | None:
    try:
        return rpc_status.from_call(error)
    except ValueError:  # code and details disagree: what came as status is not to be believed
        return None
