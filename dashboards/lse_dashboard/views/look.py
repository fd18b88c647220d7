"""How all widgets look: dark, small, dense."""

from __future__ import annotations

from typing import Any

__all__ = ["PAGE", "THEME", "compact"]

THEME: dict[str, Any] = {
    "palette": {
        "mode": "dark",
        "primary": {"main": "#5aa9f7"},
        "secondary": {"main": "#f2a154"},
        "background": {"default": "#0d1117", "paper": "#131922"},
        "text": {"primary": "#dde4ed", "secondary": "#8b98a9"},
        "divider": "#243040",
    },
    "shape": {"borderRadius": 6},
    "typography": {"fontSize": 12, "button": {"textTransform": "none", "letterSpacing": 0}},
}

PAGE: dict[str, Any] = {
    "& .header": {
        "backgroundColor": "#0d1117",
        "backgroundImage": "none",
        "boxShadow": "none",
        "borderBottom": "1px solid #243040",
    },
    "& .MuiToolbar-root": {"minHeight": "44px !important", "height": "44px", "padding": "0 16px !important"},
}


def compact(**options: Any) -> dict[str, Any]:
    """Options of a small widget that fills its column, with what is given on top."""
    return {"size": "small", "margin": (5, 0), "sizing_mode": "stretch_width", **options}
