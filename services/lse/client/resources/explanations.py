"""Explanations of a latent space in pixels: arrays, and a picture of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Self

from latentspace.training.v1 import explanations_pb2 as pb
from lse.platform.errors import InvalidArgumentError

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["AxisTraversal", "ImagePath", "ImageSamples", "Picture", "Prototypes", "Similarity", "Traversals"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Picture:
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
        InvalidArgumentError
            If the file cannot be written.
        """
        file = Path(path).expanduser()
        try:
            file.write_bytes(self.png)
        except OSError as error:
            raise InvalidArgumentError(
                f"The picture cannot be written to '{file}' ({error.strerror}): choose another place.",
                reason="FILE_NOT_WRITABLE",
                path=file,
            ) from error
        return file

    def _repr_png_(self) -> bytes:
        return self.png


@dataclass(frozen=True, kw_only=True, eq=False)
class AxisTraversal:
    """Images along an axis of latent space.

    Attributes
    ----------
    axis
        Its name, such as ``axis 3`` or ``component 1``.
    variance_share
        Share of the variance of the vectors along it, 0 to 1.
    positions
        Distances from the start in standard deviations, float64 (steps,).
    images
        What the decoder draws there, float32 (steps, channels, height, width), in units of prepared images.
    """

    axis: str
    variance_share: float
    positions: npt.NDArray[np.float64]
    images: npt.NDArray[np.float32] = field(repr=False)


@dataclass(frozen=True, kw_only=True, eq=False)
class Traversals(Picture):
    """What changes along axes of latent space.

    Attributes
    ----------
    axes
        Axis by axis.
    """

    axes: tuple[AxisTraversal, ...]

    @classmethod
    def from_pb(cls, message: pb.TraverseAxesResponse) -> Self:
        """Traversals that a message describes."""
        import numpy as np

        axes = (
            AxisTraversal(
                axis=each.axis,
                variance_share=each.variance_share,
                positions=np.array(each.positions, np.float64),
                images=_array(each.images),
            )
            for each in message.traversals
        )
        return cls(axes=tuple(axes), png=message.png)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImagePath(Picture):
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

    @classmethod
    def from_pb(cls, message: pb.InterpolateImagesResponse) -> Self:
        """Path that a message describes."""
        return cls(images=_array(message.images), nearest=tuple(message.nearest_images), png=message.png)


@dataclass(frozen=True, kw_only=True, eq=False)
class ImageSamples(Picture):
    """New images drawn from a space.

    Attributes
    ----------
    images
        Shape (n, channels, height, width), float32, in units of prepared images.
    """

    images: npt.NDArray[np.float32] = field(repr=False)

    @classmethod
    def from_pb(cls, message: pb.SampleImagesResponse) -> Self:
        """Samples that a message holds."""
        return cls(images=_array(message.images), png=message.png)


@dataclass(frozen=True, kw_only=True, eq=False)
class Similarity(Picture):
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

    @classmethod
    def from_pb(cls, message: pb.ExplainSimilarityResponse) -> Self:
        """Similarity that a message explains."""
        return cls(
            cosine=message.cosine,
            saliency=_array(message.saliency),
            band_shares=tuple(message.band_shares),
            baseline_cosines=tuple(message.baseline_cosines),
            method=message.method,
            png=message.png,
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Prototypes(Picture):
    """The images that stand best for each cluster.

    Attributes
    ----------
    clusters
        By the number of the cluster, names of images, nearest to its middle first.
    """

    clusters: dict[int, tuple[str, ...]]

    @classmethod
    def from_pb(cls, message: pb.ListPrototypesResponse) -> Self:
        """Prototypes that a message lists."""
        return cls(clusters={each.cluster: tuple(each.images) for each in message.clusters}, png=message.png)


def _array(message: pb.PixelArray) -> npt.NDArray[np.float32]:
    import numpy as np

    return np.frombuffer(message.values, "<f4").astype(np.float32).reshape(message.shape)
