"""Image services of the Virtual Observatory: a server of this machine that speaks SIA2, DataLink and SODA."""

from __future__ import annotations

import http.server
import io
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
from tests.services.ingestion.conftest import Elsewhere

from lse.client import Client
from lse.errors import InvalidArgumentError, LseError

SCALE_DEG = 0.001
RADIUS_DEG = 0.012
FIELDS = {"north": (150.0, 2.0), "south": (150.0, 1.7), "deep": (150.05, 2.0)}
POSITIONS = {"a": (150.0, 2.01), "b": (149.95, 1.99), "c": (150.03, 1.72), "nowhere": (30.0, -10.0)}
RECIPE = "{channels: grey, size: 24, stretch: linear}"

VOTABLE = """<?xml version="1.0" encoding="UTF-8"?>
<VOTABLE version="1.4" xmlns="http://www.ivoa.net/xml/VOTable/v1.3"><RESOURCE type="results">
<INFO name="QUERY_STATUS" value="{status}"/><TABLE>{fields}<DATA><TABLEDATA>{rows}</TABLEDATA></DATA></TABLE></RESOURCE>
{service}</VOTABLE>"""
SODA = """<RESOURCE type="meta" utype="adhoc:service" ID="soda">
<PARAM name="standardID" datatype="char" arraysize="*" value="ivo://ivoa.net/std/SODA#sync-1.0"/>
<PARAM name="accessURL" datatype="char" arraysize="*" value="{address}/soda"/>
<GROUP name="inputParams"><PARAM name="ID" datatype="char" arraysize="*" value="" ref="{identifier}"/>
<PARAM name="CIRCLE" datatype="double" arraysize="3" xtype="circle" unit="deg" value=""/></GROUP></RESOURCE>"""
TEXT = 'datatype="char" arraysize="*"'


def mosaic(name: str) -> fits.PrimaryHDU:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype, wcs.wcs.crval, wcs.wcs.crpix = ["RA---TAN", "DEC--TAN"], FIELDS[name], [100.5, 100.5]
    wcs.wcs.cdelt = [-SCALE_DEG, SCALE_DEG]
    data = np.random.default_rng(len(name)).normal(size=(200, 200)).astype(np.float32)
    return fits.PrimaryHDU(data, wcs.to_header())


def content(hdu: fits.PrimaryHDU) -> bytes:
    buffer = io.BytesIO()
    hdu.writeto(buffer)
    return buffer.getvalue()


def table(
    fields: dict[str, str], rows: Sequence[tuple[object, ...]], *, service: str = "", status: str = "OK"
) -> bytes:
    shown = "".join(f'<FIELD ID="{name}" name="{name}" {kind}/>' for name, kind in fields.items())
    cells = "".join("<TR>" + "".join(f"<TD>{escape(str(cell))}</TD>" for cell in row) + "</TR>" for row in rows)
    return VOTABLE.format(status=status, fields=shown, rows=cells, service=service).encode()


class Observatory(http.server.BaseHTTPRequestHandler):
    """Mosaics, and what finds, describes and cuts them."""

    asked: ClassVar[list[str]] = []
    address: ClassVar = ""

    def do_GET(self) -> None:
        Observatory.asked.append(self.path)
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        name = query.get("ID", [path])[0].rpartition("/")[2].removesuffix(".fits")
        if path.startswith("/sia2"):
            self.answer(self.images(path, query), "application/x-votable+xml")
        elif path == "/links":
            fields = {"ID": TEXT, "access_url": TEXT, "service_def": TEXT, "semantics": TEXT, "error_message": TEXT}
            found = [
                (f"ivo://x/{name}", f"{self.address}/files/{name}.fits", "", "#this", ""),
                (f"ivo://x/{name}", "", "soda", "#cutout", ""),
            ]
            service = SODA.format(address=self.address, identifier="ID")
            self.answer(table(fields, found, service=service), "application/x-votable+xml;content=datalink")
        elif path == "/soda":
            ra, dec, radius = map(float, query["CIRCLE"][0].split())
            hdu = mosaic(name)
            side = 2 * round(radius / SCALE_DEG)
            cut = Cutout2D(hdu.data, SkyCoord(ra, dec, unit="deg"), (side, side), wcs=WCS(hdu.header))
            self.answer(content(fits.PrimaryHDU(cut.data, cut.wcs.to_header())), "application/fits")
        elif path.startswith("/files"):
            self.answer(content(mosaic(name)), "application/fits")
        else:
            self.send_error(404)

    def images(self, path: str, query: dict[str, list[str]]) -> bytes:
        """Answer of SIA2: the fields in which a circle lies."""
        _, ra, dec, radius = query["POS"][0].split()
        place = SkyCoord(float(ra), float(dec), unit="deg")
        wanted = query.get("COLLECTION", ["main"])
        fields = {"obs_publisher_did": TEXT, "access_url": TEXT, "access_format": TEXT, "dataproduct_type": TEXT}
        fields |= dict.fromkeys(("s_ra", "s_dec"), 'datatype="double" unit="deg"')
        rows: list[tuple[object, ...]] = []
        for name, centre in FIELDS.items():
            apart = place.separation(SkyCoord(*centre, unit="deg")).deg
            if ("deep" if name == "deep" else "main") in (*wanted, *wanted[0].split("+")) and apart < 0.1 + float(
                radius
            ):
                own = f"ivo://x/{name}"
                link = (f"{self.address}/links?ID={own}", "application/x-votable+xml;content=datalink")
                file = (f"{self.address}/files/{name}.fits", "application/fits")
                rows.append((own, *(link if "link" in path else file), "image", *centre))
        if "fails" in path:
            return table(fields, [], status="ERROR")
        soda = SODA.format(address=self.address, identifier="obs_publisher_did") if "soda" in path else ""
        return table(fields, rows, service=soda)

    def answer(self, body: bytes, kind: str) -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_HEAD(self) -> None:
        self.send_error(405)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def observatory(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Address of the server, which the services may read."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", elsewhere.web), Observatory)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    address = f"http://127.0.0.1:{elsewhere.web}"
    monkeypatch.setattr(Observatory, "address", address)
    monkeypatch.setattr(Observatory, "asked", [])
    yield address
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def positions(tmp_path: Path) -> Path:
    path = tmp_path / "positions.csv"
    path.write_text("name,RA,Dec\n" + "".join(f"{name},{ra},{dec}\n" for name, (ra, dec) in POSITIONS.items()))
    return path


@pytest.mark.parametrize("kind", ["soda", "link"])
def test_a_service_that_cuts_gives_an_image_of_each_position(
    client: Client, observatory: str, positions: Path, kind: str
) -> None:
    source = f"sia2+{observatory}/sia2-{kind}?COLLECTION=main&RADIUS={RADIUS_DEG}"
    made = client.datasets.ingest("cut", source, recipe=RECIPE, catalogue=positions).wait(show_progress=False)
    assert (made.prepared, made.rejected) == (3, 0)
    found = client.datasets.table("cut").to_pydict()
    assert found["name"] == ["a", "b", "c"]
    assert all("/soda?" in source for source in found["source"])
    for name, ra, dec in zip(found["name"], found["ra_deg"], found["dec_deg"], strict=True):
        assert (ra, dec) == POSITIONS[name]
    notes = " ".join(made.notes)
    assert "127.0.0.1 has an image of 3 of 4 positions." in notes
    assert f"It cut 3 of them to a radius of {RADIUS_DEG} degrees (SODA)." in notes
    assert "Positions without an image: 1 (nowhere)." in notes
    original = client.datasets.original("cut", "b")
    field = mosaic("north")
    side = 2 * round(RADIUS_DEG / SCALE_DEG)
    place = SkyCoord(*POSITIONS["b"], unit="deg")
    expected = Cutout2D(field.data, place, (side, side), wcs=WCS(field.header)).data
    np.testing.assert_array_equal(original.pixels[0], expected[::-1])


def test_whole_images_are_cut_here(client: Client, observatory: str, positions: Path) -> None:
    source = f"sia2+{observatory}/sia2?COLLECTION=main&RADIUS=0.01"
    recipe = "{cutout: 24, channels: grey, size: 24, stretch: linear}"
    made = client.datasets.ingest("here", source, recipe=recipe, catalogue=positions).wait(show_progress=False)
    assert (made.prepared, made.rejected) == (3, 1)  # one is in none of the images
    found = client.datasets.table("here").to_pydict()
    assert found["name"] == list(POSITIONS)
    assert not any("/soda" in path for path in Observatory.asked)
    with pytest.raises(LseError, match=r"'a' and 'b' lie in the same image .* give a recipe with a cutout"):
        client.datasets.ingest("twice", source, recipe=RECIPE, catalogue=positions).wait(show_progress=False)


def test_of_several_images_the_nearest_is_taken_and_said(client: Client, observatory: str, tmp_path: Path) -> None:
    catalogue = tmp_path / "one.csv"
    catalogue.write_text("name,ra_deg,dec_deg\nx,150.04,2.0\n")
    source = f"sia2+{observatory}/sia2-soda?COLLECTION=main&COLLECTION=deep"
    made = client.datasets.ingest("several", source, recipe=RECIPE, catalogue=catalogue).wait(show_progress=False)
    assert any("several images of 1 position, of which" in note for note in made.notes)
    assert {"deep" in path for path in Observatory.asked if path.startswith("/soda")} == {True}


def test_what_an_image_service_needs(client: Client, observatory: str, positions: Path) -> None:
    service = f"sia2+{observatory}/sia2-soda"
    with pytest.raises(LseError, match="needs a catalogue"):
        client.datasets.preview([service], recipe=RECIPE)
    with pytest.raises(LseError, match="needs a catalogue"):
        client.datasets.ingest("none", service, recipe=RECIPE).wait(show_progress=False)
    with pytest.raises(LseError, match="RADIUS in degrees"):
        client.datasets.ingest("far", f"{service}?RADIUS=90", catalogue=positions).wait(show_progress=False)
    with pytest.raises(InvalidArgumentError, match="no image of any of the 4 positions"):
        client.datasets.ingest("fails", f"{service}-fails", catalogue=positions).wait(show_progress=False)
    with pytest.raises(LseError, match=r"private network|may not read"):
        client.datasets.ingest("private", "sia2+http://127.0.0.1:9/sia2", catalogue=positions).wait(show_progress=False)
