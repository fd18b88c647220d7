"""How interesting images are likely to be, learnt from the interest that experts gave to some of them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lse.analysis.neighbours import as_vectors, unit_vectors

__all__ = ["expected_interest"]

_LOW, _HIGH = 0.0, 5.0
_MIDDLE, _UNIT = (_LOW + _HIGH) / 2, (_HIGH - _LOW) / 4
_UNUSUAL = 0.5  # units of interest for one standard deviation of how unusual an image is
_NOISE = 0.1  # variance of a judgement, in squared units
_NEIGHBOURS = 20
_MOST_JUDGED = 5_000
_BLOCK_BYTES = 64 << 20


def expected_interest(
    vectors: ArrayLike, distances: NDArray[np.float32], interest: Mapping[int, int]
) -> NDArray[np.float32]:
    """Interest that an expert would have in each image.

    Gaussian-process regression of the interest on the directions of the vectors. Before anything is known of an image's
    surroundings, unusual images are expected to be more interesting; what experts say of images outweighs that in their
    neighbourhood, which is as wide as the twenty nearest neighbours of a usual image.

    Parameters
    ----------
    vectors
        Shape (n, D), finite.
    distances
        Cosine distances of each row to its nearest neighbours, ascending, shape (n, k); 20 count, or all of fewer.
    interest
        Interest of the rows that somebody judged, 0 to 5; of more than 5,000, a random sample is learnt from.

    Returns
    -------
    ndarray
        Expected interest, shape (n,), float32; near 0 to 5, not cut off there.

    Raises
    ------
    InvalidArgumentError
        If the vectors are not a finite matrix.

    Notes
    -----
    Regression as in Rasmussen and Williams (2006, Gaussian Processes for Machine Learning, chapter 2), used for the
    search of anomalies by Lochner and Rudnick (2024, arXiv:2411.04188).

    Examples
    --------
    >>> vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 1, 2, 3]]
    >>> scores = expected_interest(vectors, np.zeros((6, 1), np.float32), {0: 5, 2: 0})
    >>> bool(scores[1] > scores[4] > scores[3])
    True
    """
    from scipy.linalg import cho_factor, cho_solve

    units = unit_vectors(as_vectors(vectors, minimum=1))
    reach = np.sqrt(2 * np.maximum(distances[:, : min(_NEIGHBOURS, distances.shape[1])][:, -1], 0).astype(np.float64))
    spread = float(reach.std())
    prior = _UNUSUAL * (reach - reach.mean()) / spread if spread > 0 else np.zeros(len(units))
    judged = np.array(sorted(interest), np.int64)
    if len(judged) > _MOST_JUDGED:
        judged = np.sort(np.random.default_rng(0).choice(judged, _MOST_JUDGED, replace=False))
    if len(judged):
        width = max(float(np.median(reach)), 1e-3)
        said = (np.array([interest[row] for row in judged.tolist()], np.float64) - _MIDDLE) / _UNIT
        known = units[judged]
        factor = cho_factor(_similarity(known, known, width) + _NOISE * np.eye(len(judged)))
        weights = cho_solve(factor, said - prior[judged])
        step = max(1, _BLOCK_BYTES // (8 * len(judged)))
        for start in range(0, len(units), step):
            prior[start : start + step] += _similarity(units[start : start + step], known, width) @ weights
    return np.asarray(_MIDDLE + _UNIT * prior, np.float32)


def _similarity(left: NDArray[np.float32], right: NDArray[np.float32], width: float) -> NDArray[np.float64]:
    """Squared-exponential kernel of unit vectors."""
    cosines = left.astype(np.float64) @ right.astype(np.float64).T
    return np.asarray(np.exp((np.minimum(cosines, 1) - 1) / width**2))
