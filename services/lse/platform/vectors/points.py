"""What is asked of a vector store and what comes back."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from qdrant_client import models

from lse.errors import InvalidArgumentError

__all__ = [
    "COLLECTION_NAME",
    "CollectionInfo",
    "Hit",
    "StoredPoints",
    "VectorFilter",
    "has_path",
    "key_of_path",
    "path_of_key",
]

#: What Qdrant allows as a collection's name.
COLLECTION_NAME = re.compile(r'[^<>:"/\\|?*\x00-\x1f]{1,255}')


_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
# Payloads pass through JSON on the server, which may cost a float its last digit.
_FLOAT_TOLERANCE = 1e-12


def path_of_key(key: str) -> str:
    """Path by which filters and indexes name a payload key, quoted where it has dots or other signs."""
    if _PLAIN_KEY.fullmatch(key):
        return key
    if not has_path(key):
        raise InvalidArgumentError(
            f"The payload key {key!r} cannot be filtered by; use one without quotes and backslashes.",
            reason="PAYLOAD_KEY_INVALID",
            key=key,
        )
    return f'"{key}"'


def has_path(key: str) -> bool:
    """Whether filters and indexes can name a payload key; Qdrant has no way to write a quote or a backslash in one."""
    return bool(key) and '"' not in key and "\\" not in key


def key_of_path(path: str) -> str:
    """Payload key of a path."""
    return path.strip('"')


@dataclass(frozen=True)
class Hit:
    """A point found.

    Attributes
    ----------
    id
        Its number.
    score
        Cosine similarity or dot product (larger is nearer), or euclidean distance (smaller is nearer).
    payload
        What was stored with it.
    """

    id: int
    score: float
    payload: Mapping[str, Any]


@dataclass(frozen=True)
class StoredPoints:
    """Points read.

    Attributes
    ----------
    ids
        Shape (n,), int64.
    vectors
        Shape (n, D), float32.
    payloads
        One mapping a point.
    """

    ids: npt.NDArray[np.int64]
    vectors: npt.NDArray[np.float32]
    payloads: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class CollectionInfo:
    """How a collection stands.

    Attributes
    ----------
    name, dimension, distance
        As it was created.
    points, indexed
        Number of points, and of those that the HNSW index holds.
    status
        ``green``: nothing to do; ``yellow``: an index is being built; ``grey``: one should be; ``red``: it failed.
    payload_indexes
        Type of each indexed payload key.
    error
        Why the last build failed, empty if it did not.
    layout
        Sentence on codes and memory; empty where all vectors lie in memory as they are.
    """

    name: str
    dimension: int
    distance: str
    points: int
    indexed: int
    status: str
    payload_indexes: Mapping[str, str]
    error: str = ""
    layout: str = ""


@dataclass(frozen=True)
class VectorFilter:
    """Which points may be found: all conditions together.

    Attributes
    ----------
    equals
        Payload keys with the value, or any of the values in a list, that a point must have; a float is matched to
        12 digits.
    not_equals
        Payload keys with the value or values that it must not have; a point without the key passes.
    exclude_ids
        Points left out.
    """

    equals: Mapping[str, object] = field(default_factory=dict)
    not_equals: Mapping[str, object] = field(default_factory=dict)
    exclude_ids: Sequence[int] | npt.NDArray[np.integer[Any]] = ()

    def to_model(self) -> models.Filter:
        """The filter as Qdrant's client takes it."""
        must_not: list[Any] = [_condition(key, value) for key, value in self.not_equals.items()]
        if len(self.exclude_ids):
            must_not.append(models.HasIdCondition(has_id=[int(number) for number in self.exclude_ids]))
        must: list[Any] = [_condition(key, value) for key, value in self.equals.items()]
        return models.Filter(must=must or None, must_not=must_not or None)


def _condition(key: str, value: object) -> models.FieldCondition:
    path = path_of_key(key)
    if isinstance(value, np.generic | np.ndarray):
        value = value.tolist()
    if isinstance(value, list | tuple | set | frozenset):
        values = list(value)
        if not values or not (all(isinstance(v, str) for v in values) or all(type(v) is int for v in values)):
            raise InvalidArgumentError(
                f"The values for {key} in a filter must be all text or all integers, and at least one.",
                reason="FILTER_INVALID",
                key=key,
            )
        return models.FieldCondition(key=path, match=models.MatchAny(any=values))
    if isinstance(value, float):
        margin = abs(value) * _FLOAT_TOLERANCE
        return models.FieldCondition(key=path, range=models.Range(gte=value - margin, lte=value + margin))
    if isinstance(value, str | int):
        return models.FieldCondition(key=path, match=models.MatchValue(value=value))
    raise InvalidArgumentError(
        f"A filter on {key} cannot compare with a {type(value).__name__}; give text, a number or a boolean.",
        reason="FILTER_INVALID",
        key=key,
    )
