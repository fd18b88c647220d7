"""The catalogue of an experiment: all that is known about each of its images, in one table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lse.annotation.exports import VECTOR_COLUMN, CatalogueTable, ColumnMeaning
from lse.annotation.labels import LabelStore
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import Resource, Resources
from lse.platform.errors import DataLossError, FailedPreconditionError, NotFoundError

__all__ = ["ExperimentTables"]

# What happened to an input; in an experiment all are prepared.
_LEFT_OUT = ("status", "reason", "message")

_MEANINGS = {
    "name": ColumnMeaning("Name of the image in the dataset.", ucd="meta.id;meta.main"),
    "row": ColumnMeaning("Row of the image in the dataset, from 0.", ucd="meta.record"),
    "source": ColumnMeaning("File that the image was read from."),
    "ra_deg": ColumnMeaning(
        "Right ascension: ICRS where the image has a WCS, else as the catalogue of the dataset gives it.",
        "deg",
        "pos.eq.ra;meta.main",
    ),
    "dec_deg": ColumnMeaning(
        "Declination: ICRS where the image has a WCS, else as the catalogue of the dataset gives it.",
        "deg",
        "pos.eq.dec;meta.main",
    ),
}
_UNITS = {"_deg": "deg", "_arcsec": "arcsec"}
_AXES = "xyz"


@dataclass(frozen=True)
class _Part:
    """A column that an experiment adds to the metadata of its images."""

    name: str
    values: pa.Array
    meaning: ColumnMeaning


@dataclass(frozen=True)
class ExperimentTables:
    """Makes the catalogues of experiments.

    Attributes
    ----------
    resources, artifacts, labels
        Where what is known about images is kept.
    """

    resources: Resources
    artifacts: Artifacts
    labels: LabelStore

    def build(
        self,
        experiment: Resource,
        *,
        selection: Resource | None = None,
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
            One row an image that has a vector, in the order of the rows: the columns of the image table,
            ``cluster.<id>`` (-1 is noise) and ``membership.<id>`` of each clustering, ``<id>.x``, ``.y`` and ``.z`` of
            each projection, ``prediction.<id>`` and ``probability.<id>`` of each prediction, ``label.<id>`` of each
            scheme that labels images of the dataset, and ``vector``.  A column of the image table that has one of
            these names is called ``metadata.…``.

        Raises
        ------
        FailedPreconditionError
            ``NOTHING_TO_EXPORT`` if no image of the selection is in the experiment.
        DataLossError
            If stored data are missing or do not fit together.
        """
        dataset = self.resources.get_ready(experiment.spec["dataset"], "dataset")
        count = int(self.artifacts.open_array(experiment.result["vectors_uri"]).shape[0])
        rows = np.arange(count) if selected is None else selected[selected < count]
        if not len(rows):
            raise FailedPreconditionError(
                f"None of the selected images is in the experiment '{experiment.id}': select others.",
                reason="NOTHING_TO_EXPORT",
            )
        facts = self._facts(experiment, dataset)
        facts["images"] = f"{len(rows)} of the {count} images of the experiment"
        if count < dataset.result["prepared"]:
            facts["images_added_later"] = f"{dataset.result['prepared'] - count} images of the dataset are not in it"
        if dataset.result.get("rejected"):
            facts["images_rejected"] = f"{dataset.result['rejected']} inputs of the dataset could not be prepared"
        if selection is not None and selected is not None:
            facts["selection"] = selection.name
            if len(selected) > len(rows):
                facts["selected_without_vector"] = f"{len(selected) - len(rows)} images of the selection"
        parts: dict[str, _Part] = {}
        for part in self._parts(experiment, dataset, rows, count, facts):
            name = part.name
            while name in parts:  # such as a projection called "cluster" beside a clustering called "x"
                name = f"experiment.{name}"
            parts[name] = part
        if vectors:
            parts[VECTOR_COLUMN] = self._vectors(experiment, rows)
        table = self._images(dataset, rows)
        names = [_metadata_name(name, parts) for name in table.column_names]
        meanings = {name: meaning for name in names if (meaning := _MEANINGS.get(name) or _by_suffix(table, name))}
        table = table.rename_columns(names)
        for name, part in parts.items():
            table = table.append_column(name, part.values)
            meanings[name] = part.meaning
        simulated = " of simulated images" if facts.get("simulated") else ""
        title = f"Catalogue{simulated}: experiment {experiment.id}, dataset {dataset.id}"
        return CatalogueTable(table, title, facts, meanings)

    def _facts(self, experiment: Resource, dataset: Resource) -> dict[str, str]:
        encoder = experiment.spec.get("encoder") or ""
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
                facts["encoder_uid"] = self.resources.get(encoder, "encoder").uid
            except NotFoundError:
                facts["encoder_uid"] = "not known: the encoder was deleted"
        if dataset.result.get("simulated"):
            facts["simulated"] = "true"
        return facts

    def _images(self, dataset: Resource, rows: NDArray[np.int64]) -> pa.Table:
        """Image table of some rows, in their order."""
        table = self.artifacts.read_table(dataset.result["table_uri"])
        place = np.full(dataset.result["prepared"], -1)
        of_row = table["row"].to_numpy()
        prepared = np.flatnonzero(of_row >= 0)
        place[of_row[prepared]] = prepared
        if (place[rows] < 0).any():
            raise DataLossError(
                f"The image table of the dataset '{dataset.id}' lacks rows: restore it from a backup.",
                reason="ARTIFACT_DAMAGED",
            )
        return table.take(pa.array(place[rows])).drop_columns(list(_LEFT_OUT))

    def _parts(
        self,
        experiment: Resource,
        dataset: Resource,
        rows: NDArray[np.int64],
        count: int,
        facts: dict[str, str],
    ) -> Iterator[_Part]:
        below = [each for each in self.resources.below(experiment.name) if each.state == "ready"]
        below.sort(key=lambda each: each.name)
        for clustering in (each for each in below if each.kind == "clustering"):
            facts[f"clustering.{clustering.id}"] = _recorded(clustering)
            assigned = self._array(clustering, "labels_uri", count)[rows]
            yield _Part(
                f"cluster.{clustering.id}",
                pa.array(assigned, pa.int32()),
                ColumnMeaning(f"Cluster by the clustering '{clustering.id}'; -1 is noise.", ucd="meta.code.class"),
            )
            members = self._array(clustering, "memberships_uri", count)[rows]
            yield _Part(
                f"membership.{clustering.id}",
                pa.array(members, pa.float32()),
                ColumnMeaning(
                    f"How well the image belongs to its cluster by the clustering '{clustering.id}', 0 to 1."
                ),
            )
        for projection in (each for each in below if each.kind == "projection"):
            facts[f"projection.{projection.id}"] = _recorded(projection)
            coordinates = self._array(projection, "coordinates_uri", count)[rows]
            for axis, values in zip(_AXES, coordinates.T, strict=False):
                yield _Part(
                    f"{projection.id}.{axis}",
                    pa.array(values, pa.float32()),
                    ColumnMeaning(f"Coordinate {axis} of the projection '{projection.id}'."),
                )
        for prediction in (each for each in below if each.kind == "prediction"):
            facts[f"prediction.{prediction.id}"] = _recorded(prediction)
            yield from self._prediction_parts(prediction, rows, count)
        yield from self._label_parts(experiment, dataset, rows)

    def _prediction_parts(self, prediction: Resource, rows: NDArray[np.int64], count: int) -> Iterator[_Part]:
        classes = pa.array([each["label"] for each in prediction.result["classes"]], pa.string())
        codes = self._array(prediction, "codes_uri", count)[rows]
        yield _Part(
            f"prediction.{prediction.id}",
            classes.take(pa.array(codes)),
            ColumnMeaning(
                f"Class by the prediction '{prediction.id}', of labels of some images.", ucd="meta.code.class"
            ),
        )
        probabilities = self._array(prediction, "probabilities_uri", count)[rows]
        yield _Part(
            f"probability.{prediction.id}",
            pa.array(probabilities.max(axis=1), pa.float32()),
            ColumnMeaning(f"Probability of that class by the prediction '{prediction.id}', 0 to 1."),
        )

    def _label_parts(self, experiment: Resource, dataset: Resource, rows: NDArray[np.int64]) -> Iterator[_Part]:
        for scheme in self._schemes(experiment.parent):
            said = self.labels.read(scheme, dataset)
            if not said.num_rows:
                continue
            by_row = dict(zip(said["row"].to_pylist(), said["label"].to_pylist(), strict=True))
            yield _Part(
                f"label.{scheme.id}",
                pa.array([by_row.get(row) for row in rows.tolist()], pa.string()),
                ColumnMeaning(f"Class by the label scheme '{scheme.id}', as experts said.", ucd="meta.code.class"),
            )

    def _schemes(self, project: str) -> Iterator[Resource]:
        token = ""
        while True:
            page = self.resources.page("label scheme", project, page_size=1000, page_token=token)
            yield from page.resources
            token = page.next_page_token
            if not token:
                return

    def _vectors(self, experiment: Resource, rows: NDArray[np.int64]) -> _Part:
        vectors = self.artifacts.read_array(experiment.result["vectors_uri"])
        count, dimension = vectors.shape
        if len(rows) < count:
            vectors = vectors[rows]
        flat = pa.array(np.ascontiguousarray(vectors, dtype=np.float32).reshape(-1))
        return _Part(
            VECTOR_COLUMN,
            pa.FixedSizeListArray.from_arrays(flat, dimension),
            ColumnMeaning("Vector of the image in latent space."),
        )

    def _array(self, resource: Resource, key: str, count: int) -> NDArray[Any]:
        values = self.artifacts.read_array(resource.result[key])
        if len(values) != count:
            raise DataLossError(
                f"The {resource.kind} '{resource.id}' has {len(values)} rows and its experiment {count}: "
                "make it again.",
                reason="ARTIFACT_DAMAGED",
            )
        return values


def _recorded(resource: Resource) -> str:
    """What was asked for, as JSON."""
    return json.dumps({"uid": resource.uid, **resource.spec}, sort_keys=True, default=str)


def _metadata_name(name: str, parts: dict[str, _Part]) -> str:
    # CSV makes columns of its own below these two.
    while name in parts or name.startswith((f"{VECTOR_COLUMN}.", "provenance.")):
        name = f"metadata.{name}"
    return name


def _by_suffix(table: pa.Table, name: str) -> ColumnMeaning | None:
    """Meaning of a column of numbers that tells its unit by its name."""
    if name in table.column_names and pa.types.is_floating(table.schema.field(name).type):
        for suffix, unit in _UNITS.items():
            if name.endswith(suffix):
                return ColumnMeaning(unit=unit)
    return None
