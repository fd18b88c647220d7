"""The minimap: there once one has zoomed in, and a way to go elsewhere."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser

_MIDDLE = """() => {
  const figure = [...Bokeh.documents[0]._all_models.values()].find((one) => one.type === "Figure")
  return [figure.x_range, figure.y_range].map((range) => (range.start + range.end) / 2)
}"""


def test_the_minimap_says_where_one_is_and_goes_elsewhere(page: Page) -> None:
    minimap = page.locator(".lse-minimap .lse-overview")
    expect(minimap).to_be_hidden()
    cloud = page.locator(".lse-cloud").first.bounding_box()
    assert cloud is not None
    page.mouse.move(cloud["x"] + cloud["width"] / 2, cloud["y"] + cloud["height"] / 2)
    for _ in range(4):
        page.mouse.wheel(0, -400)
    expect(minimap).to_be_visible()
    picture = minimap.locator("img")
    page.wait_for_function("one => one.naturalWidth === 150", arg=picture.element_handle())
    first = picture.get_attribute("src")
    before, address = page.evaluate(_MIDDLE), page.url
    whole = minimap.bounding_box()
    assert whole is not None
    page.mouse.click(whole["x"] + 0.8 * whole["width"], whole["y"] + 0.2 * whole["height"])
    page.wait_for_function(f"before => ({_MIDDLE})()[0] > before[0] && ({_MIDDLE})()[1] > before[1]", arg=before)
    page.wait_for_function("before => location.href !== before", arg=address)

    # A link opens it, too.
    page.goto(page.url)
    expect(minimap).to_be_visible()
    page.wait_for_function("one => one.naturalWidth === 150", arg=picture.element_handle())
    first = picture.get_attribute("src")

    # It has the colours of the map, and goes when all of the map is in view again.
    page.locator(".lse-legend [data-action=toggle]").first.click()
    page.wait_for_function("([one, first]) => one.src !== first", arg=[picture.element_handle(), first])
    page.mouse.move(cloud["x"] + cloud["width"] / 2, cloud["y"] + cloud["height"] / 2)
    for _ in range(20):  # out takes more turns of the wheel than in
        page.mouse.wheel(0, 400)
    expect(minimap).to_be_hidden()
