"""The log of the services: who asked, and for what."""

from __future__ import annotations

import re

from lse.client import connect
from running_services import RunningServices


def test_every_line_of_a_call_and_of_an_operation_names_its_caller(services: RunningServices) -> None:
    with connect(services.address, project="logged") as client:
        caller = client.access.caller().name
        services.ingest(client, "first").wait(show_progress=False)
    colours = re.compile(r"\x1b\[[0-9;]*m")
    lines = colours.sub("", (services.images.parent / "services.log").read_text()).splitlines()
    mine = [line for line in lines if "IngestDataset" in line or "projects/logged/" in line]
    assert {word for line in mine for word in re.findall("operation_(?:started|ended)", line)} == {
        "operation_started",
        "operation_ended",
    }
    assert [line for line in mine if f"caller={caller}" not in line and f"caller='{caller}'" not in line] == []
    assert all("request_id=" in line for line in mine if "method=" in line)
