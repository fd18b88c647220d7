"""Ridge regression in folds, of many targets one after the other on the same vectors.

What costs is to decompose the vectors, which no target has a part in: it is done once for each fold.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["FoldedRidge"]

_FOLDS = 5
_PENALTIES = np.logspace(-2, 4, 13)
# Directions whose variance is rounding have no part in it.
_NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class _Fold:
    """Training rows of a fold, decomposed, and what its test rows are among their directions."""

    train: NDArray[np.intp]
    test: NDArray[np.intp]
    left: NDArray[np.float64]
    squares: NDArray[np.float64]
    tested: NDArray[np.float64]

    def predict(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Targets of the test rows, by the penalty with the least error when each training row is left out in turn."""
        mean = targets[self.train].mean(axis=0)
        centred = targets[self.train] - mean
        along = self.left.T @ centred
        errors = [self._left_out_error(centred, along, penalty) for penalty in _PENALTIES]
        shares = self._shares(_PENALTIES[int(np.argmin(errors))])
        found: NDArray[np.float64] = self.tested @ (shares[:, None] * along) + mean
        return found

    def _shares(self, penalty: float) -> NDArray[np.float64]:
        """What is left of each direction."""
        shares: NDArray[np.float64] = self.squares / (self.squares + penalty)
        return shares

    def _left_out_error(self, centred: NDArray[np.float64], along: NDArray[np.float64], penalty: float) -> float:
        shares = self._shares(penalty)
        residuals = centred - self.left @ (shares[:, None] * along)
        # The mean, too, was learnt from the row that is left out.
        leverage = np.square(self.left) @ shares + 1 / len(centred)
        return float(np.square(residuals / np.maximum(1 - leverage, 1e-9)[:, None]).sum())


class FoldedRidge:
    """Ridge regression on vectors in shuffled folds.

    Parameters
    ----------
    vectors
        Shape (n, dimension); each number is brought to unit variance.
    seed
        Of the folds.
    """

    def __init__(self, vectors: NDArray[np.float64], *, seed: int) -> None:
        from sklearn.model_selection import KFold

        self._folds = [
            _decomposed(vectors, train, test)
            for train, test in KFold(_FOLDS, shuffle=True, random_state=seed).split(vectors)
        ]

    def predict(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Targets (n, numbers), each row as the other folds predict it; all numbers share a penalty."""
        predicted = np.empty_like(targets)
        for fold in self._folds:
            predicted[fold.test] = fold.predict(targets)
        return predicted


def _decomposed(vectors: NDArray[np.float64], train: NDArray[np.intp], test: NDArray[np.intp]) -> _Fold:
    mean, spread = vectors[train].mean(axis=0), vectors[train].std(axis=0)
    spread = np.where(spread > 0, spread, 1)
    inside, outside = (vectors[train] - mean) / spread, (vectors[test] - mean) / spread
    # The smaller of the two tables of products has the same squares, and takes a part of the time of the vectors.
    if len(inside) > inside.shape[1]:
        squares, right = np.linalg.eigh(inside.T @ inside)
        kept = squares > _NEGLIGIBLE * max(squares[-1], _NEGLIGIBLE)
        squares, right = squares[kept], right[:, kept]
        left = inside @ right / np.sqrt(squares)
    else:
        squares, left = np.linalg.eigh(inside @ inside.T)
        kept = squares > _NEGLIGIBLE * max(squares[-1], _NEGLIGIBLE)
        squares, left = squares[kept], left[:, kept]
        right = inside.T @ left / np.sqrt(squares)
    return _Fold(train, test, left, squares, outside @ right / np.sqrt(squares))
