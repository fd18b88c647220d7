"""The neighbour graph of an experiment, built by encoding (the search itself is `lse.platform.neighbours`)."""

from __future__ import annotations

from lse.platform.neighbours import NeighbourGraph, build_neighbour_graph, default_neighbours, find_neighbours

__all__ = ["NeighbourGraph", "build_neighbour_graph", "default_neighbours", "find_neighbours"]
