"""What happens around every call: request id, log line, metrics, and errors as AIP-193 wants them."""

from __future__ import annotations

import inspect
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import grpc
import structlog
from prometheus_client import Counter, Histogram

from lse.platform.errors import InternalError, LseError, UnimplementedError
from lse.platform.rpc.errors import status_of

__all__ = ["CallInterceptor"]

_log = structlog.get_logger(__name__)
_CALLS = Counter("lse_rpc_calls_total", "Calls answered.", ["method", "code"])
_SECONDS = Histogram("lse_rpc_seconds", "Seconds that calls took.", ["method"])

# Asked for all the time by probes and waiting clients: no line a call.
_QUIET = ("/grpc.health.v1.Health/", "/google.longrunning.Operations/", "/grpc.reflection.")


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler, of whatever kind."""

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """Wrap the handler of a method."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method: str = handler_call_details.method
        metadata = dict(handler_call_details.invocation_metadata)
        request_id = str(metadata.get("x-request-id") or uuid.uuid4().hex)
        for name, factory in (
            ("unary_unary", grpc.unary_unary_rpc_method_handler),
            ("unary_stream", grpc.unary_stream_rpc_method_handler),
            ("stream_unary", grpc.stream_unary_rpc_method_handler),
            ("stream_stream", grpc.stream_stream_rpc_method_handler),
        ):
            behaviour = getattr(handler, name)
            if behaviour is not None:
                return factory(
                    _wrapped(behaviour, method, request_id, streams=name.endswith("stream")),
                    request_deserializer=handler.request_deserializer,
                    response_serializer=handler.response_serializer,
                )
        return handler


def _wrapped(behaviour: Callable[..., Any], method: str, request_id: str, *, streams: bool) -> Callable[..., Any]:
    """Handler with everything around it, of the same colour: plain or async, answering once or as a stream."""
    if inspect.isasyncgenfunction(behaviour):

        async def async_stream(request: Any, context: Any) -> AsyncIterator[Any]:
            with _call(method, request_id) as call:
                try:
                    async for message in behaviour(request, context):
                        yield message
                except grpc.aio.AbortError:
                    raise  # answered by the handler itself
                except Exception as error:  # noqa: BLE001  # every error is answered, none escapes
                    await _abort_async(context, call.translate(error))

        return async_stream
    if inspect.iscoroutinefunction(behaviour):

        async def async_unary(request: Any, context: Any) -> Any:
            with _call(method, request_id) as call:
                try:
                    return await behaviour(request, context)
                except grpc.aio.AbortError:
                    raise  # answered by the handler itself, as the health service does
                except Exception as error:  # noqa: BLE001  # as above
                    await _abort_async(context, call.translate(error))

        return async_unary
    if streams:

        def stream(request: Any, context: Any) -> Iterator[Any]:
            with _call(method, request_id) as call:
                try:
                    yield from behaviour(request, context)
                except Exception as error:  # noqa: BLE001  # as above
                    _abort(context, call.translate(error))

        return stream

    def unary(request: Any, context: Any) -> Any:
        with _call(method, request_id) as call:
            try:
                return behaviour(request, context)
            except Exception as error:  # noqa: BLE001  # as above
                _abort(context, call.translate(error))

    return unary


class _Call:
    """One call on its way."""

    def __init__(self, method: str) -> None:
        self.method = method
        self.code = "OK"
        self.reason: str | None = None

    def translate(self, error: Exception) -> LseError:
        """Error to answer with; what was not raised on purpose is logged and told in general terms."""
        if isinstance(error, NotImplementedError):
            name = self.method.rsplit("/", 1)[-1]
            error = UnimplementedError(f"{name} is not built yet.", reason="NOT_BUILT", method=self.method)
        if not isinstance(error, LseError):
            _log.exception("call_error", method=self.method, exc_info=error)
            error = InternalError(
                f"The service failed unexpectedly ({type(error).__name__}): see its log for this request.",
                reason="UNEXPECTED_ERROR",
            )
        self.code, self.reason = error.code, error.reason
        return error


@contextmanager
def _call(method: str, request_id: str) -> Iterator[_Call]:
    began = time.perf_counter()
    call = _Call(method)
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        try:
            yield call
        finally:
            seconds = time.perf_counter() - began
            _CALLS.labels(method, call.code).inc()
            _SECONDS.labels(method).observe(seconds)
            if call.code != "OK" or not method.startswith(_QUIET):
                _log.info("call", method=method, code=call.code, reason=call.reason, seconds=round(seconds, 4))


def _trailer(error: LseError) -> tuple[tuple[str, bytes], ...]:
    return (("grpc-status-details-bin", status_of(error).SerializeToString()),)


def _abort(context: Any, error: LseError) -> NoReturn:
    context.abort(grpc.StatusCode[error.code], error.message, _trailer(error))
    raise error  # not reached: abort raises


async def _abort_async(context: Any, error: LseError) -> NoReturn:
    await context.abort(grpc.StatusCode[error.code], error.message, _trailer(error))
    raise error  # not reached: abort raises
