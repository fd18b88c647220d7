"""What happens around every call: caller and rights, request id, log line, metrics, errors as AIP-193 wants them."""

from __future__ import annotations

import asyncio
import inspect
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from concurrent.futures import Executor
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any, NoReturn

import grpc
import structlog
from prometheus_client import Counter, Histogram

from lse.errors import InternalError, LseError, UnimplementedError
from lse.platform.access.access import Access
from lse.platform.access.audit import AuditEntry, noting
from lse.platform.auth import Authenticator, Caller, acting_as
from lse.platform.rpc.gate import Gate
from lse.platform.rpc.requirements import need_of, projects_of, resources_of
from lse.platform.rpc.streams import advanced_in
from lse.platform.tracing import call_span, complete, is_tracing
from lse.status import status_of

__all__ = ["CallInterceptor"]

_log = structlog.get_logger(__name__)
_CALLS = Counter("lse_rpc_calls_total", "Calls answered.", ["method", "code"])
_SECONDS = Histogram("lse_rpc_seconds", "Seconds that calls took.", ["method"])


@cache
def _meters(method: str, code: str) -> tuple[Counter, Histogram]:
    """What counts and times the calls of a method, found once."""
    return _CALLS.labels(method, code), _SECONDS.labels(method)


# Called all the time by probes and waiting clients: not logged call by call.
_QUIET = ("/grpc.health.v1.Health/", "/google.longrunning.Operations/", "/grpc.reflection.")
_NOBODY = Caller("")
_LONGEST_ID = 128


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Wraps every handler, of whatever kind.

    Parameters
    ----------
    authenticate
        Recognises the caller of each request; health probes, which carry no credentials, are answered without.
    access
        Who may what, and the audit log, which is kept where callers have to log in.
    threads
        Where plain generators are advanced, see `advanced_in`.
    outage
        Gives the error in the place of one that shows that a disk or a bucket is away; None for another.
    read_only
        Whether calls that change something are refused.
    """

    def __init__(
        self,
        authenticate: Authenticator,
        access: Access,
        threads: Executor,
        *,
        outage: Callable[[Exception], LseError | None],
        read_only: bool = False,
    ) -> None:
        self._threads = threads
        self._rights = _Rights(authenticate, access, Gate(access, read_only=read_only), outage)

    async def intercept_service(self, continuation: Callable[[Any], Awaitable[Any]], handler_call_details: Any) -> Any:
        """Wrap the handler of a method."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        metadata = dict(handler_call_details.invocation_metadata)
        begin = partial(_call, handler_call_details.method, metadata, self._rights)
        for name, factory in (
            ("unary_unary", grpc.unary_unary_rpc_method_handler),
            ("unary_stream", grpc.unary_stream_rpc_method_handler),
            ("stream_unary", grpc.stream_unary_rpc_method_handler),
            ("stream_stream", grpc.stream_stream_rpc_method_handler),
        ):
            behaviour = getattr(handler, name)
            if behaviour is not None:
                if name == "unary_stream" and not inspect.isasyncgenfunction(behaviour):
                    behaviour = advanced_in(self._threads, behaviour)
                return factory(
                    _wrapped(behaviour, begin, takes=name.split("_")[0]),
                    request_deserializer=handler.request_deserializer,
                    response_serializer=handler.response_serializer,
                )
        return handler


@dataclass(frozen=True)
class _Rights:
    """What decides over calls."""

    authenticate: Authenticator
    access: Access
    gate: Gate
    outage: Callable[[Exception], LseError | None]


def _wrapped(
    behaviour: Callable[..., Any], begin: Callable[[Any], AbstractContextManager[_Call]], *, takes: str
) -> Callable[..., Any]:
    """Handler with everything around it, of the same colour: plain or async, answering once or as a stream."""
    if inspect.isasyncgenfunction(behaviour):

        async def async_stream(request: Any, context: Any) -> AsyncIterator[Any]:
            with begin(context) as call:
                try:
                    caller, request = await _admitted(call, request, takes=takes)
                    with acting_as(caller):
                        async for message in behaviour(request, context):
                            yield message
                except grpc.aio.AbortError:
                    raise  # answered by the handler itself
                except Exception as error:  # noqa: BLE001  # every error is answered, none escapes
                    await _abort_async(context, await _translated(call, error))
                finally:
                    await _recorded(call)

        return async_stream
    if inspect.iscoroutinefunction(behaviour):

        async def async_unary(request: Any, context: Any) -> Any:
            with begin(context) as call:
                try:
                    caller, request = await _admitted(call, request, takes=takes)
                    with acting_as(caller):
                        return await behaviour(request, context)
                except grpc.aio.AbortError:
                    raise  # answered by the handler itself, as the health service does
                except Exception as error:  # noqa: BLE001  # as above
                    await _abort_async(context, await _translated(call, error))
                finally:
                    await _recorded(call)

        return async_unary

    def unary(request: Any, context: Any) -> Any:
        with begin(context) as call:
            try:
                with acting_as(call.caller()), noting(call.resources):
                    return behaviour(call.checked(request, takes=takes), context)
            except Exception as error:  # noqa: BLE001  # as above
                _abort(context, call.translated(error))
            finally:
                call.record()

    return unary


async def _admitted(call: _Call, request: Any, *, takes: str) -> tuple[Caller, Any]:
    """Caller of an async handler, and its request or its requests, each checked before the handler sees it."""
    # In a thread: who has to ask the catalogue or the issuer must not hold up everybody else.
    caller = await asyncio.to_thread(call.caller)
    if takes == "unary":
        await asyncio.to_thread(call.check, request)
        return caller, request

    async def checked() -> AsyncIterator[Any]:
        async for message in request:
            if call.is_new(message):
                await asyncio.to_thread(call.check, message)
            yield message

    return caller, checked()


async def _recorded(call: _Call) -> None:
    if call.is_to_be_recorded:
        await asyncio.to_thread(call.record)


async def _translated(call: _Call, error: Exception) -> LseError:
    found = call.translate(error)
    await _recorded(call)
    return found


class _Call:
    """One call on its way: who it is from, and whether they may make it."""

    def __init__(self, method: str, metadata: Mapping[str, str | bytes], rights: _Rights, peer: str) -> None:
        self.method = method
        self.code = "OK"
        self.reason: str | None = None
        self.error: LseError | None = None
        self._metadata = metadata
        self._rights = rights
        self._peer = peer
        self._need = need_of(method.removeprefix("/"))
        self._caller = _NOBODY
        self.resources: list[str] = []
        self._checked = self._recorded = False

    def caller(self) -> Caller:
        """Caller, who may call the method if the request is right."""
        if self._need is None or self._need.level != "anyone":
            found = self._rights.authenticate(self._metadata)
            self._caller = replace(found, credentials=str(self._metadata.get("authorization", "")))
            structlog.contextvars.bind_contextvars(caller=found.name)
        self._rights.gate.admit(self._need, self._caller, self.method)
        return self._caller

    def checked(self, request: Any, *, takes: str) -> Any:
        """Request, or requests, that the caller may make."""
        if takes == "unary":
            self.check(request)
            return request
        return map(self._passed, request)

    def _passed(self, message: Any) -> Any:
        if self.is_new(message):
            self.check(message)
        return message

    def is_new(self, message: Any) -> bool:
        """Whether a message of a stream is to be checked: the first, and each that names something."""
        return not self._checked or bool(resources_of(message))

    def check(self, request: Any) -> None:
        """Check that the caller may make this request."""
        self._checked = True
        need = self._rights.gate.admit(self._need, self._caller, self.method)
        if need.level == "anyone" or (self._caller.is_operator and not self._rights.access.login_required):
            return
        self.resources += resources_of(request)
        self._rights.gate.admit_request(need, self._caller, self.resources)

    @property
    def is_to_be_recorded(self) -> bool:
        """Whether it is still to come into the audit log, as what changed something or was refused after a login."""
        if self._recorded:
            return False
        refused = self.code == "PERMISSION_DENIED" or self.reason == "PROJECT_NOT_FOUND"
        changed = self._need is None or self._need.changes
        return self._rights.access.login_required and bool(self._caller.name) and (changed or refused)

    def record(self) -> None:
        """Keep it in the audit log where it belongs there."""
        if not self.is_to_be_recorded:
            return
        self._recorded = True
        who, what = self._caller.name, self.method.removeprefix("/")
        entry = AuditEntry(who, what, self.code, self._peer, tuple(self.resources))
        try:
            self._rights.access.audit.record(entry, [each for each in projects_of(self.resources) if each])
        except LseError as error:
            # What was done is done: the log of the process has it at least.
            _log.error("audit_failed", entry=entry, message=error.message)

    def translated(self, error: Exception) -> LseError:
        """As `translate`; the audit log has it before anybody hears of it."""
        found = self.translate(error)
        self.record()
        return found

    def translate(self, error: Exception) -> LseError:
        """Error to answer with; what was not raised on purpose is logged and told in general terms."""
        if isinstance(error, NotImplementedError):
            name = self.method.rsplit("/", 1)[-1]
            error = UnimplementedError(f"{name} is not built yet.", reason="CALL_UNIMPLEMENTED", method=self.method)
        if not isinstance(error, LseError):
            error = self._rights.outage(error) or error
        if not isinstance(error, LseError):
            _log.exception("call_error", method=self.method, exc_info=error)
            error = InternalError(
                f"The service failed unexpectedly ({type(error).__name__}): see its log for this request.",
                reason="SERVICE_FAILED",
            )
        self.code, self.reason, self.error = error.code, error.reason, error
        return error


@contextmanager
def _call(method: str, metadata: Mapping[str, str | bytes], rights: _Rights, context: Any) -> Iterator[_Call]:
    began = time.perf_counter()
    forwarded = str(metadata.get("x-forwarded-for", ""))
    call = _Call(method, metadata, rights, f"{context.peer()} for {forwarded}" if forwarded else context.peer())
    request_id = str(metadata.get("x-request-id") or uuid.uuid4().hex)[:_LONGEST_ID]
    quiet = method.startswith(_QUIET)
    is_traced = is_tracing() and not quiet
    traced = call_span(method, metadata, **{"lse.request_id": request_id}) if is_traced else nullcontext(None)
    with structlog.contextvars.bound_contextvars(request_id=request_id, caller=""), traced as span:
        try:
            yield call
        finally:
            if span is not None:
                span.set_attribute("lse.code", call.code)
                complete(span, call.error)
            seconds = time.perf_counter() - began
            calls, durations = _meters(method, call.code)
            calls.inc()
            durations.observe(seconds)
            if call.code != "OK" or not quiet:
                _log.info("call", method=method, code=call.code, reason=call.reason, seconds=round(seconds, 4))


def _trailer(error: LseError) -> tuple[tuple[str, bytes], ...]:
    return (("grpc-status-details-bin", status_of(error).SerializeToString()),)


def _abort(context: Any, error: LseError) -> NoReturn:
    context.abort(grpc.StatusCode[error.code], error.message, _trailer(error))
    raise error  # not reached: abort raises


async def _abort_async(context: Any, error: LseError) -> NoReturn:
    await context.abort(grpc.StatusCode[error.code], error.message, _trailer(error))
    raise error  # not reached: abort raises
