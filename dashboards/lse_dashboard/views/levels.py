"""The bar below the map with the levels of a hierarchy, from coarse to fine."""

from __future__ import annotations

import panel as pn
import panel_material_ui as pmui

from lse.values import value_text
from lse_dashboard import wording
from lse_dashboard.state.levels import Levels
from lse_dashboard.views.appearance import compact
from lse_dashboard.views.markup import Markup, html
from lse_dashboard.views.text_field import text_field, typed

__all__ = ["levels_bar"]

_WORDS = wording.Levels


def levels_bar(levels: Levels) -> pn.Row:
    """A slider over the levels, what the level is, and what makes a clustering of it; seen while it is in use."""
    slider = pmui.IntSlider(
        label=_WORDS.LABEL,
        start=0,
        end=1,
        show_value=False,
        css_classes=["lse-level"],
        **compact(margin=(6, 14), min_width=160),
    )
    says = Markup(css_classes=["lse-level-says"], sizing_mode=None, width=190, align="center")
    name = text_field(label=_WORDS.NAME, css_classes=["lse-level-name"], width=130)
    keep = pmui.Button(label=_WORDS.KEEP, variant="contained", size="small", css_classes=["lse-keep-level"])
    shut = pmui.Button(label=_WORDS.CLOSE, variant="text", size="small", css_classes=["lse-close-levels"])
    name.sizing_mode, name.width = "fixed", 130
    bar = pn.Row(
        *(slider, says, name, keep, shut),
        sizing_mode="stretch_width",
        height=56,
        margin=0,
        visible=False,
        css_classes=["lse-levels"],
        styles={
            "background": "var(--panel)",
            "border-top": "1px solid var(--line)",
            "padding": "0 12px",
            "gap": "10px",
        },
    )
    for one in bar:
        one.align = "center"
    suggested = [""]

    def show(*_: object) -> None:
        level = levels.level
        bar.visible = level is not None
        if level is None:
            return
        last = len(levels.levels) - 1
        slider.param.update(end=max(1, last), value=levels.place, disabled=last < 1)
        kind = wording.Levels.KINDS[levels.kind].format(value_text(level["level"], digits=4))
        text = _WORDS.SAYS.format(clusters=level["clusters"], noise=level["noise"], level=kind)
        says.html = html(
            '<div class="lse {css}">{text}</div>', css="problem" if levels.problem else "", text=levels.problem or text
        )
        if typed(name) in {"", suggested[0]}:
            name.value = levels.suggested
        suggested[0] = levels.suggested

    slider.param.watch(lambda event: levels.look(event.new) if event.new != levels.place else None, "value")
    keep.on_click(lambda _: levels.keep(typed(name)))
    shut.on_click(lambda _: levels.close())
    levels.param.watch(show, ["levels", "place", "suggested", "problem"])
    return bar
