"""Learning in the explorer: predictions, the course of a training, and explanations, in a real browser."""

from __future__ import annotations

import json
import os
import re
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from installation import Installation
from lse.client import Client

pytestmark = pytest.mark.browser

# Software rendering on a busy machine takes its time; nothing here asserts how long.
PATIENCE = 120_000
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
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = os.environ.get("LSE_TEST_BROWSER") or shutil.which("chromium") or shutil.which("chromium-browser")
    if program is None:
        pytest.skip("no Chromium: install it, or name one in LSE_TEST_BROWSER")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser, installation: Installation, experiment: str) -> Iterator[Page]:
    """The explorer, open at the experiment; fails where the page met an error."""
    wait_for_explorer(installation.url)
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.set_default_timeout(PATIENCE)
    faults: list[str] = []
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(f"{installation.url}/?project=default&experiment={experiment}")
    expect(page.locator(".lse-experiment [role=combobox]")).to_have_text(experiment, timeout=PATIENCE)
    page.wait_for_selector(".lse-cloud canvas")
    yield page
    page.close()
    assert faults == []


def wait_for_explorer(url: str) -> None:
    deadline = time.monotonic() + 120
    while True:
        try:
            with urllib.request.urlopen(f"{url}/health") as answer:
                assert answer.status == 200
                return
        except urllib.error.URLError:
            assert time.monotonic() < deadline, "the explorer does not answer"
            time.sleep(0.3)


def choose(page: Page, field: str, title: str) -> None:
    page.locator(f".{field} [role=combobox]").click()
    page.locator("li").filter(has_text=re.compile(f"^{re.escape(title)}$")).first.click()
    expect(page.locator(f".{field} [role=combobox]")).to_have_text(title, timeout=PATIENCE)


def open_an_image(page: Page) -> None:
    """Click the 2-D cloud from its middle outwards until a point is hit."""
    choose(page, "lse-projection", "flat · 2-D")
    page.wait_for_selector(".bk-tool-icon-lasso-select")
    box = page.locator(".lse-cloud").bounding_box()
    assert box is not None
    offsets = sorted(
        ((i * 16, j * 16) for i in range(-12, 12) for j in range(-12, 13)), key=lambda offset: np.hypot(*offset)
    )
    for dx, dy in offsets:
        page.mouse.click(box["x"] + box["width"] * 0.42 + dx, box["y"] + box["height"] * 0.5 + dy)
        page.wait_for_timeout(400)
        if page.locator(".instance").count():
            return
    raise AssertionError("there is no point anywhere")


def test_a_prediction_colours_the_cloud(page: Page, client: Client, experiment: str) -> None:
    page.locator(".lse-kind button").nth(2).click()
    choose(page, "lse-labels", "column · class")
    name = page.locator(".lse-name input")
    name.fill("guess")
    name.press("Enter")
    page.locator(".lse-run button").click()
    expect(page.locator(".lse-colour [role=combobox]")).to_have_text("prediction · guess", timeout=PATIENCE)
    prediction = client.predictions.get(experiment, "guess")
    shown = {
        group.locator(".label").inner_text(): int(group.locator(".count").inner_text())
        for group in page.locator(".legend .group").all()
    }
    assert shown == {each.label: each.images for each in prediction.classes if each.images}
    accuracy = f"balanced accuracy {prediction.figures['balanced_accuracy']:.3g}"
    expect(page.locator(".lse-facts")).to_contain_text(accuracy, timeout=PATIENCE)
    choose(page, "lse-colour", "probability · guess")
    page.wait_for_selector(".legend .scale")
    # What is deleted elsewhere is no colour any more.
    client.predictions.delete(experiment, "guess")
    expect(page.locator(".lse-colour [role=combobox]")).to_have_text("nothing", timeout=PATIENCE)


def test_an_encoder_shows_its_training_and_its_card(page: Page, client: Client, installation: Installation) -> None:
    page.locator(".lse-encoder").click()
    page.wait_for_selector(".lse-curves canvas")
    expect(page.locator(".course")).to_contain_text("4 of 4 epochs")
    loss = client.encoders.training_run("encoder").epochs[-1]["loss"]
    expect(page.locator(".training .columns")).to_contain_text(f"{loss:.5g}")
    with page.expect_popup() as popup:
        page.locator(".lse-card").click()
    expect(popup.value.locator("h1")).to_have_text("encoder", timeout=PATIENCE)
    popup.value.close()
    with page.expect_download() as download:
        page.get_by_text("Card as JSON").click()
    assert json.loads(download.value.path().read_text()) == client.encoders.card("encoder").document
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{installation.url}/cards/default/nothing")
    refused.value.close()
    assert refused.value.code == 404


def test_a_similarity_is_explained_in_a_picture(page: Page) -> None:
    open_an_image(page)
    looked_at = page.locator(".lse-image-name").inner_text()
    first = page.locator(".lse-similar-own .shot").first
    other = first.locator("img").get_attribute("alt") or ""
    first.hover()
    first.locator(".why").click()
    answer = page.locator(".explained")
    expect(answer).to_contain_text(looked_at, timeout=PATIENCE)
    expect(answer).to_contain_text(other)
    assert answer.locator("img").evaluate("image => image.decode().then(() => image.naturalWidth)") > 200
    page.keyboard.press("Escape")
    expect(answer).to_be_hidden(timeout=PATIENCE)

    # An encoder without a decoder cannot draw what lies between two images, and says so.
    page.locator(".questions button").filter(has_text="Path to").click()
    page.locator(".lse-similar-others button").first.click()
    expect(page.get_by_role("dialog").locator(".problem")).to_contain_text("decoder", timeout=PATIENCE)
    expect(page.locator(".lse-image-name")).to_have_text(looked_at)


def test_an_encoder_is_trained_and_encodes_the_dataset(page: Page, client: Client) -> None:
    page.locator(".lse-kind button").nth(3).click()
    choose(page, "lse-method", next(m.title for m in client.encoders.methods() if m.id == "autoencoder"))
    for key, value in {"width": "8", "latent_dim": "8", "epochs": "2"}.items():
        field = page.locator(f".lse-parameter-{key} input")
        field.fill(value)
        field.press("Enter")
    name = page.locator(".lse-name input")
    name.fill("made-here")
    name.press("Enter")
    page.locator(".lse-run button").click()
    training = page.locator(".op").filter(has_text="Train encoder")
    training.locator(".lse-details").click()
    page.wait_for_selector(".lse-curves canvas")
    expect(page.locator(".lse-drawn")).to_be_visible(timeout=PATIENCE)
    expect(page.locator(".course")).to_contain_text("All 2 epochs are done.", timeout=PATIENCE)
    page.keyboard.press("Escape")
    settings = client.encoders.get("made-here").settings
    assert (settings["width"], settings["latent_dim"], settings["epochs"]) == ("8", "8", "2")

    training.locator(".lse-encode").click()
    page.locator(".op").filter(has_text="Encode experiment").locator(".lse-open").click()
    expect(page.locator(".lse-experiment [role=combobox]")).to_have_text("made-here", timeout=PATIENCE)
    expect(page.locator(".lse-projection [role=combobox]")).to_have_text("pca-2d · 2-D", timeout=PATIENCE)
    expect(page.locator(".lse-counts")).to_have_text("320 of 320 points shown", timeout=PATIENCE)
