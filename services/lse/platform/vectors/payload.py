"""Payload keys that several services know."""

from __future__ import annotations

__all__ = ["cluster_key", "prediction_key"]


def cluster_key(clustering_id: str) -> str:
    """Key under which the vectors of an experiment carry their cluster of a clustering."""
    return f"cluster.{clustering_id}"


def prediction_key(prediction_id: str) -> str:
    """Key under which the vectors of an experiment carry their class by a prediction."""
    return f"prediction.{prediction_id}"
