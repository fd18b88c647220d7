"""Two maps side by side: one selection, one image in view, the same filters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from explorer import choose, find_point, solid_scene
from installation import Installation
from lse.client import Client

pytestmark = pytest.mark.browser


@pytest.fixture
def second(client: Client, experiment: str) -> str:
    """Another flat map of the experiment."""
    client.projections.run("tsne", experiment=experiment, method="tsne").wait(timeout=300, show_progress=False)
    return "tsne"


def test_two_maps_share_selection_image_and_filters(
    page: Page, second: str, browser: Browser, installation: Installation
) -> None:
    page.locator(".lse-caption").get_by_role("button", name="second map").click()
    beside = page.locator(".lse-second")
    expect(beside.locator(".lse-cloud canvas").first).to_be_visible()
    choose(page, "lse-second-map", f"{second} · 2-D")
    page.wait_for_function("location.search.includes('second=tsne')")

    # Each has axes of its own: what one shows does not move the other.
    ranges = page.evaluate("""() => [...Bokeh.documents[0]._all_models.values()]
      .filter((one) => one.type === "Figure").map((one) => one.x_range.id)""")
    assert len(ranges) == len(set(ranges)) == 2

    # A box on one map selects on both.
    box = beside.locator(".lse-cloud").bounding_box()
    assert box is not None
    beside.locator(".bk-tool-icon-box-select").first.click()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 130, y + 130, steps=5)
    page.mouse.up()
    expect(page.locator(".lse-selected")).to_be_visible()
    selected = int(page.locator(".lse-selection-count").inner_text().split(" ")[0])
    assert 0 < selected < 320
    expect(page.locator(".lse-selected")).to_contain_text(f"{selected} selected")

    # The pointer finds points there, a click opens the image.
    row, x, y = find_point(page, ".lse-second .lse-cloud")
    page.mouse.click(x, y)
    expect(page.locator(f".image[data-row='{row}']")).to_be_visible()

    # A solid map beside the first has a lasso of its own.
    choose(page, "lse-second-map", "solid · 3-D")
    scene = solid_scene(page, ".lse-second .lse-cloud")
    page.locator(".lse-caption .lse-clear").click()
    beside.get_by_role("button", name="Lasso", exact=True).click()
    box = scene.bounding_box()
    assert box is not None
    corners = [(0.02, 0.02), (0.5, 0.02), (0.5, 0.98), (0.02, 0.98)]
    places = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in corners]
    page.mouse.move(*places[0])
    page.mouse.down()
    for place in places[1:]:
        page.mouse.move(*place, steps=4)
    page.mouse.up()
    expect(page.locator(".lse-selection-count")).to_contain_text("lasso")
    choose(page, "lse-second-map", f"{second} · 2-D")

    # Another browser opens both; the second is closed again.
    other = browser.new_page(viewport={"width": 1280, "height": 720})
    other.goto(page.url)
    expect(other.locator(".lse-second .lse-cloud canvas").first).to_be_visible()
    other.close()
    beside.get_by_role("button", name="×").click()
    expect(beside).to_be_hidden()


def test_the_map_of_another_encoder_has_the_selection_of_the_first(
    page: Page, client: Client, experiment: str, browser: Browser, tmp_path: Path
) -> None:
    vectors = np.stack(client.experiments.vectors(experiment)["vector"].to_numpy(zero_copy_only=False))
    np.save(tmp_path / "other.npy", np.sin(3 * vectors[:, ::-1]).astype(np.float32))
    dataset = client.experiments.get(experiment).dataset
    client.experiments.import_vectors("another", tmp_path / "other.npy", dataset=dataset).wait(show_progress=False)
    client.projections.run("line", experiment="another", method="pca").wait(show_progress=False)
    page.locator(".lse-caption").get_by_role("button", name="second map").click()
    beside = page.locator(".lse-second")
    expect(beside.locator(".lse-cloud canvas").first).to_be_visible()
    choose(page, "lse-second-map", "another/line · 2-D")
    page.wait_for_function("location.search.includes('second=another')")
    row, x, y = find_point(page, ".lse-second .lse-cloud")
    page.mouse.click(x, y)
    expect(page.locator(f".image[data-row='{row}']")).to_be_visible()
    # A link opens the map of the other experiment too.
    other = browser.new_page(viewport={"width": 1280, "height": 720})
    other.goto(page.url)
    expect(other.locator(".lse-second .lse-cloud canvas").first).to_be_visible()
    expect(other.locator(".lse-second")).to_contain_text("another/line")
    other.close()
