"""The tour: offered on the first visit, walked by keys and buttons, and open from the header ever after."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

pytestmark = pytest.mark.browser


def test_the_page_is_shown_around(page: Page) -> None:
    page.locator(".lse-take-tour").click()
    guide = page.get_by_role("dialog", name="What is where, in two minutes")
    expect(guide).to_contain_text("The map")
    expect(guide.get_by_role("button", name="Back")).to_be_disabled()
    count = int(guide.locator(".quiet").inner_text().split()[-1])
    assert count >= 6
    page.keyboard.press("ArrowRight")
    expect(guide).to_contain_text("Colours")
    page.keyboard.press("ArrowLeft")
    expect(guide).to_contain_text("The map")
    for number in range(2, count + 1):
        guide.get_by_role("button", name="Next").click()
        expect(guide).to_contain_text(f"{number} of {count}")
        box = guide.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 1440
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= 900
    guide.get_by_role("button", name="Done").click()
    expect(guide).to_have_count(0)

    # It is not offered again, and still there.
    page.reload()
    expect(page.locator(".lse-open-ingest")).to_be_visible()
    expect(page.locator(".lse-take-tour")).to_have_count(0)
    expect(page.locator(".legend .group").first).to_be_visible()
    page.locator(".lse-tour").click()
    expect(guide).to_contain_text("The map")
    page.keyboard.press("Escape")
    expect(guide).to_have_count(0)
