"""The training service: encoders."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import grpc
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.training.v1 import training_pb2 as pb
from latentspace.training.v1 import training_pb2_grpc
from lse.platform import names
from lse.platform.catalogue import Resource
from lse.platform.errors import FailedPreconditionError, InvalidArgumentError, UnimplementedError
from lse.platform.operations.servicer import operation_to_pb
from lse.platform.rpc.messages import figures, method_to_pb, packed, resource_fields, settings, settings_from_pb
from lse.platform.rpc.uploads import create_of_upload, first_header
from lse.platform.wiring import Platform
from lse.training.jobs import evaluate_encoder, import_encoder, train
from lse.training.methods import list_methods, parse_parameters

__all__ = ["TrainingServicer", "register"]

_DEFAULT_COLUMN = "class"


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    runner = platform.runner
    for kind, job in (("TrainEncoder", train), ("ImportEncoder", import_encoder)):
        runner.register(kind, job, resource_kind="encoder", respond=lambda resource: packed(encoder_to_pb(resource)))
    runner.register(
        "EvaluateEncoder",
        evaluate_encoder,
        resource_kind="encoder",
        respond=lambda resource: packed(_evaluation_to_pb(resource.name, resource.result["evaluations"][-1])),
    )
    training_pb2_grpc.add_TrainingServiceServicer_to_server(TrainingServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["TrainingService"].full_name)


class TrainingServicer(training_pb2_grpc.TrainingServiceServicer):
    """Answers ``latentspace.training.v1.TrainingService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._resources = platform.resources

    def ListEncoders(self, request: pb.ListEncodersRequest, context: Any) -> pb.ListEncodersResponse:
        """List the encoders of a project."""
        names.PROJECT.parse(request.parent)
        page = self._resources.page(
            "encoder", request.parent, page_size=request.page_size, page_token=request.page_token
        )
        return pb.ListEncodersResponse(
            encoders=[encoder_to_pb(resource) for resource in page.resources], next_page_token=page.next_page_token
        )

    def GetEncoder(self, request: pb.GetEncoderRequest, context: Any) -> pb.Encoder:
        """Get an encoder."""
        names.ENCODER.parse(request.name)
        return encoder_to_pb(self._resources.get(request.name, "encoder"))

    def TrainEncoder(self, request: pb.TrainEncoderRequest, context: Any) -> operations_pb2.Operation:
        """Train an encoder."""
        names.PROJECT.parse(request.parent)
        names.check_id(request.encoder_id, "encoder")
        names.DATASET.parse(request.dataset)
        given = settings_from_pb(request.settings)
        in_force = parse_parameters(request.method_id, given).model_dump()
        dataset = self._resources.get_ready(request.dataset, "dataset")
        if dataset.result["prepared"] < 2:
            raise FailedPreconditionError(
                f"The dataset '{dataset.id}' has one image only: training needs at least two.", reason="TOO_FEW_IMAGES"
            )
        parameters = {
            "dataset": request.dataset,
            "method": request.method_id,
            "settings": given,
            "seed": request.seed,
        }
        operation = self._platform.operation_store.create(
            "TrainEncoder",
            request.parent,
            Resource(
                f"{request.parent}/encoders/{request.encoder_id}",
                "encoder",
                request.parent,
                spec={**parameters, "settings": in_force},
            ),
            parameters=parameters,
            request_id=request.request_id,
        )
        return operation_to_pb(operation)

    async def ImportEncoder(
        self, request_iterator: AsyncIterator[pb.ImportEncoderRequest], context: Any
    ) -> operations_pb2.Operation:
        """Make an encoder of an ONNX file."""
        header, data = await first_header(request_iterator)
        names.PROJECT.parse(header.parent)
        names.check_id(header.encoder_id, "encoder")
        resource = Resource(
            f"{header.parent}/encoders/{header.encoder_id}",
            "encoder",
            header.parent,
            spec={"dataset": "", "method": "import", "settings": {}, "seed": 0},
        )
        operation = await create_of_upload(
            self._platform, "ImportEncoder", resource, request_iterator, first=data, request_id=header.request_id
        )
        return operation_to_pb(operation)

    def CreatePretrainedEncoder(
        self, request: pb.CreatePretrainedEncoderRequest, context: Any
    ) -> operations_pb2.Operation:
        """Make an encoder of a pretrained backbone: not built yet."""
        raise UnimplementedError(
            "CreatePretrainedEncoder is not built yet: export the backbone to ONNX and import it.", reason="NOT_BUILT"
        )

    def EvaluateEncoder(self, request: pb.EvaluateEncoderRequest, context: Any) -> operations_pb2.Operation:
        """Score an encoder on a labelled dataset."""
        project, _ = names.ENCODER.parse(request.name)
        names.DATASET.parse(request.dataset)
        encoder = self._resources.get_ready(request.name, "encoder")
        dataset = self._resources.get_ready(request.dataset, "dataset")
        column = request.label_column or _DEFAULT_COLUMN
        if column not in dataset.result["columns"]:
            raise InvalidArgumentError(
                f"The dataset '{dataset.id}' has no column '{column}': it has {', '.join(dataset.result['columns'])}.",
                reason="UNKNOWN_COLUMN",
            )
        if (encoder.result["channels"], encoder.result["size"]) != (
            len(dataset.result["channels"]),
            dataset.result["size"],
        ):
            raise FailedPreconditionError(
                f"The encoder '{encoder.id}' does not take the images of '{dataset.id}': choose a dataset of "
                f"{encoder.result['channels']} channels and {encoder.result['size']} pixels a side.",
                reason="ENCODER_DOES_NOT_FIT",
            )
        operation = self._platform.operation_store.create(
            "EvaluateEncoder",
            names.PROJECT.format(project),
            request.name,
            parameters={"dataset": request.dataset, "label_column": column},
            request_id=request.request_id,
        )
        return operation_to_pb(operation)

    def DeleteEncoder(self, request: pb.DeleteEncoderRequest, context: Any) -> empty_pb2.Empty:
        """Delete an encoder."""
        names.ENCODER.parse(request.name)
        self._platform.delete(self._resources.get(request.name, "encoder"), force=request.force)
        return empty_pb2.Empty()

    def ListMethods(self, request: pb.ListMethodsRequest, context: Any) -> pb.ListMethodsResponse:
        """List the training methods."""
        return pb.ListMethodsResponse(methods=[method_to_pb(method) for method in list_methods()])


def encoder_to_pb(resource: Resource) -> pb.Encoder:
    """Message of an encoder."""
    spec, result = resource.spec, resource.result
    return pb.Encoder(
        **resource_fields(resource),
        dataset=spec["dataset"],
        method_id=spec["method"],
        settings=settings(result.get("settings", spec["settings"])),
        seed=spec["seed"],
        channel_count=result.get("channels", 0),
        image_size=result.get("size", 0),
        dimension=result.get("dimension", 0),
        figures=figures(result.get("figures", {})),
        loss_curve=result.get("loss_curve", []),
        notes=result.get("notes", []),
        evaluations=[_evaluation_to_pb(resource.name, each) for each in result.get("evaluations", [])],
        onnx_uri=result.get("onnx_uri", ""),
    )


def _evaluation_to_pb(encoder: str, evaluation: dict[str, Any]) -> pb.Evaluation:
    return pb.Evaluation(
        encoder=encoder,
        dataset=evaluation["dataset"],
        label_column=evaluation["label_column"],
        image_count=evaluation["images"],
        knn_balanced_accuracy=evaluation["knn_balanced_accuracy"],
        baselines=figures(evaluation["baselines"]),
        figures=figures(evaluation["figures"]),
        notes=evaluation["notes"],
    )
