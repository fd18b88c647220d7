"""Scores against classes: which images can be scored, in which folds, over which split."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.errors import InvalidArgumentError
from lse.values import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Learn",
    "balanced_accuracy",
    "cross_validated",
    "from_train_to_test",
    "predicted_in_folds",
    "scorable",
    "scorable_rows",
    "split_rows",
    "stratified_sample",
]

# Learns from vectors (n, dimension) and their classes; what it gives has `predict`.
Learn = Callable[["NDArray[np.float32]", "NDArray[Any]"], Any]

# Classes named in a note.
_LISTED = 5
_TRAIN = {"train", "training"}
_TEST = {"test", "testing", "holdout", "held-out", "held_out"}


def scorable(
    vectors: NDArray[np.generic],
    labels: Sequence[object] | NDArray[np.generic],
    *,
    folds: int,
    seed: int,
    max_images: int | None,
) -> tuple[NDArray[np.float32], NDArray[np.str_], tuple[str, ...]]:
    """Flat vectors and classes of the images that can be scored, and what was left out."""
    if len(vectors) != len(labels):
        raise InvalidArgumentError(
            f"There are {len(vectors)} vectors and {len(labels)} labels; give one label an image.",
            reason="LENGTHS_MISMATCH",
        )
    flat = np.asarray(vectors, dtype=np.float32).reshape(len(vectors), int(np.prod(vectors.shape[1:])))
    finite = np.asarray(np.isfinite(flat).all(axis=1))
    chosen, classes, notes = scorable_rows(labels, finite=finite, folds=folds, seed=seed, max_images=max_images)
    return flat[chosen], classes, notes


def scorable_rows(
    labels: Sequence[object] | NDArray[np.generic],
    *,
    folds: int,
    seed: int,
    max_images: int | None,
    finite: NDArray[np.bool_] | None = None,
) -> tuple[NDArray[np.intp], NDArray[np.str_], tuple[str, ...]]:
    """Rows of the images that can be scored in stratified folds, their classes, and what was left out.

    Parameters
    ----------
    labels
        One an image; None, NaN and empty text mean unknown.
    folds
        Classes with fewer members are left out.
    seed
        Of the sample.
    max_images
        Above this many, a stratified sample is taken; None takes all.
    finite
        Whether the vector of each image is finite; all are when None.
    """
    if folds < 2:
        raise InvalidArgumentError(
            "Cross-validation needs at least two folds.", reason="PARAMETER_INVALID", parameter="folds"
        )
    notes = []
    names = np.array(["" if _unknown(label) else str(label) for label in labels], dtype=np.str_)
    keep = names != ""
    if missing := int((~keep).sum()):
        notes.append(f"{counted(missing, 'image')} without a class left out.")
    if finite is not None:
        if broken := int((keep & ~finite).sum()):
            notes.append(f"{counted(broken, 'image')} with values that are not finite left out.")
        keep &= finite
    classes, counts = np.unique(names[keep], return_counts=True)
    small = classes[counts < folds]
    if len(small):
        listed = ", ".join(small[:_LISTED].tolist())
        if len(small) > _LISTED:
            listed += f" and {len(small) - _LISTED:,} more"
        notes.append(f"Classes with fewer than {folds} images cannot be split and were left out: {listed}.")
        keep &= ~np.isin(names, small)
    chosen = np.flatnonzero(keep)
    if max_images is not None and len(chosen) > max_images:
        notes.append(f"A stratified sample of {max_images} of {len(chosen)} images was scored.")
        chosen = stratified_sample(chosen, names, count=max_images, least=folds, seed=seed)
    return chosen, names[chosen], tuple(notes)


def cross_validated(
    learn: Learn, vectors: NDArray[np.float32], classes: NDArray[Any], *, folds: int, seed: int
) -> float:
    """Balanced accuracy of classes predicted in stratified folds; parameters are those of `predicted_in_folds`."""
    return balanced_accuracy(classes, predicted_in_folds(learn, vectors, classes, folds=folds, seed=seed))


def predicted_in_folds(
    learn: Learn,
    vectors: NDArray[np.float32],
    classes: NDArray[Any],
    *,
    folds: int,
    seed: int,
    check: Callable[[], None] | None = None,
) -> NDArray[Any]:
    """Classes (n,) predicted in stratified folds, each from the others.

    Parameters
    ----------
    learn
        Learns from vectors and classes.
    vectors, classes
        Shapes (n, dimension) and (n,).
    folds, seed
        Parts, and seed of the shuffling into them.
    check
        Called before each fold; may raise to end the work.
    """
    from sklearn.model_selection import StratifiedKFold

    predicted = np.empty_like(classes)
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(vectors, classes):
        if check is not None:
            check()
        predicted[test] = learn(vectors[train], classes[train]).predict(vectors[test])
    return predicted


def balanced_accuracy(classes: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Mean of the recalls of all classes that there are; what is predicted beside them is wrong, and no class."""
    from sklearn.metrics import recall_score

    return float(recall_score(classes, predicted, labels=np.unique(classes), average="macro", zero_division=0))


def split_rows(values: Sequence[object]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows that a ``split`` column gives to training and rows that it gives to the test; any others are in neither."""
    words = [str(value).strip().lower() for value in values]
    train, test = ([row for row, word in enumerate(words) if word in part] for part in (_TRAIN, _TEST))
    return np.array(train, dtype=np.intp), np.array(test, dtype=np.intp)


def from_train_to_test(
    learn: Learn,
    vectors: NDArray[np.float32],
    classes: NDArray[Any],
    *,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
) -> float:
    """Balanced accuracy on the test rows, learnt from the training rows.

    Classes of the test rows that the training rows do not have count as never recognised.
    """
    return balanced_accuracy(classes[test], learn(vectors[train], classes[train]).predict(vectors[test]))


def stratified_sample(
    chosen: NDArray[np.intp], names: NDArray[Any], *, count: int, least: int, seed: int
) -> NDArray[np.intp]:
    """Some of the chosen rows, ascending: about `count`, from each class by its share but `least` where it has them."""
    random = np.random.default_rng(seed)
    kept = []
    for name in np.unique(names[chosen]):
        members = chosen[names[chosen] == name]
        size = max(least, round(count * len(members) / len(chosen)))
        kept.append(random.choice(members, size=min(size, len(members)), replace=False))
    return np.sort(np.concatenate(kept))


def _unknown(label: object) -> bool:
    return label is None or label == "" or (isinstance(label, float) and np.isnan(label))
