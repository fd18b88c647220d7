"""Point clouds on disk: raw little-endian arrays, which are memory-mapped, beside a small table of tiles.

A folder holds ``cloud.json``, ``points.f32``, ``rows.u32``, ``tiles.arrow``, and for each column ``column-0.u16`` with
codes and ``column-0.i64`` with counts by tile. Points lie level by level, so that the beginning of a file is a fair
sample. What is appended comes behind as tiles of its own; ``cloud.json`` is replaced last and says how much is valid.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lse.errors import DataLossError, FailedPreconditionError
from lse.pointcloud.cloud import TILE_POINTS, Categories, Column, PointCloud, build_part
from lse.pointcloud.tiles import Tiles

__all__ = [
    "append_points",
    "cloud_files",
    "emptied",
    "file_names",
    "open_cloud",
    "read_tiles",
    "write_cloud",
    "write_tables",
]

_VERSION = 1
_HEADER = "cloud.json"


def write_cloud(cloud: PointCloud, folder: Path) -> None:
    """Write a cloud into a folder, which is made where it is not there."""
    emptied(folder)
    _extend(folder, cloud, cloud)


def emptied(folder: Path) -> None:
    """Make a folder where there is none, and take an earlier cloud out of it, of which the header goes first."""
    folder.mkdir(parents=True, exist_ok=True)
    for path in [*(folder / name for name in reversed(file_names(0))), *folder.glob("column-[0-9]*")]:
        path.unlink(missing_ok=True)


def open_cloud(folder: Path) -> PointCloud:
    """Open the cloud of a folder; its points stay on disk and are read where they are looked at.

    Raises
    ------
    DataLossError
        A file is missing or too short.
    FailedPreconditionError
        It was written by a newer version of this software.
    """
    header = _header(folder)
    dimension, count, tile_count = header["dimension"], header["points"], header["tiles"]
    points = _mapped(folder / "points.f32", "<f4", (count, dimension))
    rows = _mapped(folder / "rows.u32", "<u4", (count,))
    columns = {}
    for index, (name, labels) in enumerate(header["columns"].items()):
        codes = _mapped(folder / f"column-{index}.u16", "<u2", (count,))
        counts = _mapped(folder / f"column-{index}.i64", "<i8", (tile_count, len(labels)))
        columns[name] = Column(codes, tuple(labels), counts)
    return PointCloud(points, rows, _tiles(folder, header), columns, header["source_count"])


def append_points(
    folder: Path, coordinates: NDArray[np.float32], *, columns: Mapping[str, Categories] | None = None
) -> PointCloud:
    """Add points to the cloud of a folder and open it; costs what the new points cost.

    Parameters
    ----------
    folder
        Where the cloud is. A reader that has it open goes on with what it saw.
    coordinates
        Those of the new points, shape (n, d), float32; their rows follow those of the cloud.
    columns
        Categories of the new points, for every column of the cloud, by the same names of categories.
    """
    cloud = open_cloud(folder)
    given = dict(columns or {})
    if {name: tuple(labels) for name, (_, labels) in given.items()} != {
        name: column.labels for name, column in cloud.columns.items()
    }:
        raise FailedPreconditionError(
            f"The new points have other columns or categories than the cloud at {folder}: give the columns "
            f"{', '.join(cloud.columns) or '(none)'} with the categories that the cloud has.",
            reason="COLUMNS_MISMATCH",
        )
    shares, first = cloud.tiles.shares, cloud.source_count
    added = build_part(coordinates, given, shares=shares, tile_points=TILE_POINTS, first=first)
    offset = len(cloud)
    tiles = Tiles(
        np.concatenate([cloud.tiles.levels, added.tiles.levels]),
        np.concatenate([cloud.tiles.firsts, added.tiles.firsts + offset]),
        np.concatenate([cloud.tiles.counts, added.tiles.counts]),
        np.concatenate([cloud.tiles.boxes, added.tiles.boxes]),
        shares,
    )
    _extend(folder, added, PointCloud(cloud.points, cloud.rows, tiles, cloud.columns, added.source_count), offset)
    return open_cloud(folder)


def cloud_files(folder: Path) -> list[str]:
    """Names of the files of a cloud, ``cloud.json`` last."""
    return file_names(len(_header(folder)["columns"]))


def file_names(columns: int) -> list[str]:
    """Names of the files of a cloud with so many columns, ``cloud.json`` last."""
    names = ["points.f32", "rows.u32", "tiles.arrow"]
    return [*names, *(f"column-{index}.{kind}" for index in range(columns) for kind in ("u16", "i64")), _HEADER]


def _extend(folder: Path, part: PointCloud, whole: PointCloud, offset: int = 0) -> None:
    """Write a part behind the valid points of a folder, then the tiles of the whole, then its header."""
    before = len(whole.tiles) - len(part.tiles)
    arrays: list[tuple[str, NDArray[Any], str, int]] = [
        ("points.f32", part.points, "<f4", offset),
        ("rows.u32", part.rows, "<u4", offset),
    ]
    for index, column in enumerate(part.columns.values()):
        arrays.append((f"column-{index}.u16", column.codes, "<u2", offset))
        arrays.append((f"column-{index}.i64", column.counts, "<i8", before))
    for name, values, dtype, at in arrays:
        stored = np.ascontiguousarray(values, dtype)
        path = folder / name
        with path.open("r+b" if path.exists() else "wb") as file:
            # What an interrupted addition left behind is overwritten.
            file.seek(at * stored.itemsize * int(np.prod(stored.shape[1:])))
            stored.tofile(file)
            file.truncate()
    labels = {name: column.labels for name, column in part.columns.items()}
    write_tables(folder, whole.tiles, labels, points=offset + len(part), source_count=whole.source_count)


def write_tables(
    folder: Path, tiles: Tiles, labels: Mapping[str, tuple[str, ...]], *, points: int, source_count: int
) -> None:
    """Write the tiles of a cloud, then its header, which makes the arrays in the folder a cloud."""
    dimension = tiles.boxes.shape[2]
    table = {"level": tiles.levels, "first": tiles.firsts, "count": tiles.counts}
    for axis, name in enumerate("xyz"[:dimension]):
        table |= {f"{name}_low": tiles.boxes[:, 0, axis], f"{name}_high": tiles.boxes[:, 1, axis]}
    _replace(folder / "tiles.arrow", lambda file: _write_table(file, pa.table(table)))
    header = {
        "version": _VERSION,
        "dimension": dimension,
        "points": points,
        "tiles": len(tiles),
        "source_count": source_count,
        "shares": tiles.shares,
        "columns": labels,
    }
    _replace(folder / _HEADER, lambda file: file.write(json.dumps(header, indent=2).encode()))


def _write_table(file: BinaryIO, table: pa.Table) -> None:
    with pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table)


def _replace(path: Path, write: Any) -> None:
    temporary = path.with_suffix(".tmp")
    with temporary.open("wb") as file:
        write(file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def _header(folder: Path) -> dict[str, Any]:
    try:
        header: dict[str, Any] = json.loads((folder / _HEADER).read_bytes())
    except (FileNotFoundError, ValueError) as error:
        raise _damaged(folder / _HEADER) from error
    if header["version"] > _VERSION:
        raise FailedPreconditionError(
            f"The point cloud at {folder} was written by a newer version of this software: update it.",
            reason="CLOUD_TOO_NEW",
        )
    return header


def _tiles(folder: Path, header: dict[str, Any]) -> Tiles:
    try:
        return read_tiles((folder / "tiles.arrow").read_bytes(), header)
    except (FileNotFoundError, pa.ArrowInvalid) as error:
        raise _damaged(folder / "tiles.arrow") from error


def read_tiles(data: bytes, header: Mapping[str, Any]) -> Tiles:
    """Tiles of a cloud, given what ``tiles.arrow`` and ``cloud.json`` hold.

    Raises
    ------
    pyarrow.ArrowInvalid
        The data are no table.
    """
    # Tiles of an addition whose header was not written any more lie behind the valid ones.
    table = pa.ipc.open_file(pa.py_buffer(data)).read_all().slice(0, header["tiles"])
    axes = "xyz"[: header["dimension"]]
    boxes = [np.column_stack([table[f"{axis}_{end}"].to_numpy() for axis in axes]) for end in ("low", "high")]
    return Tiles(
        table["level"].to_numpy().astype(np.uint8),
        table["first"].to_numpy().astype(np.int64),
        table["count"].to_numpy().astype(np.int64),
        np.ascontiguousarray(np.stack(boxes, axis=1), np.float32),
        tuple(header["shares"]),
    )


def _mapped(path: Path, dtype: str, shape: tuple[int, ...]) -> NDArray[Any]:
    if 0 in shape:
        return np.empty(shape, dtype)
    try:
        # Copy on write, although nothing writes: read-only arrays are another type to the compiled kernels.
        return np.asarray(np.memmap(path, dtype, "c", shape=shape))
    except (FileNotFoundError, ValueError) as error:
        raise _damaged(path) from error


def _damaged(path: Path) -> DataLossError:
    return DataLossError(
        f"The file {path.name} of the point cloud at {path.parent} is missing or damaged: build the cloud again.",
        reason="CLOUD_DAMAGED",
    )
