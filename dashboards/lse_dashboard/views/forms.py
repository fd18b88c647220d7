"""Forms and questions of windows in which things are listed, made and removed."""

from __future__ import annotations

from collections.abc import Iterable

from lse_dashboard.views.markup import Html, button, html, join

__all__ = ["asked", "field", "line_form", "select"]


def line_form(action: str, key: str, fields: Html, start: str) -> Html:
    """A form in one line; what was typed stays as long as its key does."""
    return html(
        '<form class="line" data-action="{action}" data-key="{key}">{fields}<button class="tool tall">{start}</button>'
        "</form>",
        action=action,
        key=key,
        fields=fields,
        start=start,
    )


def field(name: str, hint: str, *, value: str = "") -> Html:
    """A field for a text, which is empty again once the form is sent unless it has a value."""
    once = Html("") if value else Html("data-once")
    template = '<input name="{name}" {once} value="{value}" placeholder="{hint}" title="{hint}" aria-label="{hint}">'
    return html(template, name=name, once=once, value=value, hint=hint)


def select(name: str, label: str, options: Iterable[str], *, chosen: str = "") -> Html:
    """A choice."""
    return html(
        '<select name="{name}" aria-label="{label}">{options}</select>',
        name=name,
        label=label,
        options=join(
            html(
                '<option value="{one}"{now}>{one}</option>',
                one=one,
                now=Html(" selected") if one == chosen else "",
            )
            for one in options
        ),
    )


def asked(question: str, yes: str, no: str) -> Html:
    """The question before something is removed, in the place of what it is about."""
    return html(
        '<div class="entry asked"><span>{question}</span><span class="actions">{yes}{no}</span></div>',
        question=question,
        yes=button(yes, "delete", css="tool lse-confirm-delete"),
        no=button(no, "keep", css="tool lse-keep"),
    )
