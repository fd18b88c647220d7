"""UMAP, by umap-learn."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field, model_validator

from lse.platform.errors import InvalidArgumentError
from lse.platform.monitor import progress_bar_options
from lse.platform.neighbours import Metric
from lse.platform.parameters import Method
from lse.projection.reducers.preparation import PreparedParameters
from lse.projection.reducers.projections import Fit, ReductionTask, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "UmapParameters"]

# The spectral start needs more rows than eigenvectors with room to spare.
_SPECTRAL_ROWS = 32


class UmapParameters(PreparedParameters):
    """Parameters of UMAP."""

    metric: Metric = Field("cosine", description="Distance between vectors.")
    neighbours: int | None = Field(
        None,
        ge=2,
        le=1000,
        description="Neighbours of a point, itself counted: few show detail, many the whole; auto is 15.",
    )
    min_dist: float = Field(0.1, ge=0, description="How close points may lie in the picture; at most the spread.")
    spread: float = Field(1.0, gt=0, description="Scale of the picture.")
    epochs: int | None = Field(None, ge=11, le=20_000, description="Steps; auto is 500 up to 10,000 images, then 200.")
    negative_samples: int = Field(5, ge=1, le=100, description="Points pushed away for every neighbour pulled.")
    repulsion: float = Field(1.0, gt=0, description="How strongly they are pushed away.")
    initialisation: Literal["spectral", "pca", "random"] | None = Field(
        None, description="Where points start; auto is spectral, and pca for fewer than 32 images."
    )

    @model_validator(mode="after")
    def _fits(self) -> UmapParameters:
        if self.min_dist > self.spread:
            raise ValueError(
                f"min_dist {self.min_dist:g} is above spread {self.spread:g}; lower it or raise the spread"
            )
        return self


@dataclass(frozen=True)
class _Fitted:
    umap: Any

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self.umap.transform(vectors), dtype=np.float32)


def _run(task: ReductionTask, parameters: UmapParameters) -> Fit:
    rows = len(task.vectors)
    neighbours = _neighbours(rows, parameters.neighbours)
    graph = task.graph(neighbours - 1, parameters.metric)
    # Compiled by numba while it runs, so the first fit of a process takes many seconds more than the next.
    task.monitor.report("loading UMAP")
    import umap

    from lse.projection.reducers.library_indexes import UmapIndex

    epochs = parameters.epochs or (500 if rows <= 10_000 else 200)
    start = parameters.initialisation or ("spectral" if rows >= _SPECTRAL_ROWS else "pca")
    itself = np.arange(rows, dtype=np.int32)[:, None]
    indices = np.hstack([itself, graph.indices])
    distances = np.hstack([np.zeros((rows, 1), np.float32), graph.distances])
    task.monitor.report("arranging", 0, epochs, unit="epochs")
    model = umap.UMAP(
        n_neighbors=neighbours,
        n_components=task.components,
        metric=parameters.metric,
        n_epochs=epochs,
        init=start,
        min_dist=parameters.min_dist,
        spread=parameters.spread,
        repulsion_strength=parameters.repulsion,
        negative_sample_rate=parameters.negative_samples,
        # One thread, since several race for the same points and then no two runs agree.
        random_state=task.seed,
        transform_seed=task.seed,
        n_jobs=1,
        disconnection_distance=np.inf,
        precomputed_knn=(indices, distances, UmapIndex(task.vectors, parameters.metric)),
        tqdm_kwds=progress_bar_options(task.monitor, "arranging", epochs, unit="epochs"),
    )
    coordinates = model.fit_transform(task.vectors)
    # The model outlives this run, its listener does not.
    model.tqdm_kwds = {"disable": True}
    task.notes["parameters"] = parameters.model_dump() | {
        "neighbours": neighbours,
        "epochs": epochs,
        "initialisation": start,
    }
    task.notes["library"] = f"umap-learn {umap.__version__}"
    return Fit(np.array(coordinates, dtype=np.float32), _Fitted(model))


def _neighbours(rows: int, wanted: int | None) -> int:
    most = rows - 1
    if wanted is None:
        return min(15, most)
    if wanted > most:
        raise InvalidArgumentError(
            f"There are only {rows} images for {wanted} neighbours: set neighbours to at most {most}.",
            reason="BAD_PARAMETER",
            parameter="neighbours",
            maximum=most,
        )
    return wanted


METHOD: Method[Run] = Method(
    name="umap",
    title="UMAP",
    help="Keeps neighbourhoods and something of the arrangement of groups; quick on many images. The usual first look. "
    "After McInnes, Healy and Melville (2018), by umap-learn.",
    parameters=UmapParameters,
    run=_run,
)
