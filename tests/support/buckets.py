"""Buckets behind the S3 protocol, which a real server of it keeps in memory."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

__all__ = ["Bucket", "bucket", "s3_endpoint"]


@dataclass(frozen=True)
class Bucket:
    """A bucket behind the S3 protocol: its URL, and what fsspec needs to open it."""

    url: str
    options: dict[str, Any]


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Address of a server that speaks the S3 protocol."""
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def bucket(s3_endpoint: str) -> Bucket:
    """A new, empty bucket."""
    import s3fs

    options = {
        "key": "test",
        "secret": "test",
        "endpoint_url": s3_endpoint,
        "client_kwargs": {"region_name": "eu-west-1"},
    }
    name = f"lse-{uuid.uuid4().hex}"
    s3fs.S3FileSystem(**options).mkdir(name)
    return Bucket(f"s3://{name}", options)
