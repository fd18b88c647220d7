"""Small services in memory, and a client of them."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lse.client import Client, connect


def _memory_services() -> Any:
    """The module beside this file, whatever the folder from which the tests are started."""
    name = "memory_services"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name("memory_services.py"))
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


memory_services = _memory_services()


@pytest.fixture
def server() -> Iterator[Any]:
    """Server with an empty memory."""
    server = memory_services.MemoryServer(memory_services.Memory())
    yield server
    server.stop()


@pytest.fixture
def memory(server: Any) -> Any:
    return server.memory


@pytest.fixture
def client(server: Any) -> Iterator[Client]:
    with connect(server.address, project="default") as client:
        yield client
