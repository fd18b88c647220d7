"""Choosing images to label, from the first one on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, zip_longest

import numpy as np
from numpy.typing import ArrayLike, NDArray

from lse.analysis.neighbours import as_vectors, unit_vectors
from lse.analysis.suggestions.farthest import farthest_first
from lse.analysis.suggestions.margins import class_margins

__all__ = ["Suggestion", "suggest_images"]

# Undecided images among which the ones wanted are chosen to be unlike each other: so many for each one wanted.
_POOL = 10
_MOST_TRAINED_ON = 20_000
# Multiplications that a farthest-first traversal may take, so that an answer comes within seconds.
_WORK = 3e10


@dataclass(frozen=True)
class Suggestion:
    """Images to label next.

    Attributes
    ----------
    rows
        Rows, most telling first, shape (k,), int64.
    notes
        Sentences on how they were chosen.
    """

    rows: NDArray[np.int64]
    notes: tuple[str, ...]


def suggest_images(
    vectors: ArrayLike, labels: Mapping[int, str], classes: Sequence[str], *, count: int, seed: int = 0
) -> Suggestion:
    """Suggest images whose labels would teach most.

    As long as labels of fewer than two classes are there, images are chosen to cover latent space (farthest-first by
    the cosine distance, away from the labelled ones). Then those between classes are chosen (smallest margin of a
    logistic regression, and among the least certain such that are unlike each other); while classes of the scheme
    have no image yet, every second image still covers the space, since no classifier can ask for a class it does not
    know.

    Parameters
    ----------
    vectors
        Shape (n, D), finite.
    labels
        Class of each labelled row.
    classes
        Classes of the scheme.
    count
        Images wanted.
    seed
        Seed of the samples that are drawn where images are very many; `Suggestion.notes` tells of them.

    Returns
    -------
    Suggestion
        Unlabelled rows, fewer than `count` where there are no more.

    Raises
    ------
    InvalidArgumentError
        If the vectors are not a finite matrix.
    """
    matrix = as_vectors(vectors, minimum=1)
    known = np.array(sorted(row for row in labels if row < len(matrix)), dtype=np.int64)
    free = np.setdiff1d(np.arange(len(matrix)), known, assume_unique=True)
    if not len(free):
        return Suggestion(free, ("All images are labelled.",))
    notes: list[str] = []
    found = {labels[row] for row in known.tolist()}
    missing = [each for each in classes if each not in found]
    chooser = _Chooser(matrix, known, free, np.random.default_rng(seed), notes)
    if len(found) < 2:
        notes.append("Labels of two classes are not there yet: the images cover latent space.")
        return Suggestion(chooser.covering(count), tuple(notes))
    between = chooser.between([labels[row] for row in known.tolist()], count)
    if not missing:
        return Suggestion(between, tuple(notes))
    notes.append(f"No image is labelled {_listed(missing)} yet: every second image covers latent space.")
    mixed = chain.from_iterable(zip_longest(between.tolist(), chooser.covering(count).tolist()))
    rows = list(dict.fromkeys(row for row in mixed if row is not None))[:count]
    return Suggestion(np.array(rows, np.int64), tuple(notes))


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(f"'{name}'" for name in names[:3])
    return f"{shown} and {len(names) - 3} others" if len(names) > 3 else shown


class _Chooser:
    """Chooses among the unlabelled rows of one matrix."""

    def __init__(
        self,
        matrix: NDArray[np.float32],
        known: NDArray[np.int64],
        free: NDArray[np.int64],
        random: np.random.Generator,
        notes: list[str],
    ) -> None:
        self._matrix = matrix
        self._known = known
        self._free = free
        self._random = random
        self._notes = notes

    def covering(self, count: int) -> NDArray[np.int64]:
        """Rows far from the labelled ones and from each other."""
        known = self._sample(self._known, _MOST_TRAINED_ON, "labelled images were kept away from")
        room = int(_WORK / (self._matrix.shape[1] * (len(known) + count)))
        free = self._sample(self._free, max(room, 10 * count), "unlabelled images were looked at to cover the space")
        chosen = farthest_first(unit_vectors(self._matrix[free]), count=count, known=unit_vectors(self._matrix[known]))
        return free[chosen]

    def between(self, labels: Sequence[str], count: int) -> NDArray[np.int64]:
        """Rows between classes and unlike each other, the least certain first."""
        places = self._sample(np.arange(len(self._known)), _MOST_TRAINED_ON, "labelled images were learned from")
        # However rare a class is, it is learned from.
        places = np.union1d(places, np.unique(labels, return_index=True)[1])
        margins = class_margins(
            self._matrix[self._known[places]], [labels[place] for place in places.tolist()], self._matrix[self._free]
        )
        if not margins.converged:
            self._notes.append("The classifier did not converge: its margins are approximate.")
        # Stable, so that equally uncertain images come by row.
        pool = self._free[np.argsort(margins.values, kind="stable")[: _POOL * count]]
        chosen = farthest_first(unit_vectors(self._matrix[pool]), count=count, first=0)
        return pool[chosen]

    def _sample(self, rows: NDArray[np.int64], most: int, what: str) -> NDArray[np.int64]:
        if len(rows) <= most:
            return rows
        self._notes.append(f"{most:,} of {len(rows):,} {what}, drawn at random.")
        return np.sort(self._random.choice(rows, most, replace=False))
