"""Principal components in float64, whose axes and shares hold for vectors with a large common mean as well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numba
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Affine", "PrincipalAxes", "principal_axes"]

# Above this many columns the covariance matrix costs more than a randomised decomposition.
_COVARIANCE_COLUMNS = 1_500
_BLOCK_ROWS = 8_192


@dataclass(frozen=True)
class Affine:
    """A linear map of vectors, ``(x - mean) @ matrix``.

    Attributes
    ----------
    mean
        Shape (D,), float64.
    matrix
        Shape (D, c), float64; or shape (D,), a factor for each column.
    """

    mean: NDArray[np.float64]
    matrix: NDArray[np.float64]

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float64]:
        """Map vectors of shape (m, D), float32 or float64, to shape (m, c); each row for itself, bit by bit."""
        if self.matrix.ndim == 1:
            return np.asarray((vectors - self.mean) * self.matrix)
        return np.asarray(_mapped(np.ascontiguousarray(vectors), self.mean, np.ascontiguousarray(self.matrix)))


@dataclass(frozen=True)
class PrincipalAxes(Affine):
    """Principal components: a linear map, and how much each axis holds.

    Attributes
    ----------
    variances
        Variance along each axis, shape (c,), float64, largest first, of n - 1 degrees of freedom.
    shares
        Their shares of the total variance.
    """

    variances: NDArray[np.float64]
    shares: NDArray[np.float64]


def principal_axes(
    vectors: NDArray[np.float32], n_components: int, *, seed: int = 0, centre: bool = True
) -> PrincipalAxes:
    """Principal components of vectors of shape (n, D).

    Parameters
    ----------
    vectors
        float32 or float64; their mean is subtracted in float64 before anything is multiplied.
    n_components
        Axes to find, at most the smaller of n and D.
    seed
        Seed of the randomised decomposition (Halko, Martinsson and Tropp 2011), which is taken for more than 1,500
        columns.

    centre
        Whether the mean is subtracted; without it, the axes are those of a singular value decomposition, and variances
        are about the origin.

    Returns
    -------
    axes
        The coefficient of largest magnitude of each axis is positive.
    """
    rows, width = vectors.shape
    mean = vectors.mean(axis=0, dtype=np.float64) if centre else np.zeros(width)
    if width <= _COVARIANCE_COLUMNS:
        covariance = np.zeros((width, width))
        for first in range(0, rows, _BLOCK_ROWS):
            block = vectors[first : first + _BLOCK_ROWS] - mean
            covariance += block.T @ block
        values, axes = np.linalg.eigh(covariance / max(rows - 1, 1))
        total = float(values.clip(min=0).sum())
        values, axes = values[::-1][:n_components].clip(min=0), axes[:, ::-1][:, :n_components]
    else:
        from sklearn.utils.extmath import randomized_svd

        centred = vectors - mean
        total = float(np.square(centred).sum() / max(rows - 1, 1))
        _, singular, transposed = randomized_svd(centred, n_components, random_state=seed)
        values, axes = singular**2 / max(rows - 1, 1), transposed.T
    signs = np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    shares = values / total if total > 0 else np.zeros_like(values)
    return PrincipalAxes(mean, np.ascontiguousarray(axes * signs), values, shares)


@numba.njit(cache=True, nogil=True)
def _mapped(vectors: NDArray[Any], mean: NDArray[np.float64], matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    # Not by a product of matrices, whose rounding depends on how many rows there are.
    rows, width = vectors.shape
    mapped = np.zeros((rows, matrix.shape[1]))
    for row in range(rows):
        for column in range(width):
            value = vectors[row, column] - mean[column]
            for axis in range(matrix.shape[1]):
                mapped[row, axis] += value * matrix[column, axis]
    return mapped
