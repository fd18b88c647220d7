"""Clusterers: groups of points found by k-means, Gaussian mixture, DBSCAN, HDBSCAN or agglomeration.

    clustering = cluster(points, method="hdbscan", parameters={"min_cluster_size": 30}, seed=1)
    clustering.labels, clustering.memberships, clustering.report

Every method is one module with its parameters and its function; `cluster` is the one door to all of them.  What is not
given is chosen from the data alone, and the report tells what was chosen.
"""

from __future__ import annotations

from lse.clustering.clusterers.cluster import cluster, list_methods, read_parameters
from lse.clustering.clusterers.clusterings import Clustering

__all__ = ["Clustering", "cluster", "list_methods", "read_parameters"]
