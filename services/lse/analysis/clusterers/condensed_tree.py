"""Clusters of HDBSCAN from a spanning tree (Campello, Moulavi and Sander 2013).

Edges that are equally long join what they connect at once, so that clusters do not depend on which of several
spanning trees is given, nor on the order of points.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.clusterers.spanning_tree import SpanningTree

__all__ = ["CondensedTree", "condense", "select_clusters"]


class CondensedTree(NamedTuple):
    """Clusters of at least some size, as the density that is asked for rises: 0 holds all points, parents come first.

    Attributes
    ----------
    parents
        Cluster out of which each came, shape (c,), int64; -1 for the first.
    births
        Density, 1 / distance, at which each appears, shape (c,), float64.
    stabilities
        Excess of mass of each, shape (c,), float64; infinite for one that ends in equal points.
    homes
        Last cluster that held each point, shape (n,), int64.
    departures
        Density at which the point left it, shape (n,), float64; infinite for equal points.
    """

    parents: NDArray[np.int64]
    births: NDArray[np.float64]
    stabilities: NDArray[np.float64]
    homes: NDArray[np.int64]
    departures: NDArray[np.float64]


def condense(tree: SpanningTree, *, min_cluster_size: int) -> CondensedTree:
    """Condense a spanning tree of at least two points."""
    above, sizes = _link(tree.ends)
    return CondensedTree(*_condense(above, sizes, tree.lengths, min_cluster_size))


def select_clusters(
    condensed: CondensedTree, *, method: Literal["eom", "leaf"], allow_single_cluster: bool
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Flat clusters.

    Parameters
    ----------
    condensed
        The condensed tree.
    method
        The most persistent clusters (``eom``), or those out of which none comes (``leaf``).
    allow_single_cluster
        Whether all points may be one cluster: those that never leave it.

    Returns
    -------
    labels, strengths
        Shapes (n,): -1 for noise; and the density at which a point leaves its cluster over that of the last to leave,
        1 for the densest.
    """
    parents, births, stabilities, homes, departures = condensed
    selected = np.ones(len(parents), bool)
    selected[parents[1:]] = False
    if method == "eom":
        best = np.where(selected, stabilities, 0.0)
        for cluster in range(len(parents) - 1, -1, -1):
            if stabilities[cluster] >= best[cluster]:
                selected[cluster], best[cluster] = True, stabilities[cluster]
            if cluster:
                best[parents[cluster]] += best[cluster]
    selected[0] &= allow_single_cluster
    # The topmost that was selected, of each cluster.
    within = np.full(len(parents), -1)
    for cluster, parent in enumerate(parents.tolist()):
        within[cluster] = within[parent] if cluster and within[parent] >= 0 else cluster if selected[cluster] else -1
    ends = np.zeros(len(parents))
    np.maximum.at(ends, homes, departures)
    np.maximum.at(ends, parents[1:], births[1:])
    labels = within[homes]
    if within[0] == 0:
        labels = np.where(departures >= ends[0], labels, -1)
    last = ends[labels]
    with np.errstate(invalid="ignore", divide="ignore"):
        strengths = np.where(np.isfinite(departures), np.minimum(departures, last) / last, 1.0)
    return labels, np.where(labels >= 0, strengths, 0.0)


@numba.njit(cache=True, nogil=True)
def _link(ends: Any) -> Any:
    """Binary tree of single linkage: the node above each, and the number of points below it."""
    rows = len(ends) + 1
    above = np.full(2 * rows - 1, -1, np.int64)
    sizes = np.ones(2 * rows - 1, np.int64)
    tops = np.arange(2 * rows - 1)
    for edge in range(len(ends)):
        made = rows + edge
        sizes[made] = 0
        for side in range(2):
            top = np.int64(ends[edge, side])
            while tops[top] != top:
                tops[top] = tops[tops[top]]
                top = tops[top]
            tops[top] = made
            above[top] = made
            sizes[made] += sizes[top]
    return above, sizes


@numba.njit(cache=True, nogil=True)
def _condense(above: Any, sizes: Any, lengths: Any, least: int) -> Any:
    rows = len(lengths) + 1
    nodes = len(above)
    # Nodes of equal length under each other are one.
    joint = np.arange(nodes)
    for node in range(nodes - 2, rows - 1, -1):
        if lengths[node - rows] == lengths[above[node] - rows]:
            joint[node] = joint[above[node]]
    large = np.zeros(nodes, np.int64)
    held = np.zeros(nodes, np.int64)
    for node in range(rows, nodes - 1):
        if joint[node] == node and sizes[node] >= least:
            large[joint[above[node]]] += 1
            held[joint[above[node]]] += sizes[node]
    cluster = np.zeros(nodes, np.int64)
    parents, births, stabilities = [np.int64(-1)], [0.0], [0.0]
    # The node at which what is below leaves its cluster, for nodes that are too small.
    left_at = np.full(nodes, nodes - 1)
    homes, departures = np.empty(rows, np.int64), np.empty(rows)
    for node in range(nodes - 1, rows - 1, -1):
        if joint[node] != node:
            continue
        density = 1 / lengths[node - rows] if lengths[node - rows] > 0 else np.inf
        if node < nodes - 1:
            parent = joint[above[node]]
            if sizes[node] < least:
                left_at[node] = parent if sizes[parent] >= least else left_at[parent]
                continue
            cluster[node] = cluster[parent]
            if large[parent] > 1:
                births.append(1 / lengths[parent - rows])
                parents.append(cluster[parent])
                stabilities.append(0.0)
                cluster[node] = len(parents) - 1
        own = cluster[node]
        # Added point by point, so that the sum does not depend on the order of points.
        leaving = sizes[node] - (held[node] if large[node] > 0 else 0)
        for _ in range(leaving):
            stabilities[own] += density - births[own]
        if large[node] > 1:
            stabilities[own] += held[node] * (density - births[own])
    for point in range(rows):
        parent = joint[above[point]]
        node = parent if sizes[parent] >= least else left_at[parent]
        homes[point] = cluster[node]
        departures[point] = 1 / lengths[node - rows] if lengths[node - rows] > 0 else np.inf
    return np.array(parents), np.array(births), np.array(stabilities), homes, departures
