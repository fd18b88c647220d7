"""Linear probe: what one linear layer reads off vectors that stay as they are.

Encoders are judged by it (`lse.training.judging`), and it carries a few labels over to all images
(`lse.training.predictions`).
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

__all__ = ["linear_probe"]

# Inverse strengths of the regularisation that are tried, for vectors of mean square length 1.
_STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
# What does well on vectors of all kinds.  Fewer labels than this tell of none that makes better probabilities: what 40
# labels of radio galaxies chose recognised a point less, and with less certainty.
_USUAL_STRENGTH, _FEWEST_LABELS = 10.0, 45
_CALIBRATION_FOLDS = 5
_STEPS = 100


def linear_probe(
    seed: int = 0,
    *,
    strength: float | None = None,
    population: NDArray[np.float32] | None = None,
    calibrated: bool = False,
) -> Callable[[NDArray[np.float32], NDArray[Any]], Any]:
    """Logistic regression with L2 regularisation, all classes of equal weight.

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
        Choose for the probabilities, by the least cross entropy over five folds, and not for the classes alone, by
        the best balanced accuracy on a fifth.

    Returns
    -------
    callable
        Learns from vectors (n, dimension) and their classes (n,), names or numbers.  What it gives has ``predict``,
        classes of vectors; ``predict_proba``, their probabilities; and ``classes_``, the order of these.
    """

    def learn(vectors: NDArray[np.float32], classes: NDArray[Any]) -> Any:
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        scaler = StandardScaler().fit(vectors.astype(np.float64) if population is None else population)
        steps, scaled = [scaler], scaler.transform(vectors.astype(np.float64))
        if scaled.shape[1] > len(scaled):
            steps.append(_span(scaled))
            scaled = steps[-1].transform(scaled)
        chosen = strength or _choose_strength(scaled, classes, seed=seed, calibrated=calibrated)
        return make_pipeline(*steps, _fit(scaled, classes, strength=chosen))

    return learn


def _span(scaled: NDArray[np.float64]) -> Any:
    """Coordinates in the directions that vectors span, where these are fewer than the dimensions.

    The regularisation does not see a rotation: only these directions count, which the linear kernel finds from products
    of images, whatever their size.
    """
    from sklearn.decomposition import KernelPCA

    return KernelPCA(kernel="linear", eigen_solver="dense").fit(scaled)


def _choose_strength(scaled: NDArray[np.float64], classes: NDArray[Any], *, seed: int, calibrated: bool) -> float:
    names, counts = np.unique(classes, return_counts=True)
    too_few = len(classes) < _FEWEST_LABELS if calibrated else len(classes) // 5 < len(names)
    if counts.min() < 2 or too_few:
        return _USUAL_STRENGTH
    parts = list(
        _parts(scaled, classes, folds=min(_CALIBRATION_FOLDS, int(counts.min())) if calibrated else 0, seed=seed)
    )
    score = _certainty if calibrated else _balanced_accuracy
    scores = [
        np.mean(
            [
                score(_fit(scaled[learnt], classes[learnt], strength=each), scaled[held], classes[held])
                for learnt, held in parts
            ]
        )
        for each in _STRENGTHS
    ]
    return _STRENGTHS[int(np.argmax(scores))]  # the strongest regularisation of those that do equally well


def _parts(
    scaled: NDArray[np.float64], classes: NDArray[Any], *, folds: int, seed: int
) -> Iterator[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    """Rows to learn from and rows held out: in folds, or a fifth once where there are none."""
    from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

    splitter: Any = (
        StratifiedKFold(folds, shuffle=True, random_state=seed)
        if folds
        else StratifiedShuffleSplit(1, test_size=0.2, random_state=seed)
    )
    yield from splitter.split(scaled, classes)


def _balanced_accuracy(model: Any, held: NDArray[np.float64], classes: NDArray[Any]) -> float:
    from sklearn.metrics import recall_score

    present = np.unique(classes)  # a rare class may have no image there
    return float(recall_score(classes, model.predict(held), labels=present, average="macro", zero_division=0))


def _certainty(model: Any, held: NDArray[np.float64], classes: NDArray[Any]) -> float:
    """Mean logarithm of the probability given to the right class."""
    from sklearn.metrics import log_loss

    return -float(log_loss(classes, model.predict_proba(held), labels=model.classes_))


def _fit(scaled: NDArray[np.float64], classes: NDArray[Any], *, strength: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # Strengths are those of vectors of mean square length 1.
    length = float(np.square(scaled).sum(axis=1).mean()) or 1.0
    model = LogisticRegression(C=strength / length, class_weight="balanced", max_iter=_STEPS, tol=1e-3)
    with warnings.catch_warnings():
        # A probe that still creeps after so many steps of weak regularisation changes its mind about no image.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(scaled, classes)
