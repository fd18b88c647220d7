"""What a failed call means, as an error of `lse.errors`."""

from __future__ import annotations

import grpc

from lse.errors import LseError, UnavailableError, error_class
from lse.status import error_of, sent_status

__all__ = ["from_rpc_error", "unreachable"]


def unreachable(address: str) -> UnavailableError:
    """Error of an address where nothing answers."""
    return UnavailableError(
        f"No services answer at {address}: start them with `lse up` or set LSE_ADDRESS.",
        reason="SERVICES_UNAVAILABLE",
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
    status = sent_status(error)
    if status is not None:
        return error_of(status)
    code, details = error.code().name, (error.details() or "").strip().rstrip(".")
    if code == "UNAVAILABLE":
        return unreachable(address)
    if code == "CANCELLED":  # not by us: a server that ends cuts off what it has not taken up
        return UnavailableError(
            "The call was cut short before its answer came: try again.", reason="SERVICES_UNAVAILABLE", address=address
        )
    if code == "DEADLINE_EXCEEDED":
        within = f" within {timeout:g} s" if timeout else " in time"
        sentence = f"The services at {address} did not answer{within}: look at their log, then try again."
    elif code == "UNIMPLEMENTED":
        sentence = f"The services at {address} cannot do this: {details or 'they are of another version'}."
    elif code in {"INTERNAL", "UNKNOWN"}:
        sentence = f"The services at {address} failed ({details or code}): look at their log."
    else:
        sentence = f"{details or code}."
    return error_class(code)(sentence, address=address)
