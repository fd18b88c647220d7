"""Footprint of a dataset on the sky: the union of the outlines of its images, as a multi-order coverage map."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from lse.errors import FailedPreconditionError, InvalidArgumentError

if TYPE_CHECKING:
    from mocpy import MOC

__all__ = ["coverage_of", "written"]

_FINEST_ORDER = 29
_CELLS_A_SIDE = 4
_BLOCK = 100_000
_POLYGON = re.compile(r"POLYGON ICRS( [-+]?[\d.]+ [-+]?[\d.]+){3,}")


def coverage_of(regions: Iterable[str | None], *, order: int | None = None) -> MOC:
    """Multi-order coverage map (IVOA MOC 2.0) of outlines as ``s_region`` of ObsCore has them.

    Parameters
    ----------
    regions
        ``POLYGON ICRS`` and right ascension and declination of each corner in degrees; None is left out.
    order
        HEALPix order of the finest cells, 0 to 29 (default: chosen from the outlines, some four cells along a side).

    Returns
    -------
    mocpy.MOC
        Every cell that an outline touches, at most a cell beyond it.

    Raises
    ------
    FailedPreconditionError
        ``FOOTPRINT_MISSING``: there is no outline, or one of another form; ``PACKAGE_MISSING``: mocpy, which the client
        does not install.
    InvalidArgumentError
        ``HEALPIX_ORDER_INVALID``.
    """
    try:
        from mocpy import MOC
    except ModuleNotFoundError as error:
        raise FailedPreconditionError(
            "Footprints need the package mocpy: install it with `pip install mocpy`.", reason="PACKAGE_MISSING"
        ) from error
    if order is not None and not 0 <= order <= _FINEST_ORDER:
        message = f"The order of a footprint is a whole number from 0 to {_FINEST_ORDER}, not {order}."
        raise InvalidArgumentError(message, reason="HEALPIX_ORDER_INVALID", order=order)
    corners = [_corners(region) for region in regions if region]
    if not corners:
        raise FailedPreconditionError(
            "No image of the dataset has an outline on the sky: ingest images whose files have a WCS.",
            reason="FOOTPRINT_MISSING",
        )
    depth = _order_for(corners) if order is None else order
    found = MOC.new_empty(depth)
    for begin in range(0, len(corners), _BLOCK):
        vertices = [axis for corner in corners[begin : begin + _BLOCK] for axis in corner]
        found = found.union(*MOC.from_polygons(vertices, max_depth=depth))
    return found


def written(coverage: MOC, suffix: str) -> bytes:
    """Content of a file of a coverage map: ``.fits``, ``.json`` or ``.txt``, as its standard has them.

    Raises
    ------
    InvalidArgumentError
        ``FORMAT_UNSUPPORTED``: another suffix.
    """
    if suffix == ".fits":
        buffer = io.BytesIO()
        coverage.serialize(format="fits").writeto(buffer)
        return buffer.getvalue()
    if suffix not in (".json", ".txt"):
        message = f"A footprint is written as .fits, .json or .txt, not as {suffix or 'a file without suffix'!r}."
        raise InvalidArgumentError(message, reason="FORMAT_UNSUPPORTED", name=suffix)
    return str(coverage.to_string(format="json" if suffix == ".json" else "ascii")).encode()


def _corners(region: str) -> tuple[list[float], list[float]]:
    """Right ascensions and declinations of an outline, which a catalogue may have written in another form."""
    if not _POLYGON.fullmatch(region):
        raise FailedPreconditionError(
            f"The column s_region has outlines of another form than 'POLYGON ICRS' and corners, as {region[:40]!r}:"
            " leave it out of the catalogue to have those of the images.",
            reason="FOOTPRINT_MISSING",
        )
    values = list(map(float, region.split()[2:]))
    return values[::2], values[1::2]


def _order_for(corners: Sequence[tuple[list[float], list[float]]]) -> int:
    """Order whose cells are a quarter of the side of a typical image."""
    sides = sorted(
        math.hypot(((ra[1] - ra[0] + 180) % 360 - 180) * math.cos(math.radians(dec[0])), dec[1] - dec[0])
        for ra, dec in corners[:1000]
    )
    side = max(sides[len(sides) // 2], 1e-9)
    # A cell of order k has an area of 4 pi / (12 * 4**k) steradian.
    cell = math.degrees(math.sqrt(math.pi / 3))
    return min(max(math.ceil(math.log2(cell * _CELLS_A_SIDE / side)), 0), _FINEST_ORDER)
