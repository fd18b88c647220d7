"""Predictions: run, read."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from typing import TYPE_CHECKING

from latentspace.training.v1 import predictions_pb2 as pb
from latentspace.training.v1.predictions_pb2_grpc import PredictionServiceStub
from lse.client.connection import Connection
from lse.client.names import Names, new_name
from lse.client.operations import Operation, Operations
from lse.client.requests import new_request_id, setting_messages
from lse.client.resources import Method, Prediction
from lse.platform.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Predictions"]


class Predictions:
    """The predictions of experiments: classes of all images, learnt from the labels of some."""

    def __init__(self, connection: Connection, names: Names, operations: Operations) -> None:
        self._connection = connection
        self._names = names
        self._operations = operations
        self._stub = PredictionServiceStub(connection.channel)

    def list(self, experiment: str) -> list[Prediction]:
        """All predictions of an experiment in the order of their names."""
        parent = self._names.experiment(experiment)
        pages = self._connection.pages(
            lambda token: self._connection.unary(
                self._stub.ListPredictions,
                pb.ListPredictionsRequest(parent=parent, page_size=1000, page_token=token),
            ),
            lambda page: page.predictions,
        )
        return [Prediction.from_pb(message) for message in pages]

    def get(self, experiment: str, name: str) -> Prediction:
        """Prediction of a name."""
        request = pb.GetPredictionRequest(name=self._names.prediction(experiment, name))
        return Prediction.from_pb(self._connection.unary(self._stub.GetPrediction, request))

    def run(
        self,
        name: str,
        *,
        experiment: str,
        scheme: str | None = None,
        column: str | None = None,
        method: str = "linear-probe",
        settings: Mapping[str, object] | None = None,
        seed: int = 0,
        request_id: str | None = None,
    ) -> Operation[Prediction]:
        """Learn from the labels of some images, and predict the class of all.

        Parameters
        ----------
        name
            Name of the prediction.
        experiment
            Experiment.
        scheme, column
            Label scheme, or column of the catalogue: exactly one of the two.
        method
            One of `methods`.
        settings
            Parameters of the method; the others take its defaults.
        seed
            Seed of all random numbers.
        request_id
            UUID: the same one gives the same operation.
        """
        if (scheme is None) == (column is None):
            raise InvalidArgumentError(
                "A prediction learns from either a label scheme or a column: name one of them.",
                reason="INVALID_LABELS",
            )
        parent, short = new_name(self._names.prediction(experiment, name))
        request = pb.RunPredictionRequest(
            parent=parent,
            prediction_id=short,
            method_id=method,
            settings=setting_messages(settings),
            seed=seed,
            request_id=new_request_id(request_id),
        )
        if scheme is not None:
            request.label_scheme = self._names.label_scheme(scheme)
        if column is not None:
            request.label_column = column
        return self._operations.adopt(self._connection.unary(self._stub.RunPrediction, request))

    def table(self, experiment: str, name: str) -> pa.Table:
        """Classes of all images: columns ``row``, ``label``, ``probability`` and ``probability.<class>`` (float32)."""
        request = pb.ReadPredictionsRequest(name=self._names.prediction(experiment, name))
        return self._connection.table(self._stub.ReadPredictions, request)

    def delete(self, experiment: str, name: str) -> None:
        """Delete a prediction."""
        request = pb.DeletePredictionRequest(name=self._names.prediction(experiment, name))
        self._connection.unary(self._stub.DeletePrediction, request)

    def methods(self) -> builtins.list[Method]:
        """Ways to learn from labels, simplest first."""
        answer = self._connection.unary(self._stub.ListPredictionMethods, pb.ListPredictionMethodsRequest())
        return [Method.from_pb(message) for message in answer.methods]
