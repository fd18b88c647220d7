"""The real services in this process, on SQLite, with a worker and the embedded vector server, and images for them."""

from __future__ import annotations

import asyncio
import itertools
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
from distributed import Client as DaskClient
from distributed import Event
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from dask_cluster import dask_cluster
from lse.client import Client, Operation, connect
from lse.platform.catalogue.catalogue import migrate
from lse.platform.config import load_settings
from lse.platform.vectors.edge_server import EdgeServer
from lse.server import open_platform, rpc_server
from operation_jobs import wait_for_event

__all__ = ["DIMENSION", "RECIPE", "TRAINING", "RunningServices", "draw_images", "running_services", "serving"]

_IMAGES_A_CLASS = 12
_SIZE = 16
# As small as it can be: what is tested is the way, not the quality.
RECIPE = {"size": 16}
TRAINING = {"epochs": 2, "width": 4, "latent_dim": 8, "batch_size": 12}
DIMENSION = 8


class Server(Protocol):
    """What is started and stopped in a loop of asyncio."""

    async def start(self) -> object:
        """Serve from now on."""

    async def stop(self) -> object:
        """End."""


ServerT = TypeVar("ServerT", bound=Server)


@contextmanager
def serving(server: ServerT) -> Iterator[ServerT]:
    """A server of asyncio, while it serves in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(60)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def write_encoder(path: Path) -> None:
    """An ONNX file that gives every image some sums of its pixels, each with random weights."""
    weights = np.random.default_rng(1).normal(size=(_SIZE**2, DIMENSION)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["images"], ["pixels"]),
            helper.make_node("MatMul", ["pixels", "weights"], ["vectors"]),
        ],
        "encoder",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["batch", 1, _SIZE, _SIZE])],
        [helper.make_tensor_value_info("vectors", TensorProto.FLOAT, ["batch", DIMENSION])],
        [numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, ir_version=10, opset_imports=[helper.make_opsetid("", 17)])
    path.write_bytes(model.SerializeToString())


def draw_images(folder: Path) -> None:
    """Bars and discs in noise, a file that is no image, and a catalogue of the classes beside them."""
    (folder / "images").mkdir(parents=True)
    random = np.random.default_rng(7)
    y, x = np.mgrid[:_SIZE, :_SIZE] - (_SIZE - 1) / 2
    lines = ["name,class,brightness"]
    for number, kind in itertools.product(range(_IMAGES_A_CLASS), ("bar", "disc")):
        width, brightness = random.uniform(1.5, 4), random.uniform(120, 220)
        shape = np.abs(x) < width if kind == "bar" else x**2 + y**2 < 4 * width**2
        pixels = shape * brightness + random.uniform(0, 30, size=shape.shape)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / "images" / f"{kind}-{number:02d}.png")
        lines.append(f"{kind}-{number:02d}.png,{kind},{brightness:.1f}")
    (folder / "images" / "broken.fits").write_bytes(b"SIMPLE  = not really")
    (folder / "catalogue.csv").write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class RunningServices:
    """Services that answer.

    Attributes
    ----------
    address, http_url
        Where they answer, by gRPC and by HTTP.
    vectors
        Where the vector server answers.
    images, catalogue, encoder
        Folder of a few images, the file of their classes, and an ONNX file for them.
    """

    address: str
    http_url: str
    vectors: str
    images: Path
    catalogue: Path
    encoder: Path
    _dask: DaskClient

    @contextmanager
    def held(self) -> Iterator[None]:
        """Keep the worker busy, so that operations neither end nor come further."""
        begun, released = Event(client=self._dask), Event(client=self._dask)
        task = self._dask.submit(wait_for_event, begun.name, released.name, pure=False, priority=100)
        assert begun.wait(60)
        try:
            yield
        finally:
            released.set()
            task.result(60)

    def ingest(self, client: Client, name: str = "first", **options: Any) -> Any:
        """Operation that ingests the images."""
        return client.datasets.ingest(name, [self.images], catalogue=self.catalogue, recipe=RECIPE, **options)

    def prepare(self, project: str) -> None:
        """Make the dataset, encoder, experiment, projection and clustering ``first`` in a project."""
        with connect(self.address, project=project) as client:
            self.ingest(client, "first").wait(show_progress=False)
            client.encoders.import_onnx("first", self.encoder).wait(show_progress=False)
            client.experiments.encode("first", dataset="first", encoder="first").wait(show_progress=False)
            started: list[Operation[Any]] = [
                client.projections.run("first", experiment="first", method="pca"),
                client.clusterings.run("first", experiment="first", method="kmeans", n_clusters=2),
            ]
            for operation in started:
                operation.wait(show_progress=False)


@contextmanager
def running_services(folder: Path) -> Iterator[RunningServices]:
    """All services with all that they need, which keep everything in a folder."""
    draw_images(folder)
    write_encoder(folder / "encoder.onnx")
    with ExitStack() as stack:
        vectors = stack.enter_context(serving(EdgeServer(folder / "vectors")))
        cluster = stack.enter_context(dask_cluster(1))
        settings = load_settings(
            catalogue_url=f"sqlite:///{folder / 'catalogue.db'}",
            artifacts_url=f"file://{folder / 'artifacts'}",
            vectors_url=f"http://{vectors.address}",
            compute_url=cluster.scheduler_address,
            inference="onnxruntime",
            grpc_port=0,
            http_port=0,
            drain_seconds=1,
            instance="test",
            source_roots="*",
        )
        migrate(settings)
        platform = stack.enter_context(open_platform(settings))
        server = stack.enter_context(serving(rpc_server(platform)))
        yield RunningServices(
            address=f"127.0.0.1:{server.port}",
            http_url=f"http://127.0.0.1:{server.http_port}",
            vectors=vectors.address,
            images=folder / "images",
            catalogue=folder / "catalogue.csv",
            encoder=folder / "encoder.onnx",
            _dask=stack.enter_context(DaskClient(cluster, set_as_default=False)),
        )
