"""densMAP, UMAP that keeps local densities, drawn by `lse.analysis.umap`."""

from __future__ import annotations

from pydantic import Field

from lse.analysis.reducers.projections import Fit, ReducerFacts, ReductionTask, Run
from lse.analysis.reducers.umap import UmapParameters, UmapPlacement, fit_umap
from lse.methods import Method

__all__ = ["METHOD", "DensmapParameters"]

_MORE_EPOCHS = 200


class DensmapParameters(UmapParameters):
    """Parameters of densMAP, named as in umap-learn."""

    dens_lambda: float = Field(
        2.0,
        gt=0,
        le=1000,
        description="Weight of the density: higher keeps densities better and neighbourhoods less well.",
    )
    dens_frac: float = Field(
        0.3, gt=0, le=1, description="Last share of the epochs, in which the density counts; before, it is UMAP."
    )
    dens_var_shift: float = Field(
        0.1, gt=0, le=10, description="Added to the variance of the local radii on the map, for numerical stability."
    )


def _run(task: ReductionTask, parameters: DensmapParameters) -> Fit:
    fit = fit_umap(
        task,
        parameters,
        more_epochs=_MORE_EPOCHS,
        dens_lambda=parameters.dens_lambda,
        dens_frac=parameters.dens_frac,
        dens_var_shift=parameters.dens_var_shift,
    )
    task.notes["placement"] = "new images are placed by the forces of UMAP, without the density"
    return fit


METHOD: Method[Run, ReducerFacts] = Method(
    id="densmap",
    title="densMAP",
    summary="UMAP on which groups are as dense or as spread out as in latent space, where UMAP draws all alike. After "
    "Narayan, Berger and Cho (2021).",
    parameters=DensmapParameters,
    run=_run,
    facts=ReducerFacts(
        minimum_rows=5, if_diverged="lower repulsion_strength or dens_lambda", restore=UmapPlacement.restored
    ),
    order=32,
)
