"""The window that tells, before a training starts, what it would take and what it would learn from."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping

from lse.client.resources import Method, TrainingEstimate
from lse_dashboard.data.checks import TrainingCheck
from lse_dashboard.state.session import Session
from lse_dashboard.views.dialogs import dialog
from lse_dashboard.views.form import parameter_title
from lse_dashboard.views.markup import Html, Markup, html, waiting

__all__ = ["CheckDialog"]


class CheckDialog:
    """Opens when a training is to be checked.

    Parameters
    ----------
    session
        Whose training.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._content = Markup(sizing_mode="stretch_width", margin=0)
        self.panel = dialog("lse-check-dialog", session.checking.close, self._content)
        session.checking.param.watch(lambda *_: self._show(), ["method", "answer", "problem"])

    def _show(self) -> None:
        checking, methods = self._session.checking, self._session.work.methods
        if checking.method:
            method = next((one for one in methods.encoder if one.id == checking.method), None) if methods else None
            title = checking.method if method is None else method.title
            self.panel.title = f"Before training: {title} on {checking.dataset}"
            self._content.html = str(self._html(method))
        self.panel.open = bool(checking.method)

    def _html(self, method: Method | None) -> Html:
        checking = self._session.checking
        if checking.problem:
            return html('<div class="lse"><div class="problem">{problem}</div></div>', problem=checking.problem)
        if checking.answer is None:
            return waiting("Some steps are tried out, which takes a moment …")
        return _told(checking.answer, checking.given, method)


def _told(check: TrainingCheck, given: Mapping[str, str], method: Method | None) -> Html:
    estimate = check.estimate
    picture = (
        html(
            "<section><h2>Views</h2>"
            '<img class="drawn lse-views" src="data:image/png;base64,{png}" '
            'alt="random views"></section>',
            png=b64encode(check.views).decode(),
        )
        if check.views
        else html('<section><h2>Views</h2><p class="quiet">{why}</p></section>', why=check.why)
    )
    notes = Html("").join(html("<li>{note}</li>", note=note) for note in estimate.notes)
    return html(
        '<div class="lse training check">{verdict}<div class="columns"><div>{parameters}<section><h2>Notes</h2>'
        '<ul class="notes">{notes}</ul></section></div>{picture}</div></div>',
        verdict=_verdict(estimate),
        parameters=_parameters(estimate.settings, given, method),
        notes=notes,
        picture=picture,
    )


def _verdict(estimate: TrainingEstimate) -> Html:
    memory = f"{_bytes(estimate.memory_bytes)} of memory ({_bytes(estimate.available_memory_bytes)} are free)"
    if not estimate.fits:
        return html(
            '<div class="problem">It does not fit: it would take {memory}. Choose a smaller batch size, width or '
            "backbone.</div>",
            memory=memory,
        )
    return html(
        '<p class="verdict">It takes <b>{time}</b> on this machine and {memory}; the networks have {weights} weights.'
        "</p>",
        time=_minutes(estimate.minutes),
        memory=memory,
        weights=f"{estimate.parameter_count:,}",
    )


def _parameters(settings: Mapping[str, str], given: Mapping[str, str], method: Method | None) -> Html:
    """All parameters in force, with a mark at those that the data decided."""
    defaults = {} if method is None else {one.key: one.default for one in method.parameters}

    def one(key: str, value: str) -> Html:
        by_data = key not in given and not defaults.get(key, value)
        return html(
            '<dt title="{key}">{title}</dt><dd class="{mark}">{value}</dd>',
            key=key,
            title=parameter_title(key),
            value=value.removesuffix(".0") or "set at the start",
            mark="by-data" if by_data and value else "",
        )

    return html(
        '<section><h2>Parameters <span class="more">blue: <span class="by-data">chosen from the data</span></span></h2>'
        '<dl class="two">{rows}</dl></section>',
        rows=Html("").join(one(key, value) for key, value in settings.items()),
    )


def _bytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"


def _minutes(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return "about a minute" if minutes < 1.5 else f"about {minutes:.0f} minutes"
    return f"about {minutes / 60:.0f} hours" if minutes < 2880 else f"about {minutes / 1440:.0f} days"
