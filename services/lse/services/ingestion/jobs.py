"""Long work of ingestion: plan, prepare in parts, put the parts together, publish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import NoneType
from typing import Any

import pyarrow as pa

from lse.errors import InvalidArgumentError
from lse.images.recipe import load_recipe
from lse.images.recipe_choice import ChosenRecipe
from lse.images.sources import Source, folder_classes, likely_pattern, names_of
from lse.platform.artifacts import Artifacts
from lse.platform.catalogue import DatasetRecord
from lse.platform.catalogue.records.dataset import Column, DatasetResult, DatasetSpec, versions_of
from lse.platform.catalogue.records.record import Facts
from lse.platform.guarded.reading import Reading
from lse.platform.operations import JobContext
from lse.services.ingestion.assembly import (
    ROWS_PER_CHUNK,
    Segment,
    create_images,
    fill_rows,
    segments_of,
    segments_within,
    write_tables,
)
from lse.services.ingestion.catalogues import AskedCatalogue, own_catalogue
from lse.services.ingestion.distinct import distinct_counts
from lse.services.ingestion.duplicates import Compared, compare_parts
from lse.services.ingestion.fetching import fetched_file
from lse.services.ingestion.guarded_files import choose_recipe, find_images
from lse.services.ingestion.image_services import found_images, is_image_service
from lse.services.ingestion.mosaics import cutout_sources
from lse.services.ingestion.notes import NOTED, all_simulated, keyword_notes, preparation_notes
from lse.services.ingestion.parts import PART_SOURCES, Preparation, part_uri, plan_uri, prepare_part, write_plan
from lse.services.ingestion.sent_files import at_hand, file_at_hand, own_names, sent_path
from lse.services.ingestion.sky_match import match_by_sky
from lse.services.ingestion.source_table import sources_uri, write_sources
from lse.services.ingestion.templates import addressed_sources, is_template
from lse.tables.catalogue import Catalogue
from lse.tables.image_table import beside, catalogue_columns, column_meanings, column_types, keywords_left_out
from lse.tables.join import join_catalogue, join_notes, rows_for
from lse.values import counted

__all__ = ["AddedSources", "add_images", "ingest_dataset"]

_CLASS = "class"


class AddedSources(Facts):
    """Sources that are added to a dataset, and the catalogue that is joined to them."""

    sources: tuple[str, ...]
    catalogue: str = ""
    catalogue_key: str = ""
    catalogue_radius_arcsec: float = 0


def ingest_dataset(context: JobContext[DatasetRecord]) -> None:
    """Make a dataset of sources."""
    spec = context.resource.spec
    plan = context.once(lambda: _plan(context, spec), stage="scanning", returns=dict[str, Any])
    _ingest(context, plan, spec, earlier=None)


def add_images(context: JobContext[DatasetRecord]) -> None:
    """Add sources to a dataset, by its recipe, after the images that it has."""
    earlier, added = context.resource.result, context.parameters(AddedSources)
    spec = DatasetSpec(recipe=earlier.recipe, **added.model_dump())
    plan = context.once(lambda: _plan(context, spec, earlier=earlier), stage="scanning", returns=dict[str, Any])
    _ingest(context, plan, spec, earlier=earlier)
    context.supersede(earlier.folder)


def _reading(context: JobContext[DatasetRecord]) -> Reading:
    return context.platform.reading.of_project(context.resource.parent)


def _plan(
    context: JobContext[DatasetRecord], spec: DatasetSpec, *, earlier: DatasetResult | None = None
) -> dict[str, Any]:
    """Find the sources, join the catalogue, choose the recipe: all that must be the same after a restart."""
    artifacts, reading = context.platform.artifacts, _reading(context)
    exclude = [spec.catalogue] if spec.catalogue and not spec.sent else []
    if not spec.sent:
        reading.check([*spec.sources, *exclude])
    read = _catalogue(context, spec) if spec.catalogue else None
    notes = list(read.notes) if read else []
    rows: dict[Path, int] = {}
    if any(map(is_template, spec.sources)):
        sources, numbers, more = addressed_sources(spec.sources, read)
        recipe_text, notes = spec.recipe, [*notes, *more]
        rows = dict(zip((source.path for source in sources), numbers, strict=True))
    elif any(map(is_image_service, spec.sources)):
        recipe_text, cut_here = spec.recipe, load_recipe(spec.recipe).cutout is not None
        offered = found_images(reading, spec.sources, read, cut_here=cut_here, should_stop=context.should_stop)
        sources, notes = offered.sources, [*notes, *offered.notes]
        rows = dict(zip((source.path for source in sources), offered.rows, strict=False))
    elif spec.sent:
        sources, recipe_text = _sent(context, spec)
    else:
        sources, recipe_text = find_images(reading, spec.sources, spec.recipe, exclude=exclude)
    recipe = load_recipe(recipe_text)
    if recipe.cutout is not None:
        sources, more = cutout_sources(reading, sources, read, recipe, should_stop=context.should_stop)
        notes += more
    if earlier is not None:
        sources, left_out = _new_sources(sources, artifacts.read_table(earlier.table_uri, ["name", "source"]))
        if left_out:
            notes.append(f"{counted(left_out, 'input was', 'inputs were')} in the dataset before and not added again.")
    context.platform.access.quotas.require(context.resource.parent, image_count=len(sources))
    catalogue = None
    if read is not None and not spec.catalogue_radius_arcsec:
        catalogue, more = _joined(sources, read, rows)
        notes += more
    together = any(source.bands or source.position for source in sources)
    classes = None if together else folder_classes(sources)
    if classes and (catalogue is None or _CLASS not in catalogue.column_names):
        own = pa.table({_CLASS: classes})
        catalogue = own if catalogue is None else beside(catalogue, own)
        notes.append(f"The column '{_CLASS}' is the folder of each image.")
    with at_hand(artifacts, sources) as readable:
        chosen = choose_recipe(reading, readable, recipe_text, should_stop=context.should_stop)
    if not spec.recipe:
        notes += _suggested(chosen)
        if pattern := likely_pattern(sources):
            notes.append(
                f"The files look like bands of the same objects: the recipe's 'band_files: \"{pattern}\"' makes one "
                "image of each object."
            )
    write_plan(artifacts, context.folder, sources, catalogue)
    write_sources(artifacts, context.folder, sources, earlier)
    return {
        "count": len(sources),
        "recipe": chosen.recipe.to_yaml(),
        "channels": list(chosen.channels),
        "notes": notes,
    }


def _sent(context: JobContext[DatasetRecord], spec: DatasetSpec) -> tuple[list[Source], str]:
    """Sources in the file that was sent, and the recipe."""
    artifacts, (file_name,) = context.platform.artifacts, spec.sources
    path = sent_path(artifacts, context.resource.uid, file_name)
    with file_at_hand(artifacts, path) as local:
        found, recipe_text = find_images(_reading(context), [str(local)], spec.recipe)
    named = own_names([replace(source, called=file_name) for source in found])
    return [replace(source, path=path, root=path) for source in named], recipe_text


def _joined(sources: Sequence[Source], read: Catalogue, rows: Mapping[Path, int]) -> tuple[pa.Table, list[str]]:
    """Columns of a catalogue for each source, and what became of its rows and the sources, a sentence each.

    Sources that were made of rows have their rows in `rows`, by their paths.
    """
    if rows:
        return rows_for(read, [rows[source.path] for source in sources]), []
    if any(source.position for source in sources):  # they were made of the rows
        row_of = {key: row for row, key in enumerate(read.table[read.key].to_pylist())}
        return rows_for(read, [row_of[source.member] for source in sources]), []
    joined = join_catalogue(sources, read)
    return joined.table, join_notes(joined, f"its column {read.key!r}", len(sources))


def _suggested(chosen: ChosenRecipe) -> list[str]:
    """Sentences on a recipe that nobody gave."""
    notes = ["The recipe was suggested from the images."]
    crop = chosen.recipe.crop
    if crop is not None and crop < chosen.side:
        notes.append(
            f"The central {crop} of {chosen.side} pixels are cut out, around the sources; the recipe's crop changes it."
        )
    return notes


def _catalogue(context: JobContext[DatasetRecord], spec: DatasetSpec) -> Catalogue:
    reading, artifacts = _reading(context), context.platform.artifacts
    sent = sent_path(artifacts, context.resource.uid, spec.catalogue)
    with file_at_hand(artifacts, sent) if spec.sent else fetched_file(reading, spec.catalogue) as path:
        asked = AskedCatalogue(path, spec.catalogue_key, spec.catalogue_radius_arcsec)
        return own_catalogue(reading, asked, should_stop=context.should_stop)


def _match(context: JobContext[DatasetRecord], spec: DatasetSpec, parts: int) -> list[str]:
    """Join the catalogue by position where that is asked for; what became of it."""
    if not (spec.catalogue and spec.catalogue_radius_arcsec):
        return []
    artifacts, radius = context.platform.artifacts, spec.catalogue_radius_arcsec
    return match_by_sky(artifacts, context.folder, parts, _catalogue(context, spec), radius_arcsec=radius)


def _new_sources(sources: list[Source], inputs: pa.Table) -> tuple[list[Source], int]:
    """Sources that a dataset does not have, under names that it does not have."""
    there = set(inputs["source"].to_pylist())
    new = {Path(source.location): source for source in sources if source.location not in there}
    if not new:
        raise InvalidArgumentError("The dataset has all of these inputs: name others.", reason="NEW_SOURCES_MISSING")
    wanted = {path: source.name if source.position else source.relative for path, source in new.items()}
    names = names_of(wanted, taken=inputs["name"].to_pylist())
    renamed = [replace(source, name=name) for name, source in zip(names, new.values(), strict=True)]
    return renamed, len(sources) - len(new)


def _ingest(
    context: JobContext[DatasetRecord], plan: dict[str, Any], spec: DatasetSpec, *, earlier: DatasetResult | None
) -> None:
    artifacts, folder = context.platform.artifacts, context.folder
    channels = plan["channels"]
    preparation = Preparation(plan["recipe"], len(channels), _reading(context))
    count = -(-plan["count"] // PART_SOURCES)
    context.map(
        prepare_part,
        {f"{index:06d}": (artifacts, folder, index, preparation) for index in range(count)},
        stage="preparing",
        unit="images",
        units={f"{index:06d}": min(PART_SOURCES, plan["count"] - index * PART_SOURCES) for index in range(count)},
    )
    matched = context.once(lambda: _match(context, spec, count), stage="matching positions", returns=list[str])
    compared = context.once(
        lambda: compare_parts(artifacts, folder, count, earlier), stage="comparing pixels", returns=Compared
    )
    segments = segments_of(folder, compared.prepared, _earlier_segment(earlier))
    total = sum(segment.count for segment in segments)
    if total == 0:
        raise InvalidArgumentError(
            f"None of {counted(plan['count'], 'input')} could be prepared: "
            f"{_first_rejection(artifacts, folder, count)}",
            reason="USABLE_IMAGES_MISSING",
        )
    size = load_recipe(plan["recipe"]).size
    images_uri = _assemble(context, segments, (total, len(channels), size, size))
    with context.stage("cataloguing"):
        table_uri, thumbnails_uri = f"{folder}/images.parquet", f"{folder}/thumbnails.parquet"
        schema = write_tables(artifacts, segments, table_uri, thumbnails_uri)
        facts = artifacts.read_table(table_uri, [name for name in NOTED if name in schema.names])
        columns = _columns(artifacts, table_uri, schema)
        context.supersede(f"{folder}/parts")
        context.supersede(plan_uri(folder))
    context.publish(
        DatasetResult(
            folder=folder,
            images_uri=images_uri,
            table_uri=table_uri,
            thumbnails_uri=thumbnails_uri,
            sources_uri=sources_uri(folder),
            digests_uri=compared.digests_uri,
            versions=versions_of(earlier, prepared=total, rejected=facts.num_rows - total, sources=spec.sources),
            sources=(*(earlier.sources if earlier else ()), *spec.sources),
            recipe=plan["recipe"],
            prepared_count=total,
            rejected_count=facts.num_rows - total,
            channels=tuple(channels),
            image_size=size,
            columns=columns,
            catalogue_columns=tuple(catalogue_columns(schema)),
            simulated=all_simulated(facts),
            notes=(
                *(earlier.notes if earlier else ()),
                *plan["notes"],
                *matched,
                *compared.notes,
                *preparation_notes(facts),
                *keyword_notes(keywords_left_out(schema)),
            ),
        )
    )


def _columns(artifacts: Artifacts, table_uri: str, schema: pa.Schema) -> dict[str, Column]:
    """What is known of the columns of an image table."""
    kinds, meanings = column_types(schema), column_meanings(schema)
    distinct = distinct_counts(artifacts, table_uri, kinds)
    return {
        name: Column(type=kind, distinct_count=distinct[name], **meanings.get(name, {})) for name, kind in kinds.items()
    }


def _assemble(context: JobContext[DatasetRecord], segments: Sequence[Segment], shape: tuple[int, ...]) -> str:
    """Put the tensors of all segments into one array of a shape (n, C, size, size); its URI."""
    artifacts, images_uri, total = context.platform.artifacts, f"{context.folder}/images.zarr", shape[0]
    context.once(lambda: create_images(artifacts, images_uri, shape), stage="laying out", returns=NoneType)
    context.map(
        fill_rows,
        {
            f"{first:09d}": (artifacts, images_uri, first, segments_within(segments, first))
            for first in range(0, total, ROWS_PER_CHUNK)
        },
        stage="assembling",
        unit="images",
        units={f"{first:09d}": min(ROWS_PER_CHUNK, total - first) for first in range(0, total, ROWS_PER_CHUNK)},
    )
    return images_uri


def _earlier_segment(earlier: DatasetResult | None) -> Segment | None:
    if not earlier:
        return None
    return Segment(
        earlier.table_uri,
        first_row=0,
        count=earlier.prepared_count,
        images_uri=earlier.images_uri,
        thumbnails_uri=earlier.thumbnails_uri,
        inputs_uri=earlier.inputs_uri,
    )


def _first_rejection(artifacts: Artifacts, folder: str, count: int) -> str:
    for index in range(count):
        for message in artifacts.read_table(part_uri(folder, index), ["message"])["message"].to_pylist():
            if message:
                return str(message)
    return "no reason is known."
