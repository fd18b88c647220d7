"""What is shown before a training starts: what it would take and what it would learn from."""

from __future__ import annotations

from collections.abc import Mapping

from lse.client.resources import Method, TrainingEstimate
from lse_dashboard import wording
from lse_dashboard.data.training import TrainingCheck
from lse_dashboard.state.training_check import TrainingCheckQuestion
from lse_dashboard.views.markup import Html, html, join, notes, picture, section
from lse_dashboard.views.parameter_form import setting_text

__all__ = ["training_check"]

_WORDS = wording.TrainingCheck


def training_check(question: TrainingCheckQuestion) -> Html:
    """The answer to a check."""
    check: TrainingCheck = question.answer
    estimate = check.estimate
    views = (
        picture(check.views, css="drawn lse-views", alt=_WORDS.VIEWS_ALT)
        if check.views
        else html('<p class="quiet">{why}</p>', why=check.why)
    )
    return html(
        '<div class="lse training check">{verdict}<div class="columns"><div>{parameters}{notes}</div>{views}</div>'
        "</div>",
        verdict=_verdict(estimate),
        parameters=_parameters(estimate.parameters, question.given, question.method),
        notes=section(_WORDS.NOTES, notes(estimate.notes)) if estimate.notes else "",
        views=section(_WORDS.VIEWS, views),
    )


def _verdict(estimate: TrainingEstimate) -> Html:
    memory = _WORDS.MEMORY.format(needed=_bytes(estimate.memory_bytes), free=_bytes(estimate.available_memory_bytes))
    if not estimate.fits:
        return html('<div class="problem">{text}</div>', text=_WORDS.TOO_LARGE.format(memory=memory))
    text = _WORDS.VERDICT.format(time=_time(estimate.minutes), memory=memory, weights=estimate.parameter_count)
    return html('<p class="verdict">{text}</p>', text=text)


def _parameters(parameters: Mapping[str, object], given: Mapping[str, str], method: Method | None) -> Html:
    """All parameters in force, with a mark at those that were chosen from the data."""
    defaults = {} if method is None else {one.key: one.default for one in method.parameters}

    def row(key: str, value: object) -> Html:
        from_data = value is not None and key not in given and not defaults.get(key, key)
        return html(
            '<dt title="{key}">{key}</dt><dd class="{mark}">{value}</dd>',
            key=key,
            value=setting_text(value),
            mark="from-data" if from_data else "",
        )

    rows = html('<dl class="two">{rows}</dl>', rows=join(row(key, value) for key, value in parameters.items()))
    return section(_WORDS.PARAMETERS, rows, more=_WORDS.FROM_DATA)


def _bytes(count: int) -> str:
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.0f} MB"


def _time(minutes: float) -> str:
    if minutes < 1.5:
        return _WORDS.SECONDS if minutes < 1 else _WORDS.ONE_MINUTE
    if minutes < 120:
        return _WORDS.MINUTES.format(minutes)
    return _WORDS.HOURS.format(minutes / 60) if minutes < 2880 else _WORDS.DAYS.format(minutes / 1440)
