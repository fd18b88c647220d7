"""t-SNE, by openTSNE."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic import AliasChoices, Field

from lse.analysis.neighbours import Metric, NeighbourGraph
from lse.analysis.reducers.alignment import AlignmentParameters, start_from
from lse.analysis.reducers.placements import NeighbourPlacement
from lse.analysis.reducers.projections import Fit, ReducerFacts, ReductionTask, Run
from lse.errors import InvalidArgumentError
from lse.hardware import usable_cores
from lse.methods import Method
from lse.progress import Monitor

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "TsneParameters"]

# Interpolation is faster from about here on; it exists in one and two dimensions.
_INTERPOLATION_ROWS = 10_000
# Below, threads cost more than they save.
_THREADED_ROWS = 5_000
_REPORT_EVERY = 25
_PLACING_NEIGHBOURS = 15
_USUAL = 30.0
# Standard deviation of the start, as in openTSNE.
_START_EXTENT = 1e-4
# A map of as many neighbours, whatever their weights, hardly differs from one of perplexity 30 (Böhm, Berens and Kobak
# 2022, JMLR 23, 95): a graph that has them is used as it is.
_ENOUGH_NEIGHBOURS = 30


class TsneParameters(AlignmentParameters):
    """Parameters of t-SNE, named as in openTSNE."""

    perplexity: float | None = Field(
        None,
        ge=2,
        description="Effective number of neighbours of a point (default: 30, or a third of the neighbours in the "
        "experiment's graph, or less for fewer than 91 images).",
    )
    metric: Metric = Field("cosine", description="Distance between vectors.")
    early_exaggeration: float = Field(
        12.0, ge=1, description="Factor on the attraction between neighbours in the early phase, which gathers groups."
    )
    early_exaggeration_iter: int = Field(
        250,
        ge=0,
        le=20_000,
        validation_alias=AliasChoices("early_exaggeration_iter", "early_iterations"),
        description="Iterations of the early phase.",
    )
    n_iter: int = Field(
        500,
        ge=1,
        le=20_000,
        validation_alias=AliasChoices("n_iter", "iterations"),
        description="Iterations after the early phase.",
    )
    exaggeration: float = Field(
        1.0, ge=1, description="Factor on the attraction after the early phase; above 1 groups are tighter."
    )
    learning_rate: float | None = Field(
        None, gt=0, description="Learning rate (default: number of images / exaggeration)."
    )


class _Reporter:
    """openTSNE's callback, called every `_REPORT_EVERY` steps of each of the two phases."""

    def __init__(self, monitor: Monitor, phases: tuple[int, int]) -> None:
        self.monitor = monitor
        self.before = [0, phases[0]] if phases[0] else [0]
        self.total = sum(phases)
        self.phase = -1

    def optimization_about_to_start(self) -> None:
        self.phase += 1
        self.monitor.report("arranging", self.before[self.phase], self.total, unit="iterations")

    def __call__(self, iteration: int, error: float, _embedding: object) -> bool:
        done = self.before[self.phase] + iteration
        metrics = {"kl_divergence": float(error)}
        self.monitor.report("arranging", done, self.total, unit="iterations", metrics=metrics)
        return False


def _run(task: ReductionTask, parameters: TsneParameters) -> Fit:
    import openTSNE
    from openTSNE.affinity import PerplexityBasedNN

    from lse.analysis.reducers._tsne_index import OpenTsneIndex

    rows = len(task.vectors)
    perplexity = _perplexity(rows, parameters.perplexity, _USUAL if task.shared is None else _served(task.shared))
    graph = task.graph(min(rows - 1, int(3 * perplexity)), parameters.metric)
    # Every core at most, and one for few rows; the result is the same for any number of threads.
    threads = usable_cores() if rows >= _THREADED_ROWS else 1
    gradient = "fft" if parameters.n_components == 2 and rows >= _INTERPOLATION_ROWS else "bh"
    affinities = PerplexityBasedNN(
        perplexity=perplexity,
        knn_index=OpenTsneIndex(task.vectors, graph),
        n_jobs=threads,
        random_state=parameters.seed,
    )
    reporter = _Reporter(task.monitor, (parameters.early_exaggeration_iter, parameters.n_iter))
    tsne = openTSNE.TSNE(
        n_components=parameters.n_components,
        perplexity=perplexity,
        learning_rate=parameters.learning_rate or "auto",
        early_exaggeration_iter=parameters.early_exaggeration_iter,
        early_exaggeration=parameters.early_exaggeration,
        n_iter=parameters.n_iter,
        exaggeration=parameters.exaggeration if parameters.exaggeration > 1 else None,
        initialization="pca" if task.earlier is None else _start(task.earlier, graph),
        metric=parameters.metric,
        n_jobs=threads,
        negative_gradient_method=gradient,
        callbacks=reporter,
        callbacks_every_iters=_REPORT_EVERY,
        random_state=parameters.seed,
    )
    embedding = tsne.fit(task.vectors, affinities=affinities)
    task.chosen["perplexity"] = perplexity
    task.notes["gradient"] = {"fft": "interpolation", "bh": "Barnes-Hut"}[gradient]
    task.notes["kl_divergence"] = float(embedding.kl_divergence)
    task.notes["library"] = f"openTSNE {openTSNE.__version__}"
    coordinates = np.array(embedding, dtype=np.float32)
    return Fit(
        coordinates, NeighbourPlacement(task.vectors, coordinates, parameters.metric, min(_PLACING_NEIGHBOURS, rows))
    )


def _start(earlier: NDArray[np.float64], graph: NeighbourGraph) -> NDArray[np.float64]:
    """Places of an earlier map, as small as t-SNE wants to start."""
    places = start_from(earlier, graph)
    centred = places - places.mean(axis=0)
    return np.asarray(_START_EXTENT * centred / max(float(centred.std()), 1e-300))


def _served(graph: NeighbourGraph) -> float:
    """Perplexity that a graph serves, where that is enough to choose it."""
    return min(_USUAL, graph.k / 3) if graph.k >= _ENOUGH_NEIGHBOURS else _USUAL


def _perplexity(rows: int, wanted: float | None, usual: float) -> float:
    """Perplexity for a number of rows; it needs three neighbours a unit."""
    most = (rows - 1) / 3
    if wanted is None:
        return min(usual, most)
    if wanted > most:
        raise InvalidArgumentError(
            f"A perplexity of {wanted:g} needs at least {int(np.ceil(3 * wanted)) + 1} images and there are {rows}: "
            f"set it to at most {most:.4g}.",
            reason="PARAMETER_INVALID",
            parameter="perplexity",
            maximum=most,
        )
    return wanted


METHOD: Method[Run, ReducerFacts] = Method(
    id="tsne",
    title="t-SNE",
    summary="Preserves the nearest neighbours of each image best and separates groups well; distances between groups "
    "mean little. Slower than UMAP. After van der Maaten and Hinton (2008), by openTSNE.",
    parameters=TsneParameters,
    run=_run,
    facts=ReducerFacts(
        minimum_rows=8, if_diverged="lower learning_rate or exaggeration", restore=NeighbourPlacement.restored
    ),
    order=20,
)
