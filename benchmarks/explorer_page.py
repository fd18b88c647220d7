"""What the explorer's page costs a visitor: bytes of the first and of a later visit, time to usable, clicks.

A `lse up` with a simulated survey is visited by Chromium: for the first time, again with what the browser has kept, and
over a line of 10 Mbit/s.  A visit is usable when the map is drawn and says how many points it shows.  Then images are
clicked, each until its picture and its neighbours are there; the map is dragged, each time until its new picture is
there; both again while other sessions are open, which look at the map and do nothing else; the explorer is killed, each
time until a new one answers and the page is back; and hover and lasso are timed on a million points.

    python benchmarks/explorer_page.py [--clicks 30] [--pans 30] [--sessions 49] [--kills 3] [--points 1e6] [--json]

Times depend on what else the machine does, bytes do not.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, BrowserContext, Page, expect

from lse.demo.survey import simulate_survey
from lse_dashboard.data.cloud import Cloud
from lse_dashboard.data.colouring import Groups
from lse_dashboard.data.selection import inside_polygon
from lse_dashboard.state.scatter import Scatter

sys.path.append(str(Path(__file__).resolve().parents[1] / "tests" / "support"))
from explorer import opened_browser, wait_for_explorer
from installation import Installation

LIMITS = {
    "first_visit_bytes": 3_000_000,
    "usable_seconds": 2.5,
    "usable_seconds_at_10_mbit": 6.0,
    "click_to_image_p95_ms": 250.0,
    "pan_to_picture_p95_ms": 120.0,
    "picture_bytes": 150_000,
    "back_after_answer_seconds": 2.0,
    "hover_ms": 5.0,
    "lasso_ms": 40.0,
}
WINDOW = {"width": 1600, "height": 950}
LINE = {"offline": False, "latency": 20, "downloadThroughput": 1.25e6, "uploadThroughput": 1.25e6}

_PICTURE = 2000  # characters of a message that has one


@contextmanager
def installation(folder: Path, count: int = 1000) -> Any:
    """An explorer with an experiment of ready vectors, a map and a clustering."""
    simulate_survey(folder / "survey", count=count, seed=3)
    running = Installation(folder / "home", dashboard=True)
    client = running.start()
    try:
        sources = [folder / "survey/images"]
        catalogue = folder / "survey/catalogue.csv"
        client.datasets.ingest("survey", sources, catalogue=catalogue).wait(show_progress=False)
        vectors = np.random.default_rng(0).normal(size=(count, 16)) + np.repeat(np.arange(4), count // 4)[:, None]
        np.save(folder / "vectors.npy", vectors.astype(np.float32))
        client.experiments.import_vectors("x", folder / "vectors.npy", dataset="survey").wait(show_progress=False)
        client.projections.run("flat", experiment="x", method="pca").wait(show_progress=False)
        client.clusterings.run("four", experiment="x", method="kmeans", n_clusters=4).wait(show_progress=False)
        wait_for_explorer(running.url)
        yield running
    finally:
        running.stop()


def visit(context: BrowserContext, url: str, *, line: dict[str, Any] | None = None) -> tuple[Page, dict[str, float]]:
    """Open the page; bytes over the network and seconds to usable."""
    page = context.new_page()
    network = context.new_cdp_session(page)
    network.send("Network.enable")
    if line is not None:
        network.send("Network.emulateNetworkConditions", line)
    sizes: list[int] = []
    frames: list[bytes] = []
    network.on("Network.loadingFinished", lambda event: sizes.append(event["encodedDataLength"]))
    network.on("Network.webSocketFrameReceived", lambda event: frames.append(event["response"]["payloadData"].encode()))
    begun = time.monotonic()
    page.goto(url)
    expect(page.locator(".lse-counts")).to_contain_text("points shown")
    page.wait_for_selector(".lse-cloud canvas")
    usable = time.monotonic() - begun
    page.wait_for_timeout(2000)
    said = b"".join(frames)
    found = {
        "files_bytes": sum(sizes),
        "messages_bytes_uncompressed": len(said),
        # The server compresses each message; this is all of them at once, at its level.
        "messages_bytes_about": len(zlib.compress(said, 1)),
        "usable_seconds": usable,
    }
    return page, found


def clicks(page: Page, count: int) -> dict[str, float]:
    """Milliseconds from a click on a neighbour to its image, with its own neighbours."""
    if not page.locator(".image[data-row]").count():
        page.locator(".lse-typical button").first.click()
    times = []
    for number in range(count):
        others = page.locator(".lse-similar-own .shot button[data-value]")
        expect(others.first).to_be_visible()
        row = others.nth(number % others.count()).get_attribute("data-value")
        begun = time.monotonic()
        page.locator(f".lse-similar-own .shot button[data-value='{row}']").first.click()
        page.wait_for_selector(f".image[data-row='{row}']")
        page.wait_for_selector(".lse-similar-own .shot button[data-value]")
        times.append((time.monotonic() - begun) * 1e3)
    return {"p50_ms": float(np.median(times)), "p95_ms": float(np.percentile(times, 95))}


def pans(page: Page, count: int) -> dict[str, float]:
    """Milliseconds from the end of a drag to the message with the new picture, and its bytes."""
    box = page.locator(".lse-cloud").bounding_box()
    assert box is not None
    network = page.context.new_cdp_session(page)
    network.send("Network.enable")
    arrived: list[tuple[float, int]] = []

    def note(event: dict[str, Any]) -> None:
        binary, text = event["response"]["opcode"] == 2, event["response"]["payloadData"]
        if binary and len(text) > _PICTURE:
            arrived.append((time.monotonic(), len(text) * 3 // 4))

    network.on("Network.webSocketFrameReceived", note)
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    times, sizes = [], []
    for number in range(count):
        page.wait_for_timeout(700)  # nothing of the drag before is on its way
        arrived.clear()
        page.mouse.move(x, y)
        page.mouse.down()
        page.mouse.move(x + (40 if number % 2 else -40), y, steps=4)
        page.mouse.up()
        begun = time.monotonic()
        while not arrived:
            page.wait_for_timeout(5)
        times.append(max(0.0, arrived[-1][0] - begun) * 1e3)
        sizes.append(arrived[-1][1])
    return {
        "p50_ms": float(np.median(times)),
        "p95_ms": float(np.percentile(times, 95)),
        "picture_bytes": float(np.median(sizes)),
    }


# Opens sessions, as a browser that has drawn the page does, and takes what they are sent until its input ends. What the
# messages mean is of no interest here, and the models of the page are not known to this client.
_OTHERS = """
import sys
from threading import Thread
from time import sleep
from bokeh.client import ClientSession
from bokeh.core.serialization import DeserializationError
from bokeh.document import Document
from bokeh.document.events import MessageSentEvent
from bokeh.events import DocumentReady

def opened():
    address = sys.argv[1].replace("http", "ws") + "/ws"
    session = ClientSession(websocket_url=address, arguments={"project": "default", "experiment": "x"})
    session._handle_patch = lambda message: None
    session.connect()
    try:
        session.pull()
    except DeserializationError:
        pass
    ready = DocumentReady()
    ready.model = None
    connection = session._connection
    message = connection._protocol.create("PATCH-DOC", [MessageSentEvent(Document(), "bokeh_event", ready)])
    connection.io_loop.run_sync(lambda: connection.send_message(message))
    return session

sessions = [opened() for _ in range(int(sys.argv[2]))]

def take():
    while True:
        for session in sessions:
            session.force_roundtrip()
        sleep(1)

Thread(target=take, daemon=True).start()
print("open", flush=True)
sys.stdin.read()
"""


@contextmanager
def others(url: str, count: int) -> Any:
    """Other sessions of the explorer, which are open meanwhile."""
    words = [sys.executable, "-W", "ignore", "-c", _OTHERS, url, str(count)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        if process.stdout.readline() != "open\n":
            raise RuntimeError("the other sessions did not open")
        try:
            yield
        finally:
            process.terminate()


def _memory(pid: int) -> int:
    """Bytes of memory that a process has for itself."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))


def among_others(page: Page, running: Installation, given: argparse.Namespace) -> dict[str, Any]:
    """Clicks and drags while other sessions are open, and what each of these costs."""
    before = _memory(running.explorer_pid)
    with others(running.url, given.sessions):
        page.wait_for_timeout(10_000)
        return {
            "click_to_image": clicks(page, given.clicks),
            "pan_to_picture": pans(page, given.pans),
            "megabytes_a_session": (_memory(running.explorer_pid) - before) / 1e6 / given.sessions,
        }


def kills(page: Page, running: Installation, count: int) -> dict[str, float]:
    """Seconds from a kill of the explorer to the word that it is away, to a new one, and from this to the map."""
    found: dict[str, list[float]] = {"away_said": [], "new_answers": [], "back_after_answer": []}
    for _ in range(count):
        page.evaluate("window.before = true")
        killed = time.monotonic()
        os.kill(running.explorer_pid, signal.SIGKILL)
        page.wait_for_selector(".lse-away")
        found["away_said"].append(time.monotonic() - killed)
        wait_for_explorer(running.url)
        answered = time.monotonic()
        found["new_answers"].append(answered - killed)
        page.wait_for_function("!window.before")
        expect(page.locator(".lse-counts")).to_contain_text("points shown")
        page.wait_for_selector(".lse-cloud canvas")
        found["back_after_answer"].append(time.monotonic() - answered)
        page.wait_for_timeout(3000)
    return {f"{name}_seconds": float(np.median(seconds)) for name, seconds in found.items() if seconds}


def picking(count: int, rounds: int = 15) -> dict[str, float]:
    """Milliseconds of hover after a group was hidden, and of a lasso with the selection that it makes."""
    random = np.random.default_rng(0)
    codes = random.integers(0, 10, count)
    middles = random.normal(size=(10, 2)) * 4
    cloud = Cloud.of(np.arange(count), (middles[codes] + random.normal(size=(count, 2))).astype(np.float32))
    groups = Groups("class", codes[cloud.rows].astype(np.uint16), tuple("0123456789"))
    scatter = Scatter()
    scatter.enter(cloud, groups)
    scatter.nearest(0.0, 0.0, 0.1)
    hover, lasso = [], []
    angle = np.linspace(0, 2 * np.pi, 200)
    for number in range(rounds):
        scatter.toggle(str(number % 10))
        x, y = cloud.coordinates[number * 37].tolist()
        hover.append(_milliseconds(lambda x=x, y=y: scatter.nearest(x, y, 0.1)))  # type: ignore[misc]
        line = middles[number % 10] + 2 * np.column_stack([np.cos(angle), np.sin(angle)])
        lasso.append(_milliseconds(lambda line=line: scatter.select(inside_polygon(cloud, line), "lasso")))  # type: ignore[misc]
    return {"hover_ms": float(np.median(hover)), "lasso_ms": float(np.median(lasso))}


def _milliseconds(work: Callable[[], object]) -> float:
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


def visits(browser: Browser, running: Installation, given: argparse.Namespace) -> dict[str, Any]:
    """A first visit, a later one, one over a slow line, clicks, drags, and kills of the explorer."""
    found: dict[str, Any] = {}
    url = f"{running.url}/?project=default&experiment=x"
    context = browser.new_context(viewport=WINDOW)
    page, found["first_visit"] = visit(context, url)
    page.close()
    page, found["later_visit"] = visit(context, url)
    found["click_to_image"] = clicks(page, given.clicks)
    found["pan_to_picture"] = pans(page, given.pans)
    if given.sessions:
        found["among_others"] = among_others(page, running, given)
    found["after_a_kill"] = kills(page, running, given.kills)
    context.close()
    slow = browser.new_context(viewport=WINDOW)
    _, found["first_visit_at_10_mbit"] = visit(slow, url, line=LINE)
    slow.close()
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--clicks", type=int, default=30)
    parser.add_argument("--pans", type=int, default=30)
    parser.add_argument("--sessions", type=int, default=49)
    parser.add_argument("--kills", type=int, default=3)
    parser.add_argument("--points", type=float, default=1e6)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, installation(Path(name)) as running, opened_browser() as browser:
        result = visits(browser, running, given)
    result["picking"] = picking(int(given.points))
    result["limits"] = LIMITS
    print(json.dumps(result) if given.json else json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
