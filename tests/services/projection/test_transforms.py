"""Images on the map of another experiment: the same place for the same vector, and what cannot be placed is refused."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from lse.analysis.neighbours import build_neighbour_graph
from lse.client import Client
from lse.errors import FailedPreconditionError
from lse.platform.catalogue.records.projection import ProjectionRecord, ProjectionResult, ProjectionSpec
from lse.services.projection.jobs import MapOrder, reduce_vectors
from lse.services.projection.transforms import MapUris, place_vectors, transform_projection
from world import Channel, World


@pytest.mark.parametrize("method", ["pca", "umap"])
def test_stored_models_place_vectors_by_blocks(world: World, client: Client, method: str) -> None:
    artifacts = world.platform.artifacts
    vectors = np.random.default_rng(0).normal(size=(150, 6)).astype(np.float32)
    dataset = world.dataset("d", [{"class": "a"}] * 150)
    fitted = world.experiment("x", dataset, vectors, graph=build_neighbour_graph(vectors))
    folder = artifacts.folder("projection", "p")
    spec = ProjectionSpec(method=method, parameters={"n_components": 2})
    made = reduce_vectors(artifacts, fitted.result, MapOrder(spec, folder), Channel())
    result = ProjectionResult(
        coordinates_uri=f"{folder}/coordinates.zarr",
        image_count=150,
        model=made.model,
        model_arrays=made.model_arrays,
    )
    target = world.experiment("y", dataset, vectors[::-1])
    uris = MapUris(target.result.vectors_uri, f"{folder}/placed.zarr", f"{folder}/novelty.zarr")
    assert place_vectors(artifacts, fitted.result, result, uris, Channel()).rows == 150
    placed = artifacts.read_array(uris.coordinates)
    published: list[ProjectionResult] = []
    context = SimpleNamespace(
        platform=world.platform,
        folder=artifacts.folder("projection", "placed"),
        resource=ProjectionRecord(
            name=f"{target.name}/projections/placed",
            spec=spec.model_copy(update={"placed_on": f"{fitted.name}/projections/map"}),
        ),
        run=lambda task, *arguments, **_: task(*arguments, Channel()),
        publish=published.append,
    )
    source = ProjectionRecord(name=f"{fitted.name}/projections/map", spec=spec)
    world.platform.resources.create(source.with_result(result))
    before = artifacts.read_array(result.coordinates_uri)
    transform_projection(context)
    np.testing.assert_array_equal(artifacts.read_array(result.coordinates_uri), before)
    np.testing.assert_array_equal(artifacts.read_array(published[0].coordinates_uri), placed)
    assert published[0].image_count == 150
    assert "points stay" in published[0].notes[0]
    assert "no drift" in published[0].notes[1]
    assert published[0].figures["foreign_images"] <= 0.01
    shown = ProjectionRecord(name=f"{target.name}/projections/placed", spec=spec)
    world.platform.resources.create(shown.with_result(published[0]))
    drift = client.projections.drift("y", "placed")
    assert drift.column_names == ["row", "novelty"]
    assert drift.num_rows == 150
    assert max(drift["novelty"].to_pylist()) <= 1
    again = MapUris(fitted.result.vectors_uri, f"{folder}/again.zarr", f"{folder}/again-novelty.zarr")
    place_vectors(artifacts, fitted.result, result, again, Channel())
    np.testing.assert_array_equal(artifacts.read_array(again.coordinates)[::-1], placed)


def test_what_cannot_be_placed_is_refused(world: World, client: Client) -> None:
    dataset = world.dataset("d", [{"class": "a"}] * 5)
    experiment = world.experiment("x", dataset, np.eye(5))
    projection = world.projection("old", experiment, np.zeros((5, 2), np.float32))
    with pytest.raises(FailedPreconditionError, match="keeps no model") as caught:
        client.projections.transform("old", experiment="x", target="x", name="new")
    assert caught.value.reason == "PROJECTION_MODEL_MISSING"
    world.platform.resources.change(
        projection.name,
        type(projection),
        lambda latest: latest.with_result(latest.result.model_copy(update={"model": {"method": "pca"}})),
    )
    started = client.projections.transform("old", experiment="x", target="x", name="new")
    assert started.name.startswith("projects/p/operations/")
    world.experiment("other", dataset, np.eye(5), encoder="projects/p/encoders/e")
    with pytest.raises(FailedPreconditionError, match="encode the dataset") as caught:
        client.projections.transform("old", experiment="x", target="other", name="new")
    assert caught.value.reason == "PROJECTION_VECTORS_MISMATCH"
