"""Gaussian mixture, by scikit-learn."""

from __future__ import annotations

import warnings
from typing import Any, Literal

import numpy as np
from pydantic import Field

from lse.clustering.clusterers.automatic import most_clusters
from lse.clustering.clusterers.clusterings import ClusteringParameters, ClusteringTask, Grouping, Run
from lse.platform.errors import InvalidArgumentError
from lse.platform.parameters import Method

__all__ = ["METHOD", "GaussianMixtureParameters"]

_SAMPLE = 10_000


class GaussianMixtureParameters(ClusteringParameters):
    """Parameters of a Gaussian mixture."""

    clusters: int | None = Field(
        None, ge=1, le=1000, description="Number of components; auto tries 1 to 20 and takes the lowest BIC."
    )
    covariance: Literal["full", "diagonal", "spherical"] = Field(
        "full", description="Shape of a component: any ellipsoid, one along the axes, or a sphere."
    )
    iterations: int = Field(200, ge=1, le=10_000, description="Most steps of a fit.")


def _run(task: ClusteringTask, parameters: GaussianMixtureParameters) -> Grouping:
    rows = len(task.points)
    if parameters.clusters is not None and parameters.clusters > rows // 2:
        raise InvalidArgumentError(
            f"{rows} points cannot fill {parameters.clusters} components: set clusters to at most {max(1, rows // 2)}.",
            reason="BAD_PARAMETER",
            parameter="clusters",
            maximum=max(1, rows // 2),
        )
    clusters = parameters.clusters or _choose(task, parameters)
    task.monitor.report("grouping", 0, 1)
    model, converged = _fit(task.points.astype(np.float64), clusters, parameters, seed=task.seed)
    shares = model.predict_proba(task.points.astype(np.float64))
    task.notes["parameters"] = parameters.model_dump() | {"clusters": clusters}
    task.notes["bic"] = float(model.bic(task.points.astype(np.float64)))
    task.notes["converged"] = converged
    task.notes["library"] = "scikit-learn GaussianMixture"
    task.notes["membership"] = "probability of the own component"
    labels = shares.argmax(axis=1)
    return Grouping(labels, shares[np.arange(rows), labels])


def _choose(task: ClusteringTask, parameters: GaussianMixtureParameters) -> int:
    """Number of components of the lowest Bayesian information criterion (Schwarz 1978)."""
    rows = len(task.points)
    sample = np.sort(np.random.default_rng(task.seed).choice(rows, min(_SAMPLE, rows), replace=False))
    points = task.points[sample].astype(np.float64)
    tried: dict[int, float] = {}
    most = most_clusters(len(points))
    for clusters in range(1, most + 1):
        task.monitor.report("choosing the number of clusters", clusters - 1, most, unit="candidates")
        tried[clusters] = float(_fit(points, clusters, parameters, seed=task.seed)[0].bic(points))
    best = min(tried, key=tried.__getitem__)
    task.notes["automatic"] = {
        "clusters": best,
        "criterion": "lowest Bayesian information criterion",
        "sample_rows": len(sample),
        "tried": {str(clusters): round(score, 1) for clusters, score in tried.items()},
    }
    return best


def _fit(points: np.ndarray, clusters: int, parameters: GaussianMixtureParameters, *, seed: int) -> tuple[Any, bool]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    kinds = {"full": "full", "diagonal": "diag", "spherical": "spherical"}
    model = GaussianMixture(
        n_components=clusters,
        covariance_type=kinds[parameters.covariance],
        max_iter=parameters.iterations,
        # Relative to the data, since unit vectors have small variances.
        reg_covar=1e-4 * float(points.var(axis=0).mean()) + 1e-12,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # Kept in the report as `converged`; repeated points make the k-means start warn too.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(points)
    return model, bool(model.converged_)


METHOD: Method[Run] = Method(
    name="gaussian_mixture",
    title="Gaussian mixture",
    help="Ellipsoidal groups of any extent, with a probability for every image; also tells when one group is enough.",
    parameters=GaussianMixtureParameters,
    run=_run,
)
