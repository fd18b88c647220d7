"""Long work of training: train, import, evaluate; publish to the inference engine."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import numpy as np

from lse.errors import AlreadyExistsError, CancelledError, InternalError, LseError
from lse.platform.catalogue import DatasetRecord, EncoderRecord
from lse.platform.catalogue.records.encoder import Evaluation, MadeEncoder
from lse.platform.catalogue.records.record import Facts, MethodParameters
from lse.platform.inference.encoders import EncoderModel, encoder_model, serve_encoder, withdraw_version
from lse.platform.operations import JobContext
from lse.platform.outages import is_outage
from lse.platform.rpc.uploads import upload_uri
from lse.services.training.evaluation import EvaluationRequest, Subject, score_encoder
from lse.services.training.pretrained import SeenImages, WantedEncoder, chosen_bands, make_pretrained, use_of
from lse.services.training.training_run import BrokenOff, Training, save_best_encoder, train_encoder
from lse.services.training.version_files import SAMPLES, DeliveredEncoder

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["Retraining", "create_pretrained", "evaluate_encoder", "import_encoder", "retrain", "train"]

# Served vectors may differ from trained ones by the order of additions, relative to the largest component.
_TOLERANCE = 1e-3
# Of the memory that reading a file may take: what an imported encoder takes when it is checked, it takes again in each
# process that serves it.
_CHECK_SHARE = 4


class Retraining(Facts):
    """What is changed in a training of an encoder: dataset (the same when empty) and parameters."""

    dataset: str
    parameters: MethodParameters


def train(context: JobContext[EncoderRecord]) -> None:
    """Train an encoder on a dataset, export it, serve it."""
    spec = context.resource.spec
    _train(context, Training(dataset=spec.dataset, method=spec.method, given=spec.given, encoder=context.resource.id))


def retrain(context: JobContext[EncoderRecord]) -> None:
    """Train a further version of an encoder; the old one stays in use until the new one is complete and checked."""

    def changed() -> Training:
        version, changes = context.resource.version(), context.parameters(Retraining)
        return Training(
            dataset=changes.dataset or version.dataset,
            method=version.method,
            given={**version.parameters, **changes.parameters},
            encoder=context.resource.id,
        )

    _train(context, context.once(changed, stage="preparing", returns=Training))


def _train(context: JobContext[EncoderRecord], training: Training) -> None:
    artifacts = context.platform.artifacts
    images_uri = context.platform.resources.get_ready(training.dataset, DatasetRecord).result.images_uri
    ended_with: LseError | None = None
    try:
        delivered = context.run(
            train_encoder,
            *(artifacts, images_uri, training, context.folder),
            stage="training",
            returns=DeliveredEncoder,
            gpu=True,
        )
    except LseError as error:
        best = _best_before(context, images_uri, training, error)
        if best is None:
            raise
        delivered = best
        ended_with = type(error)(best.made.notes[0], reason=error.reason)
        ended_with.metadata = error.metadata
    # What is trained is not thrown away any more.
    context.save_what_is_there()
    images = np.asarray(artifacts.open_array(images_uri)[:SAMPLES], np.float32)
    context.supersede(f"{context.folder}/training")
    _publish(context, delivered.made, training, images=images, expected=delivered.sample_vectors)
    if ended_with is not None:
        raise ended_with


def _best_before(
    context: JobContext[EncoderRecord], images_uri: str, training: Training, error: LseError
) -> DeliveredEncoder | None:
    """What `save_best_encoder` makes of a training that ended with an error; None where nothing is to be kept."""
    if is_outage(error) or (isinstance(error, CancelledError) and not context.cancelled()):
        return None  # the training goes on when that is back, or in another process where this one ends
    if context.resource.state != "creating":
        return None  # a complete version is in use, which is better
    context.save_what_is_there()
    with contextlib.suppress(LseError):  # such as a full disk; what came first is the error to tell
        return context.run(
            save_best_encoder,
            *(
                context.platform.artifacts,
                images_uri,
                BrokenOff(**dict(training), reason=error.message),
                context.folder,
            ),
            stage="saving the best weights",
            returns=DeliveredEncoder,
        )
    return None


def _publish(
    context: JobContext[EncoderRecord],
    made: MadeEncoder,
    training: Training,
    *,
    images: NDArray[np.float32],
    expected: list[list[float]] | None = None,
) -> None:
    """Serve a new version of an encoder, check what is served, and put it in use.

    Parameters
    ----------
    context
        Operation that made it.
    made, training
        What it is, and what it is of.
    images
        Prepared images to try it with, (n, channels, size, size).
    expected
        Vectors of the images, (n, dimension), where they are known.

    Raises
    ------
    InternalError
        If it gives other vectors than expected; it is not served then, and the version before stays in use.
    """
    platform, uid = context.platform, context.resource.uid
    with context.stage("publishing"):
        number = context.resource.next_version
        model = EncoderModel(uid, made.onnx_uri, number)
        try:
            try:
                encode = serve_encoder(platform.artifacts, platform.inference, model)
            except AlreadyExistsError:  # another file, of an attempt before this one
                withdraw_version(platform.inference, uid, number)
                encode = serve_encoder(platform.artifacts, platform.inference, model)
            vectors = encode(images)
            differences = {} if expected is None else _differences(vectors, np.asarray(expected, np.float32))
        except BaseException as error:
            # Where a server is away the next attempt goes on with what is there.
            if not is_outage(error):
                withdraw_version(platform.inference, uid, number)
            raise
    served = made.model_copy(update={"figures": {**made.figures, **differences}})
    context.publish_change(
        lambda latest: latest.with_version(
            served,
            operation=context.operation.name,
            dataset=training.dataset,
            method=training.method,
        )
    )


def _differences(served: NDArray[np.float32], expected: NDArray[np.float32]) -> dict[str, float]:
    difference = float(np.abs(served - expected).max() / max(float(np.abs(expected).max()), 1e-12))
    if not difference <= _TOLERANCE:
        raise InternalError(
            f"The served encoder differs from the trained one by {difference:.2g}: see the log of the engine.",
            reason="SERVED_ENCODER_MISMATCH",
        )
    return {"served_difference": difference}


def import_encoder(context: JobContext[EncoderRecord]) -> None:
    """Make an encoder of an ONNX file."""
    from lse.representation.imported_onnx import checked_encoder

    platform = context.platform
    upload, onnx_uri = upload_uri(platform, context.resource), f"{context.folder}/encoder.onnx"
    with context.stage("checking"), platform.artifacts.local_file(upload) as path:
        signature, content = platform.reading.call(
            checked_encoder,
            *(path, "encoder.onnx"),
            what="The ONNX encoder",
            input_bytes=path.stat().st_size,
            memory_bytes=platform.reading.memory_bytes // _CHECK_SHARE,
            should_stop=context.should_stop,
        )
        platform.artifacts.write_bytes(onnx_uri, content)
    context.supersede(upload)
    made = MadeEncoder(
        onnx_uri=onnx_uri,
        channel_count=signature.channels,
        image_size=signature.height,
        dimension=signature.dimension,
    )
    images = np.zeros((1, signature.channels, signature.height, signature.width), np.float32)
    _publish(context, made, _untrained(context), images=images)


def create_pretrained(context: JobContext[EncoderRecord]) -> None:
    """Make an encoder of a pretrained net for the images of a dataset."""
    platform, spec = context.platform, context.resource.spec
    dataset = platform.resources.get_ready(spec.dataset, DatasetRecord)
    images_uri = dataset.result.images_uri
    delivered = context.run(
        make_pretrained,
        platform.artifacts,
        SeenImages(images_uri, chosen_bands(use_of(spec), dataset)),
        WantedEncoder(context.resource.id, spec),
        context.folder,
        stage="adapting",
        returns=DeliveredEncoder,
        gpu=spec.adapts,
    )
    context.supersede(f"{context.folder}/training")
    images = np.asarray(platform.artifacts.open_array(images_uri)[:SAMPLES], np.float32)
    _publish(context, delivered.made, _untrained(context), images=images, expected=delivered.sample_vectors)


def _untrained(context: JobContext[EncoderRecord]) -> Training:
    """What an encoder is of that was not trained here."""
    spec = context.resource.spec
    return Training(dataset=spec.dataset, method=spec.method, given={})


def evaluate_encoder(context: JobContext[EncoderRecord]) -> None:
    """Evaluate an encoder on a dataset; the newest evaluation is the last."""
    platform, request = context.platform, context.parameters(EvaluationRequest)
    dataset = platform.resources.get_ready(request.dataset, DatasetRecord)
    version = context.resource.version()
    held_out = int(version.figures.get("validation_images") or 0)
    same_images = dataset.result.prepared_count == (version.figures.get("images") or 0) + held_out
    subject = Subject(
        encoder=context.resource.name,
        version=version,
        model=encoder_model(context.resource),
        dataset=dataset,
        label_column=request.label_column,
        held_out=held_out if version.dataset == dataset.name and same_images else 0,
    )
    evaluation = context.run(
        score_encoder, platform.artifacts, platform.inference, subject, stage="evaluating", returns=Evaluation
    )
    context.publish_change(lambda latest: latest.with_result(latest.result.with_evaluation(evaluation)))
