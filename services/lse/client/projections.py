"""Projections: run, transform, read coordinates."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING

from latentspace.projection.v1 import projection_pb2 as pb
from latentspace.projection.v1.projection_pb2_grpc import ProjectionServiceStub
from lse.client.connection import Connection
from lse.client.names import Names, new_name
from lse.client.operations import Operation, Operations
from lse.client.requests import new_request_id, setting_messages
from lse.client.resources import Method, Projection
from lse.platform.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Projections"]


class Projections:
    """The projections of experiments."""

    def __init__(self, connection: Connection, names: Names, operations: Operations) -> None:
        self._connection = connection
        self._names = names
        self._operations = operations
        self._stub = ProjectionServiceStub(connection.channel)

    def list(self, experiment: str) -> list[Projection]:
        """All projections of an experiment in the order of their names."""
        parent = self._names.experiment(experiment)
        pages = self._connection.pages(
            lambda token: self._connection.unary(
                self._stub.ListProjections,
                pb.ListProjectionsRequest(parent=parent, page_size=1000, page_token=token),
            ),
            lambda page: page.projections,
        )
        return [Projection.from_pb(message) for message in pages]

    def get(self, experiment: str, name: str) -> Projection:
        """Projection of a name."""
        request = pb.GetProjectionRequest(name=self._names.projection(experiment, name))
        return Projection.from_pb(self._connection.unary(self._stub.GetProjection, request))

    def run(
        self,
        name: str,
        *,
        experiment: str,
        method: str,
        components: int = 2,
        settings: Mapping[str, object] | None = None,
        seed: int = 0,
        request_id: str | None = None,
    ) -> Operation[Projection]:
        """Arrange the vectors of an experiment in two or three dimensions.

        Parameters
        ----------
        name
            Name of the projection.
        experiment
            Experiment.
        method
            Projection method, one of `methods`.
        components
            Dimensions, 2 or 3.
        settings
            Parameters of the method; the others take its defaults.
        seed
            Seed of all random numbers.
        request_id
            UUID: the same one gives the same operation.
        """
        if components not in {2, 3}:
            raise InvalidArgumentError(
                f"A projection has 2 or 3 components, not {components}.", reason="INVALID_COMPONENTS"
            )
        parent, short = new_name(self._names.projection(experiment, name))
        request = pb.RunProjectionRequest(
            parent=parent,
            projection_id=short,
            method_id=method,
            component_count=components,
            settings=setting_messages(settings),
            seed=seed,
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.RunProjection, request))

    def transform(
        self, projection: str, *, experiment: str, target: str, name: str, request_id: str | None = None
    ) -> Operation[Projection]:
        """Place the images of another experiment of the same encoder in a projection, which stays as it is.

        Parameters
        ----------
        projection, experiment
            Projection and the experiment that it belongs to.
        target
            Experiment whose images are placed.
        name
            Name of the projection made below `target`.
        request_id
            UUID: the same one gives the same operation.
        """
        parent, short = new_name(self._names.projection(target, name))
        request = pb.TransformProjectionRequest(
            name=self._names.projection(experiment, projection),
            experiment=parent,
            projection_id=short,
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.TransformProjection, request))

    def coordinates(self, experiment: str, name: str) -> pa.Table:
        """Coordinates: columns ``row``, ``x``, ``y`` and, in three dimensions, ``z``, float32."""
        request = pb.ReadCoordinatesRequest(name=self._names.projection(experiment, name))
        return self._connection.table(self._stub.ReadCoordinates, request)

    def delete(self, experiment: str, name: str) -> None:
        """Delete a projection."""
        request = pb.DeleteProjectionRequest(name=self._names.projection(experiment, name))
        self._connection.unary(self._stub.DeleteProjection, request)

    def methods(self) -> builtins.list[Method]:
        """Projection methods, simplest first."""
        answer = self._connection.unary(self._stub.ListMethods, pb.ListMethodsRequest())
        return [Method.from_pb(message) for message in answer.methods]
