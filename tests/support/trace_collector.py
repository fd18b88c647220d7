"""A collector of traces that speaks OTLP, as Jaeger, Tempo and the OpenTelemetry Collector do."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent import futures
from contextlib import contextmanager
from typing import Any

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.trace.v1.trace_pb2 import Span

__all__ = ["TraceCollector", "trace_collector"]

_PATIENCE_SECONDS = 60.0


class TraceCollector(trace_service_pb2_grpc.TraceServiceServicer):
    """Keeps the spans that it is sent, each with the process that it is of."""

    def __init__(self) -> None:
        self.url = ""
        self._spans: list[tuple[str, Span]] = []
        self._lock = threading.Lock()

    def Export(self, request: Any, context: Any) -> trace_service_pb2.ExportTraceServiceResponse:  # noqa: N802  # of OTLP
        """Take spans."""
        with self._lock:
            for resource in request.resource_spans:
                process = text_of(resource.resource.attributes)["service.name"]
                self._spans += [(process, span) for scope in resource.scope_spans for span in scope.spans]
        return trace_service_pb2.ExportTraceServiceResponse()

    def spans(self, trace: str, *, having: set[str]) -> list[tuple[str, Span]]:
        """Spans of a trace, once those with these names have come."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while True:
            with self._lock:
                found = [(process, span) for process, span in self._spans if span.trace_id.hex() == trace]
            if having <= {span.name for _, span in found}:
                return found
            assert time.monotonic() < deadline, sorted({span.name for _, span in found})
            time.sleep(0.1)


def text_of(attributes: Any) -> dict[str, str]:
    """Attributes that are text."""
    return {each.key: each.value.string_value for each in attributes}


@contextmanager
def trace_collector() -> Iterator[TraceCollector]:
    """A collector at a free port of this machine."""
    collector = TraceCollector()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(collector, server)  # type: ignore[no-untyped-call]  # generated
    collector.url = f"http://127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    server.start()
    yield collector
    server.stop(None).wait()
