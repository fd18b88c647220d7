"""The projection service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.projection.v1 import projection_pb2 as pb
from latentspace.projection.v1 import projection_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse.analysis.reducers import REDUCERS
from lse.errors import FailedPreconditionError
from lse.platform.catalogue import ExperimentRecord, ProjectionRecord
from lse.platform.catalogue.records.projection import ProjectionSpec
from lse.platform.rpc.collection import Collection
from lse.platform.rpc.messages import method_to_pb, parameters_from_pb, table_chunks
from lse.platform.rpc.rows import checked_columns, rows_of
from lse.platform.wiring import Platform
from lse.services.projection.beside import check_beside
from lse.services.projection.clouds import cloud_pieces
from lse.services.projection.jobs import run_projection
from lse.services.projection.transforms import check_same_vectors, transform_projection

__all__ = ["ProjectionServicer", "register"]


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    projection_pb2_grpc.add_ProjectionServiceServicer_to_server(ProjectionServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["ProjectionService"].full_name)


class ProjectionServicer(projection_pb2_grpc.ProjectionServiceServicer):
    """Answers ``latentspace.projection.v1.ProjectionService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._import_paths = platform.settings.allow_import_paths
        self._projections = Collection(platform, ProjectionRecord, pb.Projection)
        self._projections.register("RunProjection", run_projection)
        self._projections.register("TransformProjection", transform_projection)

    def ListProjections(self, request: pb.ListProjectionsRequest, context: Any) -> pb.ListProjectionsResponse:
        """List the projections of an experiment."""
        return self._projections.list(request, pb.ListProjectionsResponse)

    def GetProjection(self, request: pb.GetProjectionRequest, context: Any) -> pb.Projection:
        """Get a projection."""
        return self._projections.get(request)

    def RunProjection(self, request: pb.RunProjectionRequest, context: Any) -> operations_pb2.Operation:
        """Run a projection."""
        given = parameters_from_pb(request.parameters)
        in_force = REDUCERS.parse(request.method, given, import_paths=self._import_paths).model_dump()
        experiment = self._platform.resources.get_ready(request.parent, ExperimentRecord)
        spec = ProjectionSpec(method=REDUCERS[request.method].id, parameters=in_force)
        check_beside(self._platform.resources, experiment, spec)
        return self._projections.make(request, spec)

    def TransformProjection(self, request: pb.TransformProjectionRequest, context: Any) -> operations_pb2.Operation:
        """Place the images of another experiment in a projection."""
        fitted = self._projections.ready(request.name)
        if not fitted.result.model:
            raise FailedPreconditionError(
                f"The projection '{fitted.id}' keeps no model that could place images: run it again, by one of "
                f"{', '.join(method.id for method in REDUCERS if method.facts.restore)}.",
                reason="PROJECTION_MODEL_MISSING",
                name=fitted.name,
            )
        ready = self._platform.resources.get_ready
        check_same_vectors(ready(fitted.parent, ExperimentRecord), ready(request.experiment, ExperimentRecord))
        spec = fitted.spec.model_copy(update={"placed_on": fitted.name})
        return self._projections.make(request, spec, parent=request.experiment)

    def UpdateProjection(self, request: pb.UpdateProjectionRequest, context: Any) -> pb.Projection:
        """Update the title and the description of a projection."""
        return self._projections.update(request)

    def DeleteProjection(self, request: pb.DeleteProjectionRequest, context: Any) -> empty_pb2.Empty:
        """Delete a projection."""
        return self._projections.delete(request)

    def ReadCoordinates(self, request: pb.ReadCoordinatesRequest, context: Any) -> Iterator[TableChunk]:
        """Read the coordinates."""
        projection = self._projections.ready(request.name)
        rows = rows_of(request.rows, count=projection.result.image_count, dataset=projection.id)
        coordinates = self._platform.artifacts.read_array(projection.result.coordinates_uri, rows)
        axes = "xyz"[: coordinates.shape[1]]
        what = f"The projection '{projection.id}'"
        trust = list(projection.result.trust_columns) if projection.result.trust_uri else []
        wanted = checked_columns(request.columns or axes, ["row", *axes, *trust], what=what, always=["row"])
        columns = {axis: coordinates[:, index] for index, axis in enumerate(axes) if axis in wanted}
        if set(trust) & set(wanted):
            shares = self._platform.artifacts.read_array(projection.result.trust_uri, rows)
            columns |= {name: shares[:, index] for index, name in enumerate(trust) if name in wanted}
        yield from table_chunks(pa.table({"row": np.asarray(rows, np.int64), **columns}))

    def ReadPointCloud(self, request: pb.ReadPointCloudRequest, context: Any) -> Iterator[pb.ReadPointCloudResponse]:
        """Read the point cloud."""
        projection = self._projections.ready(request.name)
        for name, piece in cloud_pieces(self._platform.artifacts, projection.result):
            yield pb.ReadPointCloudResponse(file=name, data=piece)

    def ListMethods(self, request: pb.ListMethodsRequest, context: Any) -> pb.ListMethodsResponse:
        """List the projection methods."""
        return pb.ListMethodsResponse(methods=[method_to_pb(method) for method in REDUCERS])
