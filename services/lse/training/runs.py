"""Tasks of training: one run on a worker, and the scores of an encoder."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.platform.errors import InvalidArgumentError
from lse.platform.inference.encoders import serve_encoder
from lse.platform.prepared_images import prepared_images
from lse.platform.progress import Progress

if TYPE_CHECKING:
    from lse.platform.artifacts import Artifacts
    from lse.platform.compute import TaskChannel
    from lse.platform.inference import InferenceSettings

__all__ = ["SAMPLES", "score_encoder", "train_encoder"]

# Images on which the exported, the served and the trained encoder are compared.
SAMPLES = 16
_COLLAPSE_IMAGES = 2048
_ENCODE_ROWS = 1024


def train_encoder(
    artifacts: Artifacts, images_uri: str, parameters: Mapping[str, Any], folder: str, channel: TaskChannel
) -> dict[str, Any]:
    """Train an encoder, or go on where a lost worker left it; write its ONNX file and its weights.

    Returns
    -------
    dict
        The encoder's result, as the catalogue keeps it.
    """
    from lse.training.onnx_files import export_onnx
    from lse.training.run import train
    from lse.training.scores import collapse

    images = artifacts.open_array(images_uri)
    with artifacts.working_folder(f"{folder}/training") as (workdir, keep):

        def report(progress: Progress) -> None:
            keep()
            channel.report(progress)

        trained = train(
            images,
            method=parameters["method"],
            parameters=parameters["settings"],
            seed=parameters["seed"],
            workdir=workdir,
            on_progress=report,
            should_stop=channel.should_stop,
        )
        channel.report(Progress("exporting"))
        samples = np.asarray(images[:SAMPLES], np.float32)
        onnx_uri, weights_uri = f"{folder}/encoder.onnx", f"{folder}/encoder.pt"
        with tempfile.TemporaryDirectory(prefix="lse-") as scratch:
            path = Path(scratch) / "encoder.onnx"
            difference = export_onnx(trained, path, samples=samples)
            artifacts.write_bytes(onnx_uri, path.read_bytes())
            trained.save(Path(scratch) / "encoder.pt")
            artifacts.write_bytes(weights_uri, (Path(scratch) / "encoder.pt").read_bytes())
        verdict = collapse(trained.encode(images, np.arange(min(trained.images, _COLLAPSE_IMAGES))))
    return {
        "onnx_uri": onnx_uri,
        "weights_uri": weights_uri,
        "settings": trained.parameters.model_dump(),
        "channels": trained.encoder.channels,
        "size": trained.encoder.size,
        "dimension": trained.encoder.dimension,
        "figures": {
            **{key: float(value) for key, value in (trained.history[-1] if trained.history else {}).items()},
            "images": float(trained.images),
            "images_per_second": trained.images_per_second,
            "effective_rank": verdict.effective_rank,
            "onnx_difference": difference,
        },
        "loss_curve": [float(epoch["loss"]) for epoch in trained.history],
        "notes": [verdict.message] if verdict.collapsed else [],
        "sample_vectors": trained.encode(samples).tolist(),
        "evaluations": [],
    }


def score_encoder(
    artifacts: Artifacts,
    inference: InferenceSettings,
    encoder: Mapping[str, Any],
    dataset: Mapping[str, Any],
    channel: TaskChannel,
) -> dict[str, Any]:
    """Score an encoder against the classes of the dataset's ``label_column``, with baselines beside it."""
    from lse.training.scores import baselines, effective_rank, knn_balanced_accuracy

    column = dataset["label_column"]
    classes = prepared_images(artifacts, dataset["table_uri"], [column]).to_pandas()[column]
    classes = classes.astype("object").where(lambda c: c.notna(), None)
    labels = [None if value is None else str(value) for value in classes]
    images = artifacts.open_array(dataset["images_uri"])
    encode = serve_encoder(artifacts, inference, encoder["uid"], encoder["onnx_uri"])
    vectors = []
    for first in range(0, len(labels), _ENCODE_ROWS):
        channel.report(Progress("encoding", first, len(labels), "images"))
        vectors.append(encode(np.asarray(images[first : first + _ENCODE_ROWS])))
    matrix = np.concatenate(vectors)
    score = knn_balanced_accuracy(matrix, labels)
    if score.balanced_accuracy is None:
        raise InvalidArgumentError(
            f"The column '{column}' cannot be scored against: {' '.join(score.notes)}", reason="NO_CLASSES"
        )
    trained_here = encoder["method"] not in ("import", "pretrained")
    beside = baselines(
        np.asarray(images),
        labels,
        **({"method": encoder["method"], "parameters": encoder["settings"]} if trained_here else {}),
        on_progress=channel.report,
        should_stop=channel.should_stop,
    )
    return {
        "label_column": column,
        "images": score.images,
        "knn_balanced_accuracy": score.balanced_accuracy,
        "baselines": {
            "chance": beside.chance,
            "pixels": beside.pixels,
            "pca": beside.pca,
            "untrained": beside.untrained,
        },
        "figures": {"effective_rank": effective_rank(matrix)},
        "notes": list(dict.fromkeys([*score.notes, *beside.notes])),
    }
