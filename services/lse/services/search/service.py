"""The search service."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from latentspace.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from latentspace.search.v1 import search_pb2 as pb
from latentspace.search.v1 import search_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse import names
from lse.analysis.near_duplicates import find_near_duplicates
from lse.analysis.neighbours import stored_graph
from lse.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.platform.catalogue import (
    ClusteringRecord,
    DatasetRecord,
    EncoderRecord,
    ExperimentRecord,
    SelectionRecord,
)
from lse.platform.catalogue.pages import decode_page_token, encode_page_token
from lse.platform.catalogue.recent import RecentExperiments
from lse.platform.inference.encoders import experiment_model, serve_encoder
from lse.platform.prepared_images import image_row, image_rows, prepared_images
from lse.platform.rpc.messages import table_chunks
from lse.platform.rpc.peers import call_peer
from lse.platform.rpc.rows import checked_count, rows_of
from lse.platform.wiring import Platform
from lse.services.search.filters import ImageFilters
from lse.services.search.queries import Query, Scope, contrast, direction, mean_vector, unit_rows
from lse.services.search.ranking import After
from lse.services.search.searcher import Page, Searcher, Space

__all__ = ["SearchServicer", "register"]

_DEFAULT_COUNT = 10
_LARGEST_COUNT = 1000
_QUERIES_A_BLOCK = 2048
_SCOPES: dict[int, Scope] = {
    pb.SearchImagesRequest.SCOPE_UNSPECIFIED: "all",
    pb.SearchImagesRequest.SCOPE_ALL: "all",
    pb.SearchImagesRequest.SCOPE_SAME_CLUSTER: "same-cluster",
    pb.SearchImagesRequest.SCOPE_OTHER_CLUSTERS: "other-clusters",
}


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    search_pb2_grpc.add_SearchServiceServicer_to_server(SearchServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["SearchService"].full_name)


class SearchServicer(search_pb2_grpc.SearchServiceServicer):
    """Answers ``latentspace.search.v1.SearchService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._resources = platform.resources
        self._experiments = RecentExperiments(platform.resources)
        self._searcher = Searcher(platform.artifacts, platform.vectors)
        self._filters = ImageFilters(platform.catalogue, platform.resources, platform.artifacts)
        # Artifacts never change under their URI, so what was read once stays right.
        self._arrays = lru_cache(maxsize=16)(platform.artifacts.read_array)
        self._rows = lru_cache(maxsize=4)(partial(image_rows, platform.artifacts))
        self._names = lru_cache(maxsize=4)(self._read_names)

    def SearchImages(self, request: pb.SearchImagesRequest, context: Any) -> pb.SearchImagesResponse:
        """Search the images that are most similar to something."""
        count = checked_count(request.image_count, usual=_DEFAULT_COUNT, most=_LARGEST_COUNT, what="images")
        experiment, dataset = self._experiments.get(request.parent)
        page = _page(request)
        labels = self._labels(request.clustering, request.parent) if request.clustering else None
        query = self._query(request, experiment, dataset)
        allowed = self._filters.rows(request.filter, experiment, dataset) if request.filter else None
        space = Space(experiment.uid, experiment.result, labels)
        found, following = self._searcher.search(
            space, query, count, scope=_SCOPES[request.scope], allowed=allowed, exact=request.exact, page=page
        )
        named, rows = self._names(dataset.result.table_uri, experiment.result.image_count), found.rows.tolist()
        clusters = [None] * len(rows) if labels is None else labels[found.rows].tolist()
        matches = zip(rows, found.similarities.tolist(), clusters, strict=True)
        return pb.SearchImagesResponse(
            matches=[
                pb.Match(
                    image=names.image_of(dataset.name, named[row].as_py()),
                    row=row,
                    similarity=similarity,
                    cluster=cluster,
                )
                for row, similarity, cluster in matches
            ],
            next_page_token="" if following is None else encode_page_token(following.keys, of=[_digest(request)]),
        )

    def BatchSearchImages(self, request: pb.BatchSearchImagesRequest, context: Any) -> Iterator[TableChunk]:
        """Search the images that are most similar to each of many."""
        count = checked_count(request.image_count, usual=_DEFAULT_COUNT, most=_LARGEST_COUNT, what="images")
        experiment, dataset = self._experiments.get(request.parent)
        targets = self._targets(request, experiment, dataset)
        allowed = self._filters.rows(request.filter, experiment, dataset) if request.filter else None
        space = Space(experiment.uid, experiment.result, None)
        named = self._names(dataset.result.table_uri, experiment.result.image_count)

        def tables() -> Iterator[pa.Table]:
            for start in range(0, len(targets), _QUERIES_A_BLOCK):
                here = targets[start : start + _QUERIES_A_BLOCK]
                found = self._searcher.search_many(space, here, count, allowed=allowed, exact=request.exact)
                rows = pa.array(np.concatenate([each.rows for each in found]))
                yield pa.table(
                    {
                        "query": np.repeat(np.arange(start, start + len(here)), [len(each.rows) for each in found]),
                        "row": rows,
                        "name": named.take(rows),
                        "similarity": np.concatenate([each.similarities for each in found]),
                    }
                )

        yield from table_chunks(tables())

    def ReadNearDuplicates(self, request: pb.ReadNearDuplicatesRequest, context: Any) -> Iterator[TableChunk]:
        """Read which images of an experiment are nearly the same."""
        threshold = request.min_similarity if request.HasField("min_similarity") else None
        if threshold is not None and not 0 < threshold <= 1:
            raise InvalidArgumentError(
                f"Images are not nearly the same from a cosine similarity of {threshold:g}: choose one above 0 and "
                "up to 1, such as 0.99.",
                reason="SIMILARITY_INVALID",
            )
        experiment, dataset = self._experiments.get(request.name)
        result = experiment.result
        graph = stored_graph(
            lambda array: self._platform.artifacts.read_array(f"{result.neighbours_uri}/{array}"),
            recall=result.neighbour_recall,
            recall_rows=result.neighbour_recall_image_count,
        )
        found = find_near_duplicates(graph, threshold)
        named = self._names(dataset.result.table_uri, result.image_count)
        table = pa.table(
            {
                "group": found.groups,
                "row": found.rows,
                "name": named.take(pa.array(found.rows)),
                "other_row": found.others,
                "other_name": named.take(pa.array(found.others)),
                "similarity": found.similarities,
            }
        )
        yield from table_chunks(table.replace_schema_metadata({"min_similarity": repr(found.min_similarity)}))

    def _targets(
        self, request: pb.BatchSearchImagesRequest, experiment: ExperimentRecord, dataset: DatasetRecord
    ) -> NDArray[np.int64] | NDArray[np.float32]:
        """Rows or vectors of length 1 that a batch searches for."""
        kind, found = request.WhichOneof("queries"), np.empty(0, np.int64)
        if kind == "vectors":
            return unit_rows(request.vectors, experiment.result.dimension)
        if kind == "images":
            found = np.array([self._row(image, experiment, dataset) for image in request.images.names], np.int64)
        elif kind == "rows":
            rows = rows_of(request.rows, count=experiment.result.image_count, dataset=dataset.id)
            found = np.asarray(rows, np.int64)
        if not len(found):
            raise InvalidArgumentError(
                "Nothing to search for is given: name images, rows or vectors.", reason="QUERY_INVALID"
            )
        return found

    def _query(self, request: pb.SearchImagesRequest, experiment: ExperimentRecord, dataset: DatasetRecord) -> Query:
        kind = request.WhichOneof("query")
        if kind == "image":
            return Query(self._row(request.image, experiment, dataset))
        if kind == "vector":
            vector = np.asarray(request.vector.components, np.float32)
            if len(vector) != experiment.result.dimension or not np.isfinite(vector).all():
                raise InvalidArgumentError(
                    f"The vector has {len(vector)} components and the experiment's have "
                    f"{experiment.result.dimension}, all finite: give one like them.",
                    reason="VECTOR_INVALID",
                )
            return Query(direction(vector))
        if kind == "image_file":
            return Query(direction(self._encode(request.image_file, experiment, dataset)))
        if kind == "selection":
            rows = self._selected(request.selection, experiment)
            return Query(direction(mean_vector(self._searcher.vectors.some(experiment.result, rows))))
        if kind == "cluster":
            labels = self._labels(request.cluster.clustering, request.parent)
            rows = np.flatnonzero(labels == request.cluster.cluster)
            if not len(rows):
                raise NotFoundError(
                    f"The clustering has no cluster {request.cluster.cluster}.", reason="CLUSTER_NOT_FOUND"
                )
            return Query(direction(mean_vector(self._searcher.vectors.some(experiment.result, rows))))
        if kind == "examples":
            return self._examples(request.examples, experiment, dataset)
        raise InvalidArgumentError(
            "Nothing to search for is given: name an image, a file, a vector, a selection, a cluster or examples.",
            reason="QUERY_INVALID",
        )

    def _examples(self, examples: pb.Examples, experiment: ExperimentRecord, dataset: DatasetRecord) -> Query:
        positive, negative = (
            self._example_rows(each, experiment, dataset) for each in (examples.positive, examples.negative)
        )
        if not len(positive):
            raise InvalidArgumentError(
                "No images to resemble are given: name at least one, or a selection with images of the experiment.",
                reason="QUERY_INVALID",
            )
        read = partial(self._searcher.vectors.some, experiment.result)
        return Query(direction(contrast(read(positive), read(negative))), np.union1d(positive, negative))

    def _example_rows(
        self, examples: pb.ExampleSet, experiment: ExperimentRecord, dataset: DatasetRecord
    ) -> NDArray[np.int64]:
        """Rows of all examples of a set, ascending, each once."""
        named = [self._row(image, experiment, dataset) for image in examples.images]
        parts = [np.array(named, np.int64)]
        if examples.rows.WhichOneof("rows"):
            found = rows_of(examples.rows, count=experiment.result.image_count, dataset=dataset.id)
            parts.append(np.asarray(found, np.int64))
        if examples.selection:
            parts.append(self._selected(examples.selection, experiment))
        return np.unique(np.concatenate(parts))

    def _row(self, image: str, experiment: ExperimentRecord, dataset: DatasetRecord) -> int:
        return image_row(image, self._rows(dataset.result.table_uri), dataset=dataset, experiment=experiment)

    def _selected(self, name: str, experiment: ExperimentRecord) -> NDArray[np.int64]:
        """Rows of a selection that have a vector."""
        selection = self._resources.get_ready(name, SelectionRecord)
        if selection.spec.dataset != experiment.spec.dataset:
            raise InvalidArgumentError(
                f"The selection '{selection.id}' is of another dataset than the experiment '{experiment.id}'.",
                reason="DATASET_MISMATCH",
            )
        rows = selection.spec.rows
        return rows[rows < experiment.result.image_count]

    def _labels(self, clustering: str, experiment: str) -> NDArray[np.int32]:
        if names.CLUSTERING.parent(clustering) != experiment:
            raise InvalidArgumentError(
                f"The clustering '{clustering}' is of another experiment than '{experiment}'.",
                reason="EXPERIMENT_MISMATCH",
            )
        return self._arrays(self._resources.get_ready(clustering, ClusteringRecord).result.labels_uri)

    def _read_names(self, table_uri: str, count: int) -> pa.ChunkedArray:
        """Names of the images of an experiment by their rows."""
        return prepared_images(self._platform.artifacts, table_uri, ["name"], range(count))["name"].combine_chunks()

    def _encode(self, image_file: bytes, experiment: ExperimentRecord, dataset: DatasetRecord) -> NDArray[np.float32]:
        """Vector of an uploaded image: prepared by the ingestion service, encoded by the experiment's encoder."""
        if not experiment.spec.encoder:
            raise FailedPreconditionError(
                f"The vectors of '{experiment.id}' were imported, so no encoder can be applied to a new image: "
                "search by an image of the dataset or by a vector.",
                reason="ENCODER_MISSING",
            )
        encoder = self._resources.get_ready(experiment.spec.encoder, EncoderRecord)
        prepared = call_peer(
            self._platform.peer_address,
            lambda channel: ingestion_pb2_grpc.IngestionServiceStub(channel).PrepareImage,
            ingestion_pb2.PrepareImageRequest(name=dataset.name, image_file=image_file),
            tokens=self._platform.access.service_tokens,
        )
        tensor = np.frombuffer(prepared.tensor, "<f4").reshape(
            1, prepared.channel_count, prepared.image_size, prepared.image_size
        )
        model = experiment_model(experiment, encoder)
        encode = serve_encoder(self._platform.artifacts, self._platform.inference, model)
        vector: NDArray[np.float32] = encode(tensor.astype(np.float32))[0]
        return vector


def _digest(request: pb.SearchImagesRequest) -> str:
    """What a search has in common with its other pages."""
    alike = pb.SearchImagesRequest()
    alike.CopyFrom(request)
    alike.ClearField("page_token")
    alike.ClearField("image_count")
    return hashlib.sha256(alike.SerializeToString(deterministic=True)).hexdigest()


def _page(request: pb.SearchImagesRequest) -> Page:
    """Where the page of a request begins."""
    if not request.page_token:
        return Page()
    way, seen, similarity, row = decode_page_token(request.page_token, of=[_digest(request)])
    return Page("index" if way == "index" else "vectors", int(seen), After(float(similarity), int(row)))
