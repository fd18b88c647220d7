"""Predictions: run, read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from latentspace.prediction.v1 import prediction_pb2 as pb
from lse.client.collection import ExperimentCollection, MethodsOfKind
from lse.client.operations import Operation
from lse.client.requests import parameters_message
from lse.client.resources import Prediction
from lse.errors import InvalidArgumentError
from lse.names import LABEL_SCHEME

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Predictions"]


class Predictions(ExperimentCollection[Prediction], MethodsOfKind[Prediction]):
    """The predictions of experiments: classes of all images, learnt from the labels of some."""

    def run(
        self,
        name: str,
        *,
        experiment: str,
        scheme: str | None = None,
        column: str | None = None,
        method: str = "linear-probe",
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        request_id: str | None = None,
        **more: object,
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
        parameters, **more
            Parameters of the method, as a mapping or as keyword arguments; the others take its defaults.
        settings
            Former name of `parameters`.
        request_id
            UUID: the same one gives the same operation.
        """
        if (scheme is None) == (column is None):
            raise InvalidArgumentError(
                "A prediction learns from either a label scheme or a column: name one of them.",
                reason="LABELS_INVALID",
            )
        return self._make(
            "Run{}",
            experiment,
            name,
            method=method,
            label_scheme=None if scheme is None else self._name(LABEL_SCHEME, scheme),
            label_column=column,
            parameters=parameters_message(parameters, settings, more),
            request_id=request_id,
        )

    def table(
        self, experiment: str, name: str, *, rows: Iterable[int] | None = None, columns: Iterable[str] = ()
    ) -> pa.Table:
        """Classes of the images: columns ``row``, ``label``, ``probability`` and ``probability.<class>`` (float32).

        Parameters
        ----------
        experiment, name
            Experiment and prediction.
        rows, columns
            Rows, such as an array or a range, which come in ascending order, and columns beside ``row`` (default: all).
        """
        return self._read(pb.ReadPredictionsRequest(name=self._full(experiment, name)), rows, columns)
