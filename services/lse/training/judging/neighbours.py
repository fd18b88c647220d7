"""Classes told by the nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.training.judging.labelled import Learn, cross_validated, scorable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike, NDArray

__all__ = ["ClassScore", "knn_balanced_accuracy", "nearest_neighbours", "score_classes"]


@dataclass(frozen=True)
class ClassScore:
    """How well vectors tell classes.

    Attributes
    ----------
    balanced_accuracy
        Mean over the classes of the fraction recognised; None where fewer than two classes can be scored.
    chance
        What guessing gives: one over the count of classes; None like `balanced_accuracy`.
    classes
        Classes that were scored.
    images
        Images that were scored.
    notes
        What was left out and why, one sentence each.
    """

    balanced_accuracy: float | None
    chance: float | None
    classes: tuple[str, ...]
    images: int
    notes: tuple[str, ...] = ()


def knn_balanced_accuracy(
    vectors: ArrayLike,
    labels: Sequence[object] | NDArray[np.generic],
    *,
    k: int = 20,
    folds: int = 5,
    seed: int = 0,
    max_images: int | None = 20_000,
) -> ClassScore:
    """Balanced accuracy of k nearest neighbours by cosine, predicted in stratified folds.

    Parameters
    ----------
    vectors
        Shape (n, ...); what follows the first axis is flattened.
    labels
        One an image; None, NaN and empty text mean unknown.
    k
        Neighbours that vote; fewer where a training fold is smaller.
    folds
        Parts, each predicted from the others.
    seed
        Of the shuffling into folds.
    max_images
        Above this many, a stratified sample is scored and a note says so; None scores all.

    Notes
    -----
    Images without a class, classes with fewer members than folds and vectors that are not finite are left out, each
    with a note.
    """
    return score_classes(nearest_neighbours(k), vectors, labels, folds=folds, seed=seed, max_images=max_images)


def score_classes(
    learn: Learn,
    vectors: ArrayLike,
    labels: Sequence[object] | NDArray[np.generic],
    *,
    folds: int,
    seed: int,
    max_images: int | None,
) -> ClassScore:
    """Score of any way to learn classes; parameters and notes are those of `knn_balanced_accuracy`."""
    flat, classes, notes = scorable(np.asarray(vectors), labels, folds=folds, seed=seed, max_images=max_images)
    names = np.unique(classes)
    if len(names) < 2:
        note = "No score: fewer than two classes have enough images."
        return ClassScore(None, None, tuple(names.tolist()), len(classes), (*notes, note))
    return ClassScore(
        balanced_accuracy=cross_validated(learn, flat, classes, folds=folds, seed=seed),
        chance=1 / len(names),
        classes=tuple(names.tolist()),
        images=len(classes),
        notes=notes,
    )


def nearest_neighbours(k: int = 20) -> Learn:
    """Majority class among the k nearest by cosine; fewer where there are fewer to learn from."""
    from sklearn.neighbors import KNeighborsClassifier

    def learn(vectors: NDArray[np.float32], classes: NDArray[np.str_]) -> KNeighborsClassifier:
        model = KNeighborsClassifier(n_neighbors=min(k, len(vectors)), metric="cosine", algorithm="brute")
        return model.fit(vectors, classes)

    return learn
