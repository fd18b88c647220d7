"""The solid map: turned, hovered over, clicked, drawn around, isolated, saved and linked to."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import choose, faults_of, find_point, solid_scene
from installation import Installation

pytestmark = pytest.mark.browser


def camera_of(scene: Locator) -> list[float]:
    return [float(one) for one in (scene.get_attribute("data-camera") or "").split(",")]


def picture_of(page: Page) -> np.ndarray:
    box = page.locator(".lse-cloud").bounding_box()
    assert box is not None
    # Clear of the tools and the legend.
    clip = {"x": box["x"] + 5, "y": box["y"] + 50, "width": box["width"] - 200, "height": box["height"] - 60}
    return np.asarray(Image.open(io.BytesIO(page.screenshot(clip=clip))).convert("RGB")).astype(int)  # type: ignore[arg-type]


def coloured(picture: np.ndarray) -> int:
    """Pixels that are neither the ground nor the grey of the frame and the axes."""
    return int((picture.max(axis=-1) - picture.min(axis=-1) > 60).sum())


def test_a_solid_map_is_turned_and_linked_to(browser: Browser, installation: Installation, experiment: str) -> None:
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    faults = faults_of(page, installation)
    page.goto(f"{installation.url}/?project=default&experiment={experiment}&projection=flat")
    page.wait_for_selector(".lse-cloud canvas")
    expect(page.locator(".lse-counts")).to_contain_text("320")
    choose(page, "lse-projection", "solid · 3-D")
    scene = solid_scene(page)
    assert int(scene.get_attribute("data-points") or 0) == 320
    assert coloured(picture_of(page)) > 500

    # A point under the pointer has its card, and a click opens its image.
    row, x, y = find_point(page)
    page.mouse.click(x, y)
    expect(page.locator(f".image[data-row='{row}']")).to_be_visible()
    # The ring lies where the point does.
    box = scene.bounding_box()
    assert box is not None
    page.wait_for_function("one => one.dataset.marked", arg=scene.element_handle())
    ring = [float(value) for value in (scene.get_attribute("data-marked") or "").split(",")]
    assert np.hypot(box["x"] + ring[0] - x, box["y"] + ring[1] - y) < 16

    before = camera_of(scene)
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.5 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.55 * box["width"], box["y"] + 0.6 * box["height"], steps=6)
    page.mouse.up()
    expect(scene).not_to_have_attribute("data-camera", ",".join(map(str, before)))
    page.wait_for_function("new URLSearchParams(location.search).has('view')")
    scene.focus()
    for key in ("ArrowLeft", "ArrowUp", "Shift+ArrowRight", "+", "+"):
        page.keyboard.press(key)
    page.wait_for_timeout(1000)
    turned = camera_of(solid_scene(page))
    assert np.linalg.norm(turned[:3]) == pytest.approx(np.linalg.norm(before[:3]) / 1.44)
    assert np.linalg.norm(turned[3:]) > 0.01

    # It fills its frame, turned as it was, also after the window has changed.
    page.set_viewport_size({"width": 1280, "height": 720})
    page.wait_for_function(
        "one => Math.abs(one.width / devicePixelRatio - one.parentNode.clientWidth) < 2", arg=scene.element_handle()
    )
    assert camera_of(solid_scene(page)) == pytest.approx(turned)

    # The link opens the map at once, turned as it was.
    expected = ",".join(f"{value:.6g}" for value in turned)
    page.wait_for_function("view => new URLSearchParams(location.search).get('view') === view", arg=expected)
    other = browser.new_page(viewport={"width": 1280, "height": 720})
    faults += faults_of(other, installation)
    other.goto(page.url)
    assert camera_of(solid_scene(other)) == pytest.approx(turned, rel=1e-4, abs=1e-5)
    other.close()
    page.close()
    assert faults == []


def test_a_solid_map_is_selected_from_isolated_and_saved(page: Page, tmp_path: Path) -> None:
    choose(page, "lse-projection", "solid · 3-D")
    choose(page, "lse-clustering", "kmeans")
    scene = solid_scene(page)
    box = scene.bounding_box()
    assert box is not None
    page.get_by_role("button", name="Box", exact=True).click()
    page.mouse.move(box["x"] + 0.02 * box["width"], box["y"] + 0.1 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.48 * box["width"], box["y"] + 0.95 * box["height"], steps=5)
    page.mouse.up()
    expect(page.locator(".lse-selection-count")).to_contain_text("box")
    expect(page.locator(".lse-selected")).to_be_visible()
    page.keyboard.press("Control+z")
    expect(page.locator(".lse-selected")).to_have_count(0)

    for suffix in ("png", "svg", "pdf"):
        with page.expect_download() as download:
            page.locator(".lse-screenshot" if suffix == "png" else f".lse-{suffix}").first.click()
        download.value.save_as(tmp_path / f"solid.{suffix}")
    saved = np.asarray(Image.open(tmp_path / "solid.png").convert("RGB")).astype(int)
    assert coloured(saved) > 2000
    assert b"kmeans" in (tmp_path / "solid.svg").read_bytes()
    assert (tmp_path / "solid.pdf").read_bytes()[:5] == b"%PDF-"

    before = coloured(picture_of(page))
    page.locator(".legend .group").first.hover()
    page.locator(".legend button[data-action=only]").first.click()
    expect(page.locator(".lse-counts")).not_to_contain_text("320 of 320")
    page.wait_for_timeout(1500)
    assert 0 < coloured(picture_of(page)) < 0.8 * before
    page.locator(".lse-show-all").click()
    expect(page.locator(".lse-counts")).to_have_text("320 of 320 points shown")
