"""Point clouds with levels of detail, published beside the coordinates of a projection."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from types import NoneType
from typing import Any

from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import ProjectionRecord
from lse.platform.catalogue.records.projection import ProjectionResult
from lse.platform.compute import TaskChannel
from lse.platform.operations import JobContext
from lse.progress import Monitor
from lse.services.projection import cloud_tasks as tasks

__all__ = ["BLOCK_POINTS", "ONE_TASK_POINTS", "build_by_tasks", "build_stored_cloud", "cloud_pieces", "publish_cloud"]

ONE_TASK_POINTS = 1 << 23
"""Points up to which one task builds a cloud: it takes seconds, as handing out the work and joining it does."""
BLOCK_POINTS = 1 << 22
"""Points of a block and of a part of the curve, each the work of a task, which needs some 250 MB for them."""
_PIECE_BYTES = 1 << 20
# The library of point clouds is imported where it is used: its compiler takes 90 MB of every process that has it.


def publish_cloud(context: JobContext[ProjectionRecord], coordinates_uri: str) -> str:
    """Have the cloud of stored coordinates built, shape (n, 2 or 3), by one task or by many; its URI."""
    artifacts, uri = context.platform.artifacts, f"{context.folder}/cloud"
    count = artifacts.open_array(coordinates_uri).shape[0]
    if count > ONE_TASK_POINTS:
        site = tasks.Site(artifacts, coordinates_uri, f"{uri}-parts", BLOCK_POINTS)
        build_by_tasks(context.map, site, count, uri)
        context.supersede(site.folder)
    else:
        arguments = artifacts, coordinates_uri, uri
        context.run(build_stored_cloud, *arguments, stage="building the point cloud", returns=NoneType)
    return uri


def build_by_tasks(each: Callable[..., dict[str, Any]], site: tasks.Site, count: int, uri: str) -> None:
    """Build the cloud of many points in the folder of a URI by tasks, each of which any worker can do.

    Parameters
    ----------
    each
        Has tasks done, such as `JobContext.map`.
    site
        Where the coordinates and the tasks' own files are.
    count
        Number of coordinates.
    uri
        Where the cloud goes.
    """
    firsts = range(0, count, site.block_points)
    blocks = [f"{index:06d}" for index in range(len(firsts))]
    sizes = [min(site.block_points, count - first) for first in firsts]

    def each_block(work: Callable[[tasks.Site, int], object], stage: str) -> list[Any]:
        arguments = {name: (site, index) for index, name in enumerate(blocks)}
        units = dict(zip(blocks, sizes, strict=True))
        return list(each(work, arguments, stage=stage, unit="points", units=units).values())

    def one(work: Callable[..., object], *arguments: object, stage: str) -> Any:
        return each(work, {stage: (site, *arguments)}, stage=stage, unit="steps")[stage]

    each_block(tasks.look_at_block, "reading points")
    one(tasks.fix_basis, stage="laying the grid")
    each_block(tasks.count_block, "counting points")
    edges = one(tasks.make_plan, stage="planning tiles")
    ends = each_block(tasks.group_block, "sorting points")
    parts = {}
    for part in range(len(edges) - 1):
        sections = [(index, block[part - 1] if part else 0, block[part]) for index, block in enumerate(ends)]
        parts[f"{part:06d}"] = (site, part, [section for section in sections if section[2] > section[1]])
    held = dict(zip(parts, (end - first for first, end in pairwise(edges)), strict=True))
    each(tasks.arrange_part, parts, stage="building tiles", unit="points", units=held)
    site.artifacts.remove(site.uri("grouped"))
    files = {name: (site, uri, name, edges) for name in tasks.JOINED}
    each(tasks.join_parts, files, stage="writing the point cloud", unit="files")
    one(tasks.write_head, uri, edges, stage="writing tiles")


def build_stored_cloud(artifacts: Artifacts, coordinates_uri: str, uri: str, channel: TaskChannel) -> None:
    """Build the cloud of stored coordinates in the folder of a URI.

    They are read by blocks, so that it takes no more memory for a map that is larger.
    """
    from lse.pointcloud import build_cloud_on_disk

    monitor = Monitor(channel.report, channel.should_stop)
    with artifacts.working_folder(uri) as (folder, keep):
        build_cloud_on_disk(artifacts.open_array(coordinates_uri), folder, monitor=monitor)
        keep()


def cloud_pieces(artifacts: Artifacts, projection: ProjectionResult) -> Iterator[tuple[str, bytes]]:
    """Files of the cloud of a projection, as names and pieces in their order.

    A projection that was made before there were clouds has its own built for this.
    """
    from lse.pointcloud.storage import cloud_files

    with _folder(artifacts, projection) as folder:
        for name in cloud_files(folder):
            with (folder / name).open("rb") as file:
                piece = file.read(_PIECE_BYTES)
                yield name, piece  # also of an empty file, so that it is there
                while piece := file.read(_PIECE_BYTES):
                    yield name, piece


@contextlib.contextmanager
def _folder(artifacts: Artifacts, projection: ProjectionResult) -> Iterator[Path]:
    if projection.cloud_uri:
        with artifacts.working_folder(projection.cloud_uri) as (folder, _):
            yield folder
        return
    from lse.pointcloud import build_cloud_on_disk

    with tempfile.TemporaryDirectory(prefix="lse-") as temporary:
        build_cloud_on_disk(artifacts.open_array(projection.coordinates_uri), Path(temporary))
        yield Path(temporary)
