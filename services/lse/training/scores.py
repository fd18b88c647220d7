"""How good vectors are: by the classes of their neighbours where classes are known, and by their shape alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.platform.errors import CancelledError, InvalidArgumentError
from lse.platform.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from lse.platform.progress import ProgressCallback, ShouldStop

__all__ = [
    "Baselines",
    "Collapse",
    "KnnScore",
    "baselines",
    "collapse",
    "effective_rank",
    "knn_balanced_accuracy",
]


@dataclass(frozen=True)
class KnnScore:
    """Balanced accuracy of the majority class among the nearest neighbours.

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


@dataclass(frozen=True)
class Baselines:
    """Scores of representations that nobody had to learn, by the same measure.

    Attributes
    ----------
    chance
        One over the count of classes.
    pixels
        All pixels as the vector.
    pca
        The first principal components of the pixels.
    untrained
        The same backbone with random weights.
    notes
        What was left out and why.
    """

    chance: float | None
    pixels: float | None
    pca: float | None
    untrained: float | None
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Collapse:
    """Whether an encoder gives every image much the same vector.

    Attributes
    ----------
    collapsed
        It does.
    effective_rank
        Directions that the vectors really use.
    spread
        Root mean square distance from the mean vector, relative to the root mean square length.
    message
        One sentence for a person.
    """

    collapsed: bool
    effective_rank: float
    spread: float
    message: str


def knn_balanced_accuracy(
    vectors: ArrayLike,
    labels: Sequence[object] | NDArray[np.generic],
    *,
    k: int = 20,
    folds: int = 5,
    seed: int = 0,
    max_images: int | None = 20_000,
) -> KnnScore:
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
    flat, classes, notes = _scorable(np.asarray(vectors), labels, folds=folds, seed=seed, max_images=max_images)
    names = np.unique(classes)
    if len(names) < 2:
        note = "No score: fewer than two classes have enough images."
        return KnnScore(None, None, tuple(names.tolist()), len(classes), (*notes, note))
    return KnnScore(
        balanced_accuracy=_cross_validate(flat, classes, k=k, folds=folds, seed=seed),
        chance=1 / len(names),
        classes=tuple(names.tolist()),
        images=len(classes),
        notes=notes,
    )


def baselines(
    images: ArrayLike,
    labels: Sequence[object] | NDArray[np.generic],
    *,
    method: str = "simclr",
    parameters: Mapping[str, object] | None = None,
    k: int = 20,
    folds: int = 5,
    seed: int = 0,
    components: int = 64,
    max_images: int | None = 20_000,
    on_progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
) -> Baselines:
    """Scores of chance, pixels, their principal components, and the untrained encoder of a method.

    Parameters
    ----------
    images
        Prepared images (n, channels, size, size).
    labels
        One an image; None, NaN and empty text mean unknown.
    method, parameters
        Whose encoder is taken untrained.
    k, folds, seed, max_images
        As in `knn_balanced_accuracy`; `seed` also draws the untrained weights.
    components
        Principal components, fewer where the images do not have as many.
    on_progress, should_stop
        Called before each of the three.
    """
    from sklearn.decomposition import PCA

    pixels = np.asarray(images, dtype=np.float32)
    flat, classes, notes = _scorable(pixels, labels, folds=folds, seed=seed, max_images=max_images)
    names = np.unique(classes)
    if len(names) < 2:
        note = "No scores: fewer than two classes have enough images."
        return Baselines(None, None, None, None, (*notes, note))

    def starts(done: int) -> None:
        if should_stop is not None and should_stop():
            raise CancelledError("The evaluation was cancelled.", reason="EVALUATION_CANCELLED")
        if on_progress is not None:
            on_progress(Progress("scoring baselines", done, 3, "baselines"))

    starts(0)
    by_pixels = _cross_validate(flat, classes, k=k, folds=folds, seed=seed)
    starts(1)
    reduced = PCA(min(components, *flat.shape), random_state=seed).fit_transform(flat)
    by_pca = _cross_validate(reduced, classes, k=k, folds=folds, seed=seed)
    starts(2)
    vectors = _untrained_vectors(
        flat.reshape(-1, *pixels.shape[1:]), method=method, parameters=parameters or {}, seed=seed
    )
    by_untrained = _cross_validate(vectors, classes, k=k, folds=folds, seed=seed)
    starts(3)
    return Baselines(chance=1 / len(names), pixels=by_pixels, pca=by_pca, untrained=by_untrained, notes=notes)


def effective_rank(vectors: ArrayLike) -> float:
    """Count of directions that vectors (n, dimension) use: exp of the entropy of their normalised singular values.

    Roy & Vetterli 2007, https://ieeexplore.ieee.org/document/7098875.  The mean is taken off first; 0 for vectors that
    are all equal.
    """
    centred = np.asarray(vectors, dtype=np.float64)
    centred = centred - centred.mean(axis=0)
    # Singular values of the vectors are the roots of the eigenvalues of their small scatter matrix.
    eigenvalues = np.linalg.eigvalsh(centred.T @ centred)
    singular = np.sqrt(np.maximum(eigenvalues, 0))
    total = singular.sum()
    if total <= 0:
        return 0.0
    share = singular[singular > 0] / total
    return float(np.exp(-(share * np.log(share)).sum()))


def collapse(vectors: ArrayLike, *, minimum_rank: float = 1.5, minimum_spread: float = 1e-3) -> Collapse:
    """Tell whether vectors (n, dimension) are all much the same, or all on one line.

    Parameters
    ----------
    vectors
        Of images that differ.
    minimum_rank
        Effective rank below which the space is called collapsed (for vectors of two or more dimensions).
    minimum_spread
        Relative spread below which it is.
    """
    values = np.asarray(vectors, dtype=np.float64)
    if not np.isfinite(values).all():
        return Collapse(
            collapsed=True, effective_rank=0.0, spread=0.0, message="The encoder gives values that are not finite."
        )
    length = float(np.sqrt(np.square(values).sum(axis=1).mean()))
    distance = float(np.sqrt(np.square(values - values.mean(axis=0)).sum(axis=1).mean()))
    spread = distance / length if length > 0 else 0.0
    rank = effective_rank(values)
    if spread < minimum_spread:
        message = "The encoder has collapsed: all images get the same vector; train it again with other parameters."
    elif values.shape[1] > 1 and rank < minimum_rank:
        message = (
            f"The encoder has collapsed: its vectors lie along one line (effective rank {rank:.1f} of "
            f"{values.shape[1]}); train it again with other parameters."
        )
    else:
        message = f"The vectors use {rank:.1f} of {values.shape[1]} directions."
        return Collapse(collapsed=False, effective_rank=rank, spread=spread, message=message)
    return Collapse(collapsed=True, effective_rank=rank, spread=spread, message=message)


def _scorable(
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
            reason="LABELS_WRONG_LENGTH",
        )
    if folds < 2:
        raise InvalidArgumentError("Cross-validation needs at least two folds.", reason="FOLDS_INVALID", folds=folds)
    notes = []
    names = np.array(["" if _unknown(label) else str(label) for label in labels], dtype=np.str_)
    flat = np.asarray(vectors, dtype=np.float32).reshape(len(vectors), int(np.prod(vectors.shape[1:])))
    keep = names != ""
    if missing := int((~keep).sum()):
        notes.append(f"{missing} images without a class were left out.")
    finite = np.isfinite(flat).all(axis=1)
    if broken := int((keep & ~finite).sum()):
        notes.append(f"{broken} images with values that are not finite were left out.")
    keep &= finite
    classes, counts = np.unique(names[keep], return_counts=True)
    small = classes[counts < folds]
    if len(small):
        listed = ", ".join(small.tolist())
        notes.append(f"Classes with fewer than {folds} images cannot be split and were left out: {listed}.")
        keep &= ~np.isin(names, small)
    chosen = np.flatnonzero(keep)
    if max_images is not None and len(chosen) > max_images:
        notes.append(f"A stratified sample of {max_images} of {len(chosen)} images was scored.")
        chosen = _stratified_sample(chosen, names, count=max_images, least=folds, seed=seed)
    return flat[chosen], names[chosen], tuple(notes)


def _unknown(label: object) -> bool:
    return label is None or label == "" or (isinstance(label, float) and np.isnan(label))


def _stratified_sample(
    chosen: NDArray[np.intp], names: NDArray[np.str_], *, count: int, least: int, seed: int
) -> NDArray[np.intp]:
    random = np.random.default_rng(seed)
    kept = []
    for name in np.unique(names[chosen]):
        members = chosen[names[chosen] == name]
        size = max(least, round(count * len(members) / len(chosen)))
        kept.append(random.choice(members, size=min(size, len(members)), replace=False))
    return np.sort(np.concatenate(kept))


def _cross_validate(vectors: NDArray[np.float32], classes: NDArray[np.str_], *, k: int, folds: int, seed: int) -> float:
    from sklearn.metrics import balanced_accuracy_score
    from sklearn.model_selection import StratifiedKFold
    from sklearn.neighbors import KNeighborsClassifier

    predicted = np.empty_like(classes)
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(vectors, classes):
        model = KNeighborsClassifier(n_neighbors=min(k, len(train)), metric="cosine", algorithm="brute")
        predicted[test] = model.fit(vectors[train], classes[train]).predict(vectors[test])
    return float(balanced_accuracy_score(classes, predicted))


def _untrained_vectors(
    images: NDArray[np.float32], *, method: str, parameters: Mapping[str, object], seed: int
) -> NDArray[np.float32]:
    from lse.training.run import untrained

    return untrained(images, method=method, parameters=parameters, seed=seed).encode(images)
