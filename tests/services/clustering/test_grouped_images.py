"""Groups are scored and summarised by the distance that they were made by."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import silhouette_score

from lse.analysis.neighbours import build_neighbour_graph
from lse.platform.catalogue.records.clustering import ClusteringSpec
from lse.services.clustering.jobs import GroupedImages, group_images
from world import Channel, World


@pytest.mark.parametrize("metric", ["euclidean", "cosine"])
def test_scores_are_by_the_distance_of_the_clustering(world: World, metric: str) -> None:
    vectors = np.random.default_rng(0).normal(size=(60, 4)).astype(np.float32) + 1
    dataset = world.dataset("d", [{"class": "a"}] * 60)
    experiment = world.experiment("x", dataset, vectors, graph=build_neighbour_graph(vectors))
    spec = ClusteringSpec(method="kmeans", parameters={"n_clusters": 3, "metric": metric})
    folder = world.platform.artifacts.folder("clustering", "c")
    images = GroupedImages(spec, experiment.result, dataset.result, folder)
    result = group_images(world.platform.artifacts, images, Channel())
    labels = world.platform.artifacts.read_array(result.labels_uri)
    assert result.figures["silhouette"] == pytest.approx(silhouette_score(vectors, labels, metric=metric), abs=1e-5)
    assert any(f"by the {metric} distance" in note for note in result.notes)
