"""A field to type into, which keeps what is typed."""

from __future__ import annotations

from typing import Any

import panel_material_ui as pmui

from lse_dashboard.views.appearance import compact

__all__ = ["TextField", "text_field", "typed"]


class TextField(pmui.TextInput):
    """The toolkit's, which loses text that is typed soon after Enter.

    The browser reports the text with each key, and once more at Enter, which may be older by the time that it counts.
    """

    def _process_property_change(self, msg: dict[str, Any]) -> dict[str, Any]:
        msg = super()._process_property_change(msg)
        if "value" in msg:
            msg["value"] = msg.get("value_input", self.value_input)
        return msg


def text_field(**options: Any) -> pmui.TextInput:
    """Small field with a label, which lies in the empty field as large as what is typed."""
    resting = "& .MuiInputLabel-root.MuiInputLabel-root:not(.MuiInputLabel-shrink)"
    return TextField(**compact(sx={resting: {"fontSize": "12px"}}, **options))


def typed(field: pmui.TextInput) -> str:
    """Text in a field, without space around it."""
    return str(field.value_input).strip()
