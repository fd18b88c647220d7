"""What a 3-D map of the explorer costs, drawn in Chromium without graphics hardware: pictures a second and bytes.

Points in ten islands are shown by the explorer's own parts, without services. Measured are the time from opening the
page to the first points, and to all that the camera needs; the pictures a second while the map is turned, and how many
points these show; and the bytes of a class isolated, of all classes again, and of a place that is zoomed in to.

    python benchmarks/solid_map.py [--points 1e6 1e7] [--seconds 5] [--json]

What is drawn by a graphics card is drawn faster: here the processor does it, beside the browser and the server.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Locator, Page

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from explorer import opened_browser
from map_page import MapPage, islands, map_page

LIMITS = {"pictures_a_second": 15.0}
WINDOW = {"width": 1600, "height": 950}
# The pointer is moved in the page itself: a test program that moves it waits for the page each time.
_TURN = """async ([one, seconds]) => {
  const box = one.getBoundingClientRect(), x = box.left + 0.4 * box.width, y = box.top + 0.5 * box.height
  const event = (type, i) => one.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, clientX: x + 3 * i, clientY: y + Math.sin(i / 9) * 60, buttons: 1, button: 0, bubbles: true}))
  one.setPointerCapture = () => 0
  const begun = performance.now()
  let i = 0
  event("pointerdown", 0)
  while (performance.now() - begun < 1000 * seconds) {
    event("pointermove", ++i)
    await new Promise((then) => setTimeout(then, 8))
  }
  event("pointerup", i)
}"""


def wait(page: Page, scene: Locator) -> None:
    """Wait until the scene is at rest, and has all that its camera needs."""
    page.wait_for_timeout(500)
    page.wait_for_function("one => one.dataset.complete === 'true'", arg=scene.element_handle())
    page.wait_for_timeout(300)


def look(page: Page, solid: MapPage, seconds: float) -> dict[str, float]:
    """What a visitor waits for, sees and receives."""
    received = [0.0]
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    network.on("Network.loadingFinished", lambda one: received.__setitem__(0, received[0] + one["encodedDataLength"]))
    begun = time.monotonic()
    page.goto(solid.url)
    scene = page.locator(".lse-cloud canvas").first
    page.wait_for_function("one => Number(one.dataset.points) > 0", arg=scene.element_handle())
    found = {"first_points_seconds": time.monotonic() - begun}
    page.wait_for_function("one => one.dataset.complete === 'true'", arg=scene.element_handle())
    found["all_points_seconds"] = time.monotonic() - begun
    wait(page, scene)

    def bytes_of(act: Any, *, paints: bool = False) -> float:
        before, painted = received[0], scene.get_attribute("data-paint")
        act()
        if paints:
            given = [scene.element_handle(), painted]
            page.wait_for_function("([one, paint]) => one.dataset.paint !== paint", arg=given)
        wait(page, scene)
        return received[0] - before

    # Once to find out how many points leave enough pictures, then to count.
    for _ in range(2):
        before = json.loads(scene.evaluate("one => JSON.stringify(one.dataset)"))
        scene.evaluate(f"one => ({_TURN})([one, {seconds}])")
        wait(page, scene)
        after = json.loads(scene.evaluate("one => JSON.stringify(one.dataset)"))
        found["pictures_a_second"] = (int(after["frames"]) - int(before["frames"])) / seconds
    found["points_while_turning"] = int(after["moving"])
    found["points_at_rest"] = int(after["points"])
    assert solid.scatter is not None
    only = page.locator(".legend button[data-action=only]").nth(3)
    every = page.locator("button[data-action=all]")
    found["bytes_of_a_class_isolated"] = bytes_of(lambda: only.evaluate("one => one.click()"), paints=True)
    found["bytes_of_all_again"] = bytes_of(lambda: every.evaluate("one => one.click()"), paints=True)
    box = scene.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.5 * box["height"])
    found["bytes_zoomed_in"] = bytes_of(lambda: [page.mouse.wheel(0, -300) for _ in range(6)])
    found["points_zoomed_in"] = int(scene.get_attribute("data-points") or 0)
    return found


def main() -> int:
    """Measure and print; 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=float, nargs="+", default=[1e6, 1e7], help="numbers of points")
    parser.add_argument("--seconds", type=float, default=5, help="how long the map is turned")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    kept, figures = True, {}
    for count in map(int, options.points):
        cloud, classes = islands(count, 3)
        with map_page(cloud, classes) as solid, opened_browser() as browser:
            page = browser.new_page(viewport=WINDOW)
            page.set_default_timeout(120_000)
            figures[count] = look(page, solid, options.seconds)
        kept &= figures[count]["pictures_a_second"] >= LIMITS["pictures_a_second"]
        if not options.json:
            print(f"{count:,} points")
            for name, value in figures[count].items():
                limit = f"  (at least {LIMITS[name]:g})" if name in LIMITS else ""
                print(f"  {name:28} {np.round(value, 2):14,}{limit}")
    if options.json:
        print(json.dumps({"figures": figures, "limits": LIMITS}))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
