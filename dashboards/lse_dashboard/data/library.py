"""Everything the explorer reads from the services, fetched once and shared by all visitors."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from lse.client import Client
from lse.client.resources import Clustering, Dataset, Encoder, Experiment, LabelScheme, Method, Prediction, Projection
from lse.platform.errors import UnimplementedError
from lse_dashboard.data.cache import BoundedCache
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Colouring, Groups, number_gradient, numbered_groups, text_groups
from lse_dashboard.data.images import ImageTable, positions
from lse_dashboard.data.thumbnails import ThumbnailStore, dataset_version

__all__ = ["Library", "Methods", "Shelf"]

NOISE = "noise"


@dataclass(frozen=True)
class Methods:
    """What can be run."""

    projection: tuple[Method, ...]
    clustering: tuple[Method, ...]
    encoder: tuple[Method, ...]
    prediction: tuple[Method, ...]


@dataclass(frozen=True)
class Shelf:
    """What a project holds, and what was computed in one of its experiments.

    Attributes
    ----------
    experiments
        Of the project.
    experiment, dataset
        The chosen one and its images, None where none is chosen.
    projections, clusterings, predictions
        Of the chosen experiment.
    schemes, encoders
        Of the project.
    """

    experiments: tuple[Experiment, ...]
    experiment: Experiment | None = None
    dataset: Dataset | None = None
    projections: tuple[Projection, ...] = ()
    clusterings: tuple[Clustering, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    schemes: tuple[LabelScheme, ...] = ()
    encoders: tuple[Encoder, ...] = ()


class Library:
    """Reads from the services; tables are kept within a budget and keyed by what made them.

    Parameters
    ----------
    connect
        Opens the client; called when it is first needed, so that the page opens without services.
    budget
        Bytes of tables to keep.
    """

    def __init__(self, connect: Callable[[], Client], *, budget: int = 1 << 30) -> None:
        self._connect = connect
        self._client: Client | None = None
        self._projects: dict[str, Client] = {}
        self._lock = threading.Lock()
        self._tables: BoundedCache[ImageTable | Cloud | Groups | pa.Table] = BoundedCache(budget, _nbytes)
        self.thumbnails = ThumbnailStore(
            lambda project, dataset, rows: self.client(project).datasets.thumbnails(dataset, list(rows))
        )

    def client(self, project: str | None = None) -> Client:
        """Client of a project, of the configured one when none is given."""
        with self._lock:
            if self._client is None:
                self._client = self._connect()
            if project is None or project == self._client.project:
                return self._client
            if project not in self._projects:
                self._projects[project] = self._client.with_project(project)
            return self._projects[project]

    def projects(self) -> tuple[str, ...]:
        """Names of all projects, the configured one first."""
        own = self.client().project
        return (own, *sorted(name for name in self.client().projects() if name != own))

    def methods(self) -> Methods:
        """Methods of all kinds of work with their parameters."""
        client = self.client()
        return Methods(
            projection=tuple(client.projections.methods()),
            clustering=tuple(client.clusterings.methods()),
            encoder=tuple(client.encoders.methods()),
            prediction=tuple(client.predictions.methods()),
        )

    def shelf(self, project: str, experiment: str | None) -> Shelf:
        """What there is now in a project and in one of its experiments."""
        client = self.client(project)
        experiments = tuple(client.experiments.list())
        chosen = next((one for one in experiments if one.id == experiment), None)
        if chosen is None:
            return Shelf(experiments)
        return Shelf(
            experiments,
            experiment=chosen,
            dataset=client.datasets.get(chosen.dataset),
            projections=tuple(client.projections.list(chosen.id)),
            clusterings=tuple(client.clusterings.list(chosen.id)),
            predictions=tuple(client.predictions.list(chosen.id)),
            schemes=_schemes(client),
            encoders=tuple(client.encoders.list()),
        )

    def images(self, project: str, dataset: Dataset) -> ImageTable:
        """The prepared images of a dataset with their metadata."""
        key = ("images", dataset.uid, dataset_version(dataset))
        table = self._tables.get_or_make(
            key, lambda: ImageTable.from_arrow(self.client(project).datasets.table(dataset.id))
        )
        assert isinstance(table, ImageTable)
        return table

    def cloud(self, project: str, experiment: Experiment, projection: Projection) -> Cloud:
        """The points of a projection."""
        key = ("cloud", projection.uid)
        cloud = self._tables.get_or_make(
            key,
            lambda: Cloud.from_arrow(self.client(project).projections.coordinates(experiment.id, projection.id)),
        )
        assert isinstance(cloud, Cloud)
        return cloud

    def clusters(self, project: str, experiment: Experiment, clustering: Clustering, projection: Projection) -> Groups:
        """Cluster of each point of a projection; noise is the last group."""

        def make() -> Groups:
            cloud = self.cloud(project, experiment, projection)
            table = self.client(project).clusterings.assignments(experiment.id, clustering.id).sort_by("row")
            rows = table["row"].to_numpy().astype(np.int64)
            at = positions(rows, cloud.rows)
            numbers = np.where(at < 0, -1, table["cluster"].to_numpy().astype(np.int64)[at])
            return numbered_groups(clustering.id, numbers, none=-1, none_label=NOISE)

        key = ("clusters", clustering.uid, projection.uid)
        groups = self._tables.get_or_make(key, make)
        assert isinstance(groups, Groups)
        return groups

    def labels(self, project: str, dataset: Dataset, scheme: str, cloud: Cloud) -> Groups:
        """Label of each point of a cloud in a scheme, read anew each time because people change it."""
        table = self.client(project).labels.table(scheme, dataset=dataset.id)
        latest = dict(zip(table["row"].to_pylist(), table["label"].to_pylist(), strict=True))
        return text_groups(scheme, [latest.get(int(row)) for row in cloud.rows], none="not labelled")

    def predicted(
        self, project: str, experiment: Experiment, prediction: Prediction, cloud: Cloud, *, probability: bool
    ) -> Colouring:
        """Predicted class of each point of a cloud, or its probability."""

        def make() -> pa.Table:
            table = self.client(project).predictions.table(experiment.id, prediction.id)
            return table.select(["row", "label", "probability"]).sort_by("row")

        table = self._tables.get_or_make(("prediction", prediction.uid), make)
        assert isinstance(table, pa.Table)
        at = positions(table["row"].to_numpy().astype(np.int64), cloud.rows)
        values = table["probability" if probability else "label"].take(pa.array(at, mask=at < 0))
        if probability:
            return number_gradient(f"probability · {prediction.id}", values.to_numpy().astype(np.float64))
        return text_groups(f"prediction · {prediction.id}", values, none="not predicted")

    def prefetch(self, project: str, dataset: Dataset, rows: Sequence[int]) -> None:
        """Have the thumbnails of some rows at hand."""
        self.thumbnails.prefetch(project, dataset.id, dataset_version(dataset), rows)


def _schemes(client: Client) -> tuple[LabelScheme, ...]:
    try:
        return tuple(client.labels.schemes())
    except UnimplementedError:
        return ()


def _nbytes(table: ImageTable | Cloud | Groups | pa.Table) -> int:
    return int(table.codes.nbytes if isinstance(table, Groups) else table.nbytes)
