"""Other programs on the visitor's machine, by a real SAMP hub: tables and images go there, rows and positions come."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from astropy.wcs import WCS
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import opened_explorer
from installation import Installation
from lse.client import Client
from samp_peers import Peers, Topcat, running_samp

pytestmark = pytest.mark.browser


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[Peers]:
    """A hub on the visitor's machine, and another program there."""
    with running_samp(tmp_path) as peers:
        yield peers


@pytest.fixture
def topcat(peers: Peers) -> Topcat:
    """The other program."""
    return peers.topcat


@pytest.fixture
def page(browser: Browser, installation: Installation, experiment: str) -> Iterator[Page]:
    """The explorer, which may ask the visitor's own hub and nobody else."""
    with opened_explorer(browser, installation, experiment, besides="http://localhost:21012/") as page:
        yield page


@pytest.fixture
def samp(page: Page, peers: Peers) -> Locator:
    """The part of the page for other programs, connected."""
    samp = page.locator(".lse-samp")
    samp.locator("summary").click()
    samp.get_by_role("button", name="Connect").click()
    expect(to_topcat(samp, "all images as a table")).to_be_visible()
    assert peers.visitor.asked == [f"Latent Space Explorer from {page.evaluate('location.origin')}"]
    return samp


def to_topcat(samp: Locator, text: str) -> Locator:
    """The button that sends something to the other program."""
    return samp.locator(".acts", has_text=text).get_by_role("button", name="Topcat")


def test_tables_and_selections_are_exchanged(page: Page, samp: Locator, topcat: Topcat, client: Client) -> None:
    # The selection goes as a table, which is fetched without the visitor's login.
    page.locator(".lse-tabs [data-value=selection]").click()
    page.locator(".lse-find input").fill("class = ring")
    page.locator(".lse-find input").press("Enter")
    images = client.datasets.table("survey", columns=["name", "class"]).to_pandas()
    rings = images[images["class"] == "ring"].sort_values("row")
    count = page.locator(".lse-selection-count")
    expect(count).to_contain_text(f"{len(rings)} of")
    to_topcat(samp, "Send the selected images").click()
    sent = topcat.wait("table.load.votable")
    expect(samp).to_contain_text("The table was sent.")
    table = Table.read(sent["url"], format="votable")
    assert list(table["name"]) == list(rings["name"])

    # Rows that are selected there become the selection here, by the rows of that table; nonsense does nothing.
    topcat.say("table.select.rowList", table_id=sent["table-id"], row_list=["2", "0", "999", "x"])
    expect(count).to_contain_text("2 of")
    expect(samp).to_contain_text("Selected by Topcat: 2.")
    topcat.say("table.select.rowList", table_id="another", row_list=["1"])
    to_topcat(samp, "Select the same images").click()
    assert topcat.wait("table.select.rowList")["row-list"] == ["0", "2"]
    topcat.say("table.highlight.row", table_id=sent["table-id"], row="1")
    page.locator(".lse-tabs [data-value=image]").click()
    expect(page.locator(".lse-image-name")).to_have_text(table["name"][1])


def test_positions_and_images_are_exchanged(
    page: Page, samp: Locator, topcat: Topcat, peers: Peers, client: Client
) -> None:
    images = client.datasets.table("survey", columns=["name", "ra_deg", "dec_deg"]).to_pandas()
    one = images[images["row"] == 7].iloc[0]
    topcat.say("coord.pointAt.sky", ra=str(one["ra_deg"] + 1e-4), dec=str(one["dec_deg"]))
    expect(page.locator(".lse-image-name")).to_have_text(one["name"])
    page.locator(".lse-sky").wait_for()
    to_topcat(samp, "Show its position").click()
    there = topcat.wait("coord.pointAt.sky")
    assert (float(there["ra"]), float(there["dec"])) == (one["ra_deg"], one["dec_deg"])
    to_topcat(samp, "Send this image").click()
    image = topcat.wait("image.load.fits")
    source = client.datasets.image("survey", one["name"]).source
    with fits.open(image["url"], cache=False) as got, fits.open(source) as own:
        np.testing.assert_array_equal(got[0].data, own[0].data)
        here, true = (WCS(hdus[0].header).celestial.pixel_to_world(3, 40) for hdus in (got, own))
        assert here.separation(true).arcsec < 1e-6
    topcat.say("coord.pointAt.sky", ra="10.0", dec="-89")
    expect(samp).to_contain_text("Topcat points at 10.00000 -89.00000; no image lies within 1 arcmin.")

    topcat.client.disconnect()
    peers.hub.stop()
    expect(samp).to_contain_text("The hub has ended")


def test_without_a_hub_it_says_so(page: Page) -> None:
    samp = page.locator(".lse-samp")
    samp.locator("summary").click()
    samp.get_by_role("button", name="Connect").click()
    expect(samp).to_contain_text("No SAMP hub answers on your machine")
