"""Levels of a hierarchy by the services: listed, looked at, and kept as clusterings of their own."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from sklearn.metrics import adjusted_rand_score, silhouette_score

from lse.analysis.neighbours import build_neighbour_graph
from lse.client import Client
from lse.client.notebook import notebook
from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.platform.catalogue import ClusteringRecord
from lse.platform.catalogue.records.clustering import ClusteringSpec
from lse.services.clustering.jobs import GroupedImages, group_images
from world import Channel, World

CENTRES = np.random.default_rng(2).normal(size=(6, 5)) * 8
VECTORS = (CENTRES.repeat(15, axis=0) + np.random.default_rng(3).normal(size=(90, 5))).astype(np.float32)


@pytest.fixture
def clustered(world: World, client: Client) -> Client:
    """Client of an experiment with a clustering as its job leaves it, a cut of that, and one without a hierarchy."""
    dataset = world.dataset("d", [{"class": "a"}] * 90)
    experiment = world.experiment("x", dataset, VECTORS, graph=build_neighbour_graph(VECTORS))
    world.clustering("flat", experiment, labels=np.zeros(90, np.int32), memberships=np.ones(90, np.float32))
    artifacts, source = world.platform.artifacts, None
    how = {"method": "agglomerative", "parameters": {"n_clusters": 3, "metric": "euclidean"}}
    for name, cut in (("tree", {}), ("six", {"cut_from": f"{experiment.name}/clusterings/tree", "cut_level": 20.0})):
        spec = ClusteringSpec(**how, **cut)
        folder = artifacts.folder("clustering", name)
        images = GroupedImages(spec, experiment.result, dataset.result, folder, source=source)
        source = group_images(artifacts, images, Channel())
        record = ClusteringRecord(name=f"{experiment.name}/clusterings/{name}", spec=spec)
        world.platform.resources.create(record.with_result(source))
    return client


def test_levels_are_listed_looked_at_and_kept(clustered: Client) -> None:
    tree, six = (clustered.clusterings.get("x", name) for name in ("tree", "six"))
    assert (tree.level_kind, tree.cut_from, len(tree.clusters)) == ("distance", "", 3)
    levels = clustered.clusterings.levels("x", "tree")
    assert levels.column_names == ["level", "clusters", "noise"]
    assert levels["clusters"].to_pylist() == list(range(1, 91))
    looked = clustered.clusterings.assignments("x", "tree", level=20)
    rows = np.arange(90) // 15
    assert adjusted_rand_score(rows, looked["cluster"].to_numpy()) == 1
    assert clustered.clusterings.assignments("x", "tree", rows=[3, 80], columns=["cluster"], level=20).equals(
        looked.select(["row", "cluster"]).take([3, 80])
    )
    assert clustered.clusterings.assignments("x", "six").equals(looked)

    assert (six.level_kind, six.cut_from, six.cut_level) == ("", tree.name, 20.0)
    assert [one.images for one in six.clusters] == [15] * 6
    assert six.used_parameters["n_clusters"] == 6
    assert six.figures["silhouette"] == pytest.approx(silhouette_score(VECTORS, rows), abs=1e-5)
    assert "A level of the hierarchy of 'tree': distance 20." in six.notes
    code = "".join("".join(cell["source"]) for cell in json.loads(notebook(clustered, "x"))["cells"])
    assert re.search(r"clusterings\.cut\(\s*'six',\s*experiment='x',\s*source='tree',\s*level=20\.0", code)


def test_a_cut_says_what_it_is_before_it_is_made(clustered: Client, world: World) -> None:
    operation = clustered.clusterings.cut("made", experiment="x", source="tree", n_clusters=6)
    made = world.platform.resources.get(operation.target, ClusteringRecord)
    level = float(clustered.clusterings.levels("x", "tree")["level"][5].as_py())
    assert (made.spec.method, made.spec.cut_level) == ("agglomerative", level)
    assert made.spec.cut_from.endswith("/tree")


def test_what_cannot_be_cut_is_refused(clustered: Client) -> None:
    cut = clustered.clusterings.cut
    for source, sentence in (("flat", "run hdbscan"), ("six", "cut 'tree', of which it is a level")):
        with pytest.raises(FailedPreconditionError, match=sentence) as missing:
            cut("made", experiment="x", source=source, level=1)
        assert missing.value.reason == "HIERARCHY_MISSING"
    with pytest.raises(InvalidArgumentError, match="the nearest have 89 and 90"):
        cut("made", experiment="x", source="tree", n_clusters=400)
    with pytest.raises(InvalidArgumentError, match="give one of them"):
        cut("made", experiment="x", source="tree")
    with pytest.raises(InvalidArgumentError, match="finer than what was kept"):
        clustered.clusterings.assignments("x", "tree", level=-1)
