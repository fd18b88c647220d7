"""Point clouds with levels of detail, published beside the coordinates of a projection."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import NoneType

from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import ProjectionRecord
from lse.platform.catalogue.records.projection import ProjectionResult
from lse.platform.compute import TaskChannel
from lse.platform.operations import JobContext
from lse.progress import Monitor

__all__ = ["build_stored_cloud", "cloud_pieces", "publish_cloud"]

_PIECE_BYTES = 1 << 20
# The library of point clouds is imported where it is used: its compiler takes 90 MB of every process that has it.


def publish_cloud(context: JobContext[ProjectionRecord], coordinates_uri: str) -> str:
    """Have a task build the cloud of stored coordinates, shape (n, 2 or 3); its URI."""
    uri = f"{context.folder}/cloud"
    arguments = context.platform.artifacts, coordinates_uri, uri
    context.run(build_stored_cloud, *arguments, stage="building the point cloud", returns=NoneType)
    return uri


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
