"""A gRPC proxy in front of running services, for tests of what a client does when the wire or the services fail."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

import grpc
from grpc_status import rpc_status

from lse.errors import LseError
from lse.status import status_of

__all__ = ["Call", "FaultProxy"]

# Longer deadlines are none: grpc gives a call without one until the end of time.
_LONGEST_SECONDS = 1e6


@dataclass(frozen=True)
class Call:
    """A call that came by: its method, its metadata, and its messages as they were sent."""

    method: str
    metadata: dict[str, Any]
    sent: list[bytes]


class FaultProxy(grpc.GenericRpcHandler):
    """Passes every call on to the services and every answer back, unless it is to do otherwise.

    It can be stopped, and started again on the same port, as services that are restarted.

    Attributes
    ----------
    calls
        The calls that came by.
    errors
        What the next calls of a method end with instead of being passed on.
    answers
        How the messages with which the services answer a method are changed on their way.
    missing
        Methods that nobody here knows.
    """

    def __init__(self, address: str) -> None:
        self.calls: list[Call] = []
        self.errors: dict[str, list[LseError]] = {}
        self.answers: dict[str, Callable[[Iterator[bytes]], Iterator[bytes]]] = {}
        self.missing: set[str] = set()
        self._channel = grpc.insecure_channel(address)
        self._server: Any = None
        self._port = 0
        self.start()

    @property
    def address(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self._port}"

    @property
    def methods(self) -> list[str]:
        """Names of the methods called, without their services."""
        return [call.method for call in self.calls]

    def start(self) -> None:
        """Listen."""
        self._server = grpc.server(ThreadPoolExecutor(16), handlers=[self])
        self._port = self._server.add_insecure_port(f"127.0.0.1:{self._port}")
        self._server.start()

    def stop(self) -> None:
        """Be gone, with all calls under way."""
        self._server.stop(None).wait()

    def close(self) -> None:
        """End for good."""
        self.stop()
        self._channel.close()

    def service(self, handler_call_details: Any) -> Any:
        """Handler of a method: on the wire, a call of one message is a stream of one message."""
        method = handler_call_details.method
        if method.rsplit("/", 1)[-1] in self.missing:
            return None
        return grpc.stream_stream_rpc_method_handler(partial(self._pass_on, method))

    def _pass_on(self, method: str, requests: Iterator[bytes], context: Any) -> Iterator[bytes]:
        name = method.rsplit("/", 1)[-1]
        call = Call(name, dict(context.invocation_metadata()), [])
        self.calls.append(call)
        if self.errors.get(name):
            call.sent.append(next(requests))
            context.abort_with_status(rpc_status.to_status(status_of(self.errors[name].pop(0))))
        left = context.time_remaining()
        metadata = tuple((key, call.metadata[key]) for key in ("authorization", "x-request-id") if key in call.metadata)
        ended = threading.Event()
        pass_on: grpc.StreamStreamMultiCallable[bytes, bytes] = self._channel.stream_stream(method)
        onward = pass_on(
            _kept(requests, call.sent, ended),
            timeout=left if left is not None and left < _LONGEST_SECONDS else None,
            metadata=metadata,
        )

        def end() -> None:
            onward.cancel()
            ended.set()

        context.add_callback(end)
        try:
            yield from self.answers.get(name, iter)(onward)
        except grpc.RpcError:
            context.set_trailing_metadata(onward.trailing_metadata())
            context.abort(onward.code(), onward.details())
        except LseError as error:
            context.abort_with_status(rpc_status.to_status(status_of(error)))


def _kept(messages: Iterator[bytes], sent: list[bytes], ended: threading.Event) -> Iterator[bytes]:
    try:
        for message in messages:
            sent.append(message)
            yield message
    except grpc.RpcError:
        # The sender has gone: so must the call onward, or the services would take what came so far for all.
        ended.wait(30)
