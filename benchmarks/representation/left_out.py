"""Leave one collection out: constants of the rules chosen by the other collections, and shown on the one left out.

Each constant is tried on a small grid while the others stay as they are shipped.  The value with the highest mean of
the neighbours' score over all collections but one is what the one left out gets; beside it stand the constant that is
shipped and the best that this collection could have had.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from lse.representation.training.decorrelation import whitening
from lse.representation.training.defaults import choose_parameters
from lse.representation.training.facts import measure_facts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from representation.datasets import LabelledImages

__all__ = ["WHITENING", "before_whitening", "left_out_table", "views_to_try", "whitened"]

# Variance, as a share of the mean over all directions, that is added before a direction is raised; none is raised by
# an endless one.
WHITENING = (math.inf, 3.0, 1.0, 0.3, 0.1, 0.03, 0.0)
_SHIPPED_WHITENING = 0.3
# Constants of the views of the sky: what is shipped is the second of each.
_VIEWS: dict[str, tuple[float, ...]] = {
    "noise": (1.0, 2.0, 4.0),
    "offset factor": (1.0, 2.0, 4.0),
    "brightness and colour": (0.25, 0.5, 0.8),
    "zoom": (0.1, 0.2, 0.4),
}
_SHIPPED = {"whitening": _SHIPPED_WHITENING} | {name: values[1] for name, values in _VIEWS.items()}

# Constant, then its value, then the collection, to the score.
Grid = Mapping[str, Mapping[float, Mapping[str, float]]]


def before_whitening(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Vectors (n, dimension) as they were, but for their mean and scale, before an encoder's last layer whitened them.

    A direction of variance λ has λ / (λ + 0.3 m) afterwards, with m the mean of all, so that λ follows from it.
    """
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    variances, axes = np.linalg.eigh(np.cov(centred, rowvar=False))
    scale: NDArray[np.float64] = 1 / np.sqrt(1 - variances.clip(0, 1 - 1e-9))
    return np.asarray((centred @ axes * scale) @ axes.T)


def whitened(vectors: NDArray[np.float64], shrinkage: float) -> NDArray[np.float32]:
    """Vectors whitened with a shrinkage, not at all with an endless one."""
    if math.isinf(shrinkage):
        return vectors.astype(np.float32)
    matrix, mean = whitening(vectors, shrinkage=shrinkage)
    return np.asarray((vectors - mean) @ matrix.T, dtype=np.float32)


def views_to_try(data: LabelledImages, epochs: int) -> dict[str, dict[float, dict[str, str]]]:
    """Settings of trainings by constant and value; a value that changes nothing for these images is that shipped."""
    facts = measure_facts(data.images)
    suited: Any = choose_parameters("simclr", {}, facts)
    shipped = {"epochs": str(epochs)}
    changes: dict[str, Callable[[float], dict[str, float]]] = {
        "noise": lambda value: {"noise": value} if suited.noise else {},
        "offset factor": lambda value: {"offset": round(min(value * facts.levels, 0.5), 2)},
        "brightness and colour": lambda value: {"brightness": value, "colour": value if suited.colour else 0.0},
        "zoom": lambda value: {"zoom": value},
    }
    found: dict[str, dict[float, dict[str, str]]] = defaultdict(dict)
    for name, values in _VIEWS.items():
        for value in values:
            changed = {key: of for key, of in changes[name](value).items() if of != getattr(suited, key)}
            found[name][value] = shipped | {key: f"{of:g}" for key, of in changed.items()}
    return found


def left_out_table(grid: Grid) -> str:
    """Markdown of what each constant would have been without a collection, and what that is worth on it."""
    lines = [
        "| constant | left out | chosen by the others | score | as shipped | score | best for itself | score |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for constant, values in grid.items():
        names = sorted(set.intersection(*(set(scores) for scores in values.values())))
        shipped = _SHIPPED[constant]
        for name in names if len(names) > 1 else ():
            others = [other for other in names if other != name]
            chosen = _best(values, others)
            cells = [
                f"{_shown(value)} | {values[value][name]:.3f}" for value in (chosen, shipped, _best(values, [name]))
            ]
            lines.append(f"| {constant} | {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _best(values: Mapping[float, Mapping[str, float]], names: Sequence[str]) -> float:
    return max(values, key=lambda value: float(np.mean([values[value][name] for name in names])))


def _shown(value: float) -> str:
    return "none" if math.isinf(value) else f"{value:g}"
