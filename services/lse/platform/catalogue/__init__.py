"""The catalogue: names, states and operations of all resources, in SQLite or PostgreSQL."""

from lse.platform.catalogue.catalogue import Catalogue
from lse.platform.catalogue.records import (
    BookmarkRecord,
    ClusteringRecord,
    DatasetRecord,
    EncoderRecord,
    ExperimentRecord,
    LabelSchemeRecord,
    PredictionRecord,
    ProjectionRecord,
    Record,
    SelectionRecord,
)
from lse.platform.catalogue.resources import Page, Resources

__all__ = [
    "BookmarkRecord",
    "Catalogue",
    "ClusteringRecord",
    "DatasetRecord",
    "EncoderRecord",
    "ExperimentRecord",
    "LabelSchemeRecord",
    "Page",
    "PredictionRecord",
    "ProjectionRecord",
    "Record",
    "Resources",
    "SelectionRecord",
]
