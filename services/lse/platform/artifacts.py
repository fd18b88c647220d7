"""Bulk data under one URI: arrays (Zarr v3), tables (Parquet) and plain files, on a local disk or in S3.

Nothing here is published by being written: a reader finds an artifact only through the catalogue, which names it
once it is complete.  Every operation therefore writes below a folder of its own (`Artifacts.folder`).

The catalogue names artifacts relative to their root, ``artifact:/datasets/…``, so that an installation may be moved,
copied and restored elsewhere; wherever a URI is taken here it may be of that form or absolute.
"""

from __future__ import annotations

import contextlib
import errno
import os
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zarr
from numpy.typing import NDArray

from lse.errors import DataLossError, InvalidArgumentError, UnavailableError
from lse.platform.array_rows import ArrayRows
from lse.platform.outages import artifacts_away, is_transport_fault
from lse.platform.parquet_rows import read_rows

__all__ = ["ROWS_PER_GROUP", "Artifacts"]

# Rows of a table that are read together: ten rows of a million cost ten of these groups at most.
ROWS_PER_GROUP = 8192

_RELATIVE = "artifact:/"


@dataclass(frozen=True)
class Artifacts:
    """The artifacts of an installation; cheap to copy to other processes.

    Attributes
    ----------
    url
        Root folder, ``file:///…`` or ``s3://bucket/prefix``.
    options
        Options of the fsspec file system.
    read_only
        Whether nothing is written, so that the disk may be read-only.
    """

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)
    read_only: bool = False

    def __post_init__(self) -> None:
        if self.url.split("://")[0] not in ("file", "s3"):
            raise InvalidArgumentError(
                f"Artifacts cannot be kept at '{self.url}': give a file:// or s3:// URL.",
                reason="ARTIFACTS_URL_UNSUPPORTED",
            )

    def absolute(self, uri: str) -> str:
        """Absolute URI of an artifact."""
        return f"{self.url.rstrip('/')}/{uri.removeprefix(_RELATIVE)}" if uri.startswith(_RELATIVE) else uri

    @cached_property
    def _filesystem(self) -> fsspec.AbstractFileSystem:
        return fsspec.filesystem(self.url.split("://")[0], **self.options)

    def folder(self, kind: str, uid: str, operation: str = "") -> str:
        """URI of the folder of a resource, or of what one operation makes of it, relative to the root."""
        parts = [f"{kind}s".replace(" ", "-"), uid, operation.rsplit("/", 1)[-1]]
        return _RELATIVE + "/".join(part for part in parts if part)

    def local_path(self, uri: str) -> Path | None:
        """Path of a URI on this machine's disk; None where it is elsewhere."""
        uri = self.absolute(uri)
        return Path(uri.removeprefix("file://")) if uri.startswith("file://") else None

    def create_array(self, uri: str, *, shape: tuple[int, ...], dtype: str, chunks: tuple[int, ...]) -> zarr.Array[Any]:
        """Zarr v3 array, of zeros; one that is there is replaced."""
        self._require_root()
        return zarr.create_array(
            self._zarr_store(uri),
            shape=shape,
            dtype=dtype,
            chunks=chunks,
            overwrite=True,
            storage_options=self._zarr_options(),
        )

    def open_array(self, uri: str, *, writable: bool = False) -> zarr.Array[Any]:
        """Zarr array of a URI.

        Raises
        ------
        DataLossError
            If it is not there.
        """
        try:
            return zarr.open_array(
                self._zarr_store(uri), mode="r+" if writable else "r", storage_options=self._zarr_options()
            )
        except FileNotFoundError as error:
            raise self._missing(uri) from error

    def write_array(self, uri: str, values: np.ndarray, *, chunk_rows: int = 65536) -> None:
        """Write a whole array, cut into chunks along its first axis."""
        chunks = (max(1, min(chunk_rows, len(values))), *values.shape[1:])
        self.create_array(uri, shape=values.shape, dtype=str(values.dtype), chunks=chunks)[...] = values

    def read_array(self, uri: str, rows: NDArray[np.integer] | range | None = None) -> np.ndarray:
        """Read a whole array, or some of its rows in their order; only the chunks that hold them are read."""
        if rows is None:
            return np.asarray(self.open_array(uri)[...])
        if isinstance(rows, range) and rows.step == 1:
            return np.asarray(self.open_array(uri)[rows.start : rows.stop])
        return self.array_rows(uri)[np.asarray(rows, np.int64)]

    def array_rows(self, uri: str) -> ArrayRows:
        """Rows of an array, of which a chunk is in memory."""
        return ArrayRows(self.open_array(uri))

    def _zarr_store(self, uri: str) -> str:
        return self.absolute(uri).removeprefix("file://")

    def _zarr_options(self) -> dict[str, Any] | None:
        return None if self.url.startswith("file://") else dict(self.options)

    def write_table(self, uri: str, table: pa.Table, *, rows_per_group: int = ROWS_PER_GROUP) -> None:
        """Write a table as Parquet; it appears whole or not at all."""
        with self.table_writer(uri, table.schema, rows_per_group=rows_per_group) as write:
            write(table)

    @contextlib.contextmanager
    def table_writer(
        self, uri: str, schema: pa.Schema, *, rows_per_group: int = ROWS_PER_GROUP
    ) -> Iterator[Callable[[pa.Table], None]]:
        """Write a table as Parquet in pieces, of which few are in memory; it appears whole or not at all.

        Yields
        ------
        write
            Function that takes the next piece, a table of the schema.
        """
        with self.writing(uri) as file, pq.ParquetWriter(file, schema, compression="zstd") as writer:
            held, count = [schema.empty_table()], 0

            def write(piece: pa.Table) -> None:
                nonlocal held, count
                held.append(piece)
                count += piece.num_rows
                if count >= rows_per_group:
                    # All groups but the last are alike, so that the group of a row is known.
                    whole = pa.concat_tables(held)
                    full = count - count % rows_per_group
                    writer.write_table(whole.slice(0, full), row_group_size=rows_per_group)
                    held, count = [whole.slice(full)], count - full

            yield write
            writer.write_table(pa.concat_tables(held), row_group_size=rows_per_group)

    def read_table(
        self, uri: str, columns: Sequence[str] | None = None, *, rows: NDArray[np.integer] | range | None = None
    ) -> pa.Table:
        """Read a table, or some of its columns and rows.

        Parameters
        ----------
        uri
            URI of the table.
        columns
            Columns wanted; all where not given.
        rows
            Rows wanted, counted from 0, in the order in which they are returned; all where not given. Only the groups
            of rows that hold them are read, one at a time.
        """
        wanted = None if columns is None else list(columns)
        with self.opened_table(uri) as file:
            return file.read(wanted) if rows is None else read_rows(file, wanted, np.asarray(rows, np.int64))

    def read_row_group(self, uri: str, group: int) -> pa.Table:
        """Read one group of rows of a table."""
        with self.opened_table(uri) as file:
            return file.read_row_group(group)

    def row_groups(self, uri: str, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Groups of rows of a table in their order, read one at a time."""
        with self.opened_table(uri) as file:
            for group in range(file.num_row_groups):
                yield file.read_row_group(group, None if columns is None else list(columns))

    def table_schema(self, uri: str) -> pa.Schema:
        """Schema of a table."""
        with self.opened_table(uri) as file:
            return file.schema_arrow

    @contextlib.contextmanager
    def opened_table(self, uri: str) -> Iterator[pq.ParquetFile]:
        """Parquet file of a table, for its statistics and groups of rows."""
        with self._opened(uri) as file, pq.ParquetFile(file) as opened:
            yield opened

    # Blocks: a table of which each block is read alone, however many there are

    def write_blocks(self, uri: str, schema: pa.Schema, blocks: Iterable[pa.RecordBatch]) -> None:
        """Write record batches as an Arrow file; it appears whole or not at all."""
        options = pa.ipc.IpcWriteOptions(compression="zstd")
        with self.writing(uri) as file, pa.ipc.new_file(file, schema, options=options) as writer:
            for block in blocks:
                writer.write_batch(block)

    def read_block(self, uri: str, index: int) -> pa.RecordBatch:
        """Read one of the record batches of an Arrow file, at the same cost whichever it is."""
        with self._opened(uri) as file:
            return pa.ipc.open_file(file).get_batch(index)

    def write_bytes(self, uri: str, data: bytes) -> None:
        """Write a file; it appears whole or not at all."""
        with self.writing(uri) as file:
            file.write(data)

    def read_bytes(self, uri: str) -> bytes:
        """Read a file."""
        with self._opened(uri) as file:
            data: bytes = file.read()
            return data

    def read_ranges(self, ranges: Sequence[tuple[str, int, int]]) -> list[bytes]:
        """Read parts of files, given URI, first byte and end of each; from S3 many at a time."""
        begins, ends = [begin for _, begin, _ in ranges], [end for _, _, end in ranges]
        paths = [self.absolute(uri) for uri, _, _ in ranges]
        return list(self._filesystem.cat_ranges(paths, begins, ends, on_error="raise"))

    def check(self) -> None:
        """See whether the root can be read and, on a local disk, written; raise `UnavailableError` where it cannot."""
        if self.local_path(self.url) is not None:
            self._require_root()
            return
        try:
            # Without `refresh` the file system would answer from what it remembers.
            self._filesystem.ls(self.url.removeprefix("s3://").split("/")[0], refresh=True)
        except Exception as error:  # those of object stores have no common root but Exception
            raise artifacts_away(self.url, error) from error

    @cached_property
    def _made(self) -> bool:
        """Make the root, once: where it is gone later its disk is away, and another one is not to be written to."""
        if (local := self.local_path(self.url)) is not None:
            local.mkdir(parents=True, exist_ok=True)
        return True

    def _require_root(self) -> None:
        """Raise UnavailableError unless the root on a local disk is there and, where it needs to be, can be written."""
        if (local := self.local_path(self.url)) is not None:
            try:
                _ = self._made
                if not self.read_only:
                    _require_writable(local)
            except OSError as error:
                raise artifacts_away(self.url, error) from error

    def outage(self, error: BaseException) -> UnavailableError | None:
        """Error in the place of one that shows that the disk or bucket is away; None where it shows something else."""
        return artifacts_away(self.url, error) if is_transport_fault(error) else None

    def _missing(self, uri: str) -> DataLossError:
        self._require_root()
        return DataLossError(
            f"The artifact {uri} is missing: restore it from a backup or make the resource again.",
            reason="ARTIFACT_MISSING",
            uri=uri,
        )

    def exists(self, uri: str) -> bool:
        """Whether there is anything at a URI."""
        return bool(self._filesystem.exists(self.absolute(uri)))

    def size(self, uri: str) -> int:
        """Bytes of all files below a URI; 0 where there is nothing."""
        with contextlib.suppress(FileNotFoundError):
            return int(self._filesystem.du(self.absolute(uri), total=True, withdirs=False))
        return 0

    def changed(self, uri: str) -> float:
        """When a file below a URI last changed, in seconds since 1970; 0 where there is none."""
        paths = self._filesystem.find(self.absolute(uri))
        return max((float(self._filesystem.modified(path).timestamp()) for path in paths), default=0.0)

    def remove(self, uri: str) -> None:
        """Remove a file or a folder; does nothing where there is none."""
        with contextlib.suppress(FileNotFoundError):
            self._filesystem.rm(self.absolute(uri), recursive=True)

    def resource_folders(self) -> dict[str, str]:
        """Folder URI of every resource that has artifacts, by its uid."""
        folders: dict[str, str] = {}
        with contextlib.suppress(FileNotFoundError):
            for kind in self._filesystem.ls(self.url, detail=False):
                for folder in self._filesystem.ls(kind, detail=False):
                    folders[folder.rsplit("/", 1)[-1]] = _RELATIVE + "/".join(folder.rstrip("/").rsplit("/", 2)[1:])
        return folders

    @contextlib.contextmanager
    def writing(self, uri: str) -> Iterator[Any]:
        """Binary file to write to; it appears whole at the end, or not at all."""
        self._require_root()
        uri = self.absolute(uri)
        self._filesystem.makedirs(uri.rsplit("/", 1)[0], exist_ok=True)
        temporary = f"{uri}.{uuid.uuid4().hex}.tmp"
        try:
            with self._filesystem.open(temporary, "wb") as file:
                yield file
            self._filesystem.mv(temporary, uri)
        except BaseException:
            with contextlib.suppress(OSError):
                self._filesystem.rm(temporary)
            raise

    @contextlib.contextmanager
    def local_file(self, uri: str) -> Iterator[Path]:
        """Path of a file on this machine's disk: itself, or a copy that is gone afterwards."""
        local = self.local_path(uri)
        if local is not None:
            yield local
            return
        with tempfile.TemporaryDirectory(prefix="lse-") as folder:
            path = Path(folder) / uri.rsplit("/", 1)[-1]
            with self._opened(uri) as file, path.open("wb") as copy:
                copy.writelines(iter(lambda: file.read(1 << 20), b""))
            yield path

    @contextlib.contextmanager
    def working_folder(self, uri: str) -> Iterator[tuple[Path, Callable[[], None]]]:
        """Folder on this machine's disk for a program that writes files by itself, and how to keep what it wrote.

        Yields
        ------
        path, keep
            The folder, with what was kept at the URI before; and a function that brings new and changed files there.
        """
        uri, local = self.absolute(uri), self.local_path(uri)
        if local is not None:
            local.mkdir(parents=True, exist_ok=True)
            yield local, lambda: None
            return
        with tempfile.TemporaryDirectory(prefix="lse-") as folder:
            path = Path(folder)
            if self._filesystem.exists(uri):
                self._filesystem.get(f"{uri}/", f"{path}/", recursive=True)
            kept: dict[Path, int] = {}

            def keep() -> None:
                for file in path.rglob("*"):
                    if file.is_file() and kept.get(file) != file.stat().st_mtime_ns:
                        kept[file] = file.stat().st_mtime_ns
                        self._filesystem.put_file(str(file), f"{uri}/{file.relative_to(path).as_posix()}")

            yield path, keep

    @contextlib.contextmanager
    def _opened(self, uri: str) -> Iterator[Any]:
        try:
            file = self._filesystem.open(self.absolute(uri), "rb")
        except FileNotFoundError as error:
            raise self._missing(uri) from error
        with file:
            yield file


def _require_writable(folder: Path) -> None:
    folder.stat()
    if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(folder))
