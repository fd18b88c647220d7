"""The services by HTTP: the protocol of Connect, in JSON or protobuf, in front of the gRPC port of the same process.

A call goes on to that port with what its caller sent along: credentials, request id and deadline.  So rights, limits
and errors are decided where they are for every other call.  The protocol: https://connectrpc.com/docs/protocol.
"""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
from aiohttp import web
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError, Message
from google.rpc import code_pb2, error_details_pb2

from lse.errors import (
    InvalidArgumentError,
    LseError,
    PermissionDeniedError,
    ResourceExhaustedError,
    UnavailableError,
    UnimplementedError,
    error_class,
)
from lse.platform.access.openness import is_loopback
from lse.platform.rpc.openapi import api_document, api_methods, api_page
from lse.status import DOMAIN, error_of_call, sent_status

__all__ = ["HttpDoor"]

# HTTP status of each code, as the protocol has it.
_CODES = {
    400: ("INVALID_ARGUMENT", "FAILED_PRECONDITION", "OUT_OF_RANGE"),
    401: ("UNAUTHENTICATED",),
    403: ("PERMISSION_DENIED",),
    404: ("NOT_FOUND",),
    409: ("ALREADY_EXISTS", "ABORTED"),
    429: ("RESOURCE_EXHAUSTED",),
    499: ("CANCELLED",),
    500: ("UNKNOWN", "INTERNAL", "DATA_LOSS"),
    501: ("UNIMPLEMENTED",),
    503: ("UNAVAILABLE",),
    504: ("DEADLINE_EXCEEDED",),
}
_STATUS = {code: status for status, codes in _CODES.items() for code in codes}
_KINDS = ("application/json", "application/proto", "application/connect+json", "application/connect+proto")
_PASSED_ON = ("authorization", "x-request-id", "traceparent", "tracestate")
_ENDS_STREAM = 2
# JSON has bytes in base64, and a little around them.
_JSON_OVERHEAD = 1.5
_COMPRESSED_FROM_BYTES = 1024
_SAFE = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


class HttpDoor:
    """Answers calls by HTTP.

    Parameters
    ----------
    host, port
        Where it listens; port 0 takes a free one.
    grpc_port
        Port of the services on the same host.
    message_bytes
        Largest message, as the services have it.
    drain_seconds
        How long calls have to end when it stops.

    Attributes
    ----------
    port
        Where it listens, once it was started.
    """

    def __init__(self, host: str, port: int, *, grpc_port: int, message_bytes: int, drain_seconds: float) -> None:
        self.port = port
        self._host = host
        self._limit = message_bytes
        onward = "127.0.0.1" if host in ("0.0.0.0", "::") else host  # noqa: S104  # compared, not bound
        options = [("grpc.max_send_message_length", message_bytes), ("grpc.max_receive_message_length", message_bytes)]
        self._channel = grpc.aio.insecure_channel(f"{onward}:{grpc_port}", options=options)
        application = web.Application(client_max_size=int(message_bytes * _JSON_OVERHEAD), middlewares=[self._guarded])
        application.router.add_get("/", self._page)
        application.router.add_get("/openapi.json", self._document)
        application.router.add_post("/{service}/{method}", self._call)
        self._runner = web.AppRunner(
            application, access_log=None, handler_cancellation=True, shutdown_timeout=drain_seconds
        )

    async def start(self) -> None:
        """Listen.

        Raises
        ------
        UnavailableError
            If the port is taken.
        """
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self.port).start()
        except OSError as error:
            raise UnavailableError(
                f"Port {self.port} of {self._host} is taken: stop the other program or choose another with "
                "--http-port.",
                reason="PORT_TAKEN",
                port=self.port,
            ) from error
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Take no new calls, and let running ones end."""
        await self._runner.cleanup()
        await self._channel.close()

    @web.middleware
    async def _guarded(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """Answer of a handler, or its error as the protocol has it."""
        try:
            self._check_host(request)
            response = await handler(request)
        except LseError as error:
            response = _failed(error)
        except web.HTTPRequestEntityTooLarge:
            response = _failed(_too_large(self._limit))
        except web.HTTPException as error:
            error.headers.update(_SAFE)
            raise
        response.headers.update(_SAFE)
        return response

    def _check_host(self, request: web.Request) -> None:
        """Pages of other sites reach this machine by a name of their own; those who listen here alone have none."""
        host = request.url.host or ""
        if is_loopback(self._host) and not is_loopback(host):
            raise PermissionDeniedError(
                f"These services answer on this machine alone, under localhost and 127.0.0.1, and not as '{host}'.",
                reason="HOST_NOT_ALLOWED",
                host=host,
            )

    async def _page(self, request: web.Request) -> web.Response:
        page = await asyncio.to_thread(api_page, f"{request.scheme}://{request.host}")
        return web.Response(text=page, content_type="text/html")

    async def _document(self, _request: web.Request) -> web.Response:
        document = await asyncio.to_thread(api_document)
        return web.json_response(document, dumps=lambda content: json.dumps(content, indent=1))

    async def _call(self, request: web.Request) -> web.StreamResponse:
        method = _method(request)
        streams = method.client_streaming or method.server_streaming
        kind = request.content_type
        if kind not in _KINDS or ("connect+" in kind) != streams:
            wanted = _KINDS[2 * streams]
            told = f"{method.name} takes Content-Type: {wanted}" + " (it is a stream of messages)." * streams
            return web.Response(status=415, text=f"{told}\n", headers={"Accept-Post": wanted})
        compressed = request.headers.get("Connect-Content-Encoding" if streams else "Content-Encoding", "identity")
        if compressed not in {"identity", *(() if streams else ("gzip", "deflate"))}:
            raise UnimplementedError(
                f"A request compressed by {compressed} cannot be read: send it as it is.", reason="ENCODING_UNSUPPORTED"
            )
        codec = _Codec(method, is_json=kind.endswith("json"))
        metadata = {key: value for key in _PASSED_ON if (value := request.headers.get(key))}
        metadata.setdefault("x-request-id", uuid.uuid4().hex)
        hops = [*request.headers.getall("X-Forwarded-For", []), request.remote or ""]
        metadata["x-forwarded-for"] = ", ".join(hops)
        onward: Callable[..., Any] = self._channel.stream_stream(f"/{request.match_info['service']}/{method.name}")
        if not streams:
            return await self._unary(request, codec, onward, metadata)
        return await self._stream(request, codec, onward, metadata)

    async def _unary(
        self, request: web.Request, codec: _Codec, onward: Callable[..., Any], metadata: dict[str, str]
    ) -> web.Response:
        sent = await codec.request(await request.read())
        call = onward(iter([sent]), timeout=_seconds_left(request), metadata=tuple(metadata.items()))
        headers = {"x-request-id": metadata["x-request-id"]}
        try:
            answers = [answer async for answer in call]
        except (grpc.RpcError, asyncio.CancelledError) as error:
            failed = _failed(_fault(error, call))
            failed.headers.update(headers)
            return failed
        finally:
            call.cancel()
        body = await codec.answer(answers[0])
        response = web.Response(body=body, content_type=request.content_type, headers=headers)
        if len(body) > _COMPRESSED_FROM_BYTES:
            response.enable_compression(strategy=1)
        return response

    async def _stream(
        self, request: web.Request, codec: _Codec, onward: Callable[..., Any], metadata: dict[str, str]
    ) -> web.StreamResponse:
        """Answer to a stream: its error, too, comes in its last frame, since the status was sent before."""
        fault: list[LseError] = []

        async def messages() -> AsyncIterator[bytes]:
            try:
                async for frame in _frames(request.content, int(self._limit * _JSON_OVERHEAD)):
                    yield await codec.request(frame)
            except LseError as error:
                fault.append(error)
                call.cancel()

        seconds = _seconds_left(request)
        headers = {"Content-Type": request.content_type, "x-request-id": metadata["x-request-id"]}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        call = onward(messages(), timeout=seconds, metadata=tuple(metadata.items()))
        end: dict[str, Any] = {}
        try:
            async for answer in call:
                await response.write(_framed(await codec.answer(answer)))
        except (grpc.RpcError, asyncio.CancelledError) as error:
            end = {"error": _error(fault[0] if fault else _fault(error, call))}
        finally:
            call.cancel()
        await response.write(_framed(json.dumps(end).encode(), _ENDS_STREAM))
        await response.write_eof()
        return response


class _Codec:
    """Messages of a method between what came and the wire of gRPC, where they are protobuf."""

    def __init__(self, method: MethodDescriptor, *, is_json: bool) -> None:
        self._method = method
        self._is_json = is_json

    async def request(self, content: bytes) -> bytes:
        """What to send on; a message of JSON can be large, so that it is read beside the other calls."""
        return await asyncio.to_thread(self._read, content) if self._is_json else content

    async def answer(self, content: bytes) -> bytes:
        """What to answer."""
        return await asyncio.to_thread(self._written, content) if self._is_json else content

    def _read(self, content: bytes) -> bytes:
        message = _message(self._method.input_type)
        try:
            json_format.Parse(content or b"{}", message)
            return message.SerializeToString()
        except (json_format.ParseError, DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
            said = " ".join(str(error).split("\n", 1)[0].split()).rstrip(".")
            raise InvalidArgumentError(
                f"The body is not the JSON of {self._method.input_type.name} ({said[:300]}).",
                reason="REQUEST_INVALID",
                method=self._method.full_name,
            ) from error

    def _written(self, content: bytes) -> bytes:
        message = _message(self._method.output_type)
        message.ParseFromString(content)
        return json_format.MessageToJson(message, indent=None).encode()


def _message(descriptor: Any) -> Message:
    return message_factory.GetMessageClass(descriptor)()


def _method(request: web.Request) -> MethodDescriptor:
    name = f"{request.match_info['service']}.{request.match_info['method']}"
    try:
        return api_methods()[name]
    except KeyError as error:
        raise UnimplementedError(
            f"There is no method {name[:120]}: /openapi.json has all that there are.", reason="CALL_UNKNOWN"
        ) from error


def _fault(error: grpc.RpcError | asyncio.CancelledError, call: Any) -> LseError:
    """Why a call failed."""
    if isinstance(error, asyncio.CancelledError):
        task = asyncio.current_task()
        if task and task.cancelling():
            raise error
        unsent = True
    else:
        sent = sent_status(error)
        unsent = sent is None or sent.code == code_pb2.CANCELLED
    # Where the time was over before the request was sent, gRPC cancels the call or calls it an internal error.
    if unsent and call.time_remaining() == 0:
        return error_class("DEADLINE_EXCEEDED")("Deadline Exceeded")
    if isinstance(error, asyncio.CancelledError):
        return error_class("UNAVAILABLE")("The request could not be sent to the services: try again.")
    return error_of_call(error)


def _seconds_left(request: web.Request) -> float | None:
    """Time that the caller gives the call."""
    given = request.headers.get("Connect-Timeout-Ms")
    if given is None:
        return None
    if not (given.isascii() and given.isdigit() and len(given) <= 10):
        raise InvalidArgumentError(
            f"Connect-Timeout-Ms is a number of milliseconds of at most ten digits, not '{given[:40]}'.",
            reason="TIMEOUT_INVALID",
        )
    return int(given) / 1000


async def _frames(content: Any, limit: int) -> AsyncIterator[bytes]:
    """Messages of a request: each comes after a byte of flags and four bytes of its length."""
    while True:
        try:
            head = await content.readexactly(5)
            if head[0]:
                raise UnimplementedError(
                    "Messages of a stream cannot be compressed: send them as they are.", reason="ENCODING_UNSUPPORTED"
                )
            length = int.from_bytes(head[1:])
            if length > limit:
                raise _too_large(limit)
            yield await content.readexactly(length)
        except asyncio.IncompleteReadError as error:
            if not error.partial and error.expected == 5:
                return
            raise InvalidArgumentError("The stream ends within a message.", reason="REQUEST_INVALID") from error


def _framed(content: bytes, flags: int = 0) -> bytes:
    return bytes([flags]) + len(content).to_bytes(4) + content


def _too_large(limit: int) -> LseError:
    return ResourceExhaustedError(
        f"A message may have {limit >> 20} MiB: send less at once.", reason="REQUEST_TOO_LARGE", limit=limit
    )


def _error(error: LseError) -> dict[str, Any]:
    info = error_details_pb2.ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=error.metadata)
    value = base64.b64encode(info.SerializeToString()).decode().rstrip("=")
    shown = {"reason": error.reason, "domain": DOMAIN, "metadata": error.metadata}
    detail = {"type": info.DESCRIPTOR.full_name, "value": value, "debug": shown}
    code = "canceled" if error.code == "CANCELLED" else error.code.lower()
    return {"code": code, "message": error.message, "details": [detail]}


def _failed(error: LseError) -> web.Response:
    status = 404 if error.reason == "CALL_UNKNOWN" else _STATUS[error.code]
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return web.json_response(_error(error), status=status, headers=headers)
