"""Encoders and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Self

from latentspace.training.v1 import training_pb2 as pb
from lse.client.resources.evaluations import Evaluation
from lse.client.resources.fields import MadeResource, figures, made_fields, moment, settings_dict

__all__ = ["PRECISIONS", "Encoder", "EncoderVersion", "Precision", "ViewsPreview"]

Precision = Literal["fp32", "fp16"]
PRECISIONS: dict[Precision, pb.Precision.ValueType] = {"fp32": pb.PRECISION_FP32, "fp16": pb.PRECISION_FP16}


@dataclass(frozen=True, kw_only=True)
class EncoderVersion:
    """One version of an encoder.

    Attributes
    ----------
    version
        Its number, from 1.
    operation
        Name of the operation that made it.
    create_time
        When it was made.
    dataset
        Dataset that it was trained on, by its resource name; empty of an imported one.
    method
        How it was made.
    settings
        All parameters in force, as text.
    seed
        Seed of all its random numbers.
    figures
        Figures at the end of the training.
    onnx_uri
        Where its ONNX file is kept.
    half_onnx_uri
        Where the file of half the precision is kept; empty where it is not near enough to the full one.
    """

    version: int
    operation: str
    create_time: datetime | None
    dataset: str
    method: str
    settings: dict[str, str]
    seed: int
    figures: dict[str, float]
    onnx_uri: str
    half_onnx_uri: str

    @classmethod
    def from_pb(cls, message: pb.EncoderVersion) -> Self:
        """Version that a message describes."""
        return cls(
            version=message.version,
            operation=message.operation,
            create_time=moment(message.create_time),
            dataset=message.dataset,
            method=message.method_id,
            settings=settings_dict(message.settings),
            seed=message.seed,
            figures=figures(message.figures),
            onnx_uri=message.onnx_uri,
            half_onnx_uri=message.half_onnx_uri,
        )


@dataclass(frozen=True, kw_only=True)
class Encoder(MadeResource):
    """A network that gives every image its vector.

    Attributes
    ----------
    dataset
        Dataset that it was trained on, by its resource name; empty of an imported one.
    method
        How it was made: a training method, or ``import``.
    settings
        All parameters in force, as text.
    seed
        Seed of all its random numbers.
    channels, image_size
        Number of channels and side in pixels of the images that it takes.
    dimension
        Length of its vectors.
    figures
        Figures at the end of the training.
    loss_curve
        The loss, epoch by epoch.
    evaluations
        Latest scores on labelled datasets.
    onnx_uri
        Where the ONNX file of the version in use is kept.
    version
        Version in use, of which the attributes above tell.
    precision
        Numbers in which it is served, ``fp32`` or ``fp16``.
    versions
        All versions, oldest first.
    loaded_versions
        Versions that the inference engine holds at this moment.
    parameter_count
        Trained weights of the network.
    has_decoder
        Whether it keeps a decoder, which draws images from vectors.
    """

    dataset: str
    method: str
    settings: dict[str, str]
    seed: int
    channels: int
    image_size: int
    dimension: int
    figures: dict[str, float]
    loss_curve: tuple[float, ...]
    evaluations: tuple[Evaluation, ...]
    onnx_uri: str
    version: int
    precision: Precision
    versions: tuple[EncoderVersion, ...]
    loaded_versions: tuple[int, ...]
    parameter_count: int
    has_decoder: bool

    @classmethod
    def from_pb(cls, message: pb.Encoder) -> Self:
        """Encoder that a message describes."""
        return cls(
            **made_fields(message),
            dataset=message.dataset,
            method=message.method_id,
            settings=settings_dict(message.settings),
            seed=message.seed,
            channels=message.channel_count,
            image_size=message.image_size,
            dimension=message.dimension,
            figures=figures(message.figures),
            loss_curve=tuple(message.loss_curve),
            evaluations=tuple(Evaluation.from_pb(evaluation) for evaluation in message.evaluations),
            onnx_uri=message.onnx_uri,
            version=message.version,
            precision="fp16" if message.precision == pb.PRECISION_FP16 else "fp32",
            versions=tuple(EncoderVersion.from_pb(version) for version in message.versions),
            loaded_versions=tuple(message.loaded_versions),
            parameter_count=message.parameter_count,
            has_decoder=message.has_decoder,
        )


@dataclass(frozen=True, kw_only=True)
class ViewsPreview:
    """Random views of some images of a dataset.

    Attributes
    ----------
    images
        Resource names of the images, one a row of the picture.
    png
        A row an image, which is left, with two views of it.
    """

    images: tuple[str, ...]
    png: bytes

    @classmethod
    def from_pb(cls, message: pb.PreviewViewsResponse) -> Self:
        """Views that a message describes."""
        return cls(images=tuple(message.images), png=message.png)
