"""Images in the order of their similarity: by the vectors themselves, or by the index of the vector store."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["After", "Block", "Found", "ask_index", "rank_all", "rank_clusters"]

# Hits asked for beyond the share of images that may be found, since those near the query need not have that share.
_SURPLUS = 1.2
_SPARE = 16
_GROWTH = 4


class After(NamedTuple):
    """The last image of the page before: how similar it is, and its row."""

    similarity: float
    row: int


class Block(NamedTuple):
    """Some of the images: their rows, ascending; their vectors, float32 (n, D); and the same scaled to length 1."""

    rows: NDArray[np.int64]
    vectors: NDArray[np.float32]
    units: NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """Images by their similarity, the most similar first, equal ones by row.

    Attributes
    ----------
    rows
        Their rows, int64 (n,).
    similarities
        Cosine similarities, float64 (n,).
    """

    rows: NDArray[np.int64]
    similarities: NDArray[np.float64]

    def first(self, count: int, after: After | None = None) -> Found:
        """The first of them, or the first after an image; in order."""
        kept = np.lexsort((self.rows, -self.similarities))
        if after is not None:
            similarities, rows = self.similarities[kept], self.rows[kept]
            kept = kept[(similarities < after.similarity) | ((similarities == after.similarity) & (rows > after.row))]
        return Found(self.rows[kept[:count]], self.similarities[kept[:count]])


def rank_all(blocks: Iterable[Block], vector: NDArray[np.float32], count: int, after: After | None) -> Found:
    """Most similar of all images, exactly.

    Products in float32 name the candidates, as many as their rounding asks for; float64 ranks these.

    Parameters
    ----------
    blocks
        The images that may be found.
    vector
        What they are compared with, float32 (D,).
    count
        Number of images wanted.
    after
        Only images after this one.
    """
    direction, parts = _unit(vector), []
    for rows, vectors, units in blocks:
        coarse, margin = _coarse(units, direction)
        candidates = np.arange(len(rows))
        wanted = count
        if after is not None:
            candidates = np.flatnonzero(coarse <= after.similarity + margin)
            # Those that may turn out to be before it come on top.
            wanted += int((coarse[candidates] >= after.similarity - margin).sum())
        if wanted < len(candidates):
            known = coarse[candidates]
            candidates = candidates[known >= np.partition(known, -wanted)[-wanted] - 2 * margin]
        parts.append(Found(rows[candidates], _cosines(vectors[candidates], direction)).first(count, after))
    return _joined(parts).first(count)


def rank_clusters(
    blocks: Iterable[Block],
    vector: NDArray[np.float32],
    labels: NDArray[np.int32],
    count: int,
    after: After | None,
) -> Found:
    """Most similar image of each cluster, exactly; see `rank_all`.

    Parameters
    ----------
    labels
        Cluster of every row of the experiment, at least 0 for those of the blocks.
    """
    direction, parts = _unit(vector), []
    for rows, vectors, units in blocks:
        coarse, margin = _coarse(units, direction)
        clusters = labels[rows]
        best = np.full(int(clusters.max(initial=-1)) + 1, -np.inf)
        np.maximum.at(best, clusters, coarse)
        candidates = np.flatnonzero(coarse >= best[clusters] - 2 * margin)
        parts.append(Found(rows[candidates], _cosines(vectors[candidates], direction)))
    every = _joined(parts)
    order = np.lexsort((every.rows, -every.similarities))
    _, best_of_each = np.unique(labels[every.rows[order]], return_index=True)
    chosen = order[best_of_each]
    return Found(every.rows[chosen], every.similarities[chosen]).first(count, after)


def ask_index(
    ask: Callable[[int], Found],
    allowed: NDArray[np.bool_] | None,
    total: int,
    count: int,
    *,
    seen: int,
    after: After | None,
) -> Found:
    """Most similar images by an index that knows nothing of which ones may be found.

    Parameters
    ----------
    ask
        Gives so many of the most similar images.
    allowed
        Whether each of the `total` images may be found; all where not given.
    total
        Number of images.
    count
        Number of images wanted.
    seen
        Number of images on the pages before.
    after
        The last of them.
    """
    wanted = seen + count
    share = 1.0 if allowed is None else max(int(allowed.sum()), 1) / total
    limit = wanted if allowed is None else ceil(wanted / share * _SURPLUS) + _SPARE
    while True:
        limit = min(limit, total)
        found = ask(limit)
        known = len(found.rows)
        if allowed is not None:
            kept = allowed[found.rows]
            found = Found(found.rows[kept], found.similarities[kept])
        page = found.first(count, after)
        if len(page.rows) == count or known < limit or limit == total:
            return page
        limit *= _GROWTH


def _unit(vector: NDArray[np.float32]) -> NDArray[np.float64]:
    exact = vector.astype(np.float64)
    return exact / (np.sqrt((exact * exact).sum()) or 1.0)


def _coarse(units: NDArray[np.float32], direction: NDArray[np.float64]) -> tuple[NDArray[np.float32], float]:
    """Cosines in float32, and how far they may be from the true ones."""
    margin = (units.shape[1] + 4) * float(np.finfo(np.float32).eps)
    return units @ direction.astype(np.float32), margin


def _cosines(vectors: NDArray[np.float32], direction: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosines in float64, the same bits for a vector whichever others are beside it; 0 for a row of zeros."""
    exact = vectors.astype(np.float64)
    lengths = np.sqrt((exact * exact).sum(axis=1))
    return np.asarray((exact * direction).sum(axis=1) / np.where(lengths > 0, lengths, 1.0))


def _joined(parts: list[Found]) -> Found:
    if not parts:
        return Found(np.empty(0, np.int64), np.empty(0))
    return Found(np.concatenate([p.rows for p in parts]), np.concatenate([p.similarities for p in parts]))
