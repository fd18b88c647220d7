"""The explorer in a real browser: how it is opened, and what every visitor does in it."""

from __future__ import annotations

import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Locator, Page, expect, sync_playwright

from installation import Installation

__all__ = [
    "PATIENCE",
    "choose",
    "faults_of",
    "find_point",
    "opened_browser",
    "opened_explorer",
    "solid_scene",
    "wait_for_explorer",
]

# Software rendering on a busy machine takes its time; nothing here asserts how long.
PATIENCE = 60_000
expect.set_options(timeout=PATIENCE)
# WebGL without graphics hardware, all else drawn without it, which takes a fifth as long; and a browser that asks
# nobody outside for anything.
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--ignore-gpu-blocklist",
    "--disable-gpu-compositing",
]


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """A Chromium without a window; skips the test where there is none."""
    program = os.environ.get("LSE_TEST_BROWSER") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no Chromium: install it, or name one in LSE_TEST_BROWSER")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def opened_explorer(
    browser: Browser, installation: Installation, experiment: str, *, besides: str | None = None
) -> Iterator[Page]:
    """The explorer, open at an experiment; fails where the page met an error or asked for anything elsewhere.

    Parameters
    ----------
    besides
        How URLs begin that it may ask for as well.
    """
    wait_for_explorer(installation.url)
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    faults = faults_of(page, installation)
    page.goto(f"{installation.url}/?project=default&experiment={experiment}")
    expect(page.locator(".lse-experiment [role=combobox]")).to_have_text(experiment)
    page.wait_for_selector(".lse-cloud canvas")
    expect(page.locator(".lse-counts")).to_contain_text("points shown")
    yield page
    page.close()
    faults = [one for one in faults if besides is None or not one.startswith(besides)]
    assert faults == [], "\n".join(faults)


def faults_of(page: Page, installation: Installation) -> list[str]:
    """Errors of a page, and what it asks for elsewhere, as they come."""
    faults: list[str] = []

    def told(message: ConsoleMessage) -> None:
        if "Content Security Policy" in message.text:
            faults.append(message.text)

    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", told)
    page.on("request", lambda request: faults.append(request.url) if is_elsewhere(request.url, installation) else None)
    return faults


def is_elsewhere(url: str, installation: Installation) -> bool:
    """Whether a URL leaves the installation."""
    return not url.startswith((installation.url, installation.url.replace("http", "ws"), "data:", "blob:"))


def wait_for_explorer(url: str) -> None:
    """Wait until the explorer answers."""
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health") as answer:
                assert answer.status == 200
                return
        except urllib.error.URLError:
            assert time.monotonic() < deadline, "the explorer does not answer"
            time.sleep(0.3)


def choose(page: Page, field: str, title: str, *, shown: str | None = None) -> None:
    """Choose an entry of a select, which is named by its CSS class; it then shows the entry, or something else."""
    box = page.locator(f".{field} [role=combobox]")
    entry = page.locator("li").filter(has_text=re.compile(f"^{re.escape(title)}$")).first
    for patience in (10_000, PATIENCE):
        box.click()
        try:
            entry.click(timeout=patience)
            expect(box).to_have_text(shown or title, timeout=patience)
        except (AssertionError, Error):
            # A list that gets new entries while it opens closes or swallows the click; a person chooses again.
            if patience == PATIENCE:
                raise
            page.keyboard.press("Escape")
        else:
            return


def solid_scene(page: Page, cloud: str = ".lse-cloud") -> Locator:
    """The scene of a 3-D map, once all that its camera needs is drawn; its attributes say where the camera is."""
    scene = page.locator(f"{cloud} canvas[data-complete=true][data-camera]")
    expect(scene).to_be_visible()
    return scene


def find_point(page: Page, cloud: str = ".lse-cloud") -> tuple[int, float, float]:
    """Row of a point under the pointer and where the pointer is, searched on a grid over a cloud."""
    box = page.locator(cloud).bounding_box()
    assert box is not None
    card = page.locator(".lse-hover-card .hover")
    # From the middle outwards, clear of the tools at the left and the legend at the right.
    offsets = sorted(
        ((i * 14, j * 14) for i in range(-18, 13) for j in range(-22, 23)), key=lambda offset: np.hypot(*offset)
    )
    for dx, dy in offsets[:400]:
        x, y = box["x"] + box["width"] * 0.42 + dx, box["y"] + box["height"] * 0.5 + dy
        page.mouse.move(x, y)
        try:
            card.wait_for(timeout=700)
        except Error:
            continue
        # On a busy machine the card may tell of a place before: only one that comes again is the point's here.
        page.mouse.move(box["x"] + 40, box["y"] + 8)
        expect(card).to_have_count(0)
        page.mouse.move(x, y)
        try:
            card.wait_for(timeout=10_000)
        except Error:
            continue
        return int(card.get_attribute("data-row") or -1), x, y
    raise AssertionError("there is no point under the pointer anywhere")
