"""Collections of many images: the memory of planning, listing, filtering and paging them, and the time of planning.

Each measurement runs in a process of its own, after the same work on a small collection; its memory is the most that
the process takes beside what it had then, its libraries among them.

- ``plan``: the sources of an ingest are found, the recipe is chosen and the plan is written, of one Parquet file.
- ``list``: an image table of 20 columns is filtered and ordered, pages are read, an image is found by its name.
- ``files``: the time of planning for each of many small files, and for each of four times as many.

    python benchmarks/large_collections.py [--rows 1000000] [--files 10000] [--json]
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from large_tables import make
from PIL import Image

from lse.images.sources import folder_classes, likely_pattern
from lse.platform.artifacts import Artifacts
from lse.platform.guarded.reading import Reading
from lse.platform.prepared_images import image_line, image_rows
from lse.services.ingestion.guarded_files import choose_recipe, find_images
from lse.services.ingestion.image_listing import select_lines
from lse.services.ingestion.parts import write_plan
from lse.services.ingestion.sent_files import at_hand
from lse.services.ingestion.source_table import write_sources

READING = Reading(("*",), seconds=60, memory_bytes=2**32, file_bytes=2**31)
RECIPE = "{size: 16}"
_SMALL = 2_000
_STEP = 50_000


def pictures() -> list[bytes]:
    """Some small PNG files."""
    rng = np.random.default_rng(0)
    encoded = []
    for _ in range(16):
        buffer = io.BytesIO()
        Image.fromarray(rng.integers(0, 255, (16, 16), dtype=np.uint8)).save(buffer, "PNG")
        encoded.append(buffer.getvalue())
    return encoded


def stack(path: Path, rows: int) -> None:
    """Write a Parquet file of so many small images."""
    encoded = pictures()
    schema = pa.schema([("image", pa.binary()), ("objid", pa.int64())])
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, rows, _STEP):
            lines = np.arange(first, min(first + _STEP, rows))
            writer.write_table(pa.table([[encoded[line % 16] for line in lines], lines], schema=schema))


def plan(source: Path, folder: Path) -> int:
    """Plan an ingest of a file or folder as a service does; number of images."""
    artifacts = Artifacts(f"file://{folder}")
    sources, recipe_text = find_images(READING, [str(source)], RECIPE)
    folder_classes(sources)
    with at_hand(artifacts, sources) as readable:
        choose_recipe(READING, readable, recipe_text)
    likely_pattern(sources)
    write_plan(artifacts, f"file://{folder}/plan", sources, None)
    write_sources(artifacts, f"file://{folder}/plan", sources, None)
    return len(sources)


def listing(folder: Path, rows: int) -> None:
    """What listing, filtering, ordering, paging and asking by name do with an image table."""
    artifacts, uri = Artifacts(f"file://{folder}"), f"file://{folder}/images.parquet"
    if not (folder / "images.parquet").exists():
        make(artifacts, uri, rows)
    for filter_, order in (("flux0 > 1", ""), ('class0 = "ring"', "flux1 desc"), ("", "objid")):
        lines = select_lines(artifacts, uri, filter_, order)
        for page in range(3):
            artifacts.read_table(uri, rows=lines[page * 1000 : page * 1000 + 1000]).to_pylist()
    image_line(f"image-{rows // 2:07d}", image_rows(artifacts, uri), dataset="survey")


def measured(kind: str, path: Path, count: int) -> dict[str, float]:
    """Seconds and megabytes of one piece of work, in this process."""
    with tempfile.TemporaryDirectory() as other:
        small = Path(other)
        if kind == "plan":
            stack(small / "small.parquet", _SMALL)
            plan(small / "small.parquet", small)
        else:
            listing(small, _SMALL)
        before = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        started = time.perf_counter()
        if kind == "plan":
            count = plan(path, small)
        else:
            listing(path, count)
        seconds = time.perf_counter() - started
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {"images": count, "seconds": seconds, "megabytes": (most - before) / 1e6}


def apart(*arguments: object) -> dict[str, float]:
    """The same in a process of its own."""
    command = [sys.executable, __file__, "--measure", *map(str, arguments)]
    found: dict[str, float] = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    return found


def many_files(folder: Path, count: int) -> Path:
    """Folder of so many small images, in subfolders."""
    encoded = pictures()
    for number in range(count):
        own = folder / f"{number // 1000:03d}"
        own.mkdir(parents=True, exist_ok=True)
        (own / f"{number:06d}.png").write_bytes(encoded[number % len(encoded)])
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--measure", nargs=3, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        kind, path, count = options.measure
        print(json.dumps(measured(kind, Path(path), int(count))))
        return
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stack(folder / "survey.parquet", options.rows)
        figures["plan"] = apart("plan", folder / "survey.parquet", options.rows)
        make(Artifacts(f"file://{folder}"), f"file://{folder}/images.parquet", options.rows)
        figures["list"] = apart("list", folder, options.rows)
        for times in (1, 4):
            count = times * options.files
            figures[f"files x {times}"] = apart("plan", many_files(folder / f"files{times}", count), count)
    if options.json:
        print(json.dumps(figures))
        return
    for key, found in figures.items():
        each = found["seconds"] / found["images"] * 1e6
        print(f"{key:10} {found['images']:9,} images {found['megabytes']:6.0f} MB {each:7.1f} µs an image")
    one, four = (figures[f"files x {times}"] for times in (1, 4))
    print(f"four times the files: {four['seconds'] / one['seconds']:.2f} x the time")


if __name__ == "__main__":
    main()
