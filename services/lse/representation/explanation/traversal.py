"""Ways through a latent space, along axes, between images and at random, and what a decoder draws there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from lse.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import nn

    from lse.representation.encoders.encoder import Encoder

__all__ = [
    "Axis",
    "LatentStatistics",
    "draw",
    "latent_axes",
    "latent_statistics",
    "places_along",
    "places_between",
    "principal_axes",
    "random_places",
]

_ROWS = 65_536
_BATCH = 64


class _Vectors(Protocol):
    """A matrix (n, D), in memory or on disk."""

    @property
    def shape(self) -> tuple[int, ...]: ...
    def __getitem__(self, rows: slice, /) -> object: ...


@dataclass(frozen=True)
class LatentStatistics:
    """Where the vectors of an experiment lie.

    Attributes
    ----------
    mean
        Shape (D,), float64.
    covariance
        Shape (D, D), float64, of the population.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]


@dataclass(frozen=True)
class Axis:
    """A direction in latent space.

    Attributes
    ----------
    name
        Such as ``axis 3`` or ``component 1``.
    direction
        Shape (D,), float64, of length 1.
    deviation
        Standard deviation of the vectors along it.
    variance_share
        Share of their variance along it, 0 to 1.
    """

    name: str
    direction: NDArray[np.float64]
    deviation: float
    variance_share: float


def latent_statistics(vectors: _Vectors) -> LatentStatistics:
    """Mean and covariance of vectors (n, D), read in pieces."""
    count, dimension = vectors.shape
    # Sums are taken around the first vectors' mean: around zero, a mean far from it would eat the digits.
    origin = np.asarray(vectors[:_ROWS], np.float64).mean(axis=0)
    total, products = np.zeros(dimension), np.zeros((dimension, dimension))
    for first in range(0, count, _ROWS):
        block = np.asarray(vectors[first : first + _ROWS], np.float64) - origin
        total += block.sum(axis=0)
        products += block.T @ block
    shift = total / count
    return LatentStatistics(origin + shift, products / count - np.outer(shift, shift))


def latent_axes(statistics: LatentStatistics, axes: Sequence[int]) -> list[Axis]:
    """Axes of the vectors themselves, by their numbers from 0.

    Raises
    ------
    InvalidArgumentError
        If the vectors have no such axis, or one is named twice.
    FailedPreconditionError
        If all vectors are equal.
    """
    dimension = len(statistics.mean)
    wrong = [axis for axis in axes if not 0 <= axis < dimension]
    if wrong or len(set(axes)) < len(axes):
        raise InvalidArgumentError(
            f"The axes {', '.join(map(str, axes))} cannot be followed: name each once, from 0 to {dimension - 1}.",
            reason="AXES_INVALID",
        )
    variances = statistics.covariance.diagonal().clip(min=0)
    total = _total(variances)
    unit = np.eye(dimension)
    return [
        Axis(f"axis {axis}", unit[axis], float(np.sqrt(variances[axis])), float(variances[axis] / total))
        for axis in axes
    ]


def principal_axes(statistics: LatentStatistics, count: int) -> list[Axis]:
    """First principal components, at most as many as there are axes; their largest weight is positive.

    Raises
    ------
    FailedPreconditionError
        If all vectors are equal.
    """
    total = _total(statistics.covariance.diagonal())
    variances, directions = np.linalg.eigh(statistics.covariance)
    axes = []
    for number, place in enumerate(np.argsort(variances)[::-1][:count], start=1):
        direction = directions[:, place]
        direction = direction * np.sign(direction[np.abs(direction).argmax()])
        variance = max(float(variances[place]), 0.0)
        axes.append(Axis(f"component {number}", direction, float(np.sqrt(variance)), variance / total))
    return axes


def _total(variances: NDArray[np.float64]) -> float:
    total = float(variances.sum())
    if not total > 0:
        raise InvalidArgumentError(
            "All vectors of the experiment are equal, so there is no axis to follow: train the encoder again.",
            reason="VECTORS_CONSTANT",
        )
    return total


def places_along(
    start: NDArray[np.floating], axis: Axis, *, steps: int, reach: float
) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
    """Places along an axis.

    Parameters
    ----------
    start
        Shape (D,).
    axis
        Where to go.
    steps
        Places, 2 or more; with an odd number the middle one is the start.
    reach
        Distance to either side, in standard deviations.

    Returns
    -------
    positions, vectors
        Distances from the start in standard deviations, float64 (steps,), and vectors, float32 (steps, D).
    """
    positions = np.linspace(-reach, reach, steps)
    return positions, (start + np.outer(positions * axis.deviation, axis.direction)).astype(np.float32)


def places_between(first: NDArray[np.floating], second: NDArray[np.floating], *, steps: int) -> NDArray[np.float32]:
    """Places on the straight line between two vectors (D,), both included; float32 (steps, D)."""
    return np.linspace(first, second, steps, dtype=np.float32)


def random_places(count: int, dimension: int, *, seed: int) -> NDArray[np.float32]:
    """Vectors of the standard normal distribution, float32 (count, dimension)."""
    # A seed of an API may be negative, and NumPy takes none that is.
    return np.random.default_rng(seed % 2**64).standard_normal((count, dimension), dtype=np.float32)


def draw(encoder: Encoder, decoder: nn.Module, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Images that the decoder of an encoder draws from vectors.

    Parameters
    ----------
    encoder, decoder
        On the CPU, in evaluation mode; the encoder knows the normalisation that is undone.
    vectors
        Shape (n, D).

    Returns
    -------
    images
        Shape (n, channels, size, size), float32, in units of prepared images.
    """
    import torch

    with torch.inference_mode():
        drawn = [
            decoder(torch.from_numpy(vectors[first : first + _BATCH])) * encoder.std + encoder.mean
            for first in range(0, len(vectors), _BATCH)
        ]
        images: NDArray[np.float32] = torch.cat(drawn).contiguous().numpy()
    return images
