"""Experiments, their projections, and what a search in them finds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from latentspace.encoding.v1 import encoding_pb2
from latentspace.projection.v1 import projection_pb2
from latentspace.search.v1 import search_pb2
from lse.client.resources.encoders import PRECISIONS
from lse.client.resources.fields import MadeResource, figures, made_fields, settings_dict

__all__ = ["Experiment", "Match", "Projection"]


@dataclass(frozen=True, kw_only=True)
class Experiment(MadeResource):
    """A dataset seen through an encoder: one vector an image.

    Attributes
    ----------
    dataset, encoder
        Resource names; `encoder` is empty where the vectors were imported.
    encoder_version
        Version of the encoder that gave the vectors; 0 where they were imported.
    encoder_precision
        Numbers in which it did, ``fp32`` or ``fp16``; empty where the vectors were imported.
    images
        Images with a vector.
    dimension
        Length of the vectors.
    neighbours
        Neighbours of each image in the neighbour graph.
    inference_engine
        ``triton`` or ``onnxruntime``; empty where the vectors were imported.
    search_recall
        Recall at 10 of the vector search against exact search.
    """

    dataset: str
    encoder: str
    encoder_version: int
    encoder_precision: str
    images: int
    dimension: int
    neighbours: int
    inference_engine: str
    search_recall: float

    @classmethod
    def from_pb(cls, message: encoding_pb2.Experiment) -> Self:
        """Experiment that a message describes."""
        return cls(
            **made_fields(message),
            dataset=message.dataset,
            encoder=message.encoder,
            encoder_version=message.encoder_version,
            encoder_precision=next(
                (key for key, value in PRECISIONS.items() if value == message.encoder_precision), ""
            ),
            images=message.image_count,
            dimension=message.dimension,
            neighbours=message.neighbour_count,
            inference_engine=message.inference_engine,
            search_recall=message.search_recall,
        )


@dataclass(frozen=True, kw_only=True)
class Projection(MadeResource):
    """Coordinates of all images of an experiment in two or three dimensions.

    Attributes
    ----------
    method
        Projection method.
    settings
        All parameters in force, as text.
    components
        Dimensions, 2 or 3.
    seed
        Seed of all random numbers.
    images
        Points.
    figures
        Figures such as the trustworthiness.
    """

    method: str
    settings: dict[str, str]
    components: int
    seed: int
    images: int
    figures: dict[str, float]

    @classmethod
    def from_pb(cls, message: projection_pb2.Projection) -> Self:
        """Projection that a message describes."""
        return cls(
            **made_fields(message),
            method=message.method_id,
            settings=settings_dict(message.settings),
            components=message.component_count,
            seed=message.seed,
            images=message.image_count,
            figures=figures(message.figures),
        )


@dataclass(frozen=True, kw_only=True)
class Match:
    """A similar image.

    Attributes
    ----------
    image
        Resource name.
    row
        Row in the prepared tensors.
    similarity
        Cosine similarity, -1 to 1.
    cluster
        Its cluster in the clustering asked about, -1 for noise; None where none was.
    """

    image: str
    row: int
    similarity: float
    cluster: int | None

    @property
    def image_id(self) -> str:
        """Last part of the image's name."""
        return self.image.rsplit("/", 1)[-1]

    @classmethod
    def from_pb(cls, message: search_pb2.Match) -> Self:
        """Match that a message describes."""
        return cls(
            image=message.image,
            row=message.row,
            similarity=message.similarity,
            cluster=message.cluster if message.HasField("cluster") else None,
        )
