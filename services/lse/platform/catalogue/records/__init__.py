"""What the catalogue keeps of each kind of resource; one module per kind."""

from lse.platform.catalogue.records.bookmark import BookmarkRecord
from lse.platform.catalogue.records.clustering import ClusteringRecord
from lse.platform.catalogue.records.dataset import DatasetRecord
from lse.platform.catalogue.records.encoder import EncoderRecord
from lse.platform.catalogue.records.experiment import ExperimentRecord
from lse.platform.catalogue.records.label_scheme import LabelSchemeRecord
from lse.platform.catalogue.records.prediction import PredictionRecord
from lse.platform.catalogue.records.projection import ProjectionRecord
from lse.platform.catalogue.records.record import Record, Stored
from lse.platform.catalogue.records.selection import SelectionRecord

__all__ = [
    "RECORDS",
    "BookmarkRecord",
    "ClusteringRecord",
    "DatasetRecord",
    "EncoderRecord",
    "ExperimentRecord",
    "LabelSchemeRecord",
    "PredictionRecord",
    "ProjectionRecord",
    "Record",
    "SelectionRecord",
    "Stored",
]

# Every kind of resource, from its kind.
RECORDS = {
    record.kind: record
    for record in (
        DatasetRecord,
        EncoderRecord,
        ExperimentRecord,
        ProjectionRecord,
        ClusteringRecord,
        PredictionRecord,
        LabelSchemeRecord,
        SelectionRecord,
        BookmarkRecord,
    )
}
