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
from lse.client.resources import (
    Backbone,
    Encoder,
    EncoderCard,
    Evaluation,
    Method,
    TrainingEstimate,
    TrainingRun,
)
from lse.client.resources.encoders import PRECISIONS, Precision, ViewsPreview
from lse.platform.errors import InvalidArgumentError

__all__ = ["Encoders"]

# It measures real steps of training, on a worker that may have to end something else before.
_ESTIMATE_SECONDS = 200.0


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

    def retrain(
        self,
        name: str,
        *,
        dataset: str | None = None,
        settings: Mapping[str, object] | None = None,
        seed: int = 0,
        request_id: str | None = None,
    ) -> Operation[Encoder]:
        """Train a further version of an encoder, which comes into use once it is complete and checked.

        Parameters
        ----------
        name
            Its name.
        dataset
            Dataset to learn from; that of the version in use when not given.
        settings
            Parameters that shall differ from those of the version in use.
        seed
            Seed of all random numbers.
        request_id
            UUID: the same one gives the same operation.
        """
        request = pb.RetrainEncoderRequest(
            name=self._names.encoder(name),
            dataset=self._names.dataset(dataset) if dataset else "",
            settings=setting_messages(settings),
            seed=seed,
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.RetrainEncoder, request))

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
        self,
        name: str,
        backbone: str,
        *,
        dataset: str,
        weights: str | Path | None = None,
        request_id: str | None = None,
    ) -> Operation[Encoder]:
        """Make an encoder of a pretrained net, for the images of a dataset.

        Parameters
        ----------
        name
            Its name.
        backbone
            A classification net of torchvision or one of timm, such as ``resnet18``, ``torchvision/convnext_tiny`` or
            ``timm/vit_tiny_patch16_224``.
        dataset
            Dataset whose images it shall take: their channels, size and normalisation.
        weights
            File of weights, as the services see it: a ``state_dict`` in ``.pt``, ``.pth`` or ``.safetensors``; fetched
            by name when not given.
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
            dataset=self._names.dataset(dataset),
        )
        return self._operations.adopt(self._connection.unary(self._stub.CreatePretrainedEncoder, request))

    def estimate(self, *, dataset: str, method: str, settings: Mapping[str, object] | None = None) -> TrainingEstimate:
        """Check a training without starting it: the parameters that would be in force, memory and minutes.

        Parameters
        ----------
        dataset
            Dataset to learn from.
        method
            Training method, one of `methods`.
        settings
            Parameters of the method; the others are chosen from the dataset.
        """
        request = pb.EstimateTrainingRequest(
            dataset=self._names.dataset(dataset), method_id=method, settings=setting_messages(settings)
        )
        answer = self._connection.unary(self._stub.EstimateTraining, request, timeout=_ESTIMATE_SECONDS)
        return TrainingEstimate.from_pb(answer)

    def evaluate(
        self, name: str, *, dataset: str, label_column: str | None = None, request_id: str | None = None
    ) -> Operation[Evaluation]:
        """Judge an encoder on a dataset, without labels and against the classes of a column.

        Parameters
        ----------
        name
            Its name.
        dataset
            Dataset to judge it on.
        label_column
            Column of the classes; when not given ``class``, and no classes where there is no such column.
        request_id
            UUID: the same one gives the same operation.
        """
        request = pb.EvaluateEncoderRequest(
            name=self._names.encoder(name),
            dataset=self._names.dataset(dataset),
            label_column=label_column or "",
            request_id=new_request_id(request_id),
        )
        return self._operations.adopt(self._connection.unary(self._stub.EvaluateEncoder, request))

    def card(self, name: str) -> EncoderCard:
        """Card of an encoder: its data, recipe, parameters, versions, scores and limits."""
        request = pb.GetEncoderCardRequest(name=self._names.encoder(name))
        return EncoderCard.from_pb(self._connection.unary(self._stub.GetEncoderCard, request))

    def training_run(self, name: str, *, version: int | None = None) -> TrainingRun:
        """Course of the training of an encoder, also while it goes on; of its newest version when none is given."""
        request = pb.GetTrainingRunRequest(name=self._names.encoder(name), version=version or 0)
        return TrainingRun.from_pb(self._connection.unary(self._stub.GetTrainingRun, request))

    def select_version(self, name: str, *, version: int | None = None, precision: Precision | None = None) -> Encoder:
        """Choose the version of an encoder that is in use from now on, and its precision; what is not given stays."""
        request = pb.SelectEncoderVersionRequest(
            name=self._names.encoder(name),
            version=version or 0,
            precision=PRECISIONS[precision] if precision else pb.PRECISION_UNSPECIFIED,
        )
        return Encoder.from_pb(self._connection.unary(self._stub.SelectEncoderVersion, request))

    def load(self, name: str, *, version: int | None = None) -> Encoder:
        """Load a version of an encoder, by default the one in use, into the inference engine."""
        request = pb.LoadEncoderRequest(name=self._names.encoder(name), version=version or 0)
        return Encoder.from_pb(self._connection.unary(self._stub.LoadEncoder, request))

    def unload(self, name: str, *, version: int | None = None) -> Encoder:
        """Take a version of an encoder out of the inference engine; what uses it next loads it again."""
        request = pb.UnloadEncoderRequest(name=self._names.encoder(name), version=version or 0)
        return Encoder.from_pb(self._connection.unary(self._stub.UnloadEncoder, request))

    def preview_views(
        self,
        dataset: str,
        *,
        method: str,
        settings: Mapping[str, object] | None = None,
        count: int = 8,
        seed: int = 0,
    ) -> ViewsPreview:
        """Show the random views of some images that a method would learn from.

        Parameters
        ----------
        dataset
            Dataset of the images.
        method
            Training method, one of `methods`.
        settings
            Parameters of the method; the others are chosen from the dataset.
        count
            Images to show, at most 64.
        seed
            Seed of the views.
        """
        if not 1 <= count <= 64:
            raise InvalidArgumentError(f"A preview shows 1 to 64 images, not {count}.", reason="INVALID_COUNT")
        request = pb.PreviewViewsRequest(
            dataset=self._names.dataset(dataset),
            method_id=method,
            settings=setting_messages(settings),
            image_count=count,
            seed=seed,
        )
        return ViewsPreview.from_pb(self._connection.unary(self._stub.PreviewViews, request))

    def delete(self, name: str, *, force: bool = False) -> None:
        """Delete an encoder, with `force` also what was made with it."""
        request = pb.DeleteEncoderRequest(name=self._names.encoder(name), force=force)
        self._connection.unary(self._stub.DeleteEncoder, request)

    def backbones(self) -> builtins.list[Backbone]:
        """Networks that images can go through, smallest first."""
        answer = self._connection.unary(self._stub.ListBackbones, pb.ListBackbonesRequest())
        return [Backbone.from_pb(message) for message in answer.backbones]

    def methods(self) -> builtins.list[Method]:
        """Training methods, simplest first."""
        answer = self._connection.unary(self._stub.ListMethods, pb.ListMethodsRequest())
        return [Method.from_pb(message) for message in answer.methods]
