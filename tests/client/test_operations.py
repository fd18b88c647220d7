"""Long work: progress, waiting, cancelling, and services that come and go meanwhile."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from lse.client import connect_async
from lse.platform.errors import (
    CancelledError,
    DeadlineExceededError,
    FailedPreconditionError,
    NotFoundError,
    ResourceExhaustedError,
    UnavailableError,
)


def test_wait_returns_what_was_made(client):
    operation = client.datasets.ingest("first", ["/data"])
    assert (operation.kind, operation.target) == ("IngestDataset", "projects/default/datasets/first")
    assert operation.state == "pending"
    with pytest.raises(FailedPreconditionError, match="wait for it"):
        operation.result()
    progress = operation.progress()
    assert (progress.stage, progress.done, progress.total, progress.unit) == ("reading", 10, 20, "images")
    assert progress.metrics == {"loss": 0.25}
    assert operation.state == "running"
    dataset = operation.wait(show_progress=False)
    assert (dataset.id, dataset.state, dataset.prepared, dataset.columns) == ("first", "ready", 2, {"class": "text"})
    assert operation.done
    assert operation.error is None
    assert operation.stages == [("reading", 1.5), ("writing", 0.5)]
    assert operation.result() == dataset
    assert client.operations.get(operation.id).result() == dataset


def test_same_request_is_the_same_operation(client):
    one = client.datasets.ingest("first", ["/data"], request_id="00000000-0000-4000-8000-000000000000")
    two = client.datasets.ingest("first", ["/data"], request_id="00000000-0000-4000-8000-000000000000")
    assert one.name == two.name


def test_failure_is_raised_with_its_class(client, memory):
    memory.failures["TrainEncoder"] = ResourceExhaustedError(
        "The disk is full: make room.", reason="DISK_FULL", path="/x"
    )
    operation = client.encoders.train("e", dataset="d", method="simclr")
    with pytest.raises(ResourceExhaustedError, match="make room") as caught:
        operation.wait(show_progress=False)
    assert (caught.value.reason, caught.value.metadata) == ("DISK_FULL", {"path": "/x"})
    assert operation.state == "failed"


def test_cancelled_work_raises(client, memory):
    memory.steps = 1000
    operation = client.encoders.train("e", dataset="d", method="simclr")
    assert [item.name for item in client.operations.list(active=True)] == [operation.name]
    operation.cancel()
    with pytest.raises(CancelledError):
        operation.wait(show_progress=False)
    assert operation.state == "cancelled"
    assert client.operations.list(active=True) == []


def test_timeout_ends_the_waiting_only(client, memory):
    memory.held.set()
    operation = client.datasets.ingest("first", ["/data"])
    with pytest.raises(DeadlineExceededError, match="still runs"):
        operation.wait(0.05, show_progress=False)
    memory.held.clear()
    assert operation.wait(show_progress=False).id == "first"


def test_progress_bar(client, memory, capsys):
    memory.steps = 4
    client.datasets.ingest("first", ["/data"]).wait(show_progress=True)
    drawn = capsys.readouterr()
    assert "reading" in drawn.err
    assert "loss=0.25" in drawn.err
    assert drawn.out == ""


def test_wait_outlasts_a_restart_of_the_services(client, server, memory):
    memory.held.set()
    operation = client.datasets.ingest("first", ["/data"])
    found = []
    waiting = threading.Thread(target=lambda: found.append(operation.wait(show_progress=False)))
    waiting.start()
    time.sleep(0.2)
    server.stop()
    time.sleep(0.5)
    memory.held.clear()
    server.start()
    waiting.join(30)
    assert [dataset.id for dataset in found] == ["first"]


def test_wait_gives_up_when_the_services_stay_away(client, server, memory):
    memory.held.set()
    operation = client.datasets.ingest("first", ["/data"])
    server.stop()
    with pytest.raises(UnavailableError, match="No services answer"):
        operation.wait(show_progress=False, patience=0.3)


def test_unknown_operation(client):
    with pytest.raises(NotFoundError, match="no operation"):
        client.operations.get("nothing")


def test_asynchronous_client(server, memory):
    async def chain():
        async with connect_async(server.address, project="default") as client:
            assert await client.ping()
            operation = await client.datasets.ingest("first", ["/data"])
            assert (await operation.progress()).stage == "reading"
            dataset = await operation.wait()
            images = [image.id async for image in client.datasets.images(dataset.id)]
            table = await client.datasets.table("first")
            memory.steps = 1000
            training = await client.encoders.train("e", dataset="first", method="simclr")
            assert [item.name for item in await client.operations.list(active=True)] == [training.name]
            with pytest.raises(DeadlineExceededError):
                await training.wait(0.05)
            await training.cancel()
            with pytest.raises(CancelledError):
                await training.wait()
            several = await asyncio.gather(*(client.datasets.get("first") for _ in range(10)))
            return dataset, images, table, several

    dataset, images, table, several = asyncio.run(chain())
    assert images == ["a.png", "b.png", "broken.fits"]
    assert table.num_rows == 3
    assert several == [dataset] * 10


def test_asynchronous_client_has_every_method(client):
    from lse.client import AsyncClient

    asynchronous = AsyncClient(client)
    for subject in (
        "datasets",
        "encoders",
        "experiments",
        "projections",
        "clusterings",
        "search",
        "labels",
        "selections",
        "operations",
    ):
        methods = {
            name for name, value in vars(type(getattr(client, subject))).items() if callable(value) and name[0] != "_"
        }
        offered = {name for name in dir(getattr(asynchronous, subject)) if name[0] != "_"}
        internal = {"adopt", "fetch", "long_poll"}
        assert methods - internal <= offered, subject
