"""Fixtures of clients that reach the running services through a proxy, each test in a project of its own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import closing

import pytest

from fault_proxy import FaultProxy
from lse.client import Client, connect
from running_services import RunningServices

__all__ = ["client", "prepared_client", "proxy"]


@pytest.fixture
def proxy(services: RunningServices) -> Iterator[FaultProxy]:
    """Proxy before the services, which makes no faults by itself."""
    with closing(FaultProxy(services.address)) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> Iterator[Client]:
    """Client of an empty project."""
    with connect(proxy.address, project=f"test-{uuid.uuid4().hex[:8]}") as client:
        yield client


@pytest.fixture
def prepared_client(proxy: FaultProxy, prepared: str) -> Iterator[Client]:
    """Client of the project in which everything is there."""
    with connect(proxy.address, project=prepared) as client:
        yield client
