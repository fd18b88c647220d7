"""Explanations of a latent space in pixels: arrays, and a picture of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from latentspace.explanation.v1 import explanation_pb2 as pb
from lse.client.resources.fields import Received
from lse.client.streams import write_file

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "AxisTraversal",
    "Concept",
    "Concepts",
    "ImagePath",
    "ImageSamples",
    "Picture",
    "Prototypes",
    "Similarity",
    "Traversals",
]

# Area under the curve from which a concept is said to follow a property, and chance below which that is no accident.
_FOLLOWS, _BY_CHANCE = 0.75, 0.01


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture(Received):
    """An explanation; a notebook shows its picture.

    Attributes
    ----------
    png
        The picture.
    """

    png: bytes = field(repr=False)

    def save(self, path: str | Path) -> Path:
        """Write the picture to a file.

        Raises
        ------
        InvalidArgumentError, ResourceExhaustedError
            If the file cannot be written.
        """
        return write_file(path, self.png)

    def _repr_png_(self) -> bytes:
        return self.png


@dataclass(frozen=True, kw_only=True, eq=False)
class AxisTraversal(Received, message=pb.Traversal):
    """Images along an axis of latent space.

    Attributes
    ----------
    axis
        Its name, such as ``axis 3`` or ``component 1``.
    variance_share
        Share of the variance of the vectors along it, 0 to 1.
    positions
        Distances from the start in standard deviations.
    images
        What the decoder draws there, float32 (steps, channels, height, width), in units of prepared images.
    """

    axis: str
    variance_share: float
    positions: tuple[float, ...]
    images: npt.NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Traversals(Picture, message=pb.TraverseAxesResponse, axes="traversals"):
    """What changes along axes of latent space.

    Attributes
    ----------
    axes
        Axis by axis.
    """

    axes: tuple[AxisTraversal, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagePath(Picture, message=pb.InterpolateImagesResponse, nearest="nearest_images"):
    """What lies between two images.

    Attributes
    ----------
    images
        What the decoder draws from the first to the second, float32 (steps, channels, height, width).
    nearest
        Names of the real images nearest to each.
    """

    images: npt.NDArray[np.float32] = field(repr=False)
    nearest: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSamples(Picture, message=pb.SampleImagesResponse):
    """New images drawn from a space.

    Attributes
    ----------
    images
        Shape (n, channels, height, width), float32, in units of prepared images.
    """

    images: npt.NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Similarity(Picture, message=pb.ExplainSimilarityResponse):
    """What makes two images alike.

    Attributes
    ----------
    cosine
        Cosine similarity of their vectors.
    saliency
        What each pixel of either image adds to it, float32 (2, channels, height, width).
    band_shares
        Share of each band in the saliency, whatever its sign.
    baseline_cosines
        Cosine similarity when the first, or the second, image is empty; the saliency of an image adds up to the cosine
        minus this, but for an encoder whose network is not known.
    method
        How the saliency was found, in a sentence.
    """

    cosine: float
    saliency: npt.NDArray[np.float32] = field(repr=False)
    band_shares: tuple[float, ...]
    baseline_cosines: tuple[float, ...]
    method: str


@dataclass(frozen=True, kw_only=True, eq=False)
class Prototypes(Picture, message=pb.ListPrototypesResponse):
    """The images that stand best for each cluster.

    Attributes
    ----------
    clusters
        By the number of the cluster, names of images, nearest to its middle first.
    """

    clusters: dict[int, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True)
class Concept(Received, message=pb.Concept):
    """A direction of a latent space, and what it follows.

    Attributes
    ----------
    concept
        Its number, from 0.
    image_count
        Images in which it is active.
    images
        Names of those in which it is strongest.
    followed_property
        What of the catalogue it follows best; empty without columns to compare with.
    auroc
        Chance that an image with the property has the larger strength than one without it; None without a property.
    p_value
        Chance of such a score without any relation, corrected for the number of concepts; None without a property.
    """

    concept: int
    image_count: int
    images: tuple[str, ...]
    followed_property: str
    auroc: float | None
    p_value: float | None

    @property
    def follows(self) -> bool:
        """Whether it follows the property: with an AUROC of 0.75 or more that is hardly there by chance."""
        return (self.auroc or 0) >= _FOLLOWS and (self.p_value or 0) < _BY_CHANCE


@dataclass(frozen=True, kw_only=True)
class Concepts(Received, message=pb.ListConceptsResponse):
    """Concepts of a latent space.

    Attributes
    ----------
    concepts
        Those that are active in most images first.
    explained_variance
        Share of the variance of the directions of the vectors that they explain, 0 to 1.
    notes
        Sentences on what was left out.
    """

    concepts: tuple[Concept, ...]
    explained_variance: float
    notes: tuple[str, ...]
