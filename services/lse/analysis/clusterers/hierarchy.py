"""Groups within groups, as a method found them, and flat groups of any level of them.

A level is a distance, a smallest size or a layer, which falls from coarse to fine.  A node is a group as long as the
level is below its birth and not below its death, and a point belongs to the last node of its branch that was born.
At a distance these are the groups of SciPy's ``fcluster(tree, level, "distance")``, and for a condensed tree those of
hdbscan's ``get_clusters(level)`` on its single linkage tree.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, cast

import numpy as np

from lse.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from numpy.typing import NDArray

    from lse.analysis.clusterers.condensed_tree import CondensedTree

__all__ = ["Cut", "Hierarchy", "LevelKind", "Levels"]

LevelKind = Literal["distance", "size", "layer"]

# Nobody looks at more groups than half of that.
_MOST_NODES = 2_000
_ARRAYS = ("parents", "births", "deaths", "homes", "departures")


class Levels(NamedTuple):
    """Levels at which groups appear or vanish, coarse first, and how many groups and points without one each has."""

    level: NDArray[np.float64]
    clusters: NDArray[np.int64]
    noise: NDArray[np.int64]


class Cut(NamedTuple):
    """Flat groups of a level.

    Attributes
    ----------
    labels
        Shape (n,), int32: 0 is the largest group, -1 is noise.
    memberships
        Shape (n,), float32: 0 for noise, and 1 for all others but those of a density, where it is the distance at
        which the densest point of the group leaves it over that at which this one does.
    """

    labels: NDArray[np.int32]
    memberships: NDArray[np.float32]


@dataclass(frozen=True)
class Hierarchy:
    """A tree of groups.

    Attributes
    ----------
    kind
        What a level is: the ``distance`` up to which points are joined, the ``size`` below which nothing is a group,
        or the number of a ``layer``, 0 for the finest.
    parents
        Node above each, shape (c,), int64; -1 for the first, which holds all points.  Parents come first.
    births, deaths
        Level below which each is a group, and the last one at which it is, shape (c,), float64.
    homes
        Last node that holds each point, shape (n,), int64.
    departures
        Last level at which the point is in its home, shape (n,), float64.
    finest
        Level below which nothing is known.
    """

    kind: LevelKind
    parents: NDArray[np.int64]
    births: NDArray[np.float64]
    deaths: NDArray[np.float64]
    homes: NDArray[np.int64]
    departures: NDArray[np.float64]
    finest: float = 0.0

    @classmethod
    def of_merges(cls, merges: NDArray[np.float64], homes: NDArray[np.intp] | None = None) -> Hierarchy:
        """Hierarchy of a linkage as SciPy writes it, whose heights rise, and what each point is in it."""
        leaves = len(merges) + 1
        nodes = 2 * leaves - 1
        above, births = np.full(nodes, -1), np.full(nodes, np.inf)
        children = merges[:, :2].astype(np.int64)
        above[children] = np.arange(leaves, nodes)[:, None]
        births[children] = merges[:, 2, None]
        deaths = np.r_[np.zeros(leaves), merges[:, 2]]
        # The last merge made the first node.
        parents = np.where(above < 0, -1, nodes - 1 - above)[::-1]
        places = nodes - 1 - (np.arange(leaves) if homes is None else homes.astype(np.int64))
        return cls("distance", parents, births[::-1], deaths[::-1], places, np.zeros(len(places))).pruned()

    @classmethod
    def of_densities(cls, tree: CondensedTree) -> Hierarchy:
        """Hierarchy of a condensed tree by the distance, 1 / density."""
        with np.errstate(divide="ignore"):
            births, departures = 1 / tree.births, 1 / tree.departures
        deaths = np.full(len(births), np.inf)
        np.minimum.at(deaths, tree.homes, departures)
        np.minimum.at(deaths, tree.parents[1:], births[1:])
        return cls("distance", tree.parents, births, deaths, tree.homes, departures).pruned()

    @classmethod
    def of_sizes(
        cls,
        parents: NDArray[np.int64],
        least: NDArray[np.float64],
        most: NDArray[np.float64],
        *,
        homes: NDArray[np.int64],
        finest: float,
    ) -> Hierarchy:
        """Hierarchy of leaves of a tree: each is one where the smallest size is above `least` and up to `most`."""
        births, deaths = np.r_[np.inf, most[1:] + 1], least + 1
        return cls("size", parents, births, deaths, homes, deaths[homes], finest).pruned()

    @classmethod
    def of_layers(cls, layers: Sequence[NDArray[np.int64]]) -> Hierarchy:
        """Hierarchy of nested groupings of the same points, finest first, each with -1 for noise."""
        parents, births, deaths = [np.array([-1])], [np.array([np.inf])], [np.array([np.inf])]
        homes, nodes = np.zeros(len(layers[0]), np.int64), 1
        for level in range(len(layers) - 1, -1, -1):
            inside = np.flatnonzero(layers[level] >= 0)
            found, first = np.unique(layers[level][inside], return_index=True)
            parents.append(homes[inside[first]])
            births.append(np.full(len(found), level + 1.0))
            deaths.append(np.full(len(found), float(level)))
            homes[inside] = nodes + np.searchsorted(found, layers[level][inside])
            nodes += len(found)
        ends = np.concatenate(deaths)
        return cls("layer", np.concatenate(parents), np.concatenate(births), ends, homes, ends[homes]).pruned()

    @classmethod
    def read(cls, kind: str, finest: float, read: Callable[[str], NDArray[Any]]) -> Hierarchy:
        """Hierarchy of which the `arrays` were kept."""
        arrays: dict[str, Any] = {name: read(name) for name in _ARRAYS}
        return cls(cast("LevelKind", kind), **arrays, finest=finest)

    def arrays(self) -> Iterable[tuple[str, NDArray[Any]]]:
        """Names and arrays that `read` takes."""
        return ((name, getattr(self, name)) for name in _ARRAYS)

    def pruned(self, most: int = _MOST_NODES) -> Hierarchy:
        """The same without its finest levels, where it has more nodes than `most`."""
        if len(self.parents) <= most:
            return self
        finest = float(np.sort(self.births)[-most - 1])
        kept = self.births > finest
        numbers = np.cumsum(kept) - 1
        place = self._born(finest)
        parents = self.parents[kept]
        parents[1:] = numbers[place[parents[1:]]]
        homes = place[self.homes]
        departures = np.where(homes == self.homes, self.departures, self.deaths[homes])
        births, deaths = self.births[kept], self.deaths[kept]
        return replace(
            self,
            parents=parents,
            births=births,
            deaths=deaths,
            homes=numbers[homes],
            departures=departures,
            finest=finest,
        )

    def cut(self, level: float) -> Cut:
        """Flat groups of a level.

        Raises
        ------
        InvalidArgumentError
            ``LEVEL_INVALID``: the level is finer than what is known, or it has no group.
        """
        if not level >= self.finest:
            raise InvalidArgumentError(
                f"The level {level:g} is finer than what was kept: use at least {self.finest:g}.",
                reason="LEVEL_INVALID",
                minimum=self.finest,
            )
        nodes = self._born(level)[self.homes]
        last = np.where(nodes == self.homes, self.departures, self.deaths[nodes])
        nodes[last > level] = -1
        found, places, sizes = np.unique(nodes, return_inverse=True, return_counts=True)
        groups = np.flatnonzero(found >= 0)
        if not len(groups):
            raise InvalidArgumentError(
                f"At the level {level:g} all images are noise: use a coarser level.", reason="LEVEL_INVALID"
            )
        numbers = np.full(len(found), -1, np.int32)
        numbers[groups[np.argsort(-sizes[groups], kind="stable")]] = np.arange(len(groups), dtype=np.int32)
        labels = numbers[places]
        memberships = (labels >= 0).astype(np.float32)
        if self.kind == "distance":
            least = np.full(len(groups), np.inf)
            np.minimum.at(least, labels[labels >= 0], self.departures[labels >= 0])
            inside = (labels >= 0) & (self.departures > 0)
            memberships[inside] = least[labels[inside]] / self.departures[inside]
        return Cut(labels, memberships)

    def levels(self) -> Levels:
        """All levels that differ, but those without a group."""
        ends = np.concatenate([[self.finest], self.births, self.deaths])
        level = np.unique(ends[np.isfinite(ends) & (ends >= self.finest)])[::-1]
        lived = self.deaths < self.births
        births, deaths = np.sort(self.births[lived]), np.sort(self.deaths[lived])
        clusters = np.searchsorted(deaths, level, "right") - np.searchsorted(births, level, "right")
        # Points in their homes, and points that are in a node above.
        at_home = self.departures < self.births[self.homes]
        left = np.sort(self.departures[at_home])
        gone = np.sort(self.births[self.homes[at_home]])
        held = np.searchsorted(left, level, "right") - np.searchsorted(gone, level, "right")
        sizes = np.bincount(self.homes, minlength=len(self.parents))
        for place, value in enumerate(level):
            nodes = self._born(value)
            away = (nodes != np.arange(len(nodes))) & (self.deaths[nodes] <= value)
            held[place] += sizes[away].sum()
        some = clusters > 0
        return Levels(level[some], clusters[some], (len(self.homes) - held)[some])

    def level_of(self, clusters: int) -> float:
        """Coarsest level with so many groups.

        Raises
        ------
        InvalidArgumentError
            ``LEVEL_INVALID``: there is none, with the nearest numbers.
        """
        levels = self.levels()
        fitting = np.flatnonzero(levels.clusters == clusters)
        if not len(fitting):
            counts = np.unique(levels.clusters)
            nearest = sorted(counts[np.argsort(np.abs(counts - clusters), kind="stable")[:2]].tolist())
            raise InvalidArgumentError(
                f"No level has {clusters} clusters: the nearest have {' and '.join(map(str, nearest))}.",
                reason="LEVEL_INVALID",
                nearest=nearest[0],
            )
        return float(levels.level[fitting[0]])

    def _born(self, level: float) -> NDArray[np.int64]:
        """The last node of the branch of each that is born at a level."""
        place = np.where(self.births > level, np.arange(len(self.parents)), self.parents)
        while (further := place[place] != place).any():
            place[further] = place[place[further]]
        return place
