"""Long work of training: train, import, evaluate; publish to the inference engine."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.platform.errors import CancelledError, InternalError, LseError
from lse.platform.inference.encoders import EncoderModel, encoder_model, serve_encoder, version_of, withdraw_version
from lse.platform.operations import JobContext
from lse.platform.rpc.uploads import upload_uri
from lse.training.evaluation import score_encoder
from lse.training.runs import SAMPLES, save_best_encoder, train_encoder
from lse.training.tasks import make_pretrained
from lse.training.versions import add_version, next_version

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["create_pretrained", "evaluate_encoder", "import_encoder", "publish_version", "retrain", "train"]

# Served vectors may differ from trained ones by the order of additions, relative to the largest component.
_TOLERANCE = 1e-3


def train(context: JobContext) -> None:
    """Train an encoder on a dataset, export it, serve it."""
    _train(context, context.parameters)


def retrain(context: JobContext) -> None:
    """Train a further version of an encoder; the old one stays in use until the new one is complete and checked."""
    _train(context, context.once(lambda: _changed_parameters(context), stage="preparing"))


def _changed_parameters(context: JobContext) -> dict[str, Any]:
    version, changes = version_of(context.resource), context.parameters
    return {
        "dataset": changes["dataset"] or version.get("dataset", context.resource.spec["dataset"]),
        "method": version.get("method", context.resource.spec["method"]),
        "settings": {**version["settings"], **changes["settings"]},
        "seed": changes["seed"],
    }


def _train(context: JobContext, parameters: Mapping[str, Any]) -> None:
    platform = context.platform
    dataset = platform.resources.get_ready(parameters["dataset"], "dataset")
    images_uri = dataset.result["images_uri"]
    ended_with: LseError | None = None
    try:
        made = context.run(
            train_encoder,
            *(platform.artifacts, images_uri, dict(parameters), context.folder),
            stage="training",
            gpu=True,
        )
    except LseError as error:
        made = _best_before(context, images_uri, parameters, error)
        if made is None:
            raise
        ended_with = type(error)(made["notes"][0], reason=error.reason)
        ended_with.metadata = error.metadata
    # What is trained is not thrown away any more.
    context.save_what_is_there()
    expected = np.asarray(made.pop("sample_vectors"), np.float32)
    images = np.asarray(platform.artifacts.open_array(images_uri)[:SAMPLES], np.float32)
    context.on_finished(lambda: platform.artifacts.remove(f"{context.folder}/training"))
    origin = {key: parameters[key] for key in ("dataset", "method", "seed")}
    publish_version(context, made, images=images, expected=expected, origin=origin)
    if ended_with is not None:
        raise ended_with


def _best_before(
    context: JobContext, images_uri: str, parameters: Mapping[str, Any], error: LseError
) -> dict[str, Any] | None:
    """What `save_best_encoder` makes of a training that ended with an error; None where nothing is to be kept."""
    if isinstance(error, CancelledError) and not context.cancelled():
        return None  # this process ends, and another will go on
    if context.resource.state != "creating":
        return None  # a complete version is in use, which is better
    context.save_what_is_there()
    made: dict[str, Any] | None = None
    with contextlib.suppress(LseError):  # such as a full disk; what came first is the error to tell
        made = context.run(
            save_best_encoder,
            *(context.platform.artifacts, images_uri, {**parameters, "reason": error.message}, context.folder),
            stage="saving the best weights",
        )
    return made


def publish_version(
    context: JobContext,
    made: Mapping[str, Any],
    *,
    images: NDArray[np.float32],
    origin: Mapping[str, Any],
    expected: NDArray[np.float32] | None = None,
) -> None:
    """Serve a new version of an encoder, check what is served, and put it in use.

    Parameters
    ----------
    context
        Operation that made it.
    made
        See `add_version`.
    images
        Prepared images to try it with, (n, channels, size, size).
    origin
        ``dataset``, ``method`` and ``seed`` of the version.
    expected
        Vectors of the images, (n, dimension), where they are known.

    Raises
    ------
    InternalError
        If it gives other vectors than expected; it is not served then, and the version before stays in use.
    """
    platform, uid = context.platform, context.resource.uid
    with context.stage("publishing"):
        # Read again: something else may have changed the encoder meanwhile.
        latest = platform.resources.get(context.resource.name, "encoder")
        number = next_version(latest.result)
        # What an attempt before this one left would be taken for the new version.
        withdraw_version(platform.inference, uid, number)
        try:
            encode = serve_encoder(platform.artifacts, platform.inference, EncoderModel(uid, made["onnx_uri"], number))
            differences = _differences(encode(images), expected)
        except BaseException:
            withdraw_version(platform.inference, uid, number)
            raise
        made = {**made, "figures": {**made["figures"], **differences}}
        context.publish(add_version(latest.result, made, operation=context.operation.name, **origin))


def _differences(served: NDArray[np.float32], expected: NDArray[np.float32] | None) -> dict[str, float]:
    if expected is None:
        return {}
    difference = float(np.abs(served - expected).max() / max(float(np.abs(expected).max()), 1e-12))
    if not difference <= _TOLERANCE:
        raise InternalError(
            f"The served encoder differs from the trained one by {difference:.2g}: see the log of the engine.",
            reason="SERVED_ENCODER_DIFFERS",
        )
    return {"served_difference": difference}


def import_encoder(context: JobContext) -> None:
    """Make an encoder of an ONNX file."""
    from lse.training.onnx_files import check_onnx_encoder, rename_ports

    platform = context.platform
    upload, onnx_uri = upload_uri(platform, context.resource), f"{context.folder}/encoder.onnx"
    with context.stage("checking"), tempfile.TemporaryDirectory(prefix="lse-") as scratch:
        path = Path(scratch) / "encoder.onnx"
        path.write_bytes(platform.artifacts.read_bytes(upload))
        signature = rename_ports(path, check_onnx_encoder(path))
        platform.artifacts.write_bytes(onnx_uri, path.read_bytes())
    context.on_finished(lambda: platform.artifacts.remove(upload))
    made: dict[str, Any] = {
        "onnx_uri": onnx_uri,
        "half_onnx_uri": "",
        "settings": {},
        "channels": signature.channels,
        "size": signature.height,
        "dimension": signature.dimension,
        "figures": {},
        "loss_curve": [],
        "notes": [],
    }
    images = np.zeros((1, signature.channels, signature.height, signature.width), np.float32)
    publish_version(context, made, images=images, origin={"dataset": "", "method": "import", "seed": 0})


def create_pretrained(context: JobContext) -> None:
    """Make an encoder of a pretrained net for the images of a dataset."""
    platform, parameters = context.platform, context.parameters
    dataset = platform.resources.get_ready(parameters["dataset"], "dataset")
    images_uri = dataset.result["images_uri"]
    made = context.run(
        make_pretrained,
        *(platform.artifacts, images_uri, dict(parameters), context.folder),
        stage="adapting",
    )
    expected = np.asarray(made.pop("sample_vectors"), np.float32)
    images = np.asarray(platform.artifacts.open_array(images_uri)[: len(expected)], np.float32)
    origin = {"dataset": parameters["dataset"], "method": "pretrained", "seed": 0}
    publish_version(context, made, images=images, expected=expected, origin=origin)


def evaluate_encoder(context: JobContext) -> None:
    """Judge an encoder on a dataset; the newest evaluation is the last."""
    platform, parameters = context.platform, context.parameters
    dataset = platform.resources.get_ready(parameters["dataset"], "dataset")
    version = version_of(context.resource)
    encoder: dict[str, Any] = {
        "model": encoder_model(context.resource),
        "method": version.get("method", context.resource.spec["method"]),
        "settings": version["settings"],
        "weights_uri": version.get("weights_uri", ""),
        "has_decoder": version.get("has_decoder", False),
        "held_out": 0,
        "seed": version.get("seed", context.resource.spec["seed"]),
    }
    held_out = int(version["figures"].get("validation_images", 0))
    same_images = dataset.result["prepared"] == version["figures"].get("images", 0) + held_out
    if version.get("dataset", context.resource.spec["dataset"]) == dataset.name and same_images:
        encoder["held_out"] = held_out
    labelled = {**dataset.result, "label_column": parameters["label_column"]}
    scores = context.run(score_encoder, platform.artifacts, platform.inference, encoder, labelled, stage="evaluating")
    evaluation = {"dataset": parameters["dataset"], **scores}
    same = _judged(evaluation)
    # Read again: another evaluation may have ended meanwhile.
    latest = platform.resources.get(context.resource.name, "encoder")
    others = [each for each in latest.result["evaluations"] if _judged(each) != same]
    context.publish({**latest.result, "evaluations": [*others, evaluation]})


def _judged(evaluation: Mapping[str, Any]) -> tuple[str, str, int]:
    return evaluation["dataset"], evaluation["label_column"], evaluation.get("version", 1)
