"""Linear probe: what one linear layer reads off vectors that stay as they are.

Encoders are judged by it (`lse.representation.evaluation`), and it carries a few labels over to all images
(`lse.representation.prediction`).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from lse.methods import Method
from lse.representation.prediction.predictor import Learn, Material, PredictorFacts, PredictorParameters, Run

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from lse.representation.prediction.labelled import Labelled, Predictor

__all__ = ["METHOD", "LinearProbeParameters", "linear_probe"]

# Inverse strengths of the regularisation that are tried, for vectors of mean square length 1: of the classes alone, and
# of their probabilities, which want a stronger one where labels are few.
_STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
_CALIBRATED_STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 100.0, 1000.0)
# What does well on vectors of all kinds, where there are too few labels to choose.
_USUAL_STRENGTH = 10.0
_CALIBRATION_FOLDS = 10
_STEPS = 100


class LinearProbeParameters(PredictorParameters):
    """Parameters of the linear probe."""

    inverse_regularisation: float | None = Field(
        default=None,
        gt=0,
        description="Inverse of the regularisation strength, for vectors of unit mean square length: larger values "
        "trust the labels more (default: chosen by cross-validation of the probabilities).",
    )


def linear_probe(
    seed: int = 0,
    *,
    strength: float | None = None,
    population: NDArray[np.float32] | None = None,
    calibrated: bool = False,
) -> Callable[[NDArray[np.float32], NDArray[Any]], Any]:
    """Logistic regression with L2 regularisation.

    Every dimension is brought to mean 0 and variance 1.  How strong the regularisation is, is chosen on held-out parts
    of what it learns from, and is 10 where these are too few to tell; the probe then learns from all of it.

    Parameters
    ----------
    seed
        Of the held-out parts.
    strength
        Inverse strength of the regularisation, for vectors of mean square length 1; chosen when None.
    population
        Vectors (m, dimension) whose mean and variance are taken, such as those of all images, labelled or not; those
        that it learns from when None.
    calibrated
        Learn probabilities, with classes as frequent as among the labels: the strength is that of the least cross
        entropy over ten folds.  Otherwise all classes have equal weight, and the strength is that of the best
        balanced accuracy on a fifth.

    Returns
    -------
    callable
        Learns from vectors (n, dimension) and their classes (n,), names or numbers.  What it gives has ``predict``,
        classes of vectors; ``predict_proba``, their probabilities; and ``classes_``, the order of these.
    """

    def learn(vectors: NDArray[np.float32], classes: NDArray[Any]) -> Any:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(vectors.astype(np.float64) if population is None else population)
        steps, scaled = [scaler], scaler.transform(vectors.astype(np.float64))
        if scaled.shape[1] > len(scaled):
            steps.append(_span(scaled))
            scaled = steps[-1].transform(scaled)
        # `LogisticRegressionCV` of scikit-learn 1.9 weights classes by number only, not by name.
        names, codes = np.unique(classes, return_inverse=True)
        model = _model(scaled, codes, strength=strength, seed=seed, calibrated=calibrated)
        with warnings.catch_warnings():
            # A probe that still creeps after so many steps of weak regularisation changes its mind about no image.
            warnings.simplefilter("ignore", ConvergenceWarning)
            # A class of fewer images than folds is held out in some of them.
            warnings.filterwarnings("ignore", message="The least populated class", category=UserWarning)
            model.fit(scaled, codes)
        model.classes_ = names
        return make_pipeline(*steps, model)

    return learn


def _span(scaled: NDArray[np.float64]) -> Any:
    """Coordinates in the directions that vectors span, where these are fewer than the dimensions.

    The regularisation does not see a rotation: only these directions count, which the linear kernel finds from products
    of images, whatever their size.
    """
    from sklearn.decomposition import KernelPCA

    return KernelPCA(kernel="linear", eigen_solver="dense").fit(scaled)


def _model(
    scaled: NDArray[np.float64], codes: NDArray[np.intp], *, strength: float | None, seed: int, calibrated: bool
) -> Any:
    """Logistic regression of the strength given, or one that chooses it where there are enough labels."""
    from sklearn.linear_model import LogisticRegression, LogisticRegressionCV
    from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

    # Strengths are those of vectors of mean square length 1.
    length = float(np.square(scaled).sum(axis=1).mean()) or 1.0
    weights = None if calibrated else "balanced"
    counts = np.bincount(codes)
    too_few = counts.max() < 2 if calibrated else counts.min() < 2 or len(codes) // 5 < len(counts)
    if strength is not None or too_few:
        chosen = (strength or _USUAL_STRENGTH) / length
        return LogisticRegression(C=chosen, class_weight=weights, max_iter=_STEPS, tol=1e-3)
    splitter: Any = (
        StratifiedKFold(min(_CALIBRATION_FOLDS, int(counts.max())), shuffle=True, random_state=seed)
        if calibrated
        else StratifiedShuffleSplit(1, test_size=0.2, random_state=seed)
    )
    return LogisticRegressionCV(
        Cs=[each / length for each in (_CALIBRATED_STRENGTHS if calibrated else _STRENGTHS)],
        l1_ratios=(0,),
        cv=splitter,
        scoring="neg_log_loss" if calibrated else _balanced_accuracy,
        class_weight=weights,
        max_iter=_STEPS,
        tol=1e-3,
        use_legacy_attributes=False,
    )


def _balanced_accuracy(model: Any, held: NDArray[np.float64], codes: NDArray[np.intp]) -> float:
    from sklearn.metrics import recall_score

    present = np.unique(codes)  # a rare class may have no image there
    return float(recall_score(codes, model.predict(held), labels=present, average="macro", zero_division=0))


def _run(material: Material, parameters: LinearProbeParameters) -> Learn:
    vectors = material.vectors
    fit = linear_probe(parameters.seed, strength=parameters.inverse_regularisation, population=vectors, calibrated=True)

    def learn(labelled: Labelled) -> Predictor:
        probe = fit(vectors[labelled.rows], labelled.codes)

        def predict(rows: NDArray[np.int64]) -> NDArray[np.float32]:
            # A fold may have no image of a class that it could learn from.
            probabilities = np.zeros((len(rows), len(labelled.classes)), np.float32)
            probabilities[:, probe.classes_] = probe.predict_proba(vectors[rows])
            return probabilities

        return predict

    return learn


METHOD: Method[Run, PredictorFacts] = Method(
    id="linear-probe",
    title="Linear probe",
    summary="A logistic regression on the vectors: takes seconds, works with every encoder, and is hard to beat with "
    "up to five labels per class.",
    parameters=LinearProbeParameters,
    run=_run,
    facts=PredictorFacts(),
    order=10,
)
