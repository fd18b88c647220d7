"""A point cloud with levels of detail."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from lse.errors import InvalidArgumentError
from lse.pointcloud.coded import HIDDEN, Codes
from lse.pointcloud.counting import Seen, count_categories, count_points, count_tiles
from lse.pointcloud.order import gather, level_bounds, tiled_order
from lse.pointcloud.tiles import Tiles
from lse.pointcloud.window import Window

ScalarT = TypeVar("ScalarT", bound=np.generic)

__all__ = [
    "FIRST_LEVEL",
    "TILE_POINTS",
    "Categories",
    "Column",
    "PointCloud",
    "build_cloud",
    "build_part",
    "check_shape",
    "finite",
    "level_shares",
    "stored_codes",
]

Categories = tuple[NDArray[np.integer], tuple[str, ...]]

TILE_POINTS = 2048
"""Most points of a tile."""
FIRST_LEVEL = 65_536
# Share of the points at each end of an axis that may lie far away, and what is left free around the others.
_FAR, _AROUND = 1e-4, 0.1
"""Points of the first level, about; each further one makes four times as many."""


@dataclass(frozen=True)
class Column:
    """A category of every point.

    Attributes
    ----------
    codes
        Category of each point in the order of the cloud, shape (n,), uint16; `HIDDEN` for none.
    labels
        Names of the categories.
    counts
        Points of each category in each tile, shape (t, categories).
    """

    codes: Codes
    labels: tuple[str, ...]
    counts: NDArray[np.int64]


@dataclass(frozen=True)
class PointCloud:
    """Points in tiles, so that a view costs what it shows.

    Attributes
    ----------
    points
        Coordinates in the order of the cloud, shape (n, 2) or (n, 3), float32; memory-mapped where it was opened.
    rows
        Which of the given points each is, shape (n,), uint32.
    tiles
        Boxes, levels and counts of the tiles.
    columns
        Categories, by name.
    source_count
        Points that were given, also those left out because a coordinate is not finite.
    """

    points: NDArray[np.float32]
    rows: NDArray[np.uint32]
    tiles: Tiles
    columns: Mapping[str, Column] = field(default_factory=dict)
    source_count: int = 0

    def __len__(self) -> int:
        return len(self.points)

    @property
    def dimension(self) -> int:
        """2 or 3."""
        return int(self.points.shape[1])

    @property
    def extent(self) -> tuple[float, ...]:
        """Least coordinates of all axes, then the greatest; zeros without points."""
        if len(self) == 0:
            return (0.0,) * (2 * self.dimension)
        low, high = self.tiles.boxes[:, 0].min(axis=0), self.tiles.boxes[:, 1].max(axis=0)
        return (*low.tolist(), *high.tolist())

    @property
    def first_level(self) -> int:
        """Number of points of the first level, with which the cloud begins; what was appended lies behind."""
        return int(self.tiles.counts[np.cumsum(self.tiles.levels > 0) == 0].sum())

    @property
    def core(self) -> tuple[float, ...]:
        """The extent without the few points that lie far away from all others.

        Methods such as UMAP throw some points of a million so far that the others would be a dot in the middle. Up to
        one in ten thousand at each end of an axis are left out, and only where the extent then is less than half as
        wide or high; which these are is judged by the first level, a fair sample.
        """
        low, high = np.reshape(self.extent, (2, -1))
        if len(self) == 0:
            return self.extent
        least, most = np.quantile(self.points[: self.first_level], (_FAR, 1 - _FAR), axis=0)
        around = _AROUND * (most - least)
        least, most = np.maximum(low, least - around), np.minimum(high, most + around)
        if not (2 * (most - least) < high - low).any():
            return self.extent
        return (*least.tolist(), *most.tolist())

    def in_order(self, values: NDArray[ScalarT]) -> NDArray[ScalarT]:
        """Values of the given points, shape (source_count, …), in the order of the cloud."""
        return values[self.rows]

    def with_column(self, name: str, codes: Codes, labels: tuple[str, ...]) -> PointCloud:
        """The cloud with one more category: code of each point in its order, `HIDDEN` for none, and their names."""
        return replace(self, columns={**self.columns, name: _column(codes, labels, self.tiles)})

    def seen(self, window: Window, *, budget: int | None = None, margin: float = 0.0) -> Seen:
        """Points to look at in a window; see `Tiles.spans`."""
        spans = self.tiles.spans(window, budget=budget, margin=margin)
        return Seen(self.points, self.tiles.boxes, spans, window)

    def counts(self, window: Window, *, budget: int | None = None) -> NDArray[np.uint32]:
        """Points in each pixel of a window, as Datashader counts them; of a fair sample where a budget is given.

        Returns
        -------
        counts
            Shape (height, width), first row at the bottom.
        """
        return count_points(self.seen(window, budget=budget))

    def category_counts(self, window: Window, column: str, *, budget: int | None = None) -> NDArray[np.uint32]:
        """Points of each category in each pixel, shape (height, width, categories), first row at the bottom."""
        chosen = self.columns[column]
        return count_categories(self.seen(window, budget=budget), chosen.codes, len(chosen.labels))


def build_cloud(
    coordinates: NDArray[np.float32],
    *,
    columns: Mapping[str, Categories] | None = None,
    tile_points: int = TILE_POINTS,
    first_level: int = FIRST_LEVEL,
    out: NDArray[np.float32] | None = None,
) -> PointCloud:
    """Build a cloud with levels of detail.

    Parameters
    ----------
    coordinates
        Shape (n, 2) or (n, 3), float32; points with a coordinate that is not finite are left out.
    columns
        Categories of the points by name: code of each point, shape (n,), negative for none, and names of the codes.
    tile_points
        Most points of a tile.
    first_level
        Points of the first level, about; each further one makes four times as many.
    out
        Where the points are written, shape of the finite coordinates, such as a memory-mapped file.

    Raises
    ------
    InvalidArgumentError
        The coordinates are not two or three columns, or there are too many points.
    """
    return build_part(
        coordinates, columns or {}, shares=level_shares(len(coordinates), first_level), tile_points=tile_points, out=out
    )


def level_shares(count: int, first_level: int) -> tuple[float, ...]:
    """Share of the points in the levels up to each one."""
    shares, share = [], first_level / max(count, 1)
    while share < 1:
        shares.append(share)
        share *= 4
    return (*shares, 1.0)


def build_part(
    coordinates: NDArray[np.float32],
    columns: Mapping[str, Categories],
    *,
    shares: tuple[float, ...],
    tile_points: int = TILE_POINTS,
    first: int = 0,
    out: NDArray[np.float32] | None = None,
) -> PointCloud:
    """Build a part of a cloud, whose levels have the shares of the whole and whose rows begin with `first`."""
    given = len(coordinates)
    check_shape(coordinates.shape, first)
    coordinates = np.ascontiguousarray(coordinates, np.float32)
    found, kept = finite(coordinates), None
    if found is not None:
        kept = np.flatnonzero(found).astype(np.uint32)
        coordinates = coordinates[kept]
    order, levels, starts = tiled_order(coordinates, first=first, bounds=level_bounds(shares), tile_points=tile_points)
    points = np.empty_like(coordinates) if out is None else out
    boxes = gather(coordinates, order, starts, points)
    rows = order if kept is None else kept[order]
    tiles = Tiles(levels, starts[:-1], np.diff(starts), boxes, shares)
    made = {
        name: _column(stored_codes(codes, labels)[rows], labels, tiles) for name, (codes, labels) in columns.items()
    }
    return PointCloud(points, rows + np.uint32(first) if first else rows, tiles, made, first + given)


def check_shape(shape: tuple[int, ...], first: int = 0) -> None:
    """Require the shape of coordinates whose rows begin with `first`."""
    if len(shape) != 2 or shape[1] not in (2, 3) or first + shape[0] >= 1 << 32:
        raise InvalidArgumentError(
            f"A point cloud has two or three coordinates a point and fewer than 2³² points, not the shape "
            f"{shape}: give an array of that shape.",
            reason="COORDINATES_INVALID",
        )


def finite(coordinates: NDArray[np.float32]) -> NDArray[np.bool_] | None:
    """Which points have finite coordinates only, shape (n,); None where all have."""
    with np.errstate(invalid="ignore"):  # the sum of infinities of both signs is not a number, as it should be
        if np.isfinite(np.add.reduce(coordinates, axis=None, dtype=np.float64)):
            return None
    return np.asarray(np.isfinite(coordinates).all(axis=1))


def stored_codes(codes: NDArray[np.integer], labels: tuple[str, ...]) -> Codes:
    """Codes as a cloud has them, given codes that are negative for none, and the names of the codes."""
    if len(labels) >= HIDDEN:
        raise InvalidArgumentError(
            f"A column has {len(labels)} categories, and a point cloud takes up to {HIDDEN - 1}: group them first.",
            reason="CATEGORIES_TOO_MANY",
        )
    return np.where(codes < 0, HIDDEN, codes).astype(np.uint16)


def _column(codes: Codes, labels: tuple[str, ...], tiles: Tiles) -> Column:
    return Column(codes, labels, count_tiles(codes, tiles.all_spans, len(labels)))
