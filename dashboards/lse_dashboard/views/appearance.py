"""How the page and its widgets look: small, dense, in the colours of a theme."""

from __future__ import annotations

from typing import Any

from lse_dashboard.theme import Theme

__all__ = ["LEGEND_PIXELS", "OVER", "PAGE", "compact", "out_of_flow", "scrolling", "widget_theme"]

# MUI replaces the names of colours by those of the theme in use.
PAGE: dict[str, Any] = {
    "& .header": {
        # That bar would take four pixels more.
        "height": "45px",
        "backgroundColor": "background.default",
        "backgroundImage": "none",
        "boxShadow": "none",
        "borderBottom": "1px solid",
        "borderColor": "divider",
        "color": "text.primary",
    },
    # The bar for work in progress, which is not used, has no name for screen readers.
    "& .MuiLinearProgress-root": {"display": "none"},
    "& .MuiToolbar-root": {
        "minHeight": "44px !important",
        "height": "44px",
        "padding": "0 16px !important",
        "margin": "0 !important",
    },
}
# A window that closes gives the focus back to the column, which is nothing to mark.
_COLUMN = """
:host { scrollbar-width: thin; scrollbar-color: var(--line) transparent; }
:host(:focus), :host(:focus-visible) { outline: none !important; }
/* What is longer than the column is scrolled to, not squeezed under what follows. */
:host > div { flex-shrink: 0; max-height: none; }
"""
_TEXT = {"fontSize": "12px"}
_LABEL = {"fontSize": "16px"}
# The legend lies over the right edge of the map: a fitted cloud stays clear of it.
LEGEND_PIXELS = 176
OVER = {"position": "absolute", "z-index": "20"}


def widget_theme(theme: Theme) -> dict[str, Any]:
    """Theme of MUI."""
    return {
        "palette": {
            "mode": theme.mode,
            "primary": {"main": theme.accent},
            "secondary": {"main": theme.warm},
            "background": {"default": theme.ground, "paper": theme.panel},
            "text": {"primary": theme.text, "secondary": theme.quiet},
            "divider": theme.line,
        },
        "shape": {"borderRadius": 6},
        # Every text of a widget is 12 pixels, whatever MUI derives from that size.
        "typography": {
            "fontSize": 12,
            # Of the page, which MUI takes to be 16.
            "htmlFontSize": 12,
            **{
                kind: {"fontSize": "12px", "textTransform": "none", "letterSpacing": 0}
                for kind in ("button", "body1", "body2", "caption", "overline", "subtitle2")
            },
            "subtitle1": {"fontSize": "14px"},
        },
        "components": {
            "MuiButton": {"styleOverrides": {"sizeSmall": _TEXT}},
            # Four of them fit into a narrow column.
            "MuiToggleButton": {"styleOverrides": {"sizeSmall": {**_TEXT, "padding": "6px 4px"}}},
            # Labels of fields are drawn at three quarters of their size, in a gap of the outline that is as wide.
            "MuiInputLabel": {"styleOverrides": {"root": {"&&": _LABEL}}},
            "MuiOutlinedInput": {"styleOverrides": {"notchedOutline": {"&&": _LABEL}}},
        },
    }


def compact(**options: Any) -> dict[str, Any]:
    """Options of a small widget that fills its column, with what is given on top."""
    return {"size": "small", "margin": (5, 0), "sizing_mode": "stretch_width", **options}


def scrolling(*, width: int, narrow: int, **options: Any) -> dict[str, Any]:
    """Options of a side column, which scrolls, with its width in pixels on wide and on narrow screens."""
    small = (
        f"@media (max-width: 1440px) {{ :host {{ width: {narrow}px !important; flex-basis: {narrow}px !important; }} }}"
    )
    return {
        "sizing_mode": "stretch_height",
        "margin": 0,
        "styles": {"overflow-y": "auto", "overflow-x": "hidden", "background": "var(--panel)", "padding": "10px 14px"},
        "stylesheets": [_COLUMN, small],
        "width": width,
        **options,
    }


def out_of_flow() -> dict[str, Any]:
    """Options of something that takes no room in the page."""
    return {"margin": 0, "styles": {"position": "absolute", "width": "0", "height": "0"}}
