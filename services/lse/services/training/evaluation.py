"""Task of an evaluation: an encoder judged on a dataset through the inference engine."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.errors import InvalidArgumentError
from lse.platform.catalogue.records.encoder import ClassRecall, Comparison, Evaluation, Nuisance, Robustness
from lse.platform.catalogue.records.record import Facts
from lse.platform.inference.encoders import EncoderModel, serve_encoder
from lse.platform.prepared_images import prepared_images
from lse.representation.training.images import held_out_rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from lse.platform.artifacts import Artifacts
    from lse.platform.catalogue import DatasetRecord
    from lse.platform.catalogue.records.encoder import EncoderVersion
    from lse.platform.compute import TaskChannel
    from lse.platform.inference import InferenceSettings
    from lse.representation.evaluation.metrics import Judgement, Redraw

__all__ = ["EvaluationRequest", "Subject", "class_column", "score_encoder"]

_SPLIT = "split"
_BATCH = 256


class EvaluationRequest(Facts):
    """What an encoder is evaluated on: a dataset, and its column of classes, empty without classes."""

    dataset: str
    label_column: str


@dataclass(frozen=True)
class Subject:
    """An encoder and the dataset that it is evaluated on.

    Attributes
    ----------
    encoder
        Name of the encoder.
    version, model
        Its version, as the catalogue keeps it and as it is served.
    dataset, label_column
        The dataset, and its column of classes, empty without classes.
    held_out
        How many of the images of the dataset the encoder did not learn from although it was trained on it.
    """

    encoder: str
    version: EncoderVersion
    model: EncoderModel
    dataset: DatasetRecord
    label_column: str
    held_out: int


def class_column(columns: Iterable[str], wanted: str = "") -> str:
    """Column of the classes: the one that is wanted, else ``class``, in any case of its letters; empty without one."""
    name = wanted or "class"
    found = {column.lower(): column for column in columns} | {column: column for column in columns}
    return found.get(name) or found.get(name.lower(), "")


def score_encoder(
    artifacts: Artifacts, inference: InferenceSettings, subject: Subject, channel: TaskChannel
) -> Evaluation:
    """Evaluate an encoder on a dataset.

    Parameters
    ----------
    artifacts, inference
        Where the images are, and what serves the encoder.
    subject
        What is evaluated.
    channel
        To report on, and to be stopped by.

    Raises
    ------
    InvalidArgumentError
        If the column does not have two classes that can be scored.
    """
    from lse.representation.evaluation.metrics import Known, judge
    from lse.representation.evaluation.positions import position_columns, position_properties

    label, version, dataset = subject.label_column, subject.version, subject.dataset.result
    places = position_columns({name: column.type for name, column in dataset.columns.items()})
    split = [_SPLIT] if label and _SPLIT in dataset.columns and label != _SPLIT else []
    wanted = [*([label] if label else []), *split, *(name for _, names in places for name in names)]
    table = prepared_images(artifacts, dataset.table_uri, wanted).to_pandas()
    known = Known(
        classes=_texts(table[label]) if label else None,
        split=_texts(table[_SPLIT]) if split else None,
        properties=position_properties(table, places),
    )
    images = artifacts.open_array(dataset.images_uri)
    held_out = held_out_rows(images.shape[0], subject.held_out, seed=version.seed)
    try:
        judgement = judge(
            images,
            serve_encoder(artifacts, inference, subject.model),
            known=known,
            method=version.method if version.trained_here else "",
            settings=version.parameters if version.trained_here else None,
            redraw=_decoder(artifacts, version.weights_uri) if version.has_decoder else None,
            held_out=held_out,
            identity=dataset.images_uri,
            keep=_Kept(artifacts, dataset.folder),
            on_progress=channel.report,
            should_stop=channel.should_stop,
        )
    except InvalidArgumentError as error:
        if error.reason != "CLASSES_TOO_FEW":
            raise
        raise InvalidArgumentError(
            f"The column '{label}' cannot be scored against: {error.message}", reason="CLASSES_TOO_FEW"
        ) from error
    return _evaluation(subject, judgement)


class _Kept:
    """Predictions of baselines beside the images of a dataset, with which they are deleted."""

    def __init__(self, artifacts: Artifacts, folder: str) -> None:
        self._artifacts = artifacts
        self._folder = folder

    def read(self, key: str) -> Mapping[str, NDArray[np.int32]] | None:
        """What was written under a key; None where nothing was."""
        uri = self._uri(key)
        if not self._artifacts.exists(uri):
            return None
        with np.load(io.BytesIO(self._artifacts.read_bytes(uri)), allow_pickle=False) as kept:
            return dict(kept)

    def write(self, key: str, arrays: Mapping[str, NDArray[np.int32]]) -> None:
        """Keep arrays under a key."""
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, **arrays)
        self._artifacts.write_bytes(self._uri(key), content.getvalue())

    def _uri(self, key: str) -> str:
        return f"{self._folder}/baselines/{key}.npz"


def _evaluation(subject: Subject, judgement: Judgement) -> Evaluation:
    """What was measured, as the catalogue keeps it, and what follows from it."""
    from lse.representation.evaluation.verdict import Judged, conclude

    scores, version = judgement.scores, subject.version
    judged = Judged(
        encoder=subject.encoder.rsplit("/", 1)[-1],
        dataset=subject.dataset.id,
        label_column=subject.label_column,
        images=judgement.images,
        method=version.method if version.trained_here else "",
        settings=version.parameters if version.trained_here else {},
    )
    verdict = conclude(judged, judgement.evidence)
    figures = dict(judgement.figures)
    if scores is not None:
        for measure, values in (("knn", scores.split_knn), ("linear_probe", scores.split_linear_probe)):
            figures |= {_split_key(measure, name): value for name, value in values.items()}
    return Evaluation(
        encoder=subject.encoder,
        version=subject.version.version,
        dataset=subject.dataset.name,
        label_column=subject.label_column,
        image_count=judgement.images,
        knn_balanced_accuracy=scores.knn["encoder"] if scores else None,
        baselines=_beside(scores.knn) if scores else {},
        linear_probe_balanced_accuracy=scores.linear_probe["encoder"] if scores else None,
        linear_probe_baselines=_beside(scores.linear_probe) if scores else {},
        figures=figures,
        robustness=tuple(Robustness(**asdict(each)) for each in judgement.robustness),
        nuisances=tuple(Nuisance(**asdict(each)) for each in judgement.nuisances),
        notes=tuple(judgement.notes),
        verdict=verdict.text,
        sound=verdict.sound,
        comparisons=tuple(Comparison(**asdict(each)) for each in judgement.comparisons),
        recalls=tuple(ClassRecall(**asdict(each)) for each in scores.recalls) if scores else (),
    )


def _texts(column: pd.Series[Any]) -> list[object]:
    known = column.astype("object").where(column.notna(), None)
    return [None if value is None else str(value) for value in known]


def _split_key(measure: str, name: str) -> str:
    return f"split_{measure}_balanced_accuracy" if name == "encoder" else f"split_{measure}_{name}"


def _beside(scores: Mapping[str, float]) -> dict[str, float]:
    return {name: score for name, score in scores.items() if name != "encoder"}


def _decoder(artifacts: Artifacts, weights_uri: str) -> Redraw:
    """The decoder of an encoder that was trained here, at work on this machine."""
    import torch

    from lse.representation.training.trained import load_trained

    with artifacts.local_file(weights_uri) as path:
        trained = load_trained(path)
    decoder = trained.decoder
    assert decoder is not None
    mean, std = (
        np.asarray(values, dtype=np.float32).reshape(1, -1, 1, 1)
        for values in (trained.statistics.mean, trained.statistics.std)
    )

    def redraw(
        images: NDArray[np.float32], vectors: NDArray[np.float32]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        with torch.inference_mode():
            drawn = [
                decoder(torch.from_numpy(np.ascontiguousarray(vectors[first : first + _BATCH]))).numpy()
                for first in range(0, len(vectors), _BATCH)
            ]
        return (images - mean) / std, np.concatenate(drawn)

    return redraw
