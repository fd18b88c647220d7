"""The selection against the rest: which numbers differ, which groups are more frequent."""

from __future__ import annotations

from collections.abc import Sequence

from lse_dashboard import wording
from lse_dashboard.data.comparison import Comparison, Difference, Share
from lse_dashboard.state.session import Session
from lse_dashboard.views.markup import Html, Markup, html, join, problem, section, waiting

__all__ = ["comparison_view"]

_WORDS = wording.Comparison
_WIDTH, _HEIGHT = 72, 24


def comparison_view(session: Session) -> Markup:
    """What sets the selection apart, as far as it is known."""
    summary = session.summary
    panel = Markup(css_classes=["lse-comparison"])

    def show(*_: object) -> None:
        if summary.problem:
            panel.html = problem(summary.problem)
        elif summary.comparison is None:
            panel.html = waiting(_WORDS.WAITING)
        else:
            panel.html = _compared(summary.comparison)

    summary.param.watch(show, ["comparison", "problem"])
    show()
    return panel


def _compared(comparison: Comparison) -> Html:
    parts = []
    if comparison.differences:
        rows = join(_difference(one) for one in comparison.differences)
        body = html('<div class="differences">{rows}</div>', rows=rows)
        parts.append(section(_WORDS.NUMBERS, body, css="lse-differences", more=_WORDS.KEY))
    for title, shares in comparison.shares:
        rows = join(_share(one) for one in shares)
        body = html('<div class="shares">{rows}</div>', rows=rows)
        parts.append(section(_WORDS.GROUPS.format(title=title), body, css="lse-shares"))
    if comparison.sampled:
        parts.append(html('<div class="quiet">{text}</div>', text=_WORDS.SAMPLED))
    if not parts:
        parts.append(html('<div class="quiet">{text}</div>', text=_WORDS.NOTHING))
    return html('<div class="lse compared">{parts}</div>', parts=join(parts))


def _difference(one: Difference) -> Html:
    return html(
        '<div class="difference"><span class="name" title="{column}">{column}</span>{shape}'
        '<span class="effect" title="{help}">{effect}</span><span class="quiet">{medians}</span></div>',
        column=one.column,
        shape=_shapes(one.selected_shape, one.rest_shape),
        effect=f"{one.effect:+.2f}".replace("-", "−"),
        help=_WORDS.EFFECT.format(effect=one.effect),
        medians=_WORDS.MEDIANS.format(selected=one.selected, rest=one.rest),
    )


def _share(one: Share) -> Html:
    return html(
        '<div class="share" title="{help}"><span class="name">{label}</span><span class="track"><i style="width:'
        '{selected}%"></i><b style="left:{rest}%"></b></span><span class="count">{count}</span></div>',
        label=one.label,
        selected=f"{100 * one.selected:.1f}",
        rest=f"{100 * one.rest:.1f}",
        count=_WORDS.COUNT.format(count=one.count),
        help=_WORDS.SHARE.format(selected=one.selected, rest=one.rest),
    )


def _shapes(selected: Sequence[float], rest: Sequence[float]) -> Html:
    """Two histograms over the same range: the selection filled, the rest as a line."""
    step = _WIDTH / len(selected)
    bars = join(
        html(
            '<rect x="{x}" y="{y}" width="{width}" height="{height}"/>',
            x=f"{i * step:.1f}",
            y=f"{_HEIGHT * (1 - height):.1f}",
            width=f"{step:.1f}",
            height=f"{_HEIGHT * height:.1f}",
        )
        for i, height in enumerate(selected)
    )
    corners = []
    for i, height in enumerate(rest):
        y = f"{_HEIGHT * (1 - height) + 0.5:.1f}"
        corners += [f"{i * step:.1f},{y}", f"{(i + 1) * step:.1f},{y}"]
    return html(
        '<svg class="shape" viewBox="0 0 {w} {h}" width="{w}" height="{h}" aria-hidden="true">{bars}'
        '<polyline points="{line}"/></svg>',
        w=_WIDTH,
        h=_HEIGHT,
        bars=bars,
        line=" ".join(corners),
    )
