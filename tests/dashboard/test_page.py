"""The page of one visitor beside those of others."""

from __future__ import annotations

import panel as pn
from panel.util import edit_readonly
from panel_material_ui.template.base import Page

from lse_dashboard.views.page import mind_its_own


def test_a_page_does_not_follow_what_is_done_for_others() -> None:
    page, ours = Page(), Page()
    mind_its_own(ours)
    try:
        with edit_readonly(pn.state):
            pn.state.busy = True
        assert (page.busy, ours.busy) == (True, False)
    finally:
        with edit_readonly(pn.state):
            pn.state.busy = False
