"""Images of a dataset as squares around the positions of a catalogue, cut out of mosaics."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np
import pyarrow as pa

from lse.errors import InvalidArgumentError, LseError
from lse.images.cutouts import depths_in_mosaic
from lse.images.recipe import Recipe
from lse.images.sources import Source
from lse.platform.guarded.reading import Reading
from lse.platform.outages import is_outage
from lse.progress import ShouldStop
from lse.services.ingestion.fetching import fetched
from lse.tables.catalogue import Catalogue
from lse.values import counted

__all__ = ["cutout_sources"]

_SHOWN = 3


def cutout_sources(
    reading: Reading,
    mosaics: Sequence[Source],
    catalogue: Catalogue | None,
    recipe: Recipe,
    *,
    should_stop: ShouldStop = lambda: False,
) -> tuple[list[Source], list[str]]:
    """Sources of the rows of a catalogue, each in the mosaic in which it lies deepest, and what is said of them.

    A row that lies in none belongs to the first, and is rejected when it is read.

    Raises
    ------
    InvalidArgumentError
        ``CATALOGUE_INVALID`` without a catalogue of names and positions; ``USABLE_IMAGES_MISSING`` where no file is a
        mosaic.
    """
    if catalogue is None or not catalogue.key or not {"ra_deg", "dec_deg"} <= set(catalogue.table.column_names):
        raise InvalidArgumentError(
            "The recipe's 'cutout' needs a catalogue with a column of names and the positions to cut out: give one "
            "with ra_deg and dec_deg (--catalogue), without a radius.",
            reason="CATALOGUE_INVALID",
        )
    table = catalogue.table
    positions = np.stack([table[key].cast(pa.float64()).to_numpy() for key in ("ra_deg", "dec_deg")], axis=1)
    best = np.full(len(positions), -np.inf)
    which = np.full(len(positions), -1)
    failed: list[str] = []
    for number, mosaic in enumerate(mosaics):
        try:
            with fetched(reading, [mosaic], large=True) as (local,):
                if not isinstance(local, Source):
                    raise local
                within = None if local.root is None else (local.root, *reading.folders)
                options = (mosaic.relative, positions, recipe.extensions, within)
                depths = reading.call(
                    partial(depths_in_mosaic, remote=local.remote),
                    local.path,
                    *options,
                    what=mosaic.relative,
                    should_stop=should_stop,
                )
        except LseError as error:
            if should_stop() or is_outage(error):
                raise
            failed.append(error.message)
            continue
        which = np.where((depths > best) | (which < 0), number, which)
        best = np.maximum(best, depths)
    if len(failed) == len(mosaics):
        raise InvalidArgumentError(
            f"None of {counted(len(mosaics), 'input')} is a mosaic to cut images out of: {failed[0]}",
            reason="USABLE_IMAGES_MISSING",
        )
    sources = [
        Source(
            name=str(name),
            path=mosaics[number].path,
            relative=f"{mosaics[number].relative}#{name}",
            root=mosaics[number].root,
            member=str(name),
            position=(float(ra), float(dec)),
        )
        for name, number, (ra, dec) in zip(table[catalogue.key].to_pylist(), which, positions, strict=True)
    ]
    side = recipe.cutout or 0
    partly = int(((best < side / 2) & (best > -side / 2)).sum())
    notes = [
        f"{counted(len(sources), 'image')} of {side} pixels cut out of {counted(len(mosaics) - len(failed), 'mosaic')}."
    ]
    if partly:
        notes.append(f"{partly} of them reach over the edge of their mosaic (column 'outside_fraction').")
    notes += [f"A file was left out: {message}" for message in failed[:_SHOWN]]
    return sources, notes
