"""A real server of the annotation service, and resources as finished operations leave them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lse.annotation.service import register
from lse.client import Client, connect
from lse.ingestion.image_table import column_types, image_table
from lse.platform.catalogue import Resource
from lse.platform.config import load_settings
from lse.platform.rpc.server import RpcServer
from lse.platform.wiring import Platform

PROJECT = "projects/p"


@dataclass(frozen=True)
class World:
    """A platform with a way to put resources into it."""

    platform: Platform

    def dataset(
        self, name: str, facts: list[dict[str, Any]], *, rejected: int = 0, simulated: bool = False, later: int = 0
    ) -> Resource:
        """Dataset of images with these facts in its catalogue; rejected inputs stand between them."""
        inputs = []
        for index, fact in enumerate(facts):
            if index < rejected:
                inputs.append(_input(f"bad-{index}", {}, status="rejected"))
            inputs.append(_input(f"image-{index:04d}", fact))
        table = image_table(inputs)
        resource = Resource(f"{PROJECT}/datasets/{name}", "dataset", PROJECT, state="ready")
        uri = f"{self.platform.artifacts.folder('dataset', resource.uid)}/images.parquet"
        self.platform.artifacts.write_table(uri, table)
        return self._keep(
            resource,
            {"sources": ["/images"]},
            {
                "table_uri": uri,
                "prepared": len(facts),
                "rejected": rejected,
                "columns": column_types(table),
                "simulated": simulated,
            },
        )

    def experiment(self, name: str, dataset: Resource, vectors: np.ndarray, *, encoder: str = "") -> Resource:
        """Experiment of ready vectors."""
        resource = Resource(f"{PROJECT}/experiments/{name}", "experiment", PROJECT, state="ready")
        uri = f"{self.platform.artifacts.folder('experiment', resource.uid)}/vectors.zarr"
        self.platform.artifacts.write_array(uri, vectors.astype(np.float32))
        return self._keep(
            resource,
            {"dataset": dataset.name, "encoder": encoder},
            {"vectors_uri": uri, "images": len(vectors), "dimension": vectors.shape[1]},
        )

    def encoder(self, name: str, dataset: Resource) -> Resource:
        """Encoder, without a model."""
        resource = Resource(f"{PROJECT}/encoders/{name}", "encoder", PROJECT, state="ready")
        return self._keep(resource, {"dataset": dataset.name, "method": "simclr"}, {})

    def below(self, kind: str, name: str, experiment: Resource, **arrays: np.ndarray) -> Resource:
        """Projection or clustering."""
        resource = Resource(f"{experiment.name}/{kind}s/{name}", kind, experiment.name, state="ready")
        folder = self.platform.artifacts.folder(kind, resource.uid)
        result = {}
        for key, values in arrays.items():
            result[f"{key}_uri"] = f"{folder}/{key}.zarr"
            self.platform.artifacts.write_array(f"{folder}/{key}.zarr", values)
        return self._keep(resource, {"method": "some", "seed": 7}, result)

    def _keep(self, resource: Resource, spec: dict[str, Any], result: dict[str, Any]) -> Resource:
        kept = Resource(
            resource.name, resource.kind, resource.parent, uid=resource.uid, state="ready", spec=spec, result=result
        )
        return self.platform.resources.create(kept)


def _input(name: str, catalogue: dict[str, Any], *, status: str = "prepared") -> dict[str, Any]:
    bad = status == "rejected"
    return {
        "name": name,
        "source": f"/images/{name}.fits",
        "status": status,
        "reason": "UNREADABLE" if bad else None,
        "message": "The file is no image." if bad else None,
        "catalogue": json.dumps(catalogue),
        "header": "",
        "preparation": "",
    }


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.delenv("LSE_CONFIG", raising=False)
    platform = Platform(
        load_settings(
            catalogue_url=f"sqlite:///{tmp_path / 'catalogue.db'}",
            artifacts_url=f"file://{tmp_path / 'artifacts'}",
            vectors_url="http://127.0.0.1:1",
            compute_url="tcp://127.0.0.1:1",
            grpc_port=0,
            drain_seconds=1,
            instance="test",
        )
    )
    yield World(platform)
    platform.close()


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    """Client of a real gRPC server of the service."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    server = RpcServer(world.platform, [register])
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(30)
    with connect(f"127.0.0.1:{server.port}", project="p") as client:
        yield client
    asyncio.run_coroutine_threadsafe(server.stop(), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
