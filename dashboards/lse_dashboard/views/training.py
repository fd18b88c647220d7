"""The window that tells of an encoder: how its training goes, and where its card is."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable

import panel as pn
from bokeh.models import ColumnDataSource

from lse_dashboard.data.courses import EncoderCourse, loss_curves
from lse_dashboard.plots.curves import loss_plot
from lse_dashboard.state.session import Session
from lse_dashboard.views.dialogs import dialog
from lse_dashboard.views.markup import Html, Markup, html

__all__ = ["TrainingDialog"]


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
        self._training = session.training
        self._card = card
        self._head = Markup(sizing_mode="stretch_width", margin=0)
        self._source = ColumnDataSource(loss_curves(()))
        # A figure that is drawn while its window is shut has no size: it comes with the first epochs.
        self._curves = pn.Column(sizing_mode="stretch_width", margin=(10, 0), css_classes=["lse-curves"], visible=False)
        self._figures = Markup(sizing_mode="stretch_width", margin=0)
        self.panel = dialog("lse-training", self._training.close, self._head, self._curves, self._figures)
        self._training.param.watch(lambda *_: self._show(), ["encoder", "course", "problem"])

    def _show(self) -> None:
        training = self._training
        if not training.encoder:
            self.panel.open = False
            return
        course = training.course
        epochs = () if course is None or course.run is None else course.run.epochs
        self.panel.title = f"Encoder {training.encoder}"
        self._head.html = str(self._header(course))
        self._figures.html = str(_figures(course))
        self._source.data = loss_curves(epochs)
        if epochs and not self._curves.objects:
            self._curves.objects = [pn.pane.Bokeh(loss_plot(self._source), sizing_mode="stretch_width", theme=None)]
        self._curves.visible = bool(epochs)
        self.panel.open = True

    def _header(self, course: EncoderCourse | None) -> Html:
        training = self._training
        if training.problem:
            return html('<div class="lse"><div class="problem">{problem}</div></div>', problem=training.problem)
        if course is None:
            return Html('<div class="lse quiet">Asking the services …</div>')
        url = self._card(training.project, training.encoder)
        card = html(
            '<span class="links"><a class="lse-card" href="{url}" target="_blank" rel="noopener">Open its card</a>'
            '<a href="{url}.json" download="{encoder}.json">Card as JSON</a></span>',
            url=url,
            encoder=training.encoder,
        )
        return html(
            '<div class="lse course"><span>{state}</span>{card}</div>',
            state=_state(course),
            card=card if course.encoder.state == "ready" else "",
        )


def _state(course: EncoderCourse) -> str:
    run = course.run
    if run is None:
        return course.why
    if not run.epochs:
        return run.ending or "The training has not done an epoch yet."
    done = f"{len(run.epochs):,} of {run.epoch_count:,} epochs" if run.epoch_count else f"{len(run.epochs):,} epochs"
    best = f", the best is epoch {run.best_epoch:,}" if run.best_epoch else ""
    return f"{done}{best}. {run.ending}".strip()


def _figures(course: EncoderCourse | None) -> Html:
    if course is None or course.run is None:
        return Html("")
    run, encoder = course.run, course.encoder
    last = [(key.replace("_", " "), f"{value:.5g}") for key, value in (run.epochs[-1] if run.epochs else {}).items()]
    recipe = [
        ("method", encoder.method),
        ("dataset", encoder.dataset.rsplit("/", 1)[-1]),
        *([("vectors", f"{encoder.dimension:,} numbers")] if encoder.dimension else []),
        *([("weights", f"{encoder.parameter_count:,}")] if encoder.parameter_count else []),
    ]
    drawn = html(
        "<section><h2>Reconstructions</h2>"
        '<img class="drawn lse-drawn" src="data:image/png;base64,{png}" alt="reconstructions"></section>',
        png=b64encode(run.reconstructions).decode(),
    )
    return html(
        '<div class="lse training"><div class="columns"><section><h2>Last epoch</h2><dl>{last}</dl></section>'
        "<section><h2>Recipe</h2><dl>{recipe}</dl></section></div>{drawn}</div>",
        last=_pairs(last),
        recipe=_pairs(recipe),
        drawn=drawn if run.reconstructions else "",
    )


def _pairs(pairs: list[tuple[str, str]]) -> Html:
    return Html("").join(html("<dt>{key}</dt><dd>{value}</dd>", key=key, value=value) for key, value in pairs)
