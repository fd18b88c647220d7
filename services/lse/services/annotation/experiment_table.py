"""The catalogue of an experiment: all that is known about each of its images, in one table."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lse.analysis.drift import NOVELTY
from lse.analysis.outliers import OUTLIER_SCORES
from lse.analysis.trust import TRUST_COLUMNS
from lse.columns import ColumnMeaning
from lse.errors import DataLossError, FailedPreconditionError, NotFoundError
from lse.platform.array_rows import ArrayRows
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import (
    ClusteringRecord,
    DatasetRecord,
    EncoderRecord,
    ExperimentRecord,
    LabelSchemeRecord,
    PredictionRecord,
    ProjectionRecord,
    Record,
    Resources,
    SelectionRecord,
)
from lse.platform.prepared_images import image_blocks
from lse.services.annotation.labels import LabelStore
from lse.services.annotation.remarks import RemarkStore
from lse.tables.exports import VECTOR_COLUMN, CatalogueTable
from lse.tables.image_table import with_meanings
from lse.values import counted

__all__ = ["ExperimentTables"]

# What happened to an input; in an experiment all are prepared.
_LEFT_OUT = ("status", "reason", "message")

_AXES = "xyz"
_SHARES = {**TRUST_COLUMNS, "novelty": NOVELTY}


@dataclass(frozen=True)
class _Part:
    """A column that an experiment adds to the metadata of its images."""

    name: str
    type: pa.DataType
    meaning: ColumnMeaning
    # Values of some rows, ascending.
    read: Callable[[NDArray[np.int64]], pa.Array]


@dataclass(frozen=True)
class ExperimentTables:
    """Makes the catalogues of experiments.

    Attributes
    ----------
    resources, artifacts, labels, remarks
        Where what is known about images is kept.
    """

    resources: Resources
    artifacts: Artifacts
    labels: LabelStore
    remarks: RemarkStore

    def build(
        self,
        experiment: ExperimentRecord,
        *,
        selection: SelectionRecord | None = None,
        selected: NDArray[np.int64] | None = None,
        vectors: bool = False,
    ) -> CatalogueTable:
        """Put the catalogue of an experiment together.

        Parameters
        ----------
        experiment
            Experiment, ready.
        selection, selected
            Selection of the dataset and its rows, where only these are wanted.
        vectors
            Whether the vectors are a column too.

        Returns
        -------
        CatalogueTable
            One row per image that has a vector, in the order of the rows: the columns of the image table,
            ``cluster.<id>`` (-1 is noise), ``cluster_title.<id>`` where experts named clusters and
            ``membership.<id>`` and, where it was measured, ``stability.<id>`` of each clustering,
            ``<id>.x``, ``.y`` and ``.z`` of each projection with its ``.false_neighbours`` and
            ``.missed_neighbours``, or the ``.novelty`` of images placed on a map, ``outlier.<score>``,
            ``prediction.<id>`` and ``probability.<id>`` of each prediction, ``label.<id>`` of each
            scheme that labels images of the dataset, ``remark.interest``, ``.tags`` and ``.note``, and ``vector``.  A
            column of the image table that has one of
            these names is called ``metadata.…``.

        Raises
        ------
        FailedPreconditionError
            ``EXPORT_EMPTY`` if no image of the selection is in the experiment.
        DataLossError
            If stored data are missing or do not fit together.
        """
        dataset = self.resources.get_ready(experiment.spec.dataset, DatasetRecord)
        count = int(self.artifacts.open_array(experiment.result.vectors_uri).shape[0])
        rows = np.arange(count) if selected is None else selected[selected < count]
        if not len(rows):
            raise FailedPreconditionError(
                f"None of the selected images is in the experiment '{experiment.id}': select others.",
                reason="EXPORT_EMPTY",
            )
        facts = self._facts(experiment, dataset)
        facts["images"] = f"{len(rows)} of the {counted(count, 'image')} of the experiment"
        if count < dataset.result.prepared_count:
            later = counted(
                dataset.result.prepared_count - count, "image of the dataset is", "images of the dataset are"
            )
            facts["images_added_later"] = f"{later} not in it"
        if dataset.result.rejected_count:
            facts["images_rejected"] = (
                f"{counted(dataset.result.rejected_count, 'input')} of the dataset could not be prepared"
            )
        if selection is not None and selected is not None:
            facts["selection"] = selection.name
            if len(selected) > len(rows):
                facts["selected_without_vector"] = f"{counted(len(selected) - len(rows), 'image')} of the selection"
        parts: dict[str, _Part] = {}
        for part in self._parts(experiment, dataset, count, facts):
            name = part.name
            while name in parts:  # such as a projection called "cluster" beside a clustering called "x"
                name = f"experiment.{name}"
            parts[name] = part
        if vectors:
            parts[VECTOR_COLUMN] = self._vectors(experiment)
        images = with_meanings(self.artifacts.table_schema(dataset.result.table_uri))
        own = {_metadata_name(field.name, parts): field for field in images if field.name not in _LEFT_OUT}
        fields = [field.with_name(name) for name, field in own.items()]
        fields += [part.meaning.on(pa.field(name, part.type)) for name, part in parts.items()]

        def blocks(wanted: Sequence[str]) -> Iterator[pa.Table]:
            schema = pa.schema([field for field in fields if field.name in wanted])
            read = ["row", *(own[name].name for name in schema.names if name in own)]
            for block in image_blocks(self.artifacts, dataset.result.table_uri, list(dict.fromkeys(read)), rows):
                here = block["row"].to_numpy()
                columns = [block[own[name].name] if name in own else parts[name].read(here) for name in schema.names]
                yield pa.table(columns, schema=schema)

        simulated = " of simulated images" if facts.get("simulated") else ""
        title = f"Catalogue{simulated}: experiment {experiment.id}, dataset {dataset.id}"
        return CatalogueTable(pa.schema(fields), len(rows), blocks, title, facts)

    def _facts(self, experiment: ExperimentRecord, dataset: DatasetRecord) -> dict[str, str]:
        encoder = experiment.spec.encoder
        facts = {
            "software": f"Latent Space Explorer {version('latent-space-explorer')}",
            "exported": datetime.now(UTC).isoformat(timespec="seconds"),
            "experiment": experiment.name,
            "experiment_uid": experiment.uid,
            "experiment_made": datetime.fromtimestamp(experiment.create_time, UTC).isoformat(timespec="seconds"),
            "dataset": dataset.name,
            "dataset_uid": dataset.uid,
            "encoder": encoder or "none: the vectors were imported",
        }
        if encoder:
            try:
                facts["encoder_uid"] = self.resources.get(encoder, EncoderRecord).uid
            except NotFoundError:
                facts["encoder_uid"] = "not known: the encoder was deleted"
        if dataset.result.simulated:
            facts["simulated"] = "true"
        return facts

    def _parts(
        self, experiment: ExperimentRecord, dataset: DatasetRecord, count: int, facts: dict[str, str]
    ) -> Iterator[_Part]:
        below = [each for each in self.resources.below(experiment.name) if each.state == "ready"]
        below.sort(key=lambda each: each.name)
        for clustering in (each for each in below if isinstance(each, ClusteringRecord)):
            facts[f"clustering.{clustering.id}"] = _recorded(clustering)
            yield _array_part(
                f"cluster.{clustering.id}",
                self._array(clustering, clustering.result.labels_uri, count),
                pa.int32(),
                ColumnMeaning(f"Cluster by the clustering '{clustering.id}'; -1 is noise.", ucd="meta.code.class"),
            )
            if clustering.spec.cluster_titles:
                yield self._titles(clustering, count)
            yield _array_part(
                f"membership.{clustering.id}",
                self._array(clustering, clustering.result.memberships_uri, count),
                pa.float32(),
                ColumnMeaning(
                    f"How well the image belongs to its cluster by the clustering '{clustering.id}', 0 to 1."
                ),
            )
            if clustering.result.stabilities_uri:
                yield _array_part(
                    f"stability.{clustering.id}",
                    self._array(clustering, clustering.result.stabilities_uri, count),
                    pa.float32(),
                    ColumnMeaning(
                        f"How stably the image is in its cluster of the clustering '{clustering.id}', 0 to 1."
                    ),
                )
        for projection in (each for each in below if isinstance(each, ProjectionRecord)):
            facts[f"projection.{projection.id}"] = _recorded(projection)
            yield from self._projection_parts(projection, count)
        for prediction in (each for each in below if isinstance(each, PredictionRecord)):
            facts[f"prediction.{prediction.id}"] = _recorded(prediction)
            yield from self._prediction_parts(prediction, count)
        if experiment.result.outliers_uri:
            scores = self._array(experiment, experiment.result.outliers_uri, count)
            meanings = [(f"outlier.{name}", OUTLIER_SCORES.get(name, "")) for name in experiment.result.outlier_scores]
            yield from _array_columns(scores, meanings)
        yield from self._label_parts(experiment, dataset)
        yield from self._remark_parts(dataset)

    def _titles(self, clustering: ClusteringRecord, count: int) -> _Part:
        """What experts call the cluster of each image: its number where it has no title, nothing for noise."""
        known, titles = clustering.result.clusters, clustering.spec.cluster_titles
        texts = {each.cluster: titles.get(each.cluster, str(each.cluster)) for each in known}
        labels = self._array(clustering, clustering.result.labels_uri, count)
        return _Part(
            f"cluster_title.{clustering.id}",
            pa.string(),
            ColumnMeaning(
                f"What experts call the cluster by the clustering '{clustering.id}'.", ucd="meta.id;meta.code.class"
            ),
            lambda rows: pa.array([texts.get(label) for label in labels[rows].tolist()], pa.string()),
        )

    def _projection_parts(self, projection: ProjectionRecord, count: int) -> Iterator[_Part]:
        coordinates = self._array(projection, projection.result.coordinates_uri, count)
        axes = _AXES[: coordinates.shape[1]]
        meanings = [
            (f"{projection.id}.{axis}", f"Coordinate {axis} of the projection '{projection.id}'.") for axis in axes
        ]
        yield from _array_columns(coordinates, meanings)
        if projection.result.trust_uri:
            shares = self._array(projection, projection.result.trust_uri, count)
            meanings = [(f"{projection.id}.{name}", _SHARES[name]) for name in projection.result.trust_columns]
            yield from _array_columns(shares, meanings)

    def _prediction_parts(self, prediction: PredictionRecord, count: int) -> Iterator[_Part]:
        classes = pa.array([each.label for each in prediction.result.classes], pa.string())
        codes = self._array(prediction, prediction.result.codes_uri, count)
        yield _Part(
            f"prediction.{prediction.id}",
            pa.string(),
            ColumnMeaning(
                f"Class by the prediction '{prediction.id}', of labels of some images.", ucd="meta.code.class"
            ),
            lambda rows: classes.take(pa.array(codes[rows])),
        )
        yield _array_part(
            f"probability.{prediction.id}",
            self._array(prediction, prediction.result.probabilities_uri, count),
            pa.float32(),
            ColumnMeaning(f"Probability of that class by the prediction '{prediction.id}', 0 to 1."),
            of=lambda values: values.max(axis=1),
        )

    def _label_parts(self, experiment: ExperimentRecord, dataset: DatasetRecord) -> Iterator[_Part]:
        for scheme in self.resources.all(LabelSchemeRecord, experiment.parent):
            said = self.labels.read(scheme, dataset)
            if not said.num_rows:
                continue
            labels = said.sort_by("row")
            yield _Part(
                f"label.{scheme.id}",
                pa.string(),
                ColumnMeaning(f"Class by the label scheme '{scheme.id}', as experts said.", ucd="meta.code.class"),
                partial(_said_of, labels["row"].to_numpy(), labels["label"].combine_chunks()),
            )

    def _remark_parts(self, dataset: DatasetRecord) -> Iterator[_Part]:
        said = self.remarks.read(dataset)
        if not said.num_rows:
            return
        tags = pa.array([", ".join(each) or None for each in said["tags"].to_pylist()], pa.string())
        notes = pa.array([each or None for each in said["note"].to_pylist()], pa.string())
        columns = (
            ("interest", said["interest"].combine_chunks(), "How interesting the image is, 0 to 5, as experts said."),
            ("tags", tags, "Tags that experts gave, separated by commas."),
            ("note", notes, "What an expert noted."),
        )
        for name, values, meaning in columns:
            read = partial(_said_of, said["row"].to_numpy(), values)
            yield _Part(f"remark.{name}", values.type, ColumnMeaning(meaning), read)

    def _vectors(self, experiment: ExperimentRecord) -> _Part:
        vectors = self.artifacts.array_rows(experiment.result.vectors_uri)
        dimension = int(vectors.shape[1])

        def read(rows: NDArray[np.int64]) -> pa.Array:
            flat = pa.array(np.ascontiguousarray(vectors[rows], dtype=np.float32).reshape(-1))
            return pa.FixedSizeListArray.from_arrays(flat, dimension)

        meaning = ColumnMeaning("Vector of the image in latent space.")
        return _Part(VECTOR_COLUMN, pa.list_(pa.float32(), dimension), meaning, read)

    def _array(self, resource: Record[Any, Any], uri: str, count: int) -> ArrayRows:
        values = self.artifacts.array_rows(uri)
        if values.shape[0] != count:
            raise DataLossError(
                f"The {resource.kind} '{resource.id}' has {values.shape[0]} rows and its experiment {count}: "
                "make it again.",
                reason="ARTIFACT_DAMAGED",
            )
        return values


def _array_columns(array: ArrayRows, columns: Sequence[tuple[str, str]]) -> Iterator[_Part]:
    """The columns of an array of float32, with their names and meanings."""
    for place, (name, meaning) in enumerate(columns):
        column = partial(np.take, indices=place, axis=1)
        yield _array_part(name, array, pa.float32(), ColumnMeaning(meaning), of=column)


def _array_part(
    name: str,
    array: ArrayRows,
    arrow_type: pa.DataType,
    meaning: ColumnMeaning,
    *,
    of: Callable[[NDArray[Any]], NDArray[Any]] = lambda values: values,
) -> _Part:
    return _Part(name, arrow_type, meaning, lambda rows: pa.array(of(array[rows]), arrow_type))


def _said_of(known: NDArray[np.int64], values: pa.Array, rows: NDArray[np.int64]) -> pa.Array:
    """What was said of some rows, of what was said of known ones, ascending."""
    place = np.minimum(np.searchsorted(known, rows), len(known) - 1)
    return values.take(pa.array(place, mask=known[place] != rows))


def _recorded(resource: Record[Any, Any]) -> str:
    """What was asked for, as JSON."""
    return json.dumps({"uid": resource.uid, **resource.spec.model_dump(mode="json")}, sort_keys=True)


def _metadata_name(name: str, parts: dict[str, _Part]) -> str:
    # CSV makes columns of its own below these two.
    while name in parts or name.startswith((f"{VECTOR_COLUMN}.", "provenance.")):
        name = f"metadata.{name}"
    return name
