"""The images of a dataset as a table, and what a person wants to read of one."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["ImageTable", "Instance", "positions"]

FIXED_COLUMNS = frozenset({"name", "row", "source", "status", "reason", "message", "ra_deg", "dec_deg"})
# What reading and preparing tell of each image: of less interest than the catalogue, so shown apart.
PREPARATION_COLUMNS = frozenset(
    {
        *("format", "width", "height", "bit_depth", "file_bit_depth", "bits_kept", "floating", "hdu"),
        *("pixel_scale_arcsec", "orientation_deg", "mirrored"),
        *("nan_fraction", "clipped_fraction", "clipped_low_fraction", "clipped_high_fraction", "padded_fraction"),
        *("used_width", "used_height", "sampling", "limits_widened"),
        *(f"{limit}.{channel}" for limit in ("low", "high") for channel in range(32)),
    }
)
HEADER_PREFIX = "header."

Rows = npt.NDArray[np.int64]


def positions(rows: Rows, wanted: Rows) -> npt.NDArray[np.int64]:
    """Where each wanted row stands in ascending rows.

    Parameters
    ----------
    rows
        Distinct rows, ascending, shape (n,).
    wanted
        Rows to find, shape (m,).

    Returns
    -------
    positions
        Index into `rows`, -1 where a row is absent, shape (m,).
    """
    if len(rows) == 0:
        return np.full(len(wanted), -1, dtype=np.int64)
    found = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
    return np.where(rows[found] == wanted, found, -1).astype(np.int64)


@dataclass(frozen=True)
class Instance:
    """One image as the explorer's right column tells of it.

    Attributes
    ----------
    row, name, source
        Row in the dataset, identifier, and where the image was read.
    ra_deg, dec_deg
        Sky position in degrees (ICRS), None when not known.
    catalogue, preparation, header
        Column names with values as text, in the table's order; missing values are left out.
    """

    row: int
    name: str
    source: str
    ra_deg: float | None
    dec_deg: float | None
    catalogue: tuple[tuple[str, str], ...]
    preparation: tuple[tuple[str, str], ...]
    header: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class ImageTable:
    """The prepared images of a dataset.

    Attributes
    ----------
    table
        One row an image with its metadata, ascending in `row`.
    rows
        The column `row`, shape (n,).
    """

    table: pa.Table
    rows: Rows

    @classmethod
    def from_arrow(cls, table: pa.Table) -> ImageTable:
        """Keep the prepared images of a dataset's table."""
        prepared = table.filter(pc.greater_equal(table["row"], 0)).sort_by("row")
        return cls(prepared.combine_chunks(), prepared["row"].to_numpy().astype(np.int64))

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Metadata columns: the catalogue's, then those of the preparation, then the header's."""
        names = [name for name in self.table.column_names if name not in FIXED_COLUMNS]
        return tuple(sorted(names, key=lambda name: (name.startswith(HEADER_PREFIX), name in PREPARATION_COLUMNS)))

    @property
    def nbytes(self) -> int:
        """Bytes that the table takes."""
        return int(self.table.nbytes) + self.rows.nbytes

    def name(self, row: int) -> str | None:
        """Identifier of the image at a row, None where there is none."""
        at = int(positions(self.rows, np.array([row]))[0])
        return None if at < 0 else str(self.table["name"][at].as_py())

    def instance(self, row: int) -> Instance | None:
        """All that is known of the image at a row, None where there is none."""
        at = int(positions(self.rows, np.array([row]))[0])
        if at < 0:
            return None
        record = self.table.slice(at, 1).to_pylist()[0]
        catalogue, preparation, header = [], [], []
        for column in self.columns:
            value = record[column]
            if value is None or value != value or value == "":  # noqa: PLR0124 (NaN is the value that differs from itself)
                continue
            if column.startswith(HEADER_PREFIX):
                header.append((column.removeprefix(HEADER_PREFIX), shown_value(value)))
            elif column in PREPARATION_COLUMNS:
                preparation.append((column.replace("_", " "), shown_value(value)))
            else:
                catalogue.append((column, shown_value(value)))
        ra, dec = record.get("ra_deg"), record.get("dec_deg")
        known = ra is not None and dec is not None and np.isfinite(ra) and np.isfinite(dec)
        return Instance(
            row=row,
            name=str(record["name"]),
            source=str(record.get("source") or ""),
            ra_deg=float(ra) if known else None,
            dec_deg=float(dec) if known else None,
            catalogue=tuple(catalogue),
            preparation=tuple(preparation),
            header=tuple(header),
        )


def shown_value(value: object) -> str:
    """A metadata value as text: numbers with six significant digits, the rest as it is."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.6g}"
    return str(value)
