"""The window of the image as its file has it: drawn in the browser from its own pixels, measured here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import panel_material_ui as pmui
import param
from bokeh.palettes import Cividis256, Greys256, Inferno256, Magma256, Viridis256

from lse_dashboard import wording
from lse_dashboard.data.original import Original
from lse_dashboard.state.original import OriginalQuestion
from lse_dashboard.state.session import Session
from lse_dashboard.views.component import Component
from lse_dashboard.views.dialog import dialog
from lse_dashboard.views.markup import STYLE, Html, Markup, html, join, pairs, problem, section, waiting

__all__ = ["original_dialog"]

_WORDS = wording.Original
_MAPS = {
    "grey": Greys256,
    "viridis": Viridis256,
    "magma": Magma256,
    "inferno": Inferno256,
    "cividis": Cividis256,
}
_STRETCHES = ("linear", "sqrt", "log", "asinh", "square")


class OriginalCanvas(Component):
    """Draws pixels, and says what is under the pointer.

    Parameters
    ----------
    sky
        Position at a row and a column, as text.
    """

    pixels = param.Bytes(b"", doc="Values of all channels, little-endian, the top row first.")
    facts = param.Dict({}, doc="What the pixels are, and how they can be drawn.")

    _esm = Path(__file__).with_name("original.js").read_text()

    def __init__(self, sky: Callable[[float, float], str], **params: Any) -> None:
        super().__init__(**{"stylesheets": [STYLE], "sizing_mode": "stretch_width", "margin": 0, **params})
        self._sky = sky

    def _handle_msg(self, msg: Any) -> None:
        place = [msg.get(key) for key in ("row", "column")] if isinstance(msg, dict) else []
        numbers = [float(one) for one in place if isinstance(one, int | float)]
        if len(numbers) == 2:
            self._send_msg({"sky": self._sky(*numbers)})


def original_dialog(session: Session, question: OriginalQuestion, thumbnail: Callable[[int], str]) -> pmui.Dialog:
    """The image in view as its file has it, in a window that is open as long as it is asked for."""
    canvas, content = OriginalCanvas(question.sky, visible=False), Markup(css_classes=["lse-original-header"])
    window = dialog("lse-original-dialog", question.close, canvas, content)
    window.width_option = "lg"

    def show(*_: object) -> None:
        found: Original | None = question.answer
        if question.title:
            window.title = question.title
            if found is None:
                content.html = problem(question.problem) if question.problem else waiting(_WORDS.READING)
            else:
                row = session.navigation.row
                facts = {**_facts(found), "prepared": "" if row is None else thumbnail(row)}
                canvas.param.update(pixels=found.image.pixels.astype(found.image.header.dtype).tobytes(), facts=facts)
                content.html = _header(found)
        canvas.visible = found is not None
        if not question.title:
            canvas.param.update(pixels=b"", facts={})
        window.open = bool(question.title)

    question.param.watch(show, ["title", "answer", "problem"])
    show()
    return window


def _facts(found: Original) -> dict[str, Any]:
    header = found.image.header
    return {
        "dtype": header.dtype,
        "channels": list(header.channels),
        "height": header.height,
        "width": header.width,
        "unit": header.unit,
        "limits": {way: [list(ends) for ends in limits] for way, limits in found.limits.items()},
        "north": found.north,
        "east": found.east,
        "arcsec": found.arcsec,
        "used": found.used,
        "fits": found.is_fits,
        "on_sky": found.image.wcs is not None,
        "maps": _MAPS,
        "stretches": _STRETCHES,
        "words": {key.lower(): value for key, value in vars(_WORDS).items() if key.isupper()},
    }


def _header(found: Original) -> Html:
    header = found.image.header
    unit = f" · {header.unit}" if header.unit else ""
    said = _WORDS.FACTS.format(
        width=header.width, height=header.height, type=header.dtype, unit=unit, source=header.source
    )
    cards = join(
        html('<div class="card" data-name="{key} {value}">{row}</div>', key=key, value=value, row=pairs([(key, value)]))
        for key, value in found.cards.items()
    )
    body = html(
        '<input data-filter placeholder="{search}" aria-label="{search}"><div class="cards">{cards}</div>',
        search=_WORDS.SEARCH,
        cards=cards,
    )
    return html(
        '<div class="lse original"><p class="quiet lse-original-facts">{said}</p>{header}</div>',
        said=said,
        header=section(_WORDS.HEADER, body),
    )
