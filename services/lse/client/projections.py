"""Projections: run, transform, read coordinates."""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from latentspace.projection.v1 import projection_pb2 as pb
from lse.client.collection import ExperimentCollection, MethodsOfKind
from lse.client.operations import Operation
from lse.client.requests import parameters_message
from lse.client.resources import Projection
from lse.client.streams import new_file

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["DRIFT_COLUMNS", "TRUST_COLUMNS", "Projections"]

TRUST_COLUMNS = ("false_neighbours", "missed_neighbours")
DRIFT_COLUMNS = ("novelty",)


class Projections(ExperimentCollection[Projection], MethodsOfKind[Projection]):
    """The projections of experiments."""

    def run(
        self,
        name: str,
        *,
        experiment: str,
        method: str,
        parameters: Mapping[str, object] | None = None,
        settings: Mapping[str, object] | None = None,
        request_id: str | None = None,
        **more: object,
    ) -> Operation[Projection]:
        """Arrange the vectors of an experiment in two or three dimensions.

        Parameters
        ----------
        name
            Name of the projection.
        experiment
            Experiment.
        method
            Projection method, one of `methods`.
        parameters, **more
            Parameters of the method, as a mapping or as keyword arguments; the others take its defaults.
        settings
            Former name of `parameters`.
        request_id
            UUID: the same one gives the same operation.

        Examples
        --------
        >>> client.projections.run("flat", experiment="galaxies", method="umap", n_neighbors=30).wait()
        >>> client.projections.run("solid", experiment="galaxies", method="pca", n_components=3).wait()
        """
        return self._make(
            "Run{}",
            experiment,
            name,
            method=method,
            parameters=parameters_message(parameters, settings, more),
            request_id=request_id,
        )

    def transform(
        self, projection: str, *, experiment: str, target: str, name: str, request_id: str | None = None
    ) -> Operation[Projection]:
        """Place the images of another experiment of the same encoder in a projection, which stays as it is.

        Parameters
        ----------
        projection, experiment
            Projection and the experiment that it belongs to.
        target
            Experiment whose images are placed.
        name
            Name of the projection made below `target`.
        request_id
            UUID: the same one gives the same operation.
        """
        made = self._new(target, name)
        return self._start(
            "Transform{}",
            name=self._full(experiment, projection),
            experiment=made["parent"],
            projection_id=made["projection_id"],
            request_id=request_id,
        )

    def coordinates(
        self, experiment: str, name: str, *, rows: Iterable[int] | None = None, columns: Iterable[str] = ()
    ) -> pa.Table:
        """Coordinates: columns ``row``, ``x``, ``y`` and, in three dimensions, ``z``, float32.

        Parameters
        ----------
        experiment, name
            Experiment and projection.
        rows, columns
            Rows, such as an array or a range, which come in ascending order, and columns beside ``row`` (default: the
            coordinates; `trust` and `drift` read the others).
        """
        return self._read(pb.ReadCoordinatesRequest(name=self._full(experiment, name)), rows, columns)

    def trust(self, experiment: str, name: str, *, rows: Iterable[int] | None = None) -> pa.Table:
        """Where a map cannot be trusted: columns ``row``, ``false_neighbours`` and ``missed_neighbours``, 0 to 1.

        Parameters
        ----------
        experiment, name
            Experiment and projection; one of an earlier version has no such columns.
        rows
            Rows, which come in ascending order.
        """
        return self.coordinates(experiment, name, rows=rows, columns=TRUST_COLUMNS)

    def drift(self, experiment: str, name: str, *, rows: Iterable[int] | None = None) -> pa.Table:
        """How new the images that `transform` placed on a map are: columns ``row`` and ``novelty``, 0 to 1.

        The projection's figures and notes say how many hardly belong to the images that the map was made of.

        Parameters
        ----------
        experiment, name
            Experiment and projection; only one that `transform` made has this column.
        rows
            Rows, which come in ascending order.
        """
        return self.coordinates(experiment, name, rows=rows, columns=DRIFT_COLUMNS)

    def point_cloud(self, experiment: str, name: str, folder: str | Path) -> Path:
        """Write the point cloud with levels of detail into a folder, for `lse.pointcloud.open_cloud`.

        Parameters
        ----------
        experiment, name
            Experiment and projection.
        folder
            Where its files go; made where it is not there.

        Returns
        -------
        Path
            The folder.
        """
        path = Path(folder).expanduser()
        path.mkdir(parents=True, exist_ok=True)
        stream = self._connection.stream(pb.ReadPointCloudRequest(name=self._full(experiment, name)))
        with contextlib.closing(stream):
            for file, pieces in itertools.groupby(stream, key=lambda piece: str(piece.file)):
                # A name that is a path would leave the folder.
                with new_file(path / Path(file).name) as out:
                    for piece in pieces:
                        out.write(piece.data)
        return path
