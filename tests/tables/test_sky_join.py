"""Catalogues joined by position."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lse.errors import InvalidArgumentError
from lse.tables.catalogue import read_catalogue
from lse.tables.join import JoinedCatalogue
from lse.tables.sky_join import join_by_sky

ARCSEC = 1 / 3600


def joined(folder: Path, images: list[tuple[float, float]], text: str, radius: float = 2) -> JoinedCatalogue:
    (folder / "c.csv").write_text(text)
    ra, dec = np.array(images, dtype=np.float64).T
    names = [f"i{number}" for number in range(len(images))]
    catalogue = read_catalogue(folder / "c.csv", keyed=False)
    return join_by_sky(names, ra, dec, catalogue, radius_arcsec=radius)


def test_the_one_row_within_the_radius_is_joined(tmp_path: Path) -> None:
    images = [(10, 9.85), (10, -9.85), (359.9999, 0), (80, 89.999), (np.nan, np.nan), (50, 50)]
    text = "objid,ra,dec,class\n"
    text += f"1237648720693755918,{10 + ARCSEC},9.85,north\n2,10,{-9.85 + ARCSEC},south\n"
    text += f"3,{359.9999 + 1.9 * ARCSEC - 360},0,wrapped\n4,81,89.999,pole\n5,51,50,other\n6,n/d,50,lost\n"
    found = joined(tmp_path, images, text, radius=64)
    assert found.table["class"].to_pylist() == ["north", "south", "wrapped", "pole", None, None]
    assert found.table["objid"].to_pylist()[0] == 1237648720693755918
    assert (found.matched, found.sources_without_row) == (4, ("i4", "i5"))
    assert found.rows_without_source == ("row 5", "row 6")


def test_of_several_none_is_guessed(tmp_path: Path) -> None:
    images = [(10, 0), (20, 0), (20 + ARCSEC, 0), (30, 0)]
    text = f"ra,dec,n\n10,0,1\n{10 + ARCSEC},0,2\n20,0,3\n30,0,4\n"
    found = joined(tmp_path, images, text)
    assert found.table["n"].to_pylist() == [None, None, None, 4]
    assert found.ambiguous_sources == {"i0": ("row 1", "row 2")}
    assert found.ambiguous_rows == {"row 3": ("i1", "i2")}


def test_a_catalogue_without_positions_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match="no positions"):
        joined(tmp_path, [(10, 0)], "name,class\na,b\n")
