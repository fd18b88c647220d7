"""Selections."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

from lse import names
from lse.platform.catalogue.records.record import Facts, Nothing, Record, Stored, renamed
from lse.rows import bitmap_of_rows, pack_bitmap, rows_of_bitmap, unpack_bitmap

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["SelectionRecord", "SelectionSpec"]


class SelectionSpec(Facts):
    """A set of rows of a dataset.

    Attributes
    ----------
    dataset
        Its name.
    packed_rows
        Bitmap of the rows, as text.
    image_count
        Number of the rows.
    """

    dataset: str
    packed_rows: str
    image_count: int

    @classmethod
    def of_rows(cls, dataset: str, rows: NDArray[np.int64]) -> Self:
        """Selection of some rows, in ascending order."""
        return cls(dataset=dataset, packed_rows=pack_bitmap(bitmap_of_rows(rows)), image_count=len(rows))

    @property
    def rows_bitmap(self) -> bytes:
        """Bitmap of the rows."""
        return unpack_bitmap(self.packed_rows)

    @property
    def rows(self) -> NDArray[np.int64]:
        """The rows, in ascending order."""
        return rows_of_bitmap(self.rows_bitmap)


class SelectionRecord(Record[SelectionSpec, Nothing]):
    """A named set of images."""

    pattern: ClassVar = names.SELECTION

    @classmethod
    def upgrade(cls, stored: Stored) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Spec and result of the current version, as JSON, of a record of an earlier version."""
        return renamed(stored.spec, rows="packed_rows", count="image_count"), {}
