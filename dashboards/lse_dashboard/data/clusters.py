"""What people call the clusters of a clustering, and which cluster each point belongs to."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from lse.client import Client
from lse.client.resources import Cluster, Clustering
from lse_dashboard import wording
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Groups
from lse_dashboard.data.images import positions

__all__ = ["clusters_called", "grouped", "level_groups", "level_title"]


def clusters_called(clustering: Clustering, label: str) -> tuple[Cluster, ...]:
    """Clusters that people call by a label, largest first; several where they have the same title."""
    return tuple(one for one in clustering.clusters if clustering.label(one.cluster) == label)


def grouped(clustering: Clustering, numbers: npt.NDArray[np.int32]) -> Groups:
    """Groups of points by what people call their clusters, largest cluster first; noise comes last.

    Parameters
    ----------
    clustering
        Whose clusters.
    numbers
        Cluster of each point, negative for noise, shape (n,).
    """
    noise = wording.Legend.NOISE
    titles = [clustering.label(number) for number in range(int(numbers.max(initial=-1)) + 1)]
    labels = list(dict.fromkeys(titles))
    faint = frozenset[int]()
    if (numbers < 0).any() and noise not in labels:
        labels.append(noise)
        faint = frozenset({len(labels) - 1})
    # The last place is that of noise, which the number -1 takes.
    places = [labels.index(title) for title in titles] + [labels.index(noise) if noise in labels else 0]
    return Groups(clustering.id, np.array(places, dtype=np.int32)[np.maximum(numbers, -1)], tuple(labels), faint)


def level_title(clustering: Clustering) -> str:
    """What the groups of a level of its hierarchy are called together."""
    return wording.Levels.TITLE.format(name=clustering.id)


def level_groups(client: Client, experiment: str, clustering: Clustering, level: float, cloud: Cloud) -> Groups:
    """Groups of the points of a cloud at a level of a clustering's hierarchy, largest first."""
    table = client.clusterings.assignments(experiment, clustering.id, columns=["cluster"], level=level)
    # Names are those of the clusters of the clustering itself.
    found = grouped(replace(clustering, cluster_titles={}), table["cluster"].to_numpy())
    at = positions(table["row"].to_numpy(), cloud.rows)
    return replace(found.at(at, none=wording.Legend.NOISE), title=level_title(clustering))
