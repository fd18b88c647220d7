"""Fine-tuning: the encoder goes on learning, with a linear layer on its vectors, from labelled images."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from lse.errors import CancelledError
from lse.methods import Method
from lse.progress import Progress
from lse.representation.prediction.predictor import Learn, Material, PredictorFacts, PredictorParameters, Run

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import nn

    from lse.progress import ProgressCallback, ShouldStop
    from lse.representation.prediction.labelled import Labelled, Predictor
    from lse.representation.training.images import ArrayLike

__all__ = ["METHOD", "FineTuningParameters", "fine_tune", "views_of_training"]

_PREDICTED_AT_ONCE = 256


class FineTuningParameters(PredictorParameters):
    """Parameters of fine-tuning."""

    steps: int = Field(default=400, ge=1, le=1_000_000, description="Number of optimiser steps.")
    batch_size: int = Field(default=64, ge=2, le=4096, description="Labelled images per optimiser step.")
    learning_rate: float = Field(default=3e-3, gt=0, le=1, description="Peak learning rate of the linear layer.")
    encoder_rate: float = Field(
        default=0.3, ge=0, le=1, description="Learning rate of the encoder, relative to that of the linear layer."
    )
    weight_decay: float = Field(default=1e-2, ge=0, le=10, description="Weight decay (L2).")
    rotation: float | None = Field(
        default=None,
        ge=0,
        le=180,
        description="Largest random rotation in degrees (default: as in the training of the encoder).",
    )
    flip: bool | None = Field(
        default=None, description="Mirror images at random (default: as in the training of the encoder)."
    )
    folds: int = Field(default=3, ge=2, le=20, description="Folds of the cross-validation that scores the prediction.")


def views_of_training(settings: Mapping[str, Any]) -> dict[str, Any]:
    """`rotation` and `flip` as in the training of an encoder with these settings, off where it had none."""
    return {"rotation": settings.get("rotation") or 0.0, "flip": bool(settings.get("flip"))}


def fine_tune(
    encoder: nn.Module,
    images: ArrayLike,
    labelled: Labelled,
    *,
    parameters: FineTuningParameters,
    on_progress: ProgressCallback | None = None,
    should_stop: ShouldStop | None = None,
) -> Predictor:
    """Train an encoder and a linear layer on it with the cross entropy, every class drawn equally often.

    So that rare classes are learnt too; the probabilities are then brought to the prevalence of the labels.

    Parameters
    ----------
    encoder
        Prepared images (n, channels, size, size) to vectors (n, dimension); changed in place.
    images
        Prepared images of the experiment.
    labelled
        Images to learn from.
    parameters
        Its parameters; `rotation` and `flip` are off where they are None.
    on_progress, should_stop
        Called at every step.
    """
    import torch
    from torch.nn import Linear, functional

    from lse.representation.training.augmentation import Augmentation, augment
    from lse.representation.training.trained import fresh_weights

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    generator = torch.Generator(device=device).manual_seed(parameters.seed)
    random = np.random.default_rng(parameters.seed)
    # A batch of few images has no statistics worth the name: those of the whole training set stay in force.
    encoder = encoder.to(device).eval()
    known = torch.from_numpy(_images_of(images, labelled.rows)).to(device)
    codes = torch.from_numpy(labelled.codes).to(device)
    with torch.inference_mode():
        dimension = encoder(known[:2]).shape[1]
    with fresh_weights(parameters.seed):
        head = Linear(dimension, len(labelled.classes)).to(device)
    optimizer = torch.optim.AdamW(
        [
            {"params": head.parameters(), "scale": 1.0},
            {"params": encoder.parameters(), "scale": parameters.encoder_rate},
        ],
        lr=parameters.learning_rate,
        weight_decay=parameters.weight_decay,
    )
    views = Augmentation(rotation=parameters.rotation or 0, flip=bool(parameters.flip))
    for step in range(parameters.steps):
        if should_stop is not None and should_stop():
            raise CancelledError("The fine-tuning was cancelled.")
        for group in optimizer.param_groups:
            decayed = 0.5 * (1 + math.cos(math.pi * step / parameters.steps))
            group["lr"] = parameters.learning_rate * group["scale"] * decayed
        chosen = torch.from_numpy(_balanced_batch(labelled, parameters.batch_size, random)).to(device)
        loss = functional.cross_entropy(
            head(encoder(augment(known[chosen], views, generator))), codes[chosen], label_smoothing=0.05
        )
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        optimizer.step()
        if on_progress is not None:
            on_progress(Progress("fine-tuning", step + 1, parameters.steps, "steps", {"loss": float(loss)}))

    # A class that none of these labels has is not predicted.
    prevalence = torch.from_numpy(labelled.counts / labelled.counts.sum()).float().log().to(device)

    def predict(rows: NDArray[np.int64]) -> NDArray[np.float32]:
        found = np.empty((len(rows), len(labelled.classes)), np.float32)
        with torch.inference_mode():
            for first in range(0, len(rows), _PREDICTED_AT_ONCE):
                batch = torch.from_numpy(_images_of(images, rows[first : first + _PREDICTED_AT_ONCE])).to(device)
                found[first : first + _PREDICTED_AT_ONCE] = (
                    (head(encoder(batch)) + prevalence).softmax(dim=1).cpu().numpy()
                )
        return found

    return predict


def _images_of(images: ArrayLike, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Images of some rows; those that follow each other are read as one slice."""
    starts = np.flatnonzero(np.diff(rows, prepend=rows[0] - 2) != 1)
    ends = [*starts[1:].tolist(), len(rows)]
    stretches = [images[int(rows[a]) : int(rows[b - 1]) + 1] for a, b in zip(starts.tolist(), ends, strict=True)]
    return np.concatenate([np.asarray(stretch, dtype=np.float32) for stretch in stretches])


def _balanced_batch(labelled: Labelled, size: int, random: np.random.Generator) -> NDArray[np.int64]:
    """Places of images, each class as likely as every other."""
    weights = 1 / labelled.counts[labelled.codes]
    return random.choice(len(labelled.rows), size=size, p=weights / weights.sum())


def _run(material: Material, parameters: FineTuningParameters) -> Learn:
    def learn(labelled: Labelled) -> Predictor:
        return fine_tune(
            material.new_encoder(),
            material.images,
            labelled,
            parameters=parameters,
            on_progress=material.on_progress,
            should_stop=material.should_stop,
        )

    return learn


METHOD: Method[Run, PredictorFacts] = Method(
    id="fine-tuning",
    title="Fine-tuning",
    summary="The encoder continues to learn from the labels: takes minutes, and does better from ten labels per class.",
    parameters=FineTuningParameters,
    run=_run,
    facts=PredictorFacts(needs_encoder=True),
    order=20,
)
