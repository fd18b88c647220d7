"""Concepts of experiments, each learnt once while it is asked for."""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pyarrow.types as pt

from lse.analysis.followed import Property, properties_of, what_follows
from lse.columns import numbers
from lse.errors import InvalidArgumentError
from lse.kinds import kind_of
from lse.platform.prepared_images import prepared_images
from lse.representation.explanation.concepts import Concepts, learn_concepts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.followed import Followed
    from lse.platform.artifacts import Artifacts
    from lse.services.explanation.spaces import Space

__all__ = ["ConceptBook"]

# Images that properties are compared on, at most.
_COMPARED = 20_000


class ConceptBook:
    """Concepts of the spaces of some artifacts."""

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        self._lock = threading.Lock()  # two who ask for the same wait for one training
        self._learnt = lru_cache(maxsize=4)(self._learn)

    def concepts(self, space: Space, *, count: int, seed: int) -> Concepts:
        """Concepts of a space; errors as of `learn_concepts`."""
        with self._lock:
            return self._learnt(space.experiment.result.vectors_uri, count, seed)

    def vectors(self, space: Space) -> NDArray[np.float32]:
        """Vectors of a space, (n, D)."""
        return self._artifacts.read_array(space.experiment.result.vectors_uri)

    def strengths(self, space: Space, concept: int, *, count: int, seed: int) -> NDArray[np.float32]:
        """Strength of a concept in every image, (n,).

        Raises
        ------
        InvalidArgumentError
            ``PARAMETER_INVALID``: there is no such concept.
        """
        concepts = self.concepts(space, count=count, seed=seed)
        if not 0 <= concept < len(concepts.atoms):
            raise InvalidArgumentError(
                f"'{space.experiment.id}' has no concept {concept}: choose 0 to {len(concepts.atoms) - 1}.",
                reason="PARAMETER_INVALID",
                parameter="concept",
            )
        return concepts.strengths(self.vectors(space), concept)

    def followed(
        self, space: Space, strengths: NDArray[np.float32]
    ) -> tuple[tuple[Followed | None, ...], tuple[str, ...]]:
        """What strengths (n, m) follow in the catalogue, and sentences on what was left out."""
        count = len(strengths)
        rows = np.unique(np.linspace(0, count - 1, min(count, _COMPARED)).astype(int))
        notes = () if len(rows) == count else (f"Properties were compared on {len(rows):,} of {count:,} images.",)
        return what_follows(strengths[rows], self._properties(space, rows)), notes

    def _properties(self, space: Space, rows: NDArray[np.int64]) -> tuple[Property, ...]:
        dataset = space.dataset.result
        groups, amounts = {}, {}
        columns = list(dataset.catalogue_columns)
        if not columns:
            return ()
        table = prepared_images(self._artifacts, dataset.table_uri, columns).take(rows)
        for column in columns:
            values = table[column]
            if kind_of(values.type).amount:
                amounts[column] = numbers(values)
            elif pt.is_string(values.type) or pt.is_large_string(values.type) or pt.is_boolean(values.type):
                groups[column] = np.array(["" if each is None else str(each) for each in values.to_pylist()])
        return properties_of(groups, amounts)

    def _learn(self, vectors_uri: str, count: int, seed: int) -> Concepts:
        return learn_concepts(self._artifacts.read_array(vectors_uri), count=count, seed=seed)
