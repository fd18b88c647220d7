"""A field to choose from, kept in step with the session."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel_material_ui as pmui

from lse_dashboard.views.appearance import compact

__all__ = ["Choice"]


class Choice:
    """A select that acts on what the visitor chooses, not on what the session sets.

    Parameters
    ----------
    choose
        Called with what the visitor chose; not for the empty choice.
    options
        Options of the select.

    Attributes
    ----------
    select
        The widget.
    """

    def __init__(self, choose: Callable[[str], None], **options: Any) -> None:
        self._choose = choose
        self._showing = False
        self.select = pmui.Select(**compact(**options))
        self.select.param.watch(self._on_value, "value")

    def show(self, **values: Any) -> None:
        """Take over what the session says: options, value and other parameters of the select."""
        self._showing = True
        try:
            self.select.param.update(**values)
        finally:
            self._showing = False

    def _on_value(self, event: Any) -> None:
        if not self._showing and event.new:
            self._choose(event.new)
