"""What a person says about images: classes made in the page, labels by keys, the queue of a review."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from explorer import choose
from lse.client import Client

pytestmark = pytest.mark.browser


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
