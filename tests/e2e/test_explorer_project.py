"""The window of a project: what there is, a dataset encoded anew, and deleting with what goes with it."""

from __future__ import annotations

import json
import re

import pytest
from playwright.sync_api import Page, expect

from lse.client import Client
from lse.client.notebook import notebook

pytestmark = pytest.mark.browser


def test_a_project_is_put_in_order(page: Page, client: Client, experiment: str) -> None:
    client.projections.run("doomed", experiment=experiment, method="pca").wait(timeout=300, show_progress=False)
    page.locator(".lse-manage").click()
    window = page.locator(".lse-project-content")
    doomed = window.locator("[data-entry='projection doomed']")
    doomed.get_by_role("button").click()
    expect(window.locator(".asked")).to_contain_text("Delete the projection doomed for good?")
    window.locator(".lse-keep").click()
    expect(doomed).to_be_visible()
    doomed.get_by_role("button").click()
    window.locator(".lse-confirm-delete").click()
    expect(window.locator(".lse-project-said")).to_have_text("The projection doomed is deleted.")
    expect(doomed).to_have_count(0)
    assert "doomed" not in {one.id for one in client.projections.list(experiment)}

    # What goes with a dataset is said before anything is deleted.
    survey = window.locator("[data-entry='dataset survey']")
    survey.get_by_role("button", name="details").click()
    details = window.locator(".details")
    expect(details.locator(".versions")).to_contain_text(f"1: {client.datasets.get('survey').prepared:,} images")
    expect(details.locator(".alike")).to_contain_text(re.compile("pixels|nearly the same"))
    survey.get_by_role("button", name="details").click()
    expect(details).to_have_count(0)
    survey.get_by_role("button", name="delete").click()
    expect(window.locator(".asked")).to_contain_text("encoder encoder")
    expect(window.locator(".asked")).to_contain_text(f"experiment {experiment}")
    window.locator(".lse-keep").click()
    expect(window.locator(".asked")).to_have_count(0)

    # A name that is taken is refused, a free one makes an experiment.
    form = window.locator(".lse-new-encode")
    form.locator("select[name=dataset]").select_option("survey")
    form.locator("select[name=encoder]").select_option("encoder")
    name = form.locator("input[name=name]")
    name.fill(experiment)
    name.press("Enter")
    expect(window.locator(".problem")).to_contain_text(experiment)
    name.fill("second-look")
    name.press("Enter")
    made = window.locator("[data-entry='experiment second-look']")
    expect(made).to_contain_text(f"{client.experiments.get(experiment).images:,} vectors", timeout=240_000)
    made.get_by_role("button").click()
    expect(window.locator(".asked")).to_contain_text("its projections")
    window.locator(".lse-keep").click()
    page.keyboard.press("Escape")
    expect(page.locator(".op.succeeded", has_text="pca-2d")).to_be_visible(timeout=240_000)

    # How the experiment was made leaves as a notebook.
    with page.expect_download() as download:
        page.locator(".lse-notebook").click()
    assert download.value.suggested_filename == f"{experiment}.ipynb"
    saved, expected = (
        [cell["source"] for cell in json.loads(text)["cells"]]
        for text in (download.value.path().read_text(), notebook(client, experiment))
    )
    assert saved == expected


def test_without_a_login_the_visitor_administers_everything(page: Page, client: Client) -> None:
    page.locator(".lse-manage").click()
    page.locator(".lse-administer").click()
    storage = page.locator(".lse-administration-content .lse-storage tbody tr", has_text="default")
    expect(storage).to_contain_text(f"{client.access.quota().image_count:,}")
    page.keyboard.press("Escape")
    expect(storage).to_be_hidden()
