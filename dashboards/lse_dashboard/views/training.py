"""The window that tells of an encoder: how its training goes, and where its card is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from typing import Any

import panel as pn
from bokeh.models import ColumnDataSource

from lse_dashboard.data.courses import EncoderCourse, best_epoch_loss, loss_curves
from lse_dashboard.data.operations import OperationRow
from lse_dashboard.plots.curves import loss_plot, show_losses
from lse_dashboard.state.session import Session
from lse_dashboard.views.dialogs import dialog
from lse_dashboard.views.form import parameter_title
from lse_dashboard.views.markup import Html, Markup, html, waiting
from lse_dashboard.views.operations import cancel_button, progress_bar, progress_facts

__all__ = ["TrainingDialog"]

_FIGURES = {"kl": "KL divergence"}


class TrainingDialog:
    """Opens when the visitor looks into an encoder and follows its training.

    Parameters
    ----------
    session
        Whose encoder.
    card
        URL of the card of an encoder, given its project and its name; with ``.json`` behind it as JSON.
    """

    def __init__(self, session: Session, card: Callable[[str, str], str]) -> None:
        self._session = session
        self._training = session.training
        self._card = card
        self._head = Markup(
            {"cancel": lambda name: session.work.cancel(session.training.project, name)},
            sizing_mode="stretch_width",
            margin=0,
        )
        self._source = ColumnDataSource(loss_curves(()))
        self._best = ColumnDataSource({"epoch": [], "loss": []})
        self._latest = ColumnDataSource({"epoch": [], "loss": []})
        # A figure that is drawn while its window is shut has no size: it comes with the first epochs.
        self._curves = pn.Column(sizing_mode="stretch_width", margin=(10, 0), css_classes=["lse-curves"], visible=False)
        self._plot: Any = None
        self._figures = Markup(sizing_mode="stretch_width", margin=0)
        self.panel = dialog("lse-training", self._training.close, self._head, self._curves, self._figures)
        self._training.param.watch(lambda *_: self._show(), ["encoder", "course", "problem"])
        self._training.param.watch(lambda *_: self._show_curves(), "latest")
        session.work.param.watch(lambda *_: self._step(), "rows")

    def _show(self) -> None:
        training = self._training
        if not training.encoder:
            self.panel.open = False
            return
        course = training.course
        self.panel.title = f"Encoder {training.encoder}"
        self._show_head()
        self._figures.html = str(self._told(course))
        self._show_curves()
        self.panel.open = True

    def _show_curves(self) -> None:
        course, latest = self._training.course, self._training.latest
        run = None if course is None else course.run
        epochs = () if run is None else run.epochs
        self._source.data = loss_curves(epochs)
        self._best.data = best_epoch_loss(run) if run is not None else {"epoch": [], "loss": []}
        self._latest.data = {"epoch": [epoch for epoch, _ in latest], "loss": [loss for _, loss in latest]}
        known = bool(epochs or latest)
        if known and not self._curves.objects:
            self._plot = loss_plot(self._source, self._best, self._latest)
            # The theme of the page sets fonts relative to this one.
            self._curves.objects = [
                pn.pane.Bokeh(self._plot, sizing_mode="stretch_width", styles={"font-size": "11px"})
            ]
        if known:
            show_losses(self._plot, self._source)
        self._curves.visible = known

    def _step(self) -> None:
        """Take over what the operation tells between one look at the course and the next."""
        operation = self._operation()
        if operation is not None and {"epoch", "loss"} <= operation.metrics.keys():
            self._training.step(operation.metrics["epoch"], operation.metrics["loss"])
        self._show_head()

    def _show_head(self) -> None:
        if self._training.encoder:
            self._head.html = str(self._header(self._training.course))

    def _operation(self) -> OperationRow | None:
        """The training that goes on."""
        return next(
            (
                row
                for row in self._session.work.rows
                if row.trains and row.active and row.target_id == self._training.encoder
            ),
            None,
        )

    def _header(self, course: EncoderCourse | None) -> Html:
        training, operation = self._training, self._operation()
        if training.problem:
            return html('<div class="lse"><div class="problem">{problem}</div></div>', problem=training.problem)
        if course is None:
            return waiting("Asking the services …")
        url = self._card(training.project, training.encoder)
        card = html(
            '<span class="links"><a class="lse-card" href="{url}" target="_blank" rel="noopener">Open its card</a>'
            '<a href="{url}.json" download="{encoder}.json">Card as JSON</a></span>',
            url=url,
            encoder=training.encoder,
        )
        state, links = _state(course, operation), card if course.encoder.state == "ready" else ""
        if operation is None:
            return html(
                '<div class="lse course"><span class="said{mark}">{state}</span>{links}</div>',
                mark=" problem" if course.encoder.state == "failed" else "",
                state=state,
                links=links,
            )
        facts = Html("").join(html("<span>{fact}</span>", fact=fact) for fact in progress_facts(operation))
        return html(
            '<div class="lse"><div class="course"><span class="said">{state}</span>{links}</div><div class="going">'
            '{bar}<div class="facts">{facts}{cancel}</div></div></div>',
            state=state,
            links=links,
            bar=progress_bar(operation),
            facts=facts,
            cancel=cancel_button(operation),
        )

    def _told(self, course: EncoderCourse | None) -> Html:
        if course is None:
            return Html("")
        run, encoder, methods = course.run, course.encoder, self._session.work.methods
        epochs = () if run is None else run.epochs
        method = next((one.title for one in methods.encoder if one.id == encoder.method), None) if methods else None
        last = (
            [(_FIGURES.get(key, key.replace("_", " ")), f"{value:.5g}") for key, value in epochs[-1].items()]
            if epochs
            else []
        )
        recipe = [
            ("method", method or encoder.method),
            ("dataset", encoder.dataset.rsplit("/", 1)[-1]),
            *([("vectors", f"{encoder.dimension:,} numbers an image")] if encoder.dimension else []),
            *([("weights", f"{encoder.parameter_count:,}")] if encoder.parameter_count else []),
        ]
        settings = [
            (parameter_title(key), value.removesuffix(".0") or "set at the start")
            for key, value in encoder.settings.items()
        ]
        return html(
            '<div class="lse training"><div class="columns">{last}<section><h2>Recipe</h2><dl>{recipe}</dl></section>'
            "</div>{settings}{drawn}</div>",
            last=html("<section><h2>Last epoch</h2><dl>{last}</dl></section>", last=_pairs(last)) if last else "",
            recipe=_pairs(recipe),
            settings=html(
                '<details data-key="settings"><summary class="quiet">All {count} parameters</summary>'
                '<dl class="two">{pairs}</dl></details>',
                count=len(settings),
                pairs=_pairs(settings),
            )
            if settings
            else "",
            drawn=html(
                '<img class="drawn lse-drawn" src="data:image/png;base64,{png}" '
                'alt="images, and what the decoder draws from their vectors">',
                png=b64encode(run.reconstructions).decode(),
            )
            if run is not None and run.reconstructions
            else "",
        )


def _state(course: EncoderCourse, operation: OperationRow | None) -> str:
    run = course.run
    if run is None:
        return course.why
    if run.ending:
        return run.ending
    done = max(len(run.epochs), int(operation.metrics.get("epoch", 0)) if operation is not None else 0)
    if not done:
        return "No epoch is done yet."
    epochs = f"{done:,} of {run.epoch_count:,} epochs" if run.epoch_count else f"{done:,} epochs"
    # Of later epochs it is not yet known which is the best.
    known = run.best_epoch and done == len(run.epochs)
    best = f", the best so far is epoch {run.best_epoch:,}" if known else ""
    return f"{epochs} done{best}."


def _pairs(pairs: list[tuple[str, str]]) -> Html:
    return Html("").join(html("<dt>{key}</dt><dd>{value}</dd>", key=key, value=value) for key, value in pairs)
