"""The solid map: what draws it is fetched when it is shown, and it is turned, hovered over, clicked and linked to."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import choose, faults_of, find_point
from installation import Installation

pytestmark = pytest.mark.browser

_EYE = "one => Object.values(one._fullLayout.scene._scene.getCamera().eye)"


def scene_of(page: Page) -> Locator:
    """The scene of the first map, once it is drawn."""
    scene = page.locator(".lse-cloud .js-plotly-plot")
    page.wait_for_function("one => one._fullLayout?.scene?._scene?.glplot", arg=scene.element_handle())
    return scene


def test_a_solid_map_is_fetched_turned_and_linked_to(
    browser: Browser, installation: Installation, experiment: str
) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    faults, asked = faults_of(page, installation), fetches_of(page)
    page.goto(f"{installation.url}/?project=default&experiment={experiment}&projection=flat")
    page.wait_for_selector(".lse-cloud canvas")
    expect(page.locator(".lse-counts")).to_contain_text("320")
    assert not any("plotly" in one for one in asked)
    choose(page, "lse-projection", "solid · 3-D")
    scene = scene_of(page)
    assert sum("plotly" in one for one in asked) == 1

    # A point under the pointer has its card, and a click opens its image.
    page.wait_for_timeout(2000)  # a drag before the first frame of the scene is lost
    row, x, y = find_point(page)
    page.mouse.click(x, y)
    expect(page.locator(f".image[data-row='{row}']")).to_be_visible()

    before = scene.evaluate(_EYE)
    box = scene.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.6 * box["height"], steps=6)
    page.mouse.up()
    page.wait_for_function(f"([one, before]) => ({_EYE})(one)[0] !== before[0]", arg=[scene.element_handle(), before])
    page.wait_for_function("new URLSearchParams(location.search).has('view')")
    turned = scene.evaluate(_EYE)

    # It fills its frame, turned as it was, also after the window has changed.
    page.set_viewport_size({"width": 1280, "height": 720})
    page.wait_for_function(
        "one => Math.abs(one.querySelector('canvas').clientWidth - one.clientWidth) < 2", arg=scene.element_handle()
    )
    assert scene.evaluate(_EYE) == pytest.approx(turned)

    # The link opens the map at once, turned as it was.
    other = browser.new_page(viewport={"width": 1280, "height": 720})
    faults += faults_of(other, installation)
    other.goto(page.url)
    assert scene_of(other).evaluate(_EYE) == pytest.approx(turned, rel=1e-4)
    other.close()
    page.close()
    assert faults == []


def fetches_of(page: Page) -> list[str]:
    """Addresses that a page asks for, as it does."""
    asked: list[str] = []

    def note(request: Any) -> None:
        asked.append(request.url)

    page.on("request", note)
    return asked
