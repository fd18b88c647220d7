"""A search in an experiment: by its vectors where few images may be found, else by the index of the vector store."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from lse.analysis.neighbours import find_neighbours
from lse.errors import InvalidArgumentError
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue.pages import Keys
from lse.platform.catalogue.records.experiment import ExperimentResult
from lse.platform.vectors import VectorStore
from lse.platform.vectors.points import Hit
from lse.services.search.queries import Query, Scope, rows_in_scope
from lse.services.search.ranking import After, Found, ask_index, rank_all, rank_clusters
from lse.services.search.vectors import ExperimentVectors

__all__ = ["Page", "Searcher", "Space"]

# Up to so many images, or so small a share of all, comparing with each takes no longer than asking the index for more.
_COMPARED_ROWS = 100_000
_COMPARED_SHARE = 0.02


@dataclass(frozen=True)
class Space:
    """Where is searched.

    Attributes
    ----------
    collection
        Collection of the experiment in the vector store.
    result
        What the experiment is.
    labels
        Cluster of each image, int32 (n,), where a clustering was named.
    """

    collection: str
    result: ExperimentResult
    labels: NDArray[np.int32] | None


@dataclass(frozen=True)
class Page:
    """Where a page of a search begins.

    Attributes
    ----------
    way
        How the pages before were found, and so this one; chosen on the first page.
    seen
        Number of images on the pages before.
    after
        The last of them.
    """

    way: Literal["", "index", "vectors"] = ""
    seen: int = 0
    after: After | None = None

    @property
    def keys(self) -> Keys:
        """The same as values of a page token."""
        assert self.after is not None
        return [self.way, self.seen, *self.after]


class Searcher:
    """Finds similar images.

    Parameters
    ----------
    artifacts, store
        Where the vectors are.
    """

    def __init__(self, artifacts: Artifacts, store: VectorStore) -> None:
        self._store = store
        self.vectors = ExperimentVectors(artifacts)

    def search(
        self,
        space: Space,
        query: Query,
        count: int,
        *,
        scope: Scope = "all",
        allowed: NDArray[np.int64] | None = None,
        exact: bool = False,
        page: Page = Page(),
    ) -> tuple[Found, Page | None]:
        """A page of the images that are most similar to something.

        Parameters
        ----------
        space
            Experiment and clustering.
        query
            What to be similar to.
        count
            Number of images wanted.
        scope
            Everywhere, in the cluster of the query, or the best of each other cluster.
        allowed
            Rows that may be found, ascending; all where not given.
        exact
            Compare with all vectors.
        page
            Where it begins.

        Returns
        -------
        Found, Page or None
            The images, and where the next page begins; None if there is none.

        Raises
        ------
        InvalidArgumentError
            If the scope needs a clustering and none is named.
        FailedPreconditionError
            If the query is noise and its own cluster is wanted.
        """
        if scope != "all":
            rows = rows_in_scope(scope, _named(space.labels), self._cluster(space, query))
            allowed = rows if allowed is None else np.intersect1d(allowed, rows, assume_unique=True)
        if len(query.left_out):
            every = np.arange(space.result.image_count) if allowed is None else allowed
            allowed = np.setdiff1d(every, query.left_out, assume_unique=True)
        way = page.way or self._way(space, allowed, exact=exact or scope == "other-clusters")
        # One more than wanted, to see whether there is another page.
        if way == "index":
            found = self._by_index(space, query, count + 1, allowed=allowed, exact=exact, page=page)
        else:
            found = self._by_vectors(
                space, query, count + 1, allowed=allowed, each=scope == "other-clusters", page=page
            )
        if len(found.rows) <= count:
            return found, None
        found = found.first(count)
        last = After(float(found.similarities[-1]), int(found.rows[-1]))
        return found, Page(way, page.seen + count, last)

    def search_many(
        self,
        space: Space,
        targets: NDArray[np.int64] | NDArray[np.float32],
        count: int,
        *,
        allowed: NDArray[np.int64] | None = None,
        exact: bool = False,
    ) -> list[Found]:
        """The images that are most similar to each of many.

        Parameters
        ----------
        space
            Experiment.
        targets
            Rows of the experiment, int64 (m,), of which each does not find itself, or vectors of length 1, float32
            (m, D).
        count, allowed, exact
            As of `search`.
        """
        if self._way(space, allowed, exact=exact) == "vectors":
            return self._compare_many(space, targets, count, allowed)
        if allowed is None:
            answers = self._store.search_batch(space.collection, targets, count, exact=exact, payload=False)
            return [_found(hits) for hits in answers]
        single = targets.tolist() if targets.ndim == 1 else list(targets)
        return [self.search(space, Query(target), count, allowed=allowed)[0] for target in single]

    def _compare_many(
        self,
        space: Space,
        targets: NDArray[Any],
        count: int,
        allowed: NDArray[np.int64] | None,
    ) -> list[Found]:
        rows = np.arange(space.result.image_count) if allowed is None else allowed
        if not len(rows):
            return [Found(rows, np.empty(0))] * len(targets)
        own = targets if targets.ndim == 1 else np.full(len(targets), -1)
        queries = self.vectors.some(space.result, targets) if targets.ndim == 1 else targets
        # One more than wanted, for a query may be the nearest to itself.
        places, distances = find_neighbours(queries, self.vectors.some(space.result, rows), k=count + 1)
        nearest, similarities = rows[places], 1 - distances.astype(np.float64)
        others = nearest != own[:, None]
        return [
            Found(found[kept][:count], similar[kept][:count])
            for found, similar, kept in zip(nearest, similarities, others, strict=True)
        ]

    def _way(self, space: Space, allowed: NDArray[np.int64] | None, *, exact: bool) -> Literal["index", "vectors"]:
        if allowed is None:
            return "vectors" if exact and self.vectors.are_kept(space.result) else "index"
        few = len(allowed) <= max(_COMPARED_ROWS, _COMPARED_SHARE * space.result.image_count)
        return "vectors" if exact or few else "index"

    def _by_index(
        self,
        space: Space,
        query: Query,
        count: int,
        *,
        allowed: NDArray[np.int64] | None,
        exact: bool,
        page: Page,
    ) -> Found:
        def ask(limit: int) -> Found:
            return _found(self._store.search(space.collection, query.target, limit, exact=exact, payload=False))

        total, mask = space.result.image_count, None
        if allowed is not None:
            mask = np.zeros(total, bool)
            mask[allowed] = True
        return ask_index(ask, mask, total, count, seen=page.seen, after=page.after)

    def _by_vectors(
        self,
        space: Space,
        query: Query,
        count: int,
        *,
        allowed: NDArray[np.int64] | None,
        each: bool,
        page: Page,
    ) -> Found:
        target = query.target
        if isinstance(target, int):
            every = np.arange(space.result.image_count) if allowed is None else allowed
            allowed = every[every != target]
            target = self.vectors.some(space.result, np.array([target]))[0]
        blocks = self.vectors.blocks(space.result, allowed)
        if each:
            return rank_clusters(blocks, target, _named(space.labels), count, page.after)
        return rank_all(blocks, target, count, page.after)

    def _cluster(self, space: Space, query: Query) -> int:
        """Cluster that a query belongs to: its own, else that of the image nearest to it."""
        row = query.target
        if not isinstance(row, int):
            (nearest,) = self._store.search(space.collection, row, 1, payload=False)
            row = nearest.id
        return int(_named(space.labels)[row])


def _found(hits: list[Hit]) -> Found:
    return Found(np.array([hit.id for hit in hits], np.int64), np.array([hit.score for hit in hits], np.float64))


def _named(labels: NDArray[np.int32] | None) -> NDArray[np.int32]:
    if labels is None:
        raise InvalidArgumentError(
            "To search within or across clusters, name the clustering.", reason="CLUSTERING_MISSING"
        )
    return labels
