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

__all__ = ["Examples", "Scope", "Search"]

Scope = Literal["all", "same-cluster", "other-clusters"]
Examples = str | Iterable[str | int]
"""The name of a selection, or images by their names or rows."""

_SCOPES: dict[str, pb.SearchImagesRequest.Scope.ValueType] = {
    "all": pb.SearchImagesRequest.SCOPE_ALL,
    "same-cluster": pb.SearchImagesRequest.SCOPE_SAME_CLUSTER,
    "other-clusters": pb.SearchImagesRequest.SCOPE_OTHER_CLUSTERS,
}
_FILE_LIMIT = 15 * 2**20
_PAGE = 1000
_MOST = 1_000_000


class Search(Subject):
    """Search in the experiments of a project."""

    def similar(
        self,
        experiment: str,
        *,
        image: str | None = None,
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
        """Images most similar to exactly one of: an image, a file, a vector, a selection, a cluster, examples.

        Parameters
        ----------
        experiment
            Where to search.
        image
            Image of the dataset; it is none of the matches.
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
        name = self._name(EXPERIMENT, experiment)
        request = self._scoped(name, scope, clustering, exact=exact, filter=filter)
        given = {"image": image, "file": file, "vector": vector, "selection": selection, "cluster": cluster}
        _check_one({**given, "like": like}, unlike)
        if image is not None:
            request.image = self._image(name, image)
        elif file is not None:
            request.image_file = _content(file)
        elif vector is not None:
            request.vector.components.extend(float(component) for component in vector)
        elif selection is not None:
            request.selection = self._name(SELECTION, selection)
        elif cluster is not None:
            request.cluster.clustering = self._name(CLUSTERING, name, cluster[0])
            request.cluster.cluster = cluster[1]
        elif like is not None:
            request.examples.positive.CopyFrom(self._examples(name, like))
            if unlike is not None:
                request.examples.negative.CopyFrom(self._examples(name, unlike))
        return self._pages(request, check_count(k, _MOST, "A search"))

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
