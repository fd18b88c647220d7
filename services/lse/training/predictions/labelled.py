"""The labelled images that a prediction learns from, and how it is scored on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lse.platform.errors import FailedPreconditionError

__all__ = ["Labelled", "Predictor", "Score", "labelled_images", "score"]


@dataclass(frozen=True)
class Labelled:
    """Images with a class.

    Attributes
    ----------
    rows
        Rows of the images in the experiment, int64, shape (n,).
    codes
        Class of each as an index into `classes`, int64, shape (n,).
    classes
        Names of the classes, sorted.
    """

    rows: NDArray[np.int64]
    codes: NDArray[np.int64]
    classes: tuple[str, ...]

    @property
    def counts(self) -> NDArray[np.int64]:
        """Images of each class."""
        return np.bincount(self.codes, minlength=len(self.classes))

    def only(self, chosen: NDArray[np.bool_]) -> Labelled:
        """Some of the images, with all classes."""
        return Labelled(self.rows[chosen], self.codes[chosen], self.classes)


class Predictor(Protocol):
    """What has been learnt from labelled images."""

    def __call__(self, rows: NDArray[np.int64], /) -> NDArray[np.float32]:
        """Probability of each class for the images of some rows, shape (rows, classes)."""
        ...


@dataclass(frozen=True)
class Score:
    """How well classes are recognised in held-out folds.

    Attributes
    ----------
    balanced_accuracy
        Mean of the recalls; None where fewer than two classes could be scored.
    accuracy
        Share of the held-out images that were recognised; None like `balanced_accuracy`.
    recalls
        Of each class the share that was recognised, None where it has one image only.
    folds
        Parts, each predicted from the others.
    """

    balanced_accuracy: float | None
    accuracy: float | None
    recalls: tuple[float | None, ...]
    folds: int


def labelled_images(rows: Iterable[int], labels: Iterable[str | None], *, count: int) -> Labelled:
    """Labelled images among the first `count` rows; None and empty text are no label.

    Raises
    ------
    FailedPreconditionError
        ``TOO_FEW_CLASSES`` where there are not two classes.
    """
    said = [(row, label) for row, label in zip(rows, labels, strict=True) if label and row < count]
    classes, codes = np.unique(np.array([label for _, label in said], dtype=np.str_), return_inverse=True)
    if len(classes) < 2:
        have = f"all {len(said)} labelled images are '{classes[0]}'" if len(classes) else "no image has a label"
        raise FailedPreconditionError(
            f"A prediction needs images of at least two classes, and {have}: label some of another class.",
            reason="TOO_FEW_CLASSES",
        )
    return Labelled(np.array([row for row, _ in said], dtype=np.int64), codes.astype(np.int64), tuple(classes.tolist()))


def score(labelled: Labelled, learn: Callable[[Labelled], Predictor], *, folds: int, seed: int) -> Score:
    """Recall of each class, over folds in which it is spread evenly.

    A class of one image is learnt from in every fold and never scored.
    """
    scorable = labelled.counts > 1
    recalls: list[float | None] = [None] * len(labelled.classes)
    if scorable.sum() < 2:
        return Score(None, None, tuple(recalls), 0)
    fold = _folds(labelled, count=folds, seed=seed)
    predicted = np.full(len(labelled.rows), -1)
    for held_out in _parts(fold):
        predicted[held_out] = learn(labelled.only(~held_out))(labelled.rows[held_out]).argmax(axis=1)
    right = predicted == labelled.codes
    for code in np.flatnonzero(scorable).tolist():
        recalls[code] = float(right[labelled.codes == code].mean())
    found = [recall for recall in recalls if recall is not None]
    return Score(float(np.mean(found)), float(right[fold >= 0].mean()), tuple(recalls), int(fold.max()) + 1)


def _folds(labelled: Labelled, *, count: int, seed: int) -> NDArray[np.int64]:
    """Fold of each image, -1 for the only one of its class.

    A class with fewer images than folds is held out in some of them, where `StratifiedKFold` would refuse.
    """
    random = np.random.default_rng(seed)
    fold = np.full(len(labelled.rows), -1)
    first = 0
    for code, size in enumerate(labelled.counts.tolist()):
        if size > 1:
            members = random.permutation(np.flatnonzero(labelled.codes == code))
            fold[members] = (first + np.arange(size)) % count
            first += size
    return fold


def _parts(fold: NDArray[np.int64]) -> Iterator[NDArray[np.bool_]]:
    for number in range(int(fold.max()) + 1):
        yield fold == number
