"""Parquet files with a column of images, encoded or as nested lists, as Hugging Face and HATS datasets have them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import IO, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lse.images.formats import Extensions, MetadataValue, ReadError, ReadLimits, SourceImage, read_image
from lse.images.formats.npy import image_of_array
from lse.images.stacks.arrays import position_of
from lse.images.stacks.stack import Stack, StackFacts
from lse.methods import Method
from lse.parameters import Parameters

__all__ = ["METHOD", "ParquetStack"]

_USUAL = ("image", "img", "picture", "images", "cutout", "cutouts", "stamp", "cutoutscience")
# Parts of a struct with the pixels of an image, and with the names of its bands.
_PIXELS = ("flux", "image", "data", "array", "pixels")
_BANDS = ("band", "bands", "filter", "filters", "channel", "channels")


class ParquetStack:
    """Rows of a table, each with an image in one column.

    The image is the content of a file, by itself or as ``bytes`` beside its ``path`` (as Hugging Face has it), or lists
    of numbers, by themselves or beside the names of their bands (``flux`` and ``band``, as the Multimodal Universe).

    Parameters
    ----------
    file
        The file.
    """

    def __init__(self, file: IO[bytes]) -> None:
        self._file = pq.ParquetFile(file)
        counts = [self._file.metadata.row_group(group).num_rows for group in range(self._file.metadata.num_row_groups)]
        self._starts = np.concatenate([[0], np.cumsum(counts)]).astype(int)
        self._group = lru_cache(maxsize=1)(self._file.read_row_group)
        self._column = self._image_column()

    def _image_column(self) -> str | None:
        schema = self._file.schema_arrow
        structs = [
            field.name
            for field in schema
            if pa.types.is_struct(field.type)
            and (any(part.name == "bytes" for part in field.type) or _pixel_field(field.type) is not None)
        ]
        whole = (pa.types.is_binary, pa.types.is_large_binary)
        binary = [field.name for field in schema if any(is_whole(field.type) for is_whole in whole)]
        nested = [field.name for field in schema if _depth(field.type) in (2, 3)]
        candidates = structs or [name for name in binary if name.lower() in _USUAL] or nested
        usual = (name for word in _USUAL for name in candidates if name.lower() == word)
        return next(usual, next(iter(candidates), None))

    def images(self) -> Sequence[str] | None:
        """See `Stack.images`."""
        return None if self._column is None else list(map(str, range(self._starts[-1])))

    def read(self, image: str, name: str, limits: ReadLimits, extensions: Extensions) -> SourceImage:
        """See `Stack.read`."""
        assert self._column is not None  # it had images
        row = int(image)
        group = int(np.searchsorted(self._starts, row, side="right")) - 1
        values = self._group(group).slice(row - self._starts[group], 1).to_pylist()[0]
        content: Any = values.pop(self._column)
        path = None
        pixels = _pixel_field(self._file.schema_arrow.field(self._column).type)
        if isinstance(content, dict) and pixels is not None:
            return self._with_facts(_of_bands(content, pixels, name, limits), values, None)
        if isinstance(content, dict):
            content, path = content.get("bytes"), content.get("path")
        if isinstance(content, list):
            return self._with_facts(_of_lists(content, name, limits), values, None)
        if not content:
            message = f"{name} has no image in its table, which may name another file: give the images themselves."
            raise ReadError(message, reason="FILE_EMPTY", name=name)
        return self._with_facts(read_image(content, name=name, limits=limits, extensions=extensions), values, path)

    def _with_facts(self, found: SourceImage, values: Mapping[str, Any], path: object) -> SourceImage:
        """Image with what the other columns say of it."""
        facts = {f"header.{key.lower()}": value for key, value in values.items() if _is_fact(value)}
        own: dict[str, MetadataValue] = {"header.path": path} if isinstance(path, str) else {}
        return replace(found, metadata={**found.metadata, **position_of(facts), **own, **facts})


def _pixel_field(kind: pa.DataType) -> str | None:
    """Which part of a struct has the pixels; None of other columns, and of structs with the content of a file."""
    if not pa.types.is_struct(kind) or any(part.name == "bytes" for part in kind):
        return None
    nested = [part.name for part in kind if _depth(part.type) in (2, 3)]
    return next((name for word in _PIXELS for name in nested if name.lower() == word), None)


def _of_bands(parts: Mapping[str, Any], pixels: str, name: str, limits: ReadLimits) -> SourceImage:
    """Image of a struct of lists: the pixels, and what else it says of each band, or of all."""
    if parts[pixels] is None:
        message = f"{name} has no image in its table: leave its row out."
        raise ReadError(message, reason="FILE_EMPTY", name=name)
    found = _of_lists(parts[pixels], name, limits)
    count = len(found.channels)
    bands = next((parts[key] for key in parts if key.lower() in _BANDS and isinstance(parts[key], list)), None)
    named = bands is not None and len(bands) == count == len(set(map(str, bands)))
    channels = tuple(map(str, bands)) if named and bands is not None else found.channels
    facts: dict[str, MetadataValue] = {}
    left = []
    for key, value in parts.items():
        if key == pixels or value is bands or value is None:
            continue
        if isinstance(value, list) and len(value) == count and all(map(_is_fact, value)):
            facts |= {f"header.{key.lower()}.{channel}": item for channel, item in zip(channels, value, strict=True)}
        elif _is_fact(value):
            facts[f"header.{key.lower()}"] = value
        elif isinstance(value, list):
            left.append(key)
    if left:
        facts["not_read"] = ", ".join(left)
    return replace(found, channels=channels, metadata={**found.metadata, **facts})


def _depth(kind: pa.DataType) -> int:
    """How many lists lie in each other around the numbers of a column; 0 of other columns."""
    depth = 0
    while pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        depth, kind = depth + 1, kind.value_type
    numbers = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    return depth if numbers else 0


def _of_lists(rows: list[Any], name: str, limits: ReadLimits) -> SourceImage:
    try:
        array = np.array(rows)
    except ValueError:  # rows of different lengths
        array = np.empty(0, dtype=object)
    if array.dtype.kind not in "buif":
        message = f"{name} has rows of different lengths, or missing values, and is no image: complete it."
        raise ReadError(message, reason="VALUES_UNSUPPORTED", name=name, dtype=array.dtype)
    limits.check_pixels(array.size, name)
    return image_of_array(array, name, "Parquet")


def _is_fact(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, str | int | datetime)


METHOD: Method[Callable[[IO[bytes]], Stack], StackFacts] = Method(
    id="parquet",
    title="Parquet",
    summary="Parquet files with a column of images, encoded or as nested lists, one row an image.",
    parameters=Parameters,
    run=ParquetStack,
    facts=StackFacts(signature=rb"PAR1", suffixes=(".parquet",)),
    order=30,
)
