"""Point clouds of projections: published with them, or built for those that were made before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lse.analysis.neighbours import build_neighbour_graph
from lse.client import Client
from lse.errors import NotFoundError
from lse.platform.catalogue.records.projection import ProjectionSpec
from lse.pointcloud import open_cloud
from lse.services.projection.clouds import build_stored_cloud
from lse.services.projection.jobs import MapOrder, reduce_vectors
from world import Channel, World


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
