"""Vectors whose directions count alike: the linear layer that ends an encoder is turned into a whitening one.

What two views of an image share is spread unevenly over the directions of the space that was learnt: a handful of them
has nearly all of the variance, and a distance is then a distance along these.  Whitening gives the others weight.
It keeps every vector as near as it can be to what it was (ZCA whitening: Kessy, Lewin and Strimmer 2018, The American
Statistician 72, 309), and directions with little variance, which are mostly noise, are raised less than fully.
"""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import numpy as np
import torch
from torch import nn

from lse.representation.evaluation.geometry import collapse

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.representation.training.images import ArrayLike
    from lse.representation.training.trained import TrainedEncoder

__all__ = ["decorrelated", "sampled", "whitening"]

# Images whose vectors show the directions, in runs that are read at once, and the fewest for each direction.
_RUNS, _RUN = 16, 256
_FEWEST_EACH = 2
# Variance, as a share of the mean over all directions, that is added before a direction is raised.
_SHRINKAGE = 0.3


def decorrelated(trained: TrainedEncoder, images: ArrayLike, rows: NDArray[np.int64] | None = None) -> TrainedEncoder:
    """Encoder with the same network whose vectors are whitened over the images; the given one is not changed.

    Parameters
    ----------
    trained
        Encoder with its network; a decoder would have to undo it.
    images
        Prepared images, shape (n, channels, size, size).
    rows
        Rows that it was trained on, all when None.

    Returns
    -------
    TrainedEncoder
        As it was where it has a decoder or has collapsed, and of too few images to know the directions of its space.
    """
    chosen = np.arange(images.shape[0]) if rows is None else np.unique(rows)
    chosen = sampled(chosen)
    dimension = trained.encoder.dimension
    if trained.decoder is not None or len(chosen) < _FEWEST_EACH * dimension:
        return trained
    vectors = trained.encode(images, chosen, batch_size=_RUN).astype(np.float64)
    if collapse(vectors).collapsed:
        return trained  # which must stay visible
    raised, mean = whitening(vectors, shrinkage=_SHRINKAGE)
    encoder = copy.deepcopy(trained.encoder)
    _append(cast("nn.Linear", encoder.head[0]), cast("nn.BatchNorm1d", encoder.head[-1]), raised, mean)
    return replace(trained, encoder=encoder)


def sampled(rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows whose vectors show the directions of a space, in runs that are read at once."""
    if len(rows) <= _RUNS * _RUN:
        return rows
    starts = np.linspace(0, len(rows) - _RUN, _RUNS).astype(int)
    return np.concatenate([rows[start : start + _RUN] for start in starts])


def whitening(vectors: NDArray[np.float64], *, shrinkage: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Symmetric matrix (dimension, dimension) that whitens vectors (n, dimension) less their mean, and that mean.

    Parameters
    ----------
    vectors
        Shape (n, dimension).
    shrinkage
        Variance, as a share of the mean over all directions, that is added before a direction is raised.
    """
    mean = vectors.mean(axis=0)
    variances, axes = np.linalg.eigh(np.cov(vectors - mean, rowvar=False))
    variances = variances.clip(min=0)
    return (axes / np.sqrt(variances + shrinkage * variances.mean())) @ axes.T, mean


def _append(linear: nn.Linear, last: nn.BatchNorm1d, matrix: NDArray[np.float64], mean: NDArray[np.float64]) -> None:
    """Have a layer and the normalisation after it give ``matrix @ (what they gave - mean)``."""
    assert last.running_mean is not None
    assert last.running_var is not None
    turn, centre = torch.from_numpy(matrix), torch.from_numpy(mean)
    with torch.no_grad():
        spread = torch.sqrt(last.running_var.double() + last.eps)
        weight, bias = linear.weight.double() / spread[:, None], (linear.bias.double() - last.running_mean) / spread
        linear.weight.copy_(turn @ weight)
        linear.bias.copy_(turn @ (bias - centre))
        last.running_mean.zero_()
        last.running_var.fill_(1 - last.eps)
