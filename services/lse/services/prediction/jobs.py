"""Long work of predictions."""

from __future__ import annotations

from types import NoneType

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lse.platform.catalogue import DatasetRecord, EncoderRecord, ExperimentRecord, LabelSchemeRecord, PredictionRecord
from lse.platform.catalogue.labels import read_labels
from lse.platform.catalogue.records.encoder import EncoderVersion
from lse.platform.catalogue.records.prediction import PredictionResult
from lse.platform.operations import JobContext
from lse.platform.prepared_images import prepared_images
from lse.platform.vectors.payload import prediction_key
from lse.representation.prediction import PREDICTORS
from lse.services.prediction.classes import PredictionTask, predict_classes

__all__ = ["run_prediction"]


def run_prediction(context: JobContext[PredictionRecord]) -> None:
    """Carry labels over to all images of an experiment."""
    platform, spec = context.platform, context.resource.spec
    experiment = platform.resources.get_ready(context.resource.parent, ExperimentRecord)
    dataset = platform.resources.get_ready(experiment.spec.dataset, DatasetRecord)
    encoder: EncoderVersion | None = None
    if PREDICTORS[spec.method].facts.needs_encoder:
        record = platform.resources.get_ready(experiment.spec.encoder, EncoderRecord)
        encoder = record.version(experiment.spec.encoder_version)

    def keep_labels() -> None:
        if spec.label_scheme:
            scheme = platform.resources.get_ready(spec.label_scheme, LabelSchemeRecord)
            said = read_labels(platform.catalogue, scheme, dataset).select(["row", "label"])
        else:
            found = prepared_images(platform.artifacts, dataset.result.table_uri, ["row", spec.label_column])
            said = pa.table({"row": found["row"], "label": found[spec.label_column].cast(pa.string())})
        known = pc.and_(pc.is_valid(said["label"]), pc.not_equal(said["label"], ""))
        platform.artifacts.write_table(f"{context.folder}/labelled.parquet", said.filter(known))

    # The labels of this moment: an expert goes on labelling meanwhile, and a restart must end with the same.
    context.once(keep_labels, stage="reading labels", returns=NoneType)
    result = context.run(
        predict_classes,
        platform.artifacts,
        PredictionTask(spec, experiment.result, dataset.result, encoder, context.folder),
        stage="learning",
        returns=PredictionResult,
        gpu=encoder is not None,
    )
    classes = np.array([each.label for each in result.classes])
    codes = platform.artifacts.read_array(result.codes_uri)
    with context.stage("storing classes"):
        platform.vectors.set_payload(
            experiment.uid,
            np.arange(len(codes)),
            prediction_key(context.resource.id),
            classes[codes].tolist(),
            indexed="keyword",
        )
    context.publish(result)
