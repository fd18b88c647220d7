"""Interest, tags and a note of what is in view: one image, or the selection."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

from lse_dashboard import wording
from lse_dashboard.data.remarks import INTERESTS, Remark, tags_of
from lse_dashboard.state.session import Session
from lse_dashboard.views.markup import Html, Markup, button, html, join, problem

__all__ = ["RemarkBar"]

_WORDS = wording.Remarks


class RemarkBar:
    """What is said of the images that a class would be given to.

    Parameters
    ----------
    session
        Whose images.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.panel = Markup(
            {
                "interest": self._judge,
                "tag": lambda form: self._add(json.loads(form).get("tag", "")),
                "untag": lambda tag: self._say(remove_tags=[tag]),
                "note": lambda form: self._say(note=json.loads(form).get("note", "")),
            },
            css_classes=["lse-remarks"],
            margin=(0, 0, 10, 0),
        )
        session.remarks.param.watch(lambda *_: self._show(), ["of", "said", "failed"])
        session.param.watch(lambda *_: self._show(), ["aside", "contents"])
        session.selection.param.watch(lambda *_: self._show(), "step")
        session.navigation.param.watch(lambda *_: self._show(), "row")
        session.review.param.watch(lambda *_: self._show(), "queue")
        self._show()

    def _say(self, **values: Any) -> None:
        self._session.remarks.say(self._session.label_rows(), **values)

    def _add(self, tag: str) -> None:
        if tag.strip():
            self._say(add_tags=[one.strip() for one in tag.split(",") if one.strip()])

    def _judge(self, interest: str) -> None:
        """Give an interest; the one that all have already is taken away."""
        session = self._session
        if interest.isdecimal():
            given = int(interest)
            if session.aside == "review" and session.review.judging:
                session.review.judge(given)
                return
            self._say(interest=-1 if self._interest(self._remarks()) == given else given)

    def _remarks(self) -> list[Remark | None]:
        of = self._session.remarks.of
        return [of.get(row) for row in self._session.label_rows().tolist()]

    def _key(self) -> str:
        """What the forms are about: the images."""
        return hashlib.blake2b(self._session.label_rows().tobytes(), digest_size=8).hexdigest()

    @staticmethod
    def _interest(remarks: Sequence[Remark | None]) -> int | None:
        """Interest that all have, None where they differ."""
        found = {None if one is None else one.interest for one in remarks}
        return next(iter(found)) if len(found) == 1 else None

    def _show(self) -> None:
        remarks = self._remarks() if self._session.contents.dataset is not None else []
        self.panel.visible = bool(remarks)
        self.panel.html = self._bar(remarks) if remarks else ""

    def _bar(self, remarks: Sequence[Remark | None]) -> Html:
        state, interest = self._session.remarks, self._interest(remarks)
        chips = join(
            html(
                '<button class="chip" aria-pressed="{on}" data-action="interest" data-value="{value}" title="{help}">'
                "{value}</button>",
                on="true" if value == interest else "false",
                value=value,
                help=_WORDS.INTEREST_HELP.format(value=value),
            )
            for value in INTERESTS
        )
        return html(
            '<div class="lse remarks"><div class="line"><span class="quiet">{title}</span>{chips}</div>{tags}{note}'
            "{said}</div>",
            title=_WORDS.INTEREST,
            chips=chips,
            tags=self._tags([one for one in remarks if one is not None], count=len(remarks)),
            note=_note(remarks, key=self._key()),
            said=problem(state.said) if state.failed else "",
        )

    def _tags(self, remarks: Sequence[Remark], *, count: int) -> Html:
        chips = join(
            html(
                '<span class="chip tag">{tag}{share}{remove}</span>',
                tag=tag,
                share=html(' <span class="quiet">{number:,}</span>', number=number) if number < count else "",
                remove=button("✕", "untag", tag, css="untag", help=_WORDS.UNTAG.format(tag=tag)),
            )
            for tag, number in tags_of(remarks).items()
        )
        known = join(html('<option value="{tag}">', tag=tag) for tag in tags_of(self._session.remarks.of.values()))
        return html(
            '<form class="line" data-action="tag" data-key="{key}"><span class="quiet">{title}</span>{chips}'
            '<input name="tag" data-once list="lse-known-tags" placeholder="{hint}" aria-label="{hint}">'
            '<datalist id="lse-known-tags">{known}</datalist></form>',
            key=self._key(),
            title=_WORDS.TAGS,
            chips=chips,
            hint=_WORDS.ADD_TAG,
            known=known,
        )


def _note(remarks: Sequence[Remark | None], *, key: str) -> Html:
    """The note that all have, in a field, and who said something last of a single image."""
    notes = {"" if one is None else one.note for one in remarks}
    (said,) = remarks if len(remarks) == 1 else (None,)
    by = ""
    if said is not None:
        when = f"{said.time:%Y-%m-%d %H:%M}" if said.time is not None else ""
        by = html('<div class="quiet">{text}</div>', text=_WORDS.BY.format(author=said.author, time=when))
    hint = _WORDS.NOTE_HINT if len(remarks) == 1 else _WORDS.NOTE_HINT_ALL.format(count=len(remarks))
    return html(
        '<form class="line" data-action="note" data-key="{key}"><span class="quiet">{title}</span><input name="note" '
        'value="{note}" placeholder="{hint}" aria-label="{title}" maxlength="10000"></form>{by}',
        key=key,
        title=_WORDS.NOTE,
        note=next(iter(notes)) if len(notes) == 1 else "",
        hint=hint,
        by=by,
    )
