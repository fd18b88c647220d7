"""Large image tables: ten rows against the whole, and the memory of exports against that of the table.

Makes an image table of 20 columns (integers, numbers, times, texts), every hundredth input rejected.  Prints the
milliseconds for ten consecutive and ten scattered images and for the whole table, with their ratios, and for each
format the seconds of an export and the memory that it takes over that of its process at the start, beside the memory
of the table itself.  Each export runs in a process of its own.

    python benchmarks/large_tables.py [--rows 1000000] [--json]
"""

from __future__ import annotations

import argparse
import io
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lse.platform.artifacts import Artifacts
from lse.platform.prepared_images import image_blocks, prepared_images
from lse.tables.exports import EXPORTERS, CatalogueTable, write_catalogue

_STEP = 50_000
_ROUNDS = 5


def block(first: int, count: int) -> pa.Table:
    rng = np.random.default_rng(first)
    lines = np.arange(first, first + count)
    rejected = lines % 100 == 99
    texts = np.array(["spiral", "ring", "irregular", "lens"])
    columns: dict[str, Any] = {
        "name": [f"image-{line:07d}" for line in lines],
        "row": np.where(rejected, -1, lines - (lines + 1) // 100),
        "objid": 1237648720693755918 + lines,
    }
    columns |= {f"flux{number}": rng.normal(size=count) for number in range(10)}
    columns |= {f"count{number}": pa.array(rng.integers(0, 1000, count), mask=rejected) for number in range(3)}
    columns |= {f"class{number}": texts[rng.integers(0, 4, count)] for number in range(3)}
    columns["seen"] = pa.array(1_600_000_000_000_000 + lines * 1_000_000, pa.timestamp("us"))
    return pa.table(columns)


def make(artifacts: Artifacts, uri: str, rows: int) -> int:
    """Write the table; bytes that it takes in memory."""
    size = 0
    with artifacts.table_writer(uri, block(0, 1).schema) as write:
        for first in range(0, rows, _STEP):
            piece = block(first, min(_STEP, rows - first))
            size += piece.nbytes
            write(piece)
    return size


def export(folder: str, form: str) -> None:
    """Export the table in a process of its own and print seconds and peak memory in MB."""
    artifacts, uri = Artifacts(f"file://{folder}"), f"file://{folder}/images.parquet"
    schema = artifacts.table_schema(uri)
    rows = np.arange(int(Path(folder, "prepared").read_text()))
    write_catalogue(CatalogueTable.of(block(0, 100), "Warm"), form, io.BytesIO())
    catalogue = CatalogueTable(
        schema, len(rows), lambda names: image_blocks(artifacts, uri, list(names), rows), "A large catalogue"
    )
    before, peak, done = _resident(), 0, threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, _resident())

    watcher = threading.Thread(target=watch)
    watcher.start()
    started = time.perf_counter()
    with Path(folder, f"out.{form}").open("wb") as file:
        write_catalogue(catalogue, form, file)
    seconds = time.perf_counter() - started
    done.set()
    watcher.join()
    sys.stdout.write(json.dumps({"seconds": seconds, "megabytes": (peak - before) / 1e6}))


def _resident() -> int:
    """Bytes of memory that this process takes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def median_ms(work: Any) -> float:
    times = []
    for _ in range(_ROUNDS):
        started = time.perf_counter()
        work()
        times.append((time.perf_counter() - started) * 1e3)
    return statistics.median(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--export", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.export:
        export(*options.export)
        return
    with tempfile.TemporaryDirectory() as folder:
        artifacts, uri = Artifacts(f"file://{folder}"), f"file://{folder}/images.parquet"
        size = make(artifacts, uri, options.rows)
        names = artifacts.table_schema(uri).names
        prepared = prepared_images(artifacts, uri, ["row"]).num_rows
        Path(folder, "prepared").write_text(str(prepared))
        near = np.arange(10) + prepared // 2
        apart = np.sort(np.random.default_rng(0).choice(prepared, 10, replace=False))
        figures: dict[str, Any] = {"rows": options.rows, "table_megabytes": size / 1e6}
        for key, rows in (("ten_consecutive_ms", near), ("ten_scattered_ms", apart), ("whole_ms", None)):
            figures[key] = median_ms(lambda rows=rows: prepared_images(artifacts, uri, names, rows))
        figures["consecutive_over_whole"] = figures["ten_consecutive_ms"] / figures["whole_ms"]
        figures["scattered_over_whole"] = figures["ten_scattered_ms"] / figures["whole_ms"]
        for form in EXPORTERS.ids:
            command = [sys.executable, __file__, "--export", folder, form]
            found = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            figures |= {f"{form}_{key}": value for key, value in found.items()}
            figures[f"{form}_memory_over_table"] = found["megabytes"] / figures["table_megabytes"]
    if options.json:
        print(json.dumps(figures))
        return
    for key, value in figures.items():
        print(f"{key:28} {value:12,.3f}")


if __name__ == "__main__":
    main()
