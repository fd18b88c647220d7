"""Clusterers: groups of points found by k-means, Gaussian mixture, DBSCAN, HDBSCAN or agglomeration.

    clustering = cluster(points, method="hdbscan", parameters={"min_cluster_size": 30, "seed": 1})
    clustering.labels, clustering.memberships, clustering.report

Every method is one module with its parameters and its function; `cluster` is the one door to all of them, and
`CLUSTERERS` lists them.  What is not given is chosen from the data alone, and the report says what was chosen.
"""

from __future__ import annotations

from lse.analysis.clusterers.clustering import CLUSTERERS, cluster
from lse.analysis.clusterers.clusterings import (
    Clustering,
    ClusteringFacts,
    ClusteringParameters,
    ClusteringTask,
    Grouping,
)

__all__ = [
    "CLUSTERERS",
    "Clustering",
    "ClusteringFacts",
    "ClusteringParameters",
    "ClusteringTask",
    "Grouping",
    "cluster",
]
