"""Task that makes an encoder of a pretrained network."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from lse.errors import InvalidArgumentError
from lse.platform.catalogue.records.encoder import EncoderSpec, MadeEncoder
from lse.progress import Progress
from lse.representation.encoders.pretrained_use import PretrainedUse
from lse.services.training.brief_verdict import brief_verdict
from lse.services.training.history import write_course
from lse.services.training.version_files import SAMPLES, DeliveredEncoder, write_version
from lse.validation import unknown_name

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from lse.platform.artifacts import Artifacts
    from lse.platform.catalogue import DatasetRecord
    from lse.platform.compute import TaskChannel
    from lse.representation.encoders.adaptation import AdaptedEncoder
    from lse.representation.training.images import ArrayLike

__all__ = ["SeenImages", "WantedEncoder", "check_pretrained", "chosen_bands", "make_pretrained", "use_of"]

# Each is encoded three times by a network that may be large.
_MOST_JUDGED = 200
_BATCH = 32


def check_pretrained(
    backbone: str, weights: str, use: PretrainedUse, shape: tuple[int, int], _channel: TaskChannel
) -> None:
    """Refuse, on a worker, what cannot be used there for images of some channels and pixels a side.

    Loading the libraries that know takes long.
    """
    from lse.representation.encoders.adaptation import check_pretrained as check

    check(backbone, weights=weights, use=use, channels=shape[0], size=shape[1])


@dataclass(frozen=True)
class SeenImages:
    """What a network sees of a dataset: the URI of the prepared images, and the places of its bands; all when empty."""

    uri: str
    bands: tuple[int, ...] = ()


@dataclass(frozen=True)
class WantedEncoder:
    """What is to be made: the id of the encoder, and the settings ``backbone``, ``weights`` and of `PretrainedUse`."""

    encoder: str
    spec: EncoderSpec


def chosen_bands(use: PretrainedUse, dataset: DatasetRecord) -> tuple[int, ...]:
    """Places of the bands that a network sees; none where it sees all.

    Raises
    ------
    InvalidArgumentError
        ``PARAMETER_INVALID``: the dataset has no such band.
    """
    known = list(dataset.result.channels)
    for name in use.band_names:
        if name not in known:
            raise InvalidArgumentError(
                unknown_name("band", name, known, of=f"of the dataset '{dataset.id}'"),
                reason="PARAMETER_INVALID",
                parameter="bands",
            )
    return tuple(known.index(name) for name in use.band_names)


def use_of(spec: EncoderSpec) -> PretrainedUse:
    """How an encoder uses its pretrained network."""
    given = {name: value for name, value in spec.parameters.items() if name in PretrainedUse.model_fields}
    return PretrainedUse.model_validate(given)


def make_pretrained(
    artifacts: Artifacts, seen: SeenImages, wanted: WantedEncoder, folder: str, channel: TaskChannel
) -> DeliveredEncoder:
    """Adapt a pretrained network to the images of a dataset, train it on where that is asked for; write its files.

    Parameters
    ----------
    artifacts, seen
        Where the prepared images are, and the bands.
    wanted
        The encoder.
    folder
        URI of the folder of the operation.
    channel
        Told of the progress.
    """
    from lse.representation.encoders.adaptation import adapt_pretrained

    spec = wanted.spec
    images, chosen, use = artifacts.open_array(seen.uri), dict(spec.parameters), use_of(spec)
    backbone, weights = str(chosen["backbone"]), str(chosen["weights"])
    adapted = adapt_pretrained(
        images,
        backbone,
        weights=weights,
        use=use,
        bands=seen.bands,
        on_progress=channel.report,
        should_stop=channel.should_stop,
    )
    if use.adapt:
        adapted = _went_on(artifacts, adapted, images, use=use, folder=folder, channel=channel)
    encoder = adapted.encoder
    channel.report(Progress("exporting"))
    samples = np.asarray(images[:SAMPLES], np.float32)
    files = write_version(artifacts, folder, encoder, samples=samples, save=encoder.save)
    encode = partial(_encoded, encoder)
    channel.report(Progress("judging"))
    verdict = brief_verdict(
        images, encode, encoder=wanted.encoder, dataset=spec.dataset, channel=channel, most=_MOST_JUDGED
    )
    made = MadeEncoder(
        onnx_uri=files.onnx_uri,
        half_onnx_uri=files.half_onnx_uri,
        weights_uri=files.weights_uri,
        parameters=adapted.settings | ({"bands": use.bands} if use.bands else {}),
        channel_count=images.shape[1],
        image_size=images.shape[2],
        dimension=encoder.dimension,
        figures={**adapted.figures, **files.figures},
        loss_curve=adapted.losses,
        notes=(
            f"Weights: {adapted.settings['weights']}, licence: {adapted.settings['licence']}.",
            *adapted.notes,
            *files.notes,
        ),
        parameter_count=sum(weight.numel() for weight in encoder.parameters()),
        verdict=verdict.text if verdict else "",
        sound=verdict.sound if verdict else None,
    )
    return DeliveredEncoder(made, encode(samples).tolist())


def _encoded(encoder: torch.nn.Module, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Vectors (n, dimension), of as many images at once as any network has the memory for."""
    import torch

    with torch.inference_mode():
        parts = [encoder(torch.from_numpy(images[at : at + _BATCH])) for at in range(0, len(images), _BATCH)]
        vectors: NDArray[np.float32] = torch.cat(parts).numpy()
    return vectors


def _went_on(
    artifacts: Artifacts,
    adapted: AdaptedEncoder,
    images: ArrayLike,
    *,
    use: PretrainedUse,
    folder: str,
    channel: TaskChannel,
) -> AdaptedEncoder:
    """Go on with the training of the network, or where a lost worker left it."""
    from lse.representation.training.continuing import continued

    with artifacts.working_folder(f"{folder}/training") as (workdir, keep):

        def report(progress: Progress) -> None:
            keep()
            channel.report(progress)

        try:
            return continued(
                adapted,
                images,
                use=use,
                workdir=workdir,
                on_progress=report,
                should_stop=channel.should_stop,
                on_course=lambda course: write_course(artifacts, folder, course),
            )
        finally:
            keep()
