"""Calls from one service to another, for the caller of the request in progress."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import grpc
import structlog

from lse.platform.access.service_tokens import ServiceTokens
from lse.platform.auth import current_caller
from lse.platform.tracing import tracing_headers
from lse.status import error_of_call

__all__ = ["call_peer"]

_MESSAGE_BYTES = 16 << 20

_RequestT = TypeVar("_RequestT")
_ResponseT = TypeVar("_ResponseT")


def call_peer(
    address: str,
    method: Callable[[grpc.Channel], grpc.UnaryUnaryMultiCallable[_RequestT, _ResponseT]],
    request: _RequestT,
    *,
    tokens: ServiceTokens | None = None,
    timeout: float = 60.0,
) -> _ResponseT:
    """Call another service for the caller of the request in progress, with its request id.

    Parameters
    ----------
    address
        ``HOST:PORT`` of the service.
    method
        Method of a stub on the channel it is given.
    request
        The request.
    tokens
        Make the token that is sent; None to send what the caller sent.
    timeout
        Seconds to wait for the answer.

    Raises
    ------
    LseError
        What the other service answers with.
    """
    caller = current_caller()
    passed_on = {
        "authorization": f"Bearer {tokens.make(caller)}" if tokens is not None else caller.credentials,
        "x-request-id": structlog.contextvars.get_contextvars().get("request_id", ""),
        **tracing_headers(),
    }
    metadata = tuple((key, value) for key, value in passed_on.items() if value)
    limits = [("grpc.max_send_message_length", _MESSAGE_BYTES), ("grpc.max_receive_message_length", _MESSAGE_BYTES)]
    with grpc.insecure_channel(address, options=limits) as channel:
        try:
            return method(channel)(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            raise error_of_call(error) from error
