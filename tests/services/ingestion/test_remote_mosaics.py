"""Cutouts of mosaics on a web server and in a bucket, of which only what is needed is read."""

from __future__ import annotations

import http.server
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import Cutout2D
from astropy.wcs import WCS
from tests.services.ingestion.conftest import Elsewhere

from lse.client import Client
from lse.errors import LseError

SIDE, COUNT = 1500, 5
RECIPE = {
    "cutout": 24,
    "size": 24,
    "normalisation": "none",
    "stretch": {"kind": "linear", "limits": {"kind": "fixed", "low": 0, "high": 1}},
}


class Handler(http.server.BaseHTTPRequestHandler):
    """A web server of a folder that gives parts of files, where it is told to."""

    folder: ClassVar[Path]
    parts: ClassVar = True
    sent: ClassVar = 0
    away: ClassVar = False
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self.answer(head=True)

    def do_GET(self) -> None:
        self.answer(head=False)

    def answer(self, *, head: bool) -> None:
        if Handler.away:
            return self.send_error(503)
        path = self.folder / self.path.lstrip("/")
        if not path.is_file():
            return self.send_error(404)
        content, wanted = path.read_bytes(), re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        part = content
        if wanted and self.parts:
            part = content[int(wanted[1]) : int(wanted[2]) + 1]
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {wanted[1]}-{int(wanted[1]) + len(part) - 1}/{len(content)}")
        else:
            self.send_response(200)
        if self.parts:
            self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(len(part)))
        self.end_headers()
        if not head:
            Handler.sent += len(part)
            self.wfile.write(part)
        return None

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def web(elsewhere: Elsewhere, tmp_path: Path) -> Iterator[str]:
    Handler.folder, Handler.parts, Handler.sent, Handler.away = tmp_path / "web", True, 0, False
    Handler.folder.mkdir()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", elsewhere.web), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{elsewhere.web}"
    server.shutdown()
    thread.join()
    server.server_close()


def mosaic(folder: Path, kind: str) -> tuple[Path, np.ndarray, WCS]:
    """A mosaic of one kind, its pixels as astropy reads them, and its WCS."""
    frame = WCS(naxis=2)
    frame.wcs.ctype = ["RA---TAN", "DEC--TAN"]
    frame.wcs.crval, frame.wcs.crpix, frame.wcs.cdelt = [30.0, -20.0], [SIDE / 2, SIDE / 2], [-1e-4, 1e-4]
    pixels = np.random.default_rng(3).normal(size=(SIDE, SIDE)).astype(np.float32)
    path = folder / f"{kind}.fits"
    hdu: Any = fits.PrimaryHDU(pixels, frame.to_header())
    if kind == "scaled":
        hdu = fits.PrimaryHDU(np.clip(pixels * 1000 + 2000, 0, 60000).astype(np.uint16), frame.to_header())
    if kind == "tiles":
        hdu = fits.CompImageHDU(pixels, frame.to_header(), compression_type="RICE_1", tile_shape=(100, 100))
    hdus = [fits.PrimaryHDU(), hdu] if kind == "tiles" else [hdu]
    fits.HDUList(hdus).writeto(path)
    return path, fits.getdata(path).astype(np.float32), frame


def catalogue(path: Path, frame: WCS, at: np.ndarray) -> Path:
    sky = frame.pixel_to_world(*at.T)
    rows = [f"s{n},{place.ra.deg:.12f},{place.dec.deg:.12f}" for n, place in enumerate(sky)]
    path.write_text("\n".join(["id,ra,dec", *rows]) + "\n")
    return path


def test_cutouts_are_those_of_cutout2d_and_little_is_fetched(client: Client, web: str, tmp_path: Path) -> None:
    at = np.random.default_rng(1).uniform(30, SIDE - 30, size=(COUNT, 2))
    at[0] = (3.2, 700.3)  # which reaches over the edge
    for kind in ("plain", "scaled", "tiles"):
        path, pixels, frame = mosaic(Handler.folder, kind)
        positions = catalogue(tmp_path / "catalogue.csv", frame, at)
        Handler.sent = 0
        made = client.datasets.ingest(kind, [f"{web}/{kind}.fits"], recipe=RECIPE, catalogue=positions)
        assert made.wait(show_progress=False).prepared == COUNT
        assert Handler.sent < 0.3 * path.stat().st_size
        table = client.datasets.table(kind).to_pydict()
        assert table["mosaic"] == [f"{kind}.fits"] * COUNT
        assert table["source"][1] == f"{web}/{kind}.fits#s1"
        for row, place in enumerate(at):
            expected = Cutout2D(pixels, tuple(place), (24, 24), mode="partial", fill_value=np.nan).data[::-1]
            np.testing.assert_array_equal(client.datasets.original(kind, f"s{row}").pixels[0], expected)


def test_a_server_without_parts_gives_the_whole_file(client: Client, web: str, tmp_path: Path) -> None:
    path, _, frame = mosaic(Handler.folder, "plain")
    Handler.parts = False
    positions = catalogue(tmp_path / "catalogue.csv", frame, np.array([[400.0, 500.0]]))
    made = client.datasets.ingest("cut", [f"{web}/plain.fits"], recipe=RECIPE, catalogue=positions)
    assert made.wait(show_progress=False).prepared == 1
    assert Handler.sent >= path.stat().st_size
    with pytest.raises(LseError, match="nothing at"):
        client.datasets.ingest("none", [f"{web}/none.fits"], recipe=RECIPE, catalogue=positions).wait()
