"""Windows over the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel_material_ui as pmui

__all__ = ["dialog"]


def dialog(name: str, on_close: Callable[[], None], *content: Any) -> pmui.Dialog:
    """A closed window.

    Parameters
    ----------
    name
        CSS class of the window.
    on_close
        Told when the visitor closes it.
    content
        What it shows.
    """
    window = pmui.Dialog(
        *content,
        css_classes=[name],
        title_variant="subtitle1",
        show_close_button=True,
        close_on_click=True,
        width_option="md",
        sizing_mode="stretch_width",
        margin=0,
        # It lies over the page and takes no room in it.
        styles={"position": "absolute", "width": "0", "height": "0"},
        sx={
            "& .MuiDialog-paper": {"backgroundImage": "none", "border": "1px solid #243040", "pb": "12px"},
            "& .MuiDialogContent-root": {"scrollbarWidth": "thin", "scrollbarColor": "#33414f transparent"},
            "& .MuiDialogTitle-root": {"p": "10px 16px 8px"},
            "& .MuiIconButton-root": {"m": "6px"},
        },
    )
    window.param.watch(lambda event: None if event.new else on_close(), "open")
    return window
