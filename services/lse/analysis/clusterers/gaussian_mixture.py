"""Gaussian mixture, by scikit-learn."""

from __future__ import annotations

import warnings
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import AliasChoices, BeforeValidator, Field

from lse.analysis.clusterers.automatic import most_clusters
from lse.analysis.clusterers.clusterings import ClusteringFacts, ClusteringParameters, ClusteringTask, Grouping, Run
from lse.errors import InvalidArgumentError
from lse.methods import Method

__all__ = ["METHOD", "GaussianMixtureParameters"]

_SAMPLE = 10_000


class GaussianMixtureParameters(ClusteringParameters):
    """Parameters of a Gaussian mixture, named as in scikit-learn."""

    n_components: int | None = Field(
        None,
        ge=1,
        le=1000,
        validation_alias=AliasChoices("n_components", "n_clusters", "clusters"),
        description="Number of components (default: 1 to 20, by the lowest BIC).",
    )
    covariance_type: Annotated[
        Literal["full", "tied", "diag", "spherical"],
        # The earlier name of the value.
        BeforeValidator(lambda value: "diag" if value == "diagonal" else value),
    ] = Field(
        "full",
        validation_alias=AliasChoices("covariance_type", "covariance"),
        description="Shape of the components: any ellipsoid (full), one ellipsoid shared by all (tied), ellipsoids "
        "along the axes (diag), or spheres (spherical).",
    )
    max_iter: int = Field(
        200,
        ge=1,
        le=10_000,
        validation_alias=AliasChoices("max_iter", "iterations"),
        description="Maximum number of EM iterations.",
    )


def _run(task: ClusteringTask, parameters: GaussianMixtureParameters) -> Grouping:
    rows = len(task.points)
    if parameters.n_components is not None and parameters.n_components > rows // 2:
        raise InvalidArgumentError(
            f"{rows} points cannot fill {parameters.n_components} components: set n_components to at most "
            f"{max(1, rows // 2)}.",
            reason="PARAMETER_INVALID",
            parameter="n_components",
            maximum=max(1, rows // 2),
        )
    clusters = parameters.n_components or _choose(task, parameters)
    task.monitor.report("grouping", 0, 1)
    model, converged = _fit(task.points.astype(np.float64), clusters, parameters, seed=task.seed)
    shares = model.predict_proba(task.points.astype(np.float64))
    task.chosen["n_components"] = clusters
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
        "n_components": best,
        "criterion": "lowest Bayesian information criterion",
        "sample_rows": len(sample),
        "tried": {str(clusters): round(score, 1) for clusters, score in tried.items()},
    }
    return best


def _fit(points: np.ndarray, clusters: int, parameters: GaussianMixtureParameters, *, seed: int) -> tuple[Any, bool]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.mixture import GaussianMixture

    model = GaussianMixture(
        n_components=clusters,
        covariance_type=parameters.covariance_type,
        max_iter=parameters.max_iter,
        # Relative to the data, since unit vectors have small variances.
        reg_covar=1e-4 * float(points.var(axis=0).mean()) + 1e-12,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # Kept in the report as `converged`; repeated points make the k-means start warn too.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model.fit(points)
    return model, bool(model.converged_)


METHOD: Method[Run, ClusteringFacts] = Method(
    id="gaussian-mixture",
    title="Gaussian mixture",
    summary="Ellipsoidal clusters of any extent, with a probability per image; also finds when one component is "
    "enough.",
    parameters=GaussianMixtureParameters,
    run=_run,
    facts=ClusteringFacts(reduction="pca"),
    aliases=("gaussian_mixture",),
    order=20,
)
