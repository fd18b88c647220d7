"""How good encoders are: evaluations and cards."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Self

from latentspace.training.v1 import training_pb2 as pb
from lse.client.resources.fields import figures

__all__ = ["EncoderCard", "Evaluation", "Nuisance", "Robustness"]


@dataclass(frozen=True, kw_only=True)
class Robustness:
    """Stability of the vectors under one change of the images.

    Attributes
    ----------
    change
        The change, such as ``rotation_90``.
    cosine
        Mean cosine similarity between the vectors of an image before and after.
    same_image_first
        Share of images whose changed copy is nearer to them than every other image.
    """

    change: str
    cosine: float
    same_image_first: float


@dataclass(frozen=True, kw_only=True)
class Nuisance:
    """One property of images that should not matter, and how far the space follows it.

    Attributes
    ----------
    key
        The property, such as ``background_level``; ``brightness`` is told as context.
    variance_explained
        Share of the variance of the vectors that a linear fit on the property explains, 0 to 1.
    predictability
        Share of the variance of the property that a linear fit on the vectors explains in held-out folds, 0 to 1.
    """

    key: str
    variance_explained: float
    predictability: float


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Judgement of an encoder on a dataset.

    Attributes
    ----------
    encoder, dataset
        Resource names.
    version
        Version of the encoder that was judged.
    label_column
        Column of the classes; empty where it was judged without classes.
    images
        Images with a class that were used; without classes, images that were judged.
    knn_balanced_accuracy
        Balanced accuracy of the 20 nearest neighbours, cosine, in 5 stratified folds of a fixed seed; None without
        classes.
    baselines
        The same figure of ``chance``, ``pixels``, ``pca`` and ``untrained``.
    linear_probe_balanced_accuracy
        Balanced accuracy of a linear probe in the same folds; None without classes.
    linear_probe_baselines
        The same figure of the baselines.
    figures
        Further figures, such as the effective rank, and those over the catalogue's own split.
    robustness
        Stability of the vectors, change by change.
    nuisances
        What should not matter, by how much of the space follows it.
    notes
        Warnings, and sentences on what was left out.
    """

    encoder: str
    dataset: str
    version: int
    label_column: str
    images: int
    knn_balanced_accuracy: float | None
    baselines: dict[str, float]
    linear_probe_balanced_accuracy: float | None
    linear_probe_baselines: dict[str, float]
    figures: dict[str, float]
    robustness: tuple[Robustness, ...]
    nuisances: tuple[Nuisance, ...]
    notes: tuple[str, ...]

    @classmethod
    def from_pb(cls, message: pb.Evaluation) -> Self:
        """Evaluation that a message describes."""
        by_probe = message.HasField("linear_probe_balanced_accuracy")
        return cls(
            encoder=message.encoder,
            dataset=message.dataset,
            version=message.version,
            label_column=message.label_column,
            images=message.image_count,
            knn_balanced_accuracy=(
                message.knn_balanced_accuracy if message.HasField("knn_balanced_accuracy") else None
            ),
            baselines=figures(message.baselines),
            linear_probe_balanced_accuracy=message.linear_probe_balanced_accuracy if by_probe else None,
            linear_probe_baselines=figures(message.linear_probe_baselines),
            figures=figures(message.figures),
            robustness=tuple(
                Robustness(change=each.change, cosine=each.cosine, same_image_first=each.same_image_first)
                for each in message.robustness
            ),
            nuisances=tuple(
                Nuisance(key=each.key, variance_explained=each.variance_explained, predictability=each.predictability)
                for each in message.nuisances
            ),
            notes=tuple(message.notes),
        )


@dataclass(frozen=True, kw_only=True)
class EncoderCard:
    """What an encoder is, what it was made of, and how good it is.

    Attributes
    ----------
    document
        The card as JSON types.
    html
        The same as one self-contained HTML page.
    """

    document: dict[str, Any]
    html: str

    @classmethod
    def from_pb(cls, message: pb.EncoderCard) -> Self:
        """Card that a message carries."""
        return cls(document=json.loads(message.json), html=message.html)
