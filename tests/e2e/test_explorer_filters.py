"""Filters: charts of columns that filter the map and each other, kept in the link."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer import choose
from installation import Installation
from lse.client import Client

pytestmark = pytest.mark.browser


def chart(page: Page, title: str) -> None:
    """Add a chart."""
    choose(page, "lse-add-chart", title, shown="choose what to chart")


def test_charts_filter_the_map_and_each_other(
    page: Page, client: Client, browser: Browser, installation: Installation
) -> None:
    images = client.datasets.table("survey", columns=["name", "class", "redshift"]).to_pandas()
    images = images[images["row"] >= 0]
    page.locator(".lse-tabs [data-value=filters]").click()
    chart(page, "class")
    chart(page, "redshift")
    classes, redshifts = (page.locator(".filter").filter(has_text=name) for name in ("class", "redshift"))
    expect(redshifts.locator("rect.every")).to_have_count(40)

    # The first click on a class shows it alone, the next adds another.
    classes.locator(".group", has_text="ring").click()
    rings = (images["class"] == "ring").sum()
    expect(page.locator(".lse-counts")).to_have_text(f"{rings} of {len(images)} points shown")
    expect(page.locator(".lse-filtered")).to_contain_text(f"{rings} of {len(images)} points pass")
    classes.locator(".group", has_text="spiral").click()
    some = images[images["class"].isin(["ring", "spiral"])]
    expect(page.locator(".lse-counts")).to_have_text(f"{len(some)} of {len(images)} points shown")

    # Ends that are typed are included; the chart of classes counts what passes them.
    low, high = sorted(some["redshift"])[3], sorted(some["redshift"])[-4]
    redshifts.locator("input.low").fill(repr(float(low)))
    redshifts.locator("input.low").press("Enter")
    redshifts.locator("input.high").fill(repr(float(high)))
    redshifts.locator("input.high").press("Enter")
    both = some[some["redshift"].between(low, high)]
    expect(page.locator(".lse-counts")).to_have_text(f"{len(both)} of {len(images)} points shown")
    inside = images[images["redshift"].between(low, high)]
    ring = classes.locator(".group", has_text="ring").locator(".count")
    expect(ring).to_have_text(str((inside["class"] == "ring").sum()))

    # What passes becomes the selection; a link shows the same.
    page.get_by_role("button", name="Select them").click()
    expect(page.locator(".lse-selection-count")).to_contain_text(f"{len(both)} of")
    page.wait_for_function("location.search.includes('filters=')")
    other = browser.new_page()
    other.goto(page.url)
    expect(other.locator(".lse-counts")).to_have_text(f"{len(both)} of {len(images)} points shown")
    other.close()

    # A drag over the bars; nonsense is refused; all points again.
    page.locator(".lse-tabs [data-value=filters]").click()
    redshifts.locator("input.low").fill("deep")
    redshifts.locator("input.low").press("Enter")
    expect(page.locator(".lse-filtered")).to_contain_text("“deep” to")
    box = redshifts.locator(".bars").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 20, steps=4)
    page.mouse.up()
    expect(redshifts.locator("rect.cut").first).to_be_attached()
    page.locator(".lse-show-all").click()
    expect(page.locator(".lse-counts")).to_have_text(f"{len(images)} of {len(images)} points shown")
    expect(page.locator("rect.cut")).to_have_count(0)
    redshifts.get_by_role("button", name="redshift: Take the chart away").click()
    expect(page.locator(".filter")).to_have_count(1)
