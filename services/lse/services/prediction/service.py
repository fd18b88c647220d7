"""The prediction service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.prediction.v1 import prediction_pb2 as pb
from latentspace.prediction.v1 import prediction_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse.errors import FailedPreconditionError, InvalidArgumentError
from lse.platform.catalogue import DatasetRecord, EncoderRecord, ExperimentRecord, LabelSchemeRecord, PredictionRecord
from lse.platform.catalogue.records.prediction import PredictionSpec
from lse.platform.rpc.collection import Collection
from lse.platform.rpc.messages import method_to_pb, parameters_from_pb, table_chunks
from lse.platform.rpc.rows import checked_columns, rows_of
from lse.platform.wiring import Platform
from lse.representation.prediction import PREDICTORS
from lse.representation.prediction.fine_tuning import views_of_training
from lse.services.prediction.jobs import run_prediction

__all__ = ["PredictionServicer", "register"]


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    prediction_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["PredictionService"].full_name)


class PredictionServicer(prediction_pb2_grpc.PredictionServiceServicer):
    """Answers ``latentspace.prediction.v1.PredictionService``."""

    def __init__(self, platform: Platform) -> None:
        self._resources = platform.resources
        self._artifacts = platform.artifacts
        self._import_paths = platform.settings.allow_import_paths
        self._predictions = Collection(platform, PredictionRecord, pb.Prediction)
        self._predictions.register("RunPrediction", run_prediction)

    def ListPredictions(self, request: pb.ListPredictionsRequest, context: Any) -> pb.ListPredictionsResponse:
        """List the predictions of an experiment."""
        return self._predictions.list(request, pb.ListPredictionsResponse)

    def GetPrediction(self, request: pb.GetPredictionRequest, context: Any) -> pb.Prediction:
        """Get a prediction."""
        return self._predictions.get(request)

    def RunPrediction(self, request: pb.RunPredictionRequest, context: Any) -> operations_pb2.Operation:
        """Learn from labels and predict the class of every image."""
        given = parameters_from_pb(request.parameters)
        in_force = PREDICTORS.parse(request.method, given, import_paths=self._import_paths).model_dump()
        method = PREDICTORS[request.method]
        experiment = self._resources.get_ready(request.parent, ExperimentRecord)
        self._check_labels(request, experiment)
        if method.facts.needs_encoder:
            in_force = self._as_trained(in_force, experiment)
        spec = PredictionSpec(
            label_scheme=request.label_scheme,
            label_column=request.label_column,
            method=method.id,
            parameters=in_force,
        )
        return self._predictions.make(request, spec)

    def UpdatePrediction(self, request: pb.UpdatePredictionRequest, context: Any) -> pb.Prediction:
        """Update the title and the description of a prediction."""
        return self._predictions.update(request)

    def DeletePrediction(self, request: pb.DeletePredictionRequest, context: Any) -> empty_pb2.Empty:
        """Delete a prediction."""
        return self._predictions.delete(request)

    def ReadPredictions(self, request: pb.ReadPredictionsRequest, context: Any) -> Iterator[TableChunk]:
        """Read class and probabilities of every image."""
        prediction = self._predictions.ready(request.name)
        result = prediction.result
        classes = [each.label for each in result.classes]
        of_class = {f"probability.{label}": code for code, label in enumerate(classes)}
        known, what = ["row", "label", "probability", *of_class], f"The prediction '{prediction.id}'"
        wanted = checked_columns(request.columns, known, what=what, always=["row"])
        count = int(self._artifacts.open_array(result.codes_uri).shape[0])
        rows = rows_of(request.rows, count=count, dataset=prediction.id)
        columns: dict[str, Any] = {"row": np.asarray(rows, np.int64)}
        if "label" in wanted:
            codes = pa.array(self._artifacts.read_array(result.codes_uri, rows), pa.int32())
            columns["label"] = pa.DictionaryArray.from_arrays(codes, pa.array(classes, pa.string())).cast(pa.string())
        if any(name.startswith("probability") for name in wanted):
            probabilities = self._artifacts.read_array(result.probabilities_uri, rows)
            columns["probability"] = probabilities.max(axis=1, initial=0.0)
            columns |= {name: probabilities[:, code] for name, code in of_class.items()}
        yield from table_chunks(pa.table(columns).select(wanted))

    def ListMethods(self, request: pb.ListMethodsRequest, context: Any) -> pb.ListMethodsResponse:
        """List the prediction methods."""
        return pb.ListMethodsResponse(methods=[method_to_pb(method) for method in PREDICTORS])

    def _check_labels(self, request: pb.RunPredictionRequest, experiment: ExperimentRecord) -> None:
        if request.label_scheme:
            self._resources.get_ready(request.label_scheme, LabelSchemeRecord)
        elif request.label_column:
            self._resources.get_ready(experiment.spec.dataset, DatasetRecord).check_column(request.label_column)
        else:
            raise InvalidArgumentError(
                "Nothing to learn from is given: name a label scheme or a column.", reason="LABELS_INVALID"
            )

    def _as_trained(self, in_force: dict[str, Any], experiment: ExperimentRecord) -> dict[str, Any]:
        """Parameters with the random views of the encoder's training where none are given."""
        spec = experiment.spec
        encoder = self._resources.get_ready(spec.encoder, EncoderRecord) if spec.encoder else None
        version = encoder.version(spec.encoder_version) if encoder is not None else None
        if version is None or not version.weights_uri:
            imported = "its vectors were" if encoder is None else f"its encoder '{encoder.id}' was"
            raise FailedPreconditionError(
                f"The experiment '{experiment.id}' has no network that could learn on, because {imported} imported: "
                "use linear-probe.",
                reason="NETWORK_MISSING",
            )
        views = views_of_training(version.parameters)
        return {**in_force, **{key: value for key, value in views.items() if in_force[key] is None}}
