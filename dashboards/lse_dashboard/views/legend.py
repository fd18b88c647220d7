"""What the colours of a cloud mean."""

from __future__ import annotations

from lse_dashboard.data.colouring import Colouring, Gradient, Groups
from lse_dashboard.plots.palette import gradient_css, group_colours
from lse_dashboard.views.markup import Html, html

__all__ = ["legend", "point_group"]


def legend(colouring: Colouring | None, hidden: frozenset[str]) -> Html:
    """Explain the colours of a cloud; groups with hidden labels are shown as rings."""
    if isinstance(colouring, Groups):
        return _groups(colouring, hidden)
    return _gradient(colouring) if isinstance(colouring, Gradient) else Html("")


def point_group(colouring: Colouring | None, index: int) -> Html:
    """What the colour of one point means."""
    if isinstance(colouring, Groups):
        code = colouring.codes[index]
        return html(
            '<div><i style="background:{colour}"></i>{label}</div>',
            colour=group_colours(colouring)[code],
            label=colouring.labels[code],
        )
    if isinstance(colouring, Gradient):
        return html("<div>{title} {value}</div>", title=colouring.title, value=f"{colouring.values[index]:.4g}")
    return Html("")


def _groups(groups: Groups, hidden: frozenset[str]) -> Html:
    entries = Html("").join(
        html(
            '<div class="group {hidden}"><button class="toggle" data-action="toggle" data-value="{label}" '
            'title="Hide or show {label}"><span class="swatch" style="border-color:{colour};background:{colour}">'
            '</span><span class="label">{label}</span><span class="count">{count}</span></button>'
            '<button class="only" data-action="only" data-value="{label}" title="Show only {label}">only</button>'
            "</div>",
            hidden="hidden" if label in hidden else "",
            label=label,
            colour=colour,
            count=f"{count:,}",
        )
        for label, colour, count in zip(groups.labels, group_colours(groups), groups.counts, strict=True)
    )
    return html(
        '<div class="lse legend"><h2>{title}<button class="more all" data-action="all">{all}</button></h2>'
        '<div class="list" data-scroll="groups">{entries}</div></div>',
        title=groups.title,
        all="show all" if hidden else "",
        entries=entries,
    )


def _gradient(gradient: Gradient) -> Html:
    return html(
        '<div class="lse legend"><h2>{title}</h2><div class="scale" style="background:{css}"></div>'
        '<div class="ends"><span>{low}</span><span>{high}</span></div><div class="quiet">1st to 99th percentile</div>'
        "{missing}</div>",
        title=gradient.title,
        css=gradient_css(),
        low=f"{gradient.low:.4g}",
        high=f"{gradient.high:.4g}",
        missing=html('<div class="quiet">grey: {count} without a value</div>', count=f"{gradient.missing:,}")
        if gradient.missing
        else "",
    )
