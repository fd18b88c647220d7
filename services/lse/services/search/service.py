"""The search service."""

from __future__ import annotations

from functools import lru_cache, partial
from typing import Any

import grpc
import numpy as np
from numpy.typing import NDArray

from latentspace.ingestion.v1 import ingestion_pb2, ingestion_pb2_grpc
from latentspace.search.v1 import search_pb2 as pb
from latentspace.search.v1 import search_pb2_grpc
from lse import names
from lse.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.platform.catalogue import (
    ClusteringRecord,
    DatasetRecord,
    EncoderRecord,
    ExperimentRecord,
    SelectionRecord,
)
from lse.platform.inference.encoders import experiment_model, serve_encoder
from lse.platform.prepared_images import image_row, image_rows
from lse.platform.rpc.peers import call_peer
from lse.platform.rpc.rows import checked_count
from lse.platform.vectors import VectorFilter
from lse.platform.vectors.payload import cluster_key
from lse.platform.wiring import Platform
from lse.services.search.queries import Query, Scope, direction, mean_vector, scope_filter

__all__ = ["SearchServicer", "register"]

_DEFAULT_COUNT = 10
_LARGEST_COUNT = 1000
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
        # Artifacts never change under their URI, so what was read once stays right.
        self._arrays = lru_cache(maxsize=16)(platform.artifacts.read_array)
        self._rows = lru_cache(maxsize=4)(partial(image_rows, platform.artifacts))

    def SearchImages(self, request: pb.SearchImagesRequest, context: Any) -> pb.SearchImagesResponse:
        """Search the images that are most similar to something."""
        count = checked_count(request.image_count, usual=_DEFAULT_COUNT, most=_LARGEST_COUNT, what="images")
        experiment = self._resources.get_ready(request.parent, ExperimentRecord)
        dataset = self._resources.get_ready(experiment.spec.dataset, DatasetRecord)
        scope = _SCOPES[request.scope]
        labels = self._labels(request.clustering, request.parent) if request.clustering else None
        if scope != "all" and labels is None:
            raise InvalidArgumentError(
                "To search within or across clusters, name the clustering.", reason="CLUSTERING_MISSING"
            )
        query = self._query(request, experiment, dataset)
        if not isinstance(query, int):
            query = direction(query)
        where = VectorFilter()
        if labels is not None and scope != "all":
            key = cluster_key(request.clustering.rsplit("/", 1)[1])
            where = scope_filter(scope, key, self._cluster_of(query, labels, experiment))
        hits = self._platform.vectors.search(
            experiment.uid,
            query,
            count,
            where=where,
            exact=request.exact,
            payload=["name"],
        )
        return pb.SearchImagesResponse(
            matches=[
                pb.Match(
                    image=names.image_of(dataset.name, hit.payload["name"]),
                    row=hit.id,
                    similarity=hit.score,
                    cluster=int(labels[hit.id]) if labels is not None else None,
                )
                for hit in hits
            ]
        )

    def _query(self, request: pb.SearchImagesRequest, experiment: ExperimentRecord, dataset: DatasetRecord) -> Query:
        kind = request.WhichOneof("query")
        if kind == "image":
            return self._row(request.image, experiment, dataset)
        if kind == "vector":
            vector = np.asarray(request.vector.components, np.float32)
            if len(vector) != experiment.result.dimension or not np.isfinite(vector).all():
                raise InvalidArgumentError(
                    f"The vector has {len(vector)} components and the experiment's have "
                    f"{experiment.result.dimension}, all finite: give one like them.",
                    reason="VECTOR_INVALID",
                )
            return vector
        if kind == "image_file":
            return self._encode(request.image_file, experiment, dataset)
        if kind == "selection":
            return self._selection_query(request.selection, experiment)
        if kind == "cluster":
            labels = self._labels(request.cluster.clustering, request.parent)
            rows = np.flatnonzero(labels == request.cluster.cluster)
            if not len(rows):
                raise NotFoundError(
                    f"The clustering has no cluster {request.cluster.cluster}.", reason="CLUSTER_NOT_FOUND"
                )
            return mean_vector(self._arrays(experiment.result.vectors_uri), rows)
        raise InvalidArgumentError(
            "Nothing to search for is given: name an image, a file, a vector, a selection or a cluster.",
            reason="QUERY_INVALID",
        )

    def _row(self, image: str, experiment: ExperimentRecord, dataset: DatasetRecord) -> int:
        return image_row(image, self._rows(dataset.result.table_uri), dataset=dataset, experiment=experiment)

    def _selection_query(self, name: str, experiment: ExperimentRecord) -> Query:
        selection = self._resources.get_ready(name, SelectionRecord)
        if selection.spec.dataset != experiment.spec.dataset:
            raise InvalidArgumentError(
                f"The selection '{selection.id}' is of another dataset than the experiment '{experiment.id}'.",
                reason="DATASET_MISMATCH",
            )
        return mean_vector(self._arrays(experiment.result.vectors_uri), selection.spec.rows)

    def _labels(self, clustering: str, experiment: str) -> NDArray[np.int32]:
        if names.CLUSTERING.parent(clustering) != experiment:
            raise InvalidArgumentError(
                f"The clustering '{clustering}' is of another experiment than '{experiment}'.",
                reason="EXPERIMENT_MISMATCH",
            )
        return self._arrays(self._resources.get_ready(clustering, ClusteringRecord).result.labels_uri)

    def _cluster_of(self, query: Query, labels: NDArray[np.int32], experiment: ExperimentRecord) -> int:
        """Cluster that a query belongs to: its own, else that of the image nearest to it."""
        if isinstance(query, int):
            return int(labels[query])
        nearest = self._platform.vectors.search(experiment.uid, query, 1, payload=False)
        return int(labels[nearest[0].id])

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
