"""Experiments, their projections, and what a search in them finds."""

from __future__ import annotations

from dataclasses import dataclass

from latentspace.encoding.v1 import encoding_pb2
from latentspace.projection.v1 import projection_pb2
from latentspace.search.v1 import search_pb2
from lse.client.resources.fields import MadeResource, Parametrised, Received
from lse.names import image_name

__all__ = ["Experiment", "Match", "Projection"]


@dataclass(frozen=True, kw_only=True)
class Experiment(
    MadeResource,
    message=encoding_pb2.Experiment,
    images="image_count",
    neighbours="neighbour_count",
    neighbour_recall_images="neighbour_recall_image_count",
):
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
    neighbour_recall
        Share of the true neighbours that the graph has: 1 where it is exact; None of experiments of earlier versions.
    neighbour_recall_images
        Images on which it was measured; 0 where the graph is exact.
    outlier_scores
        Outlier scores that it has; empty for experiments of earlier versions.
    inference_engine
        ``triton`` or ``onnxruntime``; empty where the vectors were imported.
    search_recall
        Recall at 10 of the vector search against exact search.
    dataset_version
        Version of the dataset, of whose rows the first have vectors; 0 where versions were not kept.
    """

    dataset: str
    encoder: str
    encoder_version: int
    encoder_precision: str
    images: int
    dimension: int
    neighbours: int
    neighbour_recall: float | None
    neighbour_recall_images: int
    outlier_scores: tuple[str, ...]
    inference_engine: str
    search_recall: float
    dataset_version: int


@dataclass(frozen=True, kw_only=True)
class Projection(Parametrised, MadeResource, message=projection_pb2.Projection, images="image_count"):
    """Coordinates of all images of an experiment in two or three dimensions.

    Attributes
    ----------
    method
        Projection method.
    parameters
        All parameters, resolved; None is chosen from the data.
    used_parameters
        Parameters as they were used: those chosen from the data have their values.
    images
        Points.
    figures
        Figures such as the trustworthiness.
    placed_on
        Resource name of the projection on whose map the images were placed; empty where they have a map of their own.
    """

    method: str
    parameters: dict[str, object]
    used_parameters: dict[str, object]
    images: int
    figures: dict[str, float]
    placed_on: str

    @property
    def components(self) -> int:
        """Number of dimensions, 2 or 3."""
        return int(str(self.parameters.get("n_components", 2)))


@dataclass(frozen=True, kw_only=True)
class Match(Received, message=search_pb2.Match):
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
        """What the image is called in its dataset."""
        return image_name(self.image)

    @property
    def called(self) -> str:
        """What the image is called in its dataset."""
        return self.image_id
