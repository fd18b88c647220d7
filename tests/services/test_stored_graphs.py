"""What reports say of an experiment's neighbour graph: exact only where it is, else the recall that was measured."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from lse.analysis.neighbours import NeighbourGraph, build_neighbour_graph
from lse.platform.catalogue.records.clustering import ClusteringSpec
from lse.platform.catalogue.records.projection import ProjectionRecord, ProjectionResult, ProjectionSpec
from lse.services.clustering.jobs import GroupedImages, group_images
from lse.services.encoding.batches import BuiltGraph, GraphUris, build_graph
from lse.services.projection.jobs import run_projection
from world import Channel, World

VECTORS = np.random.default_rng(0).normal(size=(300, 12)).astype(np.float32)
EXACT = build_neighbour_graph(VECTORS, k=30)
APPROXIMATE = build_neighbour_graph(VECTORS, k=30, exact_rows=10)


@pytest.mark.parametrize(
    ("graph", "words"),
    [
        (EXACT, "exact"),
        (replace(APPROXIMATE, recall=0.987), "approximate, with 98.7% of the true neighbours (measured on 300 images)"),
        (replace(APPROXIMATE, recall=1.0), "approximate, with 100.0% of the true neighbours (measured on 300 images)"),
        (replace(EXACT, recall=None), "of unknown recall"),
    ],
)
def test_reports_tell_how_good_the_graph_is(world: World, graph: NeighbourGraph, words: str) -> None:
    dataset = world.dataset("d", [{"class": "a"}] * 300)
    experiment = world.experiment("x", dataset, VECTORS, graph=graph)
    artifacts = world.platform.artifacts
    spec = ProjectionSpec(method="umap", parameters={"n_epochs": 11})
    published: list[ProjectionResult] = []
    context = SimpleNamespace(
        platform=world.platform,
        folder=artifacts.folder("projection", "p"),
        resource=ProjectionRecord(name=f"{experiment.name}/projections/p", spec=spec),
        run=lambda task, *arguments, **_: task(*arguments, Channel()),
        once=lambda make, **_: make(),
        publish=published.append,
    )
    run_projection(context)
    shared = published[0].report["neighbour_graph"]
    assert shared["source"] == "shared"
    assert (shared["exact"], shared["recall"], shared["recall_rows"]) == (
        graph.exact,
        graph.recall,
        graph.recall_rows,
    )
    assert any(note.startswith("Neighbour graph: ") and note.endswith(f"{words}.") for note in published[0].notes)
    grouping = ClusteringSpec(method="hdbscan", parameters={})
    images = GroupedImages(grouping, experiment.result, dataset.result, artifacts.folder("clustering", "c"))
    result = group_images(artifacts, images, Channel())
    assert any(note.endswith(f"neighbour graph, {words}.") for note in result.notes)


def test_the_graph_of_very_many_images_keeps_the_recall_that_was_measured(world: World) -> None:
    vectors = np.random.default_rng(1).normal(size=(40_001, 3)).astype(np.float32)
    artifacts = world.platform.artifacts
    artifacts.write_array("artifact:/v", vectors)
    uris = GraphUris("artifact:/v", "artifact:/n", "artifact:/o")
    built = build_graph(artifacts, uris, 4, Channel())
    assert (built.k, built.recall_rows) == (4, 1000)
    assert built.recall is not None
    assert 0.9 < built.recall <= 1
    artifacts.write_array("artifact:/v", vectors[:400])
    assert build_graph(artifacts, uris, 4, Channel()) == BuiltGraph(4, 1.0, 0)
