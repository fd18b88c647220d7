"""Long work of predictions."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from lse.platform.catalogue.labels import read_labels
from lse.platform.operations import JobContext
from lse.platform.prepared_images import prepared_images
from lse.platform.vectors.payload import prediction_key
from lse.training.predictions.methods import needs_encoder
from lse.training.predictions.tasks import predict_classes
from lse.training.versions import method_of, version_that_made

__all__ = ["run_prediction"]


def run_prediction(context: JobContext) -> None:
    """Carry labels over to all images of an experiment."""
    platform, parameters = context.platform, context.parameters
    experiment = platform.resources.get_ready(context.resource.parent, "experiment")
    dataset = platform.resources.get_ready(experiment.spec["dataset"], "dataset")
    fine_tuned = needs_encoder(parameters["method"])
    weights, made_by = "", ""
    if fine_tuned:
        encoder = platform.resources.get_ready(experiment.spec["encoder"], "encoder")
        version = version_that_made(experiment, encoder)
        weights, made_by = version["weights_uri"], method_of(encoder, version)
    uris = {
        "vectors": experiment.result["vectors_uri"],
        "images": dataset.result["images_uri"],
        "weights": weights,
        "labelled": f"{context.folder}/labelled.parquet",
        "codes": f"{context.folder}/codes.zarr",
        "probabilities": f"{context.folder}/probabilities.zarr",
    }

    def keep_labels() -> None:
        if parameters["label_scheme"]:
            scheme = platform.resources.get_ready(parameters["label_scheme"], "label scheme")
            said = read_labels(platform.catalogue, scheme, dataset).select(["row", "label"])
        else:
            column = parameters["label_column"]
            found = prepared_images(platform.artifacts, dataset.result["table_uri"], ["row", column])
            said = pa.table({"row": found["row"], "label": found[column].cast(pa.string())})
        known = pc.and_(pc.is_valid(said["label"]), pc.not_equal(said["label"], ""))
        platform.artifacts.write_table(uris["labelled"], said.filter(known))

    # The labels of this moment: an expert goes on labelling meanwhile, and a restart must end with the same.
    context.once(keep_labels, stage="reading labels")
    outcome = context.run(
        predict_classes,
        *(platform.artifacts, uris, {**parameters, "encoder_method": made_by}),
        stage="learning",
        gpu=fine_tuned,
    )
    classes = np.array([each["label"] for each in outcome["classes"]])
    codes = platform.artifacts.read_array(uris["codes"])
    with context.stage("storing classes"):
        platform.vectors.set_payload(
            experiment.uid,
            np.arange(len(codes)),
            prediction_key(context.resource.id),
            classes[codes].tolist(),
            indexed="keyword",
        )
    context.publish({"codes_uri": uris["codes"], "probabilities_uri": uris["probabilities"], **outcome})
