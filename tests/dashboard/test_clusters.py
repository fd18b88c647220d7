"""Groups of points by what people call their clusters."""

from __future__ import annotations

import numpy as np
import pytest

from latentspace.clustering.v1 import clustering_pb2 as pb
from lse.client.resources import Clustering
from lse_dashboard.data.clusters import clusters_called, grouped


def clustering(**titles: str) -> Clustering:
    clusters = [pb.Cluster(cluster=number, image_count=10 - number) for number in range(4)]
    named = [pb.ClusterTitle(key=int(number.removeprefix("c")), title=title) for number, title in titles.items()]
    name = "projects/p/experiments/x/clusterings/groups"
    return Clustering.from_pb(pb.Clustering(name=name, clusters=clusters, cluster_titles=named))


NUMBERS = np.array([3, 0, -1, 1, 2, 0], dtype=np.int32)


def test_clusters_with_the_same_title_are_one_group() -> None:
    made = clustering(c1="discs", c3="discs")
    found = grouped(made, NUMBERS)
    assert found.labels == ("0", "discs", "2", "noise")
    assert [found.labels[code] for code in found.codes] == ["discs", "0", "noise", "discs", "2", "0"]
    assert found.faint == {3}
    assert [one.cluster for one in clusters_called(made, "discs")] == [1, 3]
    assert clusters_called(made, "noise") == ()


@pytest.mark.parametrize("numbers", [NUMBERS[NUMBERS >= 0], NUMBERS[NUMBERS < 0], NUMBERS[:0]])
def test_groups_of_some_points_or_none(numbers: np.ndarray) -> None:
    found = grouped(clustering(), numbers)
    wanted = ["noise" if number < 0 else str(number) for number in numbers]
    assert [found.labels[code] for code in found.codes] == wanted
    assert bool(found.faint) == bool((numbers < 0).any())
