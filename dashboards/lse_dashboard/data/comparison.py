"""What sets a selection of images apart from all others: numbers with effect sizes, and shares of groups."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from lse.columns import numbers
from lse.kinds import kind_of
from lse_dashboard.data.colouring import ColumnUse, Groups, colouring_of

__all__ = ["Comparison", "Difference", "Share", "cliffs_delta", "compared"]

# Ranks of more values than this change the third digit of an effect size at most.
_SAMPLE = 100_000
_BINS = 24
_DIFFERENCES = 12
_SHARES = 6

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """A column of numbers, in the selection and in the rest.

    Attributes
    ----------
    column
        Its name.
    effect
        Cliff's delta, -1 to 1: how much more often a selected image has the larger value of two than the smaller one.
    selected, rest
        Medians, as people read them.
    selected_shape, rest_shape
        Histograms over the range that holds 98 % of all values, highest bar 1, shape (24,).
    """

    column: str
    effect: float
    selected: str
    rest: str
    selected_shape: tuple[float, ...]
    rest_shape: tuple[float, ...]


@dataclass(frozen=True)
class Share:
    """A group, in the selection and in the rest.

    Attributes
    ----------
    label
        Its name.
    count
        Selected images in it.
    selected, rest
        Share of the selected images, and of the others, that are in it.
    """

    label: str
    count: int
    selected: float
    rest: float


@dataclass(frozen=True)
class Comparison:
    """A selection against the rest.

    Attributes
    ----------
    selected, rest
        Images in each.
    differences
        Columns of numbers, largest effect first.
    shares
        Groups by what they group, largest share of the selection first.
    sampled
        Whether effect sizes and histograms come from a random sample of 100,000 images a side.
    """

    selected: int
    rest: int
    differences: tuple[Difference, ...]
    shares: tuple[tuple[str, tuple[Share, ...]], ...]
    sampled: bool


def compared(
    inside: npt.NDArray[np.bool_],
    columns: Mapping[str, pa.ChunkedArray],
    uses: Mapping[str, ColumnUse],
    groupings: Iterable[Groups] = (),
) -> Comparison:
    """Compare selected images with all others.

    Parameters
    ----------
    inside
        Which images are selected, shape (n,).
    columns
        Values of metadata columns, n each.
    uses
        How each column can be read: as numbers or as groups.
    groupings
        Further groups of the same n images, such as clusters; they come first.
    """
    every = np.arange(len(inside))
    groups = list(groupings)
    differences = []
    random = np.random.default_rng(0)
    taken, others = (_sample(np.flatnonzero(side), random) for side in (inside, ~inside))
    for name, values in columns.items():
        if uses.get(name) == "gradient":
            found = _difference(
                name, numbers(values).astype(np.float64), taken, others, kind_of(values.type).shown_number
            )
            if found is not None:
                differences.append(found)
        else:
            grouped = colouring_of(name, values, every)
            if isinstance(grouped, Groups):
                groups.append(grouped)
    differences.sort(key=lambda one: -abs(one.effect))
    return Comparison(
        int(inside.sum()),
        int((~inside).sum()),
        tuple(differences[:_DIFFERENCES]),
        tuple((one.title, _shares(one, inside)) for one in groups),
        len(taken) < int(inside.sum()) or len(others) < int((~inside).sum()),
    )


def cliffs_delta(first: Numbers, second: Numbers) -> float:
    """How much more often a number of the first exceeds one of the second than the other way round, -1 to 1.

    It depends on ranks alone, and so neither on the units of a column nor on its outliers.

    References
    ----------
    Cliff (1993), "Dominance statistics: ordinal analyses to answer ordinal questions", Psychological Bulletin 114, 494.

    Examples
    --------
    >>> cliffs_delta(np.array([3.0, 4.0]), np.array([1.0, 2.0]))
    1.0
    """
    from scipy.stats import rankdata

    if len(first) == 0 or len(second) == 0:
        return 0.0
    ranks = rankdata(np.concatenate([first, second]))[: len(first)].sum()
    wins = (ranks - len(first) * (len(first) + 1) / 2) / (len(first) * len(second))
    return float(2 * wins - 1)


def _difference(
    name: str,
    values: Numbers,
    taken: npt.NDArray[np.int64],
    others: npt.NDArray[np.int64],
    text: Callable[[float], str],
) -> Difference | None:
    selected, rest = (values[side][np.isfinite(values[side])] for side in (taken, others))
    if len(selected) < 2 or len(rest) < 2:
        return None
    low, high = (float(v) for v in np.percentile(np.concatenate([selected, rest]), (1, 99)))
    if high <= low:
        return None
    shapes = [np.histogram(np.clip(side, low, high), _BINS, (low, high))[0] for side in (selected, rest)]
    return Difference(
        name,
        cliffs_delta(selected, rest),
        text(float(np.median(selected))),
        text(float(np.median(rest))),
        *(tuple((shape / max(1, shape.max())).round(3).tolist()) for shape in shapes),
    )


def _shares(groups: Groups, inside: npt.NDArray[np.bool_]) -> tuple[Share, ...]:
    count = len(groups.labels)
    selected = np.bincount(groups.codes[inside], minlength=count)
    rest = np.bincount(groups.codes[~inside], minlength=count)
    order = np.argsort(-selected, kind="stable")[:_SHARES]
    return tuple(
        Share(
            groups.labels[i],
            int(selected[i]),
            float(selected[i] / max(1, selected.sum())),
            float(rest[i] / max(1, rest.sum())),
        )
        for i in order
        if selected[i]
    )


def _sample(indices: npt.NDArray[np.int64], random: np.random.Generator) -> npt.NDArray[np.int64]:
    return indices if len(indices) <= _SAMPLE else np.sort(random.choice(indices, _SAMPLE, replace=False))
