"""Margin sampling: images between two classes."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

__all__ = ["Margins", "class_margins"]

_ITERATIONS = 500


@dataclass(frozen=True)
class Margins:
    """How sure a classifier is.

    Attributes
    ----------
    values
        Probability of the likeliest class minus that of the next, shape (n,): 0 is undecided, 1 is certain.
    converged
        Whether the classifier came to an end.
    """

    values: NDArray[np.float64]
    converged: bool


def class_margins(known: NDArray[np.float32], labels: Sequence[str], candidates: NDArray[np.float32]) -> Margins:
    """Margins of images by a logistic regression of the labelled ones.

    Parameters
    ----------
    known, labels
        Vectors and classes of labelled images, shape (m, D) and m, of at least two classes.
    candidates
        Vectors to judge, shape (n, D).

    Notes
    -----
    Margin sampling: Scheffer, Decomain and Wrobel (2001, Advances in Intelligent Data Analysis, 309).
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    # Scaled by all images, which are many, not by the labelled ones, which at first are a handful.
    scaler = StandardScaler().fit(candidates)
    model = LogisticRegression(max_iter=_ITERATIONS)
    with warnings.catch_warnings():
        # What the warning says is told in `converged`.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(scaler.transform(known), np.asarray(labels))
    # In order; the last two are the likeliest class and the next.
    likeliest = np.partition(model.predict_proba(scaler.transform(candidates)), -2, axis=1)
    return Margins(
        np.asarray(likeliest[:, -1] - likeliest[:, -2], dtype=np.float64), bool(model.n_iter_.max() < _ITERATIONS)
    )
