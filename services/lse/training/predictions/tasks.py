"""The task of a prediction: learn, score over folds, predict all images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.platform.progress import Progress
from lse.training.predictions.labelled import Labelled, Score, labelled_images, score
from lse.training.predictions.methods import Material, learner, read_prediction_parameters

if TYPE_CHECKING:
    from torch import nn

    from lse.platform.artifacts import Artifacts
    from lse.platform.compute import TaskChannel

__all__ = ["predict_classes"]

_FEW_LABELS = 10
_PREDICTED_AT_ONCE = 4096


def predict_classes(
    artifacts: Artifacts, uris: Mapping[str, str], parameters: Mapping[str, Any], channel: TaskChannel
) -> dict[str, Any]:
    """Learn from the labelled images and write class and probabilities of every image.

    Parameters
    ----------
    artifacts
        Where everything is.
    uris
        ``vectors``, ``images``, ``weights`` (of the encoder, empty where the method needs none) and ``labelled`` are
        read, ``codes`` and ``probabilities`` written.
    parameters
        ``method``, ``settings`` and ``seed``; and ``encoder_method``, how the encoder was made.
    channel
        To report and to hear of a cancellation.

    Returns
    -------
    dict
        What the catalogue keeps of it.
    """
    from lse.training.versions import load_networks

    vectors = artifacts.read_array(uris["vectors"])
    said = artifacts.read_table(uris["labelled"])
    labelled = labelled_images(said["row"].to_pylist(), said["label"].to_pylist(), count=len(vectors))

    def new_encoder() -> nn.Module:
        return load_networks(artifacts, method=parameters["encoder_method"], weights_uri=uris["weights"])[0]

    material = Material(
        vectors,
        artifacts.open_array(uris["images"]),
        new_encoder,
        seed=parameters["seed"],
        on_progress=channel.report,
        should_stop=channel.should_stop,
    )
    in_force = read_prediction_parameters(parameters["method"], parameters["settings"])
    learn = learner(parameters["method"], material, in_force)
    channel.report(Progress("scoring on held-out labels"))
    found = score(labelled, learn, folds=in_force.model_dump()["folds"], seed=parameters["seed"])
    channel.report(Progress("learning from all labels"))
    predict = learn(labelled)
    probabilities = np.empty((len(vectors), len(labelled.classes)), np.float32)
    for first in range(0, len(vectors), _PREDICTED_AT_ONCE):
        channel.report(Progress("predicting", first, len(vectors), "images"))
        rows = np.arange(first, min(first + _PREDICTED_AT_ONCE, len(vectors)))
        probabilities[rows] = predict(rows)
    codes = probabilities.argmax(axis=1).astype(np.int32)
    artifacts.write_array(uris["codes"], codes)
    artifacts.write_array(uris["probabilities"], probabilities)
    predicted = np.bincount(codes, minlength=len(labelled.classes))
    return {
        "labels": len(labelled.rows),
        "classes": [
            {"label": label, "labels": int(given), "images": int(images), "recall": recall}
            for label, given, images, recall in zip(
                labelled.classes, labelled.counts, predicted, found.recalls, strict=True
            )
        ],
        "figures": {
            "balanced_accuracy": found.balanced_accuracy,
            "accuracy": found.accuracy,
            "chance": 1 / len(labelled.classes),
            "mean_probability": float(probabilities.max(axis=1).mean()),
        },
        "notes": _notes(labelled, found, unseen=said.num_rows - len(labelled.rows)),
    }


def _notes(labelled: Labelled, found: Score, *, unseen: int) -> list[str]:
    notes = []
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
