"""The log of the services: who asked, and for what."""

from __future__ import annotations

from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from lse.client import connect
from parts import until
from running_services import RunningServices


def test_every_line_of_a_call_and_of_an_operation_names_its_caller(services: RunningServices) -> None:
    with connect(services.address, project="logged") as client:
        caller = client.access.caller().name
        with capture_logs([merge_contextvars]) as lines:
            services.ingest(client, "first").wait(show_progress=False)
            until(lambda: "operation_ended" in {line["event"] for line in lines})
    mine = [line for line in lines if "IngestDataset" in line.get("method", "") or "projects/logged/" in str(line)]
    assert {"operation_started", "operation_ended", "call"} <= {line["event"] for line in mine}
    assert [line for line in mine if line["caller"] != caller] == []
    assert all(line["request_id"] for line in mine if "method" in line)
