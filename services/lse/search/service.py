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
from lse.platform import names
from lse.platform.bitmap import rows_of_bitmap, unpack_bitmap
from lse.platform.catalogue import Resource
from lse.platform.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from lse.platform.inference.encoders import encoder_model, serve_encoder
from lse.platform.prepared_images import image_row, image_rows
from lse.platform.rpc.errors import error_of
from lse.platform.vectors import VectorFilter
from lse.platform.vectors.payload import cluster_key
from lse.platform.wiring import Platform
from lse.search.queries import Query, Scope, mean_vector, scope_filter

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
        names.EXPERIMENT.parse(request.parent)
        if request.image_count < 0:
            raise InvalidArgumentError(
                f"{request.image_count} images cannot be found: give 0 for the default.", reason="INVALID_COUNT"
            )
        count = min(request.image_count or _DEFAULT_COUNT, _LARGEST_COUNT)
        experiment = self._resources.get_ready(request.parent, "experiment")
        dataset = self._resources.get_ready(experiment.spec["dataset"], "dataset")
        scope = _SCOPES[request.scope]
        labels = self._labels(request.clustering, request.parent) if request.clustering else None
        if scope != "all" and labels is None:
            raise InvalidArgumentError(
                "To search within or across clusters, name the clustering.", reason="NO_CLUSTERING"
            )
        query = self._query(request, experiment, dataset)
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
                    image=f"{dataset.name}/images/{hit.payload['name']}",
                    row=hit.id,
                    similarity=hit.score,
                    cluster=int(labels[hit.id]) if labels is not None else None,
                )
                for hit in hits
            ]
        )

    def _query(self, request: pb.SearchImagesRequest, experiment: Resource, dataset: Resource) -> Query:
        kind = request.WhichOneof("query")
        if kind == "image":
            return self._row(request.image, experiment, dataset)
        if kind == "vector":
            vector = np.asarray(request.vector.components, np.float32)
            if len(vector) != experiment.result["dimension"] or not np.isfinite(vector).all():
                raise InvalidArgumentError(
                    f"The vector has {len(vector)} components and the experiment's have "
                    f"{experiment.result['dimension']}, all finite: give one like them.",
                    reason="INVALID_VECTOR",
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
            return mean_vector(self._arrays(experiment.result["vectors_uri"]), rows)
        raise InvalidArgumentError(
            "Nothing to search for is given: name an image, a file, a vector, a selection or a cluster.",
            reason="NO_QUERY",
        )

    def _row(self, image: str, experiment: Resource, dataset: Resource) -> int:
        return image_row(image, self._rows(dataset.result["table_uri"]), dataset=dataset, experiment=experiment)

    def _selection_query(self, name: str, experiment: Resource) -> Query:
        names.SELECTION.parse(name)
        selection = self._resources.get_ready(name, "selection")
        if selection.spec["dataset"] != experiment.spec["dataset"]:
            raise InvalidArgumentError(
                f"The selection '{selection.id}' is of another dataset than the experiment '{experiment.id}'.",
                reason="OTHER_DATASET",
            )
        rows = rows_of_bitmap(unpack_bitmap(selection.spec["rows"]))
        return mean_vector(self._arrays(experiment.result["vectors_uri"]), rows)

    def _labels(self, clustering: str, experiment: str) -> NDArray[np.int32]:
        if names.CLUSTERING.parent(clustering) != experiment:
            raise InvalidArgumentError(
                f"The clustering '{clustering}' is of another experiment than '{experiment}'.",
                reason="OTHER_EXPERIMENT",
            )
        return self._arrays(self._resources.get_ready(clustering, "clustering").result["labels_uri"])

    def _cluster_of(self, query: Query, labels: NDArray[np.int32], experiment: Resource) -> int:
        """Cluster that a query belongs to: its own, else that of the image nearest to it."""
        if isinstance(query, int):
            return int(labels[query])
        nearest = self._platform.vectors.search(experiment.uid, query, 1, payload=False)
        return int(labels[nearest[0].id])

    def _encode(self, image_file: bytes, experiment: Resource, dataset: Resource) -> NDArray[np.float32]:
        """Vector of an uploaded image: prepared by the ingestion service, encoded by the experiment's encoder."""
        if not experiment.spec["encoder"]:
            raise FailedPreconditionError(
                f"The vectors of '{experiment.id}' were imported, so no encoder can be applied to a new image: "
                "search by an image of the dataset or by a vector.",
                reason="NO_ENCODER",
            )
        encoder = self._resources.get_ready(experiment.spec["encoder"], "encoder")
        with grpc.insecure_channel(
            self._platform.peer_address, options=[("grpc.max_send_message_length", 32 << 20)]
        ) as channel:
            try:
                prepared = ingestion_pb2_grpc.IngestionServiceStub(channel).PrepareImage(
                    ingestion_pb2.PrepareImageRequest(name=dataset.name, image_file=image_file), timeout=60
                )
            except grpc.RpcError as error:
                raise error_of(error) from error
        tensor = np.frombuffer(prepared.tensor, "<f4").reshape(
            1, prepared.channel_count, prepared.image_size, prepared.image_size
        )
        # The version that the experiment was made with, whatever is in use by now.
        spec = experiment.spec
        model = encoder_model(encoder, spec.get("encoder_version", 1), spec.get("encoder_precision", "fp32"))
        encode = serve_encoder(self._platform.artifacts, self._platform.inference, model)
        vector: NDArray[np.float32] = encode(tensor.astype(np.float32))[0]
        return vector
