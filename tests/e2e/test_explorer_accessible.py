"""Everyone can use the explorer: axe-core finds nothing serious on the page and its windows, dark and light."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from accessibility import axe_source, findings
from explorer import choose, solid_scene
from lse.client import Client

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def axe() -> str:
    return axe_source()


def findings_of_filters(page: Page, axe: str) -> list[str]:
    """What axe finds with filters, a second map and other programs open."""
    page.get_by_role("tab", name="Filters").click()
    for title in ("class", "redshift"):
        choose(page, "lse-add-chart", title, shown="choose what to chart")
    expect(page.locator(".filter")).to_have_count(2)
    page.locator(".filter .group").first.click()
    page.wait_for_selector(".lse-filtered .acts")
    page.locator(".lse-samp summary").click()
    page.locator(".lse-caption").get_by_role("button", name="second map").click()
    page.wait_for_selector(".lse-second .lse-cloud canvas")
    found = findings(page, axe)
    page.locator(".lse-second").get_by_role("button", name="×").click()
    page.locator(".lse-show-all").click()
    return found


def findings_of_names(page: Page, axe: str) -> list[str]:
    """What axe finds in the forms that give names: to views, and to classes with what they mean."""
    page.locator(".lse-bookmarks").click()
    window = page.locator(".lse-bookmarks-content")
    window.get_by_label("name of this view").fill("a view")
    window.get_by_label("name of this view").press("Enter")
    expect(window.locator(".entry")).to_have_count(1)
    found = findings(page, axe)
    page.keyboard.press("Escape")
    expect(window).to_be_hidden()
    choose(page, "lse-scheme", "named")
    page.locator(".lse-agreement").click()
    page.wait_for_selector(".lse-agreement-found")
    page.locator(".lse-edit-scheme").click()
    page.wait_for_selector(".classes-form textarea")
    return [*found, *findings(page, axe)]


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_nothing_keeps_anyone_out(page: Page, client: Client, axe: str, survey: Path, theme: str) -> None:
    client.label_schemes.create("named", classes=["a", "b"])
    if theme == "light":
        page.goto(f"{page.url}&theme=light")
        page.wait_for_selector(".lse-cloud canvas")
    page.wait_for_selector(".lse-typical button")
    page.wait_for_selector(".lse-parameters .MuiInputAdornment-root > button[aria-label]")
    found = {"page": findings(page, axe)}

    page.locator(".lse-typical button").first.click()
    page.wait_for_selector(".lse-similar-own .shot")
    found["image"] = findings(page, axe)

    page.locator(".legend .group").first.hover()
    page.locator(".legend .pick").first.click()
    page.wait_for_selector(".lse-gallery .tiles button")
    found["selection"] = findings(page, axe)

    page.get_by_role("tab", name="Review").click()
    found["review"] = findings(page, axe)

    found["filters"] = findings_of_filters(page, axe)

    page.locator(".lse-name-clusters").click()
    page.wait_for_selector(".lse-cluster-names input")
    found["names"] = findings(page, axe)
    page.keyboard.press("Escape")

    found["views and classes"] = findings_of_names(page, axe)

    page.locator(".lse-manage").click()
    page.wait_for_selector(".lse-project-content .entry")
    found["project"] = findings(page, axe)
    page.keyboard.press("Escape")

    page.locator(".lse-open-ingest").click()
    page.locator("input[data-of=files]").set_input_files(
        [survey / "images/sim-000001.fits", survey / "images/broken.fits"]
    )
    page.wait_for_selector(".previews img")
    page.wait_for_selector(".lse-start-ingest:enabled")
    found["ingest"] = findings(page, axe)
    page.keyboard.press("Escape")

    page.get_by_role("tab", name="Image").click()
    page.locator(".lse-open-original").click()
    page.wait_for_selector(".viewer .drawn")
    found["original"] = findings(page, axe)
    page.keyboard.press("Escape")

    choose(page, "lse-projection", "solid · 3-D")
    solid_scene(page)
    found["solid map"] = findings(page, axe)

    page.locator(".lse-tour").click()
    page.wait_for_selector(".guide")
    found["tour"] = findings(page, axe)
    page.keyboard.press("Escape")

    page.locator(".lse-facts .lse-encoder").click()
    page.wait_for_selector(".lse-training .columns, .training .columns")
    found["encoder"] = findings(page, axe)
    assert {where: wrong for where, wrong in found.items() if wrong} == {}
