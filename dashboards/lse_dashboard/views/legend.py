"""What the colours of the points mean."""

from __future__ import annotations

from collections.abc import Mapping

from lse.values import value_text
from lse_dashboard import wording
from lse_dashboard.data.colouring import Colouring, Groups
from lse_dashboard.data.gradient import COLOURS, STRETCHES, USUAL, Gradient
from lse_dashboard.plots.palette import gradient_css, group_colours
from lse_dashboard.theme import Theme
from lse_dashboard.views.markup import Html, button, folded, html, join

__all__ = ["legend", "legend_height", "point_group"]

_WORDS = wording.Legend
# A list of more groups than this is searched rather than read.
_SEARCHED = 15
# Pixels of a line, and of all else: margins, title, what is below.
_LINE, _HEIGHT = 20, 90


def legend(
    colouring: Colouring | None, hidden: frozenset[str], theme: Theme, *, named: bool = False, refused: str = ""
) -> Html:
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
    refused
        Why another scale of numbers was refused.
    """
    if isinstance(colouring, Groups):
        return _groups(colouring, hidden, theme, named=named)
    return _gradient(colouring, theme, refused) if isinstance(colouring, Gradient) else Html("")


def legend_height(colouring: Colouring | None) -> int:
    """Height in pixels that a legend takes with the margins around it, about: its fields folded."""
    if isinstance(colouring, Groups):
        some = sum(count > 0 for count in colouring.counts)
        return _HEIGHT + _LINE * (some + 2 * (some > _SEARCHED))
    return _HEIGHT + _LINE * (2 + len(colouring.notes())) if isinstance(colouring, Gradient) else 0


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


def _gradient(gradient: Gradient, theme: Theme, refused: str) -> Html:
    return html(
        '<div class="lse legend"><h2>{title}</h2><div class="scale" style="background:{css}"></div>'
        '<div class="ends">{ends}</div>{notes}{form}</div>',
        title=gradient.title,
        css=gradient_css(gradient.scale, theme),
        ends=join(html("<span>{end}</span>", end=end) for end in gradient.ends()),
        notes=join(html('<div class="quiet">{note}</div>', note=note) for note in gradient.notes()),
        form=folded("scale", _WORDS.SCALE, _form(gradient, refused)),
    )


def _form(gradient: Gradient, refused: str) -> Html:
    """Fields that change the scale."""
    scale, limits = gradient.scale, Html("")
    if gradient.typed:
        limits = html(
            '<div class="limits">{low}{high}</div>',
            low=_limit("low", _WORDS.LOWER, _WORDS.LOWER_HELP, scale.low),
            high=_limit("high", _WORDS.UPPER, _WORDS.UPPER_HELP, scale.high),
        )
    stretches: dict[str, str] = {one: _WORDS.STRETCHES[one] for one in STRETCHES if gradient.typed or one != "log"}
    return html(
        '<form data-key="{title}" data-action="scale" data-live>{stretch}{limits}{problem}{colours}'
        '<label class="tick"><input type="checkbox" name="reversed" value="1" {reversed}>{reverse}</label>'
        "</form>{usual}",
        title=gradient.title,
        stretch=_select("stretch", _WORDS.STRETCH, stretches, scale.stretch),
        limits=limits,
        problem=html('<div class="problem" role="alert">{text}</div>', text=refused) if refused else "",
        colours=_select("colours", _WORDS.COLOURS, {one: one for one in COLOURS}, scale.colours),
        reversed="checked" if scale.reversed else "",
        reverse=_WORDS.REVERSED,
        usual=button(_WORDS.USUAL, "scale", "{}", help=_WORDS.USUAL_HELP) if scale != USUAL else "",
    )


def _select(name: str, label: str, options: Mapping[str, str], chosen: str) -> Html:
    entries = join(
        html(
            '<option value="{value}" {selected}>{text}</option>',
            value=value,
            selected="selected" if value == chosen else "",
            text=text,
        )
        for value, text in options.items()
    )
    return html(
        '<label>{label}<select name="{name}">{entries}</select></label>', label=label, name=name, entries=entries
    )


def _limit(name: str, label: str, help: str, value: float | None) -> Html:  # noqa: A002
    return html(
        '<label title="{help}">{label}<input name="{name}" value="{value}" inputmode="decimal" size="6"></label>',
        help=help,
        label=label,
        name=name,
        value="" if value is None else f"{value:.9g}",
    )
