# ruff: noqa: N802  # gRPC names methods in CamelCase
"""The caller of a request, through a real server."""

from __future__ import annotations

import asyncio
import getpass
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from google.longrunning import operations_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc

from latentspace.ingestion.v1 import ingestion_pb2 as pb
from latentspace.ingestion.v1 import ingestion_pb2_grpc
from latentspace.type.v1.operation_pb2 import OperationMetadata
from latentspace.type.v1.table_pb2 import TableChunk
from lse.client.connection import Connection
from lse.errors import UnauthenticatedError
from lse.platform.auth import ADMIN, Caller, current_caller, local_user
from lse.platform.catalogue.catalogue import migrate
from lse.platform.config import load_settings
from lse.platform.rpc.peers import call_peer
from lse.platform.rpc.server import RpcServer
from lse.platform.wiring import Platform
from lse.server import open_platform


def by_token(metadata: Mapping[str, str | bytes]) -> Caller:
    """Authenticator that takes a token for the name of its bearer."""
    scheme, _, name = str(metadata.get("authorization", "")).partition(" ")
    if scheme != "Bearer":
        raise UnauthenticatedError("The request has no token: log in first.")
    return Caller(name, frozenset({ADMIN}))


class Servicer(ingestion_pb2_grpc.IngestionServiceServicer):
    """Tells who calls, from handlers of each kind."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform

    def GetDataset(self, request: pb.GetDatasetRequest, context: Any) -> pb.Dataset:
        return pb.Dataset(creator=current_caller().name)

    async def GetImage(self, request: pb.GetImageRequest, context: Any) -> pb.Image:
        await asyncio.sleep(0.01)
        return pb.Image(source=current_caller().name)

    def ReadImageTable(self, request: pb.ReadImageTableRequest, context: Any) -> Iterator[TableChunk]:
        for _ in range(3):
            yield TableChunk(arrow=current_caller().name.encode())

    def PrepareImage(self, request: pb.PrepareImageRequest, context: Any) -> pb.PrepareImageResponse:
        dataset = call_peer(
            self.platform.peer_address,
            lambda channel: ingestion_pb2_grpc.IngestionServiceStub(channel).GetDataset,
            pb.GetDatasetRequest(name=request.name),
        )
        return pb.PrepareImageResponse(tensor=dataset.creator.encode())

    def AddImages(self, request: pb.AddImagesRequest, context: Any) -> operations_pb2.Operation:
        operation = self.platform.operation_store.create("AddImages", request.name)
        return operations_pb2.Operation(name=operation.name)


@pytest.fixture
def address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    settings = load_settings(
        catalogue_url=f"sqlite:///{tmp_path / 'catalogue.db'}",
        artifacts_url=f"file://{tmp_path / 'artifacts'}",
        vectors_url="http://127.0.0.1:1",
        compute_url="tcp://127.0.0.1:1",
        grpc_port=0,
        drain_seconds=1,
        instance="test",
    )

    def register(server: Any, platform: Platform) -> str:
        ingestion_pb2_grpc.add_IngestionServiceServicer_to_server(Servicer(platform), server)
        return "latentspace.ingestion.v1.IngestionService"

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    migrate(settings)
    with open_platform(settings) as platform:
        server = RpcServer(platform, [register], authenticate=by_token)
        asyncio.run_coroutine_threadsafe(server.start(), loop).result(30)
        yield f"127.0.0.1:{server.port}"
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def ada(address: str) -> Iterator[Connection]:
    connection = Connection(address, token="Ada")
    yield connection
    connection.close()


def test_handlers_of_every_kind_know_the_caller(ada: Connection, address: str) -> None:
    bo = Connection(address, token="Bo")
    for connection, name in ((ada, "Ada"), (bo, "Bo"), (ada, "Ada")):
        assert connection.call(pb.GetDatasetRequest()).creator == name
        assert connection.call(pb.GetImageRequest()).source == name
        chunks = connection.stream(pb.ReadImageTableRequest())
        assert [chunk.arrow.decode() for chunk in chunks] == [name] * 3
    bo.close()
    assert current_caller() == Caller("")


def test_another_service_is_called_for_the_same_caller(ada: Connection) -> None:
    assert ada.call(pb.PrepareImageRequest()).tensor == b"Ada"


def test_an_operation_records_who_asked_for_it(ada: Connection) -> None:
    name = ada.call(pb.AddImagesRequest(name="projects/p/datasets/d")).name
    metadata = OperationMetadata()
    ada.call(operations_pb2.GetOperationRequest(name=name)).metadata.Unpack(metadata)
    assert metadata.creator == "Ada"


def test_who_is_not_recognised_gets_health_only(address: str) -> None:
    nobody = Connection(address)
    with pytest.raises(UnauthenticatedError, match="log in first"):
        nobody.call(pb.GetDatasetRequest())
    with pytest.raises(UnauthenticatedError, match="log in first"):
        list(nobody.stream(pb.ReadImageTableRequest()))
    health = health_pb2_grpc.HealthStub(nobody.channel)
    assert health.Check(health_pb2.HealthCheckRequest()).status == 1
    nobody.close()


def test_on_one_machine_everybody_is_its_user_with_all_rights() -> None:
    caller = local_user({"authorization": "Bearer anything"})
    assert (caller.name, caller.roles) == (getpass.getuser(), frozenset({"admin"}))


def test_credentials_are_not_shown() -> None:
    assert "s3cret" not in repr(Caller("Ada", credentials="Bearer s3cret"))
