"""The labelled images that a prediction learns from, and how it is scored on them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from lse.errors import FailedPreconditionError
from lse.representation.prediction.calibration import Calibration, calibrate, calibration_error, equally_frequent

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
        """Probability of each class for the images of some rows, shape (rows, classes).

        Classes are taken to be as frequent as among the labels that it learnt from.
        """
        ...


@dataclass(frozen=True)
class Score:
    """How well classes are recognised in held-out folds.

    Attributes
    ----------
    balanced_accuracy
        Mean of the balanced recalls; None where fewer than two classes could be scored.
    accuracy
        Share of the held-out images that were recognised; None like `balanced_accuracy`.
    recalls
        Of each class the share that was recognised, None where it has one image only.
    balanced_recalls
        The same with all classes taken to be equally frequent, by which rare ones are found more often.
    calibration_error
        Expected calibration error of the corrected probabilities; None like `balanced_accuracy`.
    folds
        Parts, each predicted from the others.
    calibration
        Correction of the probabilities; None where nothing could be held out.
    """

    balanced_accuracy: float | None
    accuracy: float | None
    recalls: tuple[float | None, ...]
    balanced_recalls: tuple[float | None, ...]
    calibration_error: float | None
    folds: int
    calibration: Calibration | None


def labelled_images(rows: Iterable[int], labels: Iterable[str | None], *, count: int) -> Labelled:
    """Labelled images among the first `count` rows; None and empty text are not labels.

    Raises
    ------
    FailedPreconditionError
        ``LABELLED_CLASSES_TOO_FEW`` where there are not two classes.
    """
    said = [(row, label) for row, label in zip(rows, labels, strict=True) if label and row < count]
    classes, codes = np.unique(np.array([label for _, label in said], dtype=np.str_), return_inverse=True)
    if len(classes) < 2:
        have = f"all {len(said)} labelled images are '{classes[0]}'" if len(classes) else "no image has a label"
        raise FailedPreconditionError(
            f"A prediction needs images of at least two classes, and {have}: label some of another class.",
            reason="LABELLED_CLASSES_TOO_FEW",
        )
    return Labelled(np.array([row for row, _ in said], dtype=np.int64), codes.astype(np.int64), tuple(classes.tolist()))


def score(labelled: Labelled, learn: Callable[[Labelled], Predictor], *, folds: int, seed: int) -> Score:
    """Recall of each class, over folds in which it is spread evenly, and the calibration that these suggest.

    A class of one image is learnt from in every fold and never scored.
    """
    scorable = labelled.counts > 1
    none: tuple[float | None, ...] = (None,) * len(labelled.classes)
    if scorable.sum() < 2:
        return Score(None, None, none, none, None, 0, None)
    fold = _folds(labelled, count=folds, seed=seed)
    probabilities = np.zeros((len(labelled.rows), len(labelled.classes)))
    for held_out in _parts(fold):
        probabilities[held_out] = learn(labelled.only(~held_out))(labelled.rows[held_out])
    scored = fold >= 0
    codes = labelled.codes[scored]
    calibration = calibrate(probabilities[scored], codes, labelled.counts)
    corrected = calibration.apply(probabilities[scored])
    right = corrected.argmax(axis=1) == codes
    balanced = equally_frequent(corrected, calibration.prevalence).argmax(axis=1) == codes
    balanced_recalls = _recalls(balanced, codes, scorable)
    return Score(
        balanced_accuracy=float(np.mean([recall for recall in balanced_recalls if recall is not None])),
        accuracy=float(right.mean()),
        recalls=_recalls(right, codes, scorable),
        balanced_recalls=balanced_recalls,
        calibration_error=calibration_error(corrected, codes),
        folds=int(fold.max()) + 1,
        calibration=calibration,
    )


def _recalls(
    right: NDArray[np.bool_], codes: NDArray[np.int64], scorable: NDArray[np.bool_]
) -> tuple[float | None, ...]:
    return tuple(float(right[codes == code].mean()) if known else None for code, known in enumerate(scorable.tolist()))


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
