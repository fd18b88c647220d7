"""What failed calls say."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest
from google.rpc import status_pb2

from lse.client import connect
from lse.client.rpc_errors import from_status
from lse.platform.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    LseError,
    NotFoundError,
    UnavailableError,
    UnimplementedError,
)


@pytest.mark.parametrize("kind", LseError.__subclasses__(), ids=lambda kind: kind.__name__)
def test_every_error_arrives_as_it_was_raised(client, memory, kind):
    # One answer for each attempt that grpc makes of a read.
    memory.errors["GetDataset"] = [kind("It is so: do this.", reason="SOME_REASON", size=3) for _ in range(4)]
    with pytest.raises(kind) as caught:
        client.datasets.get("first")
    assert type(caught.value) is kind
    assert caught.value.message == "It is so: do this."
    assert caught.value.reason == "SOME_REASON"
    assert caught.value.metadata == {"size": "3"}


def test_unknown_code_is_an_error_all_the_same():
    error = from_status(status_pb2.Status(code=99, message="Strange."))
    assert (type(error), error.message) == (LseError, "Strange.")


def test_nothing_answers():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with connect(address) as client, pytest.raises(UnavailableError) as caught:
        client.datasets.list()
    assert caught.value.message == f"No services answer at {address}: start them with `lse up` or set LSE_ADDRESS."


def test_address_is_looked_for_in_the_environment(server, monkeypatch):
    monkeypatch.setenv("LSE_ADDRESS", server.address)
    monkeypatch.setenv("LSE_PROJECT", "survey")
    with connect() as client:
        assert (client.address, client.project) == (server.address, "survey")
        assert client.ping() is True


@pytest.mark.parametrize("address", ["", "a b", "host:port", "host:0", "host:99999", "ftp://host:1", "/tmp/x"])
def test_wrong_address_is_refused_at_once(address, monkeypatch):
    monkeypatch.setenv("LSE_ADDRESS", "no address")
    with pytest.raises(InvalidArgumentError, match="no address of services"):
        connect(address)


def test_closed_client_says_so(client):
    client.close()
    with pytest.raises(FailedPreconditionError, match="connect again"):
        client.datasets.list()


def test_reads_are_sent_again_and_writes_are_not(client, memory):
    memory.errors["ListDatasets"] = [UnavailableError("Back soon.") for _ in range(2)]
    assert client.datasets.list() == []
    assert memory.calls.count("ListDatasets") == 3
    memory.errors["IngestDataset"] = [UnavailableError("Back soon.")]
    with pytest.raises(UnavailableError, match="Back soon"):
        client.datasets.ingest("first", ["/data"])
    assert memory.calls.count("IngestDataset") == 1


def test_method_that_is_not_built(client):
    with pytest.raises(UnimplementedError, match="SuggestImages is not built yet"):
        client.labels.suggest("scheme", experiment="x")
    with pytest.raises(UnimplementedError, match="cannot do this"):
        client.labels.schemes()  # the servicer has no such method at all: no status with details


def test_token_goes_with_every_call(server, memory):
    with connect(server.address, token="s3cret") as client:
        client.datasets.list()
        client.datasets.ingest("first", ["/data"])
    assert [metadata["authorization"] for metadata in memory.metadata] == ["Bearer s3cret"] * 2


def test_health_of_services(client):
    assert set(client.service_states().values()) == {"serving"}
    assert client.health("no.such.Service") == "unknown"


def test_client_is_shared_between_threads(client):
    client.datasets.ingest("first", ["/data"]).wait(show_progress=False)
    names = []
    threads = [
        threading.Thread(target=lambda: names.extend(client.datasets.get("first").id for _ in range(20)))
        for _ in range(6)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert names == ["first"] * 120


def test_unknown_name_is_not_found(client):
    with pytest.raises(NotFoundError, match="no dataset named 'nothing'"):
        client.datasets.get("nothing")


def test_import_is_light():
    heavy = "torch pandas pyarrow numpy sklearn pydantic tqdm yaml typer"
    code = f"import sys, lse.client; print([m for m in '{heavy}'.split() if m in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == "[]"
