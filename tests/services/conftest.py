"""A real server of all services, and resources as finished operations leave them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from lse.client import Client
from quick_services import client_of, opened_world
from world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    with opened_world(tmp_path) as world:
        yield world


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    """Client of a real gRPC server of all services; no workers, no vector store."""
    with client_of(world) as client:
        yield client
