"""Learning in the explorer, in a real browser: predictions, trainings and their course, and explanations."""

from __future__ import annotations

import json
import re
import urllib.error
import urllib.request

import pytest
from playwright.sync_api import Locator, Page, expect

from explorer import choose, find_point
from installation import Installation
from lse.client import Client

pytestmark = pytest.mark.browser

# Of the four kinds of work.
PREDICTION, ENCODER = 2, 3
# Last epoch among the columns that the loss is drawn from.
DRAWN_EPOCH = """Math.max(0, ...Bokeh.documents.flatMap((document) => [...document._all_models.values()])
  .filter((model) => model.type === "ColumnDataSource" && model.data.epoch && model.data.loss)
  .flatMap((model) => [...model.data.epoch]))"""


def fill(page: Page, field: str, text: str) -> None:
    """Write into a field, as one who goes on to the next."""
    box = page.locator(f".{field} input")
    box.fill(text)
    box.press("Enter")


def show_encoder_form(page: Page, client: Client, method: str) -> None:
    """Turn to the training of encoders by a method."""
    page.locator(".lse-kind button").nth(ENCODER).click()
    chosen = next(one for one in client.encoders.methods() if one.id == method)
    choose(page, "lse-method", chosen.title)
    expect(page.locator(".lse-left").get_by_text(chosen.summary)).to_be_visible()
    # The suggested name comes with the form, after the method.
    expect(page.locator(".lse-name input")).to_have_value(method)


def open_an_image(page: Page) -> str:
    """Open the image of a point of the 2-D cloud; its name."""
    page.wait_for_selector(".bk-tool-icon-lasso-select")
    row, x, y = find_point(page)
    page.mouse.click(x, y)
    page.wait_for_selector(f'.image[data-row="{row}"]')
    return page.locator(".lse-image-name").inner_text()


def drawn_epoch(page: Page) -> float:
    """How far the curves of the loss reach."""
    return float(page.evaluate(DRAWN_EPOCH))


def picture_width(image: Locator) -> int:
    return int(image.evaluate("image => image.decode().then(() => image.naturalWidth)"))


def test_a_prediction_colours_the_cloud(page: Page, client: Client, experiment: str) -> None:
    page.locator(".lse-kind button").nth(PREDICTION).click()
    choose(page, "lse-labels", "column · class")
    fill(page, "lse-name", "seen-in-browser")
    page.locator(".lse-run button").click()
    page.locator(".op.succeeded").get_by_role("button", name="Show").click()
    expect(page.locator(".lse-colour [role=combobox]")).to_have_text("prediction · seen-in-browser")
    prediction = client.predictions.get(experiment, "seen-in-browser")
    predicted = {each.label: each.images for each in prediction.classes if each.images}
    groups = page.locator(".legend .group")
    expect(groups).to_have_count(len(predicted))
    shown = {group.locator(".label").inner_text(): int(group.locator(".count").inner_text()) for group in groups.all()}
    assert shown == predicted
    accuracy = f"balanced accuracy {prediction.figures['balanced_accuracy']:.3g}"
    expect(page.locator(".lse-facts")).to_contain_text(accuracy)
    choose(page, "lse-colour", "probability · seen-in-browser")
    expect(page.locator(".legend .scale")).to_be_visible()
    # What is deleted elsewhere is not a colour any more.
    client.predictions.delete(experiment, "seen-in-browser")
    expect(page.locator(".lse-colour [role=combobox]")).to_have_text("nothing")


def test_an_encoder_shows_its_training_and_its_card(page: Page, client: Client, installation: Installation) -> None:
    page.locator(".lse-encoder").click()
    page.wait_for_selector(".lse-curves canvas")
    run = client.encoders.training_run("encoder")
    expect(page.locator(".history")).to_contain_text(run.ending)
    expect(page.locator(".training .columns")).to_contain_text(f"{run.epochs[-1]['loss']:.5g}")
    with page.expect_popup() as popup:
        page.locator(".lse-card").click()
    expect(popup.value.locator("h1")).to_have_text("encoder")
    popup.value.close()
    with page.expect_download() as download:
        page.get_by_text("Card as JSON").click()
    assert json.loads(download.value.path().read_text()) == client.encoders.card("encoder").document
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{installation.url}/cards/default/nothing")
    refused.value.close()
    assert refused.value.code == 404


def test_a_training_is_checked_before_it_starts(page: Page, client: Client) -> None:
    show_encoder_form(page, client, "vae")
    # What is left empty is chosen from the data, and the field says so.
    expect(page.locator(".lse-parameter-batch_size input")).to_have_attribute("placeholder", "from the data")
    refused = page.locator(".lse-refused .problem")
    fill(page, "lse-parameter-epochs", "0.5")
    page.locator(".lse-run button").click()
    expect(refused).to_have_text("epochs must be a whole number.")
    fill(page, "lse-parameter-epochs", "2")
    fill(page, "lse-name", "encoder")
    page.locator(".lse-run button").click()
    expect(refused).to_contain_text("An encoder named 'encoder' exists")
    expect(page.locator(".lse-name input")).to_have_value("encoder")
    assert page.locator(".op").count() == 0

    page.locator(".lse-check button").click()
    told = page.locator(".check")
    expect(told.locator(".verdict")).to_contain_text("memory")
    expect(told.locator("dt[title=epochs] + dd:not(.from-data)")).to_have_text("2")
    expect(told.locator("dt[title=learning_rate] + dd.from-data")).to_have_text(re.compile(r"^0\.\d+$"))
    assert picture_width(told.locator(".lse-views")) > 200
    page.keyboard.press("Escape")
    expect(told).to_be_hidden()


def test_an_encoder_is_trained_cancelled_and_explained(page: Page, client: Client) -> None:
    show_encoder_form(page, client, "autoencoder")
    chosen = {"width": "8", "latent_dim": "4", "epochs": "5000", "batch_size": "160"}
    for key, value in chosen.items():
        fill(page, f"lse-parameter-{key}", value)
    fill(page, "lse-name", "made-in-browser")
    page.locator(".lse-run button").click()
    training = page.locator(".op").filter(has_text="made-in-browser")
    training.locator(".lse-details").click()
    page.wait_for_selector(".lse-curves canvas")
    course = page.locator(".history .said")
    expect(course).to_contain_text("of 5,000 epochs done")
    expect(page.locator(".lse-drawn")).to_be_visible()
    # The curve goes on by itself.
    before = drawn_epoch(page)
    page.wait_for_function(f"{DRAWN_EPOCH} > {before}")
    assert page.locator(".going .facts").inner_text().startswith("training")
    page.locator(".going .lse-cancel").click()
    expect(course).to_contain_text("The training was cancelled. The encoder has the weights of epoch")
    with page.expect_popup() as popup:
        page.locator(".lse-card").click()
    expect(popup.value.locator("h1")).to_have_text("made-in-browser")
    popup.value.close()
    page.keyboard.press("Escape")
    made = client.encoders.get("made-in-browser")
    assert {key: made.parameters[key] for key in chosen} == {key: int(value) for key, value in chosen.items()}

    training.locator(".lse-encode").click()
    page.locator(".op").filter(has_text="Encode experiment").locator(".lse-open").click()
    expect(page.locator(".lse-experiment [role=combobox]")).to_have_text("made-in-browser")
    expect(page.locator(".lse-projection [role=combobox]")).to_have_text("pca-2d · 2-D")
    expect(page.locator(".lse-counts")).to_have_text("320 of 320 points shown")
    looked_at = open_an_image(page)
    page.locator(".questions button").filter(has_text="What could change").click()
    answer = page.locator(".explained")
    expect(answer).to_contain_text(looked_at)
    assert picture_width(answer.locator("img")) > 200
    page.keyboard.press("Escape")
    expect(answer).to_be_hidden()
    first = page.locator(".lse-similar .shot").first
    other = first.locator("img").get_attribute("alt") or "nothing"
    first.hover()
    first.locator(".why").click()
    expect(answer).to_contain_text(f"{looked_at} and {other}")
    expect(answer).to_contain_text("cosine similarity")
    assert picture_width(answer.locator("img")) > 200
    page.keyboard.press("Escape")
    expect(answer).to_be_hidden()
    page.locator(".questions button").filter(has_text="Path to").click()
    page.locator(".lse-similar button").nth(1).click()
    expect(answer).to_contain_text("straight line")
    expect(page.locator(".lse-image-name")).to_have_text(looked_at)
