"""Clusterings: run, compare, read assignments."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from latentspace.clustering.v1 import clustering_pb2 as pb
from lse.client.collection import ExperimentCollection, MethodsOfKind
from lse.client.operations import Operation
from lse.client.requests import parameters_message
from lse.client.resources import Clustering, Comparison
from lse.errors import InvalidArgumentError
from lse.names import PROJECTION

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["LATENT", "Clusterings"]

LATENT = "latent"


class Clusterings(ExperimentCollection[Clustering], MethodsOfKind[Clustering]):
    """The clusterings of experiments."""

    def run(
        self,
        name: str,
        *,
        experiment: str,
        method: str,
        on: str = LATENT,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        request_id: str | None = None,
        **more: object,
    ) -> Operation[Clustering]:
        """Look for groups among the images of an experiment.

        Parameters
        ----------
        name
            Name of the clustering.
        experiment
            Experiment.
        method
            Clustering method, one of `methods`.
        on
            ``latent`` for the vectors, or the projection whose coordinates are clustered.
        parameters, **more
            Parameters of the method, as a mapping or as keyword arguments; the others take its defaults.
        settings
            Former name of `parameters`.
        request_id
            UUID: the same one gives the same operation.

        Examples
        --------
        >>> client.clusterings.run("groups", experiment="galaxies", method="hdbscan", min_cluster_size=20).wait()
        """
        return self._make(
            "Run{}",
            experiment,
            name,
            method=method,
            projection=None if on == LATENT else self._name(PROJECTION, experiment, on),
            parameters=parameters_message(parameters, settings, more),
            request_id=request_id,
        )

    def cut(
        self,
        name: str,
        *,
        experiment: str,
        source: str,
        level: float | None = None,
        n_clusters: int | None = None,
        request_id: str | None = None,
    ) -> Operation[Clustering]:
        """Make a clustering of another level of a clustering's hierarchy, which is not run again.

        Parameters
        ----------
        name
            Name of the new clustering.
        experiment, source
            Experiment and its clustering that is cut; its `level_kind` is not empty.
        level, n_clusters
            A level, see `levels`, or the coarsest one that has so many clusters: exactly one of the two.
        request_id
            UUID: the same one gives the same operation.

        Examples
        --------
        >>> client.clusterings.cut("fine", experiment="galaxies", source="groups", n_clusters=40).wait()
        """
        if (level is None) == (n_clusters is None):
            raise InvalidArgumentError(
                "A hierarchy is cut either at a level or where it has a number of clusters: give one of them.",
                reason="LEVEL_INVALID",
            )
        return self._make(
            "Cut{}",
            experiment,
            name,
            source=self._full(experiment, source),
            level=level,
            cluster_count=n_clusters,
            request_id=request_id,
        )

    def levels(self, experiment: str, name: str) -> pa.Table:
        """Levels of the hierarchy of a clustering, coarse first.

        Columns ``level`` (float64), ``clusters`` and ``noise`` (int64): how many clusters it has, and how many images
        are in none.

        Parameters
        ----------
        experiment, name
            Experiment and clustering.
        """
        return self._connection.table(pb.ReadLevelsRequest(name=self._full(experiment, name)))

    def update(
        self,
        experiment: str,
        name: str,
        *,
        cluster_titles: Mapping[int, str] | None = None,
        title: str | None = None,
        description: str | None = None,
        etag: str = "",
    ) -> Clustering:
        """Change title, description or the titles of clusters; what is not given stays.

        Parameters
        ----------
        experiment, name
            Experiment and clustering, which stay.
        cluster_titles
            What clusters are called from now on, by number, in place of all earlier titles.  Clusters with the same
            title are one group to people; their numbers stay.
        title, description
            New values.
        etag
            That of the clustering as it was read: it is refused if it was changed since (default: whatever it is now).
        """
        titles = None
        if cluster_titles is not None:
            titles = [pb.ClusterTitle(key=number, title=text) for number, text in cluster_titles.items()]
        full = self._full(experiment, name)
        return self._update(full, etag=etag, title=title, description=description, cluster_titles=titles)

    def assignments(
        self,
        experiment: str,
        name: str,
        *,
        rows: Iterable[int] | None = None,
        columns: Iterable[str] = (),
        level: float | None = None,
    ) -> pa.Table:
        """Assignments: columns ``row``, ``cluster`` (int32, -1 is noise) and ``membership`` (float32).

        Where ``stability_runs`` was not 0 there is a column ``stability`` (float32), too.

        Parameters
        ----------
        experiment, name
            Experiment and clustering.
        rows, columns
            Rows, such as an array or a range, which come in ascending order, and columns beside ``row`` (default: all).
        level
            Those of another level of its hierarchy, see `levels` (default: the clustering itself).
        """
        request = pb.ReadAssignmentsRequest(name=self._full(experiment, name), level=level)
        return self._read(request, rows, columns)

    def compare(self, experiment: str, a: str, b: str | None = None, *, column: str | None = None) -> Comparison:
        """Compare a clustering with another one, or with a metadata column of the dataset.

        Parameters
        ----------
        experiment
            Experiment.
        a
            Clustering.
        b, column
            Another clustering, or a column: exactly one of the two.
        """
        if (b is None) == (column is None):
            raise InvalidArgumentError(
                "A clustering is compared with either another clustering or a column: name one of them.",
                reason="COMPARISON_INVALID",
            )
        request = pb.CompareClusteringsRequest(name=self._full(experiment, a))
        if b is not None:
            request.clustering = self._full(experiment, b)
        if column is not None:
            request.column = column
        return Comparison.from_pb(self._connection.call(request))
