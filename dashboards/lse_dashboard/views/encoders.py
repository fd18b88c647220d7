"""The encoders of the project."""

from __future__ import annotations

from lse.client.resources import Encoder
from lse_dashboard import wording
from lse_dashboard.state.session import Session
from lse_dashboard.views.markup import Html, Markup, button, folded, html, join

__all__ = ["encoder_list"]


def encoder_list(session: Session) -> Markup:
    """A folded list of encoders, each to look into and to encode with."""
    panel = Markup(
        {
            "details": lambda encoder: session.training_monitor.open(session.project, encoder),
            "encode": lambda encoder: session.operations.encode(session.project, encoder),
        },
        css_classes=["lse-encoders"],
        margin=(8, 0, 0, 0),
    )

    def show(*_: object) -> None:
        encoders = session.contents.encoders
        title = wording.Encoders.TITLE.format(count=len(encoders))
        rows = join(_encoder(encoder) for encoder in encoders)
        panel.html = html('<div class="lse">{list}</div>', list=folded("encoders", title, rows)) if encoders else ""

    session.param.watch(show, "contents")
    show()
    return panel


def _encoder(encoder: Encoder) -> Html:
    words, usable = wording.Encoders, encoder.state == "ready"
    return html(
        '<div class="encoder"><b title="{name}">{name}</b><span class="quiet">{method}</span><span class="actions">'
        "{details}{encode}</span></div>",
        name=encoder.id,
        method=encoder.method if usable else encoder.state,
        details=button(words.DETAILS, "details", encoder.id),
        encode=button(words.ENCODE, "encode", encoder.id, help=words.ENCODE_HELP) if usable and encoder.dataset else "",
    )
