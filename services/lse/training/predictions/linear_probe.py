"""Linear probe: a logistic regression on the vectors as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from lse.platform.parameters import Parameters

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.training.predictions.labelled import Labelled, Predictor

__all__ = ["LinearProbeParameters", "learn_linear_probe"]

# Strengths that are tried, from strong to weak regularisation.
_STRENGTHS = np.logspace(-4, 2, 7)
_INNER_FOLDS = 5


class LinearProbeParameters(Parameters):
    """Parameters of the linear probe."""

    inverse_regularisation: float | None = Field(
        default=None,
        gt=0,
        description="Larger values trust the labels more; found by cross-validation on the labels when not given.",
    )
    folds: int = Field(default=5, ge=2, le=20, description="Folds over which the prediction is scored.")


def learn_linear_probe(
    vectors: NDArray[np.float32], labelled: Labelled, *, parameters: LinearProbeParameters, seed: int
) -> Predictor:
    """Fit a multinomial logistic regression, every class weighted alike, to vectors of zero mean and unit variance.

    Parameters
    ----------
    vectors
        Vectors of all images of the experiment, shape (n, dimension): mean and variance are taken over all, labelled
        or not.
    labelled
        Images to learn from.
    parameters
        Its parameters.
    seed
        Of the folds in which the regularisation is found.
    """
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold

    mean, std = vectors.mean(axis=0), vectors.std(axis=0)
    std = np.where(std > 0, std, 1)
    known = (vectors[labelled.rows] - mean) / std
    shared = {"class_weight": "balanced", "max_iter": 2000}
    counts = labelled.counts[labelled.counts > 0]
    if parameters.inverse_regularisation is None and counts.min() > 1:
        model = LogisticRegressionCV(
            Cs=_STRENGTHS,
            cv=StratifiedKFold(min(_INNER_FOLDS, int(counts.min())), shuffle=True, random_state=seed),
            l1_ratios=(0,),
            use_legacy_attributes=False,
            scoring="neg_log_loss",
            **shared,
        )
    else:
        # One image of a class cannot be held out: as strong as scikit-learn's default, for a vector of unit length.
        model = LogisticRegression(C=parameters.inverse_regularisation or 1 / vectors.shape[1], **shared)
    model.fit(known, labelled.codes)

    def predict(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        probabilities = np.zeros((len(rows), len(labelled.classes)), np.float32)
        probabilities[:, model.classes_] = model.predict_proba((vectors[rows] - mean) / std)
        return probabilities

    return predict
