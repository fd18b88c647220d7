"""What the colours of the points mean."""

from __future__ import annotations

from lse.values import value_text
from lse_dashboard import wording
from lse_dashboard.data.colouring import Colouring, Gradient, Groups
from lse_dashboard.plots.palette import gradient_css, group_colours
from lse_dashboard.theme import Theme
from lse_dashboard.views.markup import Html, button, html, join

__all__ = ["legend", "point_group"]

_WORDS = wording.Legend
# A list of more groups than this is searched rather than read.
_SEARCHED = 15


def legend(colouring: Colouring | None, hidden: frozenset[str], theme: Theme, *, named: bool = False) -> Html:
    """Explain the colours of the points; groups with hidden labels are shown as rings.

    Parameters
    ----------
    colouring
        What gives the points their colour.
    hidden
        Labels of hidden groups.
    theme
        The colours.
    named
        Whether the visitor can name the groups.
    """
    if isinstance(colouring, Groups):
        return _groups(colouring, hidden, theme, named=named)
    return _gradient(colouring, theme) if isinstance(colouring, Gradient) else Html("")


def point_group(colouring: Colouring | None, index: int, theme: Theme) -> Html:
    """What the colour of one point means."""
    if isinstance(colouring, Groups):
        code = colouring.codes[index]
        return html(
            '<div><i style="background:{colour}"></i>{label}</div>',
            colour=group_colours(colouring, theme)[code],
            label=colouring.labels[code],
        )
    if isinstance(colouring, Gradient):
        value = colouring.text(float(colouring.values[index]))
        return html("<div>{title} {value}</div>", title=colouring.title, value=value)
    return Html("")


def _groups(groups: Groups, hidden: frozenset[str], theme: Theme, *, named: bool) -> Html:
    entries = (
        html(
            '<div class="group {hidden}" data-name="{label}"><button class="toggle" data-action="toggle" '
            'data-value="{label}" '
            'title="{help}"><span class="swatch" style="border-color:{colour};background:{colour}"></span>'
            '<span class="label">{label}</span><span class="count">{count}</span></button>{select}{only}</div>',
            hidden="hidden" if label in hidden else "",
            label=label,
            help=_WORDS.TOGGLE.format(label=label),
            colour=colour,
            count=value_text(count, grouped=True),
            select=button(_WORDS.SELECT, "select", label, css="pick", help=_WORDS.SELECT_HELP.format(label=label)),
            only=button(_WORDS.ONLY, "only", label, css="only", help=_WORDS.ONLY_HELP.format(label=label)),
        )
        for label, colour, count in zip(groups.labels, group_colours(groups, theme), groups.counts, strict=True)
        # Groups of which no point is in this cloud.
        if count
    )
    some = sum(count > 0 for count in groups.counts)
    search = html('<input data-filter placeholder="{search}" aria-label="{search}">', search=_WORDS.SEARCH)
    return html(
        '<div class="lse legend"><h2>{title}{all}</h2>{search}<div class="list" data-scroll="groups">{entries}</div>'
        "{name}</div>",
        title=groups.title,
        name=button(_WORDS.NAME, "name", css="link lse-name-clusters", help=_WORDS.NAME_HELP) if named else "",
        search=search if some > _SEARCHED else "",
        all=button(_WORDS.SHOW_ALL, "all", css="more all") if hidden else "",
        entries=join(entries),
    )


def _gradient(gradient: Gradient, theme: Theme) -> Html:
    missing = html('<div class="quiet">{text}</div>', text=_WORDS.MISSING.format(count=gradient.missing))
    return html(
        '<div class="lse legend"><h2>{title}</h2><div class="scale" style="background:{css}"></div>'
        '<div class="ends"><span>{low}</span><span>{high}</span></div><div class="quiet">{range}</div>{missing}</div>',
        title=gradient.title,
        css=gradient_css(theme),
        low=gradient.text(gradient.low),
        high=gradient.text(gradient.high),
        range=_WORDS.RANGE,
        missing=missing if gradient.missing else "",
    )
