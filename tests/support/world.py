"""Resources as finished operations leave them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from lse.analysis.neighbours import NeighbourGraph
from lse.platform.catalogue import (
    ClusteringRecord,
    DatasetRecord,
    EncoderRecord,
    ExperimentRecord,
    ProjectionRecord,
    Record,
)
from lse.platform.catalogue.records.clustering import Cluster, ClusteringResult, ClusteringSpec
from lse.platform.catalogue.records.dataset import Column, DatasetResult, DatasetSpec
from lse.platform.catalogue.records.encoder import EncoderSpec, MadeEncoder
from lse.platform.catalogue.records.experiment import ExperimentResult, ExperimentSpec
from lse.platform.catalogue.records.prediction import (
    PredictedClass,
    PredictionRecord,
    PredictionResult,
    PredictionSpec,
)
from lse.platform.catalogue.records.projection import ProjectionResult, ProjectionSpec
from lse.platform.wiring import Platform
from lse.tables.image_table import beside, column_types, conformed, fact_columns, image_schema

PROJECT = "projects/p"


@dataclass(frozen=True)
class World:
    """A platform with a way to put resources into a project of it."""

    platform: Platform
    project: str = PROJECT

    def dataset(
        self, name: str, facts: list[dict[str, Any]], *, rejected: int = 0, simulated: bool = False
    ) -> DatasetRecord:
        """Dataset of images with these facts in its catalogue; rejected inputs stand between them."""
        inputs: list[tuple[dict[str, Any], dict[str, Any]]] = []
        for index, fact in enumerate(facts):
            if index < rejected:
                inputs.append((_input(f"bad-{index}", status="rejected"), {}))
            inputs.append((_input(f"image-{index:04d}"), fact))
        piece = beside(
            pa.Table.from_pylist([entry for entry, _ in inputs], schema=_INPUTS),
            fact_columns("catalogue", [fact for _, fact in inputs]),
        )
        table = conformed(piece, image_schema([piece.schema]), first_row=0)
        record = DatasetRecord(name=f"{self.project}/datasets/{name}", spec=DatasetSpec(sources=("/images",)))
        folder = self.platform.artifacts.folder("dataset", record.uid)
        uri = f"{folder}/images.parquet"
        self.platform.artifacts.write_table(uri, table)
        result = DatasetResult(
            folder=folder,
            images_uri=f"{folder}/images.zarr",
            table_uri=uri,
            thumbnails_uri=f"{folder}/thumbnails.parquet",
            sources=("/images",),
            recipe="",
            prepared_count=len(facts),
            rejected_count=rejected,
            channels=("grey",),
            image_size=16,
            columns={name: Column(type=kind) for name, kind in column_types(table.schema).items()},
            simulated=simulated,
        )
        return self.platform.resources.create(record.with_result(result))

    def experiment(
        self,
        name: str,
        dataset: DatasetRecord,
        vectors: np.ndarray,
        *,
        encoder: str = "",
        graph: NeighbourGraph | None = None,
    ) -> ExperimentRecord:
        """Experiment of ready vectors, with their neighbour graph where one is given."""
        spec = ExperimentSpec(dataset=dataset.name, encoder=encoder)
        record = ExperimentRecord(name=f"{self.project}/experiments/{name}", spec=spec)
        folder = self.platform.artifacts.folder("experiment", record.uid)
        self.platform.artifacts.write_array(f"{folder}/vectors.zarr", vectors.astype(np.float32))
        result = ExperimentResult(
            vectors_uri=f"{folder}/vectors.zarr",
            neighbours_uri=f"{folder}/neighbours",
            image_count=len(vectors),
            dimension=vectors.shape[1],
            neighbour_count=graph.k if graph else 15,
            neighbour_recall=graph.recall if graph else None,
            neighbour_recall_image_count=graph.recall_rows if graph else 0,
        )
        if graph:
            self.platform.artifacts.write_array(f"{folder}/neighbours/indices", graph.indices)
            self.platform.artifacts.write_array(f"{folder}/neighbours/distances", graph.distances)
        return self.platform.resources.create(record.with_result(result))

    def encoder(self, name: str, dataset: DatasetRecord) -> EncoderRecord:
        """Encoder, without a model."""
        spec = EncoderSpec(dataset=dataset.name, method="simclr")
        made = MadeEncoder(onnx_uri="", channel_count=1, image_size=16, dimension=5)
        record = EncoderRecord(name=f"{self.project}/encoders/{name}", spec=spec).with_version(
            made, operation="", dataset=dataset.name, method="simclr"
        )
        return self.platform.resources.create(record)

    def clustering(
        self, name: str, experiment: ExperimentRecord, *, labels: np.ndarray, memberships: np.ndarray
    ) -> ClusteringRecord:
        """Clustering, whose clusters have no portrait."""
        spec = ClusteringSpec(method="some", parameters={"seed": 7})
        record = ClusteringRecord(name=f"{experiment.name}/clusterings/{name}", spec=spec)
        result = ClusteringResult(
            labels_uri=self._array(record, "labels", labels),
            memberships_uri=self._array(record, "memberships", memberships),
            image_count=len(labels),
            noise_count=int((labels < 0).sum()),
            clusters=tuple(
                Cluster(cluster=each, image_count=count, medoid_row=-1, mean_distance=0.0, nearest_cluster=-1)
                for each, count in enumerate(np.bincount(labels[labels >= 0]).tolist())
            ),
        )
        return self.platform.resources.create(record.with_result(result))

    def projection(self, name: str, experiment: ExperimentRecord, coordinates: np.ndarray) -> ProjectionRecord:
        """Projection."""
        spec = ProjectionSpec(method="some", parameters={"seed": 7})
        record = ProjectionRecord(name=f"{experiment.name}/projections/{name}", spec=spec)
        uri = self._array(record, "coordinates", coordinates)
        result = ProjectionResult(coordinates_uri=uri, image_count=len(coordinates))
        return self.platform.resources.create(record.with_result(result))

    def prediction(
        self, name: str, experiment: ExperimentRecord, classes: list[str], probabilities: np.ndarray
    ) -> PredictionRecord:
        """Prediction of the most probable classes."""
        record = PredictionRecord(name=f"{experiment.name}/predictions/{name}", spec=PredictionSpec(method="some"))
        codes = probabilities.argmax(axis=1).astype(np.int32)
        result = PredictionResult(
            codes_uri=self._array(record, "codes", codes),
            probabilities_uri=self._array(record, "probabilities", probabilities),
            label_count=0,
            classes=tuple(PredictedClass(label=each, label_count=0, image_count=0) for each in classes),
        )
        return self.platform.resources.create(record.with_result(result))

    def _array(self, record: Record[Any, Any], key: str, values: np.ndarray) -> str:
        uri = f"{self.platform.artifacts.folder(record.kind, record.uid)}/{key}.zarr"
        self.platform.artifacts.write_array(uri, values)
        return uri


class Channel:
    """Channel of a task whose progress nobody follows."""

    def report(self, progress: object) -> None: ...

    def should_stop(self) -> bool:
        return False


_INPUTS = pa.schema([(name, pa.string()) for name in ("name", "source", "status", "reason", "message")])


def _input(name: str, *, status: str = "prepared") -> dict[str, Any]:
    bad = status == "rejected"
    return {
        "name": name,
        "source": f"/images/{name}.fits",
        "status": status,
        "reason": "UNREADABLE" if bad else None,
        "message": "The file is not an image." if bad else None,
    }
