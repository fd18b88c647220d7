"""Predictions: classes of all images, learnt from the labels of some."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from latentspace.training.v1 import predictions_pb2 as pb
from lse.client.resources.fields import MadeResource, figures, made_fields, settings_dict

__all__ = ["PredictedClass", "Prediction"]


@dataclass(frozen=True, kw_only=True)
class PredictedClass:
    """One class of a prediction.

    Attributes
    ----------
    label
        The class.
    labels
        Images with this label that were learnt from.
    images
        Images predicted to be of it.
    recall
        Share of its labelled images that were recognised in held-out folds; None where there were too few.
    """

    label: str
    labels: int
    images: int
    recall: float | None

    @classmethod
    def from_pb(cls, message: pb.PredictedClass) -> Self:
        """Class that a message describes."""
        return cls(
            label=message.label,
            labels=message.label_count,
            images=message.image_count,
            recall=message.recall if message.HasField("recall") else None,
        )


@dataclass(frozen=True, kw_only=True)
class Prediction(MadeResource):
    """Classes of all images of an experiment, predicted from the labels of some.

    Attributes
    ----------
    label_scheme
        Label scheme that it learnt from, by its resource name; empty where it was a column.
    label_column
        Column that it learnt from; empty where it was a label scheme.
    method
        ``linear-probe`` or ``fine-tuning``.
    settings
        All parameters in force, as text.
    seed
        Seed of all random numbers.
    classes
        The classes.
    labels
        Images with a label.
    figures
        Such as ``balanced_accuracy``, over folds of the labelled images.
    """

    label_scheme: str
    label_column: str
    method: str
    settings: dict[str, str]
    seed: int
    classes: tuple[PredictedClass, ...]
    labels: int
    figures: dict[str, float]

    @classmethod
    def from_pb(cls, message: pb.Prediction) -> Self:
        """Prediction that a message describes."""
        return cls(
            **made_fields(message),
            label_scheme=message.label_scheme,
            label_column=message.label_column,
            method=message.method_id,
            settings=settings_dict(message.settings),
            seed=message.seed,
            classes=tuple(PredictedClass.from_pb(each) for each in message.classes),
            labels=message.label_count,
            figures=figures(message.figures),
        )
