"""Clusterings and how they compare."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from latentspace.clustering.v1 import clustering_pb2 as pb
from lse.client.resources.fields import MadeResource, Parametrised, Received

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cluster", "Clustering", "Comparison"]


@dataclass(frozen=True, kw_only=True)
class Cluster(Received, message=pb.Cluster, images="image_count"):
    """One group.

    Attributes
    ----------
    cluster
        Number, from 0, by size.
    images
        Images in it.
    medoid_row
        Row of the image nearest to its centre.
    mean_distance
        Mean distance of its images to its centre.
    nearest_cluster
        Number of the cluster whose centre is nearest, -1 where there is no other.
    traits
        What stands out among the metadata of its images, one sentence each.
    stability
        Mean Jaccard similarity with its like in repetitions, 0 to 1; None where ``stability_runs`` was 0.
    """

    cluster: int
    images: int
    medoid_row: int
    mean_distance: float
    nearest_cluster: int
    traits: tuple[str, ...]
    stability: float | None = None


@dataclass(frozen=True, kw_only=True)
class Clustering(Parametrised, MadeResource, message=pb.Clustering, noise="noise_count"):
    """Groups of the images of an experiment.

    Attributes
    ----------
    method
        Clustering method.
    parameters
        All parameters, resolved; None is chosen from the data.
    used_parameters
        Parameters as they were used: those chosen from the data have their values.
    projection
        Projection whose coordinates were clustered, by its resource name; empty for latent space.
    clusters
        Clusters, largest first; noise is none of them.
    noise
        Images in no cluster.
    figures
        Scores: ``silhouette``, and ``adjusted_rand`` against the class where there is one.
    cluster_titles
        What experts call clusters, by number; clusters with the same title are one group to people.
    level_kind
        What the levels of its hierarchy are, which fall from coarse to fine: ``distance`` up to which images are
        joined, ``size`` of the smallest cluster, or ``layer``; empty where there is no hierarchy.
    cut_from, cut_level
        Clustering of whose hierarchy it is a level, by its resource name, and the level; empty for one that was run.
    """

    method: str
    parameters: dict[str, object]
    used_parameters: dict[str, object]
    projection: str
    clusters: tuple[Cluster, ...]
    noise: int
    figures: dict[str, float]
    cluster_titles: dict[int, str]
    level_kind: str
    cut_from: str
    cut_level: float

    def label(self, cluster: int) -> str:
        """What people call a cluster: its title, else its number, and ``noise``."""
        return "noise" if cluster < 0 else self.cluster_titles.get(cluster, str(cluster))


@dataclass(frozen=True, kw_only=True)
class Comparison(Received, message=pb.CompareClusteringsResponse):
    """How two groupings of the same images agree.

    Attributes
    ----------
    adjusted_rand
        Adjusted Rand index: 1 is the same partition, 0 what chance gives.
    normalised_mutual_information
        0 to 1.
    row_labels, column_labels
        Groups of the first and of the second.
    counts
        Images in each pair of groups, row by row.
    """

    adjusted_rand: float
    normalised_mutual_information: float
    row_labels: tuple[str, ...]
    column_labels: tuple[str, ...]
    counts: tuple[int, ...]

    @property
    def table(self) -> pd.DataFrame:
        """Contingency table: groups of the first as index, of the second as columns."""
        import pandas as pd

        width = len(self.column_labels)
        rows = [self.counts[start : start + width] for start in range(0, len(self.row_labels) * width, width)]
        return pd.DataFrame(rows, index=list(self.row_labels), columns=list(self.column_labels))
