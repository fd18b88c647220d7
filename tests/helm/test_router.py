"""The router of the chart in front of real services: a real nginx with the configuration that helm renders."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.helm.conftest import Object, named

from lse.client import Client, connect
from lse.errors import LseError, ResourceExhaustedError, UnavailableError
from lse.platform.ports import free_port
from running_services import RunningServices

NGINX = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


@dataclass(frozen=True)
class Router:
    """Where a running router answers, by gRPC and by HTTP."""

    address: str
    http_url: str


@contextmanager
def routed(config: str, folder: Path, services: str, http_url: str = "http://127.0.0.1:9") -> Iterator[Router]:
    """A running nginx whose services all lie at one address."""
    grpc, http, health = free_port(), free_port(), free_port()
    for there, here in (
        (r"grpc://lse-\w+:50051", f"grpc://{services}"),
        (r"http://lse-\w+:50080", http_url),
        ("listen 8081", f"listen 127.0.0.1:{http}"),
        ("listen 8443", f"listen 127.0.0.1:{grpc}"),
        ("listen 8080", f"listen 127.0.0.1:{health}"),
        (r"/tmp/", f"{folder}/"),
    ):
        config, count = re.subn(there, here, config)
        assert count
    file = folder / "nginx.conf"
    file.write_text(config)
    process = subprocess.Popen([str(NGINX), "-e", "stderr", "-c", str(file), "-g", "daemon off;"])
    try:
        deadline = time.monotonic() + 20
        while process.poll() is None and time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{health}/health", timeout=5).close()
                break
            except OSError:
                time.sleep(0.05)
        yield Router(f"127.0.0.1:{grpc}", f"http://127.0.0.1:{http}")
    finally:
        process.terminate()
        assert process.wait(20) == 0


@pytest.fixture
def config(render: Callable[..., list[Object]]) -> str:
    if NGINX is None:
        pytest.skip("nginx is not installed: `apt-get install nginx-light`")
    text: str = named(render("institute"), "ConfigMap", "lse-router")["data"]["nginx.conf"]
    return text


def test_calls_streams_uploads_and_errors_pass(
    config: str, tmp_path: Path, services: RunningServices, prepared: str
) -> None:
    with routed(config, tmp_path, services.address) as router, connect(router.address, project=prepared) as client:
        assert client.ping()
        assert set(client.service_states().values()) == {"serving"}
        assert client.datasets.get("first").prepared == 24
        assert client.experiments.vectors("first").num_rows == 24
        content = (services.images / "bar-00.png").read_bytes()
        assert len(client.search.similar("first", file=content, k=3)) == 3
        operation = client.encoders.import_onnx("routed", services.encoder)
        assert operation.wait(show_progress=False).state == "ready"
        with pytest.raises(LseError) as caught:
            client.datasets.get("none")
        assert caught.value.reason == "DATASET_NOT_FOUND"


def test_calls_by_http_pass(config: str, tmp_path: Path, services: RunningServices, prepared: str) -> None:
    with routed(config, tmp_path, services.address, services.http_url) as router:
        method = f"{router.http_url}/latentspace.ingestion.v1.IngestionService/GetDataset"
        status, answer = post(method, {"name": f"projects/{prepared}/datasets/first"})
        assert (status, answer["preparedCount"]) == (200, "24")
        status, answer = post(method, {"name": f"projects/{prepared}/datasets/none"})
        assert (status, answer["details"][0]["debug"]["reason"]) == (404, "DATASET_NOT_FOUND")
        with urllib.request.urlopen(f"{router.http_url}/openapi.json", timeout=30) as document:
            assert json.load(document)["openapi"] == "3.1.0"
    few = config.replace("rate=500r/s", "rate=1r/m").replace("burst=2000", "burst=1")
    with routed(few, tmp_path, services.address) as router:
        found = [post(f"{router.http_url}/latentspace.search.v1.SearchService/SearchImages", {}) for _ in range(3)]
        assert [(status, answer["code"]) for status, answer in found] == [
            (503, "unavailable"),
            (503, "unavailable"),
            (429, "resource_exhausted"),
        ]


def post(url: str, content: dict[str, str]) -> tuple[int, Any]:
    request = urllib.request.Request(url, json.dumps(content).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_a_service_that_is_away_is_unavailable(config: str, tmp_path: Path) -> None:
    with routed(config, tmp_path, f"127.0.0.1:{free_port()}") as router, connect(router.address) as client:
        with pytest.raises(UnavailableError) as caught:
            _ = client.datasets.list()
        assert caught.value.code == "UNAVAILABLE"
    assert isinstance(client, Client)


def test_who_sends_too_many_calls_is_slowed_down_alone(
    config: str, tmp_path: Path, services: RunningServices, prepared: str
) -> None:
    # The chart's own numbers are too large for a test.
    few = config.replace("rate=500r/s", "rate=1r/m").replace("burst=2000", "burst=2")
    assert (few.count("rate=1r/m"), few.count("burst=2")) == (1, 2)
    with routed(few, tmp_path, services.address) as router:
        with connect(router.address, project=prepared, token="greedy") as client:
            for _ in range(3):
                client.datasets.get("first")
            with pytest.raises(ResourceExhaustedError, match="slow down"):
                client.datasets.get("first")
        with connect(router.address, project=prepared, token="modest") as client:
            assert client.datasets.get("first").prepared == 24
