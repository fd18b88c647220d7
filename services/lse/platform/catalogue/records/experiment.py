"""Experiments."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from lse import names
from lse.platform.catalogue.records.record import Facts, Record, Stored, renamed

__all__ = ["ExperimentRecord", "ExperimentResult", "ExperimentSpec"]


class ExperimentSpec(Facts):
    """What an experiment is to be made of.

    Attributes
    ----------
    dataset, encoder
        Their names; no encoder where the vectors are imported.
    encoder_version, encoder_precision
        What was in use, or asked for, when the experiment was asked for; 0 and empty without an encoder.
    neighbour_count
        Neighbours of each image in the graph; chosen from the number of images when 0.
    file_name
        Name of the uploaded file of vectors.
    """

    dataset: str
    encoder: str = ""
    encoder_version: int = 0
    encoder_precision: Literal["", "fp32", "fp16"] = ""
    neighbour_count: int = 0
    file_name: str = ""


class ExperimentResult(Facts):
    """What came out of an encoding.

    Attributes
    ----------
    vectors_uri
        Zarr array of the vectors, float32 (n, dimension).
    neighbours_uri
        Folder of the neighbour graph: the Zarr arrays ``indices`` and ``distances``.
    image_count, dimension
        Shape of the vectors.
    neighbour_count
        Neighbours of each image in the graph.
    neighbour_recall
        Share of the true neighbours that the graph has: 1 where it is exact; None of experiments made before this was
        kept.
    neighbour_recall_image_count
        Images on which it was measured; 0 where the graph is exact.
    outliers_uri
        Zarr array of the outlier scores, float32 (n, scores); empty of experiments made before they were kept.
    outlier_scores
        Names of its columns.
    inference_engine
        Kind of the engine that gave the vectors; empty of imported ones.
    search_recall
        Share of the true neighbours that the vector search finds.
    notes
        Sentences for a person.
    dataset_version
        Version of the dataset whose images they are; 0 where that was not kept.
    """

    vectors_uri: str
    neighbours_uri: str
    image_count: int
    dimension: int
    neighbour_count: int
    neighbour_recall: float | None = None
    neighbour_recall_image_count: int = 0
    outliers_uri: str = ""
    outlier_scores: tuple[str, ...] = ()
    inference_engine: str = ""
    search_recall: float = 0.0
    notes: tuple[str, ...] = ()
    dataset_version: int = 0


class ExperimentRecord(Record[ExperimentSpec, ExperimentResult]):
    """A dataset seen through an encoder: one vector per image."""

    pattern: ClassVar = names.EXPERIMENT

    @classmethod
    def upgrade(cls, stored: Stored) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Spec and result of the current version, as JSON, of a record of an earlier version."""
        spec = renamed(stored.spec, neighbours="neighbour_count")
        # Before encoders had versions, experiments were made with the first, in full precision.
        first = {"encoder_version": 1, "encoder_precision": "fp32"} if spec["encoder"] else {}
        result = renamed(stored.result, images="image_count", neighbours="neighbour_count", engine="inference_engine")
        return {**first, **spec}, result
