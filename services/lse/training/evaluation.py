"""Task of an evaluation: an encoder judged on a dataset through the inference engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.platform.errors import InvalidArgumentError
from lse.platform.inference.encoders import serve_encoder
from lse.platform.prepared_images import prepared_images
from lse.training.images import held_out_rows

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from lse.platform.artifacts import Artifacts
    from lse.platform.compute import TaskChannel
    from lse.platform.inference import InferenceSettings
    from lse.training.judging.judgement import Redraw

__all__ = ["score_encoder"]

_SPLIT = "split"
_BATCH = 256


def score_encoder(
    artifacts: Artifacts,
    inference: InferenceSettings,
    encoder: Mapping[str, Any],
    dataset: Mapping[str, Any],
    channel: TaskChannel,
) -> dict[str, Any]:
    """Judge an encoder on a dataset.

    Parameters
    ----------
    artifacts, inference
        Where the images are, and what serves the encoder.
    encoder
        ``model`` as it is served; ``method``, ``settings`` and ``seed`` of its training; ``weights_uri`` and
        ``has_decoder`` of one trained here; ``held_out``, how many of the images of this dataset it did not learn from
        although it was trained on it.
    dataset
        ``images_uri``, ``table_uri``, ``columns`` and, against the classes of a column, ``label_column``.
    channel
        To report on, and to be stopped by.

    Returns
    -------
    dict
        The evaluation as the catalogue keeps it.

    Raises
    ------
    InvalidArgumentError
        If the column does not have two classes that can be scored.
    """
    from lse.training.judging.judgement import Known, judge
    from lse.training.judging.positions import position_columns, position_properties

    label = dataset["label_column"]
    places = position_columns(dataset["columns"])
    split = [_SPLIT] if label and _SPLIT in dataset["columns"] and label != _SPLIT else []
    wanted = [*([label] if label else []), *split, *(name for _, names in places for name in names)]
    table = prepared_images(artifacts, dataset["table_uri"], wanted).to_pandas()
    known = Known(
        classes=_texts(table[label]) if label else None,
        split=_texts(table[_SPLIT]) if split else None,
        properties=position_properties(table, places),
    )
    images = artifacts.open_array(dataset["images_uri"])
    held_out = held_out_rows(images.shape[0], encoder["held_out"], seed=encoder["seed"])
    trained_here = encoder["method"] not in ("import", "pretrained")
    try:
        judgement = judge(
            images,
            serve_encoder(artifacts, inference, encoder["model"]),
            known=known,
            method=encoder["method"] if trained_here else "",
            settings=encoder["settings"] if trained_here else None,
            redraw=_decoder(artifacts, encoder["weights_uri"]) if encoder["has_decoder"] else None,
            held_out=held_out,
            on_progress=channel.report,
            should_stop=channel.should_stop,
        )
    except InvalidArgumentError as error:
        if error.reason != "NO_CLASSES":
            raise
        raise InvalidArgumentError(
            f"The column '{label}' cannot be scored against: {error.message}", reason="NO_CLASSES"
        ) from error
    scores = judgement.scores
    figures = dict(judgement.figures)
    if scores is not None:
        for measure, values in (("knn", scores.split_knn), ("linear_probe", scores.split_linear_probe)):
            figures |= {_split_key(measure, name): value for name, value in values.items()}
    return {
        "label_column": label,
        "version": encoder["model"].version,
        "images": judgement.images,
        "knn_balanced_accuracy": scores.knn["encoder"] if scores else None,
        "baselines": _beside(scores.knn) if scores else {},
        "linear_probe_balanced_accuracy": scores.linear_probe["encoder"] if scores else None,
        "linear_probe_baselines": _beside(scores.linear_probe) if scores else {},
        "figures": figures,
        "robustness": [asdict(each) for each in judgement.robustness],
        "nuisances": [asdict(each) for each in judgement.nuisances],
        "notes": list(judgement.notes),
    }


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

    from lse.training.trained import load_trained

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
