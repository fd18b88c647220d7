"""The left column: the experiment, and what can be computed in it."""

from __future__ import annotations

from typing import Any

import panel as pn
import panel_material_ui as pmui

from lse_dashboard.state.session import PREDICTED, Session
from lse_dashboard.views.compute import ComputeView
from lse_dashboard.views.encoders import EncodersView
from lse_dashboard.views.look import compact
from lse_dashboard.views.markup import Html, Markup, html
from lse_dashboard.views.operations import OperationsView

__all__ = ["Workbench"]

# The figures that people know best go first where there is room for two.
_TELLING_FIGURES = frozenset({"trustworthiness", "silhouette", "adjusted_rand", "balanced_accuracy", "chance"})


class Workbench:
    """Experiments and computation."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._updating = False
        self._project = pmui.Select(**compact(label="Project", options=[], css_classes=["lse-project"]))
        self._experiment = pmui.Select(**compact(label="Experiment", options=[], css_classes=["lse-experiment"]))
        self._facts = Markup(
            {"encoder": lambda encoder: session.training.open(session.project, encoder)},
            sizing_mode="stretch_width",
            css_classes=["lse-facts"],
            margin=(6, 0, 0, 0),
        )

        self._project.param.watch(self._on_project, "value")
        self._experiment.param.watch(self._on_experiment, "value")
        session.param.watch(lambda *_: self._show_experiments(), ["projects", "project", "shelf"])
        session.param.watch(lambda *_: self._show_facts(), ["shelf", "loading", "online", "colour_by"])
        self.panel = pn.Column(
            self._project,
            self._experiment,
            self._facts,
            EncodersView(session).panel,
            ComputeView(session).panel,
            OperationsView(session).panel,
            width=300,
            sizing_mode="stretch_height",
            margin=0,
            css_classes=["lse-left"],
            styles={"overflow-y": "auto", "overflow-x": "hidden", "background": "#131922", "padding": "10px 14px 14px"},
            stylesheets=[
                ":host { scrollbar-width: thin; scrollbar-color: #33414f transparent; }",
                # A window that closes gives the focus back to the column, which is nothing to mark.
                ":host(:focus), :host(:focus-visible) { outline: none !important; }",
            ],
        )
        self._show_experiments()
        self._show_facts()

    def _show_experiments(self) -> None:
        session, shelf = self._session, self._session.shelf
        self._updating = True
        try:
            self._project.param.update(options=list(session.projects) or [""], value=session.project)
            options = {_experiment_title(one.id, one.state): one.id for one in shelf.experiments}
            if shelf.experiment is None:
                options = {"choose one" if options else "none": "", **options}
            self._experiment.param.update(
                options=options,
                value="" if shelf.experiment is None else shelf.experiment.id,
                disabled=not shelf.experiments,
            )
        finally:
            self._updating = False

    def _on_project(self, event: Any) -> None:
        if not self._updating and event.new and event.new != self._session.project:
            self._session.choose_project(event.new)

    def _on_experiment(self, event: Any) -> None:
        if not self._updating and event.new:
            self._session.choose_experiment(event.new)

    def _show_facts(self) -> None:
        self._facts.html = str(_facts(self._session))


def _experiment_title(name: str, state: str) -> str:
    return name if state == "ready" else f"{name} ({state})"


def _facts(session: Session) -> Html:
    experiment, dataset = session.shelf.experiment, session.shelf.dataset
    if experiment is None or dataset is None:
        if not session.online:
            return Html("")
        if session.loading:
            return Html('<div class="lse quiet">Opening …</div>')
        if session.shelf.experiments:
            return Html('<div class="lse empty"><b>No experiment is open</b>Choose one above.</div>')
        return Html(
            '<div class="lse empty"><b>No experiment yet</b>An experiment is a dataset seen through an encoder. '
            "Make one with <code>lse experiment encode</code> or <code>lse pipeline run</code>.</div>"
        )
    badge = Html(' <span class="badge lse-simulated">SIMULATED</span>') if dataset.simulated else Html("")
    facts: list[tuple[str, object]] = [
        ("Dataset", html("{name}{badge}", name=dataset.id, badge=badge)),
        ("Images", f"{dataset.prepared:,} prepared, {dataset.rejected:,} rejected"),
        ("Encoder", _encoder(experiment.encoder.rsplit("/", 1)[-1])),
        ("Vectors", f"{experiment.images:,} × {experiment.dimension}"),
    ]
    if experiment.search_recall:
        facts.append(("Search recall", f"{experiment.search_recall:.3f} at 10"))
    if experiment.state != "ready":
        facts.append(("State", experiment.state))
    if session.projection is not None:
        facts.append(("Projection", _method_and_figures(session.projection.method, session.projection.figures)))
    if session.clustering is not None:
        facts.append(("Clustering", _method_and_figures(session.clustering.method, session.clustering.figures)))
    notes = [*dataset.notes, *experiment.notes]
    chosen = session.colour_by.partition(":")[2] if session.colour_by.startswith(PREDICTED) else ""
    prediction = next((one for one in session.shelf.predictions if one.id == chosen), None)
    if prediction is not None:
        facts.append(("Prediction", _method_and_figures(prediction.method, prediction.figures)))
    for made in (session.projection, session.clustering, prediction):
        notes += [] if made is None else made.notes
    return html(
        '<div class="lse"><dl>{facts}</dl>{notes}</div>',
        facts=Html("").join(html("<dt>{key}</dt><dd>{value}</dd>", key=key, value=value) for key, value in facts),
        notes=html(
            '<details data-key="notes" style="margin-top:6px"><summary class="quiet">{count}</summary>'
            '<ul class="notes">{items}</ul></details>',
            count="1 note" if len(notes) == 1 else f"{len(notes)} notes",
            items=Html("").join(html("<li>{note}</li>", note=note) for note in notes),
        )
        if notes
        else "",
    )


def _encoder(name: str) -> Html | str:
    if not name:
        return "imported vectors"
    return html(
        '{name} <button class="link lse-encoder" data-action="encoder" data-value="{name}" '
        'title="Its training and its card">details</button>',
        name=name,
    )


def _method_and_figures(method: str, figures: dict[str, float]) -> str:
    keys = sorted(figures, key=lambda key: (key not in _TELLING_FIGURES, key))[:2]
    shown = ", ".join(f"{key.replace('_', ' ')} {figures[key]:.3g}" for key in keys)
    return f"{method} · {shown}" if shown else method
