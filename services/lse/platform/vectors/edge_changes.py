"""Changes of points as Qdrant's messages ask for them, made into operations of Qdrant Edge."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import qdrant_edge as edge
from qdrant_client import grpc as messages

from lse.platform.errors import InvalidArgumentError, NotFoundError, UnimplementedError
from lse.platform.vectors import edge_messages as convert
from lse.platform.vectors.edge_collection import EdgeCollection
from lse.platform.vectors.values import from_payload

__all__ = [
    "Changes",
    "apply",
    "batched",
    "clear_payload",
    "delete",
    "delete_payload",
    "overwrite_payload",
    "set_payload",
    "upsert",
]

# Points written by one call of the engine: about 2 ms in which no other request is answered.
_WRITE_SLICE = 256

Change = Callable[[], edge.UpdateOperation]


class Changes:
    """Changes of one request: what makes them, vectors that they write, points that must be there before."""

    def __init__(self, operations: Sequence[Change], *, written: int = 0, needed: Sequence[Any] = ()) -> None:
        self.operations = operations
        self.written = written
        self.needed = needed


async def apply(collection: EdgeCollection, changes: Changes) -> None:
    """Make the changes in a collection, or none of them when a point that they need is missing."""

    def all_there(shard: edge.EdgeShard) -> None:
        # Asked before, so that a change with one unknown point among many changes nothing.
        if len(shard.retrieve(list(changes.needed), False, False)) < len(set(changes.needed)):
            present = {record.id for record in shard.retrieve(list(changes.needed), False, False)}
            missing = next(point for point in changes.needed if point not in present)
            raise NotFoundError(f"Not found: No point with id {missing} found", reason="POINT_NOT_FOUND")

    check = all_there if changes.needed else None
    await collection.change(changes.operations, written=changes.written, check=check)


def upsert(collection: EdgeCollection, points: Sequence[messages.PointStruct]) -> Changes:
    """Write points, replacing those that are there."""
    dimension = collection.settings.dimension

    def write(start: int) -> edge.UpdateOperation:
        return edge.UpdateOperation.upsert_points(ready[start : start + _WRITE_SLICE])

    # All are converted, and so checked, before the first is written.
    ready = [convert.from_point(point, dimension) for point in points]
    slices = [functools.partial(write, start) for start in range(0, len(ready), _WRITE_SLICE)]
    return Changes(slices, written=len(ready))


def _selected(
    selector: messages.PointsSelector,
    by_ids: Callable[[list[Any]], edge.UpdateOperation],
    by_filter: Callable[[edge.Filter], edge.UpdateOperation],
    *,
    must_exist: bool = True,
) -> Changes:
    """Change of the points that a selector names, by ids in slices or by a filter."""
    kind = selector.WhichOneof("points_selector_one_of")
    if kind == "filter":
        return Changes([functools.partial(by_filter, convert.from_filter(selector.filter))])
    if kind != "points":
        raise InvalidArgumentError("Wrong input: no points are selected.", reason="SELECTOR_MISSING")
    ids = convert.from_point_ids(selector.points.ids)
    slices = [ids[start : start + 8 * _WRITE_SLICE] for start in range(0, len(ids), 8 * _WRITE_SLICE)]
    return Changes([functools.partial(by_ids, chosen) for chosen in slices], needed=ids if must_exist else ())


def delete(selector: messages.PointsSelector) -> Changes:
    """Delete points; those that are not there are passed over."""
    operation = edge.UpdateOperation
    return _selected(selector, operation.delete_points, operation.delete_points_by_filter, must_exist=False)


def set_payload(request: Any) -> Changes:
    """Set some payload keys of points."""
    convert.refuse(request, "shard_key_selector")
    payload, key = from_payload(request.payload), request.key if request.HasField("key") else None
    return _selected(
        request.points_selector,
        lambda ids: edge.UpdateOperation.set_payload(ids, payload, key),
        lambda condition: edge.UpdateOperation.set_payload_by_filter(condition, payload, key),
    )


def overwrite_payload(request: Any) -> Changes:
    """Replace the whole payload of points."""
    convert.refuse(request, "shard_key_selector", "key")
    payload = from_payload(request.payload)
    return _selected(
        request.points_selector,
        lambda ids: edge.UpdateOperation.overwrite_payload(ids, payload),
        lambda condition: edge.UpdateOperation.overwrite_payload_by_filter(condition, payload),
    )


def delete_payload(request: Any) -> Changes:
    """Remove payload keys of points."""
    convert.refuse(request, "shard_key_selector")
    keys = list(request.keys)
    return _selected(
        request.points_selector,
        lambda ids: edge.UpdateOperation.delete_payload(ids, keys),
        lambda condition: edge.UpdateOperation.delete_payload_by_filter(condition, keys),
    )


def clear_payload(selector: messages.PointsSelector) -> Changes:
    """Remove the whole payload of points."""
    return _selected(selector, edge.UpdateOperation.clear_payload, edge.UpdateOperation.clear_payload_by_filter)


def batched(collection: EdgeCollection, operation: messages.PointsUpdateOperation) -> Changes:
    """Change of one member of an UpdateBatch."""
    kind = operation.WhichOneof("operation") or "nothing"
    request = getattr(operation, kind, None)
    match kind:
        case "upsert":
            convert.refuse(operation.upsert, "shard_key_selector", "update_filter", "update_mode")
            return upsert(collection, operation.upsert.points)
        case "delete_points":
            convert.refuse(operation.delete_points, "shard_key_selector")
            return delete(operation.delete_points.points)
        case "set_payload":
            return set_payload(request)
        case "overwrite_payload":
            return overwrite_payload(request)
        case "delete_payload":
            return delete_payload(request)
        case "clear_payload":
            convert.refuse(operation.clear_payload, "shard_key_selector")
            return clear_payload(operation.clear_payload.points)
    raise UnimplementedError(f"The embedded vector server does not support `{kind}` in qdrant.Points/UpdateBatch.")
