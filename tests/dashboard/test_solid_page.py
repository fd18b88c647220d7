"""A 3-D map of a million points in a real browser: turned, hovered over, clicked, drawn around, isolated, zoomed in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import PATIENCE, opened_browser
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.plots.scatter_3d import MAX_POINTS
from lse_dashboard.theme import LIGHT
from lse_dashboard.views.scatter_3d import Scatter3D
from map_page import MapPage, drag, islands, map_page, within

pytestmark = pytest.mark.browser

MILLION = 1_000_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser."""
    with opened_browser() as browser:
        yield browser


def opened(browser: Browser, solid: MapPage) -> tuple[Page, Locator, list[dict[str, Any]], list[str]]:
    """The page and its scene once all is drawn, what it asks from now on, and its errors."""
    page = browser.new_page(viewport={"width": 1600, "height": 950})
    page.set_default_timeout(PATIENCE)
    asked: list[dict[str, Any]] = []
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("request", lambda one: asked.append(json.loads(one.post_data or "")) if one.method == "POST" else None)
    page.goto(solid.url)
    scene = page.locator(".lse-cloud canvas").first
    settled(scene, solid)
    return page, scene, asked, faults


def settled(scene: Locator, solid: MapPage) -> tuple[int, int]:
    """Wait until the scene is at rest and complete; number of points drawn and in view."""
    page = scene.page
    page.wait_for_timeout(600)
    expect(scene).to_have_attribute("data-complete", "true")
    page.wait_for_timeout(400)
    assert isinstance(solid.view, Scatter3D)
    assert solid.view.drawn is not None
    drawn, view, complete = solid.view.drawn
    assert complete
    return drawn, view


def places(cloud: Cloud, solid: MapPage) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where points are on the scene in pixels, how deep, and whether they are in view."""
    assert isinstance(solid.view, Scatter3D)
    assert solid.view.seen is not None
    camera, (width, height) = solid.view.seen
    seen = np.c_[cloud.coordinates.astype(float), np.ones(len(cloud))] @ camera.T
    visible = (np.abs(seen[:, :3]) <= seen[:, 3:]).all(axis=1)
    across, up = (seen[:, :2] / seen[:, 3:]).T
    return np.c_[(across + 1) / 2 * width, (1 - up) / 2 * height], seen[:, 3], visible


def corner_of(scene: Locator) -> np.ndarray:
    box = scene.bounding_box()
    assert box is not None
    return np.array([box["x"], box["y"]])


def test_a_million_points_are_turned_found_selected_and_isolated(browser: Browser) -> None:
    cloud, classes = islands(MILLION, 3)
    with map_page(cloud, classes) as solid:
        page, scene, asked, faults = opened(browser, solid)
        assert settled(scene, solid) == (MILLION, MILLION)
        assert scene.get_attribute("data-points") == str(MILLION)

        # Turning asks for no point again: all are there.
        before, corner = scene.get_attribute("data-camera") or "", corner_of(scene)
        asked.clear()
        drag(page, corner + np.array([500, 400]), corner + np.array([640, 450]))
        expect(scene).not_to_have_attribute("data-camera", before)
        assert settled(scene, solid) == (MILLION, MILLION)
        assert asked
        assert not any("points" in one for one in asked)

        # The pointer finds the point that is in front there, and a click opens it.
        at, depth, _ = places(cloud, solid)
        island = np.flatnonzero(classes.codes == 7)
        target = np.round(np.median(at[island], axis=0)) + 0.5
        page.mouse.move(*(corner + target).tolist())
        page.wait_for_timeout(1500)
        found = solid.hovered[-1]
        assert found is not None
        apart = np.hypot(*(at - target).T)
        assert apart[found] <= 9
        touched = np.flatnonzero(apart <= 1.4)
        if len(touched):
            assert depth[found] <= depth[touched].min() + 1e-4
        page.mouse.click(*(corner + target).tolist())
        page.wait_for_timeout(500)
        assert solid.clicked == [found]

        page.close()
        assert faults == []


def test_an_island_is_drawn_around_and_a_class_isolated(browser: Browser) -> None:
    cloud, classes = islands(MILLION, 3)
    with map_page(cloud, classes) as solid:
        page, scene, asked, faults = opened(browser, solid)
        at, *_ = places(cloud, solid)
        island, corner = np.flatnonzero(classes.codes == 7), corner_of(scene)
        target = np.round(np.median(at[island], axis=0)) + 0.5
        # A lasso selects all points that are seen within it; places are not sent again.
        low, high = np.quantile(at[island], [0.02, 0.98], axis=0).round()
        line = np.array([low, [high[0], low[1]], high, [low[0] + 20, high[1]]])
        asked.clear()
        page.get_by_role("button", name="Lasso", exact=True).click()
        drag(page, *(corner + line), corner + line[0])
        assert solid.scatter is not None
        for _ in range(100):
            if solid.scatter.selected is not None:
                break
            page.wait_for_timeout(200)
        selected = solid.scatter.selected
        assert selected is not None
        expected = within(at, line)
        assert expected.sum() > 50_000
        assert np.count_nonzero(selected.mask() != expected) <= 20  # on the line itself, by rounding
        settled(scene, solid)
        assert any("codes" in one for one in asked)
        assert not any("points" in one for one in asked)

        # So does isolating a class, of which the others are seen no more.
        asked.clear()
        only = page.locator(".legend button[data-action=only]").nth(3)
        page.locator(".legend .group").nth(3).hover()
        only.click()
        page.wait_for_timeout(2500)
        assert not any("points" in one for one in asked)
        page.mouse.move(*(corner + target).tolist())
        page.wait_for_timeout(1500)
        last = solid.hovered[-1]
        assert last is None or classes.codes[last] == 3
        page.close()
        assert faults == []


def test_of_more_points_those_that_the_camera_needs_are_drawn(browser: Browser) -> None:
    cloud, classes = islands(2 * MILLION, 3)
    with map_page(cloud, classes, theme=LIGHT) as solid:
        page, scene, asked, faults = opened(browser, solid)
        drawn, view = settled(scene, solid)
        assert view == 2 * MILLION
        assert drawn == pytest.approx(MAX_POINTS, rel=0.02)

        # Zoomed in, all that is there is drawn, and what was there already is not sent again.
        corner = corner_of(scene)
        at, *_ = places(cloud, solid)
        middle = np.median(at[classes.codes == 7], axis=0)
        page.mouse.move(*(corner + middle).tolist())
        for _ in range(8):
            page.mouse.wheel(0, -200)
            page.wait_for_timeout(60)
        drawn, view = settled(scene, solid)
        _, _, visible = places(cloud, solid)
        assert 1_000 < view < MAX_POINTS
        assert drawn == view
        assert abs(view - int(visible.sum())) <= 3  # on the edge, by rounding
        spans = np.concatenate([np.reshape(one["points"], (-1, 2)) for one in asked if "points" in one])
        spans = spans[np.argsort(spans[:, 0])]
        assert (spans[1:, 0] >= spans[:-1].sum(axis=1)).all()  # no point was sent twice

        # Of an isolated class all points are drawn: those that were not there are sent.
        page.get_by_role("button", name="Whole", exact=True).click()
        settled(scene, solid)
        page.locator(".legend .group").nth(5).hover()
        page.locator(".legend button[data-action=only]").nth(5).click()
        page.wait_for_timeout(1500)
        count = int((classes.codes == 5).sum())
        assert settled(scene, solid) == (count, count)
        assert scene.get_attribute("data-points") == str(count)
        page.close()
        assert faults == []
