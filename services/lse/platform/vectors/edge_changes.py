"""Changes of points as Qdrant's messages ask for them, made into operations of Qdrant Edge."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import qdrant_edge as edge
from qdrant_client import grpc as messages

from lse.errors import InvalidArgumentError, NotFoundError, UnimplementedError
from lse.platform.vectors import edge_messages as convert
from lse.platform.vectors.edge_collection import EdgeCollection
from lse.platform.vectors.values import from_payload

__all__ = ["Changes", "apply", "batched", "delete", "drop_payload", "upsert"]

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
            raise NotFoundError(f"Not found: No point with id {missing} found")

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


def _selected(selector: messages.PointsSelector) -> tuple[list[Any], list[list[Any]]]:
    """Ids that a selector names, and the same in slices."""
    kind = selector.WhichOneof("points_selector_one_of")
    if kind is None:
        raise InvalidArgumentError("Wrong input: no points are selected.")
    convert.refuse(selector, "filter")
    ids = convert.from_point_ids(selector.points.ids)
    return ids, [ids[start : start + 8 * _WRITE_SLICE] for start in range(0, len(ids), 8 * _WRITE_SLICE)]


def delete(selector: messages.PointsSelector) -> Changes:
    """Delete points; those that are not there are passed over."""
    _, slices = _selected(selector)
    return Changes([functools.partial(edge.UpdateOperation.delete_points, chosen) for chosen in slices])


def drop_payload(request: messages.DeletePayloadPoints) -> Changes:
    """Remove some payload keys of points; those that are not there are passed over."""
    _, slices = _selected(request.points_selector)
    keys = list(request.keys)
    return Changes([functools.partial(edge.UpdateOperation.delete_payload, chosen, keys) for chosen in slices])


def _set_payload(request: messages.PointsUpdateOperation.SetPayload) -> Changes:
    """Set some payload keys of points, all of which must exist."""
    convert.refuse(request, "shard_key_selector", "key")
    payload = from_payload(request.payload)
    ids, slices = _selected(request.points_selector)
    operations = [functools.partial(edge.UpdateOperation.set_payload, chosen, payload, None) for chosen in slices]
    return Changes(operations, needed=ids)


def batched(operation: messages.PointsUpdateOperation) -> Changes:
    """Change of one member of an UpdateBatch."""
    kind = operation.WhichOneof("operation") or "nothing"
    if kind != "set_payload":
        raise UnimplementedError(f"The embedded vector server does not support `{kind}` in qdrant.Points/UpdateBatch.")
    return _set_payload(operation.set_payload)
