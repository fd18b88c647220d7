"""The training service: encoders."""

from __future__ import annotations

import json
import re
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any

import grpc
import numpy as np
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.training.v1 import training_pb2 as pb
from latentspace.training.v1 import training_pb2_grpc
from lse.platform import names
from lse.platform.catalogue import Resource
from lse.platform.errors import CancelledError, FailedPreconditionError, InvalidArgumentError, UnavailableError
from lse.platform.inference.encoders import (
    EncoderModel,
    Precision,
    encoder_model,
    loaded_versions,
    serve_encoder,
    version_of,
    versions_of,
    withdraw_version,
)
from lse.platform.operations.servicer import operation_to_pb
from lse.platform.prepared_images import prepared_images
from lse.platform.rpc.messages import (
    figures,
    method_to_pb,
    packed,
    resource_fields,
    settings,
    settings_from_pb,
    timestamp,
)
from lse.platform.rpc.uploads import create_of_upload, first_header
from lse.platform.wiring import Platform
from lse.training.cards import card_of, file_digest
from lse.training.course import find_course
from lse.training.defaults import choose_parameters, measure_facts
from lse.training.encoders.backbones import list_backbones
from lse.training.jobs import create_pretrained, evaluate_encoder, import_encoder, retrain, train
from lse.training.judging.card_page import card_page
from lse.training.methods import list_methods, parse_parameters
from lse.training.tasks import estimate
from lse.training.versions import use_version

__all__ = ["TrainingServicer", "register"]

_DEFAULT_COLUMN = "class"
_NET = re.compile(r"[\w.-]+(/[\w.-]+)?")
_MOST_VIEWED = 64
# A worker may be busy with other work, and a call must end.
_ESTIMATE_SECONDS = 150.0
_PRECISIONS: dict[int, Precision] = {pb.Precision.PRECISION_FP32: "fp32", pb.Precision.PRECISION_FP16: "fp16"}


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    runner = platform.runner
    for kind, job in (
        ("TrainEncoder", train),
        ("RetrainEncoder", retrain),
        ("ImportEncoder", import_encoder),
        ("CreatePretrainedEncoder", create_pretrained),
    ):
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
        # Artifacts never change under their URI, so what was read once stays right.
        self._digest = lru_cache(maxsize=256)(partial(file_digest, platform.artifacts))

    def ListEncoders(self, request: pb.ListEncodersRequest, context: Any) -> pb.ListEncodersResponse:
        """List the encoders of a project."""
        names.PROJECT.parse(request.parent)
        page = self._resources.page(
            "encoder", request.parent, page_size=request.page_size, page_token=request.page_token
        )
        loaded = self._loaded(page.resources)
        return pb.ListEncodersResponse(
            encoders=[encoder_to_pb(resource, loaded[resource.uid]) for resource in page.resources],
            next_page_token=page.next_page_token,
        )

    def GetEncoder(self, request: pb.GetEncoderRequest, context: Any) -> pb.Encoder:
        """Get an encoder."""
        names.ENCODER.parse(request.name)
        return self._encoder(request.name)

    def TrainEncoder(self, request: pb.TrainEncoderRequest, context: Any) -> operations_pb2.Operation:
        """Train an encoder."""
        names.PROJECT.parse(request.parent)
        names.check_id(request.encoder_id, "encoder")
        names.DATASET.parse(request.dataset)
        given = settings_from_pb(request.settings)
        parse_parameters(request.method_id, given)
        dataset = self._trainable_dataset(request.dataset)
        # The training chooses again by the same rules, and what it used is in its result.
        facts = measure_facts(self._platform.artifacts.open_array(dataset.result["images_uri"]))
        in_force = choose_parameters(request.method_id, given, facts).model_dump()
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

    def RetrainEncoder(self, request: pb.RetrainEncoderRequest, context: Any) -> operations_pb2.Operation:
        """Train a further version of an encoder."""
        project, _ = names.ENCODER.parse(request.name)
        encoder = self._resources.get_ready(request.name, "encoder")
        version = version_of(encoder)
        method = version.get("method", encoder.spec["method"])
        if method not in {each.name for each in list_methods()}:
            raise FailedPreconditionError(
                f"The encoder '{encoder.id}' was not trained here, so there is no training to repeat: train a new one.",
                reason="NOT_TRAINED_HERE",
            )
        given = settings_from_pb(request.settings)
        parse_parameters(method, {**version["settings"], **given})
        self._trainable_dataset(request.dataset or version.get("dataset", encoder.spec["dataset"]))
        operation = self._platform.operation_store.create(
            "RetrainEncoder",
            names.PROJECT.format(project),
            request.name,
            parameters={"dataset": request.dataset, "settings": given, "seed": request.seed},
            request_id=request.request_id,
            alone=True,
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
        """Make an encoder of a pretrained backbone."""
        names.PROJECT.parse(request.parent)
        names.check_id(request.encoder_id, "encoder")
        # Which nets there are is known to the workers: their libraries take long to load.
        if not _NET.fullmatch(request.backbone):
            raise InvalidArgumentError(
                f"There is no pretrained network {request.backbone!r}: give one of torchvision or timm, such as "
                "resnet18.",
                reason="UNKNOWN_PRETRAINED_NET",
            )
        self._trainable_dataset(request.dataset)
        parameters = {"dataset": request.dataset, "backbone": request.backbone, "weights": request.weights}
        operation = self._platform.operation_store.create(
            "CreatePretrainedEncoder",
            request.parent,
            Resource(
                f"{request.parent}/encoders/{request.encoder_id}",
                "encoder",
                request.parent,
                spec={
                    "dataset": request.dataset,
                    "method": "pretrained",
                    "settings": {"backbone": request.backbone, "weights": request.weights},
                    "seed": 0,
                },
            ),
            parameters=parameters,
            request_id=request.request_id,
        )
        return operation_to_pb(operation)

    def EvaluateEncoder(self, request: pb.EvaluateEncoderRequest, context: Any) -> operations_pb2.Operation:
        """Judge an encoder on a dataset, with classes or without."""
        project, _ = names.ENCODER.parse(request.name)
        names.DATASET.parse(request.dataset)
        encoder = self._resources.get_ready(request.name, "encoder")
        dataset = self._resources.get_ready(request.dataset, "dataset")
        column = request.label_column or _DEFAULT_COLUMN
        if column not in dataset.result["columns"] and not request.label_column:
            column = ""
        elif column not in dataset.result["columns"]:
            raise InvalidArgumentError(
                f"The dataset '{dataset.id}' has no column '{column}': it has {', '.join(dataset.result['columns'])}.",
                reason="UNKNOWN_COLUMN",
            )
        if dataset.result["prepared"] < 2:
            raise FailedPreconditionError(
                f"The dataset '{dataset.id}' has one image only: judging needs at least two.", reason="TOO_FEW_IMAGES"
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

    def GetEncoderCard(self, request: pb.GetEncoderCardRequest, context: Any) -> pb.EncoderCard:
        """Get the card of an encoder."""
        names.ENCODER.parse(request.name)
        card = card_of(self._platform, self._resources.get_ready(request.name, "encoder"), digest=self._digest)
        return pb.EncoderCard(json=json.dumps(card, ensure_ascii=False, allow_nan=False), html=card_page(card))

    def SelectEncoderVersion(self, request: pb.SelectEncoderVersionRequest, context: Any) -> pb.Encoder:
        """Choose the version of an encoder that is in use, and its precision."""
        names.ENCODER.parse(request.name)
        encoder = self._resources.get_ready(request.name, "encoder")
        if not request.version and not request.precision:
            raise InvalidArgumentError("Say which version or which precision to use.", reason="NOTHING_TO_SELECT")
        precision = _PRECISIONS.get(request.precision, "") if request.precision else ""
        model = encoder_model(encoder, request.version, precision)
        self._try(encoder, model)
        self._resources.change(
            request.name,
            "encoder",
            lambda latest: use_version(latest.result, version_of(latest, model.version), precision=model.precision),
        )
        return self._encoder(request.name)

    def LoadEncoder(self, request: pb.LoadEncoderRequest, context: Any) -> pb.Encoder:
        """Load an encoder into the inference engine."""
        names.ENCODER.parse(request.name)
        encoder = self._resources.get_ready(request.name, "encoder")
        serve_encoder(self._platform.artifacts, self._platform.inference, encoder_model(encoder, request.version))
        return self._encoder(request.name)

    def UnloadEncoder(self, request: pb.UnloadEncoderRequest, context: Any) -> pb.Encoder:
        """Take an encoder out of the inference engine."""
        names.ENCODER.parse(request.name)
        encoder = self._resources.get_ready(request.name, "encoder")
        withdraw_version(self._platform.inference, encoder.uid, version_of(encoder, request.version)["version"])
        return self._encoder(request.name)

    def GetTrainingRun(self, request: pb.GetTrainingRunRequest, context: Any) -> pb.TrainingRun:
        """Get the course of the training of an encoder, also while it goes on."""
        names.ENCODER.parse(request.name)
        course = find_course(self._platform, self._resources.get(request.name, "encoder"), request.version)
        return pb.TrainingRun(
            epochs=[pb.Epoch(epoch=n, figures=figures(epoch)) for n, epoch in enumerate(course.history, start=1)],
            best_epoch=course.best_epoch,
            epoch_count=course.epochs,
            ending=course.ending,
            reconstructions_png=course.reconstructions,
        )

    def DeleteEncoder(self, request: pb.DeleteEncoderRequest, context: Any) -> empty_pb2.Empty:
        """Delete an encoder."""
        names.ENCODER.parse(request.name)
        self._platform.delete(self._resources.get(request.name, "encoder"), force=request.force)
        return empty_pb2.Empty()

    def PreviewViews(self, request: pb.PreviewViewsRequest, context: Any) -> pb.PreviewViewsResponse:
        """Show random views of some images of a dataset."""
        # Views need torch, which nothing else in this process does.
        from lse.training.previews import preview_views

        project, dataset_id = names.DATASET.parse(request.dataset)
        if not 0 <= request.image_count <= _MOST_VIEWED:
            raise InvalidArgumentError(
                f"A preview shows 1 to {_MOST_VIEWED} images, not {request.image_count}.", reason="INVALID_COUNT"
            )
        if request.seed < 0:
            raise InvalidArgumentError(f"The seed must be 0 or more, not {request.seed}.", reason="BAD_SEED")
        given = settings_from_pb(request.settings)
        parse_parameters(request.method_id, given)
        dataset = self._resources.get_ready(request.dataset, "dataset")
        artifacts = self._platform.artifacts
        images = prepared_images(artifacts, dataset.result["table_uri"], ["name"])["name"].to_pylist()
        preview = preview_views(
            artifacts.open_array(dataset.result["images_uri"]),
            names=images,
            method=request.method_id,
            given=given,
            count=request.image_count or 8,
            seed=request.seed,
        )
        return pb.PreviewViewsResponse(
            images=[names.IMAGE.format(project, dataset_id, images[row]) for row in preview.rows], png=preview.png
        )

    def EstimateTraining(self, request: pb.EstimateTrainingRequest, context: Any) -> pb.TrainingEstimate:
        """Check a training without starting it, on a worker as the training itself."""
        given = settings_from_pb(request.settings)
        parse_parameters(request.method_id, given)
        dataset = self._trainable_dataset(request.dataset)
        compute, latest = self._platform.compute, time.monotonic() + _ESTIMATE_SECONDS
        try:
            found = compute.run(
                estimate,
                (self._platform.artifacts, dataset.result["images_uri"], request.method_id, given),
                on_progress=lambda _: None,
                should_stop=lambda: time.monotonic() > latest,
                resources={"GPU": 1} if compute.offers("GPU") else None,
            )
        except CancelledError as error:
            raise UnavailableError(
                "All workers are busy, so that nothing could be measured: try again when some work has ended.",
                reason="WORKERS_BUSY",
            ) from error
        return pb.TrainingEstimate(**{**found, "settings": settings(found["settings"])})

    def ListBackbones(self, request: pb.ListBackbonesRequest, context: Any) -> pb.ListBackbonesResponse:
        """List the networks that images can go through."""
        return pb.ListBackbonesResponse(
            backbones=[
                pb.Backbone(
                    backbone_id=backbone.name,
                    help=backbone.summary,
                    minimum_size=backbone.minimum_size,
                    maximum_size=backbone.maximum_size,
                    trainable=True,
                    pretrained=bool(backbone.pretrained),
                )
                for backbone in list_backbones()
            ]
        )

    def ListMethods(self, request: pb.ListMethodsRequest, context: Any) -> pb.ListMethodsResponse:
        """List the training methods."""
        return pb.ListMethodsResponse(methods=[method_to_pb(method) for method in list_methods()])

    def _encoder(self, name: str) -> pb.Encoder:
        resource = self._resources.get(name, "encoder")
        return encoder_to_pb(resource, self._loaded([resource])[resource.uid])

    def _loaded(self, encoders: Sequence[Resource]) -> dict[str, list[int]]:
        uids = [encoder.uid for encoder in encoders]
        try:
            return loaded_versions(self._platform.inference, uids)
        except (UnavailableError, FailedPreconditionError):
            # An engine that is away, or that works on other machines only, holds nothing that is known here; what else
            # is known of the encoders can be told all the same.
            return {uid: [] for uid in uids}

    def _try(self, encoder: Resource, model: EncoderModel) -> None:
        """Load a version and have it encode an image, so that none comes into use that does not work."""
        version = version_of(encoder, model.version)
        images = np.zeros((1, version["channels"], version["size"], version["size"]), np.float32)
        vectors = serve_encoder(self._platform.artifacts, self._platform.inference, model)(images)
        if not np.isfinite(vectors).all():
            raise FailedPreconditionError(
                f"Version {model.version} of the encoder '{encoder.id}' gives values that are not finite in "
                f"{model.precision}: choose another.",
                reason="VECTORS_NOT_FINITE",
            )

    def _trainable_dataset(self, name: str) -> Resource:
        names.DATASET.parse(name)
        dataset = self._resources.get_ready(name, "dataset")
        if dataset.result["prepared"] < 2:
            raise FailedPreconditionError(
                f"The dataset '{dataset.id}' has one image only: training needs at least two.", reason="TOO_FEW_IMAGES"
            )
        return dataset


def encoder_to_pb(resource: Resource, loaded: Sequence[int] = ()) -> pb.Encoder:
    """Message of an encoder, of which the inference engine holds some versions."""
    spec, result = resource.spec, resource.result
    return pb.Encoder(
        **resource_fields(resource),
        dataset=result.get("dataset", spec["dataset"]),
        method_id=result.get("method", spec["method"]),
        settings=settings(result.get("settings", spec["settings"])),
        seed=result.get("seed", spec["seed"]),
        channel_count=result.get("channels", 0),
        image_size=result.get("size", 0),
        dimension=result.get("dimension", 0),
        figures=figures(result.get("figures", {})),
        loss_curve=result.get("loss_curve", []),
        notes=result.get("notes", []),
        evaluations=[_evaluation_to_pb(resource.name, each) for each in result.get("evaluations", [])],
        onnx_uri=result.get("onnx_uri", ""),
        version=result.get("version", 1 if result else 0),
        precision=pb.Precision.Value(f"PRECISION_{result.get('precision', 'fp32').upper()}"),
        versions=[_version_to_pb(resource, each) for each in versions_of(result)],
        parameter_count=result.get("parameter_count", 0),
        has_decoder=result.get("has_decoder", False),
        loaded_versions=loaded,
    )


def _version_to_pb(resource: Resource, version: Mapping[str, Any]) -> pb.EncoderVersion:
    return pb.EncoderVersion(
        version=version["version"],
        operation=version.get("operation", resource.operation),
        create_time=timestamp(version.get("create_time", resource.create_time)),
        dataset=version.get("dataset", resource.spec["dataset"]),
        method_id=version.get("method", resource.spec["method"]),
        settings=settings(version["settings"]),
        seed=version.get("seed", resource.spec["seed"]),
        figures=figures(version["figures"]),
        onnx_uri=version["onnx_uri"],
        half_onnx_uri=version.get("half_onnx_uri", ""),
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
        linear_probe_balanced_accuracy=evaluation.get("linear_probe_balanced_accuracy"),
        linear_probe_baselines=figures(evaluation.get("linear_probe_baselines", {})),
        robustness=[pb.Robustness(**each) for each in evaluation.get("robustness", [])],
        nuisances=[pb.Nuisance(**each) for each in evaluation.get("nuisances", [])],
        version=evaluation.get("version", 1),
    )
