"""Encoders and their scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from latentspace.training.v1 import training_pb2 as pb
from lse.client.resources.fields import MadeResource, figures, made_fields, settings_dict

__all__ = ["Encoder", "Evaluation"]


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Scores of an encoder on a labelled dataset.

    Attributes
    ----------
    encoder, dataset
        Resource names.
    label_column
        Column of the classes.
    images
        Images with a class that were used.
    knn_balanced_accuracy
        Balanced accuracy of the 20 nearest neighbours, cosine, in 5 stratified folds of a fixed seed.
    baselines
        The same figure of ``chance``, ``pixels``, ``pca`` and ``untrained``.
    figures
        Further figures, such as the effective rank.
    notes
        Sentences on what was left out.
    """

    encoder: str
    dataset: str
    label_column: str
    images: int
    knn_balanced_accuracy: float
    baselines: dict[str, float]
    figures: dict[str, float]
    notes: tuple[str, ...]

    @classmethod
    def from_pb(cls, message: pb.Evaluation) -> Self:
        """Evaluation that a message describes."""
        return cls(
            encoder=message.encoder,
            dataset=message.dataset,
            label_column=message.label_column,
            images=message.image_count,
            knn_balanced_accuracy=message.knn_balanced_accuracy,
            baselines=figures(message.baselines),
            figures=figures(message.figures),
            notes=tuple(message.notes),
        )


@dataclass(frozen=True, kw_only=True)
class Encoder(MadeResource):
    """A network that gives every image its vector.

    Attributes
    ----------
    dataset
        Dataset that it was trained on, by its resource name; empty of an imported one.
    method
        How it was made: a training method, or ``import``.
    settings
        All parameters in force, as text.
    seed
        Seed of all its random numbers.
    channels, image_size
        Number of channels and side in pixels of the images that it takes.
    dimension
        Length of its vectors.
    figures
        Figures at the end of the training.
    loss_curve
        The loss, epoch by epoch.
    evaluations
        Latest scores on labelled datasets.
    onnx_uri
        Where its ONNX file is kept.
    """

    dataset: str
    method: str
    settings: dict[str, str]
    seed: int
    channels: int
    image_size: int
    dimension: int
    figures: dict[str, float]
    loss_curve: tuple[float, ...]
    evaluations: tuple[Evaluation, ...]
    onnx_uri: str

    @classmethod
    def from_pb(cls, message: pb.Encoder) -> Self:
        """Encoder that a message describes."""
        return cls(
            **made_fields(message),
            dataset=message.dataset,
            method=message.method_id,
            settings=settings_dict(message.settings),
            seed=message.seed,
            channels=message.channel_count,
            image_size=message.image_size,
            dimension=message.dimension,
            figures=figures(message.figures),
            loss_curve=tuple(message.loss_curve),
            evaluations=tuple(Evaluation.from_pb(evaluation) for evaluation in message.evaluations),
            onnx_uri=message.onnx_uri,
        )
