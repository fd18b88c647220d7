"""Bulk data under one URI: arrays (Zarr v3), tables (Parquet) and plain files, on a local disk or in S3.

Nothing here is published by being written: a reader finds an artifact only through the catalogue, which names it
once it is complete.  Every operation therefore writes below a folder of its own (`Artifacts.folder`).
"""

from __future__ import annotations

import contextlib
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import fsspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import zarr

from lse.platform.errors import DataLossError, InvalidArgumentError

__all__ = ["Artifacts"]


@dataclass(frozen=True)
class Artifacts:
    """The artifacts of an installation; cheap to copy to other processes.

    Attributes
    ----------
    url
        Root folder, ``file:///…`` or ``s3://bucket/prefix``.
    options
        Options of the fsspec file system.
    """

    url: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.url.split("://")[0] not in ("file", "s3"):
            raise InvalidArgumentError(
                f"Artifacts cannot be kept at '{self.url}': give a file:// or s3:// URL.",
                reason="UNSUPPORTED_ARTIFACTS",
            )

    @cached_property
    def _filesystem(self) -> fsspec.AbstractFileSystem:
        return fsspec.filesystem(self.url.split("://")[0], **self.options)

    def folder(self, kind: str, uid: str, operation: str = "") -> str:
        """URI of the folder of a resource, or of what one operation makes of it."""
        parts = [self.url.rstrip("/"), f"{kind}s".replace(" ", "-"), uid, operation.rsplit("/", 1)[-1]]
        return "/".join(part for part in parts if part)

    def local_path(self, uri: str) -> Path | None:
        """Path of a URI on this machine's disk; None where it is elsewhere."""
        return Path(uri.removeprefix("file://")) if uri.startswith("file://") else None

    # Arrays

    def create_array(self, uri: str, *, shape: tuple[int, ...], dtype: str, chunks: tuple[int, ...]) -> zarr.Array[Any]:
        """Zarr v3 array, of zeros; one that is there is replaced."""
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
            raise _missing(uri) from error

    def write_array(self, uri: str, values: np.ndarray, *, chunk_rows: int = 65536) -> None:
        """Write a whole array, cut into chunks along its first axis."""
        chunks = (max(1, min(chunk_rows, len(values))), *values.shape[1:])
        self.create_array(uri, shape=values.shape, dtype=str(values.dtype), chunks=chunks)[...] = values

    def read_array(self, uri: str) -> np.ndarray:
        """Read a whole array."""
        return np.asarray(self.open_array(uri)[...])

    def _zarr_store(self, uri: str) -> str:
        return uri.removeprefix("file://")

    def _zarr_options(self) -> dict[str, Any] | None:
        return None if self.url.startswith("file://") else dict(self.options)

    # Tables

    def write_table(self, uri: str, table: pa.Table, *, rows_per_group: int = 65536) -> None:
        """Write a table as Parquet; it appears whole or not at all."""
        with self.writing(uri) as file:
            pq.write_table(table, file, compression="zstd", row_group_size=rows_per_group)

    def read_table(self, uri: str, columns: list[str] | None = None) -> pa.Table:
        """Read a table, or some of its columns."""
        with self._opened(uri) as file:
            return pq.read_table(file, columns=columns)

    def read_row_group(self, uri: str, group: int) -> pa.Table:
        """Read one group of rows of a table."""
        with self._opened(uri) as file:
            return pq.ParquetFile(file).read_row_group(group)

    # Files

    def write_bytes(self, uri: str, data: bytes) -> None:
        """Write a file; it appears whole or not at all."""
        with self.writing(uri) as file:
            file.write(data)

    def read_bytes(self, uri: str) -> bytes:
        """Read a file."""
        with self._opened(uri) as file:
            data: bytes = file.read()
            return data

    def exists(self, uri: str) -> bool:
        """Whether there is anything at a URI."""
        return bool(self._filesystem.exists(uri))

    def remove(self, uri: str) -> None:
        """Remove a file or a folder; does nothing where there is none."""
        with contextlib.suppress(FileNotFoundError):
            self._filesystem.rm(uri, recursive=True)

    def resource_folders(self) -> dict[str, str]:
        """Folder URI of every resource that has artifacts, by its uid."""
        scheme = self.url.split("://")[0]
        folders: dict[str, str] = {}
        with contextlib.suppress(FileNotFoundError):
            for kind in self._filesystem.ls(self.url, detail=False):
                for folder in self._filesystem.ls(kind, detail=False):
                    folders[folder.rsplit("/", 1)[-1]] = f"{scheme}://{folder}"
        return folders

    @contextlib.contextmanager
    def writing(self, uri: str) -> Iterator[Any]:
        """Binary file to write to; it appears whole at the end, or not at all."""
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
            path.write_bytes(self.read_bytes(uri))
            yield path

    @contextlib.contextmanager
    def working_folder(self, uri: str) -> Iterator[tuple[Path, Callable[[], None]]]:
        """Folder on this machine's disk for a program that writes files by itself, and how to keep what it wrote.

        Yields
        ------
        path, keep
            The folder, with what was kept at the URI before; and a function that brings new and changed files there.
        """
        local = self.local_path(uri)
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
            file = self._filesystem.open(uri, "rb")
        except FileNotFoundError as error:
            raise _missing(uri) from error
        with file:
            yield file


def _missing(uri: str) -> DataLossError:
    return DataLossError(
        f"The artifact {uri} is missing: restore it from a backup or make the resource again.",
        reason="ARTIFACT_MISSING",
        uri=uri,
    )
