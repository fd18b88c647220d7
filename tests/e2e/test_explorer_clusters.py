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


def test_levels_of_a_hierarchy_are_looked_through_and_one_is_kept(page: Page, client: Client, experiment: str) -> None:
    expect(page.locator(".caption [data-action=levels]")).to_have_count(0)
    grouping = client.clusterings.run("tree", experiment=experiment, method="agglomerative", n_clusters=3)
    grouping.wait(timeout=300, show_progress=False)
    choose(page, "lse-clustering", "tree")
    groups, says = page.locator(".legend .group"), page.locator(".lse-level-says")
    expect(groups).to_have_count(3)
    page.locator(".caption [data-action=levels]").click()
    expect(says).to_contain_text("3 clusters · 0 images in none")
    slider = page.locator(".lse-level input[type=range]")
    slider.focus()
    for clusters in (4, 5):
        slider.press("ArrowRight")
        expect(says).to_contain_text(f"{clusters} clusters")
        expect(groups).to_have_count(clusters)
    level = client.clusterings.levels(experiment, "tree")["level"][4].as_py()
    looked = client.clusterings.assignments(experiment, "tree", level=level)["cluster"].to_pylist()
    counts = [f"{looked.count(number):,}" for number in range(5)]
    expect(groups.locator(".count")).to_have_text(counts)
    name = page.locator(".lse-level-name input")
    expect(name).to_have_value("tree-5")
    name.fill("five")
    page.locator(".lse-keep-level button").click()
    expect(page.locator(".lse-clustering [role=combobox]")).to_have_text("five")
    expect(groups.locator(".count")).to_have_text(counts)
    expect(page.locator(".lse-levels")).to_be_hidden()
    kept = client.clusterings.get(experiment, "five")
    assert (kept.cut_from, kept.cut_level) == (client.clusterings.get(experiment, "tree").name, level)
    assert [one.images for one in kept.clusters] == [looked.count(number) for number in range(5)]

    # A level that is looked at no more gives the map its colours back.
    choose(page, "lse-clustering", "tree")
    page.locator(".caption [data-action=levels]").click()
    expect(says).to_contain_text("3 clusters")
    slider.focus()
    slider.press("End")
    expect(groups).to_have_count(len(looked))
    page.locator(".lse-close-levels button").click()
    expect(groups).to_have_count(3)
