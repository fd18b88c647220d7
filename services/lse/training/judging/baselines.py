"""Representations that nobody had to learn, and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.platform.errors import CancelledError
from lse.platform.progress import Progress
from lse.training.judging.labelled import cross_validated, scorable
from lse.training.judging.neighbours import nearest_neighbours

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from lse.platform.progress import ProgressCallback, ShouldStop

__all__ = ["Baselines", "baselines", "representations"]


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
    pixels = np.asarray(images, dtype=np.float32)
    flat, classes, notes = scorable(pixels, labels, folds=folds, seed=seed, max_images=max_images)
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
    scores = {}
    for name, vectors in representations(
        flat.reshape(-1, *pixels.shape[1:]), method=method, parameters=parameters, components=components, seed=seed
    ):
        scores[name] = cross_validated(nearest_neighbours(k), vectors, classes, folds=folds, seed=seed)
        starts(len(scores))
    return Baselines(chance=1 / len(names), **scores, notes=notes)


def representations(
    images: NDArray[np.float32],
    *,
    method: str = "simclr",
    parameters: Mapping[str, object] | None = None,
    components: int = 64,
    seed: int = 0,
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Yield ``pixels``, ``pca`` and ``untrained`` with the vectors (n, dimension) that each gives images.

    Parameters are those of `baselines`.
    """
    from sklearn.decomposition import PCA

    from lse.training.run import untrained

    flat = images.reshape(len(images), -1)
    yield "pixels", flat
    yield "pca", PCA(min(components, *flat.shape), random_state=seed).fit_transform(flat)
    yield "untrained", untrained(images, method=method, parameters=parameters or {}, seed=seed).encode(images)
