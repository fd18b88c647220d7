"""Files of people, read for ingestion in children with limits."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from lse.errors import CancelledError, InvalidArgumentError, LseError
from lse.images.file_preparation import Prepared, Rejected, prepare_file, rejection
from lse.images.formats import ReadLimits
from lse.images.original import Original, read_original
from lse.images.recipe import Recipe, load_recipe
from lse.images.recipe_choice import ChosenRecipe, choose_from, try_source
from lse.images.sources import Source, distinct_names, find_sources, grouped, names_of
from lse.images.stacks import images_of, is_stack_name
from lse.images.trace import Trace, trace_file
from lse.platform.guarded.reading import Reading
from lse.platform.outages import is_outage
from lse.progress import ShouldStop
from lse.services.ingestion.fetching import fetched, is_remote
from lse.values import counted

__all__ = ["choose_recipe", "find_images", "original_file", "prepared_files", "spread", "traced_files"]

# Fewer do not show for certain how far from the centre the sources of a survey reach, and 24 cut one in five wrongly.
_SAMPLES = 96
# With as many, no more are read once they have this many bytes: some collections have few and large files.
_FEWEST_SAMPLES, _SAMPLE_BYTES = 24, 256 * 2**20
_TABLES = frozenset({".parquet"})


def find_images(
    reading: Reading, paths: Sequence[str], recipe_text: str, *, exclude: Sequence[str] = ()
) -> tuple[list[Source], str]:
    """Sources that a request names, one an image, and the recipe with the bands that were found.

    Files of many images are looked into; a table without images that was found in a folder is no source.

    Raises
    ------
    InvalidArgumentError, NotFoundError
        As `lse.images.sources.find_sources`; ``RECIPE_INVALID``.
    """
    found = find_sources(paths, exclude=exclude, also=_TABLES, list_address=reading.remote.find)
    sources = _opened(reading, found)
    recipe = load_recipe(recipe_text)
    key = "band_files" if recipe.band_files is not None else "cutout" if recipe.cutout is not None else ""
    if key and any(source.member for source in sources):
        message = f"The recipe's {key} takes files, and these images are within a file of many: unpack it first."
        raise InvalidArgumentError(message, reason="RECIPE_INVALID", key=key)
    if recipe.band_files is None:
        return sources, recipe_text
    sources, bands = grouped(sources, recipe.band_files.pattern, recipe.band_files.bands)
    if not bands:
        message = (
            f"No file fits the pattern {recipe.band_files.pattern!r} of the recipe's band_files: correct it, such as "
            "'{object}_{band}.fits'."
        )
        raise InvalidArgumentError(message, reason="RECIPE_INVALID", key="band_files.pattern")
    band_files = recipe.band_files.model_copy(update={"bands": bands})
    return sources, recipe.model_copy(update={"band_files": band_files}).to_yaml()


def _opened(reading: Reading, sources: Sequence[Source]) -> list[Source]:
    """Sources with those in place of a file that are in it, each under its own name."""
    stacks = [source for source in sources if is_stack_name(_named(source))]
    if not stacks:
        return list(sources)
    with fetched(reading, stacks, large=True) as local:
        inside = dict(zip((source.path for source in stacks), _images_of(reading, local), strict=True))
    relative: list[str] = []
    member: list[str] = []
    of_file: list[tuple[int, Source]] = []  # how many images each file has: there may be a million
    for source in sources:
        held = inside.get(source.path)
        if isinstance(held, tuple):
            separator, images = held
            begin = source.relative + separator
            relative += [begin + image for image in images]
            member += images
            of_file.append((len(images), source))
        elif held is not None or _named(source).suffix.lower() not in _TABLES or _is_named(source):
            relative.append(source.relative)
            member.append("")
            of_file.append((1, source))
    if not relative:
        raise InvalidArgumentError("There is no image in these sources: name others.", reason="SOURCES_MISSING")
    del inside
    names = distinct_names(relative)
    found = [
        Source(name, source.path, own, source.root, member=image)
        for name, source, own, image in zip(names or relative, _repeated(of_file), relative, member, strict=True)
    ]
    if names:
        return found
    named = zip(names_of({source.location: source.relative for source in found}), found, strict=True)
    return [replace(source, name=name) for name, source in named]


def _repeated(counted: Sequence[tuple[int, Source]]) -> Iterator[Source]:
    return itertools.chain.from_iterable(itertools.repeat(source, count) for count, source in counted)


def _images_of(reading: Reading, stacks: Sequence[Source | LseError]) -> Iterator[Any]:
    """What `images_of` says of each stack, or an error."""
    there = [stack for stack in stacks if isinstance(stack, Source)]
    items = [
        (stack.path, stack.relative, None if stack.root is None else (stack.root, *reading.folders)) for stack in there
    ]
    found = iter(reading.map(images_of, items, what=[stack.relative for stack in there]))
    return (next(found) if isinstance(stack, Source) else stack for stack in stacks)


def _named(source: Source) -> Path:
    """Path of a source as it says what kind of file it is, without what may follow in an address."""
    return Path(source.relative) if is_remote(source) else source.path


def _is_named(source: Source) -> bool:
    """Whether a request named this very file."""
    return source.root == (source.path if is_remote(source) else source.path.resolve())


def prepared_files(
    reading: Reading, sources: Sequence[Source], recipe: Recipe, *, channels: int | None = None
) -> list[Prepared | Rejected]:
    """What becomes of some files, one by one; what a file does to its reader costs that file only.

    Parameters
    ----------
    reading
        What a file may cost.
    sources
        The files.
    recipe, channels
        As for `lse.images.file_preparation.prepare_file`.
    """
    return [
        replace(outcome, source=source) if isinstance(outcome, Prepared | Rejected) else rejection(source, outcome)
        for source, outcome in _outcomes(reading, prepare_file, sources, recipe, channels)
    ]


def traced_files(
    reading: Reading,
    sources: Sequence[Source],
    recipe: Recipe,
    *,
    channels: int | None = None,
    pictures: bool,
) -> list[Trace]:
    """The same with every step of each file, and the pictures of them where these are wanted."""
    trace = partial(trace_file, pictures=pictures)
    return [
        _trace_of(source, outcome) if isinstance(outcome, Trace) else Trace((), rejection(source, outcome))
        for source, outcome in _outcomes(reading, trace, sources, recipe, channels)
    ]


def _trace_of(source: Source, trace: Trace) -> Trace:
    """A trace with where the file was fetched from, in place of where it was read."""
    steps = trace.steps
    if is_remote(source) and steps:
        steps = (replace(steps[0], facts={**steps[0].facts, "path": source.location}), *steps[1:])
    return Trace(steps, replace(trace.outcome, source=source))


def original_file(reading: Reading, source: Source, recipe: Recipe) -> Original:
    """An image as it is in its source.

    Raises
    ------
    LseError
        It cannot be read.
    """
    read = partial(read_original, limits=_limits(reading), roots=reading.folders)
    with fetched(reading, [source], large=recipe.cutout is not None) as (local,):
        if isinstance(local, LseError):
            raise local
        found: Original = reading.call(read, local, recipe, what=source.relative)
    return found


def _outcomes(
    reading: Reading, function: Callable[..., Any], sources: Sequence[Source], recipe: Recipe, channels: int | None
) -> Iterator[tuple[Source, Any]]:
    prepare = partial(function, channels=channels, limits=_limits(reading), roots=reading.folders)
    with fetched(reading, sources, large=recipe.cutout is not None) as local:
        there = [source for source in local if isinstance(source, Source)]
        made = iter(reading.map(prepare, [(each, recipe) for each in there], what=[each.relative for each in there]))
        outcomes = [next(made) if isinstance(each, Source) else each for each in local]
    away = next((each for each in outcomes if isinstance(each, LseError) and is_outage(each)), None)
    if away is not None:
        raise away
    return zip(sources, outcomes, strict=True)


def _limits(reading: Reading) -> ReadLimits:
    return ReadLimits(file_bytes=reading.file_bytes, content_bytes=2 * reading.file_bytes)


def choose_recipe(
    reading: Reading, sources: Sequence[Source], recipe_text: str, *, should_stop: ShouldStop = lambda: False
) -> ChosenRecipe:
    """Recipe given, or the one suggested from some images, and what it gives of them.

    Raises
    ------
    InvalidArgumentError
        If none of the images can be read or prepared.
    CancelledError
        If `should_stop` said so.
    """
    usable: list[Source] = []
    first_error: LseError | None = None
    recipe = load_recipe(recipe_text)
    options = (recipe_text, _limits(reading), reading.folders)
    with ExitStack() as stack:
        for source in _tried(sources):
            try:
                here = fetched(reading, [source], large=recipe.cutout is not None)
                (local,) = stack.enter_context(here)
                if not isinstance(local, Source):
                    raise local
                reading.call(try_source, local, *options, what=source.relative, should_stop=should_stop)
                usable.append(local)
            except CancelledError:
                raise
            except LseError as error:
                if is_outage(error):
                    raise
                first_error = first_error or error
            if _enough(usable, recipe_text):
                break
        if usable:
            chosen: ChosenRecipe | None = reading.call(choose_from, usable, *options, what="What the images hold")
            if chosen is not None:
                return chosen
    why = f": {first_error.message}" if first_error else "."
    raise InvalidArgumentError(
        f"None of {counted(len(sources), 'input')} could be prepared; the first was rejected{why}",
        reason="USABLE_IMAGES_MISSING",
    )


def _enough(usable: Sequence[Source], recipe_text: str) -> bool:
    """Whether there are samples enough: one shows whether a recipe that is given can be used."""
    if len(usable) >= (1 if recipe_text else _SAMPLES):
        return True
    return (
        not recipe_text and len(usable) >= _FEWEST_SAMPLES and sum(_bytes_of(each) for each in usable) > _SAMPLE_BYTES
    )


def _bytes_of(source: Source) -> int:
    try:
        return source.path.stat().st_size
    except (OSError, AttributeError):
        return 0


def spread(sources: Sequence[Source], count: int) -> list[Source]:
    """Some sources, evenly spread over all."""
    indices = np.unique(np.linspace(0, len(sources) - 1, min(count, len(sources))).astype(int))
    return [sources[index] for index in indices]


def _tried(sources: Sequence[Source]) -> Iterator[Source]:
    """Sources in the order in which they are tried as samples: some from everywhere, then all others."""
    some = spread(sources, 2 * _SAMPLES)
    yield from some[::2]
    yield from some[1::2]
    names = {source.name for source in some}
    yield from (source for source in sources if source.name not in names)
