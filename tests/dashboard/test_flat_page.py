"""A 2-D map of ten million points in a real browser: moved, hovered over, clicked, selected, isolated, recoloured."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from explorer import PATIENCE, opened_browser
from lse.pointcloud import Window
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Groups
from lse_dashboard.data.gradient import gradient
from lse_dashboard.plots.palette import group_colours, rgb
from lse_dashboard.theme import DARK
from lse_dashboard.views.scatter_2d import Scatter2D
from map_page import MapPage, drag, islands, map_page, within

pytestmark = pytest.mark.browser

POINTS = 10_000_000


@pytest.fixture(scope="module")
def material() -> tuple[Cloud, Groups]:
    """The points, and which island each belongs to."""
    return islands(POINTS, 2)


@pytest.fixture
def flat(material: tuple[Cloud, Groups]) -> Iterator[MapPage]:
    """A page of the map."""
    with map_page(*material) as page:
        yield page


@pytest.fixture
def page(flat: MapPage) -> Iterator[Page]:
    """The page in a browser, once all points are drawn; at the end it had no errors."""
    faults: list[str] = []
    with opened_browser() as browser:
        page = browser.new_page(viewport={"width": 1600, "height": 950})
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.goto(flat.url)
        settled(page, flat)
        yield page
    assert faults == []


def scatter_of(flat: MapPage) -> Scatter2D:
    assert isinstance(flat.view, Scatter2D)
    return flat.view


def until(page: Page, done: Callable[[], bool]) -> None:
    for _ in range(300):
        if done():
            return
        page.wait_for_timeout(100)
    raise AssertionError("not within half a minute")


def settled(page: Page, flat: MapPage) -> Window:
    """Wait until a picture of all points in view is shown; the view."""
    expect(page.locator(".lse-counts")).to_contain_text("complete")
    scatter = scatter_of(flat)
    page.wait_for_timeout(500)
    until(page, lambda: scatter.frame is not None and scatter.frame.exact and scatter.frame.view == scatter.view)
    assert scatter.view is not None
    return scatter.view


def frame_of(page: Page) -> Locator:
    return page.locator(".lse-cloud .bk-CartesianFrame").first


def corner_of(page: Page) -> np.ndarray:
    """Where the map begins on the page, left and top."""
    box = frame_of(page).bounding_box()
    assert box is not None
    return np.array([box["x"], box["y"]])


def pixels_of(cloud: Cloud, view: Window) -> np.ndarray:
    """Where points are on the map, from the left and from the top."""
    x, y = cloud.coordinates.astype(float).T
    return np.c_[(x - view.x_range[0]) / view.pixel, (view.y_range[1] - y) / view.pixel]


def seen(at: np.ndarray, view: Window) -> int:
    return int(((at >= 0) & (at <= [view.width, view.height])).all(axis=1).sum())


def has_colour(flat: MapPage, colour: str) -> bool:
    """Whether some pixel of the picture is of a colour."""
    frame = scatter_of(flat).frame
    assert frame is not None
    picture = frame.picture.rgba()
    return bool(((picture[..., :3] == rgb(colour)).all(axis=2) & (picture[..., 3] > 0)).any())


def test_a_map_of_ten_million_points_is_moved_and_its_points_are_found(
    page: Page, flat: MapPage, material: tuple[Cloud, Groups]
) -> None:
    cloud, classes = material
    view, corner = settled(page, flat), corner_of(page)
    assert scatter_of(flat).frame.points == POINTS  # type: ignore[union-attr]

    # Moved by the pointer, the map shows what lies there.
    drag(page, corner + np.array([700, 400]), corner + np.array([500, 460]))
    until(page, lambda: scatter_of(flat).view != view)
    moved = settled(page, flat)
    assert moved.x_range[0] == pytest.approx(view.x_range[0] + 200 * view.pixel, abs=view.pixel)
    assert moved.y_range[0] == pytest.approx(view.y_range[0] + 60 * view.pixel, abs=view.pixel)

    # Zoomed in about an island, all points in view are drawn.
    middle = np.median(pixels_of(cloud, moved)[classes.codes == 7], axis=0).round()
    page.mouse.move(*(corner + middle).tolist())
    for _ in range(8):
        page.mouse.wheel(0, -200)
        page.wait_for_timeout(60)
    until(page, lambda: scatter_of(flat).view != moved)
    near = settled(page, flat)
    assert near.pixel < moved.pixel / 3
    at = pixels_of(cloud, near)
    assert scatter_of(flat).frame.points == pytest.approx(seen(at, near), rel=0.02)  # type: ignore[union-attr]

    # The nearest of all points is the one under the pointer, and is opened by a click.
    target = np.round([near.width * 0.4, near.height * 0.5])
    page.mouse.move(*(corner + target).tolist())
    until(page, lambda: bool(flat.hovered) and flat.hovered[-1] is not None)
    page.wait_for_timeout(300)
    apart = np.hypot(*(at - target).T)
    found = flat.hovered[-1]
    assert found is not None
    # The browser knows the pointer to a pixel of the screen, in which many points lie.
    assert apart[found] <= apart.min() + 1
    page.mouse.click(*(corner + target).tolist())
    until(page, lambda: len(flat.clicked) > 0)
    assert flat.clicked == [found]


def test_an_island_of_ten_million_points_is_drawn_around_isolated_and_recoloured(
    page: Page, flat: MapPage, material: tuple[Cloud, Groups]
) -> None:
    cloud, classes = material
    view, corner = settled(page, flat), corner_of(page)
    at, scatter = pixels_of(cloud, view), flat.scatter
    assert scatter is not None
    assert flat.soon is not None

    # A lasso has all points within it.
    low, high = np.quantile(at[classes.codes == 7], [0.02, 0.98], axis=0).round()
    line = np.array([low, [high[0], low[1]], high, [low[0] + 20, high[1]]])
    page.locator(".lse-cloud .bk-OnOffButton[title*=Lasso]").click()
    drag(page, *(corner + line), corner + line[0])
    until(page, lambda: scatter.selected is not None)
    assert scatter.selected is not None
    expected = within(at, line)
    assert expected.sum() > 500_000
    # Points on the line itself, by what the browser knows of the pointer: those within a pixel of it at most.
    pixel = np.array([[1, 1], [-1, 1], [-1, -1], [1, -1]])
    edge = within(at, line + pixel) ^ within(at, line - pixel)
    assert not ((scatter.selected.mask() != expected) & ~edge).any()

    # Of an isolated class the others are neither drawn nor found.
    flat.soon(scatter.selection.clear)
    page.locator(".legend .group").nth(3).hover()
    page.locator(".legend button[data-action=only]").nth(3).click()
    until(page, lambda: scatter.shown is not None and len(scatter.shown) == classes.counts[3])
    settled(page, flat)
    colours = group_colours(classes, DARK)
    until(page, lambda: not has_colour(flat, colours[7]))
    assert has_colour(flat, colours[3])
    target = np.median(at[classes.codes == 3], axis=0).round()
    page.mouse.move(*(corner + target).tolist())
    until(page, lambda: bool(flat.hovered) and flat.hovered[-1] is not None)
    assert classes.codes[flat.hovered[-1] or 0] == 3

    # Coloured by a number, the map has the colours of its scale, and the legend its ends.
    values = cloud.coordinates[:, 0].copy()
    flat.soon(scatter.show_all)
    flat.soon(lambda: scatter.colour(gradient("east", values)))
    expect(page.locator(".legend").first).to_contain_text("east")
    until(page, lambda: not has_colour(flat, colours[3]))
    settled(page, flat)
    picture = scatter_of(flat).frame
    assert picture is not None
    assert len(np.unique(picture.picture.rgba()[..., :3].reshape(-1, 3), axis=0)) > 10
