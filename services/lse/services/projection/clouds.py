"""Point clouds with levels of detail, published beside the coordinates of a projection."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lse.platform.artifacts import Artifacts
from lse.platform.catalogue.records.projection import ProjectionResult

__all__ = ["cloud_pieces", "publish_cloud"]

_PIECE_BYTES = 1 << 20
# The library of point clouds is imported where it is used: its compiler takes 90 MB of every process that has it.


def publish_cloud(artifacts: Artifacts, coordinates: np.ndarray, uri: str) -> None:
    """Build the cloud of coordinates, shape (n, 2 or 3), in the folder of a URI."""
    from lse.pointcloud import build_cloud, write_cloud

    with artifacts.working_folder(uri) as (folder, keep):
        write_cloud(build_cloud(coordinates), folder)
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
    from lse.pointcloud import build_cloud, write_cloud

    with tempfile.TemporaryDirectory(prefix="lse-") as temporary:
        write_cloud(build_cloud(artifacts.read_array(projection.coordinates_uri)), Path(temporary))
        yield Path(temporary)
