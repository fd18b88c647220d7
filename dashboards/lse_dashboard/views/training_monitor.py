"""The window of an encoder: how its training goes, and where its card is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
from bokeh.models import ColumnDataSource

from lse.client.resources import Encoder
from lse.values import value_text
from lse_dashboard import wording
from lse_dashboard.data.operations import OperationRow
from lse_dashboard.data.training import TrainingHistory, best_epoch_loss, loss_curves
from lse_dashboard.plots.loss_curves import loss_plot, show_losses
from lse_dashboard.state.session import Session
from lse_dashboard.views.dialog import dialog
from lse_dashboard.views.markup import Html, Markup, folded, html, join, pairs, picture, problem, section, waiting
from lse_dashboard.views.operations import cancel_button, operation_bar, progress_facts
from lse_dashboard.views.parameter_form import setting_text

__all__ = ["TrainingMonitorDialog"]

_WORDS = wording.TrainingMonitor


class TrainingMonitorDialog:
    """Opens when the visitor looks into an encoder, and follows its training.

    Parameters
    ----------
    session
        Whose encoder.
    card
        URL of the card of an encoder, given its project and its name; with ``.json`` appended, as JSON.
    """

    def __init__(self, session: Session, card: Callable[[str, str], str]) -> None:
        self._session = session
        self._monitor = session.training_monitor
        self._card = card
        self._head = Markup({"cancel": lambda name: session.operations.cancel(self._monitor.project, name)})
        self._source = ColumnDataSource(loss_curves(()))
        self._best = ColumnDataSource({"epoch": [], "loss": []})
        self._latest = ColumnDataSource({"epoch": [], "loss": []})
        # A figure that is drawn while its window is shut has no size: it comes with the first epochs.
        self._curves = pn.Column(sizing_mode="stretch_width", margin=(10, 0), css_classes=["lse-curves"], visible=False)
        self._plot: Any = None
        self._figures = Markup()
        self.panel = dialog("lse-training", self._monitor.close, self._head, self._curves, self._figures)
        self._monitor.param.watch(lambda *_: self._show(), ["encoder", "history", "problem"])
        self._monitor.param.watch(lambda *_: self._show_curves(), "latest")
        session.operations.param.watch(lambda *_: self._step(), "rows")
        session.param.watch(lambda *_: self._colour(), "theme")
        self._show()

    def _show(self) -> None:
        monitor = self._monitor
        if monitor.encoder:
            self.panel.title = _WORDS.TITLE.format(name=monitor.encoder)
            self._show_head()
            self._figures.html = "" if monitor.history is None else self._facts(monitor.history)
            self._show_curves()
        self.panel.open = bool(monitor.encoder)

    def _show_curves(self) -> None:
        history, latest = self._monitor.history, self._monitor.latest
        epochs = () if history is None else history.epochs
        self._source.data = loss_curves(epochs)
        self._best.data = best_epoch_loss(None if history is None else history.run)
        self._latest.data = {"epoch": [epoch for epoch, _ in latest], "loss": [loss for _, loss in latest]}
        known = bool(epochs or latest)
        if known and not self._curves.objects:
            self._plot = loss_plot(self._source, self._best, self._latest, self._session.theme)
            # The theme of the page sets fonts relative to this one.
            self._curves.objects = [
                pn.pane.Bokeh(self._plot, sizing_mode="stretch_width", styles={"font-size": "11px"})
            ]
        if known:
            show_losses(self._plot, self._source)
        self._curves.visible = known

    def _colour(self) -> None:
        self._curves.clear()
        self._show_curves()

    def _step(self) -> None:
        """Take over what the operation reports between one look at the history and the next."""
        operation = self._operation()
        if operation is not None and {"epoch", "loss"} <= operation.metrics.keys():
            self._monitor.step(operation.metrics["epoch"], operation.metrics["loss"])
        self._show_head()

    def _show_head(self) -> None:
        if self._monitor.encoder:
            self._head.html = self._header(self._monitor.history, self._operation())

    def _operation(self) -> OperationRow | None:
        """The training that is under way."""
        rows = self._session.operations.rows
        encoder = self._monitor.encoder
        return next((row for row in rows if row.trains and row.active and row.target_id == encoder), None)

    def _header(self, history: TrainingHistory | None, operation: OperationRow | None) -> Html:
        if self._monitor.problem:
            return problem(self._monitor.problem)
        if history is None:
            return waiting(_WORDS.WAITING)
        links = html(
            '<span class="links"><a class="lse-card" href="{url}" target="_blank" rel="noopener">{card}</a>'
            '<a href="{url}.json" download="{encoder}.json">{as_json}</a></span>',
            url=self._card(self._monitor.project, self._monitor.encoder),
            encoder=self._monitor.encoder,
            card=_WORDS.CARD,
            as_json=_WORDS.CARD_JSON,
        )
        going = (
            ""
            if operation is None
            else html(
                '<div class="going">{bar}<div class="facts">{facts}{cancel}</div></div>',
                bar=operation_bar(operation),
                facts=join(html("<span>{fact}</span>", fact=fact) for fact in progress_facts(operation)),
                cancel=cancel_button(operation),
            )
        )
        return html(
            '<div class="lse"><div class="history"><span class="said {mark}">{state}</span>{links}</div>'
            "{verdict}{going}</div>",
            mark="problem" if history.encoder.state == "failed" else "",
            state=_state(history, operation),
            links=links if history.encoder.state == "ready" else "",
            verdict=_verdict(history.encoder),
            going=going,
        )

    def _facts(self, history: TrainingHistory) -> Html:
        encoder, run, methods = history.encoder, history.run, self._session.operations.methods
        method = next((one.title for one in methods.get("encoder", ()) if one.id == encoder.method), encoder.method)
        recipe: list[tuple[str, object]] = [
            (_WORDS.METHOD, method),
            (_WORDS.DATASET, encoder.dataset.rsplit("/", 1)[-1]),
        ]
        if encoder.dimension:
            recipe.append((_WORDS.VECTORS, _WORDS.VECTORS_VALUE.format(encoder.dimension)))
        if encoder.parameter_count:
            recipe.append((_WORDS.WEIGHTS, value_text(encoder.parameter_count, grouped=True)))
        last = [
            (_WORDS.FIGURES.get(key, key.replace("_", " ")), value_text(value, digits=5))
            for key, value in (history.epochs[-1].items() if history.epochs else ())
        ]
        parameters = [(key, setting_text(value)) for key, value in encoder.parameters.items()]
        all_parameters = _WORDS.ALL_PARAMETERS.format(count=len(parameters))
        return html(
            '<div class="lse training"><div class="columns">{last}{recipe}</div>{parameters}{drawn}</div>',
            last=section(_WORDS.LAST_EPOCH, pairs(last)) if last else "",
            recipe=section(_WORDS.RECIPE, pairs(recipe)),
            parameters=folded("parameters", all_parameters, pairs(parameters, css="two")) if parameters else "",
            drawn=picture(run.reconstructions, css="drawn lse-drawn", alt=_WORDS.RECONSTRUCTIONS)
            if run is not None and run.reconstructions
            else "",
        )


def _verdict(encoder: Encoder) -> Html:
    """What the latest judgement of the version in use, or the end of the training, says of the space."""
    judged = [each for each in encoder.evaluations if each.version == encoder.version and each.verdict]
    judged.sort(key=lambda each: bool(each.label_column))
    latest = judged[-1] if judged else encoder
    if not latest.verdict:
        return Html("")
    mark = "" if latest.sound else "problem"
    return html('<p class="verdict said {mark}">{text}</p>', mark=mark, text=latest.verdict)


def _state(history: TrainingHistory, operation: OperationRow | None) -> str:
    run = history.run
    if run is None:
        return history.why
    if run.ending:
        return run.ending
    done = max(len(run.epochs), int(operation.metrics.get("epoch", 0)) if operation is not None else 0)
    if not done:
        return _WORDS.NO_EPOCH
    epochs = (_WORDS.EPOCHS if run.epoch_count else _WORDS.EPOCHS_UNKNOWN).format(done=done, total=run.epoch_count)
    # Of later epochs it is not yet known which is the best.
    known = run.best_epoch and done == len(run.epochs)
    return f"{epochs}{_WORDS.BEST.format(best=run.best_epoch) if known else ''}."
