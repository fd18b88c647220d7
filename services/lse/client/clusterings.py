"""Clusterings: run, compare, read assignments."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING

from latentspace.clustering.v1 import clustering_pb2 as pb
from latentspace.clustering.v1.clustering_pb2_grpc import ClusteringServiceStub
from lse.client.connection import Connection
from lse.client.names import Names, new_name
from lse.client.operations import Operation, Operations
from lse.client.requests import new_request_id, setting_messages
from lse.client.resources import Clustering, Comparison, Method
from lse.platform.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LATENT", "Clusterings"]

LATENT = "latent"


class Clusterings:
    """The clusterings of experiments."""

    def __init__(self, connection: Connection, names: Names, operations: Operations) -> None:
        self._connection = connection
        self._names = names
        self._operations = operations
        self._stub = ClusteringServiceStub(connection.channel)

    def list(self, experiment: str) -> list[Clustering]:
        """All clusterings of an experiment in the order of their names."""
        parent = self._names.experiment(experiment)
        pages = self._connection.pages(
            lambda token: self._connection.unary(
                self._stub.ListClusterings,
                pb.ListClusteringsRequest(parent=parent, page_size=1000, page_token=token),
            ),
            lambda page: page.clusterings,
        )
        return [Clustering.from_pb(message) for message in pages]

    def get(self, experiment: str, name: str) -> Clustering:
        """Clustering of a name."""
        request = pb.GetClusteringRequest(name=self._names.clustering(experiment, name))
        return Clustering.from_pb(self._connection.unary(self._stub.GetClustering, request))

    def run(
        self,
        name: str,
        *,
        experiment: str,
        method: str,
        on: str = LATENT,
        settings: Mapping[str, object] | None = None,
        seed: int = 0,
        request_id: str | None = None,
    ) -> Operation[Clustering]:
        """Look for groups among the images of an experiment.

        Parameters
        ----------
        name
            Name of the clustering.
        experiment
            Experiment.
        method
            Clustering method, one of `methods`.
        on
            ``latent`` for the vectors, or the projection whose coordinates are clustered.
        settings
            Parameters of the method; the others take its defaults.
        seed
            Seed of all random numbers.
        request_id
            UUID: the same one gives the same operation.
        """
        parent, short = new_name(self._names.clustering(experiment, name))
        request = pb.RunClusteringRequest(
            parent=parent,
            clustering_id=short,
            method_id=method,
            projection="" if on == LATENT else self._names.projection(experiment, on),
            settings=setting_messages(settings),
            seed=seed,
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.RunClustering, request))

    def assignments(self, experiment: str, name: str) -> pa.Table:
        """Assignments: columns ``row``, ``cluster`` (int32, -1 is noise) and ``membership`` (float32)."""
        request = pb.ReadAssignmentsRequest(name=self._names.clustering(experiment, name))
        return self._connection.table(self._stub.ReadAssignments, request)

    def compare(self, experiment: str, a: str, b: str | None = None, *, column: str | None = None) -> Comparison:
        """Compare a clustering with another one, or with a metadata column of the dataset.

        Parameters
        ----------
        experiment
            Experiment.
        a
            Clustering.
        b, column
            Another clustering, or a column: exactly one of the two.
        """
        if (b is None) == (column is None):
            raise InvalidArgumentError(
                "A clustering is compared with either another clustering or a column: name one of them.",
                reason="INVALID_COMPARISON",
            )
        request = pb.CompareClusteringsRequest(name=self._names.clustering(experiment, a))
        if b is not None:
            request.clustering = self._names.clustering(experiment, b)
        if column is not None:
            request.column = column
        return Comparison.from_pb(self._connection.unary(self._stub.CompareClusterings, request))

    def delete(self, experiment: str, name: str) -> None:
        """Delete a clustering."""
        request = pb.DeleteClusteringRequest(name=self._names.clustering(experiment, name))
        self._connection.unary(self._stub.DeleteClustering, request)

    def methods(self) -> builtins.list[Method]:
        """Clustering methods, simplest first."""
        answer = self._connection.unary(self._stub.ListMethods, pb.ListMethodsRequest())
        return [Method.from_pb(message) for message in answer.methods]
