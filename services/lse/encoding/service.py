"""The encoding service: experiments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import PurePath
from typing import Any

import grpc
import pyarrow as pa
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.encoding.v1 import encoding_pb2 as pb
from latentspace.encoding.v1 import encoding_pb2_grpc
from latentspace.training.v1.training_pb2 import Precision
from latentspace.type.v1.table_pb2 import TableChunk
from lse.encoding.jobs import encode_experiment, import_experiment
from lse.encoding.ready_vectors import SUFFIXES
from lse.platform import names
from lse.platform.catalogue import Resource
from lse.platform.errors import FailedPreconditionError, InvalidArgumentError
from lse.platform.inference.encoders import encoder_model, version_of
from lse.platform.operations.servicer import operation_to_pb
from lse.platform.prepared_images import prepared_images
from lse.platform.rpc.messages import packed, resource_fields, table_chunks
from lse.platform.rpc.uploads import create_of_upload, first_header
from lse.platform.wiring import Platform

__all__ = ["EncodingServicer", "register"]

_MOST_NEIGHBOURS = 200


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    for kind, job in (("EncodeExperiment", encode_experiment), ("ImportExperiment", import_experiment)):
        platform.runner.register(
            kind, job, resource_kind="experiment", respond=lambda resource: packed(experiment_to_pb(resource))
        )
    encoding_pb2_grpc.add_EncodingServiceServicer_to_server(EncodingServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["EncodingService"].full_name)


class EncodingServicer(encoding_pb2_grpc.EncodingServiceServicer):
    """Answers ``latentspace.encoding.v1.EncodingService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._resources = platform.resources

    def ListExperiments(self, request: pb.ListExperimentsRequest, context: Any) -> pb.ListExperimentsResponse:
        """List the experiments of a project."""
        names.PROJECT.parse(request.parent)
        page = self._resources.page(
            "experiment", request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListExperimentsResponse(
            experiments=[experiment_to_pb(resource) for resource in page.resources],
            next_page_token=page.next_page_token,
        )

    def GetExperiment(self, request: pb.GetExperimentRequest, context: Any) -> pb.Experiment:
        """Get an experiment."""
        names.EXPERIMENT.parse(request.name)
        return experiment_to_pb(self._resources.get(request.name, "experiment"))

    def EncodeExperiment(self, request: pb.EncodeExperimentRequest, context: Any) -> operations_pb2.Operation:
        """Encode a dataset."""
        names.PROJECT.parse(request.parent)
        names.check_id(request.experiment_id, "experiment")
        names.DATASET.parse(request.dataset)
        names.ENCODER.parse(request.encoder)
        if not 0 <= request.neighbour_count <= _MOST_NEIGHBOURS:
            raise InvalidArgumentError(
                f"{request.neighbour_count} neighbours are not possible: choose 1 to {_MOST_NEIGHBOURS}.",
                reason="INVALID_NEIGHBOUR_COUNT",
            )
        dataset = self._resources.get_ready(request.dataset, "dataset")
        encoder = self._resources.get_ready(request.encoder, "encoder")
        model = encoder_model(encoder, request.encoder_version)
        version = version_of(encoder, model.version)
        wanted = (version["channels"], version["size"])
        given = (len(dataset.result["channels"]), dataset.result["size"])
        if wanted != given:
            raise FailedPreconditionError(
                f"The encoder '{encoder.id}' takes images of {wanted[0]} channels and {wanted[1]} pixels a side, and "
                f"those of '{dataset.id}' have {given[0]} and {given[1]}: ingest with another recipe or train an "
                "encoder on this dataset.",
                reason="ENCODER_DOES_NOT_FIT",
            )
        parameters = {
            "dataset": request.dataset,
            "encoder": request.encoder,
            "encoder_version": request.encoder_version,
            "neighbours": request.neighbour_count,
        }
        # What is in use now is what the experiment is made with, whatever is chosen while it waits.
        in_force = {**parameters, "encoder_version": model.version, "encoder_precision": model.precision}
        operation = self._platform.operation_store.create(
            "EncodeExperiment",
            request.parent,
            Resource(
                f"{request.parent}/experiments/{request.experiment_id}", "experiment", request.parent, spec=in_force
            ),
            parameters=parameters,
            request_id=request.request_id,
        )
        return operation_to_pb(operation)

    async def ImportExperiment(
        self, request_iterator: AsyncIterator[pb.ImportExperimentRequest], context: Any
    ) -> operations_pb2.Operation:
        """Make an experiment of ready vectors."""
        header, data = await first_header(request_iterator)
        names.PROJECT.parse(header.parent)
        names.check_id(header.experiment_id, "experiment")
        names.DATASET.parse(header.dataset)
        suffix = PurePath(header.file_name).suffix.lower()
        if suffix not in SUFFIXES:
            raise InvalidArgumentError(
                f"'{header.file_name}' is of no known format: give a file that ends in {', '.join(SUFFIXES)}.",
                reason="UNKNOWN_FORMAT",
            )
        self._resources.get_ready(header.dataset, "dataset")
        resource = Resource(
            f"{header.parent}/experiments/{header.experiment_id}",
            "experiment",
            header.parent,
            spec={"dataset": header.dataset, "encoder": "", "neighbours": 0, "file_name": f"vectors{suffix}"},
        )
        operation = await create_of_upload(
            self._platform, "ImportExperiment", resource, request_iterator, first=data, request_id=header.request_id
        )
        return operation_to_pb(operation)

    def DeleteExperiment(self, request: pb.DeleteExperimentRequest, context: Any) -> empty_pb2.Empty:
        """Delete an experiment with its projections and clusterings."""
        names.EXPERIMENT.parse(request.name)
        self._platform.delete(self._resources.get(request.name, "experiment"))
        return empty_pb2.Empty()

    def ReadVectors(self, request: pb.ReadVectorsRequest, context: Any) -> Iterator[TableChunk]:
        """Read the vectors."""
        names.EXPERIMENT.parse(request.name)
        experiment = self._resources.get_ready(request.name, "experiment")
        dataset = self._resources.get_ready(experiment.spec["dataset"], "dataset")
        artifacts = self._platform.artifacts
        image_names = prepared_images(artifacts, dataset.result["table_uri"], ["name"])["name"].to_pylist()
        vectors = artifacts.read_array(experiment.result["vectors_uri"])
        yield from table_chunks(
            pa.table(
                {
                    "row": pa.array(range(len(vectors)), pa.int64()),
                    # Images added to the dataset since have no vector here.
                    "name": pa.array(image_names[: len(vectors)], pa.string()),
                    "vector": pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1]),
                }
            )
        )


def experiment_to_pb(resource: Resource) -> pb.Experiment:
    """Message of an experiment."""
    result = resource.result
    encoded = bool(resource.spec["encoder"])
    precision = Precision.Value(f"PRECISION_{resource.spec.get('encoder_precision', 'fp32').upper()}")
    return pb.Experiment(
        **resource_fields(resource),
        dataset=resource.spec["dataset"],
        encoder=resource.spec["encoder"],
        # Experiments made before encoders had versions were made with the first.
        encoder_version=resource.spec.get("encoder_version", 1) if encoded else 0,
        encoder_precision=precision if encoded else Precision.PRECISION_UNSPECIFIED,
        image_count=result.get("images", 0),
        dimension=result.get("dimension", 0),
        neighbour_count=result.get("neighbours", 0),
        inference_engine=result.get("engine", ""),
        search_recall=result.get("search_recall", 0.0),
        notes=result.get("notes", []),
    )
