"""What gives each point its colour: groups or a number."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt

from lse.columns import numbers
from lse.kinds import Kind, kind_of
from lse.pointcloud.coded import HIDDEN
from lse.pointcloud.sets import PointSet
from lse_dashboard import wording
from lse_dashboard.data.gradient import Gradient, Scale, gradient

__all__ = [
    "MAX_GROUPS",
    "Colouring",
    "ColumnUse",
    "Groups",
    "colouring_of",
    "column_use",
    "groups",
    "moved",
    "on_scale",
    "use_of",
]

# More texts than this are not told apart at a glance; the rest are gathered in one group that says how many.
MAX_GROUPS = 60
# Whole numbers with at most this many different values are names rather than amounts.
MAX_NUMBERED_GROUPS = 12
# Texts of which there are more name images: no more are counted when a dataset is made.
_MOST_TEXTS = 99_999

ColumnUse = Literal["groups", "gradient"]


Codes = npt.NDArray[np.uint16] | npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Groups:
    """Each point belongs to one group.

    Attributes
    ----------
    title
        What the groups are, such as ``class``.
    codes
        Group of each point, an index into `labels`, shape (n,): uint16, or int32 where there are more than 65,534.
    labels
        Names of the groups.
    faint
        Groups that mean "none of these", such as noise; they come after all others and are drawn in grey.
    """

    title: str
    codes: Codes
    labels: tuple[str, ...]
    faint: frozenset[int] = frozenset()

    @cached_property
    def counts(self) -> tuple[int, ...]:
        """Points in each group; 0 where none of the points belongs to it."""
        return tuple(np.bincount(self.codes, minlength=len(self.labels)).tolist())

    @property
    def nbytes(self) -> int:
        """Bytes that the codes take."""
        return self.codes.nbytes

    def points_in(self, labels: Collection[str]) -> PointSet:
        """The points of the groups with some labels."""
        return PointSet.among(self.codes, np.array([label in labels for label in self.labels], dtype=bool))

    def at(self, positions: npt.NDArray[np.int64], *, none: str) -> Groups:
        """The same groups, for other points.

        Parameters
        ----------
        positions
            Which of these points each of the others is, shape (m,); -1 for one that is none of them.
        none
            Name of the group for those.
        """
        labels, faint = self.labels, self.faint
        absent = positions < 0
        code = labels.index(none) if none in labels else len(labels)
        if absent.any() and code == len(labels):
            labels, faint = (*labels, none), faint | {code}
        codes = self.codes[positions] if len(self.codes) else np.zeros(len(positions), dtype=np.uint16)
        return Groups(self.title, _stored(np.where(absent, code, codes), len(labels)), labels, faint)


Colouring = Groups | Gradient


def groups(
    title: str,
    values: pa.ChunkedArray | pa.Array,
    *,
    none: str,
    order: Sequence[str] | Sequence[int] | None = None,
    limit: int | None = MAX_GROUPS,
) -> Groups:
    """Group points by a value.

    Parameters
    ----------
    title
        What the values are.
    values
        Text, truth value or whole number of each point.
    none
        Name of the last, faint group: points whose value is missing or empty.
    order
        Values in the order of their groups, whether they occur or not; others follow.  In ascending order when not
        given.
    limit
        Most groups; the rarest values beyond it are gathered in a faint one.
    """
    encoded = _without_empty(values).dictionary_encode()
    known = encoded.dictionary.to_pylist()
    codes = encoded.indices.fill_null(len(known)).to_numpy(zero_copy_only=False).astype(np.int64)
    first = list(order or ())
    names = [*first, *sorted(set(known) - set(first))]
    counts = dict(zip(known, np.bincount(codes, minlength=len(known) + 1), strict=False))
    kept = names
    if limit is not None and len(names) > limit:
        common = set(sorted(names, key=lambda name: -counts.get(name, 0))[: limit - 1])
        kept = [name for name in names if name in common]
    labels, faint = [_label(name) for name in kept], set[int]()
    if len(kept) < len(names):
        faint.add(len(labels))
        labels.append(wording.Legend.OTHER.format(count=len(names) - len(kept)))
    place = {name: i for i, name in enumerate(kept)}
    renumber = np.array([*(place.get(name, len(kept)) for name in known), len(labels)], dtype=np.int32)
    if (codes == len(known)).any():
        faint.add(len(labels))
        labels.append(none)
    return Groups(title, _stored(renumber, len(labels))[codes], tuple(labels), frozenset(faint))


def on_scale(colouring: Colouring | None, scale: Scale) -> Colouring | None:
    """Colours on a scale, where they are those of numbers.

    Raises
    ------
    InvalidArgumentError
        The scale does not fit the numbers.
    """
    return colouring.scaled(scale) if isinstance(colouring, Gradient) else colouring


def moved(colouring: Colouring | None, positions: npt.NDArray[np.int64]) -> Colouring | None:
    """The same colours for other points, given which of these each of them is, -1 for none."""
    if isinstance(colouring, Groups):
        return colouring.at(positions, none=wording.Legend.NO_VALUE)
    if isinstance(colouring, Gradient):
        values = np.append(colouring.values, np.nan)[positions]
        return replace(colouring, values=values, missing=int(np.isnan(values).sum()))
    return None


def column_use(kind: Kind, distinct: int, images: int) -> ColumnUse | None:
    """How a column can colour a cloud; None where it says nothing, or something else of each image.

    Numbers and times make a gradient; truth values, texts that repeat and few whole numbers make groups.

    Parameters
    ----------
    kind
        Of its values.
    distinct, images
        Number of its different values, and of values.
    """
    if distinct < 2:
        return None
    if kind.amount:
        return "groups" if kind.python is int and distinct <= MAX_NUMBERED_GROUPS else "gradient"
    return "groups" if distinct <= max(MAX_GROUPS, min(images // 10, _MOST_TEXTS)) else None


def use_of(values: pa.ChunkedArray) -> ColumnUse | None:
    """How a column can colour a cloud, by its values."""
    return column_use(kind_of(values.type), int(pc.count_distinct(values).as_py()), len(values))


def colouring_of(
    column: str, values: pa.ChunkedArray, positions: npt.NDArray[np.int64], *, use: ColumnUse | None = None
) -> Colouring:
    """Colouring of points by a column of a dataset.

    Parameters
    ----------
    column
        Its name.
    values
        Its values, all of them: groups keep their colours when only some are shown.
    positions
        Which of the values each point has, shape (n,); -1 for none.
    use
        How it can colour them, where that is known: values of many images take their time to be told apart.
    """
    if (use or use_of(values)) == "groups" or pt.is_string(values.type):
        none = wording.Legend.NO_VALUE
        return groups(column, values, none=none).at(positions, none=none)
    amounts = np.append(numbers(values), np.nan)  # the last is that of the position -1
    return gradient(column, amounts[positions], text=kind_of(values.type).shown_number)


def _stored(codes: npt.NDArray[np.integer], count: int) -> Codes:
    """Codes of so many groups as they are kept."""
    return codes.astype(np.uint16, copy=False) if count < HIDDEN else codes.astype(np.int32, copy=False)


def _without_empty(values: pa.ChunkedArray | pa.Array) -> pa.Array:
    array = values.combine_chunks() if isinstance(values, pa.ChunkedArray) else values
    if pt.is_boolean(array.type) or pt.is_integer(array.type):
        return array
    texts = array.cast(pa.string())
    return pc.if_else(pc.equal(texts, ""), None, texts)


def _label(value: object) -> str:
    if isinstance(value, bool):
        return wording.YES if value else wording.NO
    return str(value)
