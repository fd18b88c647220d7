"""UMAP, drawn by `lse.analysis.umap`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from pydantic import AliasChoices, Field, model_validator

from lse.analysis.neighbours import Metric, find_neighbours, unit_vectors
from lse.analysis.reducers.alignment import AlignmentParameters, start_from
from lse.analysis.reducers.placements import ModelState
from lse.analysis.reducers.projections import Fit, ReducerFacts, ReductionTask, Run, chosen_neighbours
from lse.methods import Method

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from lse.analysis.umap import UmapOptions

__all__ = ["METHOD", "UmapParameters", "UmapPlacement", "fit_umap"]


class UmapParameters(AlignmentParameters):
    """Parameters of UMAP, named as in umap-learn."""

    n_neighbors: int | None = Field(
        None,
        ge=2,
        le=1000,
        validation_alias=AliasChoices("n_neighbors", "neighbours"),
        description="Size of the local neighbourhood, including the point itself: small values show local, large ones "
        "global structure (default: 15, or all points where there are fewer).",
    )
    min_dist: float = Field(
        0.1, ge=0, description="Smallest distance between points in the projection; at most the spread."
    )
    metric: Metric = Field("cosine", description="Distance between vectors.")
    spread: float = Field(1.0, gt=0, description="Scale of the projection; with min_dist, how clumped groups are.")
    n_epochs: int | None = Field(
        None,
        ge=11,
        le=20_000,
        validation_alias=AliasChoices("n_epochs", "epochs"),
        description="Number of training epochs (default: 500 up to 10,000 images, 300 above).",
    )
    negative_sample_rate: int = Field(
        5,
        ge=1,
        le=100,
        validation_alias=AliasChoices("negative_sample_rate", "negative_samples"),
        description="Negative samples per positive sample.",
    )
    repulsion_strength: float = Field(
        1.0,
        gt=0,
        validation_alias=AliasChoices("repulsion_strength", "repulsion"),
        description="Weight of the negative samples.",
    )
    init: Literal["spectral", "pca", "random"] | None = Field(
        None,
        validation_alias=AliasChoices("init", "initialisation"),
        description="Initial positions (default: spectral, or pca for fewer than 32 images).",
    )
    target: str | None = Field(
        None,
        max_length=200,
        description="Classes that the map is to keep together (supervised UMAP): a column of the metadata, or "
        "label.NAME for what experts said in a label scheme; images without one are placed by their vectors alone.",
    )
    target_weight: float = Field(
        0.5, ge=0, le=1, description="Weight of these classes against the vectors: 0 little, 1 classes only."
    )

    @model_validator(mode="after")
    def _fits(self) -> UmapParameters:
        if self.min_dist > self.spread:
            raise ValueError(
                f"min_dist {self.min_dist:g} is above spread {self.spread:g}; lower it or raise the spread"
            )
        return self


@dataclass(frozen=True)
class UmapPlacement:
    """Places new vectors among the fitted ones by the memberships of their nearest neighbours."""

    vectors: NDArray[np.float32]
    coordinates: NDArray[np.float32]
    metric: Metric
    n_neighbors: int
    mean_distance: float
    options: UmapOptions

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        """Coordinates of vectors of shape (m, D)."""
        from lse.analysis.umap import place

        k = min(self.n_neighbors, len(self.vectors))
        indices, distances = find_neighbours(vectors, self.vectors, k=k, metric=self.metric)
        return place(indices, distances, self.coordinates, self.options, mean_distance=self.mean_distance)

    def state(self) -> ModelState:
        """All but the vectors and the coordinates."""
        plain = {"metric": self.metric, "n_neighbors": self.n_neighbors, "mean_distance": self.mean_distance}
        return ModelState(plain | {"options": asdict(self.options)})

    @classmethod
    def restored(
        cls, state: ModelState, vectors: NDArray[np.float32], coordinates: NDArray[np.float32]
    ) -> UmapPlacement:
        """Placement of a stored state, with the fitted vectors and their coordinates."""
        from lse.analysis.umap import UmapOptions

        return cls(vectors, coordinates, **{**state.values, "options": UmapOptions(**state.values["options"])})


def fit_umap(task: ReductionTask, parameters: UmapParameters, *, more_epochs: int = 0, **density: float) -> Fit:
    """Draw a map by the parameters.

    Parameters
    ----------
    task, parameters
        As every method has them.
    more_epochs
        Added to the epochs, where their number is chosen from the data.
    **density
        Options of `UmapOptions` beside those that the parameters name.
    """
    from lse.analysis.umap import SPECTRAL_ROWS, UmapOptions, default_epochs, draw_map, mean_distance

    rows = len(task.vectors)
    neighbours = chosen_neighbours(rows, parameters.n_neighbors)
    graph = task.graph(neighbours - 1, parameters.metric)
    options = UmapOptions(
        n_components=parameters.n_components,
        n_epochs=parameters.n_epochs or default_epochs(rows) + more_epochs,
        start=parameters.init or ("spectral" if rows >= SPECTRAL_ROWS else "pca"),
        min_dist=parameters.min_dist,
        spread=parameters.spread,
        repulsion_strength=parameters.repulsion_strength,
        negative_sample_rate=parameters.negative_sample_rate,
        seed=parameters.seed,
        target_weight=parameters.target_weight,
        **density,
    )
    classes = task.known_classes(parameters.target)
    points = unit_vectors(task.vectors) if parameters.metric == "cosine" else task.vectors
    coordinates = draw_map(
        *(graph, points, options),
        monitor=task.monitor,
        stage="arranging",
        classes=classes,
        earlier=None if task.earlier is None else start_from(task.earlier, graph),
        on_density=lambda correlation: task.notes.update(density_kept=correlation),
    )
    task.chosen.update(n_neighbors=neighbours, n_epochs=options.n_epochs, init=options.start)
    fitted = UmapPlacement(
        task.vectors, coordinates, parameters.metric, neighbours, mean_distance(graph.distances), options
    )
    return Fit(coordinates, fitted)


METHOD: Method[Run, ReducerFacts] = Method(
    id="umap",
    title="UMAP",
    summary="Preserves neighbourhoods and part of the global arrangement of groups; fast on many images. The usual "
    "first look. Knows classes as well, where target names them. After McInnes, Healy and Melville (2018).",
    parameters=UmapParameters,
    run=fit_umap,
    facts=ReducerFacts(minimum_rows=5, if_diverged="lower repulsion_strength", restore=UmapPlacement.restored),
    order=30,
)
