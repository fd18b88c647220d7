"""The encoding service: experiments."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import PurePath
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2
from numpy.typing import NDArray

from latentspace.encoding.v1 import encoding_pb2 as pb
from latentspace.encoding.v1 import encoding_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse.errors import InvalidArgumentError
from lse.platform.catalogue import DatasetRecord, EncoderRecord, ExperimentRecord
from lse.platform.catalogue.records.experiment import ExperimentSpec
from lse.platform.catalogue.records.record import Nothing
from lse.platform.inference.encoders import encoder_model
from lse.platform.prepared_images import prepared_images
from lse.platform.rpc.collection import Collection
from lse.platform.rpc.messages import table_chunks
from lse.platform.rpc.rows import checked_columns, checked_count, rows_of
from lse.platform.rpc.uploads import first_header, make_of_upload
from lse.platform.wiring import Platform
from lse.services.encoding.jobs import encode_experiment, import_experiment, rebuild_experiment
from lse.tables.ready_vectors import SUFFIXES

__all__ = ["EncodingServicer", "register"]

_MOST_NEIGHBOURS = 200
_ROWS_PER_BLOCK = 16384


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    encoding_pb2_grpc.add_EncodingServiceServicer_to_server(EncodingServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["EncodingService"].full_name)


class EncodingServicer(encoding_pb2_grpc.EncodingServiceServicer):
    """Answers ``latentspace.encoding.v1.EncodingService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._resources = platform.resources
        self._experiments = Collection(platform, ExperimentRecord, pb.Experiment)
        self._experiments.register("EncodeExperiment", encode_experiment)
        self._experiments.register("ImportExperiment", import_experiment)
        self._experiments.register("RebuildExperiment", rebuild_experiment)

    def ListExperiments(self, request: pb.ListExperimentsRequest, context: Any) -> pb.ListExperimentsResponse:
        """List the experiments of a project."""
        return self._experiments.list(request, pb.ListExperimentsResponse)

    def GetExperiment(self, request: pb.GetExperimentRequest, context: Any) -> pb.Experiment:
        """Get an experiment."""
        return self._experiments.get(request)

    def EncodeExperiment(self, request: pb.EncodeExperimentRequest, context: Any) -> operations_pb2.Operation:
        """Encode a dataset."""
        neighbours = checked_count(request.neighbour_count, usual=0, most=_MOST_NEIGHBOURS, what="neighbours")
        dataset = self._resources.get_ready(request.dataset, DatasetRecord)
        encoder = self._resources.get_ready(request.encoder, EncoderRecord)
        # What is in use now is what the experiment is made with, whatever is chosen while it waits.
        model = encoder_model(encoder, request.encoder_version)
        encoder.version(model.version).check_fits(dataset, encoder=encoder.id)
        self._check_project(request.parent, dataset)
        spec = ExperimentSpec(
            dataset=dataset.name,
            encoder=encoder.name,
            encoder_version=model.version,
            encoder_precision=model.precision,
            neighbour_count=neighbours,
        )
        return self._experiments.make(request, spec)

    async def ImportExperiment(
        self, request_iterator: AsyncIterator[pb.ImportExperimentRequest], context: Any
    ) -> operations_pb2.Operation:
        """Make an experiment of ready vectors."""
        header, content = await first_header(request_iterator)
        suffix = PurePath(header.file_name).suffix.lower()
        if suffix not in SUFFIXES:
            raise InvalidArgumentError(
                f"'{header.file_name}' is not of a known format: give a file that ends in {', '.join(SUFFIXES)}.",
                reason="FORMAT_UNKNOWN",
            )
        self._check_project(header.parent, self._resources.get_ready(header.dataset, DatasetRecord))
        record = self._experiments.new(header, ExperimentSpec(dataset=header.dataset, file_name=f"vectors{suffix}"))
        return await make_of_upload(self._platform, "ImportExperiment", record, header, content)

    def RebuildExperiment(self, request: pb.RebuildExperimentRequest, context: Any) -> operations_pb2.Operation:
        """Fill the collection of an experiment anew from its stored vectors."""
        self._experiments.ready(request.name)
        return self._experiments.change(request, Nothing(), alone=True)

    def _check_project(self, project: str, dataset: DatasetRecord) -> None:
        """Check that a project may have an experiment of a dataset: its own one, within its quota."""
        # Whoever reads an experiment reads the names and the metadata of its images.
        if dataset.parent != project:
            raise InvalidArgumentError(
                f"'{dataset.name}' is of another project: choose a dataset of {project}.", reason="PROJECT_MISMATCH"
            )
        self._platform.access.quotas.require(project, vector_count=dataset.result.prepared_count)

    def UpdateExperiment(self, request: pb.UpdateExperimentRequest, context: Any) -> pb.Experiment:
        """Update the title and the description of an experiment."""
        return self._experiments.update(request)

    def DeleteExperiment(self, request: pb.DeleteExperimentRequest, context: Any) -> empty_pb2.Empty:
        """Delete an experiment with its projections and clusterings."""
        return self._experiments.delete(request)

    def ReadVectors(self, request: pb.ReadVectorsRequest, context: Any) -> Iterator[TableChunk]:
        """Read the vectors."""
        experiment = self._experiments.ready(request.name)
        usual = ["row", "name", "vector"]
        wanted = checked_columns(
            request.columns or usual,
            [*usual, *experiment.result.outlier_scores],
            what=f"The experiment '{experiment.id}'",
            always=["row"],
        )
        rows = rows_of(request.rows, count=experiment.result.image_count, dataset=experiment.id)
        yield from table_chunks(self._vector_blocks(experiment, rows, wanted))

    def _vector_blocks(
        self, experiment: ExperimentRecord, rows: NDArray[np.int64] | range, columns: Sequence[str]
    ) -> Iterator[pa.Table]:
        """Vectors of some rows, some thousand at a time."""
        artifacts, dataset = self._platform.artifacts, self._resources.get(experiment.spec.dataset, DatasetRecord)
        for start in range(0, max(1, len(rows)), _ROWS_PER_BLOCK):
            block = rows[start : start + _ROWS_PER_BLOCK]
            table: dict[str, Any] = {"row": np.asarray(block, np.int64)}
            if "name" in columns:
                table["name"] = prepared_images(artifacts, dataset.result.table_uri, ["name"], block)["name"]
            if "vector" in columns:
                vectors = artifacts.read_array(experiment.result.vectors_uri, block)
                table["vector"] = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
            if scores := [name for name in experiment.result.outlier_scores if name in columns]:
                values = artifacts.read_array(experiment.result.outliers_uri, block)
                table |= {name: values[:, experiment.result.outlier_scores.index(name)] for name in scores}
            yield pa.table(table)
