"""Encoders: train, import, evaluate."""

from __future__ import annotations

import builtins
from collections.abc import Mapping
from pathlib import Path

from latentspace.training.v1 import training_pb2 as pb
from lse.client.collection import MethodsOfKind, ProjectCollection
from lse.client.operations import Operation
from lse.client.requests import check_count, parameters_message, source_path
from lse.client.resources import Backbone, Encoder, EncoderCard, Evaluation, TrainingEstimate, TrainingRun
from lse.client.resources.encoders import Precision, ViewsPreview
from lse.names import DATASET

__all__ = ["Encoders"]

# It measures real steps of training, on a worker that may have to end something else before.
_ESTIMATE_SECONDS = 200.0


class Encoders(ProjectCollection[Encoder], MethodsOfKind[Encoder]):
    """The encoders of a project."""

    def train(
        self,
        name: str,
        *,
        dataset: str,
        method: str,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        request_id: str | None = None,
        **more: object,
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
        parameters, **more
            Parameters of the method, as a mapping or as keyword arguments; the others take its defaults.
        settings
            Former name of `parameters`.
        request_id
            UUID: the same one gives the same operation.

        Examples
        --------
        >>> client.encoders.train("survey-simclr", dataset="survey", method="simclr", epochs=20).wait()
        """
        return self._make(
            "Train{}",
            name,
            dataset=self._name(DATASET, dataset),
            method=method,
            parameters=parameters_message(parameters, settings, more),
            request_id=request_id,
        )

    def retrain(
        self,
        name: str,
        *,
        dataset: str | None = None,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        request_id: str | None = None,
        **more: object,
    ) -> Operation[Encoder]:
        """Train a further version of an encoder, which comes into use once it is complete and checked.

        Parameters
        ----------
        name
            Its name.
        dataset
            Dataset to learn from (default: that of the version in use).
        parameters, **more
            Parameters that differ from those of the version in use, as a mapping or as keyword arguments.
        settings
            Former name of `parameters`.
        request_id
            UUID: the same one gives the same operation.
        """
        return self._start(
            "Retrain{}",
            name=self._full(name),
            dataset=self._name(DATASET, dataset) if dataset else None,
            parameters=parameters_message(parameters, settings, more),
            request_id=request_id,
        )

    def import_onnx(self, name: str, path: str | Path, *, request_id: str | None = None) -> Operation[Encoder]:
        """Make an encoder of an ONNX file on this machine."""
        return self._import(name, Path(path).expanduser(), request_id=request_id)

    def pretrained(
        self,
        name: str,
        backbone: str,
        *,
        dataset: str,
        weights: str | Path | None = None,
        parameters: Mapping[str, object] | None = None,
        request_id: str | None = None,
        **more: object,
    ) -> Operation[Encoder]:
        """Make an encoder of a pretrained network, for the images of a dataset.

        Parameters
        ----------
        name
            Its name.
        backbone
            A classification network of torchvision or one of timm, such as ``resnet18``, ``torchvision/convnext_tiny``
            or ``timm/vit_tiny_patch16_224``; ``hf-hub:owner/model``; ``package:efficientnet_lite0``; or a folder with
            timm's ``config.json`` and ``model.safetensors``, as the services see it.
        dataset
            Dataset that defines the input bands, image size and scaling.
        weights
            File of weights (safetensors), as the services see it (default: fetched by name).
        parameters, **more
            How it is used: ``input`` (``as-is``, ``unit`` or ``imagenet``), ``bands`` (names separated by commas),
            ``size`` in pixels and ``pool`` (``cls``, ``mean`` or ``cls+mean``); the others are as the configuration
            of the network says.  With ``adapt=True`` its training goes on with the images of the dataset, without
            labels, for some ``epochs`` with a ``learning_rate``, both chosen where they are not given; `estimate` with
            the method ``pretrained`` and the parameter ``backbone`` says how long that takes.
        request_id
            UUID: the same one gives the same operation.

        Examples
        --------
        >>> client.encoders.pretrained("zoobot", "hf-hub:mwalmsley/zoobot-encoder-convnext_nano", dataset="survey")
        """
        folder = Path(backbone).expanduser()
        return self._make(
            "CreatePretrained{}",
            name,
            backbone=source_path(folder) if len(folder.parts) > 1 and folder.is_dir() else backbone,
            dataset=self._name(DATASET, dataset),
            weights=None if weights is None else source_path(weights),
            parameters=parameters_message(parameters, None, more),
            request_id=request_id,
        )

    def estimate(
        self,
        *,
        dataset: str,
        method: str,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        **more: object,
    ) -> TrainingEstimate:
        """Check a training without starting it: the parameters that would be in force, memory and minutes.

        Parameters
        ----------
        dataset
            Dataset to learn from.
        method
            Training method, one of `methods`.
        parameters, **more
            Parameters of the method, as for `train`; the others are chosen from the dataset.
        settings
            Former name of `parameters`.
        """
        request = pb.EstimateTrainingRequest(
            dataset=self._name(DATASET, dataset),
            method=method,
            parameters=parameters_message(parameters, settings, more),
        )
        return TrainingEstimate.from_pb(self._connection.call(request, timeout=_ESTIMATE_SECONDS))

    def preview_views(
        self,
        dataset: str,
        *,
        method: str,
        count: int = 8,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        **more: object,
    ) -> ViewsPreview:
        """Show the random views of some images that a method would learn from.

        Parameters
        ----------
        dataset
            Dataset of the images.
        method
            Training method, one of `methods`.
        count
            Number of images to show, at most 64.
        parameters, **more
            Parameters of the method, as for `train`; the others are chosen from the dataset.
        settings
            Former name of `parameters`.
        """
        request = pb.PreviewViewsRequest(
            dataset=self._name(DATASET, dataset),
            method=method,
            image_count=check_count(count, 64, "A preview"),
            parameters=parameters_message(parameters, settings, more),
        )
        return ViewsPreview.from_pb(self._connection.call(request))

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
            Column of the classes (default: ``class``, and no classes where there is no such column).
        request_id
            UUID: the same one gives the same operation.
        """
        return self._start(
            "Evaluate{}",
            name=self._full(name),
            dataset=self._name(DATASET, dataset),
            label_column=label_column,
            request_id=request_id,
        )

    def card(self, name: str) -> EncoderCard:
        """Card of an encoder: its data, recipe, parameters, versions, scores and limits."""
        return EncoderCard.from_pb(self._call("Get{}Card", name=self._full(name)))

    def training_run(self, name: str, *, version: int | None = None) -> TrainingRun:
        """Training history of an encoder, even while it goes on (default: of its newest version)."""
        return TrainingRun.from_pb(self._call("GetTrainingRun", name=self._full(name), version=version))

    def select_version(self, name: str, *, version: int | None = None, precision: Precision | None = None) -> Encoder:
        """Choose the version of an encoder that is in use from now on, and its precision; what is not given stays."""
        wanted = None if precision is None else f"PRECISION_{precision.upper()}"
        return self._encoder("Select{}Version", name, version=version, precision=wanted)

    def load(self, name: str, *, version: int | None = None) -> Encoder:
        """Load a version of an encoder (default: the one in use) into the inference engine."""
        return self._encoder("Load{}", name, version=version)

    def unload(self, name: str, *, version: int | None = None) -> Encoder:
        """Take a version of an encoder out of the inference engine; what uses it next loads it again."""
        return self._encoder("Unload{}", name, version=version)

    def _encoder(self, method: str, name: str, **options: object) -> Encoder:
        return Encoder.from_pb(self._call(method, name=self._full(name), **options))

    def delete(self, name: str, *, force: bool = False) -> None:
        """Delete an encoder; with `force` also what was made with it."""
        self._delete(self._full(name), force=force)

    def backbones(self) -> builtins.list[Backbone]:
        """Networks that can be trained or had pretrained, smallest first."""
        return [Backbone.from_pb(message) for message in self._call("ListBackbones").backbones]
