"""Parts: what one task of an ingest prepared, and how parts become the arrays of a dataset.

Images are prepared in parts of `PART_SOURCES` sources, written by workers in any order.  Which row an image gets is
known only when all parts are there, since rejected inputs have none; then `fill_rows` copies the parts to their rows.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from lse.ingestion.preparation import Prepared, prepare_file
from lse.ingestion.recipes import load_recipe
from lse.ingestion.sources import Source
from lse.platform.artifacts import Artifacts

__all__ = ["PART_SOURCES", "ROWS_PER_CHUNK", "Segment", "fill_rows", "part_uri", "plan_table", "prepare_part"]

PART_SOURCES = 64
# A chunk of 256 images of 64x64 in one band is 4 MiB: large enough to stream, small enough to touch a few images.
ROWS_PER_CHUNK = 256

_PART = pa.schema(
    [
        ("name", pa.string()),
        ("source", pa.string()),
        ("status", pa.string()),
        ("reason", pa.string()),
        ("message", pa.string()),
        ("catalogue", pa.string()),
        ("header", pa.string()),
        ("preparation", pa.string()),
        ("thumbnail", pa.binary()),
        ("tensor", pa.large_binary()),
    ]
)


@dataclass(frozen=True)
class Segment:
    """Consecutive prepared images in a part, or in the arrays of an earlier version of the dataset.

    Attributes
    ----------
    images_uri
        Zarr array of an earlier version; empty for a part.
    table_uri
        Parquet table with the column ``thumbnail``: the part itself, or the thumbnails of the earlier version.
    first_row
        Row of its first image in the dataset.
    count
        Images in it.
    """

    images_uri: str
    table_uri: str
    first_row: int
    count: int


def plan_table(sources: Sequence[Source], catalogue: dict[str, dict[str, Any]]) -> pa.Table:
    """Table of the sources of an ingest and what the catalogue says of each."""
    return pa.table(
        {
            "name": [source.name for source in sources],
            "path": [str(source.path) for source in sources],
            "relative": [source.relative for source in sources],
            "catalogue": [json.dumps(catalogue.get(source.name, {})) for source in sources],
        }
    )


def part_uri(folder: str, index: int) -> str:
    """URI of a part."""
    return f"{folder}/parts/{index:06d}.parquet"


def prepare_part(artifacts: Artifacts, folder: str, index: int, recipe_text: str, channels: int) -> dict[str, int]:
    """Prepare the sources of one part.

    Parameters
    ----------
    artifacts
        Where the plan is and the part goes.
    folder
        Folder of the ingest.
    index
        Number of the part.
    recipe_text
        Recipe, as YAML.
    channels
        Channels that every tensor must have.

    Returns
    -------
    dict
        Counts of ``prepared`` and ``rejected`` sources.
    """
    recipe = load_recipe(recipe_text)
    plan = artifacts.read_table(f"{folder}/plan.parquet").slice(index * PART_SOURCES, PART_SOURCES)
    rows = []
    for planned in plan.to_pylist():
        source = Source(name=planned["name"], path=Path(planned["path"]), relative=planned["relative"])
        outcome = prepare_file(source, recipe, channels=channels)
        row = {"name": source.name, "source": str(source.path), "catalogue": planned["catalogue"]}
        if isinstance(outcome, Prepared):
            preparation = asdict(outcome.image)
            tensor = preparation.pop("tensor")
            row |= {
                "status": "prepared",
                "header": json.dumps(dict(outcome.metadata)),
                "preparation": json.dumps(_flat(preparation)),
                "thumbnail": outcome.thumbnail,
                "tensor": tensor.tobytes(),
            }
        else:
            row |= {"status": "rejected", "reason": outcome.reason, "message": outcome.message}
        rows.append(row)
    table = pa.Table.from_pylist(rows, schema=_PART)
    artifacts.write_table(part_uri(folder, index), table)
    prepared = sum(row["status"] == "prepared" for row in rows)
    return {"prepared": prepared, "rejected": len(rows) - prepared}


def _flat(preparation: dict[str, Any]) -> dict[str, Any]:
    """Preparation facts as columns: one a channel where there are several."""
    flat: dict[str, Any] = {}
    for key, value in preparation.items():
        if isinstance(value, (tuple, list)):
            flat.update({f"{key}.{channel}": item for channel, item in enumerate(value)})
        else:
            flat[key] = value
    return flat


def fill_rows(artifacts: Artifacts, images_uri: str, first: int, segments: Sequence[Segment]) -> int:
    """Fill the chunk of a dataset's array that begins at row `first` with the images of some segments.

    Returns
    -------
    int
        Rows filled.
    """
    array = artifacts.open_array(images_uri, writable=True)
    last = min(first + ROWS_PER_CHUNK, array.shape[0])
    chunk = np.empty((last - first, *array.shape[1:]), dtype=np.float32)
    for segment in segments:
        begin = max(first, segment.first_row)
        end = min(last, segment.first_row + segment.count)
        if begin >= end:
            continue
        within = slice(begin - segment.first_row, end - segment.first_row)
        if segment.images_uri:
            chunk[begin - first : end - first] = artifacts.open_array(segment.images_uri)[within]
        else:
            tensors = artifacts.read_table(segment.table_uri, ["tensor"])["tensor"].drop_null()[within]
            images = np.stack([np.frombuffer(tensor.as_buffer(), np.float32) for tensor in tensors])
            chunk[begin - first : end - first] = images.reshape(-1, *array.shape[1:])
    array[first:last] = chunk
    return last - first
