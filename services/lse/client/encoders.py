"""Encoders: train, import, evaluate."""

from __future__ import annotations

import builtins
from collections.abc import Iterator, Mapping
from pathlib import Path

from latentspace.training.v1 import training_pb2 as pb
from latentspace.training.v1.training_pb2_grpc import TrainingServiceStub
from lse.client.connection import Connection, pieces
from lse.client.names import Names, new_name
from lse.client.operations import Operation, Operations
from lse.client.requests import new_request_id, setting_messages, source_path
from lse.client.resources import Encoder, Evaluation, Method

__all__ = ["Encoders"]


class Encoders:
    """The encoders of a project."""

    def __init__(self, connection: Connection, names: Names, operations: Operations) -> None:
        self._connection = connection
        self._names = names
        self._operations = operations
        self._stub = TrainingServiceStub(connection.channel)

    def list(self) -> list[Encoder]:
        """All encoders in the order of their names."""
        pages = self._connection.pages(
            lambda token: self._connection.unary(
                self._stub.ListEncoders,
                pb.ListEncodersRequest(parent=self._names.parent, page_size=1000, page_token=token),
            ),
            lambda page: page.encoders,
        )
        return [Encoder.from_pb(message) for message in pages]

    def get(self, name: str) -> Encoder:
        """Encoder of a name."""
        request = pb.GetEncoderRequest(name=self._names.encoder(name))
        return Encoder.from_pb(self._connection.unary(self._stub.GetEncoder, request))

    def train(
        self,
        name: str,
        *,
        dataset: str,
        method: str,
        settings: Mapping[str, object] | None = None,
        seed: int = 0,
        request_id: str | None = None,
    ) -> Operation[Encoder]:
        """Train an encoder on a dataset, without labels.

        Parameters
        ----------
        name
            Its name.
        dataset
            Dataset to learn from.
        method
            Training method, one of `methods`.
        settings
            Parameters of the method; the others take its defaults.
        seed
            Seed of all random numbers.
        request_id
            UUID: the same one gives the same operation.
        """
        parent, short = new_name(self._names.encoder(name))
        request = pb.TrainEncoderRequest(
            parent=parent,
            encoder_id=short,
            dataset=self._names.dataset(dataset),
            method_id=method,
            settings=setting_messages(settings),
            seed=seed,
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.TrainEncoder, request))

    def import_onnx(self, name: str, path: str | Path, *, request_id: str | None = None) -> Operation[Encoder]:
        """Make an encoder of an ONNX file on this machine."""
        parent, short = new_name(self._names.encoder(name))
        header = pb.ImportEncoderHeader(parent=parent, encoder_id=short, request_id=new_request_id(request_id))

        content = pieces(Path(path).expanduser())

        def messages() -> Iterator[pb.ImportEncoderRequest]:
            yield pb.ImportEncoderRequest(header=header)
            for piece in content:
                yield pb.ImportEncoderRequest(data=piece)

        return self._operations.adopt(self._connection.upload(self._stub.ImportEncoder, messages()))

    def pretrained(
        self, name: str, backbone: str, *, weights: str | Path | None = None, request_id: str | None = None
    ) -> Operation[Encoder]:
        """Make an encoder of a pretrained backbone.

        Parameters
        ----------
        name
            Its name.
        backbone
            Such as ``resnet18``.
        weights
            File of weights, as the services see it; fetched by name when not given.
        request_id
            UUID: the same one gives the same operation.
        """
        parent, short = new_name(self._names.encoder(name))
        request = pb.CreatePretrainedEncoderRequest(
            parent=parent,
            encoder_id=short,
            backbone=backbone,
            weights=source_path(weights) if weights is not None else "",
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.CreatePretrainedEncoder, request))

    def evaluate(
        self, name: str, *, dataset: str, label_column: str = "class", request_id: str | None = None
    ) -> Operation[Evaluation]:
        """Score an encoder on a dataset against the classes of a column."""
        request = pb.EvaluateEncoderRequest(
            name=self._names.encoder(name),
            dataset=self._names.dataset(dataset),
            label_column=label_column,
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.EvaluateEncoder, request))

    def delete(self, name: str, *, force: bool = False) -> None:
        """Delete an encoder, with `force` also what was made with it."""
        request = pb.DeleteEncoderRequest(name=self._names.encoder(name), force=force)
        self._connection.unary(self._stub.DeleteEncoder, request)

    def methods(self) -> builtins.list[Method]:
        """Training methods, simplest first."""
        answer = self._connection.unary(self._stub.ListMethods, pb.ListMethodsRequest())
        return [Method.from_pb(message) for message in answer.methods]
