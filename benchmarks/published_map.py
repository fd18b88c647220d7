"""What a published map costs a reader over a line of 20 Mbit/s: bytes and seconds to the first and the exact picture.

Points in ten islands are published to a folder, served by `lse cloud serve`, and opened in Chromium, whose line is made
slow. The first picture is the first level, a fair sample of the whole; then the reader zooms in until all is drawn.

    python benchmarks/published_map.py [--points 1e7] [--json]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from playwright.sync_api import expect

from lse.pointcloud import build_cloud
from lse.pointcloud.published import publish_cloud

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from explorer import opened_browser

LIMITS = {"first_picture_seconds": 1.0, "first_picture_bytes": 2_000_000}
LINE = {"offline": False, "latency": 20, "downloadThroughput": 2.5e6, "uploadThroughput": 2.5e6}
CLASSES = 10
# By the clock of the page, from the begin of the visit, and all that had come by then.
_FIRST = """() => {
  const at = performance.getEntriesByName("first picture")[0].startTime
  const entries = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")]
  const come = entries.filter((one) => one.responseEnd && one.responseEnd <= at)
  return {first_picture_seconds: at / 1000, first_picture_bytes: come.reduce((sum, one) => sum + one.transferSize, 0)}
}"""


def publish(count: int, folder: Path) -> None:
    """Publish points in islands."""
    rng = np.random.default_rng(0)
    classes = rng.integers(0, CLASSES, count, dtype=np.int32)
    points = rng.standard_normal((count, 2), dtype=np.float32)
    points += rng.normal(0, 6, (CLASSES, 2)).astype(np.float32)[classes]
    labels = tuple(f"class {at}" for at in range(CLASSES))
    cloud = build_cloud(points, columns={"class": (classes, labels)})
    publish_cloud(cloud, str(folder), title=f"{count:,} points")


def look(url: str) -> dict[str, float]:
    """Seconds and bytes of a first visit."""
    with opened_browser() as browser:
        page = browser.new_page(viewport={"width": 1600, "height": 950})
        page.set_default_timeout(120_000)
        network = page.context.new_cdp_session(page)
        network.send("Network.enable")
        network.send("Network.emulateNetworkConditions", LINE)
        received = [0.0]
        network.on(
            "Network.loadingFinished", lambda event: received.__setitem__(0, received[0] + event["encodedDataLength"])
        )
        begun = time.monotonic()
        page.goto(url, wait_until="commit")
        page.wait_for_function("performance.getEntriesByName('first picture').length")
        found = page.evaluate(_FIRST)
        page.wait_for_function("tiles && document.querySelector('canvas').dataset.exact !== undefined")
        expect(page.get_by_role("status")).to_contain_text("in view", timeout=120_000)
        found["settled_seconds"], found["settled_bytes"] = time.monotonic() - begun, received[0]
        page.locator("canvas").focus()
        begun, before = time.monotonic(), received[0]
        while page.locator("canvas").get_attribute("data-exact") != "true":
            page.keyboard.press("+")
            page.wait_for_timeout(1500)
        found["zoomed_in_bytes"] = received[0] - before
        return found


def main() -> int:
    """Measure and print; 1 where a limit is passed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=float, default=1e7, help="number of points")
    parser.add_argument("--json", action="store_true", help="print JSON")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "map"
        publish(int(options.points), folder)
        command = [Path(sys.executable).with_name("lse"), "cloud", "serve", str(folder), "--port", "0"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                found = look(process.stdout.readline().split(" are at ")[1].split(";")[0])
            finally:
                process.terminate()
    passed = {name: found[name] <= limit for name, limit in LIMITS.items()}
    if options.json:
        print(json.dumps({"points": int(options.points), "figures": found, "limits": LIMITS}))
    else:
        for name, value in found.items():
            limit = f"  (limit {LIMITS[name]:,}: {'kept' if passed[name] else 'passed'})" if name in LIMITS else ""
            print(f"{name:24} {value:14,.2f}{limit}")
    return 0 if all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
