"""Long work: progress, waiting, cancelling, and services that come and go meanwhile."""

from __future__ import annotations

import asyncio
import inspect
import re
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from IPython.core.displaypub import CapturingDisplayPublisher
from IPython.core.interactiveshell import InteractiveShell

from lse.client import AsyncClient, OperationProgress, connect_async
from lse.client.progress import ProgressBar
from lse.errors import (
    AlreadyExistsError,
    CancelledError,
    DeadlineExceededError,
    FailedPreconditionError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from running_services import RECIPE, TRAINING


def test_wait_returns_what_was_made(client, services):
    with services.held():
        operation = services.ingest(client)
        assert (operation.kind, operation.target) == ("IngestDataset", f"projects/{client.project}/datasets/first")
        assert operation.state == "pending"
        with pytest.raises(FailedPreconditionError, match="wait for it"):
            operation.result()
        while (progress := operation.progress()).stage != "preparing":
            time.sleep(0.05)
        assert (progress.done, progress.total, progress.unit) == (0, 25, "images")
        assert operation.state == "running"
    dataset = operation.wait(show_progress=False)
    assert (dataset.id, dataset.state, dataset.prepared) == ("first", "ready", 24)
    assert dataset.columns["class"].type == "text"
    assert operation.done
    assert operation.error is None
    assert [stage for stage, _ in operation.stages][:2] == ["scanning", "preparing"]
    assert min(seconds for _, seconds in operation.stages) >= 0
    assert operation.result() == dataset
    assert client.operations.get(operation.id).result() == dataset


def test_same_request_is_the_same_operation(client, services):
    one = services.ingest(client, request_id="00000000-0000-4000-8000-000000000000")
    two = services.ingest(client, request_id="00000000-0000-4000-8000-000000000000")
    assert one.name == two.name


def test_failure_is_raised_with_its_class(client, tmp_path):
    (tmp_path / "broken.fits").write_bytes(b"SIMPLE  = not really")
    operation = client.datasets.ingest("first", tmp_path)
    with pytest.raises(InvalidArgumentError, match="None of 1 input could be prepared") as caught:
        operation.wait(show_progress=False)
    assert caught.value.reason == "USABLE_IMAGES_MISSING"
    assert operation.state == "failed"
    assert client.datasets.get("first").state == "failed"


def test_cancelled_work_raises(client, services):
    with services.held():
        operation = services.ingest(client)
        assert [item.name for item in client.operations.list(active=True)] == [operation.name]
        operation.cancel()
        with pytest.raises(CancelledError):
            operation.wait(show_progress=False)
    assert operation.state == "cancelled"
    assert client.operations.list(active=True) == []


def test_timeout_ends_the_waiting_only(client, services):
    with services.held():
        operation = services.ingest(client)
        with pytest.raises(DeadlineExceededError, match="still runs"):
            operation.wait(0.05, show_progress=False)
    assert operation.wait(show_progress=False).id == "first"


def test_progress_bar(prepared_client, capsys):
    training = prepared_client.encoders.train("watched", dataset="first", method="autoencoder", parameters=TRAINING)
    training.wait(show_progress=True)
    drawn = capsys.readouterr()
    # Without a terminal the bar shows how it ended.
    assert "publishing" in drawn.err
    assert drawn.out == ""
    prepared_client.encoders.delete("watched")


def test_progress_bar_of_a_notebook_is_one_output_that_changes():
    shell = InteractiveShell.instance()
    shell.display_pub = CapturingDisplayPublisher()
    try:
        with ProgressBar("train", notebook=True) as bar:
            for done in (3, 10):
                bar.show(OperationProgress("reading", done, 10, "images", {"loss": 0.25}, 5.0))
        shown = shell.display_pub.outputs
    finally:
        InteractiveShell.clear_instance()
    assert [output["update"] for output in shown] == [False, True, True]
    assert len({output["transient"]["display_id"] for output in shown}) == 1
    assert "text/html" in shown[-1]["data"]
    for part in ("train: reading", "10/10 images", "5/s", "loss 0.25"):
        assert part in shown[-1]["data"]["text/plain"]


def test_in_a_narrow_terminal_figures_go_before_the_bar_and_the_time_that_is_left(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    figures = {"loss": 1.359, "epoch": 50.83, "images_per_second": 212.4}
    with ProgressBar("train", notebook=False) as bar:
        bar.show(OperationProgress("training", 305, 360, "steps", figures, 30.6))
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "training" in line]
    assert len(line) <= 80
    assert "train: training" in line
    assert "305/360 steps" in line
    assert "━━━━━━━━" in line
    assert re.search(r"left \S*:\S*$", line.rstrip())
    assert "images_per_second" not in line


def test_wait_outlasts_services_that_are_away_for_a_while(client, services, proxy):
    found = []
    with services.held():
        operation = services.ingest(client)
        waiting = threading.Thread(target=lambda: found.append(operation.wait(show_progress=False)))
        waiting.start()
        time.sleep(0.2)
        proxy.stop()
        time.sleep(0.5)
    proxy.start()
    waiting.join(30)
    assert [dataset.id for dataset in found] == ["first"]


def test_wait_gives_up_when_the_services_stay_away(client, services, proxy):
    with services.held():
        operation = services.ingest(client)
        proxy.stop()
        with pytest.raises(UnavailableError, match="No services answer"):
            operation.wait(show_progress=False, patience=0.3)


def test_unknown_operation(client):
    with pytest.raises(NotFoundError, match="no operation"):
        client.operations.get("nothing")


def test_asynchronous_client(proxy, services):
    async def chain():
        async with connect_async(proxy.address, project="asynchronous") as client:
            assert await client.ping()
            with services.held():
                operation = await client.datasets.ingest("first", [services.images], recipe=RECIPE)
                assert (await operation.progress()).done == 0
                assert [item.name for item in await client.operations.list(active=True)] == [operation.name]
                with pytest.raises(DeadlineExceededError):
                    await operation.wait(0.05)
                cancelled = await client.datasets.ingest("second", [services.images], recipe=RECIPE)
                await cancelled.cancel()
                with pytest.raises(CancelledError):
                    await cancelled.wait()
            dataset = await operation.wait()
            images = [image.id async for image in client.datasets.images(dataset.id)]
            table = await client.datasets.table("first")
            several = await asyncio.gather(*(client.datasets.get("first") for _ in range(10)))
            return dataset, images, table, several

    dataset, images, table, several = asyncio.run(chain())
    assert len(images) == table.num_rows == 25
    assert images[0] == "bar-00"
    assert several == [dataset] * 10


def test_asynchronous_client_offers_what_the_client_does(client):
    asynchronous = AsyncClient(client)
    assert set(dir(client)) - set(dir(asynchronous)) <= {"_connection", "_names", "__enter__", "__exit__"}
    for name, subject in vars(client).items():
        if not name.startswith("_"):
            offered = getattr(asynchronous, name)
            for method in (each for each in dir(subject) if not each.startswith("_")):
                function = getattr(offered, method)
                assert inspect.iscoroutinefunction(function) or inspect.isasyncgenfunction(function), (name, method)
                assert function.__doc__ == getattr(subject, method).__doc__


def test_types_of_the_asynchronous_client_are_current():
    script = Path(__file__).resolve().parents[2] / "scripts" / "async_stub.py"
    done = subprocess.run([sys.executable, script, "--check"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_parameters_come_as_keywords_or_as_a_mapping(prepared_client):
    def run(name="parameters", **given):
        clusterings = prepared_client.clusterings
        return clusterings.run(name, experiment="first", method="kmeans", **given).wait(show_progress=False)

    made = run(n_clusters=3, parameters={"n_init": 2}, seed=np.int64(7))
    assert made.parameters["n_clusters"] == 3
    assert made.parameters["n_init"] == 2
    assert made.seed == 7
    assert run("chosen", n_clusters=None).parameters["n_clusters"] is None
    with pytest.raises(InvalidArgumentError, match="'n_clusters' is given twice"):
        run(n_clusters=1, parameters={"n_clusters": 2})
    with pytest.warns(DeprecationWarning, match="now called 'parameters'"), pytest.raises(AlreadyExistsError):
        run(settings={"n_clusters": 2})
    for name in ("parameters", "chosen"):
        prepared_client.clusterings.delete("first", name)


def test_components_and_seed_are_parameters_like_others(prepared_client):
    made = prepared_client.projections.run(
        "p", experiment="first", method="isomap", n_components=3, seed=5, n_neighbors=9
    )
    projection = made.wait(show_progress=False)
    assert (projection.components, projection.seed, projection.parameters["n_neighbors"]) == (3, 5, 9)
    prepared_client.projections.delete("first", "p")


def test_cells_of_a_notebook_await(prepared_client):
    shell = InteractiveShell.instance()
    cells = (
        "from lse.client import connect_async",
        f"client = connect_async({prepared_client.address!r}, project={prepared_client.project!r})",
        "operation = await client.projections.run('awaited', experiment='first', method='pca')",
        "projection = await operation.wait()",
        "names = [each.id for each in await client.projections.list('first')]",
    )
    try:
        for cell in cells:
            shell.run_cell(cell).raise_error()
        assert shell.user_ns["projection"].id == "awaited"
        assert "awaited" in shell.user_ns["names"]
    finally:
        InteractiveShell.clear_instance()
    prepared_client.projections.delete("first", "awaited")
