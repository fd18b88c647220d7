"""The list of long work: what runs, what has ended, what can be done with it."""

from __future__ import annotations

from collections.abc import Callable

from lse.values import value_text
from lse_dashboard import wording
from lse_dashboard.data.operations import OperationRow
from lse_dashboard.state.session import Session
from lse_dashboard.views.markup import Html, Markup, button, html, join, progress

__all__ = ["cancel_button", "operation_bar", "operation_list", "progress_facts"]

_WORDS = wording.Operations
# The bar and its facts show them.
_SHOWN = frozenset({"epoch", "images_per_second"})
_METRICS = 3


def operation_list(session: Session, show_dataset: Callable[[str], None]) -> Markup:
    """Operations of the project.

    Parameters
    ----------
    session
        Whose project.
    show_dataset
        Shows a dataset, given its name.
    """
    operations = session.operations
    panel = Markup(
        {
            "cancel": lambda name: operations.cancel(session.project, name),
            "dismiss": operations.dismiss,
            "details": lambda encoder: session.training_monitor.open(session.project, encoder),
            "encode": lambda encoder: operations.encode(session.project, encoder),
            "open": session.choose_experiment,
            "result": session.show_result,
            "dataset": show_dataset,
        },
        css_classes=["lse-operations"],
        margin=(14, 0, 0, 0),
    )

    def show(*_: object) -> None:
        rows = join(_operation(row) for row in operations.rows)
        none = html('<div class="quiet">{none}</div>', none=_WORDS.NONE)
        panel.html = html('<div class="lse"><h2>{title}</h2>{rows}</div>', title=_WORDS.TITLE, rows=rows or none)

    operations.param.watch(show, "rows")
    show()
    return panel


def operation_bar(row: OperationRow) -> Html:
    """How far an operation is."""
    return progress(row.done / row.total if row.total else None)


def progress_facts(row: OperationRow) -> list[str]:
    """What an operation does, how far it is, and how long that still takes."""
    facts = [row.stage or row.state]
    if row.waiting_for:
        return [*facts, row.waiting_for]
    if row.total:
        facts.append(_WORDS.PROGRESS.format(done=row.done, total=row.total, unit=row.unit))
    if row.rate:
        facts.append(_WORDS.RATE.format(rate=row.rate, unit=row.unit))
    if row.remaining_seconds:
        facts.append(_WORDS.LEFT.format(span=_span(row.remaining_seconds)))
    return facts


def _span(seconds: float) -> str:
    if seconds < 90:
        return _WORDS.SECONDS.format(seconds)
    return _WORDS.MINUTES.format(seconds / 60) if seconds < 5400 else _WORDS.HOURS.format(seconds / 3600)


def cancel_button(row: OperationRow) -> Html:
    """Ends an operation."""
    if row.state == "cancelling":
        return html('<button class="lse-cancel" disabled>{label}</button>', label=_WORDS.CANCELLING)
    return button(_WORDS.CANCEL, "cancel", row.name, css="lse-cancel")


def _operation(row: OperationRow) -> Html:
    if row.active:
        metrics = [(key.replace("_", " "), value) for key, value in row.metrics.items() if key not in _SHOWN]
        facts = [*progress_facts(row), *(f"{name} {value_text(value)}" for name, value in metrics[:_METRICS])]
        lines = join(html("<span>{fact}</span>", fact=fact) for fact in facts)
        body = operation_bar(row) + html('<div class="facts">{lines}</div>', lines=lines)
        end = cancel_button(row)
    else:
        why = html('<div class="why">{error}</div>', error=row.error) if row.error else ""
        template = '<div class="facts"><span class="state">{state}</span></div>{why}'
        body = html(template, state=row.state, why=why)
        end = button("✕", "dismiss", row.name, css="lse-dismiss", help=_WORDS.DISMISS)
    return html(
        '<div class="op {state}"><div class="top"><b title="{target}">{target}</b><span class="quiet">{title}</span>'
        "{end}</div>{body}{further}</div>",
        state=row.state,
        target=row.target_id,
        title=row.title,
        end=end,
        body=body,
        further=_further(row),
    )


def _further(row: OperationRow) -> Html:
    """What can be done with what the operation makes or has made."""
    actions = []
    if row.trains:
        actions.append(("details", _WORDS.DETAILS, _WORDS.DETAILS_HELP))
    if row.made_encoder:
        actions.append(("encode", _WORDS.ENCODE, _WORDS.ENCODE_HELP))
    if row.made_dataset:
        actions.append(("dataset", wording.Ingest.SHOW, wording.Ingest.SHOW_HELP))
    if row.made_experiment:
        actions.append(("open", _WORDS.OPEN, _WORDS.OPEN_HELP))
    if row.made_result:
        actions.append(("result", _WORDS.SHOW, _WORDS.SHOW_HELP))
    buttons = (
        button(
            label,
            action,
            row.target if action == "result" else row.target_id,
            css=f"link lse-{action}",
            help=help_,
        )
        for action, label, help_ in actions
    )
    return html('<div class="further">{buttons}</div>', buttons=join(buttons)) if actions else Html("")
