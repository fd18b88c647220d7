"""The logs of an installation: what was done for a call can be found by the id that its caller gave it."""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

import grpc

from installation import Installation
from latentspace.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from lse.client import Client
from running_services import draw_images


def lines_of(log: Path, request_id: str) -> list[dict[str, Any]]:
    """Lines of a log about a call; all are JSON."""
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    return [line for line in lines if line.get("request_id") == request_id]


def test_all_that_is_done_for_a_call_says_its_request_id_and_its_caller(
    installation: Installation, client: Client, tmp_path: Path
) -> None:
    draw_images(tmp_path)
    given = f"of-the-caller-{uuid.uuid4().hex}"
    request = ingestion_pb2.IngestDatasetRequest(
        parent="projects/logged", dataset_id="drawn", sources=[str(tmp_path / "images")]
    )
    with grpc.insecure_channel(installation.address) as channel:
        stub = ingestion_pb2_grpc.IngestionServiceStub(channel)
        asked = stub.IngestDataset(request, metadata=[("x-request-id", given)])
    project = client.with_project("logged")
    project.operations.get(asked.name).wait(300, show_progress=False)
    caller = client.access.caller().name
    logs = installation.home / "logs"
    services, workers = lines_of(logs / "services.log", given), lines_of(logs / "compute-cluster.log", given)
    assert {line["event"] for line in services} == {"call", "operation_started", "operation_ended"}
    assert {"prepare_part"} <= {line["task"] for line in workers}
    assert {line["operation"] for line in [*services, *workers] if line["event"] != "call"} == {asked.name}
    assert {line["caller"] for line in [*services, *workers]} == {caller}
    project.datasets.delete("drawn")
