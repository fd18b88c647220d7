"""What a person says about images: classes made in the page, labels by keys, the queue of a review."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer import choose
from lse.client import Client

pytestmark = pytest.mark.browser


def labels(client: Client, scheme: str) -> dict[int, str]:
    table = client.labels.table(scheme, dataset="survey")
    return dict(zip(table["row"].to_pylist(), table["label"].to_pylist(), strict=True))


def test_classes_are_made_given_by_keys_taken_back_and_reviewed(page: Page, client: Client) -> None:
    page.locator(".lse-new-scheme").click()
    page.locator(".lse-scheme-name input").fill("by-keys")
    classes = page.locator(".lse-scheme-classes input")
    classes.fill("compact, extended")
    classes.press("Enter")
    expect(page.locator(".lse-scheme [role=combobox]")).to_have_text("by-keys")
    assert client.label_schemes.get("by-keys").classes == ("compact", "extended")

    # The selection, by a key; and back.
    group = page.locator(".legend .group").first
    count = int(group.locator(".count").inner_text())
    group.hover()
    group.locator(".pick").click()
    page.locator(".lse-gallery .tiles button").first.click()
    page.keyboard.press("1")
    expect(page.locator(".lse-label-bar .said")).to_contain_text(f"{count} labelled as compact")
    assert set(labels(client, "by-keys").values()) == {"compact"}
    assert len(labels(client, "by-keys")) == count
    page.keyboard.press("u")
    expect(page.locator(".lse-label-bar .said")).to_contain_text("Undone")
    assert labels(client, "by-keys") == {}

    # One image, in two ways, with who and when.
    page.locator(".lse-open-image").click()
    row = int(page.locator(".lse-right .image[data-row]").get_attribute("data-row") or -1)
    page.keyboard.press("2")
    expect(page.locator(".lse-label-target")).to_contain_text("is extended (")
    assert labels(client, "by-keys") == {row: "extended"}

    # The queue of what is most useful: a key labels and goes on, S skips.
    page.get_by_role("tab", name="Review").click()
    choose(page, "lse-review-source", "suggested: most useful to label next")
    item = page.locator(".lse-review .review")
    first = int(item.get_attribute("data-row") or -1)
    page.keyboard.press("1")
    expect(item).not_to_have_attribute("data-row", str(first))
    second = int(item.get_attribute("data-row") or -1)
    page.keyboard.press("s")
    expect(item).not_to_have_attribute("data-row", str(second))
    expect(page.locator(".lse-review")).to_contain_text("1 reviewed, 1 skipped")
    expect(page.locator(".lse-label-bar .class").first).to_contain_text("1")
    assert labels(client, "by-keys") == {row: "extended", first: "compact"}


def test_classes_are_defined_and_leave_as_a_page(page: Page, browser: Browser, client: Client, tmp_path: Path) -> None:
    client.label_schemes.create("forms", classes=["compact", "extended"], description="By their size.")
    client.labels.set("forms", dataset="survey", rows=range(30), label="compact")
    page.goto(page.url)
    choose(page, "lse-scheme", "forms")
    page.locator(".lse-edit-scheme").click()
    form, classes = page.locator(".classes-form"), page.locator(".lse-label-bar .class")
    form.get_by_label("what it means").first.fill("No larger than the <beam>.")
    form.get_by_label("another class").first.fill("double")
    form.locator(".lse-save-classes").click()
    expect(classes).to_have_count(3)
    expect(classes.first).to_have_attribute("title", "Label as compact: No larger than the <beam>.")
    # A class goes when its name is emptied, but not one that images have.
    page.locator(".lse-edit-scheme").click()
    form.get_by_label("class", exact=True).nth(2).fill("")
    form.locator(".lse-save-classes").click()
    expect(classes).to_have_count(2)
    page.locator(".lse-edit-scheme").click()
    form.get_by_label("class", exact=True).first.fill("")
    form.locator(".lse-save-classes").click()
    expect(page.locator(".lse-label-bar .problem")).to_contain_text("30 images are labelled 'compact'")
    scheme = client.label_schemes.get("forms")
    assert scheme.classes == ("compact", "extended")
    assert scheme.class_definitions == {"compact": "No larger than the <beam>."}

    with page.expect_download() as download:
        page.locator(".lse-classes-page").click()
    assert download.value.suggested_filename == "forms.html"
    download.value.save_as(tmp_path / "forms.html")
    leaf = browser.new_page()
    leaf.goto((tmp_path / "forms.html").as_uri())
    expect(leaf.locator("body")).to_contain_text("By their size.")
    compact = leaf.locator("section").first
    expect(compact).to_contain_text("No larger than the <beam>.")
    expect(compact).to_contain_text("30 images, 12 of them shown")
    assert compact.locator("img").evaluate_all("all => all.filter((one) => one.naturalWidth > 0).length") == 12
    expect(compact.locator("figcaption").first).to_have_text(client.datasets.image("survey", "0").id)
    expect(leaf.locator("section").nth(1)).to_contain_text("Not defined yet.")
    leaf.close()


def test_predictions_are_accepted_and_corrected(page: Page, client: Client, experiment: str) -> None:
    client.label_schemes.create("morphology", classes=["round", "flat"])
    for label, rows in (("round", range(12)), ("flat", range(12, 24))):
        client.labels.set("morphology", dataset="survey", rows=rows, label=label)
    client.predictions.run("guess", experiment=experiment, scheme="morphology").wait(timeout=300, show_progress=False)
    page.reload()
    page.wait_for_selector(".lse-cloud canvas")
    choose(page, "lse-scheme", "morphology")
    page.get_by_role("tab", name="Review").click()
    choose(page, "lse-review-source", "prediction · guess, least certain first")
    item = page.locator(".lse-review .review")
    expect(item.locator(".predicted")).to_be_visible()
    first, said = int(item.get_attribute("data-row") or -1), item.locator(".predicted b").inner_text()
    table = client.predictions.table(experiment, "guess")
    certain = zip(table["row"].to_pylist(), table["probability"].to_pylist(), strict=True)
    unlabelled = {row: probability for row, probability in certain if row >= 24}
    assert unlabelled[first] == min(unlabelled.values())
    page.locator(".lse-accept").click()
    expect(item).not_to_have_attribute("data-row", str(first))
    second = int(item.get_attribute("data-row") or -1)
    page.locator(".lse-label-bar .class").filter(has_text="flat").click()
    expect(item).not_to_have_attribute("data-row", str(second))
    expect(page.locator(".lse-label-bar .said")).to_contain_text("labelled as flat")
    given = labels(client, "morphology")
    assert given[first] == said
    assert given[second] == "flat"
