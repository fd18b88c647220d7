"""What a widget says of itself after the server has said something newer does not count."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

pytestmark = pytest.mark.browser

# `sync: false` is what the page makes of the server's changes; without it, the change is the widget's own.
_TWO_CHANGES_AND_AN_ECHO = """() => {
  const select = [...Bokeh.documents[0]._all_models.values()].find(
    (one) => one.css_classes?.includes?.("lse-second-map")).data
  const [old, current, seen] = [["first"], ["first", "second"], []]
  const say = (options, how) => { select.setv({options}, how); seen.push(select.options) }
  say(old, {sync: false})
  say(current, {sync: false})
  say(old)
  say(current)
  say(old)
  return seen
}"""


def test_a_list_keeps_its_newest_entry_while_the_page_is_busy(page: Page) -> None:
    old, current = ["first"], ["first", "second"]
    # The echo is dropped; once the widget has written the newer value, what it says is the visitor's again.
    assert page.evaluate(_TWO_CHANGES_AND_AN_ECHO) == [old, current, current, current, old]
