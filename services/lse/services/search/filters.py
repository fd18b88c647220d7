"""Which images of an experiment a filter lets be found."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lse.filters import Field, named_fields, parse_filter
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import (
    Catalogue,
    ClusteringRecord,
    DatasetRecord,
    ExperimentRecord,
    LabelSchemeRecord,
    PredictionRecord,
    Resources,
)
from lse.platform.catalogue.labels import read_labels
from lse.platform.prepared_images import prepared_images
from lse.platform.vectors.payload import cluster_key, prediction_key
from lse.tables.filters import filtered, table_fields

__all__ = ["ImageFilters"]

# What happened to an input; in an experiment all are prepared.
_LEFT_OUT = ("status", "reason", "message")
# Column of row numbers beside those of an image table, whose names have no such character.
_ROW = "\0row"


class ImageFilters:
    """Reads filters on what is known about the images of an experiment.

    Parameters
    ----------
    catalogue, resources, artifacts
        Where it is known.
    """

    def __init__(self, catalogue: Catalogue, resources: Resources, artifacts: Artifacts) -> None:
        self._catalogue = catalogue
        self._resources = resources
        self._artifacts = artifacts
        # Artifacts never change under their URI.
        self._column = lru_cache(maxsize=32)(self._read_column)
        self._schema = lru_cache(maxsize=32)(artifacts.table_schema)
        self._labels = lru_cache(maxsize=16)(artifacts.read_array)

    def rows(self, text: str, experiment: ExperimentRecord, dataset: DatasetRecord) -> NDArray[np.int64]:
        """Rows of the images that fulfil a filter, ascending.

        Raises
        ------
        InvalidArgumentError
            ``FILTER_INVALID``.
        """
        table_uri, count = dataset.result.table_uri, experiment.result.image_count
        own = table_fields(self._schema(table_uri))
        fields = {name: field for name, field in own.items() if name not in _LEFT_OUT}
        made = self._made(experiment, dataset)
        condition = parse_filter(text, {**fields, **{name: field for name, (field, _) in made.items()}})
        columns: dict[str, Any] = {_ROW: pa.array(np.arange(count))}
        for name in sorted(named_fields(condition)):
            columns[name] = made[name][1]() if name in made else self._column(table_uri, name, count)
        return np.asarray(filtered(pa.table(columns), condition)[_ROW])

    def _made(
        self, experiment: ExperimentRecord, dataset: DatasetRecord
    ) -> dict[str, tuple[Field, Callable[[], pa.Array]]]:
        """Columns that are not of the image table: their fields, and how each is read."""
        made: dict[str, tuple[Field, Callable[[], pa.Array]]] = {}
        for record in self._resources.below(experiment.name):
            if record.state != "ready":
                continue
            if isinstance(record, ClusteringRecord):
                made[cluster_key(record.id)] = Field("integer"), partial(self._clusters, record)
            elif isinstance(record, PredictionRecord):
                made[prediction_key(record.id)] = Field("text"), partial(self._predicted, record)
        for scheme in self._resources.all(LabelSchemeRecord, experiment.parent):
            made[f"label.{scheme.id}"] = Field("text"), partial(self._said, scheme, dataset, experiment)
        return made

    def _clusters(self, clustering: ClusteringRecord) -> pa.Array:
        return pa.array(self._labels(clustering.result.labels_uri))

    def _predicted(self, prediction: PredictionRecord) -> pa.Array:
        classes = pa.array([each.label for each in prediction.result.classes], pa.string())
        return classes.take(pa.array(self._labels(prediction.result.codes_uri)))

    def _said(self, scheme: LabelSchemeRecord, dataset: DatasetRecord, experiment: ExperimentRecord) -> pa.Array:
        """Label of every image of an experiment, where there is one."""
        said = read_labels(self._catalogue, scheme, dataset)
        place = np.full(max(dataset.result.prepared_count, experiment.result.image_count), -1)
        place[said["row"].to_numpy()] = np.arange(said.num_rows)
        place = place[: experiment.result.image_count]
        return said["label"].combine_chunks().take(pa.array(place, mask=place < 0))

    def _read_column(self, table_uri: str, name: str, count: int) -> pa.ChunkedArray:
        return prepared_images(self._artifacts, table_uri, [name], range(count))[name]
