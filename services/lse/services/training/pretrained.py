"""Task that makes an encoder of a pretrained network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from lse.platform.catalogue.records.encoder import EncoderSpec, MadeEncoder
from lse.progress import Progress
from lse.services.training.version_files import SAMPLES, DeliveredEncoder, write_version

if TYPE_CHECKING:
    from lse.platform.artifacts import Artifacts
    from lse.platform.compute import TaskChannel

__all__ = ["check_pretrained", "make_pretrained"]


def check_pretrained(backbone: str, weights: str, _channel: TaskChannel) -> None:
    """Refuse, on a worker, what is not a pretrained network there: loading the libraries that know takes long."""
    from lse.representation.encoders.pretrained_nets import check_net

    check_net(backbone, weights=weights)


def make_pretrained(
    artifacts: Artifacts, images_uri: str, spec: EncoderSpec, folder: str, channel: TaskChannel
) -> DeliveredEncoder:
    """Adapt a pretrained network to the images of a dataset; write its files.

    Parameters
    ----------
    artifacts, images_uri
        Where the prepared images are.
    spec
        With the settings ``backbone`` and ``weights``, see `adapt_pretrained`.
    folder
        URI of the folder of the operation.
    channel
        Told of the progress.
    """
    import torch

    from lse.representation.encoders.adaptation import adapt_pretrained

    images, chosen = artifacts.open_array(images_uri), spec.parameters
    adapted = adapt_pretrained(
        images,
        str(chosen["backbone"]),
        weights=str(chosen["weights"]),
        on_progress=channel.report,
        should_stop=channel.should_stop,
    )
    encoder = adapted.encoder
    channel.report(Progress("exporting"))
    samples = np.asarray(images[:SAMPLES], np.float32)
    files = write_version(artifacts, folder, encoder, samples=samples, save=encoder.save)
    with torch.inference_mode():
        vectors = encoder(torch.from_numpy(samples)).tolist()
    made = MadeEncoder(
        onnx_uri=files.onnx_uri,
        half_onnx_uri=files.half_onnx_uri,
        weights_uri=files.weights_uri,
        parameters=adapted.settings,
        channel_count=images.shape[1],
        image_size=images.shape[2],
        dimension=encoder.dimension,
        figures={**adapted.figures, **files.figures},
        notes=(*adapted.notes, *files.notes),
        parameter_count=sum(weight.numel() for weight in encoder.parameters()),
    )
    return DeliveredEncoder(made, vectors)
