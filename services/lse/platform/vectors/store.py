"""Vectors of experiments in Qdrant: the one door through which all other code reaches them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from qdrant_client import grpc as messages
from qdrant_client import models

from lse.errors import (
    AlreadyExistsError,
    CancelledError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
)
from lse.platform.vectors.arguments import (
    SLICE_POINTS,
    answers_ahead,
    drop_payload,
    hits_of,
    payload_updates,
    point_batches,
    point_ids,
    query_message,
    vector_rows,
)
from lse.platform.vectors.connection import VectorConnection
from lse.platform.vectors.placement import create_placed, layout_of
from lse.platform.vectors.points import (
    COLLECTION_NAME,
    CollectionInfo,
    Hit,
    StoredPoints,
    VectorFilter,
    key_of_path,
    path_of_key,
)
from lse.progress import Progress, ProgressCallback, ShouldStop

__all__ = ["Distance", "IndexKind", "VectorStore"]

Distance = Literal["cosine", "dot", "euclidean"]
IndexKind = Literal["keyword", "integer", "float", "bool"]

_DISTANCES = {"cosine": models.Distance.COSINE, "dot": models.Distance.DOT, "euclidean": models.Distance.EUCLID}
_BATCH_QUERIES = 64


class VectorStore(VectorConnection):
    """Collections of vectors on a Qdrant server or on the embedded one.

    Every method raises UnavailableError if the server cannot be reached, NotFoundError for an unknown collection
    and InvalidArgumentError for wrong arguments.  An instance may be used by several threads.
    """

    def list_collections(self) -> list[str]:
        """Names of all collections, sorted."""
        with self._calling():
            return sorted(found.name for found in self._client.get_collections().collections)

    def has_collection(self, name: str) -> bool:
        """Whether a collection of that name exists."""
        with self._calling(name):
            return self._client.collection_exists(name)

    def create_collection(
        self,
        name: str,
        *,
        dimension: int,
        distance: Distance = "cosine",
        indexed: Mapping[str, IndexKind] | None = None,
        exist_ok: bool = False,
        expected: int = 0,
    ) -> None:
        """Make an empty collection.

        Parameters
        ----------
        name
            1 to 255 characters; slashes, colons, quotes and wildcards are not allowed.
        dimension
            Length of its vectors.
        distance
            How vectors are compared.
        indexed
            Payload keys that filters will use, with their type.
        exist_ok
            Take a collection that is there already, if dimension and distance agree, and add indexes it lacks.
        expected
            Vectors that it will have, by which its layout is chosen where that is left open.

        Raises
        ------
        AlreadyExistsError
            If the name is taken and `exist_ok` is false.
        FailedPreconditionError
            If the collection that is there has another dimension or distance.
        UnimplementedError
            If the server cannot lay it out as `Placement` says.
        """
        if not COLLECTION_NAME.fullmatch(name):
            raise InvalidArgumentError(
                f'{name!r} cannot name a collection: use 1 to 255 characters without <>:"/\\|?*.',
                reason="COLLECTION_NAME_INVALID",
            )
        if dimension < 1 or distance not in _DISTANCES:
            raise InvalidArgumentError(
                f"A collection needs a dimension of at least 1 and one of the distances {', '.join(_DISTANCES)}; "
                f"got {dimension} and {distance!r}.",
                reason="COLLECTION_SETTINGS_INVALID",
            )
        if self.has_collection(name):
            if not exist_ok:
                raise AlreadyExistsError(f"There is a collection {name} already.", reason="COLLECTION_NAME_TAKEN")
            there = self.info(name)
            if (there.dimension, there.distance) != (dimension, distance):
                raise FailedPreconditionError(
                    f"The collection {name} has vectors of length {there.dimension} and {there.distance} distance, "
                    f"not {dimension} and {distance}.",
                    reason="COLLECTION_MISMATCH",
                )
        else:
            with self._calling(name):
                placement = self._placement.for_vectors(expected, dimension)
                create_placed(self._client, name, dimension, _DISTANCES[distance], placement=placement)
        for key, kind in (indexed or {}).items():
            self.index_payload(name, key, kind)

    def index_payload(self, name: str, key: str, kind: IndexKind) -> None:
        """Index a payload key, so that filters on it are quick; nothing happens if it is indexed already."""
        path = path_of_key(key)
        with self._calling(name):
            self._client.create_payload_index(name, path, field_schema=models.PayloadSchemaType(kind), wait=True)

    def delete_collection(self, name: str) -> bool:
        """Delete a collection; False if there was none."""
        with self._calling(name):
            self._oversampling.pop(name, None)
            return self._client.delete_collection(name)

    def info(self, name: str) -> CollectionInfo:
        """How a collection stands."""
        with self._calling(name):
            found = self._client.get_collection(name)
        params = found.config.params.vectors
        if not isinstance(params, models.VectorParams):
            raise FailedPreconditionError(
                f"The collection {name} has named vectors; it was not made by this program.",
                reason="COLLECTION_MISMATCH",
            )
        return CollectionInfo(
            name=name,
            dimension=params.size,
            distance=next(ours for ours, theirs in _DISTANCES.items() if theirs == params.distance),
            points=found.points_count or 0,
            indexed=found.indexed_vectors_count or 0,
            status=found.status.value,
            payload_indexes={
                key_of_path(path): str(index.data_type.value) for path, index in found.payload_schema.items()
            },
            error=str(getattr(found.optimizer_status, "error", "")),
            layout=layout_of(found.config),
        )

    def upsert(
        self,
        name: str,
        ids: npt.ArrayLike,
        vectors: npt.ArrayLike,
        payloads: Sequence[Mapping[str, object]] | None = None,
        *,
        on_progress: ProgressCallback | None = None,
    ) -> None:
        """Write points, replacing those whose ids are there; all are durable when this returns.

        Parameters
        ----------
        name
            Collection.
        ids
            Non-negative integers, shape (n,).
        vectors
            Finite numbers, shape (n, D), kept as float32.
        payloads
            One mapping a point; NaN becomes null.
        on_progress
            Told after every message.
        """
        numbers, rows = point_ids(ids), vector_rows(vectors)
        if len(rows) != len(numbers) or (payloads is not None and len(payloads) != len(numbers)):
            raise InvalidArgumentError(
                f"{len(numbers)} ids, {len(rows)} vectors and {'no' if payloads is None else len(payloads)} payloads "
                "do not go together; give one of each a point.",
                reason="LENGTHS_MISMATCH",
            )
        done = 0
        for batch in point_batches(numbers, rows, payloads):
            with self._calling(name):
                # The stub of the client itself: `QdrantClient.upsert` makes every number a Python object twice.
                request = messages.UpsertPoints(collection_name=name, points=batch, wait=True)
                self._client.grpc_points.Upsert(request, timeout=self._timeout)
            done += len(batch)
            if on_progress is not None:
                on_progress(Progress("vectors", done, len(numbers), "points"))

    def set_payload(
        self,
        name: str,
        ids: npt.ArrayLike,
        key: str,
        values: Sequence[object] | npt.NDArray[Any],
        *,
        indexed: IndexKind | None = None,
    ) -> None:
        """Set one payload key of many points, such as the labels of a clustering.

        Parameters
        ----------
        name
            Collection.
        ids
            Points, shape (n,); all must exist.
        key
            Payload key.
        values
            One value a point; None and NaN remove the key.
        indexed
            Index the key with this type once its values are there.
        """
        numbers = point_ids(ids)
        if len(values) != len(numbers):
            raise InvalidArgumentError(
                f"{len(numbers)} ids and {len(values)} values do not go together.", reason="LENGTHS_MISMATCH"
            )
        for operations in payload_updates(numbers, key, values):
            with self._calling(name):
                self._client.batch_update_points(name, update_operations=operations, wait=True)
        if indexed is not None:
            self.index_payload(name, key, indexed)

    def drop_payload(self, name: str, key: str) -> None:
        """Remove a payload key and its index from all points, which are those of rows."""
        with self._calling(name):
            drop_payload(self._client, name, path_of_key(key))

    def delete(self, name: str, ids: npt.ArrayLike) -> None:
        """Delete points; those that are not there are passed over."""
        numbers = point_ids(ids).tolist()
        for start in range(0, len(numbers), SLICE_POINTS):
            with self._calling(name):
                self._client.delete(name, models.PointIdsList(points=numbers[start : start + SLICE_POINTS]), wait=True)

    def build_index(
        self,
        name: str,
        on_progress: ProgressCallback | None = None,
        *,
        should_stop: ShouldStop | None = None,
    ) -> CollectionInfo:
        """Have the server build its HNSW index over all vectors, and wait for it.

        Queries and changes are answered meanwhile.  A collection of few vectors gets none: scanning is quicker.

        Parameters
        ----------
        name
            Collection.
        on_progress
            Told several times a second.
        should_stop
            When it says yes, waiting ends in CancelledError; the server goes on.

        Raises
        ------
        InternalError
            If the server fails to build.
        """
        self._start_build(name)
        pause, settled = 0.05, 0
        while True:
            state = self.info(name)
            if on_progress is not None:
                on_progress(Progress("vector index", state.indexed, state.points, "vectors"))
            if state.error:
                raise InternalError(
                    f"The index of collection {name} could not be built: {state.error}", reason="INDEX_BUILD_FAILED"
                )
            # A server may begin a moment after the last write, so that one green light is not yet an answer.
            settled = settled + 1 if state.status == "green" else 0
            if settled == 2:
                return state
            if state.status == "grey":
                self._start_build(name)
            if should_stop is not None and should_stop():
                raise CancelledError(f"Waiting for the index of collection {name} was cancelled.")
            time.sleep(pause)
            pause = min(0.5, pause * 1.5)

    def _start_build(self, name: str) -> None:
        with self._calling(name):
            self._client.update_collection(name, optimizers_config=models.OptimizersConfigDiff())

    def search(
        self,
        name: str,
        query: npt.ArrayLike | int,
        k: int = 10,
        *,
        where: VectorFilter | None = None,
        exact: bool = False,
        payload: bool | Sequence[str] = True,
    ) -> list[Hit]:
        """Nearest points of a vector, or of a stored point, which is itself left out.

        Parameters
        ----------
        name
            Collection.
        query
            Vector of shape (D,), or the id of a point.
        k
            Number of points wanted.
        where
            Which points may be found.
        exact
            Compare with all vectors instead of walking the index.
        payload
            Whether the payload is wanted, or which of its keys.

        Returns
        -------
        list of Hit
            Nearest first, fewer than `k` if fewer may be found.
        """
        request = self.rescored(name, query_message(name, query, k, where, exact=exact, payload=payload))
        with self._calling(name):
            return hits_of(self._client.grpc_points.Query(request, timeout=self._timeout).result)

    def search_batch(
        self,
        name: str,
        queries: npt.ArrayLike,
        k: int = 10,
        *,
        where: VectorFilter | None = None,
        exact: bool = False,
        payload: bool | Sequence[str] = True,
    ) -> list[list[Hit]]:
        """Nearest points of many vectors, shape (m, D), or of many stored points, integers of shape (m,).

        See `search` for the parameters; one list a query is returned, in their order.
        """
        rows = np.asarray(queries)
        many: list[Any] = point_ids(rows).tolist() if rows.ndim == 1 else list(vector_rows(rows))

        def ask(start: int) -> Any:
            requests = [
                self.rescored(name, query_message(name, query, k, where, exact=exact, payload=payload))
                for query in many[start : start + _BATCH_QUERIES]
            ]
            batch = messages.QueryBatchPoints(collection_name=name, query_points=requests)
            return self._client.grpc_points.QueryBatch.future(batch, timeout=self._timeout)

        found: list[list[Hit]] = []
        with self._calling(name):
            for response in answers_ahead(map(ask, range(0, len(many), _BATCH_QUERIES))):
                found.extend(hits_of(answer.result) for answer in response.result)
        return found

    def get(self, name: str, ids: npt.ArrayLike) -> StoredPoints:
        """Points by id, in the order asked for; ids that are not there are left out.

        Vectors of a cosine collection come back normalised to length 1.
        """
        numbers = point_ids(ids).tolist()
        found: dict[int, Any] = {}
        for start in range(0, len(numbers), SLICE_POINTS):
            with self._calling(name):
                records = self._client.retrieve(
                    name, numbers[start : start + SLICE_POINTS], with_payload=True, with_vectors=True
                )
            found.update((int(record.id), record) for record in records)
        present = [number for number in numbers if number in found]
        vectors = np.array([found[number].vector for number in present], dtype=np.float32)
        return StoredPoints(
            ids=np.array(present, dtype=np.int64),
            vectors=vectors if present else vectors.reshape(0, self.info(name).dimension),
            payloads=[found[number].payload or {} for number in present],
        )

    def count(self, name: str, where: VectorFilter | None = None) -> int:
        """Number of points, exactly."""
        with self._calling(name):
            return self._client.count(name, count_filter=None if where is None else where.to_model(), exact=True).count
