"""Truncated singular value decomposition: the linear view that keeps most of the lengths, about the origin."""

from __future__ import annotations

from lse.analysis.reducers.placements import LinearPlacement
from lse.analysis.reducers.preparation import ReducerParameters
from lse.analysis.reducers.projections import Fit, ReducerFacts, ReductionTask, Run
from lse.methods import Method

__all__ = ["METHOD", "SvdParameters"]


class SvdParameters(ReducerParameters):
    """Parameters of truncated SVD."""


def _run(task: ReductionTask, parameters: SvdParameters) -> Fit:
    from lse.analysis.principal import Affine, principal_axes

    task.monitor.report("arranging", 0, 1)
    axes = principal_axes(task.vectors, parameters.n_components, seed=parameters.seed, centre=False)
    placement = LinearPlacement(Affine(axes.mean, axes.matrix))
    coordinates = placement.transform(task.vectors)
    task.notes["share_of_squares"] = [float(share) for share in axes.shares]
    task.monitor.report("arranging", 1, 1)
    return Fit(coordinates, placement)


METHOD: Method[Run, ReducerFacts] = Method(
    id="truncated-svd",
    title="Truncated SVD",
    summary="PCA without subtracting the mean: keeps angles as seen from the origin, so that the first axis is often "
    "the common mean. Immediate and deterministic.",
    parameters=SvdParameters,
    run=_run,
    facts=ReducerFacts(minimum_rows=2, restore=LinearPlacement.restored),
    order=15,
)
