"""Encoders compared in the window of a project: the table as it comes, and which to use."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from lse.client import Client

pytestmark = pytest.mark.browser


def test_encoders_are_compared(page: Page, client: Client, experiment: str) -> None:
    page.locator(".lse-manage").click()
    window = page.locator(".lse-bake-off")
    window.get_by_label("dataset to compare on").select_option("survey")
    window.get_by_label("encoder", exact=True).check()
    window.get_by_label("bigan", exact=True)
    window.get_by_role("button", name="Run").click()
    row = window.locator("tbody tr", has=page.get_by_role("rowheader", name="encoder", exact=True))
    expect(row.get_by_role("cell")).to_have_count(9, timeout=240_000)
    found = client.encoders.get("encoder").evaluations[-1]
    assert found.knn_balanced_accuracy is not None
    expect(row).to_contain_text(f"{found.knn_balanced_accuracy:.3f}")
    expect(window.locator(".verdict")).to_contain_text("Use encoder: its nearest neighbours recognise")
