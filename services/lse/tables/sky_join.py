"""Joining a catalogue to images by their positions on the sky."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lse.errors import InvalidArgumentError
from lse.tables.catalogue import Catalogue
from lse.tables.join import JoinedCatalogue, rows_for

__all__ = ["join_by_sky"]


def join_by_sky(
    names: Sequence[str],
    ra_deg: NDArray[np.float64],
    dec_deg: NDArray[np.float64],
    catalogue: Catalogue,
    *,
    radius_arcsec: float,
) -> JoinedCatalogue:
    """Find the row of every image by position (`astropy.coordinates.search_around_sky`).

    An image and a row belong together where each is the only one within the radius of the other; of several the
    nearest is not guessed.

    Parameters
    ----------
    names
        Names of the images.
    ra_deg, dec_deg
        Their positions in degrees (ICRS), shape (n,); NaN where one has none.
    catalogue
        Catalogue with the columns ``ra_deg`` and ``dec_deg``.
    radius_arcsec
        Largest separation in arcsec.

    Raises
    ------
    InvalidArgumentError
        ``CATALOGUE_INVALID`` where the catalogue has no positions.
    """
    from astropy.coordinates import SkyCoord, search_around_sky
    from astropy.units import arcsec

    table = catalogue.table
    if not {"ra_deg", "dec_deg"} <= set(table.column_names):
        message = (
            "The catalogue has no positions to join by: give it columns of right ascension and declination, such as "
            "ra_deg and dec_deg, or join by a key column (--catalogue-key)."
        )
        raise InvalidArgumentError(message, reason="CATALOGUE_INVALID")
    ra, dec = (table[column].to_numpy().astype(np.float64) for column in ("ra_deg", "dec_deg"))
    placed = [np.flatnonzero(np.isfinite(lon) & np.isfinite(lat)) for lon, lat in ((ra_deg, dec_deg), (ra, dec))]
    images = SkyCoord(ra_deg[placed[0]], dec_deg[placed[0]], unit="deg")
    rows = SkyCoord(ra[placed[1]], dec[placed[1]], unit="deg")
    pairs: list[tuple[int, int]] = []
    if len(images) and len(rows):
        first, second, _, _ = search_around_sky(images, rows, radius_arcsec * arcsec)
        pairs = list(zip(placed[0][first].tolist(), placed[1][second].tolist(), strict=True))
    rows_of: dict[int, list[int]] = {}
    images_of: dict[int, list[int]] = {}
    for image, row in pairs:
        rows_of.setdefault(image, []).append(row)
        images_of.setdefault(row, []).append(image)
    matches = {image: found[0] for image, found in rows_of.items() if len(found) == 1 and len(images_of[found[0]]) == 1}
    keys = table[catalogue.key].to_pylist() if catalogue.key else [f"row {row + 1}" for row in range(table.num_rows)]
    return JoinedCatalogue(
        table=rows_for(catalogue, [matches.get(image) for image in range(len(names))]),
        sources_without_row=tuple(name for image, name in enumerate(names) if image not in rows_of),
        rows_without_source=tuple(str(key) for row, key in enumerate(keys) if row not in images_of),
        ambiguous_rows={
            str(keys[row]): tuple(names[image] for image in found) for row, found in images_of.items() if len(found) > 1
        },
        ambiguous_sources={
            names[image]: tuple(str(keys[row]) for row in found) for image, found in rows_of.items() if len(found) > 1
        },
        matched=len(matches),
    )
