"""Search: similar images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from latentspace.search.v1 import search_pb2 as pb
from lse.client.requests import check_count, rows_message
from lse.client.resources import Match
from lse.client.results import Results
from lse.client.streams import pieces
from lse.client.subject import Subject
from lse.errors import InvalidArgumentError
from lse.names import CLUSTERING, EXPERIMENT, SELECTION

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pyarrow as pa

__all__ = ["Examples", "Scope", "Search"]

Scope = Literal["all", "same-cluster", "other-clusters"]
Examples = str | Iterable[str | int]
"""The name of a selection, or images by their names or rows."""

_SCOPES: dict[str, pb.SearchImagesRequest.Scope.ValueType] = {
    "all": pb.SearchImagesRequest.SCOPE_ALL,
    "same-cluster": pb.SearchImagesRequest.SCOPE_SAME_CLUSTER,
    "other-clusters": pb.SearchImagesRequest.SCOPE_OTHER_CLUSTERS,
}
# Of a message, which has 16 MiB at most.
_VECTOR_BYTES = 8 * 2**20
_FILE_LIMIT = 15 * 2**20
_PAGE = 1000
_MOST = 1_000_000


class Search(Subject):
    """Search in the experiments of a project."""

    def similar(
        self,
        experiment: str,
        *,
        image: str | int | None = None,
        row: int | None = None,
        file: str | Path | bytes | None = None,
        vector: Sequence[float] | npt.NDArray[np.floating] | None = None,
        selection: str | None = None,
        cluster: tuple[str, int] | None = None,
        like: Examples | None = None,
        unlike: Examples | None = None,
        k: int = 10,
        scope: Scope = "all",
        clustering: str | None = None,
        filter: str = "",  # noqa: A002  # the word of the API
        exact: bool = False,
    ) -> Results[Match]:
        """Images most similar to exactly one of: an image (or row), a file, a vector, a selection, a cluster, examples.

        Parameters
        ----------
        experiment
            Where to search.
        image
            Image of the dataset, by its name or path; it is none of the matches.
        row
            The same by its row.
        file
            Image file on this machine, or its content; at most 15 MiB.
        vector
            Components, shape (dimension,).
        selection
            Selection, by the mean of its vectors.
        cluster
            Clustering and number of the cluster, by its mean.
        like, unlike
            Examples to resemble and, beside these, examples not to resemble: a selection by its name, or images by
            their names or rows.  What is searched for is twice the mean of the unit vectors of the first minus that of
            the second; no example is a match.
        k
            Number of images wanted.
        scope
            Everywhere, in the cluster of the query image, or the most similar image of each other cluster.
        clustering
            Clustering used by `scope`, whose clusters the matches carry.
        filter
            Which images may be found, such as ``redshift > 0.5 AND label.morphology = spiral``: a filter on metadata,
            ``cluster.<clustering>``, ``prediction.<prediction>`` and ``label.<scheme>``.
        exact
            Compare with every vector instead of the index.

        Examples
        --------
        >>> client.search.similar("survey", like=["a-001", "a-017"], unlike="artefacts", filter="snr > 10")
        """
        name, count = self._name(EXPERIMENT, experiment), check_count(k, _MOST, "A search")
        request = self._scoped(name, scope, clustering, exact=exact, filter=filter)
        given = {"image": image, "row": row, "file": file, "vector": vector, "selection": selection, "cluster": cluster}
        _check_one({**given, "like": like}, unlike)
        if (one := image if row is None else row) is not None:
            request.image = self._image(name, one)
        elif file is not None:
            request.image_file = _content(file)
        elif vector is not None:
            request.vector.components.extend(map(float, vector))
        elif selection is not None:
            request.selection = self._name(SELECTION, selection)
        elif cluster is not None:
            request.cluster.clustering = self._name(CLUSTERING, name, cluster[0])
            request.cluster.cluster = cluster[1]
        elif like is not None:
            request.examples.positive.CopyFrom(self._examples(name, like))
            if unlike is not None:
                request.examples.negative.CopyFrom(self._examples(name, unlike))
        return self._pages(request, count)

    def similar_to_each(
        self,
        experiment: str,
        *,
        images: Iterable[str] | None = None,
        rows: Iterable[int] | None = None,
        vectors: npt.ArrayLike | None = None,
        k: int = 10,
        filter: str = "",  # noqa: A002  # the word of the API
        exact: bool = False,
    ) -> pa.Table:
        """Images most similar to each of many images, rows or vectors, in a few calls.

        Parameters
        ----------
        experiment
            Where to search.
        images
            Images of the dataset; none is a match of its own.
        rows
            The same by their rows.
        vectors
            Vectors of the dimension of the experiment, shape (m, D).
        k
            Number of images wanted for each, 1 to 1000.
        filter
            Which images may be found, as of `similar`.
        exact
            Compare with every vector instead of the index.

        Returns
        -------
        table
            Columns ``query`` (place of the image, row or vector among those given, from 0), ``row``, ``name`` and
            ``similarity`` (cosine), by query, the most similar image first.

        Examples
        --------
        >>> neighbours = client.search.similar_to_each("survey", rows=range(10_000), k=5).to_pandas()
        """
        if sum(queries is not None for queries in (images, rows, vectors)) != 1:
            raise InvalidArgumentError(
                "A search for many needs exactly one of images, rows and vectors.", reason="QUERY_INVALID"
            )
        name = self._name(EXPERIMENT, experiment)
        request = pb.BatchSearchImagesRequest(
            parent=name, image_count=check_count(k, _PAGE, "A search"), filter=filter, exact=exact
        )
        if vectors is not None:
            return self._similar_to_vectors(request, vectors)
        if rows is not None:
            return self._similar_to_rows(request, list(rows))
        request.images.names.extend(self._images(name, [] if images is None else list(images)))
        return self._connection.table(request)

    def _similar_to_vectors(self, request: pb.BatchSearchImagesRequest, vectors: npt.ArrayLike) -> pa.Table:
        import numpy as np
        import pyarrow as pa

        given = np.ascontiguousarray(vectors, "<f4")
        if given.ndim != 2:
            raise InvalidArgumentError(
                f"The vectors have the shape {given.shape}: give a matrix (m, D).", reason="SHAPE_INVALID"
            )
        step = max(1, _VECTOR_BYTES // max(1, given[:1].nbytes))
        parts = []
        for start in range(0, max(1, len(given)), step):
            request.vectors = given[start : start + step].tobytes()
            part = self._connection.table(request)
            parts.append(part.set_column(0, "query", pa.array(part["query"].to_numpy() + start)))
        return pa.concat_tables(parts)

    def _similar_to_rows(self, request: pb.BatchSearchImagesRequest, rows: Sequence[int]) -> pa.Table:
        """Matches of rows in any order; they are sent as a set, and those given twice are searched for once."""
        import numpy as np
        import pyarrow as pa

        if (message := rows_message(rows)) is not None:
            request.rows.CopyFrom(message)
        table = self._connection.table(request)
        distinct, places = np.unique(np.array(rows, np.int64), return_inverse=True)
        starts = np.searchsorted(table["query"].to_numpy(), np.arange(len(distinct) + 1))
        taken = [np.arange(starts[place], starts[place + 1]) for place in places]
        query = np.repeat(np.arange(len(rows)), [len(each) for each in taken])
        return table.take(pa.array(np.concatenate(taken))).set_column(0, "query", pa.array(query))

    def _scoped(self, experiment: str, scope: Scope, clustering: str | None, **options: Any) -> pb.SearchImagesRequest:
        if scope not in _SCOPES:
            raise InvalidArgumentError(
                f"'{scope}' is not a scope of a search: use {', '.join(_SCOPES)}.", reason="CHOICE_UNKNOWN"
            )
        if scope != "all" and clustering is None:
            raise InvalidArgumentError(
                f"The scope '{scope}' needs a clustering: name one.", reason="CLUSTERING_MISSING"
            )
        named = self._name(CLUSTERING, experiment, clustering) if clustering is not None else ""
        return pb.SearchImagesRequest(parent=experiment, scope=_SCOPES[scope], clustering=named, **options)

    def _pages(self, request: pb.SearchImagesRequest, count: int) -> Results[Match]:
        """So many matches, from as many pages as they take."""
        found: Results[Match] = Results()
        while True:
            request.image_count = min(count - len(found), _PAGE)
            answer = self._connection.call(request)
            found.extend(Match.from_pb(message) for message in answer.matches)
            if len(found) == count or not answer.next_page_token:
                return found
            request.page_token = answer.next_page_token

    def _examples(self, experiment: str, examples: Examples) -> pb.ExampleSet:
        if isinstance(examples, str):
            return pb.ExampleSet(selection=self._name(SELECTION, examples))
        given = list(examples)
        images = [each for each in given if isinstance(each, str)]
        rows = [int(each) for each in given if not isinstance(each, str)]
        return pb.ExampleSet(
            images=self._images(experiment, images) if images else [], rows=rows_message(rows) if rows else None
        )


def _check_one(queries: Mapping[str, object], unlike: object) -> None:
    if sum(query is not None for query in queries.values()) != 1:
        raise InvalidArgumentError(f"A search needs exactly one of {', '.join(queries)}.", reason="QUERY_INVALID")
    if unlike is not None and queries["like"] is None:
        raise InvalidArgumentError("'unlike' goes with 'like': give images to resemble.", reason="QUERY_INVALID")


def _content(file: str | Path | bytes) -> bytes:
    content = file if isinstance(file, bytes) else b"".join(pieces(Path(file).expanduser()))
    if len(content) > _FILE_LIMIT:
        raise InvalidArgumentError(
            f"The image file has {len(content) / 2**20:.1f} MiB, a search takes 15 MiB at most: ingest it instead.",
            reason="FILE_TOO_LARGE",
        )
    return content
