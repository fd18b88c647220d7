"""The expert's hour, in a real browser: from a folder of images to named classes, a catalogue, figures and a link."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect

from explorer import PATIENCE, choose, faults_of, is_elsewhere, solid_scene, wait_for_explorer
from installation import Installation
from lse.client import Client, connect
from lse.demo.survey import simulate_survey
from samp_peers import Peers, running_samp

pytestmark = [pytest.mark.browser, pytest.mark.timeout(1500)]

SLOWLY = 4 * PATIENCE  # what computes, on a busy machine
COUNT = ".lse-selection-count"
IMAGES = 240


@pytest.fixture
def peers(tmp_path: Path) -> Iterator[Peers]:
    """Another program on the visitor's machine."""
    with running_samp(tmp_path) as peers:
        yield peers


_OTHER = pytest.mark.skipif("LSE_TEST_HOURS" not in os.environ, reason="a second hour: set LSE_TEST_HOURS to have it")


@pytest.fixture(params=["first_radio_png", pytest.param("sdss_galaxies", marks=_OTHER)])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Some images of a collection with their catalogue, as an expert has them; simulated ones where it is absent."""
    root = Path(os.environ.get("LSE_TEST_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"))
    real, own = root / request.param, tmp_path / "my survey"
    if not real.is_dir():
        real = tmp_path / "simulated"
        simulate_survey(real, count=IMAGES, seed=5)
        for path in sorted((real / "images").glob("*.fits")):
            pixels = np.nan_to_num(fits.getdata(path)[0].astype(float))
            grey = np.clip(255 * np.arcsinh(pixels / np.percentile(pixels, 99)), 0, 255)
            Image.fromarray(grey.astype(np.uint8)).save(path.with_suffix(".png"))
        catalogue = real / "catalogue.csv"
        catalogue.write_text(catalogue.read_text().replace(".fits", ".png"))
    every = sorted((real / "images").rglob("*.*g"))
    for number in np.linspace(0, len(every) - 1, IMAGES).astype(int):
        path = own / every[number].relative_to(real)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(every[number], path)
    shutil.copy(real / "catalogue.csv", own)
    return own


@pytest.fixture
def visitor(browser: Browser, installation: Installation) -> Iterator[Page]:
    """A new page; fails where it met an error or asked for anything elsewhere."""
    wait_for_explorer(installation.url)
    page = browser.new_page(viewport={"width": 1600, "height": 950})
    page.set_default_timeout(PATIENCE)
    faults = faults_of(page, installation)
    yield page
    page.close()
    samp = "http://localhost:21012/"
    assert [one for one in faults if not one.startswith(samp)] == []


def look(page: Page, step: str) -> None:
    """Keep pictures of a step, where somebody wants to look at them: both themes, two sizes of the window."""
    wanted = os.environ.get("LSE_TEST_PICTURES")
    if not wanted:
        return
    for width, height in ((1600, 950), (1280, 720)):
        page.set_viewport_size({"width": width, "height": height})
        page.wait_for_timeout(1500)
        page.screenshot(path=Path(wanted) / f"{step}-{width}.png")
    page.set_viewport_size({"width": 1600, "height": 950})
    page.wait_for_timeout(500)


def made(page: Page, name: str) -> Locator:
    """What has come of some long work."""
    row = page.locator(".op.succeeded").filter(has=page.locator(f"b[title='{name}']"))
    expect(row).to_be_visible(timeout=SLOWLY)
    return row


def saved(page: Page, click: Callable[[], None], path: Path) -> Path:
    """A file that the page gives away."""
    with page.expect_download() as download:
        click()
    download.value.save_as(path)
    return path


def upload(page: Page, folder: Path) -> None:
    """Send the folder, look at the preview, prepare it otherwise, and make a dataset of it."""
    page.locator(".lse-open-ingest").click()
    window = page.locator(".lse-ingest-content")
    expect(page.locator(".drop")).to_be_visible()
    page.locator("input[data-of=folder]").set_input_files(folder)
    expect(window.locator(".previews img").first).to_be_visible(timeout=SLOWLY)
    expect(window.locator(".here")).to_contain_text(f"{IMAGES} files")
    expect(window.locator(".lse-why")).to_contain_text("Stretch")
    window.locator("input[name=size]").fill("32")
    window.locator("input[name=size]").press("Enter")
    window.locator("input[name=channels]").fill("grey")
    window.locator("input[name=channels]").press("Enter")
    expect(window.locator(".histograms figure")).to_have_count(1)
    expect(window.locator(".lse-start-ingest")).to_be_enabled()
    look(page, "01-preview")
    name = window.locator("input[name=name]")
    name.fill("mine")
    name.press("Enter")
    expect(window.locator(".lse-made")).to_contain_text(f"mine: {IMAGES} images prepared", timeout=SLOWLY)
    look(page, "02-dataset")


def train(page: Page) -> None:
    """Train a small encoder on it and encode the images."""
    page.locator(".lse-ingest-content").get_by_role("button", name="Encode it").click()
    window = page.locator(".lse-project-content")
    form = window.locator(".lse-new-train")
    form.locator("select[name=method]").select_option("simclr")
    form.locator("input[name=epochs]").fill("2")
    form.locator("input[name=name]").fill("learnt")
    look(page, "03-training")
    form.locator("input[name=name]").press("Enter")
    expect(window.locator(".lse-project-said")).to_contain_text("training takes about", timeout=SLOWLY)
    page.keyboard.press("Escape")
    expect(window).to_be_hidden()
    training = made(page, "learnt")
    look(page, "04-trained")
    training.locator(".lse-encode").click()
    made(page, "learnt").filter(has_text="Encode experiment").locator(".lse-open").click()
    expect(page.locator(".lse-projection [role=combobox]")).to_have_text("pca-2d · 2-D", timeout=SLOWLY)
    expect(page.locator(".lse-counts")).to_have_text(f"{IMAGES} of {IMAGES} points shown")
    look(page, "05-opened")


def compute(page: Page) -> None:
    """Make two maps and a clustering: each is offered, none takes the view away."""
    run = page.locator(".lse-run button")
    choose(page, "lse-method", "t-SNE")
    expect(page.locator(".lse-name input")).to_have_value("tsne-2d")
    run.click()
    flat = made(page, "tsne-2d")
    choose(page, "lse-method", "PCA")
    page.locator(".lse-dimensions button").nth(1).click()
    expect(page.locator(".lse-name input")).to_have_value("pca-3d")
    run.click()
    solid = made(page, "pca-3d")
    page.locator(".lse-kind button").nth(1).click()
    choose(page, "lse-method", "k-means")
    expect(page.locator(".lse-name input")).to_have_value("kmeans")
    field = page.locator(".lse-parameter-n_clusters input")
    field.fill("4")
    field.press("Enter")
    run.click()
    groups = made(page, "kmeans")
    expect(page.locator(".lse-projection [role=combobox]")).to_have_text("pca-2d · 2-D")
    flat.get_by_role("button", name="Show").click()
    expect(page.locator(".lse-projection [role=combobox]")).to_have_text("tsne-2d · 2-D")
    expect(page.locator(".lse-flight [data-flights='1']")).to_be_attached()
    groups.get_by_role("button", name="Show").click()
    expect(page.locator(".legend .group")).to_have_count(4)
    look(page, "06-clusters")
    solid.get_by_role("button", name="Show").click()
    solid_scene(page)


def drag(page: Page, *places: tuple[float, float]) -> None:
    """Move the pressed pointer over the map, from one place to the next, as shares of its size."""
    box = page.locator(".lse-cloud").bounding_box()
    assert box is not None
    points = [(box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in places]
    page.mouse.move(*points[0])
    page.mouse.down()
    for point in points[1:]:
        page.mouse.move(*point, steps=6)
    page.mouse.up()


def chosen(page: Page) -> int:
    """Number of images in the selection."""
    return int(re.sub(r"\D", "", page.locator(COUNT).inner_text().split(" of ")[0]))


def turn(page: Page, folder: Path) -> None:
    """Orbit the solid map, draw a lasso there, and look at the images within alone."""
    before = solid_scene(page).get_attribute("data-camera") or ""
    drag(page, (0.4, 0.5), (0.55, 0.6))
    expect(solid_scene(page)).not_to_have_attribute("data-camera", before)
    page.get_by_role("button", name="Lasso", exact=True).click()
    drag(page, (0.05, 0.05), (0.5, 0.05), (0.5, 0.95), (0.05, 0.95))
    expect(page.locator(COUNT)).to_contain_text("lasso")
    count = chosen(page)
    assert 0 < count < IMAGES
    look(page, "07-solid-lasso")
    saved(page, page.locator(".lse-screenshot").first.click, folder / "solid.png")
    pixels = np.asarray(Image.open(folder / "solid.png").convert("RGB"))
    assert len(np.unique(pixels.reshape(-1, 3), axis=0)) > 20
    page.locator(".lse-selection-actions .lse-isolate").click()
    expect(page.locator(".lse-counts")).to_have_text(f"{count} of {IMAGES} points shown")
    page.locator(".lse-show-all").click()
    page.locator(".lse-selection-actions .lse-dataset").click()
    page.locator(".lse-save-as input").fill("part")
    page.locator(".lse-save-as input").press("Enter")
    expect(made(page, "part").get_by_role("button", name="Show")).to_be_visible()
    choose(page, "lse-projection", "tsne-2d · 2-D")
    expect(page.locator(COUNT)).to_contain_text(f"{count} of {IMAGES}")
    page.locator(".lse-selection-head .lse-clear").click()


def select(page: Page) -> int:
    """Draw a lasso, walk the gallery by keys, compare with the rest, and look for similar images."""
    page.locator(".bk-tool-icon-lasso-select").click()
    drag(page, (0.05, 0.05), (0.5, 0.05), (0.5, 0.95), (0.05, 0.95))
    expect(page.locator(COUNT)).to_contain_text("lasso")
    count = chosen(page)
    assert 0 < count < IMAGES
    page.locator(".bk-tool-icon-pan").click()
    tiles = page.locator(".lse-gallery .tiles button")
    expect(tiles).to_have_count(min(count, 120))
    tiles.first.click()
    tiles.first.press("ArrowRight")
    expect(page.locator(".lse-gallery-current b")).to_have_text(tiles.nth(1).get_attribute("title") or "")
    look(page, "08-gallery")
    page.get_by_role("tab", name="Against the rest").click()
    expect(page.locator(".lse-shares").filter(has_text="kmeans")).to_be_visible()
    look(page, "09-against-the-rest")
    page.get_by_role("tab", name="Gallery").click()
    page.locator(".lse-selection-actions .lse-similar").click()
    expect(page.locator(".lse-take")).to_be_visible()
    look(page, "10-similar")
    page.locator(".lse-back-to-selection").click()
    page.locator(".lse-gallery .tiles button").first.click()
    page.locator(".lse-open-image").click()
    expect(page.locator(".lse-similar-own .shot").first).to_be_visible()
    look(page, "11-image")
    page.get_by_role("tab", name="Selection").click()
    return count


def label(page: Page, count: int) -> None:
    """Make classes, give them by keys, take them back, follow suggestions."""
    page.locator(".lse-new-scheme").click()
    page.locator(".lse-scheme-name input").fill("shapes")
    classes = page.locator(".lse-scheme-classes input")
    classes.fill("single, double")
    classes.press("Enter")
    said, bar = page.locator(".lse-label-bar .said"), page.locator(".lse-label-bar .class")
    expect(bar).to_have_count(2)
    page.locator(".lse-gallery .tiles button").first.click()
    page.keyboard.press("1")
    expect(said).to_contain_text(f"{count} labelled as single")
    page.keyboard.press("u")
    expect(said).to_contain_text("Undone")
    page.keyboard.press("1")
    expect(bar.first).to_contain_text(str(count))
    page.get_by_role("tab", name="Review").click()
    choose(page, "lse-review-source", "suggested: most useful to label next")
    item = page.locator(".lse-review .review")
    for number in range(12):
        expect(item).to_contain_text(f"{number} reviewed")
        page.keyboard.press("2")
    expect(item).to_contain_text("12 reviewed")
    look(page, "12-review")
    page.keyboard.press("s")
    expect(item).to_contain_text("12 reviewed, 1 skipped")


def predict(page: Page, client: Client) -> None:
    """Predict the classes of the rest, accept and correct what was predicted, and colour the map by it."""
    page.locator(".lse-kind button").nth(2).click()
    choose(page, "lse-labels", "labels · shapes")
    name = page.locator(".lse-name input")
    name.fill("guess")
    name.press("Enter")
    page.locator(".lse-run button").click()
    made(page, "guess").get_by_role("button", name="Show").click()
    expect(page.locator(".lse-colour [role=combobox]")).to_have_text("prediction · guess")
    # A class has one colour, predicted or given.
    dots = (".legend .group[data-name='single'] .swatch", ".lse-label-bar .class[data-value='single'] i")
    assert len({page.locator(one).evaluate("one => getComputedStyle(one).backgroundColor") for one in dots}) == 1
    choose(page, "lse-review-source", "prediction · guess, least certain first")
    item, said = page.locator(".lse-review .review"), page.locator(".lse-label-bar .said")
    expect(item.locator(".predicted")).to_be_visible()
    look(page, "13-prediction")
    table = client.predictions.table("learnt", "guess").to_pandas()
    labelled = client.labels.table("shapes", dataset="mine")["row"].to_pylist()
    unsure = table[~table["row"].isin(labelled)].sort_values("probability")["row"]
    first, predicted = int(item.get_attribute("data-row") or -1), item.locator(".predicted b").inner_text()
    assert first == unsure.iloc[0]
    page.locator(".lse-accept").click()
    expect(item).not_to_have_attribute("data-row", str(first))
    expect(said).to_contain_text(f"1 labelled as {predicted}")
    second = int(item.get_attribute("data-row") or -1)
    page.locator(".lse-label-bar .class").filter(has_text="double").click()
    expect(item).not_to_have_attribute("data-row", str(second))
    expect(said).to_contain_text("1 labelled as double")
    given = client.labels.table("shapes", dataset="mine", rows=sorted([first, second])).to_pandas()
    assert dict(zip(given["row"], given["label"], strict=True)) == {first: predicted, second: "double"}


def take_away(page: Page, browser: Browser, peers: Peers, count: int, folder: Path) -> None:
    """Export the selection, send it to another program, save figures and the map as one page."""
    page.get_by_role("tab", name="Selection").click()
    table = saved(page, page.get_by_role("link", name="VOTable").click, folder / "out.vot")
    assert len(Table.read(table, format="votable")) == count
    samp = page.locator(".lse-samp")
    samp.locator("summary").click()
    samp.get_by_role("button", name="Connect").click()
    lines = samp.locator(".acts", has_text="selected images")
    lines.get_by_role("button", name="Topcat").first.click()
    assert len(Table.read(peers.topcat.wait("table.load.votable")["url"], format="votable")) == count
    samp.get_by_role("button", name="Disconnect").click()
    look(page, "14-samp")
    png = saved(page, page.locator("a.lse-screenshot").click, folder / "map.png")
    assert png.read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert b"<svg" in saved(page, page.locator(".lse-svg").click, folder / "map.svg").read_bytes()
    assert saved(page, page.locator(".lse-pdf").click, folder / "map.pdf").read_bytes()[:4] == b"%PDF"
    html = saved(page, page.locator("a.lse-html").click, folder / "map.html")
    offline = browser.new_context(offline=True).new_page()
    offline.goto(html.as_uri())
    expect(offline.locator("canvas").first).to_be_visible()
    expect(offline.locator("body")).to_contain_text("learnt")
    look(offline, "15-offline")
    offline.context.close()


def come_back(page: Page, browser: Browser, installation: Installation, count: int) -> None:
    """Open the link in another browser, kill the server, start it again: the view is the same everywhere."""
    page.wait_for_function("() => location.search.includes('prediction')")
    page.locator(".lse-link").click()
    view = page.url

    def is_same(one: Page) -> None:
        expect(one.locator(".lse-projection [role=combobox]")).to_have_text("tsne-2d · 2-D", timeout=SLOWLY)
        expect(one.locator(".lse-colour [role=combobox]")).to_have_text("prediction · guess", timeout=SLOWLY)
        expect(one.locator(COUNT)).to_contain_text(f"{count} of {IMAGES}", timeout=SLOWLY)

    other = browser.new_context(viewport={"width": 1280, "height": 720}, color_scheme="light").new_page()
    elsewhere: list[str] = []
    other.on("request", lambda one: elsewhere.append(one.url) if is_elsewhere(one.url, installation) else None)
    other.goto(view.replace("theme=dark", "theme=light"))
    is_same(other)
    look(other, "16-link-light")
    installation.kill()
    for one in (page, other):
        expect(one.locator(".lse-away")).to_contain_text("connection lost", timeout=SLOWLY)
    look(page, "17-away")
    installation.start()
    wait_for_explorer(installation.url)
    for one in (page, other):
        is_same(one)
        expect(one.locator(".lse-header .text")).to_have_text("connected")
    look(page, "18-back")
    other.context.close()
    assert elsewhere == []


def test_an_expert_leaves_with_classes_a_catalogue_figures_and_a_link(
    visitor: Page, installation: Installation, peers: Peers, folder: Path, tmp_path: Path
) -> None:
    browser = visitor.context.browser
    assert browser is not None
    project = re.sub(r"\W+", "-", f"hour-{tmp_path.name}".lower()).strip("-")[-40:].strip("-")
    with connect(installation.address, project=project) as client:
        visitor.goto(f"{installation.url}/?project={project}")
        expect(visitor.locator(".lse-curtain")).to_contain_text("nothing to explore yet")
        look(visitor, "00-empty")
        upload(visitor, folder)
        train(visitor)
        compute(visitor)
        turn(visitor, tmp_path)
        count = select(visitor)
        label(visitor, count)
        predict(visitor, client)
        take_away(visitor, browser, peers, count, tmp_path)
        come_back(visitor, browser, installation, count)
