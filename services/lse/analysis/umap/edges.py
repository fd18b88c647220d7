"""The edges of a map: which points draw each other, and how often."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from scipy.sparse import csr_matrix

__all__ = ["Edges", "edges_of"]


@dataclass(frozen=True)
class Edges:
    """Edges of every point, and how often each is passed.

    Attributes
    ----------
    firsts
        First edge of each point and the end of the last, shape (n + 1,).
    others
        The other end, shape (edges,), int32.
    rates
        Times that an edge is passed per epoch, at most 1, float32.
    phases
        Moment of the first passage, between 0 and 1, float32.
    """

    firsts: NDArray[np.int64]
    others: NDArray[np.int32]
    rates: NDArray[np.float32]
    phases: NDArray[np.float32]


def edges_of(fuzzy: csr_matrix, n_epochs: int, *, seed: int) -> Edges:
    """Edges of a graph of memberships that are passed at least once in `n_epochs`."""
    rates = fuzzy.data / fuzzy.data.max()
    kept = rates >= 1 / n_epochs
    firsts = np.concatenate([[0], np.cumsum(kept)])[fuzzy.indptr]
    phases = np.random.default_rng(seed).random(int(kept.sum()), dtype=np.float32)
    return Edges(firsts.astype(np.int64), fuzzy.indices[kept].astype(np.int32), rates[kept].astype(np.float32), phases)
