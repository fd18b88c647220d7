"""Principal component analysis: the straight view that keeps most variance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.platform.parameters import Method
from lse.projection.reducers.preparation import PreparedParameters
from lse.projection.reducers.projections import Fit, ReductionTask, Run

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["METHOD", "PcaParameters"]


class PcaParameters(PreparedParameters):
    """Parameters of PCA."""


@dataclass(frozen=True)
class _Fitted:
    pca: Any

    def transform(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray(self.pca.transform(vectors), dtype=np.float32)


def _run(task: ReductionTask, parameters: PcaParameters) -> Fit:
    from sklearn.decomposition import PCA

    task.monitor.report("arranging", 0, 1)
    pca = PCA(n_components=task.components, random_state=task.seed)
    coordinates = pca.fit_transform(task.vectors)
    task.notes["parameters"] = parameters.model_dump()
    task.monitor.report("arranging", 1, 1)
    return Fit(
        np.asarray(coordinates, dtype=np.float32),
        _Fitted(pca),
        tuple(float(share) for share in pca.explained_variance_ratio_),
    )


METHOD: Method[Run] = Method(
    name="pca",
    title="PCA",
    help="The straight view that keeps most variance: at once, the same every time, faithful to large distances; "
    "groups that are not spread along the main directions overlap.",
    parameters=PcaParameters,
    run=_run,
)
