"""Images and names over the map, in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from explorer import PATIENCE, choose, find_point

pytestmark = pytest.mark.browser

# Bokeh draws both on a canvas: what it has to draw is what its sources hold.
_LOADED = """() => {
  const models = [...Bokeh.documents[0]._all_models.values()]
  const source = models.find((one) => one.type === "ColumnDataSource" && "url" in one.data)
  return source ? [...source.data.url] : []
}"""
_LINES = _LOADED.replace('"url" in one.data', '"xs" in one.data').replace("source.data.url", "source.data.xs")
_NAMED = _LOADED.replace('"url" in one.data', '"text" in one.data').replace("source.data.url", "source.data.text")


def test_images_and_names_lie_over_the_map(page: Page) -> None:
    choose(page, "lse-clustering", "kmeans")
    find_point(page)
    with page.expect_response(lambda answer: "/thumbnails/" in answer.url, timeout=PATIENCE) as fetched:
        page.locator(".lse-caption").get_by_role("button", name="images").click()
    assert fetched.value.ok
    page.wait_for_function(f"({_LOADED})().length > 20")
    page.locator(".lse-caption").get_by_role("button", name="names").click()
    page.wait_for_function(f"({_NAMED})().length == 4")
    assert sorted(page.evaluate(_NAMED)) == ["0", "1", "2", "3"]
    page.locator(".lse-caption").get_by_role("button", name="contours").click()
    page.wait_for_function(f"({_LINES})().length > 2")
    page.wait_for_function("location.search.includes('over=images%2Cnames%2Ccontours')")

    # Names and contours are in the saved figure, as text and lines.
    with page.expect_download() as download:
        page.locator(".lse-svg").click()
    figure = download.value.path().read_text()
    assert figure.count(">3</text>") == 2  # the legend has it, too
    lines = figure.count("<path")
    page.locator(".lse-caption").get_by_role("button", name="contours").click()
    page.wait_for_function(f"({_LINES})().length == 0")
    with page.expect_download() as download:
        page.locator(".lse-svg").click()
    assert download.value.path().read_text().count("<path") < lines

    # Points under images are hovered and clicked as before; a link shows the same.
    _, x, y = find_point(page)
    page.mouse.click(x, y)
    expect(page.locator(".lse .image, .image[data-row]").first).to_be_visible()
    page.reload()
    page.wait_for_function(f"typeof Bokeh !== 'undefined' && Bokeh.documents.length && ({_LOADED})().length > 20")
    page.locator(".lse-caption").get_by_role("button", name="images").click()
    page.wait_for_function(f"({_LOADED})().length == 0")
