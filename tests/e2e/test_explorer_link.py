"""A link opens exactly the view that it was copied from, and so do a reload and a server that starts again."""

from __future__ import annotations

import os
import signal
import time

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer import PATIENCE, choose, faults_of, wait_for_explorer
from installation import Installation

pytestmark = pytest.mark.browser


def test_a_link_opens_the_same_view_elsewhere(page: Page, browser: Browser, installation: Installation) -> None:
    choose(page, "lse-projection", "flat · 2-D")
    group = page.locator(".legend .group").nth(1)
    count = group.locator(".count").inner_text()
    group.hover()
    group.locator(".pick").click()
    expect(page.locator(".lse-selection-count")).to_contain_text(f"{count} of 320")
    tile = page.locator(".lse-gallery .tiles button").nth(2)
    tile.click()
    name = tile.get_attribute("title") or ""
    page.locator(".legend .group").first.locator(".toggle").click()
    expect(page.locator(".lse-counts")).not_to_have_text("320 of 320 points shown")
    shown = page.locator(".lse-counts").inner_text()
    choose(page, "lse-colour", "redshift")
    page.wait_for_function("() => location.search.includes('redshift')")

    other = browser.new_page(viewport={"width": 1280, "height": 720})
    faults = faults_of(other, installation)
    other.goto(page.url)
    expect(other.locator(".lse-projection [role=combobox]")).to_have_text("flat · 2-D")
    expect(other.locator(".lse-colour [role=combobox]")).to_have_text("redshift")
    expect(other.locator(".lse-selection-count")).to_contain_text(f"{count} of 320")
    expect(other.locator(".lse-counts")).to_have_text(shown)
    expect(other.locator(".lse-gallery-current b")).to_have_text(name)
    other.close()
    assert faults == []

    # The same after the server of the page was killed: the page says so, waits, and opens the view again.
    os.kill(installation.explorer_pid, signal.SIGKILL)
    expect(page.locator(".lse-away")).to_contain_text("connection lost")
    time.sleep(1)
    wait_for_explorer(installation.url)
    # A server that has just begun compiles, which takes its time on a busy machine.
    expect(page.locator(".lse-colour [role=combobox]")).to_have_text("redshift", timeout=3 * PATIENCE)
    expect(page.locator(".lse-selection-count")).to_contain_text(f"{count} of 320", timeout=3 * PATIENCE)
    expect(page.locator(".lse-header .text")).to_have_text("connected")
