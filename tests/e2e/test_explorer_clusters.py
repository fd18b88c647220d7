"""Clusters get names and merge in the page; nobody's names are overwritten unseen."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from explorer import choose
from lse.client import Client

pytestmark = pytest.mark.browser


def test_clusters_are_named_merged_and_never_overwritten(page: Page, client: Client, experiment: str) -> None:
    sizes = [one.images for one in client.clusterings.get(experiment, "kmeans").clusters]
    choose(page, "lse-clustering", "kmeans")
    page.locator(".lse-name-clusters").click()
    names = page.locator(".lse-cluster-names")
    for number, title in (("0", "discs"), ("1", "discs"), ("2", "artefacts")):
        names.locator(f"input[name='{number}']").fill(title)
    names.locator("input[name='2']").press("Enter")
    groups = page.locator(".legend .group")
    expect(groups.first).to_have_attribute("data-name", "discs")
    expect(groups.first.locator(".count")).to_have_text(f"{sizes[0] + sizes[1]:,}")
    expect(groups).to_have_count(len(sizes) - 1)
    titles = {0: "discs", 1: "discs", 2: "artefacts"}
    assert client.clusterings.get(experiment, "kmeans").cluster_titles == titles

    # The group is one: in the selection, and beside an image.
    groups.first.hover()
    groups.first.locator(".pick").click()
    expect(page.locator(".lse-selection-count")).to_contain_text(f"{sizes[0] + sizes[1]:,} of")
    page.locator(".lse-gallery .tiles button").first.click()
    page.locator(".lse-open-image").click()
    expect(page.locator(".lse-cluster .figure")).to_contain_text("discs")
    expect(page.locator(".lse-cluster")).to_contain_text(f"{sizes[0] + sizes[1]:,} images")
    sky = page.locator(".lse-sky a")
    expect(sky).to_have_count(4)
    assert [link.get_attribute("target") for link in sky.all()] == ["_blank"] * 4

    # Somebody else names them while the window is open: that is said, and shown once it is closed.
    page.locator(".lse-name-clusters").click()
    expect(names.locator("input[name='2']")).to_have_value("artefacts")
    client.clusterings.update(experiment, "kmeans", cluster_titles={3: "rings"})
    names.locator("input[name='0']").fill("spirals")
    names.locator("input[name='0']").press("Enter")
    expect(names.locator(".problem")).to_contain_text("changed in the meantime")
    page.keyboard.press("Escape")
    expect(page.locator(".legend .group[data-name='rings']")).to_be_visible()
    client.clusterings.update(experiment, "kmeans", cluster_titles={})
    expect(page.locator(".legend .group[data-name='rings']")).to_have_count(0)


def test_what_is_chosen_is_readable_on_a_small_screen(page: Page) -> None:
    page.set_viewport_size({"width": 1280, "height": 720})
    for field in ("projection", "clustering", "colour"):
        chosen = page.locator(f".lse-{field} [role=combobox]")
        expect(chosen).to_be_visible()
        assert chosen.evaluate("one => one.scrollWidth <= one.clientWidth"), chosen.inner_text()
