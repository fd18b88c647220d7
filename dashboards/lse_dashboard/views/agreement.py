"""How far experts agree: what each labelled, each two of them, and the images in dispute."""

from __future__ import annotations

from lse.client.resources import ExpertAgreement
from lse_dashboard import wording
from lse_dashboard.views.markup import Html, button, html, join

__all__ = ["agreement_table"]

_WORDS = wording.Agreement


def agreement_table(found: ExpertAgreement | None) -> Html:
    """The figures, and what selects the images in dispute; nothing where nobody asked."""
    if found is None:
        return Html("")
    if len(found.experts) < 2:
        return html('<div class="quiet lse-agreement-found">{text}</div>', text=_WORDS.ALONE)
    counts = _table(_WORDS.COUNTS, [(one.expert, f"{one.images:,}", f"{one.shared:,}") for one in found.experts])
    pairs = _table(
        _WORDS.PAIRS,
        [
            (
                _WORDS.PAIR.format(first=one.first, second=one.second),
                f"{one.images:,}",
                _figure(one.agreement, ".0%"),
                _figure(one.kappa, ".2f"),
            )
            for one in found.pairs
        ],
    )
    alpha = _WORDS.ALPHA.format(alpha=_figure(found.alpha, ".3f"), count=found.shared)
    disputed = html('<span class="quiet">{text}</span>', text=_WORDS.NO_DISPUTE)
    if found.disputed_rows:
        label = _WORDS.DISPUTED.format(count=len(found.disputed_rows))
        disputed = button(label, "disputed", css="tool lse-disputed", help=_WORDS.DISPUTED_HELP)
    return html(
        '<div class="lse-agreement-found">{counts}{pairs}<div title="{help}">{alpha}</div><div class="acts">{disputed}'
        "</div></div>",
        counts=counts,
        pairs=pairs,
        alpha=alpha,
        help=_WORDS.ALPHA_HELP,
        disputed=disputed,
    )


def _figure(value: float | None, form: str) -> str:
    return _WORDS.UNKNOWN if value is None else format(value, form)


def _table(titles: tuple[tuple[str, str], ...], rows: list[tuple[str, ...]]) -> Html:
    head = join(html('<th scope="col" title="{help}">{title}</th>', title=title, help=help_) for title, help_ in titles)
    body = join(
        html(
            '<tr><th scope="row">{first}</th>{cells}</tr>',
            first=first,
            cells=join(html("<td>{cell}</td>", cell=cell) for cell in cells),
        )
        for first, *cells in rows
    )
    return html(
        '<table class="columns"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>', head=head, body=body
    )
