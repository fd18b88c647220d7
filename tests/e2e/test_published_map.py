"""A map is published by the command, and looked at in a browser while no service takes part."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from explorer import PATIENCE
from installation import Installation
from lse.pointcloud import build_cloud
from lse.pointcloud.published import PublishedCloud, publish_cloud

pytestmark = pytest.mark.browser

Run = Callable[..., subprocess.CompletedProcess[str]]
_PROGRAM = Path(sys.executable).with_name("lse")
# Where the first point of a class is in the window, and how the page would call it.
_PLACE = """(code) => {
  const chunk = chunks.find((one) => one.codes), i = chunk.codes.indexOf(code)
  return project(chunk.points, i)
}"""


@pytest.fixture
def lse(installation: Installation) -> Run:
    """Run the installed command against the installation."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "LSE_ADDRESS": installation.address}
        command = [_PROGRAM, *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=120)

    return run


@contextmanager
def served(url: Path) -> Iterator[str]:
    """Address of a published map, which a process of its own serves."""
    command = [_PROGRAM, "cloud", "serve", str(url), "--port", "0"]
    environment = {**os.environ, "LSE_ADDRESS": "nowhere"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            assert process.stdout is not None
            line = process.stdout.readline()
            yield line.split(" are at ")[1].split(";")[0]
        finally:
            process.terminate()


@contextmanager
def opened(browser: Browser, url: str) -> Iterator[Page]:
    """A page that must not fail."""
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.set_default_timeout(PATIENCE)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.goto(url)
    expect(page.locator("canvas")).to_have_attribute("data-exact", "true")
    yield page
    page.close()
    assert faults == []


def test_a_map_is_published_and_looked_at(lse: Run, experiment: str, browser: Browser, tmp_path: Path) -> None:
    folder = tmp_path / "map"
    made = lse(
        *("cloud", "publish", str(folder), "--experiment", experiment, "--projection", "flat"),
        *("--colour-by", "clustering:kmeans", "--colour-by", "column:class", "--colour-by", "column:g_mag"),
        *("--title", "Radio sources"),
    )
    assert made.stdout.startswith("320 points are published at"), made.stderr
    published = PublishedCloud.open(str(folder))
    assert list(published.header["cloud"]["columns"]) == ["kmeans", "class", "g_mag"]
    assert sum(published.header["columns"][1]["counts"]) == 320
    with served(folder) as url, opened(browser, url) as page:
        expect(page.get_by_role("heading", name="Radio sources")).to_be_visible()
        expect(page.get_by_role("status")).to_have_text("All 320 points in view")
        expect(page.locator("dd").first).to_have_text(experiment)
        # The pointer names an image and its class.
        page.get_by_role("combobox", name="Colour by").select_option("class")
        expect(page.locator("canvas")).to_have_attribute("data-exact", "true")
        page.wait_for_function("chunks.length && chunks.every((one) => one.codes)")
        code = int(np.argmax(published.header["columns"][1]["counts"]))
        label = published.header["cloud"]["columns"]["class"][code]
        x, y = page.evaluate(_PLACE, code)
        page.mouse.move(x, y)
        expect(page.locator("#card span")).to_have_text(label)
        assert page.locator("#card b").inner_text() in published.read("names.utf8").decode()
        # A class alone; zoomed in, and all again by the keyboard.
        page.get_by_role("button", name=f"only {label}").click()
        assert page.locator(".group [aria-pressed=true]").count() == 1
        page.locator("canvas").focus()
        for _ in range(5):
            page.keyboard.press("+")
        expect(page.get_by_role("status")).to_contain_text("points in view")
        expect(page.get_by_role("status")).not_to_have_text("All 320 points in view")
        page.keyboard.press("0")
        expect(page.get_by_role("status")).to_have_text("All 320 points in view")


def test_what_cannot_be_published_is_refused(lse: Run, experiment: str, tmp_path: Path) -> None:
    where = ("--experiment", experiment, "--projection")
    unknown = lse("cloud", "publish", str(tmp_path / "map"), *where, "flat", "--colour-by", "column:nothing")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith("The map cannot be coloured by 'column:nothing': give clustering:NAME")
    missing = lse("cloud", "publish", str(tmp_path / "map"), *where, "nothing")
    assert missing.returncode == 1
    assert "nothing" in missing.stderr
    assert not (tmp_path / "map").exists()
    nowhere = lse("cloud", "serve", str(tmp_path))
    assert nowhere.returncode == 1
    assert nowhere.stderr.startswith("No point cloud is published at")


@pytest.mark.parametrize("dimension", [2, 3])
def test_a_large_map_is_read_by_parts(browser: Browser, tmp_path: Path, dimension: int) -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(size=(3_000_000, dimension)).astype(np.float32)
    codes = (points[:, 0] > 0).astype(np.int64)
    cloud = build_cloud(points, columns={"side": (codes, ("left", "right"))})
    publish_cloud(cloud, str(tmp_path / "map"), title="Many", colours={"side": ("#0b6bcb", "#d1495b")})
    page = browser.new_page(viewport={"width": 1200, "height": 800})
    page.set_default_timeout(PATIENCE)
    read: list[int] = []
    page.on("response", lambda answer: read.append(int(answer.headers.get("content-length", "0"))))
    with served(tmp_path / "map") as url:
        page.goto(url)
        status = page.get_by_role("status")
        expect(status).to_contain_text("Sample of")
        expect(status).to_contain_text("of about 3,0" if dimension == 2 else "of about 3,000,000 points in view")
        # A third of the points or so, of 10 or 14 bytes each, not all of them.
        assert sum(read) < 1_100_000 * (4 * dimension + 2)
        if dimension == 2:
            page.locator("canvas").focus()
            for _ in range(6):
                page.keyboard.press("+")
            expect(status).to_contain_text("All ")
            exact = int(status.inner_text().split(" ")[1].replace(",", ""))
            window = page.evaluate("[middle[0], middle[1], width / 2 / scale, height / 2 / scale]")
            inside = np.abs(points - window[:2]) <= window[2:]
            assert exact == inside.all(axis=1).sum()
    page.close()


def test_what_lies_far_away_is_seen_when_all_is_asked_for(browser: Browser, tmp_path: Path) -> None:
    points = np.random.default_rng(0).normal(size=(40_000, 2)).astype(np.float32)
    points[:3] = 500
    publish_cloud(build_cloud(points), str(tmp_path / "map"), title="Far")
    with served(tmp_path / "map") as url, opened(browser, url) as page:
        status = page.get_by_role("status")
        expect(status).to_contain_text("points in view")
        assert page.evaluate("width / scale") < 20
        seen = int(status.inner_text().split(" ")[1].replace(",", ""))
        assert 39_980 <= seen < 40_000
        page.locator("canvas").focus()
        page.keyboard.press("0")
        expect(status).to_have_text("All 40,000 points in view")
