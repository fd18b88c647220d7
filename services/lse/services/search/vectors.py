"""The vectors of experiments, in memory where they are few and by blocks where they are many."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from lse.analysis.neighbours import unit_vectors
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue.records.experiment import ExperimentResult
from lse.services.search.ranking import Block

__all__ = ["ExperimentVectors"]

# Vectors of an experiment that are kept, and those that are read at a time of one with more.
_KEPT_BYTES = 1 << 30
_BLOCK_BYTES = 1 << 28


class ExperimentVectors:
    """Reads vectors of experiments; those of the last few are kept.

    Parameters
    ----------
    artifacts
        Where they are.
    """

    def __init__(self, artifacts: Artifacts) -> None:
        self._artifacts = artifacts
        # Artifacts never change under their URI, so what was read once stays right.
        self._all = lru_cache(maxsize=2)(self._read)

    def are_kept(self, result: ExperimentResult) -> bool:
        """Whether the vectors of an experiment are few enough to be kept in memory."""
        return result.image_count * result.dimension * 4 <= _KEPT_BYTES

    def some(self, result: ExperimentResult, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Vectors of some rows of an experiment, in their order, shape (n, D)."""
        if self.are_kept(result):
            return self._all(result.vectors_uri).vectors[rows]
        return np.asarray(self._artifacts.array_rows(result.vectors_uri)[rows])

    def blocks(self, result: ExperimentResult, rows: NDArray[np.int64] | None = None) -> Iterator[Block]:
        """Vectors of some rows of an experiment, ascending, or of all, in blocks."""
        if self.are_kept(result):
            every = self._all(result.vectors_uri)
            yield every if rows is None else Block(rows, every.vectors[rows], every.units[rows])
            return
        step = max(1, _BLOCK_BYTES // (result.dimension * 4))
        wanted = np.arange(result.image_count) if rows is None else rows
        for start in range(0, len(wanted), step):
            here = wanted[start : start + step]
            vectors = self.some(result, here)
            yield Block(here, vectors, unit_vectors(vectors))

    def _read(self, uri: str) -> Block:
        vectors = self._artifacts.read_array(uri)
        return Block(np.arange(len(vectors)), vectors, unit_vectors(vectors))
