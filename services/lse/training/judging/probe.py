"""Classes told by a linear probe: logistic regression on vectors that stay as they are."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.training.judging.labelled import Learn
from lse.training.judging.neighbours import ClassScore, score_classes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["PROBE_IMAGES", "linear_probe", "linear_probe_balanced_accuracy"]

# Images that a probe is scored on at most: with all pixels as the vector, so many take some seconds a fold.
PROBE_IMAGES = 2_500
# Inverse strength of the regularisation, for vectors of mean square length 1.
_STRENGTHS = (1.0, 10.0, 100.0, 1000.0)
_STEPS = 100


def linear_probe_balanced_accuracy(
    vectors: ArrayLike,
    labels: Sequence[object] | NDArray[np.generic],
    *,
    folds: int = 5,
    seed: int = 0,
    max_images: int | None = PROBE_IMAGES,
) -> ClassScore:
    """Balanced accuracy of a linear probe, predicted in stratified folds.

    Parameters and notes are those of `lse.training.judging.neighbours.knn_balanced_accuracy`.
    """
    return score_classes(linear_probe(seed), vectors, labels, folds=folds, seed=seed, max_images=max_images)


def linear_probe(seed: int = 0) -> Learn:
    """Logistic regression with L2 regularisation, all classes of equal weight.

    Every dimension is brought to mean 0 and variance 1.  How strong the regularisation is, is chosen on a stratified
    fifth of what it learns from; the probe then learns from all of it.

    Parameters
    ----------
    seed
        Of the fifth.
    """

    def learn(vectors: NDArray[np.float32], classes: NDArray[np.str_]) -> Any:
        from sklearn.pipeline import make_pipeline

        scaling = _scaling(vectors.shape)
        scaled = scaling.fit_transform(vectors.astype(np.float64))
        strength = _choose_strength(scaled, classes, seed=seed)
        return make_pipeline(scaling, _fit(scaled, classes, strength=strength))

    return learn


def _scaling(shape: tuple[int, ...]) -> Any:
    from sklearn.decomposition import KernelPCA
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    images, dimension = shape
    if dimension <= images:
        return make_pipeline(StandardScaler())
    # The regularisation does not see a rotation: only the directions that the vectors span count, which the linear
    # kernel finds from products of images, whatever their size.
    return make_pipeline(StandardScaler(), KernelPCA(kernel="linear", eigen_solver="dense"))


def _choose_strength(scaled: NDArray[np.float64], classes: NDArray[np.str_], *, seed: int) -> float:
    from sklearn.metrics import recall_score
    from sklearn.model_selection import train_test_split

    names, counts = np.unique(classes, return_counts=True)
    if counts.min() < 2 or len(classes) // 5 < len(names):
        return _STRENGTHS[1]
    learnt, held, learnt_classes, held_classes = train_test_split(
        scaled, classes, test_size=0.2, stratify=classes, random_state=seed
    )
    present = np.unique(held_classes)  # a rare class may have no image there
    scores = []
    for strength in _STRENGTHS:
        predicted = _fit(learnt, learnt_classes, strength=strength).predict(held)
        scores.append(recall_score(held_classes, predicted, labels=present, average="macro", zero_division=0))
    return _STRENGTHS[int(np.argmax(scores))]  # the strongest regularisation of those that do equally well


def _fit(scaled: NDArray[np.float64], classes: NDArray[np.str_], *, strength: float) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    # Strengths are those of vectors of mean square length 1.
    length = float(np.square(scaled).sum(axis=1).mean()) or 1.0
    model = LogisticRegression(C=strength / length, class_weight="balanced", max_iter=_STEPS, tol=1e-3)
    with warnings.catch_warnings():
        # A probe that still creeps after so many steps of weak regularisation changes its mind about no image.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(scaled, classes)
