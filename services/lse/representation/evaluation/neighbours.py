"""Classes told by the nearest neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.representation.evaluation.labelled import Learn, cross_validated, scorable

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
    """Balanced accuracy of k nearest neighbours by cosine, votes weighted by class, predicted in stratified folds.

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
    """Class that is densest among the k nearest by cosine; fewer where there are fewer to learn from."""

    def learn(vectors: NDArray[np.float32], classes: NDArray[Any]) -> _Neighbours:
        return _Neighbours(vectors, classes, k=k)

    return learn


class _Neighbours:
    """The k nearest vote, each with a weight of one over the members of its class.

    The share of a class that lies near is the density of that class there, whatever its size: all classes count as
    equally frequent, as balanced accuracy has it.  With a vote each, a class of fewer members than half of `k` would
    never be found, however well it is parted.  Of classes that get equal votes the one of the nearer member wins.
    """

    def __init__(self, vectors: NDArray[np.float32], classes: NDArray[Any], *, k: int) -> None:
        from sklearn.neighbors import NearestNeighbors

        self._names, self._codes, counts = np.unique(classes, return_inverse=True, return_counts=True)
        self._weights = 1 / counts
        self._nearest = NearestNeighbors(n_neighbors=min(k, len(vectors)), metric="cosine", algorithm="brute")
        self._nearest.fit(vectors)

    def predict(self, vectors: NDArray[np.float32]) -> NDArray[Any]:
        """Class of each vector (n, dimension)."""
        near = self._codes[self._nearest.kneighbors(vectors, return_distance=False)]
        votes = np.stack([(near == code).sum(axis=1) * weight for code, weight in enumerate(self._weights)], axis=1)
        of_each = np.take_along_axis(votes, near, axis=1)
        first = (of_each >= votes.max(axis=1, keepdims=True) * (1 - 1e-9)).argmax(axis=1)
        winners: NDArray[Any] = self._names[near[np.arange(len(near)), first]]
        return winners
