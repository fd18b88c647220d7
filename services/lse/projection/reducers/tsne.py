"""t-SNE, by openTSNE."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import Field

from lse.platform.errors import InvalidArgumentError
from lse.platform.monitor import Monitor
from lse.platform.neighbours import Metric
from lse.platform.parameters import Method
from lse.projection.reducers.preparation import PreparedParameters
from lse.projection.reducers.projections import Fit, ReductionTask, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "TsneParameters"]

# Interpolation is faster from about here on; it exists in one and two dimensions.
_INTERPOLATION_ROWS = 10_000
# Below, threads cost more than they save.
_THREADED_ROWS = 5_000
_REPORT_EVERY = 25


class TsneParameters(PreparedParameters):
    """Parameters of t-SNE."""

    metric: Metric = Field("cosine", description="Distance between vectors.")
    perplexity: float | None = Field(
        None, ge=2, description="About how many neighbours a point keeps close; auto is 30, or less for few images."
    )
    iterations: int = Field(500, ge=1, le=20_000, description="Steps after the early phase.")
    early_iterations: int = Field(250, ge=0, le=20_000, description="Steps of the early phase, which gathers groups.")
    early_exaggeration: float = Field(12.0, ge=1, description="How strongly the early phase gathers.")
    exaggeration: float = Field(1.0, ge=1, description="Attraction after the early phase; above 1 groups are tighter.")
    learning_rate: float | None = Field(None, gt=0, description="Step size; auto follows the number of images.")


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


@dataclass(frozen=True)
class _Fitted:
    embedding: Any
    perplexity: float

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        # The library's advice for new points: a small perplexity, started at the median of the nearest ones.
        perplexity = min(5.0, self.perplexity)
        nearest = min(25, len(self.embedding))
        placed = self.embedding.transform(vectors, perplexity=perplexity, k=nearest)
        return np.asarray(placed, dtype=np.float32)


def _run(task: ReductionTask, parameters: TsneParameters) -> Fit:
    import openTSNE
    from openTSNE.affinity import PerplexityBasedNN

    from lse.projection.reducers.library_indexes import OpenTsneIndex

    rows = len(task.vectors)
    perplexity = _perplexity(rows, parameters.perplexity)
    graph = task.graph(min(rows - 1, int(3 * perplexity)), parameters.metric)
    # Every core at most, and one for few rows; the result is the same for any number of threads.
    threads = len(os.sched_getaffinity(0)) if rows >= _THREADED_ROWS else 1
    gradient = "fft" if task.components == 2 and rows >= _INTERPOLATION_ROWS else "bh"
    affinities = PerplexityBasedNN(
        perplexity=perplexity, knn_index=OpenTsneIndex(task.vectors, graph), n_jobs=threads, random_state=task.seed
    )
    reporter = _Reporter(task.monitor, (parameters.early_iterations, parameters.iterations))
    tsne = openTSNE.TSNE(
        n_components=task.components,
        perplexity=perplexity,
        learning_rate=parameters.learning_rate or "auto",
        early_exaggeration_iter=parameters.early_iterations,
        early_exaggeration=parameters.early_exaggeration,
        n_iter=parameters.iterations,
        exaggeration=parameters.exaggeration if parameters.exaggeration > 1 else None,
        initialization="pca",
        metric=parameters.metric,
        n_jobs=threads,
        negative_gradient_method=gradient,
        callbacks=reporter,
        callbacks_every_iters=_REPORT_EVERY,
        random_state=task.seed,
    )
    embedding = tsne.fit(task.vectors, affinities=affinities)
    # The model outlives this run, its listener does not.
    embedding.gradient_descent_params["callbacks"] = None
    task.notes["parameters"] = parameters.model_dump() | {"perplexity": perplexity}
    task.notes["gradient"] = {"fft": "interpolation", "bh": "Barnes-Hut"}[gradient]
    task.notes["kl_divergence"] = float(embedding.kl_divergence)
    task.notes["library"] = f"openTSNE {openTSNE.__version__}"
    return Fit(np.array(embedding, dtype=np.float32), _Fitted(embedding, perplexity))


def _perplexity(rows: int, wanted: float | None) -> float:
    """Perplexity for a number of rows; it needs three neighbours a unit."""
    most = (rows - 1) / 3
    if wanted is None:
        return min(30.0, most)
    if wanted > most:
        raise InvalidArgumentError(
            f"A perplexity of {wanted:g} needs at least {int(np.ceil(3 * wanted)) + 1} images and there are {rows}: "
            f"set it to at most {most:.4g}.",
            reason="BAD_PARAMETER",
            parameter="perplexity",
            maximum=most,
        )
    return wanted


METHOD: Method[Run] = Method(
    name="tsne",
    title="t-SNE",
    help="Keeps the nearest neighbours of every image best and separates groups well; distances between groups mean "
    "little. Slower than UMAP. After van der Maaten and Hinton (2008), by openTSNE.",
    parameters=TsneParameters,
    run=_run,
)
