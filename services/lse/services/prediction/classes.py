"""The task of a prediction: learn, score over folds, predict all images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from lse.platform.catalogue.records.prediction import PredictedClass, PredictionResult
from lse.progress import Progress
from lse.representation.prediction import PREDICTORS, Material
from lse.representation.prediction.calibration import equally_frequent
from lse.representation.prediction.labelled import Labelled, Score, labelled_images, score

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from torch import nn

    from lse.platform.artifacts import Artifacts
    from lse.platform.catalogue.records.dataset import DatasetResult
    from lse.platform.catalogue.records.encoder import EncoderVersion
    from lse.platform.catalogue.records.experiment import ExperimentResult
    from lse.platform.catalogue.records.prediction import PredictionSpec
    from lse.platform.compute import TaskChannel

__all__ = ["PredictionTask", "predict_classes"]

_FEW_LABELS = 10
_PREDICTED_AT_ONCE = 4096


@dataclass(frozen=True)
class PredictionTask:
    """What a prediction is made of.

    Attributes
    ----------
    spec
        What is asked for.
    experiment, dataset
        Vectors and images.
    encoder
        Version of the encoder that learns on; None where the method needs none.
    folder
        URI of the folder of the operation, with the table ``labelled.parquet``: columns ``row`` and ``label``.
    """

    spec: PredictionSpec
    experiment: ExperimentResult
    dataset: DatasetResult
    encoder: EncoderVersion | None
    folder: str


def predict_classes(artifacts: Artifacts, task: PredictionTask, channel: TaskChannel) -> PredictionResult:
    """Learn from the labelled images and write class and probabilities of every image."""
    from lse.representation.training.trained import load_networks

    spec, encoder, folder = task.spec, task.encoder, task.folder
    vectors = artifacts.read_array(task.experiment.vectors_uri)
    said = artifacts.read_table(f"{folder}/labelled.parquet")
    labelled = labelled_images(said["row"].to_pylist(), said["label"].to_pylist(), count=len(vectors))

    def new_encoder() -> nn.Module:
        assert encoder is not None
        with artifacts.local_file(encoder.weights_uri) as path:
            return load_networks(path, method=encoder.method)[0]

    material = Material(
        vectors,
        artifacts.open_array(task.dataset.images_uri),
        new_encoder,
        on_progress=channel.report,
        should_stop=channel.should_stop,
    )
    in_force = PREDICTORS.parse(spec.method, spec.parameters)
    learn = PREDICTORS[spec.method].run(material, in_force)
    channel.report(Progress("scoring on held-out labels"))
    found = score(labelled, learn, folds=in_force.folds, seed=in_force.seed)
    channel.report(Progress("learning from all labels"))
    predict = learn(labelled)
    probabilities = np.empty((len(vectors), len(labelled.classes)), np.float32)
    for first in range(0, len(vectors), _PREDICTED_AT_ONCE):
        channel.report(Progress("predicting", first, len(vectors), "images"))
        rows = np.arange(first, min(first + _PREDICTED_AT_ONCE, len(vectors)))
        said_of = predict(rows)
        probabilities[rows] = said_of if found.calibration is None else found.calibration.apply(said_of)
    codes = probabilities.argmax(axis=1).astype(np.int32)
    codes_uri, probabilities_uri = f"{folder}/codes.zarr", f"{folder}/probabilities.zarr"
    artifacts.write_array(codes_uri, codes)
    artifacts.write_array(probabilities_uri, probabilities)
    return PredictionResult(
        codes_uri=codes_uri,
        probabilities_uri=probabilities_uri,
        label_count=len(labelled.rows),
        classes=_classes(labelled, found, codes, probabilities),
        figures={
            "balanced_accuracy": found.balanced_accuracy,
            "accuracy": found.accuracy,
            "chance": 1 / len(labelled.classes),
            "calibration_error": found.calibration_error,
            "mean_probability": float(probabilities.max(axis=1).mean()),
        },
        notes=tuple(_notes(labelled, found, unseen=said.num_rows - len(labelled.rows))),
    )


def _classes(
    labelled: Labelled, found: Score, codes: NDArray[np.int32], probabilities: NDArray[np.float32]
) -> tuple[PredictedClass, ...]:
    """What is known of each class after all images are predicted."""
    count = len(labelled.classes)
    balanced = equally_frequent(probabilities, labelled.counts / labelled.counts.sum()).argmax(axis=1)
    return tuple(
        PredictedClass(
            label=label,
            label_count=int(given),
            image_count=int(images),
            recall=recall,
            expected_count=float(expected),
            balanced_count=int(balanced_images),
            balanced_recall=balanced_recall,
        )
        for label, given, images, recall, expected, balanced_images, balanced_recall in zip(
            labelled.classes,
            labelled.counts,
            np.bincount(codes, minlength=count),
            found.recalls,
            probabilities.sum(axis=0, dtype=np.float64),
            np.bincount(balanced, minlength=count),
            found.balanced_recalls,
            strict=True,
        )
    )


def _notes(labelled: Labelled, found: Score, *, unseen: int) -> list[str]:
    notes = ["Probabilities take classes to be as frequent as among the labels, as where these were drawn at random."]
    if found.folds:
        notes.append(f"The accuracies are of labelled images, each predicted from the others in {found.folds} folds.")
    single = [label for label, count in zip(labelled.classes, labelled.counts, strict=True) if count == 1]
    if single:
        notes.append(f"Classes with one label are learnt from and cannot be scored: {', '.join(single)}.")
    few = [label for label, count in zip(labelled.classes, labelled.counts, strict=True) if 1 < count < _FEW_LABELS]
    if few:
        notes.append(f"The scores of classes with fewer than {_FEW_LABELS} labels are rough: {', '.join(few)}.")
    if unseen:
        notes.append(f"{unseen} labelled images are not in the experiment and were left out.")
    return notes
