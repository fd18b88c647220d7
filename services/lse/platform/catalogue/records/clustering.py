"""Clusterings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lse import names
from lse.platform.catalogue.records.record import (
    Facts,
    Figures,
    MethodResult,
    MethodSpec,
    Record,
    Stored,
    renamed,
    with_method,
)

__all__ = ["Cluster", "ClusteringRecord", "ClusteringResult", "ClusteringSpec"]


class ClusteringSpec(MethodSpec):
    """What a clustering is to be made by, and what people say about it.

    Attributes
    ----------
    projection
        Name of the projection whose coordinates are clustered; empty for the vectors.
    cut_from, cut_level
        Name of the clustering of whose hierarchy it is a level, and the level; empty where it is run.
    cluster_titles
        What experts call clusters, by number; clusters with the same title are one group to people.
    """

    projection: str = ""
    cut_from: str = ""
    cut_level: float = 0.0
    cluster_titles: Mapping[int, str] = Field(default_factory=dict)


class Cluster(Facts):
    """One cluster.

    Attributes
    ----------
    cluster
        Its label, from 0.
    image_count
        Images in it.
    medoid_row
        Row of its most central image.
    mean_distance
        Mean distance between its images and its centre.
    nearest_cluster
        Label of the nearest other cluster; -1 where there is none.
    traits
        Sentences on how its metadata differ from those of all images.
    stability
        Mean Jaccard similarity with its like in repetitions; None where these were not asked for.
    """

    cluster: int
    image_count: int
    medoid_row: int
    mean_distance: float
    nearest_cluster: int
    traits: tuple[str, ...] = ()
    stability: float | None = None


class ClusteringResult(MethodResult):
    """What came out of a clustering.

    Attributes
    ----------
    labels_uri, memberships_uri
        Zarr arrays (n,) of the cluster of each image, int32 with -1 for noise, and how well it belongs there, float32.
    stabilities_uri
        Zarr array (n,) of the stability of each image, float32; empty where it was not asked for.
    hierarchy_uri, level_kind, finest_level
        Folder of the arrays of its hierarchy, what a level is, and the least that was kept; empty without a hierarchy.
    image_count, noise_count
        All images, and those in no cluster.
    clusters, figures, notes
        The clusters, scores, and sentences for a person.
    """

    labels_uri: str
    memberships_uri: str
    image_count: int
    noise_count: int
    clusters: tuple[Cluster, ...]
    figures: Figures = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    stabilities_uri: str = ""
    hierarchy_uri: str = ""
    level_kind: str = ""
    finest_level: float = 0.0


class ClusteringRecord(Record[ClusteringSpec, ClusteringResult]):
    """Groups among the images of an experiment."""

    pattern: ClassVar = names.CLUSTERING
    record_version: ClassVar[int] = 4

    @classmethod
    def upgrade(cls, stored: Stored) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Spec and result of the current version, as JSON, of a record of an earlier version."""
        if stored.version in (1, 2, 3):  # titles of clusters came, then stabilities, then hierarchies
            return stored.spec, stored.result
        spec = with_method(stored.spec)
        spec["method"] = spec["method"].replace("_", "-")
        result = renamed(stored.result, images="image_count", noise="noise_count")
        if result:
            result["clusters"] = [renamed(each, images="image_count") for each in result["clusters"]]
        return spec, result
