"""The predictions of the training service."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import grpc
import numpy as np
import pyarrow as pa
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.training.v1 import predictions_pb2 as pb
from latentspace.training.v1 import predictions_pb2_grpc
from latentspace.type.v1.table_pb2 import TableChunk
from lse.platform import names
from lse.platform.catalogue import Resource
from lse.platform.errors import FailedPreconditionError, InvalidArgumentError
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
from lse.training.predictions.fine_tuning import views_of_training
from lse.training.predictions.jobs import run_prediction
from lse.training.predictions.methods import list_prediction_methods, needs_encoder, read_prediction_parameters
from lse.training.versions import version_that_made

__all__ = ["PredictionServicer", "register"]


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    platform.runner.register(
        "RunPrediction",
        run_prediction,
        resource_kind="prediction",
        respond=lambda resource: packed(prediction_to_pb(resource)),
    )
    predictions_pb2_grpc.add_PredictionServiceServicer_to_server(PredictionServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["PredictionService"].full_name)


class PredictionServicer(predictions_pb2_grpc.PredictionServiceServicer):
    """Answers ``latentspace.training.v1.PredictionService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._resources = platform.resources

    def ListPredictions(self, request: pb.ListPredictionsRequest, context: Any) -> pb.ListPredictionsResponse:
        """List the predictions of an experiment."""
        names.EXPERIMENT.parse(request.parent)
        page = self._resources.page(
            "prediction", request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListPredictionsResponse(
            predictions=[prediction_to_pb(resource) for resource in page.resources],
            next_page_token=page.next_page_token,
        )

    def GetPrediction(self, request: pb.GetPredictionRequest, context: Any) -> pb.Prediction:
        """Get a prediction."""
        names.PREDICTION.parse(request.name)
        return prediction_to_pb(self._resources.get(request.name, "prediction"))

    def RunPrediction(self, request: pb.RunPredictionRequest, context: Any) -> operations_pb2.Operation:
        """Learn from labels and predict the class of every image."""
        project, _ = names.EXPERIMENT.parse(request.parent)
        names.check_id(request.prediction_id, "prediction")
        in_force = read_prediction_parameters(request.method_id, settings_from_pb(request.settings)).model_dump()
        experiment = self._resources.get_ready(request.parent, "experiment")
        self._check_labels(request, experiment)
        if needs_encoder(request.method_id):
            in_force = self._as_trained(in_force, experiment)
        parameters = {
            "label_scheme": request.label_scheme,
            "label_column": request.label_column,
            "method": request.method_id,
            "settings": in_force,
            "seed": request.seed,
        }
        operation = self._platform.operation_store.create(
            "RunPrediction",
            names.PROJECT.format(project),
            Resource(
                f"{request.parent}/predictions/{request.prediction_id}", "prediction", request.parent, spec=parameters
            ),
            parameters=parameters,
            request_id=request.request_id,
        )
        return operation_to_pb(operation)

    def DeletePrediction(self, request: pb.DeletePredictionRequest, context: Any) -> empty_pb2.Empty:
        """Delete a prediction."""
        names.PREDICTION.parse(request.name)
        self._platform.delete(self._resources.get(request.name, "prediction"))
        return empty_pb2.Empty()

    def ReadPredictions(self, request: pb.ReadPredictionsRequest, context: Any) -> Iterator[TableChunk]:
        """Read class and probabilities of every image."""
        names.PREDICTION.parse(request.name)
        result = self._resources.get_ready(request.name, "prediction").result
        codes = self._platform.artifacts.read_array(result["codes_uri"])
        probabilities = self._platform.artifacts.read_array(result["probabilities_uri"])
        classes = [each["label"] for each in result["classes"]]
        label = pa.DictionaryArray.from_arrays(pa.array(codes, pa.int32()), pa.array(classes)).cast(pa.string())
        columns = {"row": pa.array(np.arange(len(codes))), "label": label, "probability": probabilities.max(axis=1)}
        columns |= {f"probability.{name}": pa.array(probabilities[:, code]) for code, name in enumerate(classes)}
        yield from table_chunks(pa.table(columns))

    def ListPredictionMethods(
        self, request: pb.ListPredictionMethodsRequest, context: Any
    ) -> pb.ListPredictionMethodsResponse:
        """List the ways to learn from labels."""
        return pb.ListPredictionMethodsResponse(methods=[method_to_pb(method) for method in list_prediction_methods()])

    def _check_labels(self, request: pb.RunPredictionRequest, experiment: Resource) -> None:
        if request.label_scheme:
            names.LABEL_SCHEME.parse(request.label_scheme)
            self._resources.get_ready(request.label_scheme, "label scheme")
        elif request.label_column:
            dataset = self._resources.get_ready(experiment.spec["dataset"], "dataset")
            if request.label_column not in dataset.result["columns"]:
                have = ", ".join(dataset.result["columns"])
                raise InvalidArgumentError(
                    f"The dataset '{dataset.id}' has no column '{request.label_column}': it has {have}.",
                    reason="UNKNOWN_COLUMN",
                )
        else:
            raise InvalidArgumentError(
                "Nothing to learn from is given: name a label scheme or a column.", reason="NO_LABELS"
            )

    def _as_trained(self, in_force: dict[str, Any], experiment: Resource) -> dict[str, Any]:
        """Parameters with the random views of the encoder's training where none are given."""
        name = experiment.spec.get("encoder", "")
        encoder = self._resources.get_ready(name, "encoder") if name else None
        version = version_that_made(experiment, encoder) if encoder is not None else {}
        if not version.get("weights_uri"):
            imported = "its vectors were" if encoder is None else f"its encoder '{encoder.id}' was"
            raise FailedPreconditionError(
                f"The experiment '{experiment.id}' has no network that could learn on, because {imported} imported: "
                "use linear-probe.",
                reason="ENCODER_NOT_TRAINABLE",
            )
        views = views_of_training(version["settings"])
        return {**in_force, **{key: value for key, value in views.items() if in_force[key] is None}}


def prediction_to_pb(resource: Resource) -> pb.Prediction:
    """Message of a prediction."""
    spec, result = resource.spec, resource.result
    return pb.Prediction(
        **resource_fields(resource),
        label_scheme=spec["label_scheme"],
        label_column=spec["label_column"],
        method_id=spec["method"],
        settings=settings(spec["settings"]),
        seed=spec["seed"],
        classes=[
            pb.PredictedClass(
                label=each["label"], label_count=each["labels"], image_count=each["images"], recall=each["recall"]
            )
            for each in result.get("classes", [])
        ],
        label_count=result.get("labels", 0),
        figures=figures(result.get("figures", {})),
        notes=result.get("notes", []),
    )
