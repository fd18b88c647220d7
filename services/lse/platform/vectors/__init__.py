"""Vectors of experiments: `VectorStore` speaks to Qdrant over gRPC, on a cluster and embedded alike.

The embedded server is `lse.platform.vectors.edge_server`.
"""

from __future__ import annotations

from lse.platform.vectors.placement import Placement
from lse.platform.vectors.points import CollectionInfo, Hit, StoredPoints, VectorFilter
from lse.platform.vectors.store import VectorStore

__all__ = ["CollectionInfo", "Hit", "Placement", "StoredPoints", "VectorFilter", "VectorStore"]
