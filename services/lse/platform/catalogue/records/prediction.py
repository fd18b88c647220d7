"""Predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pydantic import Field

from lse import names
from lse.platform.catalogue.records.record import Facts, Figures, MethodSpec, Record, Stored, renamed, with_method

__all__ = ["PredictedClass", "PredictionRecord", "PredictionResult", "PredictionSpec"]


class PredictionSpec(MethodSpec):
    """What a prediction is to learn from, and how.

    Attributes
    ----------
    label_scheme, label_column
        Name of the label scheme, or the column of the catalogue; the other is empty.
    """

    label_scheme: str = ""
    label_column: str = ""


class PredictedClass(Facts):
    """One class.

    Attributes
    ----------
    label
        Its name.
    label_count, image_count
        Images labelled, and images of which it is the likeliest class, with classes as frequent as among the labels.
    recall
        Share of the labelled images that is found; None where it could not be scored.
    expected_count
        Images that the probabilities add up to; None in predictions of earlier versions.
    balanced_count, balanced_recall
        As `image_count` and `recall`, were all classes equally frequent; None in predictions of earlier versions.
    """

    label: str
    label_count: int
    image_count: int
    recall: float | None = None
    expected_count: float | None = None
    balanced_count: int | None = None
    balanced_recall: float | None = None


class PredictionResult(Facts):
    """What came out of a prediction.

    Attributes
    ----------
    codes_uri, probabilities_uri
        Zarr arrays of the class of each image, int32 (n,), as an index into `classes`, and of the probabilities of all
        classes, float32 (n, classes).
    label_count
        Labels learnt from.
    classes, figures, notes
        The classes, scores, and sentences for a person.
    """

    codes_uri: str
    probabilities_uri: str
    label_count: int
    classes: tuple[PredictedClass, ...]
    figures: Figures = Field(default_factory=dict)
    notes: tuple[str, ...] = ()


class PredictionRecord(Record[PredictionSpec, PredictionResult]):
    """The classes of all images of an experiment, learnt from the labels of some."""

    pattern: ClassVar = names.PREDICTION

    @classmethod
    def upgrade(cls, stored: Stored) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Spec and result of the current version, as JSON, of a record of an earlier version."""
        result = renamed(stored.result, labels="label_count")
        if result:
            result["classes"] = [
                renamed(each, labels="label_count", images="image_count") for each in result["classes"]
            ]
        return with_method(stored.spec), result
