"""The explorer in a real browser, in front of real services."""

from __future__ import annotations

import io
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from explorer import choose, find_point, wait_for_explorer
from installation import Installation
from lse.client import Client

pytestmark = pytest.mark.browser


def picture(page: Page, url: str) -> np.ndarray:
    answer = page.request.get(url)
    assert answer.ok
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB"))


def test_a_point_opens_its_image_and_its_neighbours(page: Page, client: Client, experiment: str) -> None:
    choose(page, "lse-projection", "flat · 2-D")
    page.wait_for_selector(".bk-tool-icon-lasso-select")
    row, x, y = find_point(page)
    names = client.datasets.table("survey").filter(row_is(row))["name"].to_pylist()
    expect(page.locator(".lse-hover-card b")).to_have_text(names[0])

    # However long a button is held: Bokeh would take this for another gesture.
    page.mouse.click(x, y, delay=500)
    page.wait_for_selector(f'.image[data-row="{row}"]')
    expect(page.locator(".lse-image-name")).to_have_text(names[0])
    expect(page.locator(".lse-right .badge").first).to_have_text("SIMULATED")
    url = page.locator(".lse-large").evaluate("image => image.src")
    truth = np.asarray(Image.open(io.BytesIO(client.datasets.thumbnails("survey", [row])[0])).convert("RGB"))
    assert np.array_equal(picture(page, url), truth)

    own = page.locator(".lse-similar-own button")
    expect(own.first).to_be_visible()
    found = [int(one.get_attribute("data-value") or -1) for one in own.all()]
    matches = client.search.similar(
        experiment, image=names[0], k=len(found) + 1, scope="same-cluster", clustering="kmeans"
    )
    assert found == [match.row for match in matches if match.row != row][: len(found)]
    others = page.locator(".lse-similar-others button").first
    other = others.get_attribute("data-value")
    others.click()
    page.wait_for_selector(f'.image[data-row="{other}"]')
    page.locator(".lse-back").click()
    page.wait_for_selector(f'.image[data-row="{row}"]')


def test_the_map_opens_in_its_true_proportions(page: Page) -> None:
    """However the browser's size and the first answers of the services fall together."""
    for _ in range(4):
        page.reload()
        expect(page.locator(".lse-counts")).to_contain_text("points shown")
        page.wait_for_function(
            """() => {
              const figure = [...Bokeh.documents[0]._all_models.values()].find((one) => one.type === "Figure")
              const {x_range: x, y_range: y, inner_width: width, inner_height: height} = figure ?? {}
              return width > 300 && Math.abs((x.end - x.start) / width * height / (y.end - y.start) - 1) < 0.01
            }"""
        )


def row_is(row: int) -> object:
    import pyarrow.compute as pc

    return pc.field("row") == row


def test_a_box_selects_and_a_group_is_isolated(page: Page) -> None:
    choose(page, "lse-projection", "flat · 2-D")
    expect(page.locator(".lse-counts")).to_have_text("320 of 320 points shown")
    page.locator(".bk-tool-icon-box-select").click()
    box = page.locator(".lse-cloud").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 60, box["y"] + 20)
    page.mouse.down()
    page.wait_for_timeout(500)
    page.mouse.move(box["x"] + box["width"] - 20, box["y"] + box["height"] - 20, steps=5)
    page.mouse.up()
    expect(page.locator(".lse-selected")).to_contain_text("selected")
    page.locator(".lse-caption .lse-clear").click()
    expect(page.locator(".lse-selected")).to_have_count(0)

    group = page.locator(".legend .group").first
    count = group.locator(".count").inner_text()
    group.hover()
    group.locator(".only").click()
    expect(page.locator(".lse-counts")).to_have_text(f"{count} of 320 points shown")
    page.locator(".lse-show-all").click()
    expect(page.locator(".lse-counts")).to_have_text("320 of 320 points shown")
    with page.expect_download() as download:
        page.locator(".lse-screenshot").first.click()
    assert_picture(download.value.path())


def test_a_clustering_runs_and_colours_the_cloud(page: Page, client: Client, experiment: str) -> None:
    page.locator(".lse-kind button").nth(1).click()
    choose(page, "lse-method", next(m.title for m in client.clusterings.methods() if m.id == "kmeans"))
    field = page.locator(".lse-parameter-n_clusters input")
    field.fill("3")
    field.press("Enter")
    name = page.locator(".lse-name input")
    name.fill("from-browser")
    name.press("Enter")
    page.locator(".lse-run button").click()
    # It is offered, and takes nothing away.
    expect(page.locator(".lse-clustering [role=combobox]")).not_to_have_text("from-browser")
    page.locator(".op.succeeded").get_by_role("button", name="Show").click()
    expect(page.locator(".lse-clustering [role=combobox]")).to_have_text("from-browser")
    expect(page.locator(".legend .group")).to_have_count(3)
    assert len(client.clusterings.get(experiment, "from-browser").clusters) == 3

    name.fill("from-browser")
    name.press("Enter")
    page.locator(".lse-run button").click()
    expect(page.locator(".lse-refused .problem")).to_contain_text("from-browser")


def assert_picture(path: Path) -> None:
    picture = np.asarray(Image.open(path).convert("RGB"))
    assert path.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert picture.shape[0] > 300
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_thumbnails_of_what_is_not_there_are_not_found(installation: Installation, experiment: str) -> None:
    wait_for_explorer(installation.url)
    for path in ("default/survey/320", "default/nothing/0", "nothing/survey/0", "default/survey/-1", "default/..%2f/0"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(f"{installation.url}/thumbnails/{path}")
        refused.value.close()
        assert refused.value.code == 404
    with urllib.request.urlopen(f"{installation.url}/thumbnails/default/survey/0") as answer:
        assert answer.headers["Content-Type"] == "image/jpeg"
        assert Image.open(io.BytesIO(answer.read())).size[0] > 0
