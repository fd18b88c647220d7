"""Point clouds of projections: published with them, or built for those that were made before."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from distributed import LocalCluster

from buckets import Bucket, bucket, s3_endpoint
from dask_cluster import dask_cluster
from lse.analysis.neighbours import build_neighbour_graph
from lse.client import Client, connect
from lse.errors import NotFoundError
from lse.platform.catalogue import ProjectionRecord
from lse.platform.catalogue.catalogue import migrate
from lse.platform.catalogue.records.projection import ProjectionSpec
from lse.platform.config import load_settings
from lse.pointcloud import build_cloud, open_cloud, write_cloud
from lse.pointcloud.storage import cloud_files
from lse.server import open_platform, rpc_server
from lse.services.projection import clouds
from lse.services.projection.clouds import build_stored_cloud
from lse.services.projection.jobs import MapOrder, reduce_vectors
from parts import until
from running_services import serving
from world import Channel, World

__all__ = ["bucket", "s3_endpoint"]


@pytest.fixture
def cluster() -> Iterator[LocalCluster]:
    """A Dask cluster with two worker processes."""
    with dask_cluster(2) as started:
        yield started


def test_workers_that_share_a_bucket_build_a_large_cloud_together_and_one_may_be_lost(
    cluster: LocalCluster, bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clouds, "ONE_TASK_POINTS", 9_000)
    monkeypatch.setattr(clouds, "BLOCK_POINTS", 1_200)
    settings = load_settings(
        catalogue_url=f"sqlite:///{tmp_path / 'catalogue.db'}",
        artifacts_url=f"{bucket.url}/home",
        artifacts_options=bucket.options,
        vectors_url="http://127.0.0.1:1",
        compute_url=cluster.scheduler_address,
        grpc_port=0,
        drain_seconds=1,
        instance="test",
    )
    migrate(settings)
    with (
        open_platform(settings) as platform,
        serving(rpc_server(platform, ("projection",))) as server,
        connect(f"127.0.0.1:{server.port}", project="p") as client,
    ):
        world, artifacts = World(platform), platform.artifacts
        vectors = np.random.default_rng(0).normal(size=(10_000, 3)).astype(np.float32)
        dataset = world.dataset("d", [{"class": "a"}] * len(vectors))
        world.experiment("x", dataset, vectors, graph=build_neighbour_graph(vectors, k=5))
        operation = client.projections.run("map", experiment="x", method="pca")
        until(lambda: operation.done or operation.progress().stage == "sorting points")
        assert not operation.done
        lost = next(iter(cluster.workers.values())).pid
        psutil.Process(lost).kill()
        operation.wait(show_progress=False)
        assert not psutil.pid_exists(lost)
        arrived = client.projections.point_cloud("x", "map", tmp_path / "cloud")
        record = platform.resources.get("projects/p/experiments/x/projections/map", ProjectionRecord)
        coordinates = artifacts.read_array(record.result.coordinates_uri)
        write_cloud(build_cloud(coordinates), tmp_path / "memory")
        assert cloud_files(arrived) == cloud_files(tmp_path / "memory")
        for name in cloud_files(arrived):
            assert (arrived / name).read_bytes() == (tmp_path / "memory" / name).read_bytes()
        # Nothing of what the tasks left for each other stays.
        until(lambda: not artifacts.exists(f"{record.result.cloud_uri}-parts"))


@pytest.mark.parametrize("components", [2, 3])
@pytest.mark.parametrize("published", [True, False])
def test_a_cloud_arrives_as_the_projection_made_it(
    world: World, client: Client, tmp_path: Path, components: int, *, published: bool
) -> None:
    artifacts = world.platform.artifacts
    vectors = np.random.default_rng(0).normal(size=(3000, 6)).astype(np.float32)
    dataset = world.dataset("d", [{"class": "a"}] * 3000)
    experiment = world.experiment("x", dataset, vectors, graph=build_neighbour_graph(vectors, k=5))
    folder = artifacts.folder("projection", "made")
    spec = ProjectionSpec(method="pca", parameters={"n_components": components})
    reduce_vectors(artifacts, experiment.result, MapOrder(spec, folder), Channel())
    build_stored_cloud(artifacts, f"{folder}/coordinates.zarr", f"{folder}/cloud", Channel())
    coordinates = artifacts.read_array(f"{folder}/coordinates.zarr")
    projection = world.projection("map", experiment, coordinates)
    assert projection.result.cloud_uri == ""
    if published:
        result = projection.result.model_copy(update={"cloud_uri": f"{folder}/cloud"})
        world.platform.resources.change(projection.name, type(projection), lambda latest: latest.with_result(result))
    cloud = open_cloud(client.projections.point_cloud("x", "map", tmp_path / "cloud"))
    assert cloud.source_count == len(cloud) == 3000
    assert cloud.dimension == components
    assert np.array_equal(cloud.points, coordinates[cloud.rows])
    with pytest.raises(NotFoundError):
        client.projections.point_cloud("x", "other", tmp_path)
