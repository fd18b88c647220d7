"""The window that answers a question with a picture."""

from __future__ import annotations

from base64 import b64encode

from lse_dashboard.state.session import Session
from lse_dashboard.views.dialogs import dialog
from lse_dashboard.views.markup import Html, Markup, html, waiting

__all__ = ["ExplanationDialog"]


class ExplanationDialog:
    """Opens when something is asked and tells the answer.

    Parameters
    ----------
    session
        Whose questions.
    """

    def __init__(self, session: Session) -> None:
        self._explaining = session.explaining
        self._content = Markup(sizing_mode="stretch_width", margin=0)
        self.panel = dialog("lse-explanation", self._explaining.close, self._content)
        self._explaining.param.watch(lambda *_: self._show(), ["question", "answer", "problem"])

    def _show(self) -> None:
        explaining = self._explaining
        if explaining.question:
            self._content.html = str(self._html())
            self.panel.title = explaining.question
        self.panel.open = bool(explaining.question)

    def _html(self) -> Html:
        explaining = self._explaining
        if explaining.problem:
            return html('<div class="lse"><div class="problem">{problem}</div></div>', problem=explaining.problem)
        if explaining.answer is None:
            return waiting("The network is asked …")
        url = f"data:image/png;base64,{b64encode(explaining.answer.png).decode()}"
        return html(
            '<div class="lse explained"><p>{caption}</p><img src="{url}" alt="{question}">'
            '<a href="{url}" download="{file}.png">Download the picture</a></div>',
            caption=explaining.answer.caption,
            url=url,
            question=explaining.question,
            file=explaining.question.lower().replace(" ", "-"),
        )
