"""Between Qdrant's protobuf messages and the values of Qdrant Edge.

What the embedded server cannot honour is refused by name here, never passed over.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import qdrant_edge as edge
from google.protobuf.message import Message
from qdrant_client import grpc as messages

from lse.errors import InvalidArgumentError, UnimplementedError
from lse.platform.vectors.values import from_payload, to_payload

__all__ = [
    "from_filter",
    "from_point",
    "from_point_id",
    "from_point_ids",
    "from_query",
    "from_with_payload",
    "from_with_vectors",
    "query_vector",
    "refuse",
    "to_retrieved",
    "to_scored",
]


def refuse(message: Message, *fields: str) -> None:
    """Raise UnimplementedError if any of the fields of a message is set."""
    for descriptor, _ in message.ListFields():
        if descriptor.name in fields:
            raise UnimplementedError(
                f"The embedded vector server does not support `{descriptor.name}` of {message.DESCRIPTOR.name}; "
                "use a Qdrant server for it."
            )


def _unsupported(what: str) -> UnimplementedError:
    return UnimplementedError(f"The embedded vector server does not support {what}; use a Qdrant server for it.")


def from_point_id(point_id: messages.PointId) -> int:
    """Number of a point."""
    if point_id.WhichOneof("point_id_options") != "num":
        raise InvalidArgumentError("Malformed PointId: the embedded vector server numbers its points.")
    return point_id.num


def from_point_ids(point_ids: Iterable[messages.PointId]) -> list[Any]:
    """Numbers of points."""
    return [from_point_id(point_id) for point_id in point_ids]


def _dense(data: Sequence[float], dimension: int) -> list[float]:
    if len(data) != dimension:
        raise InvalidArgumentError(f"Wrong input: Vector dimension error: expected dim: {dimension}, got {len(data)}")
    vector = list(data)
    # The sum of numbers of 32 bits is finite in 64 if and only if all of them are.
    if not math.isfinite(sum(vector)):
        raise InvalidArgumentError("Wrong input: a vector holds NaN or infinity.")
    return vector


def from_vector(vector: messages.Vector, dimension: int) -> list[float]:
    """Components of a dense vector of a known length."""
    refuse(vector, "indices", "vectors_count", "sparse", "multi_dense", "document", "image", "object")
    return _dense(vector.dense.data if vector.WhichOneof("vector") == "dense" else vector.data, dimension)


def from_point(point: messages.PointStruct, dimension: int) -> edge.Point:
    """Point to write."""
    if point.vectors.WhichOneof("vectors_options") != "vector":
        raise InvalidArgumentError("Wrong input: every point needs one unnamed vector.")
    vector = from_vector(point.vectors.vector, dimension)
    return edge.Point(from_point_id(point.id), vector, from_payload(point.payload))


def from_query(request: messages.QueryPoints, vector: list[float], exclude: Sequence[Any]) -> edge.QueryRequest:
    """Query of a shard.

    Parameters
    ----------
    request
        The message.
    vector
        Vector to find the nearest of.
    exclude
        Ids left out beside what the filter leaves out.
    """
    refuse(request.params, "acorn", "idf")
    condition = from_filter(request.filter) if request.HasField("filter") else None
    if exclude:
        condition = edge.Filter(must=[condition] if condition else None, must_not=[edge.HasIdCondition(set(exclude))])
    params = request.params
    return edge.QueryRequest(
        limit=request.limit if request.HasField("limit") else 10,
        offset=request.offset,
        query=edge.Query.Nearest(vector),
        filter=condition,
        score_threshold=request.score_threshold if request.HasField("score_threshold") else None,
        params=edge.SearchParams(
            hnsw_ef=params.hnsw_ef if params.HasField("hnsw_ef") else None,
            exact=params.exact,
            indexed_only=params.indexed_only,
            quantization=_codes_params(params.quantization) if params.HasField("quantization") else None,
        ),
        with_payload=from_with_payload(request.with_payload),
        with_vector=from_with_vectors(request.with_vectors),
    )


def _codes_params(params: messages.QuantizationSearchParams) -> edge.QuantizationSearchParams:
    return edge.QuantizationSearchParams(
        ignore=params.ignore,
        rescore=params.rescore if params.HasField("rescore") else None,
        oversampling=params.oversampling if params.HasField("oversampling") else None,
    )


def query_vector(request: messages.QueryPoints, dimension: int) -> list[float] | int:
    """What a query asks the nearest of: a vector, or a point."""
    refuse(request, "prefetch", "using", "lookup_from", "shard_key_selector")
    variant = request.query.WhichOneof("variant")
    if variant != "nearest":
        raise _unsupported(f"the query `{variant}`")
    kind = request.query.nearest.WhichOneof("variant")
    if kind == "dense":
        return _dense(request.query.nearest.dense.data, dimension)
    if kind == "id":
        return from_point_id(request.query.nearest.id)
    raise _unsupported(f"nearest to `{kind}`")


def from_with_payload(selector: messages.WithPayloadSelector) -> Any:
    """Selection of payload keys; none when it is not set."""
    kind = selector.WhichOneof("selector_options")
    if kind == "include":
        return edge.PayloadSelector.Include(list(selector.include.fields))
    if kind == "exclude":
        return edge.PayloadSelector.Exclude(list(selector.exclude.fields))
    return selector.enable


def from_with_vectors(selector: messages.WithVectorsSelector) -> bool:
    """Whether vectors are wanted."""
    refuse(selector, "include")
    return selector.enable


def from_filter(message: messages.Filter) -> edge.Filter:
    """Filter of points."""
    refuse(message, "should", "min_should")
    return edge.Filter(must=_conditions(message.must) or None, must_not=_conditions(message.must_not) or None)


def _conditions(conditions: Iterable[messages.Condition]) -> list[Any]:
    return [_condition(condition) for condition in conditions]


def _condition(condition: messages.Condition) -> Any:
    match condition.WhichOneof("condition_one_of"):
        case "field":
            return _field_condition(condition.field)
        case "has_id":
            return edge.HasIdCondition(set(from_point_ids(condition.has_id.has_id)))
        case other:
            raise _unsupported(f"the filter condition `{other}`")


def _field_condition(field: messages.FieldCondition) -> edge.FieldCondition:
    refuse(
        field, "geo_bounding_box", "geo_radius", "values_count", "geo_polygon", "datetime_range", "is_empty", "is_null"
    )
    bounds = None
    if field.HasField("range"):
        bounds = edge.RangeFloat(
            **{name: getattr(field.range, name) for name in ("gte", "gt", "lte", "lt") if field.range.HasField(name)}
        )
    return edge.FieldCondition(
        field.key,
        match=_match(field.match) if field.HasField("match") else None,
        range=bounds,
    )


def _match(match: messages.Match) -> Any:
    kind = match.WhichOneof("match_value")
    if kind in {"keyword", "integer"}:
        return edge.MatchValue(getattr(match, kind))
    if kind == "boolean":
        # Python's own bool is taken for the integer 0 or 1 there, and matches no boolean.
        return edge.MatchValue(np.bool_(match.boolean))  # type: ignore[arg-type]
    if kind == "keywords":
        return edge.MatchAny(list(match.keywords.strings))
    if kind == "integers":
        return edge.MatchAny(list(match.integers.integers))
    raise _unsupported(f"the match `{kind}`")


def _vectors(vector: Any) -> messages.VectorsOutput | None:
    if vector is None:
        return None
    return messages.VectorsOutput(vector=messages.VectorOutput(dense=messages.DenseVector(data=vector)))


def to_scored(point: edge.ScoredPoint) -> messages.ScoredPoint:
    """Message of a point found."""
    payload, vector = point.payload, point.vector
    return messages.ScoredPoint(
        id=messages.PointId(num=int(point.id)),
        score=point.score,
        version=point.version,
        # Most searches ask for neither: what is not there is not made into empty messages.
        payload=to_payload(payload) if payload else None,
        vectors=None if vector is None else _vectors(vector),
    )


def to_retrieved(record: edge.Record) -> messages.RetrievedPoint:
    """Message of a point read."""
    return messages.RetrievedPoint(
        id=messages.PointId(num=int(record.id)),
        payload=to_payload(record.payload or {}),
        vectors=_vectors(record.vector),
    )
