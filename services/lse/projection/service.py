"""The projection service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import pyarrow as pa
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.projection.v1 import projection_pb2 as pb
from latentspace.projection.v1 import projection_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse.platform import names
from lse.platform.catalogue import Resource
from lse.platform.errors import InvalidArgumentError, UnimplementedError
from lse.platform.operations.servicer import operation_to_pb
from lse.platform.rpc.messages import (
    figures,
    method_to_pb,
    packed,
    resource_fields,
    settings,
    settings_from_pb,
    table_chunks,
)
from lse.platform.wiring import Platform
from lse.projection.jobs import run_projection
from lse.projection.reducers import list_methods, read_parameters

__all__ = ["ProjectionServicer", "register"]


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    platform.runner.register(
        "RunProjection",
        run_projection,
        resource_kind="projection",
        respond=lambda resource: packed(projection_to_pb(resource)),
    )
    projection_pb2_grpc.add_ProjectionServiceServicer_to_server(ProjectionServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["ProjectionService"].full_name)


class ProjectionServicer(projection_pb2_grpc.ProjectionServiceServicer):
    """Answers ``latentspace.projection.v1.ProjectionService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._resources = platform.resources

    def ListProjections(self, request: pb.ListProjectionsRequest, context: Any) -> pb.ListProjectionsResponse:
        """List the projections of an experiment."""
        names.EXPERIMENT.parse(request.parent)
        page = self._resources.page(
            "projection", request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListProjectionsResponse(
            projections=[projection_to_pb(resource) for resource in page.resources],
            next_page_token=page.next_page_token,
        )

    def GetProjection(self, request: pb.GetProjectionRequest, context: Any) -> pb.Projection:
        """Get a projection."""
        names.PROJECTION.parse(request.name)
        return projection_to_pb(self._resources.get(request.name, "projection"))

    def RunProjection(self, request: pb.RunProjectionRequest, context: Any) -> operations_pb2.Operation:
        """Run a projection."""
        project, _ = names.EXPERIMENT.parse(request.parent)
        names.check_id(request.projection_id, "projection")
        components = request.component_count or 2
        if components not in (2, 3):
            raise InvalidArgumentError(
                f"A projection has 2 or 3 dimensions, not {components}.", reason="BAD_COMPONENTS"
            )
        given = settings_from_pb(request.settings)
        in_force = read_parameters(request.method_id, given).model_dump()
        self._resources.get_ready(request.parent, "experiment")
        parameters = {
            "method": request.method_id,
            "components": components,
            "settings": given,
            "seed": request.seed,
        }
        operation = self._platform.operation_store.create(
            "RunProjection",
            names.PROJECT.format(project),
            Resource(
                f"{request.parent}/projections/{request.projection_id}",
                "projection",
                request.parent,
                spec={**parameters, "settings": in_force},
            ),
            parameters=parameters,
            request_id=request.request_id,
        )
        return operation_to_pb(operation)

    def TransformProjection(self, request: pb.TransformProjectionRequest, context: Any) -> operations_pb2.Operation:
        """Place the images of another experiment in a projection: not built yet."""
        raise UnimplementedError(
            "TransformProjection is not built yet: run a projection of the other experiment.", reason="NOT_BUILT"
        )

    def DeleteProjection(self, request: pb.DeleteProjectionRequest, context: Any) -> empty_pb2.Empty:
        """Delete a projection."""
        names.PROJECTION.parse(request.name)
        self._platform.delete(self._resources.get(request.name, "projection"))
        return empty_pb2.Empty()

    def ReadCoordinates(self, request: pb.ReadCoordinatesRequest, context: Any) -> Iterator[TableChunk]:
        """Read the coordinates."""
        names.PROJECTION.parse(request.name)
        projection = self._resources.get_ready(request.name, "projection")
        coordinates = self._platform.artifacts.read_array(projection.result["coordinates_uri"])
        columns = {"row": pa.array(range(len(coordinates)), pa.int64())}
        for axis, key in enumerate("xyz"[: coordinates.shape[1]]):
            columns[key] = pa.array(coordinates[:, axis])
        yield from table_chunks(pa.table(columns))

    def ListMethods(self, request: pb.ListMethodsRequest, context: Any) -> pb.ListMethodsResponse:
        """List the projection methods."""
        return pb.ListMethodsResponse(methods=[method_to_pb(method) for method in list_methods()])


def projection_to_pb(resource: Resource) -> pb.Projection:
    """Message of a projection."""
    spec, result = resource.spec, resource.result
    return pb.Projection(
        **resource_fields(resource),
        method_id=spec["method"],
        settings=settings(spec["settings"]),
        component_count=spec["components"],
        seed=spec["seed"],
        image_count=result.get("images", 0),
        figures=figures(result.get("figures", {})),
        notes=result.get("notes", []),
    )
