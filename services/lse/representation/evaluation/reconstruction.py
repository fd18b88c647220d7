"""How well a decoder draws images again from their vectors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Reconstruction", "reconstruction"]


@dataclass(frozen=True)
class Reconstruction:
    """Mean squared errors as shares of the variance of the images about their mean image.

    Attributes
    ----------
    error
        Of the decoder: 0 draws every image exactly, 1 is as good as drawing the mean image for all.
    pca_error
        Of as many principal components as a vector has dimensions, fitted to these same images; that no linear method
        does better makes it a hard peer for images that the encoder was not trained on.
    """

    error: float
    pca_error: float


def reconstruction(images: NDArray[np.float32], drawn: NDArray[np.float32], *, dimension: int) -> Reconstruction | None:
    """Errors of drawn images; None where the images do not vary.

    Parameters
    ----------
    images, drawn
        Shape (n, channels, size, size), in the same units.
    dimension
        Of the vectors that they were drawn from.
    """
    flat = images.reshape(len(images), -1).astype(np.float64)
    centred = flat - flat.mean(axis=0)
    total = float(np.square(centred).sum())
    if total <= 0:
        return None
    error = float(np.square(flat - drawn.reshape(len(drawn), -1)).sum())
    # The smaller of the two scatter matrices has the same eigenvalues but for zeros.
    small = centred @ centred.T if len(centred) < centred.shape[1] else centred.T @ centred
    eigenvalues = np.sort(np.maximum(np.linalg.eigvalsh(small), 0))[::-1]
    return Reconstruction(error / total, float(eigenvalues[dimension:].sum() / eigenvalues.sum()))
