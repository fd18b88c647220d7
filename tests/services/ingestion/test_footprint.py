"""Outlines of images on the sky, and the footprint of a dataset, against astropy and mocpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from astropy.io import fits
from astropy.wcs import WCS
from mocpy import MOC
from typer.testing import CliRunner

from lse.cli.main import app
from lse.client import Client
from lse.client.footprint import coverage_of
from lse.errors import FailedPreconditionError, InvalidArgumentError

SCALE = 1 / 3600


def wcs_of(ra: float, dec: float, *, turned: float = 0.0, mirrored: bool = False, kind: str = "TAN") -> WCS:
    wcs = WCS(naxis=2)
    wcs.wcs.ctype = [f"RA---{kind}", f"DEC--{kind}"]
    wcs.wcs.crval, wcs.wcs.crpix = [ra, dec], [20.5, 15.5]
    cos, sin = np.cos(np.deg2rad(turned)), np.sin(np.deg2rad(turned))
    side = np.diag([SCALE if mirrored else -SCALE, SCALE])
    wcs.wcs.cd = side @ np.array([[cos, -sin], [sin, cos]])
    return wcs


IMAGES = {
    "plain": wcs_of(150.0, 2.0),
    "turned": wcs_of(0.0005, -45.0, turned=30),
    "mirrored": wcs_of(210.0, 60.0, mirrored=True),
    "arc": wcs_of(80.0, -70.0, kind="ARC"),
}


def corners(region: str) -> SkyCoord:
    assert region.startswith("POLYGON ICRS ")
    return SkyCoord(np.array(region.split()[2:], float).reshape(-1, 2), unit="deg")


@pytest.fixture
def images(tmp_path: Path) -> Path:
    folder = tmp_path / "images"
    folder.mkdir()
    pixels = np.random.default_rng(0).normal(size=(30, 40)).astype(np.float32)
    for name, wcs in IMAGES.items():
        fits.writeto(folder / f"{name}.fits", pixels, wcs.to_header())
    return folder


def test_outlines_are_those_of_the_part_that_is_used(client: Client, images: Path) -> None:
    client.datasets.ingest("d", images, recipe={"fit": "squeeze"}).wait()
    client.datasets.ingest("cropped", images, recipe={"crop": 10}).wait()
    for name, whole in (("d", True), ("cropped", False)):
        table = client.datasets.table(name, ["s_region"]).to_pydict()
        for image, region in zip(table["name"], table["s_region"], strict=True):
            x, y = ((0.5, 40.5), (0.5, 30.5)) if whole else ((15.5, 25.5), (10.5, 20.5))
            truth = SkyCoord(IMAGES[image].wcs_pix2world([(a, b) for b in y for a in x], 1), unit="deg")
            found = corners(region)
            apart = np.array([truth.separation(corner).arcsec.min() for corner in found])
            assert apart.max() < 1e-3
            assert len({int(truth.separation(corner).argmin()) for corner in found}) == 4
            # Anticlockwise seen from within: each next corner lies to the left of the way from the middle.
            middle = SkyCoord(found.cartesian.mean())
            angles = np.unwrap(middle.position_angle(found).rad)
            assert (np.diff(angles) > 0).all()


def test_the_footprint_is_the_union_of_the_outlines(client: Client, images: Path, tmp_path: Path) -> None:
    client.datasets.ingest("d", images).wait()
    found = client.datasets.footprint("d", order=18)
    outlines = [corners(each) for each in client.datasets.table("d", ["s_region"])["s_region"].to_pylist()]
    truth = MOC.from_polygon_skycoord(outlines[0], max_depth=18)
    for each in outlines[1:]:
        truth = truth.union(MOC.from_polygon_skycoord(each, max_depth=18))
    assert found == truth
    assert found.contains_skycoords(SkyCoord([150, 0.0005, 150.1], [2, -45, 2], unit="deg")).tolist() == [
        True,
        True,
        False,
    ]
    chosen = client.datasets.footprint("d")
    assert 4 * 30**2 * SCALE**2 <= chosen.sky_fraction * 129_600 / np.pi <= 16 * 30**2 * SCALE**2
    with pytest.raises(InvalidArgumentError, match="0 to 29"):
        client.datasets.footprint("d", order=30)
    runner, where = (
        CliRunner(),
        ["--address", client.address, "--project", client.project, "--json", "dataset", "footprint", "d"],
    )
    for suffix, form in ((".fits", "fits"), (".json", "json"), (".txt", "ascii")):
        file = tmp_path / f"d.moc{suffix}"
        result = runner.invoke(app, [*where, str(file)])
        assert result.exit_code == 0, result.output
        assert MOC.load(file, format=form) == chosen
        assert f'"order": {chosen.max_order}' in result.output
    result = runner.invoke(app, [*where, str(tmp_path / "d.png")])
    assert result.exit_code != 0
    assert "FORMAT_UNSUPPORTED" in result.output


def test_without_outlines_it_is_said(client: Client, tmp_path: Path) -> None:
    for number in range(2):
        fits.writeto(tmp_path / f"{number}.fits", np.random.default_rng(number).normal(size=(16, 16)))
    client.datasets.ingest("d", tmp_path).wait()
    with pytest.raises(FailedPreconditionError, match="have a WCS"):
        client.datasets.footprint("d")


@pytest.mark.parametrize("region", ["CIRCLE ICRS 10 20 0.1", "POLYGON 1 2 3 4 5 6", "POLYGON FK5 1 2 3 4 5 6"])
def test_outlines_of_another_form_are_refused(region: str) -> None:
    with pytest.raises(FailedPreconditionError, match="another form"):
        coverage_of([region])


def test_cells_are_as_small_near_the_pole_as_elsewhere() -> None:
    side = 0.01
    ends = {dec: side / np.cos(np.deg2rad(dec)) for dec in (0, 85)}
    orders = [
        coverage_of([f"POLYGON ICRS 10 {dec} {10 + dra} {dec} {10 + dra} {dec + side} 10 {dec + side}"]).max_order
        for dec, dra in ends.items()
    ]
    assert orders[0] == orders[1]
