"""What `VectorStore` sends: its arguments checked, and cut into messages that any server takes."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from qdrant_client import QdrantClient, models
from qdrant_client import grpc as messages
from qdrant_client.conversions.conversion import RestToGrpc

from lse.errors import InvalidArgumentError
from lse.platform.vectors.points import Hit, VectorFilter
from lse.platform.vectors.values import from_payload, from_value, to_payload, to_value

__all__ = [
    "SLICE_POINTS",
    "answers_ahead",
    "drop_payload",
    "hits_of",
    "payload_updates",
    "point_batches",
    "point_ids",
    "query_message",
    "vector_rows",
]

#: Points named in one message.
SLICE_POINTS = 4096
_MESSAGE_BYTES = 4 * 2**20
_MESSAGE_POINTS = 2048
_CALLS_AHEAD = 3


def point_ids(ids: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Ids as int64, shape (n,), or InvalidArgumentError."""
    numbers = np.asarray(ids)
    if numbers.ndim != 1 or (numbers.size and numbers.dtype.kind not in "iu") or (numbers.size and numbers.min() < 0):
        raise InvalidArgumentError("Ids must be non-negative integers in one dimension.", reason="VECTOR_IDS_INVALID")
    return numbers.astype(np.int64)


def vector_rows(vectors: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Finite vectors as float32, shape (n, D), or InvalidArgumentError."""
    rows = np.asarray(vectors, dtype=np.float32)
    if rows.ndim != 2:
        raise InvalidArgumentError(
            f"Vectors must have the shape (n, dimension), not {rows.shape}.", reason="SHAPE_INVALID"
        )
    if not np.isfinite(rows).all():
        bad = int(np.flatnonzero(~np.isfinite(rows).all(axis=1))[0])
        raise InvalidArgumentError(f"Vector {bad} holds NaN or infinity.", reason="VECTORS_NOT_FINITE", row=bad)
    return rows


def point_batches(
    ids: npt.NDArray[np.int64],
    vectors: npt.NDArray[np.float32],
    payloads: Sequence[Mapping[str, object]] | None,
) -> Iterator[list[messages.PointStruct]]:
    """Points in lists that stay below the message limits of any server."""
    batch: list[messages.PointStruct] = []
    size = 0
    for row, number in enumerate(ids.tolist()):
        point = messages.PointStruct(
            id=messages.PointId(num=number),
            vectors=messages.Vectors(vector=messages.Vector(dense=messages.DenseVector(data=vectors[row].tolist()))),
            payload=to_payload(payloads[row]) if payloads is not None else None,
        )
        batch.append(point)
        size += point.ByteSize()
        if size >= _MESSAGE_BYTES or len(batch) == _MESSAGE_POINTS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def payload_updates(
    ids: npt.NDArray[np.int64], key: str, values: Sequence[object] | npt.NDArray[Any]
) -> Iterator[list[models.SetPayloadOperation]]:
    """Changes that set one payload key, grouped by value, in lists of some thousand points."""
    groups: dict[bytes, tuple[Any, list[int]]] = {}
    for number, value in zip(ids.tolist(), values, strict=True):
        message = to_value(value)
        group = groups.setdefault(message.SerializeToString(deterministic=True), (from_value(message), []))
        group[1].append(number)
    operations: list[models.SetPayloadOperation] = []
    held = 0
    for value, numbers in groups.values():
        for start in range(0, len(numbers), SLICE_POINTS):
            chosen: list[Any] = numbers[start : start + SLICE_POINTS]
            change = models.SetPayload(payload={key: value}, points=chosen)
            operations.append(models.SetPayloadOperation(set_payload=change))
            held += len(chosen)
            if held >= SLICE_POINTS:
                yield operations
                operations, held = [], 0
    if operations:
        yield operations


def drop_payload(client: QdrantClient, name: str, path: str) -> None:
    """Remove a payload key and its index, so that other requests are answered in between."""
    points = client.get_collection(name).points_count or 0
    client.delete_payload_index(name, path, wait=True)
    for start in range(0, points, SLICE_POINTS):
        client.delete_payload(name, [path], list(range(start, min(start + SLICE_POINTS, points))), wait=True)


def query_message(
    name: str,
    query: npt.ArrayLike | int,
    k: int,
    where: VectorFilter | None,
    *,
    exact: bool,
    payload: bool | Sequence[str],
) -> messages.QueryPoints:
    """Message of a query, or InvalidArgumentError.

    It is made here, not by `QdrantClient`, whose models of every query and hit take longer than the search.
    """
    if k < 1:
        raise InvalidArgumentError(f"At least one neighbour must be asked for, not {k}.", reason="COUNT_INVALID")
    if isinstance(query, int | np.integer):
        wanted = messages.VectorInput(id=messages.PointId(num=int(query)))
    else:
        row = vector_rows(np.atleast_2d(query))[0].tolist()
        wanted = messages.VectorInput(dense=messages.DenseVector(data=row))
    keys = None if isinstance(payload, bool) else messages.PayloadIncludeSelector(fields=list(payload))
    return messages.QueryPoints(
        collection_name=name,
        query=messages.Query(nearest=wanted),
        limit=k,
        filter=None if where is None else RestToGrpc.convert_filter(where.to_model()),
        params=messages.SearchParams(exact=True) if exact else None,
        with_payload=messages.WithPayloadSelector(include=keys)
        if keys is not None
        else messages.WithPayloadSelector(enable=bool(payload)),
    )


def hits_of(points: Iterable[messages.ScoredPoint]) -> list[Hit]:
    """Points that a message has, as they are given to callers."""
    return [Hit(point.id.num, point.score, from_payload(point.payload)) for point in points]


def answers_ahead(calls: Iterator[Any]) -> Iterator[Any]:
    """Answers of calls in their order, each begun by asking for it, of which a few are under way at a time.

    So the server has the next call while the answer of the last one is read here.
    """
    under_way: deque[Any] = deque()
    try:
        for call in calls:
            under_way.append(call)
            if len(under_way) == _CALLS_AHEAD:
                yield under_way.popleft().result()
        while under_way:
            yield under_way.popleft().result()
    finally:
        for call in under_way:
            call.cancel()
