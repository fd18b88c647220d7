"""Calls, operations and the tasks of workers as traces, in a collector that an operator may have."""

from __future__ import annotations

import uuid

import grpc
import pytest

from installation import Installation
from latentspace.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from lse.client import Client
from trace_collector import TraceCollector, text_of


def test_an_operation_is_a_trace_with_its_stages_and_the_tasks_of_workers(
    client: Client, experiment: str, collector: TraceCollector
) -> None:
    (ingest,) = [each for each in client.operations.list() if each.target.endswith("/datasets/survey")]
    spans = collector.spans(ingest.id, having={"IngestDataset", "preparing", "prepare_part"})
    named = {span.name: (process, span) for process, span in spans}
    (process, whole), (_, stage), (worker, task) = named["IngestDataset"], named["preparing"], named["prepare_part"]
    assert (process, worker) == ("lse-up", "lse-worker")
    assert (stage.parent_span_id, task.parent_span_id) == (whole.span_id, stage.span_id)
    assert text_of(whole.attributes)["lse.operation"] == ingest.name
    assert whole.start_time_unix_nano <= task.start_time_unix_nano
    assert task.end_time_unix_nano <= whole.end_time_unix_nano


def test_a_call_belongs_to_the_trace_of_its_caller(installation: Installation, collector: TraceCollector) -> None:
    trace, parent = uuid.uuid4().hex, uuid.uuid4().hex[:16]
    with grpc.insecure_channel(installation.address) as channel:
        stub = ingestion_pb2_grpc.IngestionServiceStub(channel)
        request = ingestion_pb2.GetDatasetRequest(name="projects/default/datasets/absent")
        with pytest.raises(grpc.RpcError, match="NOT_FOUND"):
            stub.GetDataset(request, metadata=[("traceparent", f"00-{trace}-{parent}-01")])
    name = "latentspace.ingestion.v1.IngestionService/GetDataset"
    ((_, span),) = collector.spans(trace, having={name})
    known = text_of(span.attributes)
    assert (span.parent_span_id.hex(), span.status.code) == (parent, span.status.STATUS_CODE_ERROR)
    assert (known["lse.code"], known["lse.reason"]) == ("NOT_FOUND", "DATASET_NOT_FOUND")
