"""Images of the visitor's own computer become a dataset: chosen, previewed, prepared otherwise, made, shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from lse.client import Client

pytestmark = pytest.mark.browser


@pytest.fixture
def pictures(tmp_path: Path) -> Path:
    """Folder of four photographs, a damaged one, and a catalogue."""
    folder = tmp_path / "my Pictures"
    folder.mkdir()
    for number in range(4):
        pixels = np.random.default_rng(number).integers(0, 255, (40, 40, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(folder / f"{number}.png")
    (folder / "damaged.png").write_bytes(b"no picture")
    (folder / "catalogue.csv").write_text("galaxy,redshift\n0,0.1\n1,0.2\n2,0.3\n3,0.4\n")
    return folder


def test_images_become_a_dataset(page: Page, client: Client, pictures: Path) -> None:
    page.locator(".lse-open-ingest").click()
    window = page.locator(".lse-ingest-content")

    # What the services cannot read is refused in a sentence.
    path = window.locator("input[name=path]")
    path.fill("/nowhere/at/all")
    path.press("Enter")
    expect(window.locator(".problem")).to_contain_text("/nowhere/at/all")
    window.get_by_role("button", name="Start again").click()

    # A folder is sent and looked at, with the recipe that suits it and why.
    expect(page.locator(".drop")).to_be_visible()
    page.locator("input[data-of=folder]").set_input_files(pictures)
    expect(window.locator(".previews img")).to_have_count(4)
    expect(window.locator(".here")).to_contain_text("5 files")
    expect(window.locator(".here")).to_contain_text("catalogue.csv")
    expect(window.locator(".lse-why")).to_contain_text("Stretch: linear from 0 to 255")
    expect(window.locator(".seen .problem")).to_contain_text("damaged.png")
    expect(window.locator(".histograms figure")).to_have_count(3)

    # The catalogue has no column of a usual name: which one identifies the images is asked, not guessed.
    joined = window.locator(".lse-catalogue")
    expect(joined.locator(".problem")).to_contain_text("no column that identifies the image")
    window.locator("input[name=name]").press("Enter")
    expect(window.locator(".problem").first).to_contain_text("no column that identifies the image")
    joined.locator("select").select_option("redshift")
    expect(joined.locator(".problem")).to_contain_text("No image has a row")
    joined.locator("select").select_option("galaxy")
    expect(joined).to_contain_text("4 of 5 images have a row")

    # The preview follows the recipe.
    window.locator("input[name=channels]").fill("grey")
    window.locator("input[name=channels]").press("Enter")
    expect(window.locator(".histograms figure")).to_have_count(1)
    window.locator("input[name=size]").fill("4")
    window.locator("input[name=size]").press("Enter")
    expect(window.locator(".problem").first).to_contain_text("size")
    window.locator("input[name=size]").fill("16")
    window.locator("input[name=size]").press("Enter")
    expect(window.locator(".problem")).to_have_count(1)
    expect(window.locator(".lse-start-ingest")).to_be_enabled()

    # A name that is taken or has odd characters is refused, and nothing is lost by it.
    name = window.locator("input[name=name]")
    expect(name).to_have_value("my-pictures")
    for refused, why in (("survey", "choose another name"), ("My Pictures!", "not a valid dataset name")):
        name.fill(refused)
        name.press("Enter")
        expect(window.locator(".problem").first).to_contain_text(why)
    name.fill("pictures")
    name.press("Enter")
    expect(window.locator(".lse-made")).to_have_text("pictures: 4 images prepared, 1 rejected")
    expect(window.locator(".previews img")).to_have_count(4)
    dataset = client.datasets.get("pictures")
    assert (dataset.image_size, dataset.channels) == (16, ("grey",))
    assert client.datasets.image("pictures", "2").metadata["redshift"] == 0.3
    page.keyboard.press("Escape")
    expect(window).to_be_hidden()
    made = page.locator(".op.succeeded", has_text="pictures")
    made.get_by_role("button", name="Show").click()
    expect(window.locator(".lse-made")).to_contain_text("4 images prepared")
