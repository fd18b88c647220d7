"""The training of a pretrained network goes on with the images of a survey, without labels.

By SimCLR, with the views that suit the images.  The network learns at a tenth of the rate of the new projection head
and keeps the statistics of its normalisations.  Such a training leaves most of the variance along a few directions, so
that the vectors are whitened in the end.  After one pass over some 2,000 images, little more was gained.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import torch

from lse.progress import Progress
from lse.representation.encoders.adaptation import centred
from lse.representation.training.decorrelation import sampled, whitening
from lse.representation.training.defaults import choose_parameters
from lse.representation.training.estimate import TrainingEstimate, estimate_training
from lse.representation.training.facts import measure_facts
from lse.representation.training.run import train

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from lse.progress import ProgressCallback, ShouldStop
    from lse.representation.encoders.adaptation import AdaptedEncoder
    from lse.representation.encoders.pretrained import PretrainedEncoder
    from lse.representation.encoders.pretrained_use import PretrainedUse
    from lse.representation.training.history import Course
    from lse.representation.training.images import ArrayLike

__all__ = ["METHOD", "continued", "estimate_continuation"]

METHOD = "simclr"
_LOOKS, _MOST_EPOCHS = 2000, 20
_BATCH = 32
# More than for vectors that were learnt here: there are few images for the many dimensions of such networks.
_SHRINKAGE = 1.0


def continued(
    adapted: AdaptedEncoder,
    images: ArrayLike,
    *,
    use: PretrainedUse,
    workdir: Path,
    on_progress: ProgressCallback,
    should_stop: ShouldStop,
    on_course: Callable[[Course], None] | None = None,
) -> AdaptedEncoder:
    """Go on with the training of a network that takes the images, or with that of `workdir`.

    Parameters
    ----------
    adapted
        What `adapt_pretrained` gave; it is not changed.
    images
        Prepared images, shape (n, channels, size, size).
    use
        With `epochs` and `learning_rate`, chosen where they are None.
    workdir, on_progress, should_stop, on_course
        As for `train`, whose errors these are, too.
    """
    given = _parameters(use, images)
    trained = train(
        images,
        method=METHOD,
        parameters=given,
        workdir=workdir,
        on_progress=on_progress,
        should_stop=should_stop,
        on_course=on_course,
        start=adapted.encoder,
    )
    encoder = cast("PretrainedEncoder", trained.encoder)
    rank, notes = centred(encoder, images, on_progress, should_stop)
    on_progress(Progress("whitening"))
    vectors = trained.encode(images, sampled(np.arange(images.shape[0])), batch_size=_BATCH).astype(np.float64)
    matrix, mean = whitening(vectors, shrinkage=_SHRINKAGE)
    scale = np.sqrt(np.mean(((vectors - mean) @ matrix) ** 2))
    encoder.whiten(torch.from_numpy(matrix / scale), torch.from_numpy(mean))
    kept = [note for note in adapted.notes if note not in notes]
    losses = tuple(float(epoch["loss"]) for epoch in trained.history)
    went_on = (
        f"Its training went on with {images.shape[0]:,} images without labels (SimCLR), for {len(losses)} "
        f"epoch{'s' if len(losses) > 1 else ''}."
    )
    return replace(
        adapted,
        encoder=encoder,
        settings={
            **adapted.settings,
            "adapt": True,
            "epochs": len(losses),
            "learning_rate": float(trained.parameters.learning_rate),
        },
        figures={**adapted.figures, "effective_rank": rank, "loss": losses[-1]},
        notes=(went_on, *kept, *notes, *trained.notes),
        losses=losses,
    )


def estimate_continuation(
    encoder: PretrainedEncoder, images: ArrayLike, *, use: PretrainedUse, available_bytes: int
) -> tuple[TrainingEstimate, dict[str, Any]]:
    """What `continued` would take on this machine, and its parameters; see `estimate_training`."""
    parameters = choose_parameters(METHOD, _parameters(use, images), measure_facts(images))
    found = estimate_training(
        tuple(images.shape), method=METHOD, parameters=parameters, available_bytes=available_bytes, start=encoder
    )
    return found, {"epochs": parameters.epochs, "learning_rate": parameters.learning_rate}


def _parameters(use: PretrainedUse, images: ArrayLike) -> dict[str, object]:
    count = images.shape[0]
    epochs = use.epochs or min(max(math.ceil(_LOOKS / max(count, 1)), 1), _MOST_EPOCHS)
    return {
        "epochs": epochs,
        "learning_rate": use.learning_rate or 1e-3,
        "batch_size": min(_BATCH, max(count, 2)),
        "warmup_epochs": 0.3 * epochs,
        "validation": 0,
    }
