"""Traces (OpenTelemetry): spans of calls, operations, their stages, and the tasks of workers.

A call belongs to the trace that its caller names in ``traceparent`` (W3C Trace Context), else to one of its own.  An
operation outlives the call that asked for it, by days and restarts, so it has a trace of its own, whose id is the id of
the operation; the span of the call names the operation in ``lse.operation``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, Status, StatusCode, TraceFlags
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from lse.errors import LseError

__all__ = [
    "call_span",
    "complete",
    "configure_tracing",
    "is_tracing",
    "name_operation",
    "operation_span",
    "stage_span",
    "traced_task",
    "tracing_headers",
]

_HEADERS = TraceContextTextMapPropagator()
_tracer = trace.get_tracer("lse")
_EXPORT_MILLISECONDS = 1000


def configure_tracing(url: str, process: str) -> None:
    """Send the spans of this process to a collector; once a process, and nowhere where no collector is named.

    Parameters
    ----------
    url
        ``http://HOST:PORT`` or ``https://HOST:PORT`` of its OTLP port for gRPC.
    process
        What the process is, such as ``serve``: the spans are of the service ``lse-serve`` then.
    """
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    if not url or is_tracing():
        return
    exporter = OTLPSpanExporter(endpoint=url, insecure=url.startswith("http://"))
    provider = TracerProvider(resource=Resource.create({"service.name": f"lse-{process}"}))
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=_EXPORT_MILLISECONDS))
    trace.set_tracer_provider(provider)


def is_tracing() -> bool:
    """Whether this process sends its spans anywhere."""
    return not isinstance(trace.get_tracer_provider(), trace.ProxyTracerProvider)


@contextmanager
def call_span(method: str, metadata: Mapping[str, str | bytes], **attributes: str) -> Iterator[trace.Span]:
    """Span of a call that is answered; with what is known of it at the end it is the caller's to complete."""
    given = {key: value for key, value in metadata.items() if isinstance(value, str)}
    service, _, name = method.removeprefix("/").rpartition("/")
    known = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": name, **attributes}
    with _tracer.start_as_current_span(
        method.removeprefix("/"),
        context=_HEADERS.extract(given),
        kind=SpanKind.SERVER,
        attributes=known,
        record_exception=False,
        set_status_on_exception=False,
    ) as span:
        yield span


def tracing_headers() -> dict[str, str]:
    """Headers that take the present span along to another process; empty where there is none."""
    headers: dict[str, str] = {}
    _HEADERS.inject(headers)
    return headers


def name_operation(name: str) -> None:
    """Say in the present span that it asked for an operation."""
    trace.get_current_span().set_attribute("lse.operation", name)


@contextmanager
def operation_span(name: str, **attributes: str | int) -> Iterator[trace.Span]:
    """Span of one attempt at an operation, in the trace of the operation."""
    uid = name.rpartition("/")[2]
    try:
        number = int(uid, 16)
    except ValueError:  # made by hand, in a test
        number = 0
    context = None
    if 0 < number < 2**128:
        origin = SpanContext(number, number >> 64 or 1, is_remote=True, trace_flags=TraceFlags(TraceFlags.SAMPLED))
        context = trace.set_span_in_context(NonRecordingSpan(origin))
    kind = str(attributes.get("lse.kind", "operation"))
    with _tracer.start_as_current_span(kind, context=context, attributes={"lse.operation": name, **attributes}) as span:
        yield span


@contextmanager
def stage_span(stage: str) -> Iterator[None]:
    """Span of a stage of the present operation."""
    with _tracer.start_as_current_span(stage):
        yield


def complete(span: trace.Span, error: LseError | None) -> None:
    """Keep in a span what its work ended with."""
    if error is not None:
        span.set_attribute("lse.reason", error.reason)
        span.set_status(Status(StatusCode.ERROR, error.message))


def traced_task(url: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """Function that works in a span below the present one, on a worker that sends its spans to the same collector."""
    headers = tracing_headers() if url else {}
    return _TracedTask(url, headers, function) if headers else function


class _TracedTask:
    """A function with where its span belongs; goes to a worker."""

    def __init__(self, url: str, headers: Mapping[str, str], function: Callable[..., Any]) -> None:
        self._url, self._headers, self._function = url, dict(headers), function
        self.__name__ = function.__name__

    def __call__(self, *arguments: Any) -> Any:
        configure_tracing(self._url, "worker")
        with _tracer.start_as_current_span(self._function.__name__, context=_HEADERS.extract(self._headers)):
            return self._function(*arguments)
