"""What keeps people out of a page, by the rules of axe-core."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page

__all__ = ["axe_source", "findings"]

TOOLS = Path(__file__).resolve().parents[2] / ".tools"


def axe_source() -> str:
    """Source of axe-core; skips the test where it is not installed."""
    found = sorted(TOOLS.glob("axe-core-*/node_modules/axe-core/axe.min.js"))
    if not found:
        pytest.skip("no axe-core: scripts/axe.sh installs it")
    return found[-1].read_text(encoding="utf-8")


def findings(page: Page, axe: str) -> list[str]:
    """What is wrong with the page as it is now, by the rules of axe-core that it calls serious or critical."""
    page.evaluate(axe)
    result = page.evaluate("axe.run(document, {resultTypes: ['violations']})")
    return [
        f"{one['id']} ({one['impact']}): {node['target']} {node['html'][:200]}"
        for one in result["violations"]
        if one["impact"] in {"serious", "critical"}
        for node in one["nodes"]
    ]
