"""The encoders of the project."""

from __future__ import annotations

from lse.client.resources import Encoder
from lse_dashboard.state.session import Session
from lse_dashboard.views.markup import Html, Markup, html

__all__ = ["EncodersView"]


class EncodersView:
    """A folded list of encoders, each to be looked into and to encode with.

    Parameters
    ----------
    session
        Whose project.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.panel = Markup(
            {
                "details": lambda encoder: session.training.open(session.project, encoder),
                "encode": lambda encoder: session.work.encode(session.project, encoder),
            },
            sizing_mode="stretch_width",
            css_classes=["lse-encoders"],
            margin=(8, 0, 0, 0),
        )
        session.param.watch(lambda *_: self._show(), "shelf")
        self._show()

    def _show(self) -> None:
        encoders = self._session.shelf.encoders
        self.panel.html = str(
            html(
                '<div class="lse"><details data-key="encoders"><summary class="quiet">Encoders of the project '
                "({count})</summary>{rows}</details></div>",
                count=len(encoders),
                rows=Html("").join(_encoder(encoder) for encoder in encoders),
            )
            if encoders
            else ""
        )


def _encoder(encoder: Encoder) -> Html:
    return html(
        '<div class="encoder"><b title="{name}">{name}</b><span class="quiet">{method}</span><span class="actions">'
        '<button class="link" data-action="details" data-value="{name}">Details</button>{encode}</span></div>',
        name=encoder.id,
        method=encoder.method if encoder.state == "ready" else encoder.state,
        encode=html(
            '<button class="link" data-action="encode" data-value="{name}" title="Make an experiment: encode the '
            'dataset with this encoder">Encode</button>',
            name=encoder.id,
        )
        if encoder.state == "ready" and encoder.dataset
        else "",
    )
