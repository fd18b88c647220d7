"""The colours of numbers: scale, limits and colours, chosen in the legend and kept in the link."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer import choose
from installation import Installation
from lse.client import Client

pytestmark = pytest.mark.browser


def test_numbers_are_coloured_by_their_logarithm_between_typed_limits(
    page: Page, client: Client, browser: Browser, installation: Installation
) -> None:
    images = client.datasets.table("survey", columns=["redshift"]).to_pandas()
    known = images[images["row"] >= 0]["redshift"].dropna()
    choose(page, "lse-colour", "redshift")
    legend = page.locator(".lse-legend")
    expect(legend.locator("h2")).to_have_text("redshift")
    legend.get_by_text("Scale and limits").click()

    # What does not fit is said where it was typed, and stays there.
    low = legend.get_by_label("From")
    low.fill("deep")
    low.press("Enter")
    expect(legend.get_by_role("alert")).to_have_text("“deep” is not a number.")
    expect(low).to_have_value("deep")
    edge = float(known.quantile(0.5))
    low.fill(repr(edge))
    legend.get_by_role("combobox", name="Scale").select_option("logarithmic")
    expect(legend).to_contain_text(f"{(known < edge).sum():,} below and ")
    expect(legend).to_contain_text("logarithmic")
    expect(legend.get_by_role("alert")).to_have_count(0)
    before = legend.locator(".scale").get_attribute("style")
    legend.get_by_role("combobox", name="Colours").select_option("magma")
    expect(legend.locator(".scale")).not_to_have_attribute("style", before or "")
    legend.get_by_label("reversed").check()
    page.wait_for_function("location.search.includes('reversed')")

    # A link opens the same, and the offline page explains it.
    other = browser.new_page()
    other.goto(page.url)
    expect(other.locator(".lse-legend")).to_contain_text(f"{(known < edge).sum():,} below and ")
    other.locator(".lse-legend").get_by_text("Scale and limits").click()
    expect(other.locator(".lse-legend").get_by_label("reversed")).to_be_checked()
    with page.expect_download() as download:
        page.locator(".lse-html").click()
    assert '"logarithmic"' in Path(download.value.path()).read_text(encoding="utf-8")
    other.close()

    legend.get_by_role("button", name="as usual").click()
    expect(legend).to_contain_text("1st to 99th percentile")
    expect(legend.get_by_label("From")).to_have_value("")
    expect(legend.get_by_label("reversed")).not_to_be_checked()
