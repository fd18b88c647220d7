"""The window of the bookmarks, and the button that opens it."""

from __future__ import annotations

import json

import panel_material_ui as pmui

from lse.client.resources import Bookmark
from lse_dashboard import wording
from lse_dashboard.state.bookmarks import Bookmarks
from lse_dashboard.views.dialog import dialog
from lse_dashboard.views.markup import Html, Markup, button, header_button, html, join, problem, waiting

__all__ = ["bookmarks_button", "bookmarks_dialog"]

_WORDS = wording.Bookmarks


def bookmarks_button(bookmarks: Bookmarks) -> Markup:
    """The button of the header that opens the window."""
    return header_button(_WORDS.LABEL, bookmarks.open, css="lse-bookmarks", help=_WORDS.HELP)


def bookmarks_dialog(bookmarks: Bookmarks) -> pmui.Dialog:
    """All bookmarks of the project, and a field that keeps the present view."""
    content = Markup(
        {
            "go": bookmarks.go,
            "pin": bookmarks.pin,
            "delete": bookmarks.delete,
            "keep": lambda form: bookmarks.keep(str(json.loads(form).get("title", ""))),
        },
        css_classes=["lse-bookmarks-content"],
    )
    window = dialog("lse-bookmarks-dialog", bookmarks.close, content)

    def show(*_: object) -> None:
        if bookmarks.project:
            content.html = _content(bookmarks)
            window.title = _WORDS.TITLE.format(project=bookmarks.project)
        window.open = bool(bookmarks.project)

    bookmarks.param.watch(show, ["project", "found", "said", "problem"])
    show()
    return window


def _content(bookmarks: Bookmarks) -> Html:
    found = bookmarks.found
    if found is None:
        return problem(bookmarks.problem) if bookmarks.problem else waiting(_WORDS.READING)
    return html(
        '<div class="lse project">{problem}<div class="quiet lse-bookmarks-said" role="status">{said}</div>{entries}'
        '<form class="line" data-action="keep" data-key="keep"><input name="title" data-once maxlength="200" '
        'placeholder="{name}" aria-label="{name}"><button class="tool tall">{keep}</button></form></div>',
        problem=problem(bookmarks.problem) if bookmarks.problem else "",
        said=bookmarks.said,
        entries=join(_entry(one) for one in found) or html('<p class="quiet">{text}</p>', text=_WORDS.NONE),
        name=_WORDS.NAME,
        keep=_WORDS.KEEP,
    )


def _entry(one: Bookmark) -> Html:
    pin, pin_help = (_WORDS.UNPIN, _WORDS.UNPIN_HELP) if one.pinned else (_WORDS.PIN, _WORDS.PIN_HELP)
    made = _WORDS.BY.format(creator=one.creator, time=one.create_time) if one.create_time else one.creator
    return html(
        '<div class="entry" data-entry="{id}">{go}<span class="quiet">{made}{pinned}</span>'
        '<span class="actions">{pin}{delete}</span></div>',
        id=one.id,
        go=button(one.title or one.id, "go", one.id, help=one.description or _WORDS.OPEN_HELP),
        made=made,
        pinned=f" · {_WORDS.PINNED}" if one.pinned else "",
        pin=button(pin, "pin", one.id, help=pin_help),
        delete=button(_WORDS.DELETE, "delete", one.id, help=_WORDS.DELETE_HELP),
    )
