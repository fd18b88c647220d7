"""What came out of a pipeline."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lse.client.resources import Clustering, Dataset, Encoder, Evaluation, Experiment

__all__ = ["ClusteringReport", "PipelineReport", "Rejection", "StageReport", "clustering_report"]


@dataclass(frozen=True)
class Rejection:
    """An input that did not become an image: its path, and why as UPPER_SNAKE and as a sentence."""

    path: str
    reason: str
    message: str


@dataclass(frozen=True)
class StageReport:
    """How long a stage took.

    Attributes
    ----------
    seconds
        Wall-clock seconds of the work, over all attempts; of the first run where its result was found again.
    parts
        The same of its parts, in order.
    reused
        Whether the result was there before.
    """

    seconds: float
    parts: Mapping[str, float] = field(default_factory=dict)
    reused: bool = False


@dataclass(frozen=True)
class ClusteringReport:
    """Scores of a clustering.

    Attributes
    ----------
    clusters, noise
        Number of clusters, and of images in none.
    silhouette
        Silhouette; None where it is not defined, as of a single cluster.
    adjusted_rand
        Adjusted Rand index against the class; None without a class.
    """

    clusters: int
    noise: int
    silhouette: float | None
    adjusted_rand: float | None


@dataclass(frozen=True)
class PipelineReport:
    """What came out of a pipeline.

    Attributes
    ----------
    dataset, encoder, experiment
        What was made.
    rejections
        Inputs that did not become images.
    stages
        Seconds a stage, in order.
    evaluation
        Scores of the encoder; None where no evaluation was declared.
    clusterings
        Scores by the names of the clusterings, in the order of their declaration.
    left_out
        Why each stage was left out that is optional and that the images do not allow.
    """

    dataset: Dataset
    encoder: Encoder
    experiment: Experiment
    rejections: tuple[Rejection, ...]
    stages: Mapping[str, StageReport]
    evaluation: Evaluation | None
    clusterings: Mapping[str, ClusteringReport]
    left_out: Mapping[str, str] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON types; what is not known is None."""
        evaluation = self.evaluation
        scores = {
            name: {
                "clusters": item.clusters,
                "noise": item.noise,
                "silhouette": _finite(item.silhouette),
                "adjusted_rand": _finite(item.adjusted_rand),
            }
            for name, item in self.clusterings.items()
        }
        first = next(iter(scores.values()), {})
        baselines = evaluation.baselines if evaluation else {}
        return {
            "dataset": self.dataset.name,
            "encoder": {
                "name": self.encoder.name,
                "verdict": evaluation.verdict if evaluation else self.encoder.verdict,
                "sound": evaluation.sound if evaluation else self.encoder.sound,
                "knn_balanced_accuracy": _finite(evaluation.knn_balanced_accuracy) if evaluation else None,
                "linear_probe_balanced_accuracy": (
                    _finite(evaluation.linear_probe_balanced_accuracy) if evaluation else None
                ),
                "figures": {key: _finite(value) for key, value in (evaluation.figures if evaluation else {}).items()},
            },
            "experiment": {"name": self.experiment.name, "inference_engine": self.experiment.inference_engine},
            "images": {
                "prepared": self.dataset.prepared,
                "rejected": [
                    {"path": item.path, "reason": item.reason, "message": item.message} for item in self.rejections
                ],
                "simulated": self.dataset.simulated,
            },
            "stages": {
                name: {"seconds": stage.seconds, "parts": dict(stage.parts), "reused": stage.reused}
                for name, stage in self.stages.items()
            },
            "left_out": dict(self.left_out),
            "baselines": {key: _finite(baselines.get(key)) for key in ("chance", "pixels", "pca", "untrained")},
            "clustering": {key: first.get(key) for key in ("silhouette", "adjusted_rand")},
            "clusterings": scores,
            "search": {"recall_at_10": _finite(self.experiment.search_recall)},
            "notes": {
                "dataset": list(self.dataset.notes),
                "encoder": list(self.encoder.notes),
                "experiment": list(self.experiment.notes),
                "evaluation": list(evaluation.notes) if evaluation else [],
            },
        }


def clustering_report(clustering: Clustering, adjusted_rand: float | None) -> ClusteringReport:
    """Scores of a clustering."""
    return ClusteringReport(
        clusters=len(clustering.clusters),
        noise=clustering.noise,
        silhouette=_finite(clustering.figures.get("silhouette")),
        adjusted_rand=_finite(adjusted_rand),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
