"""What failed calls say."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading

import pytest
from google.rpc import status_pb2

from lse.client import connect
from lse.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    LseError,
    NotFoundError,
    UnavailableError,
    UnimplementedError,
)
from lse.status import error_of

# Others are of modules that this process may have imported, and never cross the wire.
KINDS = [kind for kind in LseError.__subclasses__() if kind.__module__ == LseError.__module__]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_arrives_as_it_was_raised(client, proxy, kind):
    # One answer for each attempt that grpc makes of a read.
    proxy.errors["GetDataset"] = [kind("It is so: do this.", reason="SOME_REASON", size=3) for _ in range(4)]
    with pytest.raises(kind) as caught:
        client.datasets.get("first")
    assert type(caught.value) is kind
    assert caught.value.message == "It is so: do this."
    assert caught.value.reason == "SOME_REASON"
    assert caught.value.metadata == {"size": "3"}


def test_unknown_code_is_an_error_all_the_same():
    error = error_of(status_pb2.Status(code=99, message="Strange."))
    assert (type(error), error.message) == (LseError, "Strange.")


def test_nothing_answers():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    with connect(address) as client, pytest.raises(UnavailableError) as caught:
        client.datasets.list()
    assert caught.value.message == f"No services answer at {address}: start them with `lse up` or set LSE_ADDRESS."


def test_address_is_looked_for_in_the_environment(proxy, monkeypatch):
    monkeypatch.setenv("LSE_ADDRESS", proxy.address)
    monkeypatch.setenv("LSE_PROJECT", "survey")
    with connect() as client:
        assert (client.address, client.project) == (proxy.address, "survey")
        assert client.ping() is True


@pytest.mark.parametrize("address", ["", "a b", "host:port", "host:0", "host:99999", "ftp://host:1", "/tmp/x"])
def test_wrong_address_is_refused_at_once(address, monkeypatch):
    monkeypatch.setenv("LSE_ADDRESS", "no address")
    with pytest.raises(InvalidArgumentError, match="is not an address of services"):
        connect(address)


def test_closed_client_says_so(client):
    client.close()
    with pytest.raises(FailedPreconditionError, match="connect again"):
        client.datasets.list()


def test_calls_that_may_be_repeated_are_sent_again_and_others_are_not(client, services, proxy):
    proxy.errors["ListDatasets"] = [UnavailableError("Back soon.") for _ in range(2)]
    assert client.datasets.list() == []
    assert proxy.methods.count("ListDatasets") == 3
    # Every attempt carries the request id of the first, so that there is one operation.
    proxy.errors["IngestDataset"] = [UnavailableError("Back soon.")]
    services.ingest(client).wait(show_progress=False)
    first, second = (call.sent for call in proxy.calls if call.method == "IngestDataset")
    assert first == second
    assert len(client.operations.list()) == 1
    proxy.errors["CreateSelection"] = [UnavailableError("Back soon.")]
    with pytest.raises(UnavailableError, match="Back soon"):
        client.selections.create("few", dataset="first", rows=[1])
    assert proxy.methods.count("CreateSelection") == 1
    assert client.selections.list() == []


def test_what_is_deleted_by_an_attempt_whose_answer_was_lost_is_deleted(client, proxy):
    def lost(messages):
        assert list(messages)
        proxy.answers.clear()
        raise UnavailableError("Back soon.")

    client.label_schemes.create("types")
    proxy.answers["DeleteLabelScheme"] = lost
    client.label_schemes.delete("types")
    assert proxy.methods.count("DeleteLabelScheme") == 2
    assert client.label_schemes.list() == []
    with pytest.raises(NotFoundError, match="no label scheme named 'types'"):
        client.label_schemes.delete("types")
    proxy.errors["DeleteLabelScheme"] = [UnavailableError("Back soon.") for _ in range(4)]
    with pytest.raises(UnavailableError, match="Back soon"):
        client.label_schemes.delete("types")


def test_method_that_is_not_built(client, proxy):
    proxy.errors["SuggestImages"] = [UnimplementedError("SuggestImages is not built yet.", reason="CALL_UNIMPLEMENTED")]
    with pytest.raises(UnimplementedError, match="SuggestImages is not built yet"):
        client.labels.suggest("scheme", experiment="x")
    proxy.missing.add("ListLabelSchemes")
    with pytest.raises(UnimplementedError, match="cannot do this"):
        client.label_schemes.list()  # the services have no such method at all: no status with details


def test_token_goes_with_every_call(proxy):
    with connect(proxy.address, token="s3cret") as client:
        client.datasets.list()
        with pytest.raises(NotFoundError):
            client.datasets.table("nothing")
    assert [call.metadata["authorization"] for call in proxy.calls] == ["Bearer s3cret"] * 2


def test_health_of_services(client):
    assert set(client.service_states().values()) == {"serving"}
    assert client.health("no.such.Service") == "unknown"


def test_client_is_shared_between_threads(prepared_client):
    names = []
    threads = [
        threading.Thread(target=lambda: names.extend(prepared_client.datasets.get("first").id for _ in range(20)))
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
