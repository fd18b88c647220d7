"""Everything the explorer reads from the services, kept within a budget; callers share what each of them may read."""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa

from lse.client import Client
from lse.client.resources import (
    Clustering,
    Dataset,
    Encoder,
    Experiment,
    LabelScheme,
    Method,
    Prediction,
    Projection,
    Selection,
)
from lse.errors import NotFoundError, UnimplementedError
from lse.pointcloud import open_cloud
from lse_dashboard import wording
from lse_dashboard.data.cache import BoundedCache
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.clusters import grouped
from lse_dashboard.data.colouring import Colouring, ColumnUse, Groups, colouring_of, groups
from lse_dashboard.data.column_uses import COLUMNS_AT_ONCE, column_uses, known_use
from lse_dashboard.data.computations import KINDS, Kind
from lse_dashboard.data.gradient import gradient
from lse_dashboard.data.images import ImageIndex, Rows, positions, prepared_alone
from lse_dashboard.data.link import Link
from lse_dashboard.data.thumbnails import ThumbnailStore
from lse_dashboard.data.urls import dataset_version

__all__ = ["Library", "ProjectContents", "nbytes"]

KeptT = TypeVar("KeptT")
# So long what a caller was once allowed to read is taken from what others have read, too, without asking again.
_CHECKED_SECONDS = 60.0


@dataclass(frozen=True)
class ProjectContents:
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

    experiments: tuple[Experiment, ...] = ()
    experiment: Experiment | None = None
    dataset: Dataset | None = None
    projections: tuple[Projection, ...] = ()
    clusterings: tuple[Clustering, ...] = ()
    predictions: tuple[Prediction, ...] = ()
    schemes: tuple[LabelScheme, ...] = ()
    encoders: tuple[Encoder, ...] = ()


class Library:
    """What one caller may read; tables are kept, keyed by what made them.

    Parameters
    ----------
    connect
        Opens the client; called when it is first needed, so that the page opens without services.
    tables, pictures
        Where tables and thumbnails are kept.
    owner
        Key of the caller: callers share the room for pictures, never the pictures.
    """

    def __init__(
        self,
        connect: Callable[[], Client],
        *,
        tables: BoundedCache[Any] | None = None,
        pictures: BoundedCache[bytes] | None = None,
        owner: str = "",
    ) -> None:
        self._connect = connect
        self._clients: dict[str, Client] = {}
        self._lock = threading.Lock()
        self._read: dict[str, float] = {}
        self._tables: BoundedCache[Any] = tables or BoundedCache(1 << 30, nbytes)
        self.thumbnails = ThumbnailStore(
            lambda project, dataset, rows: self.client(project).datasets.thumbnails(dataset, list(rows)),
            pictures or BoundedCache(128 << 20, len),
            owner,
        )

    def client(self, project: str = "") -> Client:
        """Client of a project, of the configured one when none is given."""
        with self._lock:
            if "" not in self._clients:
                own = self._connect()
                self._clients |= {"": own, own.project: own}
            if project not in self._clients:
                self._clients[project] = self._clients[""].with_project(project)
            return self._clients[project]

    def close(self) -> None:
        """End what waits for the services."""
        with self._lock:
            if "" in self._clients:
                self._clients[""].close()

    def projects(self) -> tuple[str, ...]:
        """Names of all projects, the configured one first."""
        own = self.client().project
        return (own, *sorted(name for name in self.client().projects() if name != own))

    def methods(self) -> dict[Kind, tuple[Method, ...]]:
        """Methods of each kind of computation with their parameters."""
        client = self.client()
        return {kind: tuple(getattr(client, f"{kind}s").methods()) for kind in KINDS}

    def contents(self, project: str, experiment: str | None) -> ProjectContents:
        """What there is now in a project and in one of its experiments."""
        client = self.client(project)
        experiments = tuple(client.experiments.list())
        chosen = next((one for one in experiments if one.id == experiment), None)
        if chosen is None:
            return ProjectContents(experiments)
        return ProjectContents(
            experiments,
            experiment=chosen,
            dataset=client.datasets.get(chosen.dataset),
            projections=tuple(client.projections.list(chosen.id)),
            clusterings=tuple(client.clusterings.list(chosen.id, view="full")),
            predictions=tuple(client.predictions.list(chosen.id)),
            schemes=_schemes(client),
            encoders=tuple(client.encoders.list(view="full")),
        )

    def images(self, project: str, dataset: Dataset) -> ImageIndex:
        """Names of the prepared images of a dataset."""
        return self.kept(
            *(project, dataset),
            ("images", dataset.uid, dataset_version(dataset)),
            lambda: ImageIndex.from_arrow(self.client(project).datasets.table(dataset.id, columns=["row"])),
        )

    def selections(self, project: str, dataset: Dataset) -> tuple[Selection, ...]:
        """Saved selections of a dataset, without their rows; read anew each time because people make them."""
        return tuple(one for one in self.client(project).selections.list() if one.dataset == dataset.name)

    def pinned(self, project: str) -> Link:
        """View with which a project opens; one that says nothing where none is pinned."""
        found = self.client(project).bookmarks.list(filter="pinned = true", limit=1)
        return Link.of(found[0].query if found else "")

    def column(self, project: str, dataset: Dataset, column: str) -> pa.ChunkedArray:
        """Values of a metadata column, in the order of `images`."""
        return self.kept(
            *(project, dataset),
            ("column", dataset.uid, dataset_version(dataset), column),
            lambda: prepared_alone(self.client(project).datasets.table(dataset.id, columns=[column]))[column],
        )

    def columns(self, project: str, dataset: Dataset, columns: list[str]) -> dict[str, pa.ChunkedArray]:
        """Values of several metadata columns, each as by `column`; those that are not kept are read together."""
        self._check(project, dataset)
        keys = {one: ("column", dataset.uid, dataset_version(dataset), one) for one in columns}
        missing = [one for one, key in keys.items() if self._tables.get(key) is None]
        for start in range(0, len(missing), COLUMNS_AT_ONCE):
            block = missing[start : start + COLUMNS_AT_ONCE]
            table = prepared_alone(self.client(project).datasets.table(dataset.id, columns=block))
            for one in block:
                self._tables.put(keys[one], table[one])
        return {one: self.column(project, dataset, one) for one in columns}

    def column_uses(self, project: str, dataset: Dataset) -> dict[str, ColumnUse]:
        """Metadata columns that can colour a cloud, in the order of interest, and how."""
        key = ("column uses", dataset.uid, dataset_version(dataset))
        return self.kept(project, dataset, key, lambda: column_uses(self.client(project), dataset))

    def cloud(self, project: str, experiment: Experiment, projection: Projection) -> Cloud:
        """The points of a projection."""

        def read() -> Cloud:
            with tempfile.TemporaryDirectory(prefix="lse-explorer-") as folder:
                files = self.client(project).projections.point_cloud(experiment.id, projection.name, folder)
                # Mapped into memory: the files go with the last of those who see the cloud.
                cloud = Cloud(open_cloud(files))
            cloud.index(0)  # where each image is on the map is found out here, not on the page's loop
            return cloud

        return self.kept(project, experiment, ("cloud", projection.uid), read)

    def maps_elsewhere(self, project: str, experiment: Experiment) -> tuple[Projection, ...]:
        """Maps of the same images by other experiments, such as those of another encoder."""
        client = self.client(project)
        others = [one for one in client.experiments.list() if one.dataset == experiment.dataset]
        found = [each for one in others if one.uid != experiment.uid for each in client.projections.list(one.id)]
        return tuple(each for each in found if each.state == "ready")

    def clusters(self, project: str, experiment: Experiment, clustering: Clustering, cloud: Cloud) -> Groups:
        """Cluster of each point of a cloud; noise is the last group."""
        table = self._assignments(project, experiment, clustering)

        def read() -> Groups:
            found = grouped(clustering, table["cluster"].to_numpy())
            return found.at(positions(_rows(table), cloud.rows), none=wording.Legend.NOISE)

        titles = tuple(sorted(clustering.cluster_titles.items()))
        return cloud.once(("clusters", clustering.uid, clustering.id, titles), read)

    def is_noise(self, project: str, experiment: Experiment, clustering: Clustering, row: int) -> bool:
        """Whether an image belongs to no cluster."""
        table = self._assignments(project, experiment, clustering)
        at = int(positions(_rows(table), np.array([row]))[0])
        return at < 0 or table["cluster"][at].as_py() < 0

    def labels(self, project: str, dataset: Dataset, scheme: LabelScheme, cloud: Cloud) -> Groups:
        """Label of each point of a cloud in a scheme, read anew each time because people change it."""
        table = self.client(project).labels.table(scheme.id, dataset=dataset.id)
        latest = dict(zip(table["row"].to_pylist(), table["label"].to_pylist(), strict=True))
        rows, none = np.array(sorted(latest), dtype=np.int64), wording.Legend.NOT_LABELLED
        labels = pa.array([latest[row] for row in rows.tolist()], pa.string())
        found = groups(scheme.id, labels, none=none, order=scheme.classes)
        return found.at(positions(rows, cloud.rows), none=none)

    def predicted(
        self,
        project: str,
        experiment: Experiment,
        prediction: Prediction,
        cloud: Cloud,
        *,
        probability: bool,
        order: Sequence[str] = (),
    ) -> Colouring:
        """Predicted class of each point of a cloud, in some order, or its probability."""
        table = self.kept(
            *(project, experiment),
            ("prediction", prediction.uid),
            lambda: _by_row(
                self.client(project).predictions.table(experiment.id, prediction.id), "label", "probability"
            ),
        )

        def read() -> Colouring:
            at = positions(_rows(table), cloud.rows)
            if probability:
                values = table["probability"].take(pa.array(at, mask=at < 0)).to_numpy().astype(np.float64)
                return gradient(wording.Colours.PROBABILITY.format(name=prediction.id), values)
            none = wording.Legend.NOT_PREDICTED
            title = wording.Colours.PREDICTION.format(name=prediction.id)
            return groups(title, table["label"], none=none, order=order).at(at, none=none)

        key = ("prediction", prediction.uid, prediction.id, probability, tuple(order))
        return cloud.once(key, read)

    def outlier_scores(self, project: str, experiment: Experiment, score: str, cloud: Cloud) -> Colouring:
        """How unusual each image of a cloud is by a score of its experiment."""
        key = ("outlier", experiment.uid, score)
        table = self.kept(
            *(project, experiment, key),
            lambda: _by_row(self.client(project).experiments.vectors(experiment.id, columns=[score]), score),
        )
        return _measured(wording.Colours.OUTLIER, table, score, cloud, key)

    def expected_interest(self, project: str, experiment: Experiment, cloud: Cloud) -> Colouring:
        """How interesting each image of a cloud is likely to be; read anew, since people judge all the time."""
        table = _by_row(self.client(project).remarks.rank(experiment.id), "score")
        return _measured(wording.Colours.EXPECTED_INTEREST, table, "score", cloud)

    def concept(self, project: str, experiment: Experiment, concept: int, cloud: Cloud) -> Colouring:
        """Strength of a concept in each image of a cloud."""

        def read() -> pa.Table:
            strengths = self.client(project).explanations.concept_strengths(experiment.id, concept)
            return pa.table({"row": pa.array(np.arange(len(strengths))), "strength": pa.array(strengths)})

        key = ("concept", experiment.uid, str(concept))
        table = self.kept(project, experiment, key, read)
        return _measured(wording.Concepts.COLOUR.format(concept=concept), table, "strength", cloud, key)

    def trust(
        self, project: str, experiment: Experiment, projection: Projection, share: str, cloud: Cloud
    ) -> Colouring:
        """Share of false or of missed neighbours of each point of a projection, or its novelty."""

        def read() -> pa.Table:
            return _by_row(
                self.client(project).projections.coordinates(experiment.id, projection.id, columns=[share]), share
            )

        key = ("trust", projection.uid, share)
        return _measured(wording.Colours.TRUST, self.kept(project, experiment, key, read), share, cloud, key)

    def by_column(self, project: str, dataset: Dataset, column: str, cloud: Cloud) -> Colouring:
        """Colouring of a cloud by a metadata column."""
        values = self.column(project, dataset, column)

        def read() -> Colouring:
            at = positions(self.images(project, dataset).rows, cloud.rows)
            return colouring_of(column, values, at, use=known_use(dataset, column))

        key = ("column", dataset.uid, dataset_version(dataset), column)
        return cloud.once(key, read)

    def prefetch(self, project: str, dataset: Dataset, rows: Iterable[int]) -> None:
        """Have the thumbnails of some rows at hand."""
        self.thumbnails.prefetch(project, dataset.id, dataset_version(dataset), rows)

    def kept(self, project: str, of: Experiment | Dataset, key: tuple[str, ...], make: Callable[[], KeptT]) -> KeptT:
        """What belongs to an experiment or a dataset, made once by `make` for all callers who may read that.

        Raises
        ------
        LseError
            This caller may not read it, as the services say.
        """
        self._check(project, of)
        kept: KeptT = self._tables.get_or_make(key, make)
        return kept

    def _check(self, project: str, of: Experiment | Dataset) -> None:
        """Read an experiment or a dataset in the caller's own name, unless that was done a short while ago."""
        now = time.monotonic()
        if now < self._read.get(of.uid, 0.0):
            return
        client, dataset = self.client(project), isinstance(of, Dataset)
        if (client.datasets if dataset else client.experiments).get(of.id).uid != of.uid:
            reason = "DATASET_NOT_FOUND" if dataset else "EXPERIMENT_NOT_FOUND"
            raise NotFoundError(f"'{of.id}' was made anew: open it again.", reason=reason, name=of.name)
        self._read[of.uid] = now + _CHECKED_SECONDS

    def _assignments(self, project: str, experiment: Experiment, clustering: Clustering) -> pa.Table:
        return self.kept(
            *(project, experiment),
            ("clusters", clustering.uid),
            lambda: _by_row(self.client(project).clusterings.assignments(experiment.id, clustering.id), "cluster"),
        )


def _schemes(client: Client) -> tuple[LabelScheme, ...]:
    try:
        return tuple(client.label_schemes.list())
    except UnimplementedError:
        return ()


def _by_row(table: pa.Table, *columns: str) -> pa.Table:
    """Some columns of a table, by row."""
    return table.select(["row", *columns]).sort_by("row")


def _measured(title: str, table: pa.Table, column: str, cloud: Cloud, key: tuple[str, ...] | None = None) -> Colouring:
    """Colouring by a number; one for all who look at the cloud where a key says which."""

    def read() -> Colouring:
        at = positions(_rows(table), cloud.rows)
        values = table[column].take(pa.array(at, mask=at < 0)).to_numpy().astype(np.float64)
        return gradient(title.format(name=column.replace("_", " ")), values)

    return read() if key is None else cloud.once(key, read)


def nbytes(kept: object) -> int:
    """Bytes that something takes, about."""
    return int(getattr(kept, "nbytes", 0)) or sys.getsizeof(kept)


def _rows(table: pa.Table) -> Rows:
    rows: Rows = table["row"].to_numpy().astype(np.int64)
    return rows
