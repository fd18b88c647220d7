"""A map that is turned to an earlier one of the same images, so that what an expert remembers stays where it was."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from lse.analysis.reducers.preparation import ReducerParameters
from lse.errors import InvalidArgumentError

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from lse.analysis.neighbours import NeighbourGraph

__all__ = ["Alignment", "AlignmentParameters", "as_earlier", "start_from", "turned_to"]

_LEAST_COMMON = 3


class AlignmentParameters(ReducerParameters):
    """Parameters of methods whose maps may lie any way round."""

    align_to: str | None = Field(
        None,
        max_length=500,
        description="Earlier projection that this one is turned, mirrored and shifted to; UMAP, densMAP, t-SNE and "
        "PaCMAP also start from it: NAME, or EXPERIMENT/NAME for one of another experiment of the same dataset.",
    )


@dataclass(frozen=True)
class Alignment:
    """How near a map came to an earlier one.

    Attributes
    ----------
    rows
        Images that both have.
    moved
        Root mean square of their distances from their earlier places, as a share of that of the distances from the
        centre, at the best scale: 0 where the two maps are similar figures, 1 where they have nothing in common.
    """

    rows: int
    moved: float


def as_earlier(earlier: ArrayLike, *, rows: int, components: int) -> NDArray[np.float64]:
    """Places of the first rows on an earlier map, shape (m, components), m at most `rows`.

    Raises
    ------
    InvalidArgumentError
        ``ALIGNMENT_INVALID``: the map has other dimensions, or too few places.
    """
    places = np.asarray(earlier, np.float64)
    if places.ndim != 2 or places.shape[1] != components:
        raise InvalidArgumentError(
            f"The earlier map has {places.shape[-1] if places.ndim == 2 else 'no'} dimensions and the new one "
            f"{components}: set n_components alike, or leave align_to out.",
            reason="ALIGNMENT_INVALID",
        )
    places = places[:rows]
    if len(places) < _LEAST_COMMON or not np.isfinite(places).all():
        raise InvalidArgumentError(
            f"The earlier map has {len(places)} places of these images, and {_LEAST_COMMON} finite ones are needed.",
            reason="ALIGNMENT_INVALID",
        )
    return places


def start_from(earlier: NDArray[np.float64], graph: NeighbourGraph) -> NDArray[np.float64]:
    """Places to start from, shape (n, c): those of the earlier map, and for later rows the mean of their neighbours'.

    A row that no earlier one is a neighbour of starts at the centre.
    """
    rows, known = graph.rows, len(earlier)
    centre = earlier.mean(axis=0)
    places = np.concatenate([earlier, np.broadcast_to(centre, (rows - known, earlier.shape[1]))])
    for row in range(known, rows):
        near = graph.indices[row][graph.indices[row] < row]
        if len(near):
            places[row] = places[near].mean(axis=0)
    return places


def turned_to(coordinates: NDArray[np.float32], earlier: NDArray[np.float64]) -> tuple[NDArray[np.float32], Alignment]:
    """Rotate, mirror and shift a map so that common rows lie as near to their earlier places as possible.

    The orthogonal Procrustes problem (Schönemann 1966).  The map is not scaled: its distances stay what its method
    made them, by which new images are placed.
    """
    common = coordinates[: len(earlier)].astype(np.float64)
    own, other = common.mean(axis=0), earlier.mean(axis=0)
    left, shared, right = np.linalg.svd((common - own).T @ (earlier - other))
    turned = (coordinates - own) @ (left @ right) + other
    squares = np.square(common - own).sum() * np.square(earlier - other).sum()
    moved = np.sqrt(max(0.0, 1 - shared.sum() ** 2 / squares)) if squares > 0 else 0.0
    return turned.astype(np.float32), Alignment(len(earlier), float(moved))
