"""Search: similar images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from latentspace.search.v1 import search_pb2 as pb
from latentspace.search.v1.search_pb2_grpc import SearchServiceStub
from lse.client.connection import Connection, pieces
from lse.client.experiments import Experiments
from lse.client.names import Names
from lse.client.resources import Match
from lse.platform.errors import InvalidArgumentError

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


class Search:
    """Search in the experiments of a project."""

    def __init__(self, connection: Connection, names: Names, experiments: Experiments) -> None:
        self._connection = connection
        self._names = names
        self._experiments = experiments
        self._stub = SearchServiceStub(connection.channel)

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
    ) -> list[Match]:
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
            Images wanted, 1 to 1000.
        scope
            Everywhere, in the cluster of the query image, or in all other clusters.
        clustering
            Clustering that the scope speaks of, and whose clusters the matches carry.
        exact
            Compare with every vector instead of the index.
        """
        queries = {"image": image, "file": file, "vector": vector, "selection": selection, "cluster": cluster}
        if sum(query is not None for query in queries.values()) != 1:
            raise InvalidArgumentError(
                "A search needs exactly one of image, file, vector, selection and cluster.", reason="INVALID_QUERY"
            )
        if scope not in _SCOPES:
            raise InvalidArgumentError(
                f"'{scope}' is no scope of a search: use {', '.join(_SCOPES)}.", reason="INVALID_SCOPE"
            )
        if scope != "all" and clustering is None:
            raise InvalidArgumentError(
                f"The scope '{scope}' needs the clustering that it speaks of.", reason="CLUSTERING_MISSING"
            )
        if not 1 <= k <= 1000:
            raise InvalidArgumentError(f"A search returns 1 to 1000 images, not {k}.", reason="INVALID_COUNT")
        name = self._names.experiment(experiment)
        request = pb.SearchImagesRequest(
            parent=name,
            image_count=k,
            scope=_SCOPES[scope],
            clustering=self._names.clustering(name, clustering) if clustering is not None else "",
            exact=exact,
        )
        if image is not None:
            dataset = "" if "/" in image else self._experiments.get(name).dataset
            request.image = self._names.image(dataset, image)
        elif file is not None:
            request.image_file = _content(file)
        elif vector is not None:
            request.vector.components.extend(float(component) for component in vector)
        elif selection is not None:
            request.selection = self._names.selection(selection)
        elif cluster is not None:
            request.cluster.clustering = self._names.clustering(name, cluster[0])
            request.cluster.cluster = cluster[1]
        answer = self._connection.unary(self._stub.SearchImages, request)
        return [Match.from_pb(message) for message in answer.matches]


def _content(file: str | Path | bytes) -> bytes:
    content = file if isinstance(file, bytes) else b"".join(pieces(Path(file).expanduser()))
    if len(content) > _FILE_LIMIT:
        raise InvalidArgumentError(
            f"The image file has {len(content) / 2**20:.1f} MiB, a search takes 15 MiB at most: ingest it instead.",
            reason="FILE_TOO_LARGE",
        )
    return content
