"""Parts: what one task of an ingest prepares.

Images are prepared in parts of `PART_SOURCES` sources, written by workers in any order; see `assembly` for how parts
become a dataset.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from lse.columns import ColumnMeaning
from lse.images.file_preparation import Prepared, Rejected
from lse.images.recipe import PreparedImage, load_recipe
from lse.images.sources import Source
from lse.kinds import Scalar
from lse.platform.artifacts import Artifacts
from lse.platform.guarded.reading import Reading
from lse.services.ingestion.guarded_files import prepared_files
from lse.services.ingestion.sent_files import at_hand
from lse.services.ingestion.source_table import SOURCES, source_table, sources_of
from lse.tables.image_table import beside, fact_columns, facts_of, header_columns

__all__ = ["PART_SOURCES", "Preparation", "part_uri", "pixel_digest", "plan_uri", "prepare_part", "write_plan"]

PART_SOURCES = 64

_INPUT = pa.schema([(name, pa.string()) for name in ("name", "source", "status", "reason", "message")])


def write_plan(artifacts: Artifacts, folder: str, sources: Sequence[Source], catalogue: pa.Table | None) -> None:
    """Write the sources of an ingest and what the catalogue says of each, a block for each part.

    Parameters
    ----------
    artifacts, folder
        Where to.
    sources
        The sources.
    catalogue
        Columns of the catalogue, one row per source.
    """
    facts = None if catalogue is None else facts_of(catalogue, "catalogue").combine_chunks()

    def block(first: int, end: int) -> pa.Table:  # made when it is written: a table of all takes as much again
        own = source_table(sources[first:end])
        return own if facts is None else beside(own, facts.slice(first, end - first))

    blocks = (
        block(first, first + PART_SOURCES).combine_chunks().to_batches()[0]
        for first in range(0, len(sources), PART_SOURCES)
    )
    artifacts.write_blocks(plan_uri(folder), block(0, 0).schema, blocks)


def plan_uri(folder: str) -> str:
    """URI of the plan of an ingest."""
    return f"{folder}/plan.arrow"


def part_uri(folder: str, index: int) -> str:
    """URI of a part."""
    return f"{folder}/parts/{index:06d}.parquet"


@dataclass(frozen=True)
class Preparation:
    """How the sources of an ingest are prepared.

    Attributes
    ----------
    recipe
        Recipe, as YAML.
    channels
        Channels that every tensor must have.
    reading
        What a file may cost.
    """

    recipe: str
    channels: int
    reading: Reading


def prepare_part(artifacts: Artifacts, folder: str, index: int, preparation: Preparation) -> dict[str, int]:
    """Prepare the sources of one part.

    Parameters
    ----------
    artifacts
        Where the plan is and the part goes.
    folder
        Folder of the ingest.
    index
        Number of the part.
    preparation
        How to prepare them.

    Returns
    -------
    dict
        Counts of ``prepared`` and ``rejected`` sources.
    """
    recipe = load_recipe(preparation.recipe)
    plan = pa.Table.from_batches([artifacts.read_block(plan_uri(folder), index)])
    sources = sources_of(plan)
    with at_hand(artifacts, sources) as readable:
        outcomes = prepared_files(preparation.reading, readable, recipe, channels=preparation.channels)
    part = pa.Table.from_pylist([_input(outcome) for outcome in outcomes], schema=_INPUT)
    for facts in (plan.drop_columns(SOURCES.names), _header(outcomes), _preparation(outcomes), _pictures(outcomes)):
        part = beside(part, facts)
    artifacts.write_table(part_uri(folder, index), part)
    prepared = sum(isinstance(outcome, Prepared) for outcome in outcomes)
    return {"prepared": prepared, "rejected": len(outcomes) - prepared}


def _input(outcome: Prepared | Rejected) -> dict[str, str]:
    own = {"name": outcome.source.name, "source": outcome.source.location}
    if isinstance(outcome, Prepared):
        return {**own, "status": "prepared"}
    return {**own, "status": "rejected", "reason": outcome.reason, "message": outcome.message}


def _header(outcomes: Sequence[Prepared | Rejected]) -> pa.Table:
    """What the files say about themselves; a unit where all that have one agree."""
    units: defaultdict[str, set[str]] = defaultdict(set)
    for outcome in outcomes:
        if isinstance(outcome, Prepared):
            for key, unit in outcome.units.items():
                units[key].add(unit)
    meanings = {key: ColumnMeaning(unit=next(iter(found))) for key, found in units.items() if len(found) == 1}
    facts = [outcome.metadata if isinstance(outcome, Prepared) else {} for outcome in outcomes]
    return header_columns(facts, meanings)


def _preparation(outcomes: Sequence[Prepared | Rejected]) -> pa.Table:
    """What was done to the images: one column per channel where there are several."""
    facts: list[dict[str, Scalar]] = []
    for outcome in outcomes:
        flat: dict[str, Scalar] = {}
        for field in fields(PreparedImage):
            value = getattr(outcome.image, field.name) if isinstance(outcome, Prepared) else None
            if isinstance(value, tuple):
                flat |= {f"{field.name}.{channel}": item for channel, item in enumerate(value)}
            elif value is not None and not isinstance(value, np.ndarray):
                flat[field.name] = value
        facts.append(flat)
    unit = _common_unit(outcomes)
    limits = {key for flat in facts for key in flat if key.startswith(("low.", "high.", "background."))}
    return fact_columns("preparation", facts, {key: ColumnMeaning(unit=unit) for key in limits if unit})


def _common_unit(outcomes: Sequence[Prepared | Rejected]) -> str:
    """Unit of the pixels where all images have the same one."""
    units = {outcome.units.get("pixels", "") for outcome in outcomes if isinstance(outcome, Prepared)}
    return units.pop() if len(units) == 1 else ""


def _pictures(outcomes: Sequence[Prepared | Rejected]) -> pa.Table:
    """Thumbnails, tensors and their digests, null of rejected inputs."""
    prepared = [outcome if isinstance(outcome, Prepared) else None for outcome in outcomes]
    digests = [each and pixel_digest(each.image.tensor, (*each.image.low, *each.image.high)) for each in prepared]
    return pa.table(
        {
            "thumbnail": pa.array([each and each.thumbnail for each in prepared], pa.binary()),
            "tensor": pa.array([each and each.image.tensor.tobytes() for each in prepared], pa.large_binary()),
            "digest": pa.array(digests, pa.binary()),
        }
    )


def pixel_digest(tensor: NDArray[np.float32], limits: Sequence[float]) -> bytes:
    """Digest of a prepared image: of its tensor and of the limits of its stretch, in the units of the file."""
    digest = hashlib.blake2b(np.ascontiguousarray(tensor, "<f4").tobytes(), digest_size=16)
    digest.update(np.asarray(limits, "<f8").tobytes())
    return digest.digest()
