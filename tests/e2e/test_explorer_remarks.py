"""Interest, tags and notes: given in the page to one image and to a selection, seen by others, as colours."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from explorer import PATIENCE, choose
from lse.client import Client

pytestmark = pytest.mark.browser


def remarks(client: Client) -> dict[int, tuple[int | None, list[str], str]]:
    table = client.remarks.table("survey", columns=["interest", "tags", "note"]).to_pylist()
    return {each["row"]: (each["interest"], each["tags"], each["note"]) for each in table}


def until(page: Page, fulfilled: Callable[[], bool]) -> None:
    """Wait for what the services are told by the page."""
    for _ in range(PATIENCE // 100):
        if fulfilled():
            return
        page.wait_for_timeout(100)
    assert fulfilled()


def test_images_are_judged_tagged_and_noted(page: Page, client: Client) -> None:
    bar = page.locator(".lse-remarks")
    page.locator(".lse-typical button").first.click()
    row = int(page.locator(".lse-right .image[data-row]").get_attribute("data-row") or -1)
    bar.locator(".chip", has_text="4").click()
    expect(bar.locator(".chip[aria-pressed=true]")).to_have_text("4")
    tag = bar.locator("input[name=tag]")
    tag.fill("merger, blue")
    tag.press("Enter")
    expect(bar.locator(".tag")).to_have_count(2)
    note = bar.locator("input[name=note]")
    note.fill("a <b>tidal</b> tail")
    note.press("Enter")
    until(page, lambda: remarks(client) == {row: (4, ["blue", "merger"], "a <b>tidal</b> tail")})
    # What is typed and not sent stays while something else is said of the same image.
    tag.fill("half a t")
    bar.locator(".chip", has_text="3").click()
    expect(bar.locator(".chip[aria-pressed=true]")).to_have_text("3")
    expect(tag).to_have_value("half a t")

    # The selection, all at once; and an interest taken back.
    group = page.locator(".legend .group").first
    count = int(group.locator(".count").inner_text())
    group.hover()
    group.locator(".pick").click()
    expect(note).to_have_attribute("placeholder", f"note about all {count:,} (Enter saves)")
    bar.locator(".chip", has_text="2").click()
    expect(bar.locator(".chip[aria-pressed=true]")).to_have_text("2")
    assert [interest for interest, _, _ in remarks(client).values()].count(2) == count
    bar.locator(".chip", has_text="2").click()
    expect(bar.locator(".chip[aria-pressed=true]")).to_have_count(0)

    # As colours, by which one hides and selects; they follow what is said.
    page.locator(".lse-gallery .tiles button").nth(1).click()
    page.get_by_role("tab", name="Image").click()
    bar.locator(".chip", has_text="5").click()
    choose(page, "lse-colour", "interest")
    judged = page.locator(".legend .group[data-name='5'] .count")
    expect(judged).to_have_text("1")
    bar.locator(".chip", has_text="5").click()
    expect(page.locator(".legend .group[data-name='5']")).to_have_count(0)
    expect(page.locator(".legend .group[data-name='not judged']")).to_be_visible()
    choose(page, "lse-colour", "tags")
    tagged = page.locator(".legend .group[data-name='blue, merger']")
    expect(tagged.locator(".count")).to_have_text("1")
    tagged.hover()
    tagged.locator(".pick").click()
    expect(page.locator(".lse-selection-count")).to_contain_text("1 of")
    bar.locator(".untag").first.click()
    expect(bar.locator(".tag")).to_have_count(1)
    assert remarks(client)[row][1] == ["merger"]


def test_ten_judgements_say_which_images_come_next(page: Page, client: Client, experiment: str) -> None:
    page.get_by_role("tab", name="Review").click()
    choose(page, "lse-review-source", "likely to be interesting")
    image = page.locator(".lse-review .image[data-row]")
    expect(image).to_contain_text("10 left")
    judged = []
    for number in range(10):
        expect(image).to_contain_text(f"{10 - number} left, {number} reviewed")
        judged.append(int(image.get_attribute("data-row") or -1))
        if number == 4:
            page.locator(".lse-remarks .chip", has_text="0").first.click()
        else:
            page.keyboard.press("5" if number % 2 else "1")  # the select that was chosen from has the focus at first
    expect(image).to_contain_text("10 left, 10 reviewed")
    assert [remarks(client)[row][0] for row in judged] == [1, 5, 1, 5, 0, 5, 1, 5, 1, 5]
    following = client.remarks.rank(experiment, count=10, unjudged_only=True)["row"].to_pylist()
    assert int(image.get_attribute("data-row") or -1) == following[0]
    # An image that is skipped does not come again in this review.
    page.keyboard.press("s")
    expect(image).to_have_attribute("data-row", str(following[1]))
    choose(page, "lse-colour", "expected interest")
    expect(page.locator(".lse-legend, .legend").first).to_contain_text("expected interest")
    client.remarks.set("survey", rows=judged, interest=-1)
