"""The review: one image after the other, to be labelled, corrected or skipped."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn

from lse_dashboard import wording
from lse_dashboard.data.opening import ready
from lse_dashboard.state.review import INTEREST, SECOND, SUGGESTIONS
from lse_dashboard.state.session import Session
from lse_dashboard.views.choice import Choice
from lse_dashboard.views.markup import Html, Markup, button, html, notes, nothing, waiting

__all__ = ["ReviewView"]

_WORDS = wording.Review


class ReviewView:
    """The queue of one visitor.

    Parameters
    ----------
    session
        Whose queue.
    thumbnail
        URL of the thumbnail of a row.
    """

    def __init__(self, session: Session, thumbnail: Callable[[int], str]) -> None:
        self._session = session
        self._thumbnail = thumbnail
        review = session.review
        self._source = Choice(review.start, label=_WORDS.SOURCE, options=[], css_classes=["lse-review-source"])
        self._content = Markup(
            {
                "accept": lambda _: review.accept(),
                "skip": lambda _: review.skip(),
                "open": lambda _: self._open(),
            },
            css_classes=["lse-review"],
        )
        self.panel = pn.Column(self._source.select, self._content, sizing_mode="stretch_width", margin=0)
        session.param.watch(lambda *_: self._show_sources(), "contents")
        session.labelling.param.watch(lambda *_: self._show(), ["scheme", "blind"])
        review.param.watch(lambda *_: self._show(), ["queue", "waiting", "notes", "done", "skipped", "source"])
        self._show()

    def _open(self) -> None:
        self._session.aside = "image"

    def _show_sources(self) -> None:
        predictions = ready(self._session.contents.predictions)
        blind = self._session.labelling.blind
        options = {} if blind else {_WORDS.INTEREST: INTEREST}
        if self._session.labelling.scheme is not None:
            options |= {_WORDS.SUGGESTIONS: SUGGESTIONS, _WORDS.SECOND: SECOND}
            options |= {_WORDS.PREDICTION.format(name=one.id): one.id for one in predictions}
        self._source.show(
            options={_WORDS.CHOOSE: "", **options},
            value=self._session.review.source,
            disabled=self._session.contents.experiment is None,
        )

    def _show(self) -> None:
        review = self._session.review
        self._show_sources()
        if review.waiting:
            self._content.html = waiting(_WORDS.WAITING)
        elif review.item is None:
            done = _WORDS.ENDED.format(done=review.done, skipped=review.skipped)
            text = nothing(_WORDS.END, done) if review.done + review.skipped else nothing(*_WORDS.NONE)
            self._content.html = text + html('<div class="lse">{notes}</div>', notes=notes(review.notes))
        else:
            self._content.html = self._item()

    def _item(self) -> Html:
        session, review = self._session, self._session.review
        item = review.item
        assert item is not None
        name = "" if session.images is None else session.images.name(item.row) or ""
        predicted, accept = Html(""), Html("")
        if item.label and item.probability is not None:
            predicted = html(
                '<div class="predicted"><b>{label}</b><span class="track"><i style="width:{percent}%"></i></span>'
                "<span>{probability}</span></div>",
                label=item.label,
                percent=f"{100 * item.probability:.0f}",
                probability=f"{item.probability:.2f}",
            )
            accept = button(_WORDS.ACCEPT, "accept", css="tool lse-accept", help=_WORDS.ACCEPT_HELP)
        return html(
            '<div class="lse image review" data-row="{row}"><div class="title"><b>{name}</b></div>'
            '<img class="large" src="{url}" alt="{name}">{predicted}<div class="acts">{accept}{skip}{open}</div>'
            '<div class="quiet">{left}</div>{notes}</div>',
            row=item.row,
            name=name,
            url=self._thumbnail(item.row),
            predicted=predicted,
            accept=accept,
            skip=button(_WORDS.SKIP, "skip", css="tool lse-skip", help=_WORDS.SKIP_HELP),
            open=button(wording.Image.OPEN, "open", css="tool"),
            left=_WORDS.LEFT.format(left=len(review.queue), done=review.done, skipped=review.skipped),
            notes=notes(review.notes),
        )
