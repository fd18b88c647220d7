"""Maps in files of others, Parquet, CSV or NumPy, read a block at a time and published as clouds."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq
from numpy.typing import NDArray

from lse.errors import InvalidArgumentError
from lse.pointcloud.cloud import Categories
from lse.pointcloud.coded import HIDDEN
from lse.pointcloud.out_of_core import build_cloud_on_disk
from lse.pointcloud.published import check_target, publish_cloud, write_texts
from lse.progress import Monitor

__all__ = ["MapFile", "publish_map_file", "read_map"]

_ROWS = 1 << 18
_AXES = ("x", "y", "z")


@dataclass(frozen=True)
class MapFile:
    """A map as it was read; its arrays are mapped into memory.

    Attributes
    ----------
    coordinates
        Shape (n, 2) or (n, 3), float32; NaN where there is none.
    columns
        Categories: code of each point, shape (n,), int32, -1 for none, and their names in order.
    names
        Name of each point, shape (n,), where asked for.
    """

    coordinates: NDArray[np.float32]
    columns: Mapping[str, Categories]
    names: pa.LargeStringArray | None


def publish_map_file(
    path: Path,
    url: str,
    *,
    title: str,
    axes: Sequence[str] = (),
    categories: Sequence[str] = (),
    names: str = "",
    colours: Callable[[tuple[str, ...]], Sequence[str]] | None = None,
    about: Mapping[str, Any] | None = None,
    monitor: Monitor | None = None,
) -> tuple[int, int]:
    """Publish the map of a file, which need not fit into memory.

    Its columns, the cloud and the names lie in a temporary folder meanwhile.

    Parameters
    ----------
    path, axes, categories, names
        See `read_map`.
    url, title, about
        See `lse.pointcloud.published.publish_cloud`.
    colours
        Colours of categories as ``#rrggbb``, given their names.
    monitor
        Progress and cancellation.

    Returns
    -------
    points, left_out
        Points that are published, and those that have no finite coordinates.

    Raises
    ------
    LseError
        See `read_map`, `lse.pointcloud.build_cloud_on_disk` and `lse.pointcloud.published.publish_cloud`.
    """
    check_target(url)
    with tempfile.TemporaryDirectory(prefix="lse-publish-") as made:
        folder = Path(made)
        found = read_map(path, folder, axes=axes, categories=categories, names=names, monitor=monitor)
        cloud = build_cloud_on_disk(found.coordinates, folder / "cloud", columns=found.columns, monitor=monitor)
        shown = {name: colours(labels) for name, (_, labels) in found.columns.items()} if colours else None
        publish_cloud(folder / "cloud", url, title=title, names=found.names, colours=shown, about=about)
        return len(cloud), cloud.source_count - len(cloud)


def read_map(
    path: Path,
    folder: Path,
    *,
    axes: Sequence[str] = (),
    categories: Sequence[str] = (),
    names: str = "",
    monitor: Monitor | None = None,
) -> MapFile:
    """Read a map, of which a block at a time is in memory.

    Parameters
    ----------
    path
        ``.parquet``, ``.csv`` with a line of names, or ``.npy``: coordinates, shape (n, 2) or (n, 3), whose columns
        are called x, y and z, or records with named fields.
    folder
        Where what was read is put.
    axes
        Columns of the two or three coordinates (default: x and y, and z of an array of three columns).
    categories
        Columns of texts, whole numbers or truth values.
    names
        Column of the names of the points; empty for none.
    monitor
        Progress and cancellation.

    Raises
    ------
    InvalidArgumentError
        The file cannot be read, has no such column, or a column holds something else.
    """
    source = _Source.open(path)
    axes = tuple(axes or source.axes or _AXES[:2])
    source.check(axes, [*categories, *([names] if names else [])])
    with ExitStack() as stack:
        written = {key: stack.enter_context((folder / key).open("wb")) for key in ("map.f32", "map.i64", "map.utf8")}
        coded = [
            _Coded(name, stack.enter_context((folder / f"map-{index}.i32").open("wb")))
            for index, name in enumerate(dict.fromkeys(categories))
        ]
        np.zeros(1, "<i8").tofile(written["map.i64"])
        count = 0
        for block in source.blocks(axes, categories, names):
            values = [block[name].cast(pa.float64()).to_numpy(zero_copy_only=False) for name in axes]
            with np.errstate(over="ignore"):  # what float32 cannot hold is left out as not finite
                np.column_stack(values).astype("<f4").tofile(written["map.f32"])
            for own in coded:
                own.add(block[own.name], path)
            if names:
                write_texts(block[names], written["map.i64"], written["map.utf8"])
            count += block.num_rows
            (monitor or Monitor()).report("reading the map", count, unit="points")
    columns = {own.name: own.read(folder / f"map-{index}.i32") for index, own in enumerate(coded)}
    texts = None
    if names:
        offsets, data = _mapped(folder / "map.i64", "<i8"), _mapped(folder / "map.utf8", "u1")
        texts = pa.LargeStringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(data))
    return MapFile(_mapped(folder / "map.f32", "<f4").reshape(-1, len(axes)), columns, texts)


@dataclass(frozen=True)
class _Source:
    """A file, its columns, and how they are read; the columns of coordinates where they are known."""

    path: Path
    schema: pa.Schema
    read: Callable[[Sequence[str], Sequence[str]], Iterator[pa.RecordBatch]]
    axes: tuple[str, ...] = ()

    @classmethod
    def open(cls, path: Path) -> _Source:
        """See which columns there are."""
        kinds = {".parquet": _parquet, ".csv": _csv, ".npy": _numpy}
        if path.suffix.lower() not in kinds:
            raise _wrong(f"{path.name} is no map that can be read: give .parquet, .csv or .npy.", "FORMAT_UNKNOWN")
        try:
            return kinds[path.suffix.lower()](path)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _unreadable(path, error) from error

    def check(self, axes: Sequence[str], others: Sequence[str]) -> None:
        """Require columns, and numbers where they are coordinates."""
        known = self.schema.names
        for name in (*axes, *others):
            if known.count(name) != 1:
                there = ", ".join(known[:20]) + (" …" if len(known) > 20 else "")
                problem = "several columns" if name in known else "no column"
                raise _wrong(f"{self.path.name} has {problem} '{name}': choose among {there}.", "COLUMN_UNKNOWN")
        for name in axes:
            kind = self.schema.field(name).type
            if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
                text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
                raise _wrong(
                    f"The column '{name}' of {self.path.name} holds {'text' if text else kind}, and coordinates are "
                    "numbers: choose others with --x and --y.",
                    reason="COORDINATES_INVALID",
                )

    def blocks(self, axes: Sequence[str], categories: Sequence[str], names: str) -> Iterator[pa.RecordBatch]:
        """Blocks of the columns wanted."""
        wanted = list(dict.fromkeys([*axes, *categories, *([names] if names else [])]))
        try:
            yield from self.read(wanted, axes)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise _unreadable(self.path, error) from error


def _parquet(path: Path) -> _Source:
    file = pq.ParquetFile(path)
    return _Source(path, file.schema_arrow, lambda wanted, _: file.iter_batches(_ROWS, columns=list(wanted)))


def _csv(path: Path) -> _Source:
    with pa.csv.open_csv(path) as first:
        schema = first.schema

    def read(wanted: Sequence[str], axes: Sequence[str]) -> Iterator[pa.RecordBatch]:
        # What the first lines look like holds for numbers; all else is text, whatever comes.
        numbers = [name for name in wanted if name in axes or pa.types.is_floating(schema.field(name).type)]
        types = {name: pa.float64() if name in numbers else pa.string() for name in wanted}
        options = pa.csv.ConvertOptions(include_columns=wanted, column_types=types, strings_can_be_null=True)
        with pa.csv.open_csv(path, convert_options=options) as lines:
            yield from lines

    return _Source(path, schema, read)


def _numpy(path: Path) -> _Source:
    values = np.load(path, mmap_mode="r", allow_pickle=False)
    axes: tuple[str, ...] = ()
    if values.dtype.names is None:
        if values.ndim != 2 or values.shape[1] not in (2, 3):
            raise ValueError(f"an array of the shape {values.shape}, where two or three columns are coordinates")
        axes = _AXES[: values.shape[1]]
    fields = {name: values[name] for name in values.dtype.names or ()} or dict(zip(axes, values.T, strict=True))

    def block(wanted: Sequence[str], first: int, rows: int) -> pa.RecordBatch:
        parts = (np.array(fields[name][first : first + rows]) for name in wanted)
        native = [part.astype(part.dtype.newbyteorder("=")) for part in parts]
        return pa.record_batch([pa.array(part) for part in native], list(wanted))

    def read(wanted: Sequence[str], _: Sequence[str]) -> Iterator[pa.RecordBatch]:
        yield from (block(wanted, first, _ROWS) for first in range(0, len(values), _ROWS))

    return _Source(path, block(list(fields), 0, 1).schema, read, axes)


@dataclass
class _Coded:
    """A column of categories while it is read."""

    name: str
    file: IO[bytes]
    known: dict[str, int] = field(default_factory=dict)

    def add(self, values: pa.Array, path: Path) -> None:
        """Write the codes of some points, by the order in which categories were first seen."""
        if pa.types.is_floating(values.type):
            # Whole numbers of which some are missing are often kept so.
            values = pc.if_else(pc.is_nan(values), None, values)
            try:
                values = values.cast(pa.int64())
            except pa.ArrowInvalid as error:
                raise _wrong(
                    f"The column '{self.name}' of {path.name} holds numbers with fractions, which are no categories: "
                    "choose a column of classes, or make steps of them.",
                    reason="CATEGORIES_INVALID",
                ) from error
        try:
            coded = values.cast(pa.string()).dictionary_encode()
        except pa.ArrowException as error:
            raise _unreadable(path, error) from error
        own = [self.known.setdefault(label, len(self.known)) for label in coded.dictionary.to_pylist()]
        if len(self.known) >= HIDDEN:
            raise _wrong(
                f"The column '{self.name}' of {path.name} has more than {HIDDEN - 1:,} values: choose a column of "
                "fewer classes, such as --names for a name of each point.",
                reason="CATEGORIES_TOO_MANY",
            )
        codes = coded.indices.fill_null(len(own)).to_numpy(zero_copy_only=False)
        np.array([*own, -1], "<i4")[codes].tofile(self.file)

    def read(self, path: Path) -> Categories:
        """Codes of all points by the order of the labels: of numbers, texts otherwise."""
        try:
            labels = sorted(self.known, key=int)
        except ValueError:
            labels = sorted(self.known)
        place = np.empty(len(labels) + 1, np.int32)
        place[[self.known[label] for label in labels]] = np.arange(len(labels))
        place[-1] = -1
        codes = _mapped(path, "<i4", "r+")
        for first in range(0, len(codes), _ROWS):
            codes[first : first + _ROWS] = place[codes[first : first + _ROWS]]
        return codes, tuple(labels)


def _mapped(path: Path, dtype: str, mode: Any = "r") -> NDArray[Any]:
    return np.memmap(path, dtype, mode) if path.stat().st_size else np.empty(0, dtype)


def _unreadable(path: Path, error: Exception) -> InvalidArgumentError:
    reason = f"there is no such file at {path}" if isinstance(error, FileNotFoundError) else str(error)
    return _wrong(f"{path.name} cannot be read ({reason}): correct the file.", "FILE_UNREADABLE")


def _wrong(message: str, reason: str) -> InvalidArgumentError:
    return InvalidArgumentError(message, reason=reason)
