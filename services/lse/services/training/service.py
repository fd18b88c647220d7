"""The training service: encoders."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import grpc
import numpy as np
from google.longrunning import operations_pb2
from google.protobuf import empty_pb2

from latentspace.training.v1 import training_pb2 as pb
from latentspace.training.v1 import training_pb2_grpc
from latentspace.type.v1.precision_pb2 import Precision as Precisions
from lse import names
from lse.errors import CancelledError, FailedPreconditionError, InvalidArgumentError, UnavailableError
from lse.parameters import parse_parameters, present_names
from lse.platform.catalogue import DatasetRecord, EncoderRecord
from lse.platform.catalogue.records.encoder import EncoderSpec, Precision
from lse.platform.inference.encoders import (
    EncoderModel,
    encoder_model,
    loaded_versions,
    serve_encoder,
    withdraw_version,
)
from lse.platform.prepared_images import prepared_images
from lse.platform.rpc.collection import Collection
from lse.platform.rpc.messages import figures, method_to_pb, parameters_from_pb, to_pb
from lse.platform.rpc.rows import checked_count
from lse.platform.rpc.uploads import first_header, make_of_upload
from lse.platform.wiring import Platform
from lse.representation.encoders.backbones import BACKBONES
from lse.representation.encoders.pretrained_use import PretrainedUse
from lse.representation.evaluation.card_page import card_page
from lse.representation.methods import TRAINING_METHODS, training_parameters
from lse.representation.training.defaults import choose_parameters
from lse.representation.training.facts import measure_facts
from lse.services.training.encoder_card import card_of, file_digest
from lse.services.training.evaluation import EvaluationRequest, class_column
from lse.services.training.history import find_course
from lse.services.training.jobs import (
    Retraining,
    create_pretrained,
    evaluate_encoder,
    import_encoder,
    retrain,
    train,
)
from lse.services.training.own_code import check_own_code
from lse.services.training.pretrained import SeenImages, check_pretrained, chosen_bands, use_of
from lse.services.training.training_estimate import measure_continuation, measure_training

__all__ = ["TrainingServicer", "register"]

_MOST_VIEWED = 64
_LARGE = ("loss_curve", "evaluations", "versions")
# A worker may be busy with other work, and a call must end.
_ESTIMATE_SECONDS, _CHECK_SECONDS = 150.0, 40.0
# Within the time that a client waits for an answer.
_MOST_OWN_SECONDS = 30.0
_PRECISIONS: dict[int, Precision] = {Precisions.PRECISION_FP32: "fp32", Precisions.PRECISION_FP16: "fp16"}


def register(server: grpc.aio.Server, platform: Platform) -> str:
    """Add the service to a server; its full name."""
    training_pb2_grpc.add_TrainingServiceServicer_to_server(TrainingServicer(platform), server)
    return str(pb.DESCRIPTOR.services_by_name["TrainingService"].full_name)


class TrainingServicer(training_pb2_grpc.TrainingServiceServicer):
    """Answers ``latentspace.training.v1.TrainingService``."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._import_paths = platform.settings.allow_import_paths
        self._encoders = Collection(platform, EncoderRecord, pb.Encoder, large=_LARGE, show=self._shown)
        for kind, job in (
            ("TrainEncoder", train),
            ("RetrainEncoder", retrain),
            ("ImportEncoder", import_encoder),
            ("CreatePretrainedEncoder", create_pretrained),
        ):
            self._encoders.register(kind, job)
        self._encoders.register(
            "EvaluateEncoder",
            evaluate_encoder,
            respond=lambda encoder: to_pb(encoder.result.evaluations[-1], pb.Evaluation),
        )
        # Artifacts never change under their URI, so what was read once stays right.
        self._digest = lru_cache(maxsize=256)(partial(file_digest, platform.artifacts))

    def ListEncoders(self, request: pb.ListEncodersRequest, context: Any) -> pb.ListEncodersResponse:
        """List the encoders of a project."""
        return self._encoders.list(request, pb.ListEncodersResponse)

    def GetEncoder(self, request: pb.GetEncoderRequest, context: Any) -> pb.Encoder:
        """Get an encoder."""
        return self._encoders.get(request)

    def TrainEncoder(self, request: pb.TrainEncoderRequest, context: Any) -> operations_pb2.Operation:
        """Train an encoder."""
        given = parameters_from_pb(request.parameters)
        self._check_own_code(request.method, given, request.dataset)
        training_parameters(request.method, given, import_paths=self._import_paths)
        method = TRAINING_METHODS[request.method].id
        images_uri = self._trainable_dataset(request.dataset).result.images_uri
        # The training chooses again by the same rules, and what it used is in its result.
        facts = measure_facts(self._platform.artifacts.open_array(images_uri))
        in_force = choose_parameters(method, given, facts).model_dump()
        spec = EncoderSpec(dataset=request.dataset, method=method, parameters=in_force, given=given)
        return self._encoders.make(request, spec)

    def RetrainEncoder(self, request: pb.RetrainEncoderRequest, context: Any) -> operations_pb2.Operation:
        """Train a further version of an encoder."""
        encoder = self._encoders.ready(request.name)
        version = encoder.version()
        if not version.trained_here:
            raise FailedPreconditionError(
                f"The encoder '{encoder.id}' was not trained here, so there is no training to repeat: train a new one.",
                reason="TRAINING_MISSING",
            )
        self._check_own_code(version.method, version.parameters, request.dataset or version.dataset)
        before = training_parameters(version.method, version.parameters, import_paths=self._import_paths)
        # Under its present name a parameter replaces that of the version.
        given = present_names(type(before), parameters_from_pb(request.parameters))
        training_parameters(version.method, {**version.parameters, **given}, import_paths=self._import_paths)
        self._trainable_dataset(request.dataset or version.dataset)
        changes = Retraining(dataset=request.dataset, parameters=given)
        return self._encoders.change(request, changes, alone=True)

    async def ImportEncoder(
        self, request_iterator: AsyncIterator[pb.ImportEncoderRequest], context: Any
    ) -> operations_pb2.Operation:
        """Make an encoder of an ONNX file."""
        header, content = await first_header(request_iterator)
        record = self._encoders.new(header, EncoderSpec(method="import"))
        return await make_of_upload(self._platform, "ImportEncoder", record, header, content)

    def CreatePretrainedEncoder(
        self, request: pb.CreatePretrainedEncoderRequest, context: Any
    ) -> operations_pb2.Operation:
        """Make an encoder of a pretrained backbone."""
        spec = self._pretrained(
            request.parent, request.dataset, request.backbone, request.weights, parameters_from_pb(request.parameters)
        )
        return self._encoders.make(request, spec)

    def _pretrained(
        self, project: str, dataset_name: str, backbone: str, weights: str, given: Mapping[str, Any]
    ) -> EncoderSpec:
        """What an encoder of a pretrained network is to be made of, once nothing speaks against it."""
        dataset = self._trainable_dataset(dataset_name)
        use = parse_parameters(PretrainedUse, given)
        chosen_bands(use, dataset)
        named = [path for path in (weights, backbone) if path and Path(path).is_absolute()]
        self._platform.reading.of_project(project).check(named)
        shape = (len(use.band_names) or len(dataset.result.channels), dataset.result.image_size)
        self._check_pretrained(backbone, weights, use, shape)
        parameters = {"backbone": backbone, "weights": weights, **use.model_dump(exclude_none=True)}
        return EncoderSpec(dataset=dataset_name, method="pretrained", parameters=parameters)

    def EvaluateEncoder(self, request: pb.EvaluateEncoderRequest, context: Any) -> operations_pb2.Operation:
        """Judge an encoder on a dataset, with classes or without."""
        encoder = self._encoders.ready(request.name)
        dataset = self._platform.resources.get_ready(request.dataset, DatasetRecord)
        column = class_column(dataset.result.columns, request.label_column)
        if request.label_column and not column:
            column = dataset.check_column(request.label_column)
        if dataset.result.prepared_count < 2:
            raise FailedPreconditionError(
                f"The dataset '{dataset.id}' has one image only: judging needs at least two.",
                reason="DATASET_IMAGES_TOO_FEW",
            )
        encoder.version().check_fits(dataset, encoder=encoder.id)
        return self._encoders.change(request, EvaluationRequest(dataset=dataset.name, label_column=column))

    def GetEncoderCard(self, request: pb.GetEncoderCardRequest, context: Any) -> pb.EncoderCard:
        """Get the card of an encoder."""
        encoder, artifacts = self._encoders.ready(request.name), self._platform.artifacts
        card = card_of(self._platform.resources, encoder, artifacts=artifacts, digest=self._digest)
        return pb.EncoderCard(json=json.dumps(card, ensure_ascii=False, allow_nan=False), html=card_page(card))

    def SelectEncoderVersion(self, request: pb.SelectEncoderVersionRequest, context: Any) -> pb.Encoder:
        """Choose the version of an encoder that is in use, and its precision."""
        encoder = self._encoders.ready(request.name)
        if not request.version and not request.precision:
            raise InvalidArgumentError("Say which version or which precision to use.", reason="VERSION_MISSING")
        precision = _PRECISIONS.get(request.precision, "") if request.precision else ""
        model = encoder_model(encoder, request.version, precision)
        self._try(encoder, model)
        changed = self._platform.resources.change(
            request.name,
            EncoderRecord,
            lambda latest: latest.with_result(latest.result.using(model.version, model.precision)),
        )
        return self._encoders.show(changed)

    def LoadEncoder(self, request: pb.LoadEncoderRequest, context: Any) -> pb.Encoder:
        """Load an encoder into the inference engine."""
        encoder = self._encoders.ready(request.name)
        serve_encoder(self._platform.artifacts, self._platform.inference, encoder_model(encoder, request.version))
        return self._encoders.show(encoder)

    def UnloadEncoder(self, request: pb.UnloadEncoderRequest, context: Any) -> pb.Encoder:
        """Take an encoder out of the inference engine."""
        encoder = self._encoders.ready(request.name)
        withdraw_version(self._platform.inference, encoder.uid, encoder.version(request.version).version)
        return self._encoders.show(encoder)

    def GetTrainingRun(self, request: pb.GetTrainingRunRequest, context: Any) -> pb.TrainingRun:
        """Get the course of the training of an encoder, also while it goes on."""
        encoder = self._platform.resources.get(request.name, EncoderRecord)
        course = find_course(self._platform, encoder, request.version)
        return pb.TrainingRun(
            epochs=[pb.Epoch(epoch=n, figures=figures(epoch)) for n, epoch in enumerate(course.history, start=1)],
            best_epoch=course.best_epoch,
            epoch_count=course.epochs,
            ending=course.ending,
            reconstructions_png=course.reconstructions,
        )

    def UpdateEncoder(self, request: pb.UpdateEncoderRequest, context: Any) -> pb.Encoder:
        """Update the title and the description of an encoder."""
        return self._encoders.update(request)

    def DeleteEncoder(self, request: pb.DeleteEncoderRequest, context: Any) -> empty_pb2.Empty:
        """Delete an encoder."""
        return self._encoders.delete(request)

    def PreviewViews(self, request: pb.PreviewViewsRequest, context: Any) -> pb.PreviewViewsResponse:
        """Show random views of some images of a dataset."""
        # Views need torch, which nothing else in this process does.
        from lse.representation.training.previews import preview_views

        project, dataset_id = names.DATASET.parse(request.dataset)
        count = checked_count(request.image_count, usual=8, most=_MOST_VIEWED, what="images")
        given = parameters_from_pb(request.parameters)
        self._check_own_code(request.method, given, request.dataset)
        training_parameters(request.method, given, import_paths=self._import_paths)
        dataset = self._platform.resources.get_ready(request.dataset, DatasetRecord).result
        artifacts = self._platform.artifacts
        images = prepared_images(artifacts, dataset.table_uri, ["name"])["name"].to_pylist()
        preview = preview_views(
            artifacts.open_array(dataset.images_uri),
            names=images,
            method=request.method,
            given=given,
            count=count,
        )
        return pb.PreviewViewsResponse(
            images=[names.IMAGE.format(project, dataset_id, images[row]) for row in preview.rows], png=preview.png
        )

    def EstimateTraining(self, request: pb.EstimateTrainingRequest, context: Any) -> pb.TrainingEstimate:
        """Check a training without starting it, on a worker as the training itself."""
        given, artifacts = parameters_from_pb(request.parameters), self._platform.artifacts
        work: tuple[Callable[..., Any], tuple[Any, ...]]
        if request.method == "pretrained":
            named = {key: str(given.pop(key, "")) for key in ("backbone", "weights")}
            project = names.DATASET.parent(request.dataset)
            spec = self._pretrained(project, request.dataset, **named, given={**given, "adapt": True})
            dataset = self._trainable_dataset(request.dataset)
            seen = SeenImages(dataset.result.images_uri, chosen_bands(use_of(spec), dataset))
            work = measure_continuation, (artifacts, seen, spec)
        else:
            self._check_own_code(request.method, given, request.dataset)
            training_parameters(request.method, given, import_paths=self._import_paths)
            dataset = self._trainable_dataset(request.dataset)
            work = measure_training, (artifacts, dataset.result.images_uri, request.method, given)
        try:
            found = self._on_worker(*work, seconds=_ESTIMATE_SECONDS)
        except CancelledError as error:
            raise UnavailableError(
                "All workers are busy, so that nothing could be measured: try again when some work has ended.",
                reason="WORKERS_BUSY",
            ) from error
        return to_pb(found, pb.TrainingEstimate)

    def ListBackbones(self, request: pb.ListBackbonesRequest, context: Any) -> pb.ListBackbonesResponse:
        """List the networks that images can go through."""
        return pb.ListBackbonesResponse(
            backbones=[
                pb.Backbone(
                    backbone=backbone.id,
                    summary=backbone.summary,
                    minimum_size=backbone.facts.minimum_size,
                    maximum_size=backbone.facts.maximum_size,
                    trainable=True,
                    pretrained=bool(backbone.facts.pretrained),
                )
                for backbone in BACKBONES
            ]
        )

    def ListMethods(self, request: pb.ListMethodsRequest, context: Any) -> pb.ListMethodsResponse:
        """List the training methods."""
        return pb.ListMethodsResponse(methods=[method_to_pb(method) for method in TRAINING_METHODS])

    def _shown(self, encoders: Sequence[EncoderRecord], given: Mapping[str, Any]) -> list[pb.Encoder]:
        """Messages of encoders, with the versions that the inference engine holds of each."""
        loaded: Mapping[str, Sequence[int]] = {}
        # An engine that is away, or that works on other machines only, holds nothing that is known here; what else
        # is known of the encoders can be told all the same.
        with contextlib.suppress(UnavailableError, FailedPreconditionError):
            loaded = loaded_versions(self._platform.inference, [encoder.uid for encoder in encoders])
        messages = [to_pb(each, pb.Encoder, loaded_versions=loaded.get(each.uid, ()), **given) for each in encoders]
        for message in messages:
            message.onnx_uri = self._platform.artifacts.absolute(message.onnx_uri)
            for version in message.versions:
                version.onnx_uri = self._platform.artifacts.absolute(version.onnx_uri)
                version.half_onnx_uri = self._platform.artifacts.absolute(version.half_onnx_uri)
        return messages

    def _try(self, encoder: EncoderRecord, model: EncoderModel) -> None:
        """Load a version and have it encode an image, so that none comes into use that does not work."""
        version = encoder.version(model.version)
        images = np.zeros((1, version.channel_count, version.image_size, version.image_size), np.float32)
        vectors = serve_encoder(self._platform.artifacts, self._platform.inference, model)(images)
        if not np.isfinite(vectors).all():
            raise FailedPreconditionError(
                f"Version {model.version} of the encoder '{encoder.id}' gives values that are not finite in "
                f"{model.precision}: choose another.",
                reason="PRECISION_UNSUPPORTED",
            )

    def _check_pretrained(self, *arguments: Any) -> None:
        """Refuse what is no network, as a worker knows: its libraries take long to load.

        Where no worker says so in time the operation itself finds a wrong name, and leaves a failed encoder.
        """
        asking = ThreadPoolExecutor(1, thread_name_prefix="pretrained-check")
        answer = asking.submit(self._on_worker, check_pretrained, arguments, seconds=_CHECK_SECONDS)
        asking.shutdown(wait=False)
        with contextlib.suppress(CancelledError, TimeoutError):
            answer.result(timeout=_CHECK_SECONDS)

    def _check_own_code(self, method: str, given: Mapping[str, Any], dataset: str) -> None:
        """Try a method or a network of people in a process of its own, where they are allowed."""
        if self._import_paths and any(":" in str(name) for name in (method, given.get("backbone") or "")):
            made = self._trainable_dataset(dataset).result
            shape = len(made.channels), made.image_size
            check_own_code(method, given, shape, seconds=min(self._platform.reading.seconds, _MOST_OWN_SECONDS))

    def _on_worker(self, task: Callable[..., Any], arguments: tuple[Any, ...], *, seconds: float) -> Any:
        """What a task returns that a worker does at once; a CancelledError where none is free for so long."""
        compute, latest = self._platform.compute, time.monotonic() + seconds
        return compute.run(
            task,
            arguments,
            on_progress=lambda _: None,
            should_stop=lambda: time.monotonic() > latest,
            resources={"GPU": 1} if compute.offers("GPU") else None,
        )

    def _trainable_dataset(self, name: str) -> DatasetRecord:
        dataset = self._platform.resources.get_ready(name, DatasetRecord)
        if dataset.result.prepared_count < 2:
            raise FailedPreconditionError(
                f"The dataset '{dataset.id}' has one image only: training needs at least two.",
                reason="DATASET_IMAGES_TOO_FEW",
            )
        return dataset
