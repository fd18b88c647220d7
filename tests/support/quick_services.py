"""A real server of all services, without workers and vector store; a token is the name of who calls."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lse.client import Client, connect
from lse.platform.auth import ADMIN, Caller, local_user
from lse.platform.catalogue.catalogue import migrate
from lse.platform.config import load_settings
from lse.platform.rpc.server import RpcServer
from lse.server import SERVICES, open_platform
from running_services import serving
from world import World

__all__ = ["client_of", "opened_world"]


@contextmanager
def opened_world(folder: Path) -> Iterator[World]:
    """A platform that keeps everything in a folder."""
    settings = load_settings(
        catalogue_url=f"sqlite:///{folder / 'catalogue.db'}",
        artifacts_url=f"file://{folder / 'artifacts'}",
        vectors_url="http://127.0.0.1:1",
        compute_url="tcp://127.0.0.1:1",
        grpc_port=0,
        drain_seconds=1,
        instance="test",
        source_roots="*",
    )
    migrate(settings)
    with open_platform(settings) as platform:
        yield World(platform)


def by_token(metadata: Mapping[str, str | bytes]) -> Caller:
    """Authenticator that takes a token for the name of its bearer, and who has none for the local user."""
    name = str(metadata.get("authorization", "")).removeprefix("Bearer ")
    return Caller(name, frozenset({ADMIN})) if name else local_user(metadata)


@contextmanager
def client_of(world: World) -> Iterator[Client]:
    """Client of a real gRPC server of all services."""
    registers = [importlib.import_module(f"lse.services.{name}.service").register for name in SERVICES]
    with (
        serving(RpcServer(world.platform, registers, authenticate=by_token)) as server,
        connect(f"127.0.0.1:{server.port}", project="p") as client,
    ):
        yield client
