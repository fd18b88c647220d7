"""Views that the members of a project share, one of which the project opens with."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer import choose, faults_of
from installation import Installation
from lse.client import Client

pytestmark = pytest.mark.browser


def test_views_are_kept_opened_pinned_and_deleted(
    page: Page, browser: Browser, installation: Installation, client: Client
) -> None:
    choose(page, "lse-projection", "flat · 2-D")
    choose(page, "lse-colour", "redshift")
    page.get_by_role("tab", name="Selection").click()
    page.locator(".lse-find input").fill("redshift > 0.1")
    page.locator(".lse-find input").press("Enter")
    redshift = client.datasets.table("survey", columns=["redshift"])["redshift"].to_numpy(zero_copy_only=False)
    selected, count = page.locator(".lse-selection-count"), f"{(redshift > 0.1).sum()} of 320"
    expect(selected).to_contain_text(count)

    # The view is kept under a name; one without a name is not.
    page.locator(".lse-bookmarks").click()
    window = page.locator(".lse-bookmarks-content")
    expect(window).to_contain_text("A bookmark keeps")
    name = window.get_by_label("name of this view")
    name.press("Enter")
    expect(window.locator(".problem")).to_have_text("Give the view a name.")
    name.fill("Far & wide")
    name.press("Enter")
    kept = window.locator(".entry", has_text="Far & wide")
    expect(kept).to_be_visible()
    expect(window.locator(".problem")).to_have_count(0)
    assert client.bookmarks.get("far-wide").title == "Far & wide"
    page.keyboard.press("Escape")
    expect(window).to_be_hidden()

    # Another view is looked at, and the kept one is opened again, with its selection.
    page.locator(".lse-selection-head .lse-clear").click()
    choose(page, "lse-colour", "nothing")
    page.get_by_role("tab", name="Image").click()
    page.locator(".lse-bookmarks").click()
    kept.get_by_role("button", name="Far & wide").click()
    expect(window).to_be_hidden()
    expect(page.locator(".lse-colour [role=combobox]")).to_have_text("redshift")
    expect(selected).to_contain_text(count)

    # Whoever comes to the project sees the pinned view first.
    page.locator(".lse-bookmarks").click()
    kept.get_by_role("button", name="open first").click()
    expect(kept).to_contain_text("opens first")
    other = browser.new_page(viewport={"width": 1280, "height": 720})
    faults = faults_of(other, installation)
    other.goto(installation.url)
    expect(other.locator(".lse-colour [role=combobox]")).to_have_text("redshift")
    expect(other.locator(".lse-selection-count")).to_contain_text(count)
    other.close()
    assert faults == []

    kept.get_by_role("button", name="delete").click()
    expect(kept).to_have_count(0)
    expect(window.locator(".lse-bookmarks-said")).to_have_text("“Far & wide” is deleted.")
    assert not client.bookmarks.list()
