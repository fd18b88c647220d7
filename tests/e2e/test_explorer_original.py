"""The image as its file has it: pixel values and the sky under the pointer, a band, other limits, the header."""

from __future__ import annotations

import pytest
from astropy.io import fits
from astropy.wcs import WCS
from playwright.sync_api import Page, expect

from lse.client import Client

pytestmark = pytest.mark.browser


def test_the_original_pixels_are_measured(page: Page, client: Client) -> None:
    page.locator(".lse-typical .shot button").first.click()
    name = page.locator(".lse-image-name").inner_text()
    page.locator(".lse-metadata").wait_for()
    page.locator(".lse-open-original").click()
    canvas = page.locator(".viewer .drawn")
    expect(canvas).to_be_visible()

    # What is under the pointer is what the file has there.
    box = canvas.bounding_box()
    assert box is not None
    canvas.hover(position={"x": box["width"] / 2 + 12, "y": box["height"] / 2 - 31})
    expect(page.locator(".readout .sky")).to_contain_text("ICRS")
    x, y = (int(part.split()[1]) for part in page.locator(".readout .place").inner_text().split(","))
    with fits.open(client.datasets.image("survey", name).source) as hdus:
        stored, wcs = hdus[0].data, WCS(hdus[0].header).celestial
    expect(page.locator(".readout .value")).to_contain_text(str(stored[0, y - 1, x - 1]))
    said = page.locator(".readout .sky").inner_text().split("·")[1].replace("°", " ").split()
    scale = box["height"] / stored.shape[1]  # the whole height is seen
    true = wcs.pixel_to_world(stored.shape[2] / 2 + 12 / scale - 0.5, stored.shape[1] / 2 + 31 / scale - 0.5)
    # The pointer is placed by whole pixels of the screen.
    assert float(said[0]) == pytest.approx(true.ra.deg, abs=1e-5)
    assert float(said[1]) == pytest.approx(true.dec.deg, abs=1e-5)

    # A band by itself, with other limits and colours; a limit that is typed counts.
    page.locator(".viewer [name=band]").select_option("1")
    page.locator(".viewer [name=limits]").select_option("zscale")
    page.locator(".viewer [name=map]").select_option("viridis")
    low = page.locator(".viewer [name=low]")
    low.fill("-3.5")
    low.press("Enter")
    expect(page.locator(".viewer [name=limits]")).to_have_value("own")
    expect(low).to_have_value("-3.5")
    page.locator(".original input").fill("crval2")
    expect(page.locator(".original .card:visible")).to_have_count(1)
    page.keyboard.press("Escape")
    expect(canvas).to_be_hidden()
