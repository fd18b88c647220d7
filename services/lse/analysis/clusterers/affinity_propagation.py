"""Affinity propagation, by scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
from pydantic import Field

from lse.analysis.centres import relative_closeness
from lse.analysis.clusterers.clusterings import ClusteringFacts, ClusteringParameters, ClusteringTask, Grouping, Run
from lse.errors import FailedPreconditionError
from lse.methods import Method

__all__ = ["METHOD", "AffinityPropagationParameters"]

# Three tables of all pairs in float64: 600 MB.
_MOST_ROWS = 5_000


class AffinityPropagationParameters(ClusteringParameters):
    """Parameters of affinity propagation, named as in scikit-learn."""

    damping: float = Field(0.7, ge=0.5, lt=1, description="Damping of the messages; higher is slower and steadier.")
    preference: float | None = Field(
        None,
        le=0,
        description="Similarity of a point with itself, minus a squared distance: lower gives fewer clusters (default: "
        "the median similarity of two points).",
    )
    max_iter: int = Field(400, ge=10, le=10_000, description="Maximum number of iterations.")


def _run(task: ClusteringTask, parameters: AffinityPropagationParameters) -> Grouping:
    from sklearn.cluster import AffinityPropagation
    from sklearn.exceptions import ConvergenceWarning

    task.monitor.report("grouping", 0, 1)
    model = AffinityPropagation(
        damping=parameters.damping,
        preference=parameters.preference,
        max_iter=parameters.max_iter,
        random_state=task.seed,
    )
    with warnings.catch_warnings(record=True) as caught:
        # Kept in the report as `converged`; points that are all equally near make it warn too.
        warnings.simplefilter("always")
        model.fit(task.points.astype(np.float64))
    labels = np.asarray(model.labels_)
    if (labels < 0).any():
        raise FailedPreconditionError(
            f"Affinity propagation did not settle within {parameters.max_iter} iterations: raise damping or max_iter, "
            "or use another method.",
            reason="CLUSTERING_FAILED",
        )
    labels = np.unique(labels, return_inverse=True)[1]
    task.notes["converged"] = not any(issubclass(each.category, ConvergenceWarning) for each in caught)
    task.notes["library"] = "scikit-learn AffinityPropagation"
    task.notes["membership"] = "1 - distance to the own centre / distance to the next one"
    return Grouping(labels, relative_closeness(task.points, labels))


METHOD: Method[Run, ClusteringFacts] = Method(
    id="affinity-propagation",
    title="Affinity propagation",
    summary="Images choose exemplars among themselves; finds the number of clusters, usually many small ones; up to "
    "5,000 images. After Frey and Dueck (2007).",
    parameters=AffinityPropagationParameters,
    run=_run,
    facts=ClusteringFacts(maximum_rows=_MOST_ROWS),
    order=70,
)
