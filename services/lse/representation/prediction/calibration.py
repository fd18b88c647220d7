"""Probabilities that mean what they say: as sure as held-out labels allow, with classes as frequent as the labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Calibration", "calibrate", "calibration_error", "equally_frequent"]

# How little the temperature is trusted of few labels: inverse variance of the prior of its logarithm about 0.
_PRIOR = 16.0
_LEAST = 1e-12


@dataclass(frozen=True)
class Calibration:
    """How probabilities are to be corrected.

    Attributes
    ----------
    prevalence
        Share of each class among the labels, shape (classes,).
    sharpness
        Exponent of the evidence, the probabilities of equally frequent classes: below 1 for a predictor that is too
        sure of itself.
    """

    prevalence: NDArray[np.float64]
    sharpness: float

    def apply(self, probabilities: NDArray[np.floating]) -> NDArray[np.float32]:
        """Corrected probabilities (n, classes); those that come in are at the prevalence of the labels too."""
        evidence = _log_evidence(probabilities, self.prevalence)
        corrected: NDArray[np.float32] = np.exp(_log_posterior(evidence, self.prevalence, self.sharpness))
        return corrected.astype(np.float32)


def calibrate(probabilities: NDArray[np.floating], codes: NDArray[np.int64], counts: NDArray[np.int64]) -> Calibration:
    """Calibration by temperature, Guo et al. 2017, https://arxiv.org/abs/1706.04599, of the evidence alone.

    The temperature is that of the least cross entropy, drawn towards 1 where there are few labels.  It leaves the
    prevalence of the classes as it is, which scaling the probabilities themselves would level.

    Parameters
    ----------
    probabilities
        Of held-out labels, (n, classes), with classes as frequent as among the labels.
    codes
        Their classes, (n,).
    counts
        Labels of each class, (classes,), all that are learnt from.
    """
    from scipy.optimize import minimize_scalar

    prevalence = counts / counts.sum()
    evidence = _log_evidence(probabilities, prevalence)

    def loss(logarithm: float) -> float:
        posterior = _log_posterior(evidence, prevalence, float(np.exp(logarithm)))
        return -float(posterior[np.arange(len(codes)), codes].sum()) + _PRIOR / 2 * logarithm**2

    found = minimize_scalar(loss, bounds=(-3, 2), method="bounded")
    return Calibration(prevalence, float(np.exp(found.x)))


def equally_frequent(probabilities: NDArray[np.floating], prevalence: NDArray[np.float64]) -> NDArray[np.float64]:
    """Probabilities (n, classes) as they would be were all classes equally frequent."""
    evidence: NDArray[np.float64] = np.exp(_log_evidence(probabilities, prevalence))
    return evidence


def calibration_error(probabilities: NDArray[np.floating], codes: NDArray[np.int64], *, bins: int = 10) -> float:
    """Expected calibration error: by how much the probability of the likeliest class misses the share that is right.

    Naeini et al. 2015, https://doi.org/10.1609/aaai.v29i1.9602, over bins of equal width.

    Parameters
    ----------
    probabilities, codes
        Shapes (n, classes) and (n,).
    bins
        Number of bins.
    """
    said = probabilities.max(axis=1).astype(np.float64)
    right = probabilities.argmax(axis=1) == codes
    place = np.minimum((said * bins).astype(np.intp), bins - 1)
    surplus = np.bincount(place, weights=said - right, minlength=bins)
    return float(np.abs(surplus).sum() / max(1, len(codes)))


def _log_evidence(probabilities: NDArray[np.floating], prevalence: NDArray[np.float64]) -> NDArray[np.float64]:
    return _normalised(np.log(np.maximum(probabilities.astype(np.float64), _LEAST)) - np.log(prevalence))


def _log_posterior(
    evidence: NDArray[np.float64], prevalence: NDArray[np.float64], sharpness: float
) -> NDArray[np.float64]:
    return _normalised(sharpness * evidence + np.log(prevalence))


def _normalised(logarithms: NDArray[np.float64]) -> NDArray[np.float64]:
    from scipy.special import log_softmax

    normalised: NDArray[np.float64] = log_softmax(logarithms, axis=1)
    return normalised
