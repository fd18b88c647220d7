"""Long work of ingestion: plan, prepare in parts, put the parts together, publish."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from lse.ingestion.image_table import FIXED_COLUMNS, catalogue_columns, column_types, image_table
from lse.ingestion.parts import (
    PART_SOURCES,
    ROWS_PER_CHUNK,
    Segment,
    fill_rows,
    part_uri,
    plan_table,
    prepare_part,
)
from lse.ingestion.readers import SourceImage, read_image
from lse.ingestion.recipes import Recipe, load_recipe, prepare_image, suggest_recipe
from lse.ingestion.sources import Source, find_sources, join_catalogue, read_catalogue
from lse.platform.artifacts import Artifacts
from lse.platform.errors import InvalidArgumentError, LseError
from lse.platform.operations import JobContext

__all__ = ["add_images", "choose_recipe", "ingest_dataset", "spread"]

_SAMPLES = 24
_SHOWN = 5
THUMBNAILS_PER_GROUP = 256


def ingest_dataset(context: JobContext) -> None:
    """Make a dataset of sources."""
    parameters = context.parameters
    plan = context.once(lambda: _plan(context, parameters), stage="scanning")
    _ingest(context, plan, earlier=None)


def add_images(context: JobContext) -> None:
    """Add sources to a dataset, by its recipe, after the images that it has."""
    earlier = context.resource.result
    parameters = {**context.parameters, "recipe": earlier["recipe"]}
    plan = context.once(lambda: _plan(context, parameters, earlier=earlier), stage="scanning")
    _ingest(context, plan, earlier=earlier)
    context.on_finished(lambda: context.platform.artifacts.remove(earlier["folder"]))


def spread(sources: Sequence[Source], count: int) -> list[Source]:
    """Some sources, evenly spread over all."""
    indices = np.unique(np.linspace(0, len(sources) - 1, min(count, len(sources))).astype(int))
    return [sources[index] for index in indices]


def choose_recipe(sources: Sequence[Source], recipe_text: str) -> tuple[Recipe, SourceImage]:
    """Recipe given, or the one suggested from some images; and an image that it can be applied to.

    Raises
    ------
    InvalidArgumentError
        If none of the images can be read or prepared.
    """
    samples: list[SourceImage] = []
    first_error: LseError | None = None
    for source in _tried(sources):
        try:
            image = read_image(source.path, name=source.relative)
            if recipe_text:
                prepare_image(image, load_recipe(recipe_text))
                return load_recipe(recipe_text), image
            samples.append(image)
        except LseError as error:
            first_error = first_error or error
        if len(samples) == _SAMPLES:
            break
    if samples:
        recipe = suggest_recipe(samples)
        for image in samples:
            with contextlib.suppress(LseError):
                prepare_image(image, recipe)
                return recipe, image
    why = f": {first_error.message}" if first_error else "."
    raise InvalidArgumentError(
        f"None of the {len(sources)} inputs could be prepared; the first was rejected{why}",
        reason="NO_USABLE_IMAGES",
    )


def _tried(sources: Sequence[Source]) -> Iterator[Source]:
    """Sources in the order in which they are tried as samples: some from everywhere, then all others."""
    some = spread(sources, 2 * _SAMPLES)
    yield from some
    names = {source.name for source in some}
    yield from (source for source in sources if source.name not in names)


def _plan(context: JobContext, parameters: Any, *, earlier: Any = None) -> dict[str, Any]:
    """Find the sources, join the catalogue, choose the recipe: all that must be the same after a restart."""
    artifacts = context.platform.artifacts
    catalogue_path = parameters["catalogue"]
    sources = find_sources(parameters["sources"], exclude=[catalogue_path] if catalogue_path else [])
    notes = []
    if earlier is not None:
        sources, left_out = _new_sources(sources, artifacts.read_table(earlier["table_uri"], ["name", "source"]))
        if left_out:
            notes.append(f"{left_out} inputs were in the dataset before and were not added again.")
    metadata: dict[str, dict[str, Any]] = {}
    if catalogue_path:
        joined = join_catalogue(sources, read_catalogue(catalogue_path, key=parameters.get("catalogue_key") or None))
        metadata = {name: dict(values) for name, values in joined.metadata.items()}
        notes += _unmatched("images have no row in the catalogue", joined.sources_without_row)
        notes += _unmatched("rows of the catalogue belong to no image", joined.rows_without_source)
    recipe, sample = choose_recipe(sources, parameters["recipe"])
    if not parameters["recipe"]:
        notes.append("The recipe was suggested from the images.")
    artifacts.write_table(f"{context.folder}/plan.parquet", plan_table(sources, metadata))
    tensor = prepare_image(sample, recipe).tensor
    return {
        "count": len(sources),
        "recipe": recipe.to_yaml(),
        "channels": _channel_names(sample, recipe, len(tensor)),
        "notes": notes,
    }


def _new_sources(sources: list[Source], earlier: pa.Table) -> tuple[list[Source], int]:
    """Sources that a dataset does not have, under names that it does not have."""
    paths = set(earlier["source"].to_pylist())
    names = set(earlier["name"].to_pylist())
    new = []
    for source in sources:
        if str(source.path) in paths:
            continue
        name, number = source.name, 2
        while name in names:
            name, number = f"{source.name}-{number}", number + 1
        names.add(name)
        new.append(Source(name=name, path=source.path, relative=source.relative))
    if not new:
        raise InvalidArgumentError("The dataset has all of these inputs: name others.", reason="NO_NEW_SOURCES")
    return new, len(sources) - len(new)


def _unmatched(what: str, names: Sequence[str]) -> list[str]:
    if not names:
        return []
    shown = ", ".join(names[:_SHOWN]) + (", …" if len(names) > _SHOWN else "")
    return [f"{len(names)} {what}: {shown}."]


def _channel_names(image: SourceImage, recipe: Recipe, count: int) -> list[str]:
    wanted = recipe.channels
    if isinstance(wanted, tuple):
        return [image.channels[channel] if isinstance(channel, int) else channel for channel in wanted]
    if count == len(image.channels):
        return list(image.channels)
    return ["grey"] if count == 1 else ["red", "green", "blue"]


def _ingest(context: JobContext, plan: dict[str, Any], *, earlier: Any) -> None:
    artifacts, folder = context.platform.artifacts, context.folder
    channels = plan["channels"]
    count = -(-plan["count"] // PART_SOURCES)
    parts = context.map(
        prepare_part,
        {f"{index:06d}": (artifacts, folder, index, plan["recipe"], len(channels)) for index in range(count)},
        stage="preparing",
        unit="images",
        units={f"{index:06d}": min(PART_SOURCES, plan["count"] - index * PART_SOURCES) for index in range(count)},
    )
    segments = _segments(folder, [part["prepared"] for part in parts.values()], earlier)
    total = sum(segment.count for segment in segments)
    if total == 0:
        raise InvalidArgumentError(
            f"None of the {plan['count']} inputs could be prepared: {_first_rejection(artifacts, folder, count)}",
            reason="NO_USABLE_IMAGES",
        )
    size = load_recipe(plan["recipe"]).size
    images_uri = f"{folder}/images.zarr"
    context.once(lambda: _create_array(artifacts, images_uri, (total, len(channels), size, size)), stage="laying out")
    context.map(
        fill_rows,
        {
            f"{first:09d}": (artifacts, images_uri, first, _within(segments, first))
            for first in range(0, total, ROWS_PER_CHUNK)
        },
        stage="assembling",
        unit="images",
        units={f"{first:09d}": min(ROWS_PER_CHUNK, total - first) for first in range(0, total, ROWS_PER_CHUNK)},
    )
    with context.stage("cataloguing"):
        inputs = _inputs(artifacts, folder, count, earlier)
        table = image_table(inputs.to_pylist())
        inputs_uri, table_uri = f"{folder}/inputs.parquet", f"{folder}/images.parquet"
        thumbnails_uri = f"{folder}/thumbnails.parquet"
        artifacts.write_table(inputs_uri, inputs)
        artifacts.write_table(table_uri, table)
        thumbnails = pa.chunked_array(
            [
                chunk
                for uri in dict.fromkeys(segment.table_uri for segment in segments)
                for chunk in artifacts.read_table(uri, ["thumbnail"])["thumbnail"].drop_null().chunks
            ],
            type=pa.binary(),
        )
        artifacts.write_table(thumbnails_uri, pa.table({"thumbnail": thumbnails}), rows_per_group=THUMBNAILS_PER_GROUP)
        context.on_finished(lambda: artifacts.remove(f"{folder}/parts"))
    earlier_sources = earlier["sources"] if earlier else []
    earlier_notes = earlier["notes"] if earlier else []
    context.publish(
        {
            "folder": folder,
            "images_uri": images_uri,
            "inputs_uri": inputs_uri,
            "table_uri": table_uri,
            "thumbnails_uri": thumbnails_uri,
            "sources": [*earlier_sources, *context.parameters["sources"]],
            "recipe": plan["recipe"],
            "prepared": total,
            "rejected": table.num_rows - total,
            "channels": channels,
            "size": size,
            "columns": column_types(table),
            "catalogue_columns": catalogue_columns(inputs),
            "simulated": _all_simulated(table),
            "notes": [*earlier_notes, *plan["notes"], *_preparation_notes(table)],
        }
    )


def _create_array(artifacts: Artifacts, uri: str, shape: tuple[int, ...]) -> None:
    artifacts.create_array(uri, shape=shape, dtype="float32", chunks=(min(ROWS_PER_CHUNK, shape[0]), *shape[1:]))


def _segments(folder: str, prepared: Sequence[int], earlier: Any) -> list[Segment]:
    segments = []
    if earlier:
        segments.append(Segment(earlier["images_uri"], earlier["thumbnails_uri"], 0, earlier["prepared"]))
    row = sum(segment.count for segment in segments)
    for index, count in enumerate(prepared):
        segments.append(Segment("", part_uri(folder, index), row, count))
        row += count
    return segments


def _within(segments: Sequence[Segment], first: int) -> list[Segment]:
    return [s for s in segments if s.first_row < first + ROWS_PER_CHUNK and s.first_row + s.count > first]


_INPUT_COLUMNS = ["name", "source", "status", "reason", "message", "catalogue", "header", "preparation"]


def _inputs(artifacts: Artifacts, folder: str, count: int, earlier: Any) -> pa.Table:
    """All inputs of the dataset, earlier ones first."""
    tables = [artifacts.read_table(part_uri(folder, index), _INPUT_COLUMNS) for index in range(count)]
    if earlier:
        tables.insert(0, artifacts.read_table(earlier["inputs_uri"]))
    return pa.concat_tables(tables)


def _first_rejection(artifacts: Artifacts, folder: str, count: int) -> str:
    for index in range(count):
        for message in artifacts.read_table(part_uri(folder, index), ["message"])["message"].to_pylist():
            if message:
                return str(message)
    return "no reason is known."


def _all_simulated(table: pa.Table) -> bool:
    if "header.simulate" not in table.column_names:
        return False
    values = table.filter(pa.compute.equal(table["status"], "prepared"))["header.simulate"].to_pylist()
    return bool(values) and all(str(value).lower() == "true" for value in values)


def _preparation_notes(table: pa.Table) -> list[str]:
    """What was masked, clipped or filled in over the whole dataset, a sentence each."""
    notes = []
    sentences = {
        "nan_fraction": "{} images had missing pixels, which the recipe's NaN policy filled.",
        "padded_fraction": "{} images were smaller than the crop and were padded.",
        "limits_widened": "{} images were so flat that the limits of their stretch were widened.",
    }
    for column, sentence in sentences.items():
        if column in table.column_names and column not in FIXED_COLUMNS:
            count = sum(bool(value) for value in table[column].to_pylist())
            if count:
                notes.append(sentence.format(count))
    return notes
