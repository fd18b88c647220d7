"""Positions of catalogues, compared with what astropy makes of the same values."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.coordinates import FK4, FK5, ICRS, Galactic, SkyCoord
from hypothesis import given
from hypothesis import strategies as st

from lse.columns import ColumnMeaning
from lse.errors import InvalidArgumentError
from lse.tables.catalogue import read_catalogue
from lse.tables.positions import _sexagesimal


def positions(folder: Path, text: str) -> tuple[list[float | None], list[float | None], tuple[str, ...]]:
    (folder / "c.csv").write_text(text)
    catalogue = read_catalogue(folder / "c.csv")
    return catalogue.table["ra_deg"].to_pylist(), catalogue.table["dec_deg"].to_pylist(), catalogue.notes


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        *(("ra", "dec"), ("RA", "DEC"), ("ra_deg", "dec_deg"), ("RA_DEG", "DEC_DEG"), ("RAJ2000", "DEJ2000")),
        *(
            ("_RAJ2000", "_DEJ2000"),
            ("RA_ICRS", "DE_ICRS"),
            ("s_ra", "s_dec"),
            ("RAdeg", "DEdeg"),
            ("Ra", "Decl (deg)"),
        ),
        *(("ALPHA_J2000", "DELTA_J2000"), ("ALPHAWIN_J2000", "DELTAWIN_J2000"), ("coord_ra", "coord_dec")),
        *(("right_ascension", "declination"), ("RA [deg]", "Dec [deg]")),
    ],
)
def test_usual_names(tmp_path: Path, ra: str, dec: str) -> None:
    found = positions(tmp_path, f"name,{ra},{dec}\na,180.123456789012,-5.5\nb,0.25,89.75\n")
    assert found[:2] == ([180.123456789012, 0.25], [-5.5, 89.75])


@pytest.mark.parametrize("form", ["{h:02d}:{m:02d}:{s:05.2f}", "{h} {m} {s}", "{h}h{m}m{s}s", "{h}h {m}m {s}s"])
@pytest.mark.parametrize("names", [("ra", "dec"), ("ra_deg", "dec_deg"), ("RA (hms)", "Dec (dms)")])
def test_sexagesimal_texts_are_hours_and_degrees(tmp_path: Path, form: str, names: tuple[str, str]) -> None:
    ra = form.format(h=12, m=34, s=56.78)
    dec = ("-" + form.format(h=0, m=5, s=6.7)).replace("h", "d")
    ra_deg, dec_deg, notes = positions(tmp_path, f"name,{names[0]},{names[1]}\na,{ra},{dec}\nb,,\n")
    truth = SkyCoord(ra, dec, unit=("hourangle", "deg"))
    assert ra_deg[0] == pytest.approx(truth.ra.deg, abs=1e-9)
    assert dec_deg[0] == pytest.approx(truth.dec.deg, abs=1e-9)
    assert ra_deg[1] is None
    assert any("hours, minutes and seconds" in note for note in notes)


def test_units_in_names_and_degrees_beyond_24(tmp_path: Path) -> None:
    assert positions(tmp_path, "name,RA (hours),Dec\na,12.5,1\n")[:2] == ([187.5], [1.0])
    assert positions(tmp_path, "name,ra,dec\na,185:30:00,1\nb,12:30:00,2\n")[0] == [185.5, 12.5]
    assert positions(tmp_path, "name,RA [rad],Dec [rad]\na,1,-1\n")[0] == pytest.approx([np.rad2deg(1)], abs=1e-9)


def test_one_bad_value_costs_itself(tmp_path: Path) -> None:
    ra, dec, notes = positions(tmp_path, "name,ra,dec\na,180,5\nb,n/d,5\nc,about 3,6\nd,10,7\ne,11,\n")
    assert (ra, dec) == ([180, None, None, 10, 11], [5, 5, 6, 7, None])
    assert any("row 2, 3" in note for note in notes)


def test_what_is_outside_the_sky(tmp_path: Path) -> None:
    ra, dec, notes = positions(tmp_path, "name,ra,dec\na,-10,5\nb,370,5\nc,10,95\nd,NaN,inf\ne,1e9,0\nf,360,0\n")
    assert ra == [350, 10, None, None, None, 0]
    assert dec == [5, 5, None, None, None, 0]
    assert any("3 (row 3, 4, 5)" in note for note in notes)


def test_other_frames_become_icrs(tmp_path: Path) -> None:
    ra, dec, notes = positions(tmp_path, "name,RAB1950,DEB1950\na,10.5,41.25\n")
    truth = SkyCoord(10.5, 41.25, unit="deg", frame="fk4").icrs
    assert (ra[0], dec[0]) == pytest.approx((truth.ra.deg, truth.dec.deg), abs=1e-9)
    ra, dec, notes = positions(tmp_path, "name,GLON,GLAT\na,10.5,41.25\n")
    truth = SkyCoord(10.5, 41.25, unit="deg", frame="galactic").icrs
    assert (ra[0], dec[0]) == pytest.approx((truth.ra.deg, truth.dec.deg), abs=1e-9)
    assert any("galactic" in note for note in notes)


@pytest.mark.parametrize("column", ["ra_h", "RAh", "ra_hours", "RA_HR"])
def test_hours_without_a_unit_are_asked_for(tmp_path: Path, column: str) -> None:
    with pytest.raises(InvalidArgumentError, match=r"hours or in degrees: call it .* \(h\)") as caught:
        positions(tmp_path, f"name,{column},dec\na,12.5,41.25\nb,3,7\n")
    assert caught.value.reason == "POSITIONS_AMBIGUOUS"
    assert positions(tmp_path, f"name,{column} (h),dec\na,12.5,41.25\n")[0] == [187.5]
    assert positions(tmp_path, f"name,{column} (deg),dec\na,12.5,41.25\n")[0] == [12.5]
    assert positions(tmp_path, f"name,{column},dec\na,12:30:00,41.25\n")[0] == [187.5]
    ra, _, notes = positions(tmp_path, f"name,{column},dec\na,187.5,41.25\nb,3,7\n")
    assert ra == [187.5, 3]
    assert any("read as degrees, since it goes beyond 24" in note for note in notes)


def test_small_right_ascensions_without_a_unit_are_said_or_asked_for(tmp_path: Path) -> None:
    ra, _, notes = positions(tmp_path, "name,ra,dec\na,12.5,41.25\nb,3,7\n")
    assert ra == [12.5, 3]
    assert any("if they are hours, call the column 'ra (h)'" in note for note in notes)
    whole_sky = "".join(f"s{hour},{hour}.5,{5 * hour - 60}\n" for hour in range(24))
    with pytest.raises(InvalidArgumentError, match=r"hours or in degrees: call it 'ra \(h\)'") as caught:
        positions(tmp_path, f"name,ra,dec\n{whole_sky}")
    assert caught.value.reason == "POSITIONS_AMBIGUOUS"
    assert positions(tmp_path, f"name,ra_deg,dec_deg\n{whole_sky}")[0][3] == 3.5
    assert positions(tmp_path, f"name,ra (h),dec\n{whole_sky}")[0][3] == 52.5
    ra, _, notes = positions(tmp_path, "name,ra,dec\na,212.5,41.25\nb,3,7\n")
    assert (ra, [note for note in notes if "hours" in note]) == ([212.5, 3], [])


def test_radians_without_a_unit_are_asked_for(tmp_path: Path) -> None:
    with pytest.raises(InvalidArgumentError, match=r"radians or in degrees: call it 'coord_ra \(rad\)'") as caught:
        positions(tmp_path, "name,coord_ra,coord_dec\na,2.5,-0.7\nb,1,1.5\n")
    assert caught.value.reason == "POSITIONS_AMBIGUOUS"
    truth = [np.rad2deg(2.5)], [np.rad2deg(-0.7)]
    for names in ("coord_ra (rad),coord_dec (rad)", "ra_rad,dec_rad"):
        found = positions(tmp_path, f"name,{names}\na,2.5,-0.7\n")
        assert found[0] == pytest.approx(truth[0], abs=1e-9)
        assert found[1] == pytest.approx(truth[1], abs=1e-9)


@pytest.mark.parametrize("minutes", ["30", "05"])  # a column with leading zeros is text
def test_parts_in_columns_of_their_own(tmp_path: Path, minutes: str) -> None:
    header = "name,RAh,RAm,RAs,DE-,DEd,DEm,DEs"
    text = f"{header}\na,12,{minutes},36.0,-,00,{minutes},18\nb,0,00,1.5,+,07,15,00\nc,,,,,,,\n"
    ra, dec, notes = positions(tmp_path, text)
    truth = SkyCoord([f"12h{minutes}m36s", "0h0m1.5s"], [f"-0d{minutes}m18s", "+7d15m0s"])
    assert ra == pytest.approx([*truth.ra.deg, None], abs=1e-9)
    assert dec == pytest.approx([*truth.dec.deg, None], abs=1e-9)
    assert any("DE-" in note for note in notes)


VOTABLE = """<?xml version="1.0"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE>
<COOSYS ID="sys" system="{system}" {more}/>
<TABLE><FIELD name="name" datatype="char" arraysize="*"/>
<FIELD name="lon" datatype="double" unit="deg" ucd="pos.eq.ra;meta.main" {ref}/>
<FIELD name="lat" datatype="double" unit="deg" ucd="pos.eq.dec;meta.main" {ref}/>
<DATA><TABLEDATA><TR><TD>a</TD><TD>10.5</TD><TD>41.25</TD></TR></TABLEDATA></DATA></TABLE></RESOURCE></VOTABLE>"""


@pytest.mark.parametrize("ref", ['ref="sys"', ""])
@pytest.mark.parametrize(
    ("system", "more", "frame"),
    [
        ("ICRS", 'epoch="J2015.5"', ICRS()),
        ("eq_FK5", 'equinox="J2000"', FK5(equinox="J2000")),
        ("eq_FK5", 'equinox="J1975" epoch="J1991.25"', FK5(equinox="J1975")),
        ("eq_FK4", 'equinox="B1950"', FK4(equinox="B1950")),
        ("galactic", "", Galactic()),
    ],
)
def test_the_frame_of_a_votable_is_kept(tmp_path: Path, system: str, more: str, frame: Any, ref: str) -> None:
    (tmp_path / "c.vot").write_text(VOTABLE.format(system=system, more=more, ref=ref))
    catalogue = read_catalogue(tmp_path / "c.vot")
    truth = SkyCoord(10.5, 41.25, unit="deg", frame=frame).icrs
    found = (catalogue.table["ra_deg"][0].as_py(), catalogue.table["dec_deg"][0].as_py())
    assert found == pytest.approx((truth.ra.deg, truth.dec.deg), abs=1e-9)
    assert ColumnMeaning.of(catalogue.table.field("lon")).frame.startswith(system)
    assert ("epoch" in more) == ("epoch J" in ColumnMeaning.of(catalogue.table.field("lon")).frame)


def test_several_pairs_must_agree(tmp_path: Path) -> None:
    text = "name,ra,dec,RA_ICRS,DE_ICRS\na,10,5,10.0001,5\n"
    assert positions(tmp_path, text)[0] == [10]
    with pytest.raises(InvalidArgumentError, match="ra_deg and dec_deg") as caught:
        positions(tmp_path, text.replace("10.0001", "11"))
    assert caught.value.reason == "POSITIONS_AMBIGUOUS"
    both = "name,ra,dec,ra_deg,dec_deg\na,10,5,11,5\n"
    assert positions(tmp_path, both)[0] == [11]


def test_columns_that_are_no_position_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("name,ra,decade,alpha\na,x,1990,0.7\n")
    assert read_catalogue(tmp_path / "c.csv").columns == ("ra", "decade", "alpha")
    (tmp_path / "c.csv").write_text("name,ra,dec\na,left,right\n")
    assert read_catalogue(tmp_path / "c.csv").columns == ("ra", "dec")


@given(
    sign=st.sampled_from(["", "+", "-", "\u2212"]),
    whole=st.integers(0, 359),
    minutes=st.integers(0, 59),
    seconds=st.integers(0, 59_999),
)
def test_sexagesimal_numbers(sign: str, whole: int, minutes: int, seconds: int) -> None:
    value = whole + minutes / 60 + seconds / 3_600_000
    found = _sexagesimal(f"{sign}{whole:02d}:{minutes:02d}:{seconds / 1000:06.3f}")
    assert found is not None
    assert found == (pytest.approx(-value if sign in ("-", "\u2212") else value, abs=1e-11), "")


@pytest.mark.parametrize(
    ("ra", "dec"),
    [
        ("10d41m04.5s", "-5d"),
        ("10h", "+41.27°"),
        ("10.68°", "41d16.15m"),
        ("0h42m44.3s", "-0d16m09s"),
        ("10.5 deg", "1d"),
    ],
)
def test_letters_say_hours_and_degrees_as_in_astropy(tmp_path: Path, ra: str, dec: str) -> None:
    truth = SkyCoord(ra.replace(" deg", "d").replace("°", "d"), dec.replace("°", "d"), unit=("hourangle", "deg"))
    found = positions(tmp_path, f"name,ra,dec\na,{ra},{dec}\n")
    assert (found[0][0], found[1][0]) == (pytest.approx(truth.ra.deg, abs=1e-9), pytest.approx(truth.dec.deg, abs=1e-9))
    both = positions(tmp_path, f"name,ra,dec\na,{ra},{dec}\nb,01:00:00,-01:00:00\n")
    assert (both[0], both[1]) == (pytest.approx([truth.ra.deg, 15]), pytest.approx([truth.dec.deg, -1]))


def test_a_declared_unit_decides_over_the_size(tmp_path: Path) -> None:
    assert positions(tmp_path, "name;ra (deg);dec\na;10:30:00,5;-05:15:00\n")[0] == [pytest.approx(10.5 + 0.5 / 3600)]
    assert positions(tmp_path, "name,ra (hms),dec\na,10:30:00,-05:15:00\n")[0] == [157.5]


def test_columns_that_give_no_position_are_told(tmp_path: Path) -> None:
    (tmp_path / "c.csv").write_text("name,ra,dec\na,10h61m,5\nb,,7\n")
    found = read_catalogue(tmp_path / "c.csv")
    assert found.columns == ("ra", "dec")
    assert any("No row of the catalogue has an angle in both 'ra' and 'dec'" in note for note in found.notes)


@pytest.mark.parametrize("text", ["1:60:00", "1:00:61", "a:b:c", "1", "12:30:00 N", "2020-01-01", "1:2:3:4"])
def test_what_is_no_angle(text: str) -> None:
    assert _sexagesimal(text) is None
