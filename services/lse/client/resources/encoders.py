"""Encoders and their versions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from latentspace.training.v1 import training_pb2 as pb
from lse.client.resources.evaluations import Evaluation
from lse.client.resources.fields import MadeResource, Parametrised, Received

__all__ = ["Encoder", "EncoderVersion", "Precision", "ViewsPreview"]

Precision = Literal["fp32", "fp16"]


@dataclass(frozen=True, kw_only=True)
class EncoderVersion(Parametrised, Received, message=pb.EncoderVersion):
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
    parameters
        All parameters, resolved; None is chosen from the data.
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
    parameters: dict[str, object]
    figures: dict[str, float]
    onnx_uri: str
    half_onnx_uri: str


@dataclass(frozen=True, kw_only=True)
class Encoder(Parametrised, MadeResource, message=pb.Encoder, channels="channel_count"):
    """A network that gives every image its vector.

    Attributes
    ----------
    dataset
        Dataset that it was trained on, by its resource name; empty of an imported one.
    method
        How it was made: a training method, or ``import``.
    parameters
        All parameters, resolved; None is chosen from the data.
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
    verdict
        What its space is worth as far as images without classes show, at the end of its training; empty where it was
        not trained here.
    sound
        Whether that verdict objects to nothing; None where there is none.
    """

    dataset: str
    method: str
    parameters: dict[str, object]
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
    verdict: str
    sound: bool | None


@dataclass(frozen=True, kw_only=True)
class ViewsPreview(Received, message=pb.PreviewViewsResponse):
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
