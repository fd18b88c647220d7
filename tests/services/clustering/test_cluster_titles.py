"""What experts call clusters: kept with the clustering, refused where it was changed meanwhile, exported."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from lse.client import Client
from lse.errors import AbortedError, InvalidArgumentError, NotFoundError
from lse.platform.catalogue import ClusteringRecord
from lse.platform.catalogue.records.record import Stored
from world import World

LABELS = np.array([0, 0, 0, 1, 1, 2, -1], dtype=np.int32)


@pytest.fixture
def clustered(world: World, client: Client) -> Client:
    dataset = world.dataset("d", [{"class": "a"}] * len(LABELS))
    experiment = world.experiment("x", dataset, np.eye(len(LABELS)))
    world.clustering("groups", experiment, labels=LABELS, memberships=np.ones(len(LABELS), np.float32))
    return client


def test_titles_replace_earlier_ones_and_reach_exports(clustered: Client, tmp_path: Path) -> None:
    first = clustered.clusterings.update("x", "groups", cluster_titles={0: "spirals", 1: "mergers"})
    assert first.cluster_titles == {0: "spirals", 1: "mergers"}
    second = clustered.clusterings.update("x", "groups", title="By eye", cluster_titles={0: "discs", 2: "discs"})
    assert second.title == "By eye"
    (listed,) = clustered.clusterings.list("x")
    assert listed.cluster_titles == {0: "discs", 2: "discs"}
    assert [listed.label(cluster) for cluster in (0, 1, 2, -1)] == ["discs", "1", "discs", "noise"]
    # What is not given stays; an empty mapping takes all titles away.
    assert clustered.clusterings.update("x", "groups", description="d").cluster_titles == listed.cluster_titles
    table = pq.read_table(clustered.export("x", tmp_path / "x.parquet"))
    assert table["cluster_title.groups"].to_pylist() == ["discs", "discs", "discs", "1", "1", "discs", None]
    assert table["cluster.groups"].to_pylist() == LABELS.tolist()
    assert clustered.clusterings.update("x", "groups", cluster_titles={}).cluster_titles == {}
    assert "cluster_title.groups" not in pq.read_schema(clustered.export("x", tmp_path / "y.parquet")).names


def test_titles_are_refused_for_what_is_not_there_and_after_a_change(clustered: Client) -> None:
    before = clustered.clusterings.get("x", "groups")
    clustered.clusterings.update("x", "groups", cluster_titles={1: "one"}, etag=before.etag)
    with pytest.raises(AbortedError, match="changed in the meantime"):
        clustered.clusterings.update("x", "groups", cluster_titles={1: "two"}, etag=before.etag)
    with pytest.raises(NotFoundError, match="no cluster 3: its clusters are 0 to 2") as missing:
        clustered.clusterings.update("x", "groups", cluster_titles={3: "three"})
    assert missing.value.reason == "CLUSTER_NOT_FOUND"
    for title in ("  ", "x" * 201):
        with pytest.raises(InvalidArgumentError) as blank:
            clustered.clusterings.update("x", "groups", cluster_titles={1: title})
        assert blank.value.reason == "CLUSTER_TITLE_INVALID"
    assert clustered.clusterings.get("x", "groups").cluster_titles == {1: "one"}


def test_records_without_titles_are_read_as_they_are() -> None:
    spec = {"method": "some", "parameters": {"seed": 7}, "projection": ""}
    stored = Stored("n", "", 0.0, version=1, spec=spec, result={"notes": []}, parameters={})
    assert ClusteringRecord.upgrade(stored) == (spec, {"notes": []})
