"""Representations that nobody had to learn, and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.errors import CancelledError
from lse.progress import Progress
from lse.representation.evaluation.labelled import cross_validated, scorable
from lse.representation.evaluation.neighbours import nearest_neighbours

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import ArrayLike, NDArray

    from lse.progress import ProgressCallback, ShouldStop

__all__ = ["PEERS", "Baselines", "baselines", "fitted_pca", "representation"]

PEERS = ("pixels", "pca", "untrained")
# Side of the images whose pixels are a baseline, and numbers that these become.
_PIXELS, _DIMENSIONS = 64, 1024


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
            raise CancelledError("The evaluation was cancelled.")
        if on_progress is not None:
            on_progress(Progress("scoring baselines", done, 3, "baselines"))

    starts(0)
    scores = {}
    kept = flat.reshape(-1, *pixels.shape[1:])
    for name in PEERS:
        vectors = representation(name, kept, method=method, parameters=parameters, components=components, seed=seed)
        scores[name] = cross_validated(nearest_neighbours(k), vectors, classes, folds=folds, seed=seed)
        starts(len(scores))
    return Baselines(chance=1 / len(names), **scores, notes=notes)


def representation(
    name: str,
    images: NDArray[np.float32],
    *,
    method: str = "simclr",
    parameters: Mapping[str, object] | None = None,
    components: int = 64,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Vectors (n, dimension) that one of `PEERS` gives images.

    ``pixels`` and ``pca`` are of images of at most 64 pixels a side, larger ones averaged to that; of more than 1,024
    pixels and bands a random projection (Johnson & Lindenstrauss 1984; Achlioptas 2003) is taken, which keeps distances
    to a few per cent.

    Parameters
    ----------
    name
        ``pixels``, ``pca`` or ``untrained``.
    images
        Prepared images (n, channels, size, size).
    method, parameters, components, seed
        As for `baselines`.
    """
    if name == "untrained":
        from lse.representation.training.run import untrained

        start = untrained(images, method=method, parameters={**(parameters or {}), "seed": seed})
        return start.encode(images)
    if name == "pixels":
        return _projected(_at_most(images, _PIXELS).reshape(len(images), -1), seed=seed)
    return fitted_pca(images, components=components, seed=seed)(images)


def fitted_pca(
    images: NDArray[np.float32], *, components: int = 64, seed: int = 0
) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """What gives images the principal components of the pixels of these, (n, components).

    Parameters are those of `representation`.
    """
    from sklearn.decomposition import PCA

    def flat(those: NDArray[np.float32]) -> NDArray[np.float32]:
        return _at_most(those, _PIXELS).reshape(len(those), -1)

    pixels = flat(images)
    model = PCA(min(components, *pixels.shape), random_state=seed).fit(pixels)

    def components_of(those: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = model.transform(flat(those))
        return found

    return components_of


def _at_most(images: NDArray[np.float32], side: int) -> NDArray[np.float32]:
    """Images of at most `side` pixels a side: whole blocks of pixels become their mean."""
    block = -(-images.shape[-1] // side)
    if block == 1:
        return images
    from torch import from_numpy
    from torch.nn.functional import avg_pool2d

    smaller: NDArray[np.float32] = avg_pool2d(from_numpy(images), block, ceil_mode=True).numpy()
    return smaller


def _projected(flat: NDArray[np.float32], *, seed: int) -> NDArray[np.float32]:
    """Vectors (n, 1024) with nearly the distances and angles of longer ones.

    Their mean is projected exactly: what all images have in common, such as the background, would otherwise drown the
    differences in its own error.
    """
    if flat.shape[1] <= _DIMENSIONS:
        return flat
    from sklearn.random_projection import SparseRandomProjection

    mean = flat.mean(axis=0)
    length = float(np.linalg.norm(mean))
    centred = flat - mean
    along = centred @ (mean / length) if length > 0 else np.zeros(len(flat), np.float32)
    if length > 0:
        centred -= along[:, None] * (mean / length)
    projected = SparseRandomProjection(_DIMENSIONS - 1, dense_output=True, random_state=seed).fit_transform(centred)
    return np.column_stack([projected, along + length]).astype(np.float32)
