"""What a person does with a selection: choose, combine, look, compare, keep, take away."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from explorer import choose, solid_scene
from lse.client import Client

pytestmark = pytest.mark.browser

COUNT = ".lse-selection-count"


def drag_a_box(page: Page, *, left: float, right: float) -> None:
    """Select by a box from one share of the plot's width to another, over its whole height."""
    if not page.locator(".bk-tool-icon-box-select").first.is_visible():
        page.wait_for_selector(".bk-tool-icon-box-select")
    page.locator(".bk-tool-icon-box-select").click()
    box = page.locator(".lse-cloud").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + left * box["width"], box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + right * box["width"], box["y"] + box["height"] - 20, steps=6)
    page.mouse.up()
    # So that the next box does not switch the tool off.
    page.locator(".bk-tool-icon-pan").click()


def selected(page: Page) -> int:
    return int(re.sub(r"\D", "", page.locator(COUNT).inner_text().split(" of ")[0]))


def test_a_selection_is_made_looked_at_and_taken_away(page: Page, client: Client, tmp_path: Path) -> None:
    choose(page, "lse-projection", "flat · 2-D")
    drag_a_box(page, left=0.1, right=0.45)
    expect(page.locator(COUNT)).to_contain_text("box")
    first = selected(page)
    assert 0 < first < 320

    # The gallery shows the images, and the keyboard walks over them.
    tiles = page.locator(".lse-gallery .tiles button")
    expect(tiles).to_have_count(min(first, 120))
    tiles.first.click()
    name = tiles.first.get_attribute("title") or ""
    expect(page.locator(".lse-gallery-current b")).to_have_text(name)
    tiles.first.press("ArrowRight")
    expect(page.locator(".lse-gallery-current b")).to_have_text(tiles.nth(1).get_attribute("title") or "")
    choose(page, "lse-sort", "distance to the centre")
    expect(tiles.first).not_to_have_attribute("title", name)

    # Groups, keys and another map: the selection is a set of images.
    page.keyboard.down("Shift")
    drag_a_box(page, left=0.4, right=0.6)
    page.keyboard.up("Shift")
    expect(page.locator(".lse-selection-head .lse-redo")).to_be_disabled()
    expect(page.locator(COUNT)).not_to_contain_text(f"{first} of")
    more = selected(page)
    assert more > first
    page.locator(".lse-right").click(position={"x": 5, "y": 5})
    page.keyboard.press("Control+z")
    expect(page.locator(COUNT)).to_contain_text(f"{first} of")
    page.keyboard.press("Control+y")
    expect(page.locator(COUNT)).to_contain_text(f"{more} of")
    choose(page, "lse-projection", "solid · 3-D")
    solid_scene(page)
    expect(page.locator(COUNT)).to_contain_text(f"{more} of")
    choose(page, "lse-projection", "flat · 2-D")

    page.get_by_role("tab", name="Against the rest").click()
    expect(page.locator(".lse-differences .difference").first).to_be_visible()
    choose(page, "lse-clustering", "kmeans")
    expect(page.locator(".lse-shares").filter(has_text="kmeans")).to_be_visible()

    # Kept under a name, taken away as a catalogue.
    page.locator(".lse-selection-actions .lse-save").click()
    field = page.locator(".lse-save-as input")
    field.fill("left-side")
    field.press("Enter")
    expect(page.locator(".lse-saved")).to_contain_text("left-side")
    assert client.selections.get("left-side").images == more
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    download.value.save_as(tmp_path / "out.csv")
    with (tmp_path / "out.csv").open() as file:
        assert len(list(csv.DictReader(file))) == more
    assert "left-side" in {one.id for one in client.selections.list()}


def test_groups_queries_and_names_select(page: Page, client: Client) -> None:
    choose(page, "lse-projection", "flat · 2-D")
    group = page.locator(".legend .group").first
    count = int(group.locator(".count").inner_text())
    group.hover()
    group.locator(".pick").click()
    expect(page.locator(COUNT)).to_contain_text(f"{count} of 320")
    # The first images are in sight on a low screen, too.
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": 1280, "height": 720})
    expect(page.locator(".lse-gallery .tiles button").first).to_be_in_viewport(ratio=0.9)
    page.set_viewport_size(size)
    find = page.locator(".lse-find input")
    find.fill("redshift > 0.3")
    find.press("Enter")
    wanted = len(list(client.datasets.images("survey", status="prepared", filter="redshift > 0.3")))
    expect(page.locator(COUNT)).to_contain_text(f"{wanted} of 320")
    find.fill("redshift > > 1")
    find.press("Enter")
    wrong = "The filter 'redshift > > 1' is not understood at '> 1', character 12"
    expect(page.locator(".lse-right .problem")).to_contain_text(wrong)

    page.locator(".lse-selection-head .lse-clear").click()
    name = client.datasets.table("survey", rows=[7])["name"][0].as_py()
    find.fill(name)
    find.press("Enter")
    expect(page.locator(COUNT)).to_contain_text("1 of 320")
    page.locator(".lse-selection-actions .lse-similar").click()
    expect(page.locator(".lse-gallery .tiles button")).to_have_count(120)
    near = client.search.similar("experiment", image=name, k=1)[0].row
    expect(page.locator(".lse-gallery .tiles button").first).to_have_attribute("data-value", str(near))
    page.locator(".lse-take").click()
    expect(page.locator(COUNT)).to_contain_text("121 of 320")
    page.locator(".lse-selection-actions .lse-isolate").click()
    expect(page.locator(".lse-counts")).to_have_text("121 of 320 points shown")
