"""Which metadata distinguish a cluster from the other images: tests of every column, ranked by evidence.

Values of text columns are tested by the upper tail of the hypergeometric distribution, numbers by ranks (Mann and
Whitney 1947, with the correction for ties), angles by the uniform scores of Mardia (1967), which know no beginning of
the circle.  Holm's correction (1979) is over all clusters, columns and values together: with metadata that have nothing
to do with the clusters, any trait at all is found in at most 5 % of the cases.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

__all__ = ["Members", "Trait", "angle_period", "find_traits"]

_LEVEL = 0.05
# What is certain is shown only where a person would call it a difference too.
_LEAST_LIFT = 1.25
_LEAST_SUPERIORITY = 0.575
_LEAST_TURN = 0.15
# Fewer rows of a value prove nothing, whatever the cluster.
_LEAST_ROWS = 3
# A column of numbers with so few values names classes.
_FEW_VALUES = 12
_ANGLE_NAMES = re.compile(r"(ra|alpha|glon|right_?ascension)(_?(j2000|icrs|deg|2000))?", re.IGNORECASE)
_TURNS = {"": 360.0, "deg": 360.0, "degree": 360.0, "h": 24.0, "hourangle": 24.0, "rad": 2 * np.pi}


@dataclass(frozen=True)
class Trait:
    """What distinguishes a cluster.

    Attributes
    ----------
    column
        Column of the metadata.
    kind
        ``value`` of a text column, ``number`` or ``angle``.
    value
        The value; empty for numbers.
    count
        Rows of the cluster that have the value, or any number.
    here, overall
        Share of the value, median of the numbers, or mean direction of the angles in the unit of the column, in the
        cluster and among all rows.
    effect
        Ratio of the shares; probability that an image of the cluster has a larger number than another; distance of the
        cluster's mean direction vector to that of all, 0 to 2.
    p_value
        Corrected over all tests.
    """

    column: str
    kind: Literal["value", "number", "angle"]
    value: str
    count: int
    here: float
    overall: float
    effect: float
    p_value: float

    @property
    def strength(self) -> float:
        """How far the effect is from none, to rank what is equally certain."""
        return abs(self.effect - 0.5) if self.kind == "number" else self.effect

    def sentence(self) -> str:
        """The trait for a person."""
        evidence = f"p = {self.p_value:.1g}" if self.p_value >= 1e-99 else "p < 1e-99"
        if self.kind == "value":
            return f"{self.column} is {self.value}: {self.here:.0%} here, {self.overall:.0%} overall ({evidence})"
        what = "median" if self.kind == "number" else "mean direction of"
        text = f"{what} {self.column} is {self.here:.4g} here, {self.overall:.4g} overall"
        if self.kind == "angle":
            return f"{text} ({evidence})"
        side, share = ("above", self.effect) if self.effect > 0.5 else ("below", 1 - self.effect)
        return f"{text} ({side} another image's in {share:.0%} of pairs, {evidence})"


@dataclass(frozen=True)
class Members:
    """Rows that are in a cluster, and the place of each row's cluster among the clusters, 0 and on."""

    rows: NDArray[np.intp]
    places: NDArray[np.intp]
    clusters: int

    @cached_property
    def sizes(self) -> NDArray[np.intp]:
        """Rows of each cluster."""
        return np.bincount(self.places, minlength=self.clusters)


def angle_period(name: str, *, unit: str = "", ucd: str = "") -> float | None:
    """Full turn of a column of longitudes in its unit; None for a column of anything else."""
    longitude = re.match(r"pos\.(eq\.ra|\w+\.lon)", ucd.lower()) or _ANGLE_NAMES.fullmatch(name)
    return _TURNS.get(unit.lower()) if longitude else None


def find_traits(
    metadata: pd.DataFrame, members: Members, *, periods: Mapping[str, float] | None = None
) -> dict[int, list[Trait]]:
    """Traits of each cluster by its place, the best proven first; the cost is linear in rows but for sorting.

    Parameters
    ----------
    metadata
        Columns of all rows, also of those in no cluster, which count among the others.
    members
        Clusters.
    periods
        Full turn of each column of angles.
    """
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    tested: list[tuple[int, Trait]] = []
    tests = 0
    for column in metadata.columns:
        series = metadata[column]
        period = (periods or {}).get(str(column))
        if is_bool_dtype(series) or not is_numeric_dtype(series) or _few(series):
            found, count = _value_traits(series, members)
        else:
            found, count = _number_traits(series, members, period)
        tested += found
        tests += count
    tested.sort(key=lambda each: each[1].p_value)
    traits: dict[int, list[Trait]] = {}
    corrected = 0.0
    for place, (cluster, trait) in enumerate(tested):
        corrected = min(1.0, max(corrected, trait.p_value * (tests - place)))
        if corrected > _LEVEL:
            break
        if _notable(trait):
            traits.setdefault(cluster, []).append(replace(trait, p_value=corrected))
    for each in traits.values():
        each.sort(key=lambda trait: (trait.p_value, -trait.strength))
    return traits


def _few(series: pd.Series) -> bool:
    from pandas.api.types import is_integer_dtype

    return is_integer_dtype(series) and series.nunique() <= _FEW_VALUES


def _notable(trait: Trait) -> bool:
    if trait.kind == "value":
        return trait.effect >= _LEAST_LIFT
    if trait.kind == "angle":
        return trait.effect >= _LEAST_TURN
    return max(trait.effect, 1 - trait.effect) >= _LEAST_SUPERIORITY


def _value_traits(series: pd.Series, members: Members) -> tuple[list[tuple[int, Trait]], int]:
    import pandas as pd
    from scipy.stats import hypergeom

    # As text, since True and "True" look the same to a person; empty text is no value.
    raw, different = pd.factorize(series)
    texts = pd.Series(different).astype(str).str.strip()
    renamed, names = pd.factorize(texts.mask(texts == ""))
    codes = np.where(raw >= 0, np.append(renamed, -1)[raw], -1)
    totals = np.bincount(codes[codes >= 0], minlength=len(names))
    known_rows = int(totals.sum())
    usual = totals >= _LEAST_ROWS
    # A column of names says nothing of groups, nor one that is the same everywhere.
    if len(names) < 2 or len(names) > max(50, known_rows // 10) or not usual.any():
        return [], 0
    own = codes[members.rows]
    known = own >= 0
    sizes = np.bincount(members.places[known], minlength=members.clusters)
    pairs, counts = np.unique(members.places[known] * len(names) + own[known], return_counts=True)
    clusters, values = pairs // len(names), pairs % len(names)
    lifts = (counts / sizes[clusters]) / (totals[values] / known_rows)
    kept = (lifts > 1) & usual[values]
    clusters, values, counts, lifts = clusters[kept], values[kept], counts[kept], lifts[kept]
    chances = hypergeom.sf(counts - 1, known_rows, totals[values], sizes[clusters])
    found = [
        (
            int(cluster),
            Trait(
                str(series.name),
                "value",
                str(names[value]),
                int(count),
                float(count / sizes[cluster]),
                float(totals[value] / known_rows),
                float(lift),
                float(chance),
            ),
        )
        for cluster, value, count, lift, chance in zip(clusters, values, counts, lifts, chances, strict=True)
    ]
    return found, int((sizes > 0).sum()) * int(usual.sum())


def _number_traits(series: pd.Series, members: Members, period: float | None) -> tuple[list[tuple[int, Trait]], int]:
    values = series.to_numpy(dtype=np.float64, na_value=np.nan)
    known = np.isfinite(values)
    everyone = values[known]
    if len(everyone) < _LEAST_ROWS or everyone.min() == everyone.max():
        return [], 0
    inside = known[members.rows]
    own, places = values[members.rows][inside], members.places[inside]
    sizes = np.bincount(places, minlength=members.clusters)
    tested = np.flatnonzero((sizes > 0) & (sizes < len(everyone)))
    ordered = np.sort(everyone)
    ranked = _Ranked(
        everyone,
        own,
        (np.searchsorted(ordered, own, side="left") + np.searchsorted(ordered, own, side="right") + 1) / 2,
        places,
        sizes,
    )
    name = str(series.name)
    if period is not None and np.ptp(everyone) <= period:
        return list(_turned(name, ranked, tested, period)), len(tested)
    return list(_shifted(name, ranked, tested)), len(tested)


@dataclass(frozen=True)
class _Ranked:
    """All values; of those in clusters the values, mean ranks among all, and cluster; and the sizes of clusters."""

    everyone: NDArray[np.float64]
    own: NDArray[np.float64]
    ranks: NDArray[np.float64]
    places: NDArray[np.intp]
    sizes: NDArray[np.intp]

    def sums(self, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        """Sum by cluster."""
        return np.asarray(np.bincount(self.places, weights, minlength=len(self.sizes)))


def _shifted(name: str, ranked: _Ranked, tested: NDArray[np.intp]) -> Iterator[tuple[int, Trait]]:
    from scipy.special import ndtr

    rows, inside = len(ranked.everyone), ranked.sizes[tested].astype(np.float64)
    others = rows - inside
    wins = ranked.sums(ranked.ranks)[tested] - inside * (inside + 1) / 2
    ties = np.unique(ranked.everyone, return_counts=True)[1].astype(np.float64)
    spread = np.sqrt(inside * others / 12 * (rows + 1 - (ties**3 - ties).sum() / (rows * (rows - 1))))
    # Half a step less, since ranks are whole numbers and the normal distribution is not.
    apart = np.maximum(np.abs(wins - inside * others / 2) - 0.5, 0) / spread
    ordered = ranked.own[np.lexsort((ranked.own, ranked.places))]
    ends = np.cumsum(ranked.sizes)
    firsts = ends - ranked.sizes
    # The middle value, or the mean of the two in the middle.
    medians = (ordered[(firsts + ends - 1)[tested] // 2] + ordered[(firsts + ends)[tested] // 2]) / 2
    overall = float(np.median(ranked.everyone))
    for place, median, win, size, other, chance in zip(
        tested, medians, wins, inside, others, 2 * ndtr(-apart), strict=True
    ):
        effect = float(win / (size * other))
        yield int(place), Trait(name, "number", "", int(size), float(median), overall, effect, min(1.0, float(chance)))


def _turned(name: str, ranked: _Ranked, tested: NDArray[np.intp], period: float) -> Iterator[tuple[int, Trait]]:
    rows, inside = len(ranked.everyone), ranked.sizes[tested]
    scores = 2j * np.pi * ranked.ranks / rows
    lengths = np.square(ranked.sums(np.exp(scores).real)) + np.square(ranked.sums(np.exp(scores).imag))
    chances = np.exp(-(rows - 1) * lengths[tested] / (inside * (rows - inside)))
    turns = np.exp(2j * np.pi * ranked.own / period)
    means = (ranked.sums(turns.real) + 1j * ranked.sums(turns.imag))[tested] / inside
    overall = np.exp(2j * np.pi * ranked.everyone / period).mean()
    whole = float(np.angle(overall) / (2 * np.pi) % 1 * period)
    for place, mean, size, chance in zip(tested, means, inside, chances, strict=True):
        here = float(np.angle(mean) / (2 * np.pi) % 1 * period)
        yield int(place), Trait(name, "angle", "", int(size), here, whole, float(abs(mean - overall)), float(chance))
