"""The list of long work: what runs, what ended, what can be done with it."""

from __future__ import annotations

from lse_dashboard.data.operations import OperationRow
from lse_dashboard.state.session import Session
from lse_dashboard.views.markup import Html, Markup, html

__all__ = ["OperationsView", "cancel_button", "progress_bar", "progress_facts"]

# The bar and its facts tell them.
_TOLD = frozenset({"epoch", "images_per_second"})


class OperationsView:
    """Operations of the project.

    Parameters
    ----------
    session
        Whose view.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        work = session.work
        self.panel = Markup(
            {
                "cancel": lambda name: work.cancel(session.project, name),
                "dismiss": work.dismiss,
                "details": lambda encoder: session.training.open(session.project, encoder),
                "encode": lambda encoder: work.encode(session.project, encoder),
                "open": session.choose_experiment,
            },
            sizing_mode="stretch_width",
            css_classes=["lse-operations"],
            margin=(4, 0, 0, 0),
        )
        work.param.watch(lambda *_: self._show(), "rows")
        self._show()

    def _show(self) -> None:
        rows = self._session.work.rows
        self.panel.html = str(
            html(
                '<div class="lse" style="margin-top:14px"><h2>Operations</h2>{rows}</div>',
                rows=Html("").join(_operation(row) for row in rows)
                if rows
                else Html('<div class="quiet">Nothing is running.</div>'),
            )
        )


def progress_bar(row: OperationRow) -> Html:
    """How far an operation is; a bar that wanders while that is not known."""
    share = f'style="width:{100 * min(1.0, row.done / row.total):.1f}%"' if row.total else ""
    return Html(f'<div class="track"><div class="fill{"" if row.total else " unknown"}" {share}></div></div>')


def progress_facts(row: OperationRow) -> list[str]:
    """What an operation does, how far it is, and how long that still takes."""
    facts = [row.stage or row.state]
    if row.total:
        facts.append(f"{row.done:,} of {row.total:,} {row.unit}")
    if row.rate:
        facts.append(f"{row.rate:,.3g} {row.unit}/s")
    if row.remaining_seconds:
        facts.append(f"{_span(row.remaining_seconds)} left")
    return facts


def _span(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def cancel_button(row: OperationRow) -> Html:
    """Ends an operation."""
    return html(
        '<button class="lse-cancel" data-action="cancel" data-value="{name}" {off}>{label}</button>',
        name=row.name,
        off=Html("disabled") if row.state == "cancelling" else "",
        label="cancelling …" if row.state == "cancelling" else "Cancel",
    )


def _operation(row: OperationRow) -> Html:
    if row.active:
        facts = progress_facts(row)
        metrics = [(key.replace("_", " "), value) for key, value in row.metrics.items() if key not in _TOLD]
        facts += [f"{name} {value:.4g}" for name, value in metrics[:3]]
        body = progress_bar(row) + html(
            '<div class="facts">{facts}</div>', facts=Html("").join(html("<span>{f}</span>", f=fact) for fact in facts)
        )
        button = cancel_button(row)
    else:
        body = html(
            '<div class="facts"><span class="state">{state}</span></div>{why}',
            state=row.state,
            why=html('<div class="why">{error}</div>', error=row.error) if row.error else "",
        )
        button = html('<button data-action="dismiss" data-value="{name}" title="Forget">✕</button>', name=row.name)
    return html(
        '<div class="op {state}"><div class="top"><b>{target}</b><span class="quiet">{title}</span>{button}</div>'
        "{body}{further}</div>",
        state=row.state,
        target=row.target_id,
        title=row.title,
        button=button,
        body=body,
        further=_further(row),
    )


def _further(row: OperationRow) -> Html:
    """What can be done with what the operation makes or has made."""
    actions = []
    if row.trains:
        actions.append(("details", "Details", "Loss curves and reconstructions"))
    if row.made_encoder:
        actions.append(("encode", "Encode", "Make an experiment: encode the dataset with this encoder"))
    if row.made_experiment:
        actions.append(("open", "Open", "Show this experiment"))
    if not actions:
        return Html("")
    return html(
        '<div class="further">{buttons}</div>',
        buttons=Html("").join(
            html(
                '<button class="link lse-{action}" data-action="{action}" data-value="{target}" title="{help}">'
                "{label}</button>",
                action=action,
                target=row.target_id,
                label=label,
                help=help_,
            )
            for action, label, help_ in actions
        ),
    )
