"""Long work of training: train, import, evaluate; publish to the inference engine."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from lse.platform.errors import InternalError
from lse.platform.inference.encoders import serve_encoder
from lse.platform.operations import JobContext
from lse.platform.rpc.uploads import upload_uri
from lse.training.runs import SAMPLES, score_encoder, train_encoder

__all__ = ["evaluate_encoder", "import_encoder", "train"]

# Served vectors may differ from trained ones by the order of additions, relative to the largest component.
_TOLERANCE = 1e-3


def train(context: JobContext) -> None:
    """Train an encoder on a dataset, export it, serve it."""
    platform, parameters = context.platform, context.parameters
    dataset = platform.resources.get_ready(parameters["dataset"], "dataset")
    result = context.run(
        train_encoder,
        *(platform.artifacts, dataset.result["images_uri"], dict(parameters), context.folder),
        stage="training",
        gpu=True,
    )
    expected = np.asarray(result.pop("sample_vectors"), np.float32)
    with context.stage("publishing"):
        images = np.asarray(platform.artifacts.open_array(dataset.result["images_uri"])[:SAMPLES])
        served = serve_encoder(platform.artifacts, platform.inference, context.resource.uid, result["onnx_uri"])(images)
        difference = float(np.abs(served - expected).max() / max(float(np.abs(expected).max()), 1e-12))
        if difference > _TOLERANCE:
            raise InternalError(
                f"The served encoder differs from the trained one by {difference:.2g}: see the log of the engine.",
                reason="SERVED_ENCODER_DIFFERS",
            )
        result["figures"]["served_difference"] = difference
    context.on_finished(lambda: platform.artifacts.remove(f"{context.folder}/training"))
    context.publish(result)


def import_encoder(context: JobContext) -> None:
    """Make an encoder of an ONNX file."""
    from lse.training.onnx_files import check_onnx_encoder

    platform = context.platform
    upload, onnx_uri = upload_uri(platform, context.resource), f"{context.folder}/encoder.onnx"
    with context.stage("checking"), tempfile.TemporaryDirectory(prefix="lse-") as scratch:
        path = Path(scratch) / "encoder.onnx"
        path.write_bytes(platform.artifacts.read_bytes(upload))
        signature = check_onnx_encoder(path)
        platform.artifacts.write_bytes(onnx_uri, path.read_bytes())
    with context.stage("publishing"):
        images = np.zeros((1, signature.channels, signature.height, signature.width), np.float32)
        serve_encoder(platform.artifacts, platform.inference, context.resource.uid, onnx_uri)(images)
    context.on_finished(lambda: platform.artifacts.remove(upload))
    context.publish(
        {
            "onnx_uri": onnx_uri,
            "settings": {},
            "channels": signature.channels,
            "size": signature.height,
            "dimension": signature.dimension,
            "figures": {},
            "loss_curve": [],
            "notes": [],
            "evaluations": [],
        }
    )


def evaluate_encoder(context: JobContext) -> None:
    """Score an encoder against the classes of a dataset; the newest evaluation is the last."""
    platform, parameters = context.platform, context.parameters
    dataset = platform.resources.get_ready(parameters["dataset"], "dataset")
    encoder: dict[str, Any] = {
        "uid": context.resource.uid,
        "onnx_uri": context.resource.result["onnx_uri"],
        "method": context.resource.spec["method"],
        "settings": context.resource.result["settings"],
    }
    labelled = {**dataset.result, "label_column": parameters["label_column"]}
    scores = context.run(score_encoder, platform.artifacts, platform.inference, encoder, labelled, stage="evaluating")
    evaluation = {"dataset": parameters["dataset"], **scores}
    same = (evaluation["dataset"], evaluation["label_column"])
    # Read again: another evaluation may have ended meanwhile.
    latest = platform.resources.get(context.resource.name, "encoder")
    others = [each for each in latest.result["evaluations"] if (each["dataset"], each["label_column"]) != same]
    context.publish({**latest.result, "evaluations": [*others, evaluation]})
