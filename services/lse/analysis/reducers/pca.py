"""Principal component analysis: the linear view that keeps most variance."""

from __future__ import annotations

import numpy as np
from pydantic import Field

from lse.analysis.reducers.placements import LinearPlacement
from lse.analysis.reducers.preparation import ReducerParameters
from lse.analysis.reducers.projections import Fit, ReducerFacts, ReductionTask, Run
from lse.methods import Method

__all__ = ["METHOD", "PcaParameters"]


class PcaParameters(ReducerParameters):
    """Parameters of PCA, named as in scikit-learn."""

    whiten: bool = Field(default=False, description="Scale every component to unit variance.")


def _run(task: ReductionTask, parameters: PcaParameters) -> Fit:
    from lse.analysis.principal import Affine, principal_axes

    task.monitor.report("arranging", 0, 1)
    axes = principal_axes(task.vectors, parameters.n_components, seed=parameters.seed)
    matrix = axes.matrix
    if parameters.whiten:
        matrix = matrix / np.sqrt(np.where(axes.variances > 0, axes.variances, 1.0))
    placement = LinearPlacement(Affine(axes.mean, matrix))
    coordinates = placement.transform(task.vectors)
    task.monitor.report("arranging", 1, 1)
    return Fit(coordinates, placement, tuple(float(share) for share in axes.shares))


METHOD: Method[Run, ReducerFacts] = Method(
    id="pca",
    title="PCA",
    summary="The linear view that keeps most variance: immediate, deterministic and faithful to large distances; "
    "groups that do not differ along the leading directions overlap.",
    parameters=PcaParameters,
    run=_run,
    facts=ReducerFacts(minimum_rows=2, restore=LinearPlacement.restored),
    order=10,
)
