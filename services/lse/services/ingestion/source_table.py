"""The sources of a dataset as a table: what each image can be read from again."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from lse.images.sources import Source
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue.records.dataset import DatasetResult

__all__ = ["SOURCES", "source_of_line", "source_table", "sources_of", "sources_uri", "write_sources"]

_ROWS = 8192  # of the table in memory at a time
# Paths are bytes: names of files need not be text.
SOURCES = pa.schema(
    [
        ("name", pa.string()),
        ("path", pa.binary()),
        ("relative", pa.string()),
        ("root", pa.binary()),
        ("member", pa.string()),
        ("ra", pa.float64()),
        ("dec", pa.float64()),
        ("bands", pa.list_(pa.binary())),
    ]
)


def source_table(sources: Sequence[Source]) -> pa.Table:
    """Table of sources, one row each."""
    return pa.table(
        {
            "name": [source.name for source in sources],
            "path": [os.fsencode(source.path) for source in sources],
            "relative": [source.relative for source in sources],
            "root": [os.fsencode(source.root or source.path) for source in sources],
            "member": [source.member for source in sources],
            "ra": [source.position and source.position[0] for source in sources],
            "dec": [source.position and source.position[1] for source in sources],
            "bands": [[path and os.fsencode(path) for path in source.bands] for source in sources],
        },
        schema=SOURCES,
    )


def sources_of(table: pa.Table) -> list[Source]:
    """Sources of the rows of such a table."""
    return [
        Source(
            name=each["name"],
            path=Path(os.fsdecode(each["path"])),
            relative=each["relative"],
            root=Path(os.fsdecode(each["root"])),
            member=each["member"],
            position=None if each["ra"] is None else (each["ra"], each["dec"]),
            bands=tuple(band and Path(os.fsdecode(band)) for band in each["bands"]),
        )
        for each in table.select(SOURCES.names).to_pylist()
    ]


def sources_uri(folder: str) -> str:
    """URI of the table of the sources of a dataset, one row an input."""
    return f"{folder}/sources.parquet"


def write_sources(artifacts: Artifacts, folder: str, sources: Sequence[Source], earlier: DatasetResult | None) -> None:
    """Write the table of the sources of a dataset: those that it had, and these after them."""
    with artifacts.table_writer(sources_uri(folder), SOURCES) as write:
        if earlier is not None and earlier.sources_uri:
            for group in artifacts.row_groups(earlier.sources_uri):
                write(group)
        elif earlier is not None:
            for group in artifacts.row_groups(earlier.table_uri, ["name", "source"]):
                write(source_table(list(_plain_sources(group))))
        for first in range(0, len(sources), _ROWS):
            write(source_table(sources[first : first + _ROWS]))


def source_of_line(artifacts: Artifacts, dataset: DatasetResult, line: int) -> Source:
    """Source of a line of the image table of a dataset."""
    rows = range(line, line + 1)
    if dataset.sources_uri:
        return sources_of(artifacts.read_table(dataset.sources_uri, rows=rows))[0]
    return next(_plain_sources(artifacts.read_table(dataset.table_uri, ["name", "source"], rows=rows)))


def _plain_sources(lines: pa.Table) -> Iterator[Source]:
    """Sources of lines of an image table, as far as it says them: datasets of version 0.1 have no table of sources."""
    for name, text in zip(lines["name"].to_pylist(), lines["source"].to_pylist(), strict=True):
        path = Path(text)
        yield Source(name=name, path=path, relative=path.name, root=path)
