"""The explorer of a cluster in a real browser: the map of an experiment, over its web socket.

PYTHONPATH=tests/support python tests/cluster/browse.py URL PROJECT EXPERIMENT POINTS
"""

from __future__ import annotations

import sys

from playwright.sync_api import Browser, expect

from explorer import PATIENCE, opened_browser, wait_for_explorer


def look(browser: Browser, url: str, project: str, experiment: str, points: int) -> None:
    """Open the map of an experiment, and see all its points."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    with page.expect_websocket() as opened:
        page.goto(f"{url}/?project={project}&experiment={experiment}")
    expect(page.locator(".lse-experiment [role=combobox]")).to_have_text(experiment)
    page.wait_for_selector(".lse-cloud canvas")
    expect(page.locator(".lse-counts")).to_contain_text(f"{points} of {points} points shown")
    assert not opened.value.is_closed()
    assert faults == [], "\n".join(faults)
    print("explorer:", page.locator(".lse-counts").inner_text().replace("\n", " "))


def main() -> None:
    """Wait for the explorer and look at it."""
    url, project, experiment, points = sys.argv[1:]
    wait_for_explorer(url)
    with opened_browser() as browser:
        look(browser, url, project, experiment, int(points))


if __name__ == "__main__":
    main()
