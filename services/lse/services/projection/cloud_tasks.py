"""Tasks that build the point cloud of a large map together, each of a block of points or of a part of the curve.

They share nothing but the artifacts, where each writes its files whole and finds those of the tasks before it. The
library of point clouds is imported where it is used: its compiler takes 90 MB of every process that has it.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import zarr
from numpy.typing import NDArray

from lse.platform.artifacts import Artifacts

if TYPE_CHECKING:
    from lse.pointcloud.steps import Basis, Plan, Scheme

__all__ = [
    "JOINED",
    "Site",
    "arrange_part",
    "count_block",
    "fix_basis",
    "group_block",
    "join_parts",
    "look_at_block",
    "make_plan",
    "write_head",
]

JOINED = ("points.f32", "rows.u32")
"""Files of a cloud that are put together of parts."""


@dataclass(frozen=True)
class Site:
    """Where a cloud is built.

    Attributes
    ----------
    artifacts
        Where everything lies.
    coordinates_uri
        Zarr array of the coordinates, shape (n, 2 or 3).
    folder
        URI of the folder of what the tasks leave for each other.
    block_points
        Points of a block and of a part.
    """

    artifacts: Artifacts
    coordinates_uri: str
    folder: str
    block_points: int

    @property
    def coordinates(self) -> zarr.Array[Any]:
        """The coordinates, which are read by slices."""
        return self.artifacts.open_array(self.coordinates_uri)

    def scheme(self) -> Scheme:
        """How the points are divided."""
        from lse.pointcloud.steps import Scheme

        return Scheme.of(self.coordinates.shape, self.block_points)

    def basis(self) -> Basis:
        """What `fix_basis` left."""
        from lse.pointcloud.order import Grid
        from lse.pointcloud.steps import Basis

        dropped, low, scale = self.load("basis", "dropped", "low", "scale")
        return Basis(self.scheme(), dropped, Grid(low, scale))

    def plan(self) -> Plan:
        """What `make_plan` left."""
        from lse.pointcloud.steps import Plan

        return Plan(self.basis(), *self.load("plan", "parts", "cells", "edges"))

    def keep(self, name: str, **arrays: NDArray[Any]) -> None:
        """Leave some arrays."""
        file = io.BytesIO()
        np.savez(file, **arrays)  # type: ignore[arg-type]  # which takes them for its other arguments
        self.artifacts.write_bytes(self.uri(name), file.getvalue())

    def load(self, name: str, *arrays: str) -> list[NDArray[Any]]:
        """Some of the arrays that were left."""
        with np.load(io.BytesIO(self.artifacts.read_bytes(self.uri(name)))) as kept:
            return [kept[array] for array in arrays]

    def uri(self, name: str, index: int | None = None) -> str:
        """URI of a file that is left."""
        return f"{self.folder}/{name}" if index is None else f"{self.folder}/{name}/{index:06d}"


def look_at_block(site: Site, index: int) -> None:
    """Find out which points of a block are finite, and take its sample."""
    from lse.pointcloud.steps import look

    scheme = site.scheme()
    left_out, sample = look(site.coordinates, scheme.blocks[index], scheme.every(0))
    site.keep(f"looked/{index:06d}", left_out=left_out, sample=sample)


def fix_basis(site: Site) -> None:
    """Fix the grid by the samples of all blocks."""
    from lse.pointcloud.steps import Basis, read_block

    scheme = site.scheme()
    found = [site.load(f"looked/{index:06d}", "left_out", "sample") for index in range(len(scheme.blocks))]
    dropped: NDArray[np.uint32] = np.concatenate([left_out for left_out, _ in found])
    samples = [sample for _, sample in found]
    if len(dropped):
        # The points that are left fix the grid; no method makes such maps, so that one task may read them again.
        coordinates, every = site.coordinates, scheme.every(len(dropped))
        for index, rows in enumerate(scheme.blocks):
            samples[index] = read_block(coordinates, rows, dropped).sample(every)
    basis = Basis.of(scheme, dropped, samples)
    site.keep("basis", dropped=dropped, low=basis.grid.low, scale=basis.grid.scale)


def count_block(site: Site, index: int) -> None:
    """Count the points of a block by level and coarse cell."""
    basis = site.basis()
    site.keep(f"counted/{index:06d}", counts=basis.count(site.coordinates, basis.scheme.blocks[index]))


def make_plan(site: Site) -> list[int]:
    """Cut the levels into parts, given the counts of all blocks; the first point of each part, and the end."""
    from lse.pointcloud.steps import Plan

    basis = site.basis()
    blocks = range(len(basis.scheme.blocks))
    plan = Plan.of(basis, (site.load(f"counted/{index:06d}", "counts")[0] for index in blocks))
    site.keep("plan", parts=plan.parts, cells=plan.cells, edges=plan.edges)
    edges: list[int] = plan.edges.tolist()
    return edges


def group_block(site: Site, index: int) -> list[int]:
    """Bring the points of a block together by part, coordinates before rows in each; the end of each part."""
    plan = site.plan()
    ends, arrays = plan.group(site.coordinates, {}, plan.basis.scheme.blocks[index])
    edges: list[int] = [0, *ends.tolist()]
    sections = [np.ascontiguousarray(own[begin:end]).data for begin, end in pairwise(edges) for own in arrays]
    site.artifacts.write_bytes(site.uri("grouped", index), b"".join(sections))
    return edges[1:]


def arrange_part(site: Site, part: int, sections: Sequence[tuple[int, int, int]]) -> None:
    """Bring the points of a part into their order.

    Parameters
    ----------
    site
        Where.
    part
        Which one.
    sections
        Blocks with points of the part, and where these begin and end among the points of the block.
    """
    plan = site.plan()
    dimension = plan.basis.grid.dimension
    size = 4 * dimension + 4
    found = site.artifacts.read_ranges(
        [(site.uri("grouped", index), begin * size, end * size) for index, begin, end in sections]
    )
    arrays = [
        np.concatenate([np.frombuffer(data, "<f4", len(data) // size * dimension) for data in found]),
        np.concatenate([np.frombuffer(data, "<u4", offset=len(data) // size * 4 * dimension) for data in found]),
    ]
    del found
    (points, rows), (tiles, _) = plan.arrange(part, [arrays[0].reshape(-1, dimension), arrays[1]], [])
    site.artifacts.write_bytes(site.uri("arranged", part), b"".join([points.data, rows.data]))
    site.keep(f"tiles/{part:06d}", levels=tiles.levels, firsts=tiles.firsts, counts=tiles.counts, boxes=tiles.boxes)


def join_parts(site: Site, uri: str, name: str, edges: Sequence[int]) -> None:
    """Write a file of the cloud, a part at a time."""
    dimension = site.coordinates.shape[1]
    with site.artifacts.writing(f"{uri}/{name}") as file:
        for part, (first, end) in enumerate(pairwise(edges)):
            bounds = np.cumsum([0, 4 * dimension, 4]) * (end - first)
            begin, stop = bounds[JOINED.index(name) :][:2].tolist()
            (values,) = site.artifacts.read_ranges([(site.uri("arranged", part), begin, stop)])
            file.write(values)


def write_head(site: Site, uri: str, edges: Sequence[int]) -> None:
    """Write the tiles of the cloud, then its header."""
    from lse.pointcloud.steps import joined
    from lse.pointcloud.storage import file_names, write_tables
    from lse.pointcloud.tiles import Tiles

    scheme, parts = site.scheme(), range(len(edges) - 1)
    made = []
    for part in parts:
        levels, firsts, counts, boxes = site.load(f"tiles/{part:06d}", "levels", "firsts", "counts", "boxes")
        made.append((Tiles(levels, firsts, counts, boxes, scheme.shares), list[NDArray[np.int64]]()))
    tiles, _ = joined(scheme, made, [])
    with tempfile.TemporaryDirectory(prefix="lse-") as temporary:
        folder = Path(temporary)
        write_tables(folder, tiles, {}, points=edges[-1], source_count=scheme.count)
        for name in file_names(0):
            if name not in JOINED:
                site.artifacts.write_bytes(f"{uri}/{name}", (folder / name).read_bytes())
