"""How good encoders are: evaluations and cards."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from latentspace.training.v1 import training_pb2 as pb
from lse.client.resources.fields import Received

__all__ = ["ClassRecall", "EncoderCard", "Evaluation", "Nuisance", "PeerComparison", "Robustness"]


@dataclass(frozen=True, kw_only=True)
class Robustness(Received, message=pb.Robustness):
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
class Nuisance(Received, message=pb.Nuisance):
    """One property of images that should not matter, and how far the space follows it.

    Attributes
    ----------
    key
        The property, such as ``background_level``; ``brightness`` is told as context.
    variance_explained
        Share of the variance of the vectors that a linear fit on the property explains, 0 to 1.
    predictability
        Share of the variance of the property that a linear fit on the vectors explains in held-out folds, 0 to 1.
    largest_predictability
        The same of the one number of the property that the vectors show best, such as of one chip of many.
    """

    key: str
    variance_explained: float
    predictability: float
    largest_predictability: float


@dataclass(frozen=True, kw_only=True)
class PeerComparison(Received, message=pb.Comparison):
    """Difference between an encoder and another representation of the same images.

    Attributes
    ----------
    measure
        ``knn`` and ``linear_probe`` against classes, ``views`` without.
    peer
        ``pca`` or ``untrained``.
    difference, low, high
        Score of the encoder less that of the other, as a fraction, and the ends of its 95 % interval.
    """

    measure: str
    peer: str
    difference: float
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class ClassRecall(Received, message=pb.ClassRecall, images="image_count"):
    """How well one class is recognised.

    Attributes
    ----------
    label, images
        The class, and its images that were scored.
    knn, linear_probe
        Share of them that is recognised; None where it was not scored.
    """

    label: str
    images: int
    knn: float | None
    linear_probe: float | None


@dataclass(frozen=True, kw_only=True)
class Evaluation(Received, message=pb.Evaluation, images="image_count"):
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
    verdict
        The conclusion, with what to try next; empty in evaluations of earlier versions.
    sound
        Whether the space is better than pixel PCA and than an untrained network, has not collapsed and follows no
        nuisance; None in evaluations of earlier versions.
    comparisons
        With pixel PCA and an untrained network.
    recalls
        How well each class is recognised.
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
    verdict: str
    sound: bool | None
    comparisons: tuple[PeerComparison, ...]
    recalls: tuple[ClassRecall, ...]


@dataclass(frozen=True, kw_only=True)
class EncoderCard(Received, message=pb.EncoderCard):
    """What an encoder is, what it was made of, and how good it is.

    Attributes
    ----------
    json
        The card as JSON text.
    html
        The same as one self-contained HTML page.
    """

    json: str
    html: str

    @property
    def document(self) -> dict[str, Any]:
        """The card as JSON types."""
        document: dict[str, Any] = json.loads(self.json)
        return document
