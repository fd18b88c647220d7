"""Scores against classes: of an encoder, and of representations that nobody had to learn."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.platform.errors import InvalidArgumentError
from lse.training.judging.baselines import representations
from lse.training.judging.labelled import Learn, cross_validated, from_train_to_test, split_rows, stratified_sample
from lse.training.judging.neighbours import nearest_neighbours
from lse.training.linear_probe import linear_probe

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["ClassScores", "score_against_classes"]

_FOLDS = 5
# Images that a probe is scored on at most: with all pixels as the vector, so many take some seconds a fold.
_PROBE_IMAGES = 2_500


@dataclass(frozen=True)
class ClassScores:
    """Balanced accuracies of an encoder (``encoder``) and of its baselines, by name.

    Attributes
    ----------
    images
        Images scored.
    classes
        Their classes.
    knn, linear_probe
        Of the 20 nearest neighbours by cosine, and of a linear probe, in five stratified folds; baselines are
        ``chance``, ``pixels``, ``pca`` and ``untrained``.
    split_knn, split_linear_probe
        The same, learnt from the training part of the catalogue's own split and scored on its test part; empty where
        there is no split.
    notes
        What was left out and why.
    """

    images: int
    classes: tuple[str, ...]
    knn: Mapping[str, float]
    linear_probe: Mapping[str, float]
    split_knn: Mapping[str, float]
    split_linear_probe: Mapping[str, float]
    notes: tuple[str, ...]


def score_against_classes(
    vectors: NDArray[np.float32],
    classes: NDArray[np.str_],
    *,
    pixels: Callable[[], NDArray[np.float32]],
    split: Sequence[object] | None = None,
    method: str = "",
    settings: Mapping[str, object] | None = None,
    seed: int = 0,
    starts: Callable[[str], None] | None = None,
) -> ClassScores:
    """Score vectors and baselines on the same images, in the same folds.

    Parameters
    ----------
    vectors, classes
        Shapes (n, dimension) and (n,), of images that can be scored (see `scorable_rows`), of two classes or more.
    pixels
        Reads their prepared images, (n, channels, size, size).
    split
        Values of the catalogue's split.
    method, settings
        Whose encoder is taken untrained; the default network of SimCLR where the method is empty.
    seed
        Of folds and untrained weights.
    starts
        Called with the name of every stage; may raise to end the work.
    """
    names = np.unique(classes)
    finite = np.asarray(np.isfinite(vectors).all(axis=1))
    scorer = _Scorer(classes, split, seed=seed, starts=starts)
    if not finite.all():
        scorer.notes.append(f"{int((~finite).sum())} vectors are not finite: they count as zero in the scores.")
        vectors = np.where(finite[:, None], vectors, 0)
    scorer.score("encoder", vectors)
    peers = representations(pixels(), method=method or "simclr", parameters=settings if method else None, seed=seed)
    try:
        for name, values in peers:
            scorer.score(name, values)
    except InvalidArgumentError as error:
        scorer.notes.append(f"There is no untrained network to compare with: {error.message}")
    return ClassScores(
        images=len(classes),
        classes=tuple(names.tolist()),
        knn=scorer.knn,
        linear_probe=scorer.linear_probe,
        split_knn=scorer.split_knn,
        split_linear_probe=scorer.split_linear_probe,
        notes=tuple(scorer.notes),
    )


class _Scorer:
    """Scores one representation after the other, all on the same images and folds."""

    def __init__(
        self,
        classes: NDArray[np.str_],
        split: Sequence[object] | None,
        *,
        seed: int,
        starts: Callable[[str], None] | None,
    ) -> None:
        self.notes: list[str] = []
        self._classes = classes
        self._seed = seed
        self._starts = starts
        self._neighbours, self._probe = nearest_neighbours(), linear_probe(seed)
        self._probed = self._thinned(np.arange(len(classes)))
        if len(self._probed) < len(classes):
            self.notes.append(
                f"The linear probes were scored on a stratified sample of {len(self._probed)} of {len(classes)} images."
            )
        chance = 1 / len(np.unique(classes))
        self.knn, self.linear_probe = {"chance": chance}, {"chance": chance}
        self.split_knn: dict[str, float] = {}
        self.split_linear_probe: dict[str, float] = {}
        self._split = None if split is None else self._parts(split)

    def score(self, name: str, vectors: NDArray[np.float32]) -> None:
        """Score a representation (n, dimension)."""
        classes, probed = self._classes, self._probed

        def check() -> None:
            if self._starts is not None:
                self._starts(f"scoring {name}")

        def folded(learn: Learn, rows: NDArray[np.intp] | slice) -> float:
            return cross_validated(learn, vectors[rows], classes[rows], folds=_FOLDS, seed=self._seed, check=check)

        self.knn[name] = folded(self._neighbours, slice(None))
        self.linear_probe[name] = folded(self._probe, probed)
        if self._split is not None:
            train, test = self._split
            self.split_knn[name] = from_train_to_test(self._neighbours, vectors, classes, train=train, test=test)
            check()
            few = self._thinned(train)
            self.split_linear_probe[name] = from_train_to_test(self._probe, vectors, classes, train=few, test=test)

    def _parts(self, split: Sequence[object]) -> tuple[NDArray[np.intp], NDArray[np.intp]] | None:
        train, test = split_rows(split)
        tested = np.unique(self._classes[test])
        if len(np.unique(self._classes[train])) < 2 or len(tested) < 2:
            self.notes.append("The column 'split' was not used: its parts train and test do not both have two classes.")
            return None
        self.notes.append(
            f"The catalogue's own split was used as well: learnt from {len(train)} images of train, scored on "
            f"{len(test)} of test; the {len(split) - len(train) - len(test)} others are in neither."
        )
        if len(train) > _PROBE_IMAGES:
            self.notes.append(f"Over that split the linear probes learnt from a stratified sample of {_PROBE_IMAGES}.")
        self.split_knn["chance"] = self.split_linear_probe["chance"] = 1 / len(tested)
        return train, test

    def _thinned(self, rows: NDArray[np.intp]) -> NDArray[np.intp]:
        """A stratified sample of rows, small enough for the probes."""
        if len(rows) <= _PROBE_IMAGES:
            return rows
        return stratified_sample(rows, self._classes, count=_PROBE_IMAGES, least=_FOLDS, seed=self._seed)
