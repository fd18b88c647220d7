"""Predictions: classes of all images, learnt from the labels of some."""

from __future__ import annotations

from dataclasses import dataclass

from latentspace.prediction.v1 import prediction_pb2 as pb
from lse.client.resources.fields import MadeResource, Parametrised, Received

__all__ = ["PredictedClass", "Prediction"]


@dataclass(frozen=True, kw_only=True)
class PredictedClass(Received, message=pb.PredictedClass, labels="label_count", images="image_count"):
    """One class of a prediction.

    Attributes
    ----------
    label
        The class.
    labels
        Images with this label that were learnt from.
    images
        Images of which it is the likeliest class, with classes as frequent as among the labels.
    recall
        Share of its labelled images that were recognised in held-out folds; None where there were too few.
    expected_count
        Images of it that the probabilities add up to; None in predictions of earlier versions.
    balanced_count, balanced_recall
        As `images` and `recall`, were all classes equally frequent; None in predictions of earlier versions.
    """

    label: str
    labels: int
    images: int
    recall: float | None
    expected_count: float | None
    balanced_count: int | None
    balanced_recall: float | None


@dataclass(frozen=True, kw_only=True)
class Prediction(Parametrised, MadeResource, message=pb.Prediction, labels="label_count"):
    """Classes of all images of an experiment, predicted from the labels of some.

    Attributes
    ----------
    label_scheme
        Label scheme that it learnt from, by its resource name; empty where it was a column.
    label_column
        Column that it learnt from; empty where it was a label scheme.
    method
        ``linear-probe`` or ``fine-tuning``.
    parameters
        All parameters, resolved; None is chosen from the data.
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
    parameters: dict[str, object]
    classes: tuple[PredictedClass, ...]
    labels: int
    figures: dict[str, float]
