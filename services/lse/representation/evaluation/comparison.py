"""One representation beside another on the same images: the difference of their scores, with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Comparison", "compare"]

# Of a normal distribution, within which 95 % of it lie.
_SIGMAS = 1.96


@dataclass(frozen=True)
class Comparison:
    """By how much an encoder is ahead of another representation.

    Attributes
    ----------
    measure
        ``knn``, ``linear_probe`` or ``views``.
    peer
        The other representation, such as ``pca`` or ``untrained``.
    difference
        Score of the encoder less that of the other, as a fraction.
    low, high
        Ends of its 95 % interval.
    """

    measure: str
    peer: str
    difference: float
    low: float
    high: float

    @property
    def standing(self) -> Literal["better", "worse", "not better"]:
        """What may be said of it: ``not better`` where the interval holds 0."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "not better"


def compare(
    own: NDArray[np.floating] | NDArray[np.bool_],
    other: NDArray[np.floating] | NDArray[np.bool_],
    *,
    measure: str,
    peer: str,
    strata: NDArray[np.generic] | None = None,
) -> Comparison:
    """Paired difference of the mean scores of the same images, each predicted in the same fold.

    Scores are averaged over each stratum and then over the strata, which makes of hits a balanced accuracy.  The
    interval is that of the mean of paired differences in stratified sampling (Cochran 1977, chapter 5), with half an
    image added to each outcome of a pair (Agresti & Min 2005, https://doi.org/10.1002/sim.1781): of a rare class a few
    images alone may differ, or none.

    Parameters
    ----------
    own, other
        Score of each image, (n,): whether its class was recognised, or a fraction.
    measure, peer
        What was measured, and what the other is.
    strata
        Class of each image; one stratum when None.
    """
    differences = np.asarray(own, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    groups = np.zeros(len(differences)) if strata is None else strata
    parts = [differences[groups == name] for name in np.unique(groups)]
    difference = float(np.mean([part.mean() for part in parts]))
    variances = [_variance(part) for part in parts]
    reach = _SIGMAS * float(np.sqrt(np.sum(variances))) / len(parts)
    return Comparison(measure, peer, difference, difference - reach, difference + reach)


def _variance(differences: NDArray[np.float64]) -> float:
    """Variance of the mean of paired differences between -1 and 1."""
    count = len(differences) + 2
    return float((np.square(differences).sum() + 1 - differences.sum() ** 2 / count) / count**2)
