"""Experiments: encode, import, read vectors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from latentspace.encoding.v1 import encoding_pb2 as pb
from latentspace.encoding.v1.encoding_pb2_grpc import EncodingServiceStub
from lse.client.connection import Connection, pieces
from lse.client.names import Names, new_name
from lse.client.operations import Operation, Operations
from lse.client.requests import new_request_id
from lse.client.resources import Experiment

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Experiments"]


class Experiments:
    """The experiments of a project."""

    def __init__(self, connection: Connection, names: Names, operations: Operations) -> None:
        self._connection = connection
        self._names = names
        self._operations = operations
        self._stub = EncodingServiceStub(connection.channel)

    def list(self) -> list[Experiment]:
        """All experiments in the order of their names."""
        pages = self._connection.pages(
            lambda token: self._connection.unary(
                self._stub.ListExperiments,
                pb.ListExperimentsRequest(parent=self._names.parent, page_size=1000, page_token=token),
            ),
            lambda page: page.experiments,
        )
        return [Experiment.from_pb(message) for message in pages]

    def get(self, name: str) -> Experiment:
        """Experiment of a name."""
        request = pb.GetExperimentRequest(name=self._names.experiment(name))
        return Experiment.from_pb(self._connection.unary(self._stub.GetExperiment, request))

    def encode(
        self,
        name: str,
        *,
        dataset: str,
        encoder: str,
        encoder_version: int | None = None,
        neighbours: int | None = None,
        request_id: str | None = None,
    ) -> Operation[Experiment]:
        """Encode every prepared image of a dataset.

        Parameters
        ----------
        name
            Name of the experiment.
        dataset, encoder
            What is seen through what.
        encoder_version
            Version of the encoder; the one in use when not given.
        neighbours
            Neighbours of each image in the neighbour graph.
        request_id
            UUID: the same one gives the same operation.
        """
        parent, short = new_name(self._names.experiment(name))
        request = pb.EncodeExperimentRequest(
            parent=parent,
            experiment_id=short,
            dataset=self._names.dataset(dataset),
            encoder=self._names.encoder(encoder),
            encoder_version=encoder_version or 0,
            neighbour_count=neighbours or 0,
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.EncodeExperiment, request))

    def import_vectors(
        self, name: str, path: str | Path, *, dataset: str, request_id: str | None = None
    ) -> Operation[Experiment]:
        """Make an experiment of ready vectors in a file on this machine, joined by image name."""
        parent, short = new_name(self._names.experiment(name))
        file = Path(path).expanduser()
        header = pb.ImportExperimentHeader(
            parent=parent,
            experiment_id=short,
            dataset=self._names.dataset(dataset),
            file_name=file.name,
            request_id=new_request_id(request_id),
        )

        content = pieces(file)

        def messages() -> Iterator[pb.ImportExperimentRequest]:
            yield pb.ImportExperimentRequest(header=header)
            for piece in content:
                yield pb.ImportExperimentRequest(data=piece)

        return self._operations.adopt(self._connection.upload(self._stub.ImportExperiment, messages()))

    def vectors(self, name: str) -> pa.Table:
        """Vectors: columns ``row``, ``name`` and ``vector`` (fixed-size list of float32)."""
        request = pb.ReadVectorsRequest(name=self._names.experiment(name))
        return self._connection.table(self._stub.ReadVectors, request)

    def delete(self, name: str) -> None:
        """Delete an experiment with its projections and clusterings."""
        request = pb.DeleteExperimentRequest(name=self._names.experiment(name))
        self._connection.unary(self._stub.DeleteExperiment, request)
