"""Encoders and their versions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, Self, TypeAlias

from pydantic import Field

from lse import names
from lse.errors import FailedPreconditionError, NotFoundError
from lse.platform.catalogue.records.dataset import DatasetRecord
from lse.platform.catalogue.records.record import (
    Facts,
    Figures,
    MethodParameters,
    MethodSpec,
    Record,
    Stored,
    renamed,
    with_method,
)
from lse.values import counted

__all__ = [
    "ClassRecall",
    "Comparison",
    "EncoderRecord",
    "EncoderResult",
    "EncoderSpec",
    "EncoderVersion",
    "Evaluation",
    "MadeEncoder",
    "Nuisance",
    "Precision",
    "Robustness",
]

Precision: TypeAlias = Literal["fp32", "fp16"]


class _EncoderMethod(MethodSpec):
    """How an encoder is made."""

    @property
    def adapts(self) -> bool:
        """Whether the training of a pretrained network goes on with the images."""
        return bool(self.parameters.get("adapt"))

    @property
    def has_course(self) -> bool:
        """Whether a training makes it, be it from the weights of a pretrained network."""
        return self.method != "import" and (self.method != "pretrained" or self.adapts)

    @property
    def epochs(self) -> int:
        """Epochs of its training; 0 where they are not known."""
        return int(self.parameters.get("epochs") or 0)

    @property
    def backbone(self) -> str:
        """Its network; empty where none was named."""
        return str(self.parameters.get("backbone") or "")


class EncoderSpec(_EncoderMethod):
    """What an encoder is to be made of: its method is a training method, ``pretrained`` or ``import``.

    Attributes
    ----------
    dataset
        Name of the dataset that it learns from; empty where it learns from none.
    given
        Parameters that were asked for; the others were chosen from the images.
    """

    dataset: str = ""
    given: MethodParameters = Field(default_factory=dict)


class MadeEncoder(Facts):
    """What came out of a training, an import or the adaptation of a pretrained network.

    Attributes
    ----------
    onnx_uri, half_onnx_uri
        ONNX files in full and in half precision; the latter is empty where there is none.
    weights_uri
        Weights of encoder and decoder as torch keeps them; empty of an imported one.
    parameters
        All parameters, resolved.
    channel_count, image_size
        Of the prepared images that it takes.
    dimension
        Of its vectors.
    figures, loss_curve, notes
        What its making measured, the loss of each epoch, and sentences for a person.
    parameter_count
        Trainable numbers of the encoder; 0 where they are not known.
    has_decoder
        Whether its weights have a decoder.
    packages
        Versions of the libraries that made it, by name.
    verdict, sound
        What its space is worth as far as images without classes show, and whether nothing is objected to; empty and
        None where it was not judged.
    """

    onnx_uri: str
    half_onnx_uri: str = ""
    weights_uri: str = ""
    parameters: MethodParameters = Field(default_factory=dict)
    channel_count: int
    image_size: int
    dimension: int
    figures: Figures = Field(default_factory=dict)
    loss_curve: tuple[float, ...] = ()
    notes: tuple[str, ...] = ()
    parameter_count: int = 0
    has_decoder: bool = False
    packages: dict[str, str] = Field(default_factory=dict)
    verdict: str = ""
    sound: bool | None = None


class EncoderVersion(MadeEncoder, _EncoderMethod):
    """One version of an encoder.

    Attributes
    ----------
    version
        Its number, from 1; never used again.
    operation, create_time
        Name of the operation that made it, and when, in seconds since 1970, UTC.
    dataset, method
        As in `EncoderSpec`.
    """

    version: int
    operation: str
    create_time: float
    dataset: str

    @property
    def trained_here(self) -> bool:
        """Whether a training method of this software made it."""
        return self.method not in ("import", "pretrained")

    def check_fits(self, dataset: DatasetRecord, *, encoder: str) -> None:
        """Check that it takes the images of a dataset.

        Raises
        ------
        FailedPreconditionError
            If it does not; the sentence calls the encoder by the id given.
        """
        channels, size = len(dataset.result.channels), dataset.result.image_size
        if (self.channel_count, self.image_size) != (channels, size):
            raise FailedPreconditionError(
                f"The encoder '{encoder}' takes images of {counted(self.channel_count, 'channel')} and "
                f"{self.image_size} pixels a side, and those of '{dataset.id}' have {channels} and {size}: "
                "ingest with another recipe or train an encoder on this dataset.",
                reason="ENCODER_MISMATCH",
            )


class Robustness(Facts):
    """How much vectors move when images change; see `lse.representation.evaluation.metrics`."""

    change: str
    cosine: float
    same_image_first: float


class Nuisance(Facts):
    """How much of a nuisance is in the vectors; see `lse.representation.evaluation.nuisances`."""

    key: str
    variance_explained: float
    predictability: float
    largest_predictability: float = 0.0


class Comparison(Facts):
    """Difference from another representation; see `lse.representation.evaluation.comparison`."""

    measure: str
    peer: str
    difference: float
    low: float
    high: float


class ClassRecall(Facts):
    """How well a class is recognised; see `lse.representation.evaluation.class_scores`."""

    label: str
    image_count: int
    knn: float | None = None
    linear_probe: float | None = None


class Evaluation(Facts):
    """What was measured of a version on a dataset; None and empty where it was not.

    Attributes
    ----------
    encoder, version
        Name of the encoder, and number of the version.
    dataset, label_column
        Dataset, and its column of classes; empty without classes.
    image_count
        Images measured on.
    knn_balanced_accuracy, linear_probe_balanced_accuracy
        How well classes are told from the vectors.
    baselines, linear_probe_baselines
        The same from other vectors of the images, by their kind.
    figures, robustness, nuisances, notes
        Further measures, and sentences for a person.
    verdict, sound
        The conclusion, and whether it objects to nothing; empty and None in evaluations of earlier versions.
    comparisons, recalls
        With representations that nobody had to learn, and how well each class is recognised.
    """

    encoder: str
    version: int
    dataset: str
    label_column: str
    image_count: int
    knn_balanced_accuracy: float | None = None
    baselines: Figures = Field(default_factory=dict)
    linear_probe_balanced_accuracy: float | None = None
    linear_probe_baselines: Figures = Field(default_factory=dict)
    figures: Figures = Field(default_factory=dict)
    robustness: tuple[Robustness, ...] = ()
    nuisances: tuple[Nuisance, ...] = ()
    notes: tuple[str, ...] = ()
    verdict: str = ""
    sound: bool | None = None
    comparisons: tuple[Comparison, ...] = ()
    recalls: tuple[ClassRecall, ...] = ()


class EncoderResult(Facts):
    """All versions of an encoder, and what is known of them.

    Attributes
    ----------
    versions
        Oldest first.
    version, precision
        Number of the version in use, and the precision in which it is served.
    evaluations
        Oldest first; at most one for each version, dataset and column of classes.
    """

    versions: tuple[EncoderVersion, ...]
    version: int
    precision: Precision = "fp32"
    evaluations: tuple[Evaluation, ...] = ()

    @property
    def current(self) -> EncoderVersion:
        """The version in use."""
        return next(each for each in self.versions if each.version == self.version)

    def using(self, version: int, precision: Precision) -> Self:
        """The same with another version, or precision, in use."""
        return self.model_copy(update={"version": version, "precision": precision})

    def with_evaluation(self, evaluation: Evaluation) -> Self:
        """The same with an evaluation in place of an earlier one of the same subject."""

        def subject(each: Evaluation) -> tuple[str, str, int]:
            return each.dataset, each.label_column, each.version

        others = (each for each in self.evaluations if subject(each) != subject(evaluation))
        return self.model_copy(update={"evaluations": (*others, evaluation)})


class EncoderRecord(Record[EncoderSpec, EncoderResult]):
    """A network that gives every image its vector."""

    pattern: ClassVar = names.ENCODER

    def layers(self) -> tuple[object, ...]:
        """Where the fields of its message are found, first what counts most."""
        current = () if self.made is None else (self.made, self.made.current)
        return (self, *current, self.spec)

    @property
    def next_version(self) -> int:
        """Number of the version that is added next, from 1."""
        return max((each.version for each in self.made.versions), default=0) + 1 if self.made is not None else 1

    def version(self, number: int = 0) -> EncoderVersion:
        """One version; the one in use where the number is 0.

        Raises
        ------
        NotFoundError
            If there is none of this number.
        FailedPreconditionError
            If the encoder is not ready.
        """
        wanted = number or self.result.version
        for each in self.result.versions:
            if each.version == wanted:
                return each
        known = ", ".join(str(each.version) for each in self.result.versions)
        raise NotFoundError(
            f"The encoder '{self.id}' has no version {wanted}: it has {known}.",
            reason="ENCODER_VERSION_NOT_FOUND",
            name=self.name,
            version=wanted,
        )

    def with_version(self, made: MadeEncoder, *, operation: str, dataset: str, method: str) -> Self:
        """The same encoder with a version more, which is in use from now on, in full precision.

        Half the precision was chosen for the version before.
        """
        version = EncoderVersion(
            **dict(made),
            version=self.next_version,
            operation=operation,
            create_time=time.time(),
            dataset=dataset,
            method=method,
        )
        earlier = self.made or EncoderResult(versions=(), version=0)
        versions = (*earlier.versions, version)
        return self.with_result(
            EncoderResult(versions=versions, version=version.version, evaluations=earlier.evaluations)
        )

    @classmethod
    def upgrade(cls, stored: Stored) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Spec and result of the current version, as JSON, of a record of an earlier version."""
        spec = with_method(stored.spec)
        trained = spec["method"] not in ("import", "pretrained")
        given = with_method(stored.parameters)["parameters"] if trained and stored.parameters else {}
        return {"given": given, **spec}, _result(stored, spec) if stored.result else {}


def _result(stored: Stored, spec: Mapping[str, Any]) -> Mapping[str, Any]:
    """Result of version 1 of one of version 0, which repeated the version in use beside all versions."""
    result = stored.result
    # What was made before encoders had versions is the first, and the spec tells where it is from.
    origin = {
        **{key: spec[key] for key in ("dataset", "method")},
        "version": 1,
        "operation": stored.operation,
        "create_time": stored.create_time,
    }
    return {
        "versions": [
            {
                **origin,
                **{
                    key: value
                    for key, value in renamed(
                        with_method({"seed": stored.spec.get("seed", 0), **each}),
                        channels="channel_count",
                        size="image_size",
                    ).items()
                    if key in EncoderVersion.model_fields
                },
            }
            for each in result.get("versions", [result])
        ],
        "version": result.get("version", 1),
        "precision": result.get("precision", "fp32"),
        "evaluations": [
            {"encoder": stored.name, "version": 1, **renamed(each, images="image_count")}
            for each in result.get("evaluations", [])
        ],
    }
