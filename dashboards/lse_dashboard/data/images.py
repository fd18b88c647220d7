"""The images of a dataset: their names, the columns that describe them, and all that is known of one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from lse.client.resources import Image
from lse.kinds import Scalar

__all__ = [
    "PREPARATION_COLUMNS",
    "ImageDetails",
    "ImageIndex",
    "Rows",
    "image_details",
    "ordered_columns",
    "origin_of",
    "positions",
    "prepared_alone",
]

# What reading and preparing record of each image: of less interest than the catalogue, so shown apart.
PREPARATION_COLUMNS = frozenset(
    {
        *("format", "width", "height", "bit_depth", "file_bit_depth", "bits_kept", "floating", "hdu"),
        *("bands", "mask", "masked_fraction", "not_read"),
        *("pixel_scale_arcsec", "orientation_deg", "mirrored", "s_region"),
        *("nan_fraction", "clipped_fraction", "clipped_low_fraction", "clipped_high_fraction", "padded_fraction"),
        *("used_left", "used_top", "used_width", "used_height", "sampling", "limits_widened"),
        *(f"{limit}.{channel}" for limit in ("low", "high", "background") for channel in range(32)),
    }
)
HEADER_PREFIX = "header."

Rows = npt.NDArray[np.int64]


def positions(rows: Rows, wanted: npt.NDArray[np.integer]) -> npt.NDArray[np.int64]:
    """Where wanted rows are in ascending rows.

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
    if rows[0] == 0 and rows[-1] == len(rows) - 1:  # all rows from the first on, as where every image is there
        return np.where((wanted >= 0) & (wanted < len(rows)), wanted.astype(np.int64), -1)
    found = np.minimum(np.searchsorted(rows, wanted), len(rows) - 1)
    return np.where(rows[found] == wanted, found, -1).astype(np.int64)


def prepared_alone(table: pa.Table) -> pa.Table:
    """Prepared images of an image table, by row."""
    return table.filter(pc.greater_equal(table["row"], 0)).sort_by("row")


@dataclass(frozen=True)
class ImageIndex:
    """The prepared images of a dataset.

    Attributes
    ----------
    rows
        Row of each image in the dataset, ascending, shape (n,).
    names
        Name of each image, shape (n,).
    """

    rows: Rows
    names: pa.ChunkedArray

    @classmethod
    def from_arrow(cls, table: pa.Table) -> ImageIndex:
        """Take the prepared images of a table with the columns ``row`` and ``name``."""
        prepared = prepared_alone(table)
        return cls(prepared["row"].to_numpy().astype(np.int64), prepared["name"])

    @property
    def nbytes(self) -> int:
        """Bytes that it takes."""
        return int(self.names.nbytes) + self.rows.nbytes

    def name(self, row: int) -> str | None:
        """Name of the image at a row, None where there is none."""
        at = int(positions(self.rows, np.array([row]))[0])
        return None if at < 0 else str(self.names[at].as_py())

    def row(self, name: str) -> int | None:
        """Row of the image of a name, None where there is none."""
        at = int(pc.index(self.names, name).as_py())
        return None if at < 0 else int(self.rows[at])

    def names_of(self, rows: Rows) -> list[str]:
        """Name of the image at each of some rows, empty for one that is not there, such as one that was left out."""
        at = positions(self.rows, rows)
        names: list[str] = pc.fill_null(self.names.take(pa.array(at, mask=at < 0)), "").to_pylist()
        return names


@dataclass(frozen=True)
class ImageDetails:
    """All that is known of one image.

    Attributes
    ----------
    row, name, source
        Row in the dataset, name, and path that the image was read from.
    ra_deg, dec_deg
        Sky position in degrees (ICRS), None where it is not known.
    catalogue, preparation, header
        Names and values of columns; those without a value are left out.
    """

    row: int
    name: str
    source: str
    ra_deg: float | None
    dec_deg: float | None
    catalogue: tuple[tuple[str, Scalar], ...]
    preparation: tuple[tuple[str, Scalar], ...]
    header: tuple[tuple[str, Scalar], ...]


def image_details(image: Image) -> ImageDetails:
    """Sort what the services know of an image by where it comes from."""
    known = [
        (key, value)
        for key, value in image.metadata.items()
        if value is not None and value != "" and value == value  # noqa: PLR0124 (NaN differs from itself)
    ]
    header = [(key.removeprefix(HEADER_PREFIX), value) for key, value in known if key.startswith(HEADER_PREFIX)]
    preparation = [(key.replace("_", " "), value) for key, value in known if key in PREPARATION_COLUMNS]
    catalogue = [pair for pair in known if not pair[0].startswith(HEADER_PREFIX) and pair[0] not in PREPARATION_COLUMNS]
    on_sky = image.ra_deg is not None and image.dec_deg is not None and np.isfinite(image.ra_deg + image.dec_deg)
    return ImageDetails(
        row=image.row,
        name=image.id,
        source=image.source,
        ra_deg=image.ra_deg if on_sky else None,
        dec_deg=image.dec_deg if on_sky else None,
        catalogue=tuple(catalogue),
        preparation=tuple(preparation),
        header=tuple(header),
    )


def origin_of(column: str) -> int:
    """Where a column comes from: 0 is the catalogue, 1 the preparation, 2 the header."""
    return 2 if column.startswith(HEADER_PREFIX) else int(column in PREPARATION_COLUMNS)


def ordered_columns(columns: list[str]) -> list[str]:
    """Columns in the order of interest: the catalogue's, then those of the preparation, then the header's."""
    return sorted(columns, key=origin_of)
