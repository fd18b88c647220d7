"""What gives each point its colour: groups or a number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from lse_dashboard.data.cloud import Mask
from lse_dashboard.data.images import PREPARATION_COLUMNS, ImageTable, positions

__all__ = [
    "Colouring",
    "Gradient",
    "Groups",
    "class_columns",
    "colourable_columns",
    "column_colouring",
    "number_gradient",
    "numbered_groups",
    "text_groups",
]

# More groups than this cannot be told apart by colour; the rest are gathered in one group that says how many.
MAX_GROUPS = 40
# Whole numbers with at most this many different values are names rather than amounts.
MAX_NUMBERED_GROUPS = 12


@dataclass(frozen=True)
class Groups:
    """Each point belongs to one group.

    Attributes
    ----------
    title
        What the groups are, such as ``class``.
    codes
        Group of each point, an index into `labels`, shape (n,).
    labels
        Names of the groups.
    counts
        Points in each group.
    faint
        Groups that mean "none of these", such as noise: drawn in grey.
    """

    title: str
    codes: npt.NDArray[np.int32]
    labels: tuple[str, ...]
    counts: tuple[int, ...]
    faint: frozenset[int] = frozenset()

    def hidden_mask(self, hidden: frozenset[str]) -> Mask:
        """Which points belong to groups with the hidden labels."""
        hides = np.array([label in hidden for label in self.labels], dtype=bool)
        return hides[self.codes] if len(self.labels) else np.zeros(len(self.codes), dtype=bool)


@dataclass(frozen=True)
class Gradient:
    """Each point has a number.

    Attributes
    ----------
    title
        What the number is, such as ``redshift``.
    values
        NaN where it is missing, shape (n,).
    low, high
        Numbers at the ends of the colour bar: the 1st and 99th percentile, beyond which colour stays the same.
    missing
        Points without a number.
    """

    title: str
    values: npt.NDArray[np.float64]
    low: float
    high: float
    missing: int


Colouring = Groups | Gradient


def text_groups(title: str, values: Sequence[str | None] | pa.ChunkedArray, *, none: str) -> Groups:
    """Groups by a text, largest first; missing and empty ones form the last, faint group named `none`."""
    column = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([pa.array(values, pa.string())])
    texts = column.cast(pa.string()).combine_chunks()
    encoded = pc.if_else(pc.equal(texts, ""), None, texts).dictionary_encode()
    names = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(names)).to_numpy(zero_copy_only=False).astype(np.int64)
    counts = np.bincount(codes, minlength=len(names) + 1)
    order = sorted(range(len(names)), key=lambda i: (-counts[i], names[i]))
    return _ordered(title, codes, names, order, none=none)


def numbered_groups(title: str, numbers: npt.NDArray[np.int64], *, none: int | None, none_label: str) -> Groups:
    """Groups by a whole number in ascending order, such as clusters; `none` (noise) forms the last, faint group."""
    known, inverse = np.unique(numbers, return_inverse=True)
    last = len(known)
    codes = np.where(numbers == none, last, inverse) if none is not None else inverse
    order = [i for i, number in enumerate(known) if number != none]
    return _ordered(
        title, codes.astype(np.int64), [str(number) for number in known], order, none=none_label, limit=None
    )


def colourable_columns(images: ImageTable) -> tuple[str, ...]:
    """Columns that can colour a cloud: numbers, truth values, and texts that repeat."""
    return tuple(name for name in images.columns if _colourable(images.table[name]))


def class_columns(images: ImageTable) -> tuple[str, ...]:
    """Columns whose values can be classes: those that colour in groups, but for what the preparation tells."""
    return tuple(
        name
        for name in colourable_columns(images)
        if name not in PREPARATION_COLUMNS and _are_names(images.table[name])
    )


def column_colouring(images: ImageTable, column: str, rows: npt.NDArray[np.int64]) -> Colouring:
    """Colouring of the points at some rows by a metadata column."""
    at = positions(images.rows, rows)
    values = images.table[column].take(pa.array(at, mask=at < 0))
    if pt.is_boolean(values.type):
        return text_groups(column, pc.if_else(values, "yes", "no"), none="no value")
    if _are_names(values):
        return text_groups(column, values, none="no value")
    return number_gradient(column, values.cast(pa.float64()).to_numpy(zero_copy_only=False))


def number_gradient(title: str, numbers: npt.NDArray[np.floating]) -> Gradient:
    """Gradient over numbers; those that are not finite are missing."""
    values = np.where(np.isfinite(numbers), numbers, np.nan).astype(np.float64)
    finite = values[np.isfinite(values)]
    low, high = (float(v) for v in np.percentile(finite, (1, 99))) if len(finite) else (0.0, 1.0)
    if high <= low:
        low, high = low - 0.5, low + 0.5
    return Gradient(title, values, low, high, len(values) - len(finite))


def _ordered(
    title: str,
    codes: npt.NDArray[np.int64],
    names: list[str],
    order: list[int],
    *,
    none: str,
    limit: int | None = MAX_GROUPS,
) -> Groups:
    """Renumber groups in an order; those beyond the limit become one group, those in no order the last one."""
    kept = order if limit is None or len(order) <= limit else order[: limit - 1]
    rest = order[len(kept) :]
    renumber = np.full(len(names) + 1, -1, dtype=np.int32)
    renumber[kept] = np.arange(len(kept))
    labels, faint = [names[i] for i in kept], set()
    if rest:
        renumber[rest] = len(labels)
        faint.add(len(labels))
        labels.append(f"other ({len(rest)} values)")
    new = renumber[codes] if len(codes) else codes.astype(np.int32)
    if (new < 0).any():
        new = np.where(new < 0, len(labels), new)
        faint.add(len(labels))
        labels.append(none)
    counts = np.bincount(new, minlength=len(labels))
    return Groups(title, new.astype(np.int32), tuple(labels), tuple(int(n) for n in counts), frozenset(faint))


def _is_number(kind: pa.DataType) -> bool:
    return bool(pt.is_integer(kind) or pt.is_floating(kind) or pt.is_decimal(kind))


def _are_names(values: pa.ChunkedArray) -> bool:
    """Whether values name something: texts, truth values, and whole numbers of which there are few different ones."""
    if pt.is_integer(values.type):
        return int(pc.count_distinct(values).as_py()) <= MAX_NUMBERED_GROUPS
    return not _is_number(values.type)


def _colourable(values: pa.ChunkedArray) -> bool:
    distinct = int(pc.count_distinct(values).as_py())
    if distinct < 2:
        return False
    if pt.is_boolean(values.type) or _is_number(values.type):
        return True
    is_text = pt.is_string(values.type) or pt.is_large_string(values.type) or pt.is_dictionary(values.type)
    return is_text and distinct <= max(MAX_GROUPS, len(values) // 10)
