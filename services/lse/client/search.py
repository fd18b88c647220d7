"""Search: similar images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from latentspace.search.v1 import search_pb2 as pb
from lse.client.requests import check_count
from lse.client.resources import Match
from lse.client.results import Results
from lse.client.streams import pieces
from lse.client.subject import Subject
from lse.errors import InvalidArgumentError
from lse.names import CLUSTERING, EXPERIMENT, SELECTION

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = ["Scope", "Search"]

Scope = Literal["all", "same-cluster", "other-clusters"]

_SCOPES: dict[str, pb.SearchImagesRequest.Scope.ValueType] = {
    "all": pb.SearchImagesRequest.SCOPE_ALL,
    "same-cluster": pb.SearchImagesRequest.SCOPE_SAME_CLUSTER,
    "other-clusters": pb.SearchImagesRequest.SCOPE_OTHER_CLUSTERS,
}
_FILE_LIMIT = 15 * 2**20


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
        k: int = 10,
        scope: Scope = "all",
        clustering: str | None = None,
        exact: bool = False,
    ) -> Results[Match]:
        """Images most similar to exactly one of: an image, a file, a vector, a selection, a cluster.

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
        k
            Number of images wanted, 1 to 1000.
        scope
            Everywhere, in the cluster of the query image, or in all other clusters.
        clustering
            Clustering used by `scope`, whose clusters the matches carry.
        exact
            Compare with every vector instead of the index.
        """
        queries = {"image": image, "file": file, "vector": vector, "selection": selection, "cluster": cluster}
        if sum(query is not None for query in queries.values()) != 1:
            raise InvalidArgumentError(
                "A search needs exactly one of image, file, vector, selection and cluster.", reason="QUERY_INVALID"
            )
        if scope not in _SCOPES:
            raise InvalidArgumentError(
                f"'{scope}' is not a scope of a search: use {', '.join(_SCOPES)}.", reason="CHOICE_UNKNOWN"
            )
        if scope != "all" and clustering is None:
            raise InvalidArgumentError(
                f"The scope '{scope}' needs a clustering: name one.", reason="CLUSTERING_MISSING"
            )
        name = self._name(EXPERIMENT, experiment)
        request = pb.SearchImagesRequest(
            parent=name,
            image_count=check_count(k, 1000, "A search"),
            scope=_SCOPES[scope],
            clustering=self._name(CLUSTERING, name, clustering) if clustering is not None else "",
            exact=exact,
        )
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
        return Results(Match.from_pb(message) for message in self._connection.call(request).matches)


def _content(file: str | Path | bytes) -> bytes:
    content = file if isinstance(file, bytes) else b"".join(pieces(Path(file).expanduser()))
    if len(content) > _FILE_LIMIT:
        raise InvalidArgumentError(
            f"The image file has {len(content) / 2**20:.1f} MiB, a search takes 15 MiB at most: ingest it instead.",
            reason="FILE_TOO_LARGE",
        )
    return content
