"""The left column: the experiment, and what can be computed in it."""

from __future__ import annotations

import re
from typing import Any

import panel as pn
import panel_material_ui as pmui

from lse.client.resources import Method
from lse.platform.errors import LseError
from lse_dashboard.data.operations import OperationRow
from lse_dashboard.state.session import Session
from lse_dashboard.state.work import free_name
from lse_dashboard.views.form import ParameterForm
from lse_dashboard.views.look import compact
from lse_dashboard.views.markup import Html, Markup, html

__all__ = ["Workbench"]

_LATENT = "latent"
# The figures that people know best go first where there is room for two.
_TELLING_FIGURES = frozenset({"trustworthiness", "silhouette", "adjusted_rand"})


class Workbench:
    """Experiments and computation."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._updating = False
        self._suggested = ""
        self._project = pmui.Select(**compact(label="Project", options=[], css_classes=["lse-project"]))
        self._experiment = pmui.Select(**compact(label="Experiment", options=[], css_classes=["lse-experiment"]))
        self._facts = Markup(sizing_mode="stretch_width", css_classes=["lse-facts"], margin=(6, 0, 0, 0))

        self._kind = pmui.RadioButtonGroup(
            options={"Projection": "projection", "Clustering": "clustering"},
            value="projection",
            css_classes=["lse-kind"],
            **compact(color="primary"),
        )
        self._method = pmui.Select(**compact(label="Method", options=[], css_classes=["lse-method"]))
        self._help = Markup(sizing_mode="stretch_width", margin=(0, 2, 4, 2))
        self._dimensions = pmui.RadioButtonGroup(
            options={"2-D": 2, "3-D": 3}, value=2, css_classes=["lse-dimensions"], **compact()
        )
        self._on = pmui.Select(**compact(label="Computed on", options=[], css_classes=["lse-on"], visible=False))
        self._form = ParameterForm()
        self._name = pmui.TextInput(**compact(label="Name of the result", css_classes=["lse-name"]))
        self._run = pmui.Button(
            label="Run", icon="play_arrow", color="primary", variant="contained", css_classes=["lse-run"], **compact()
        )
        self._refused = Markup(sizing_mode="stretch_width", css_classes=["lse-refused"], margin=0)
        self._operations = Markup(
            {"cancel": self._cancel, "dismiss": session.work.dismiss},
            sizing_mode="stretch_width",
            css_classes=["lse-operations"],
            margin=(4, 0, 0, 0),
        )

        self._project.param.watch(self._on_project, "value")
        self._experiment.param.watch(self._on_experiment, "value")
        self._kind.param.watch(lambda *_: self._show_methods(), "value")
        self._method.param.watch(lambda *_: self._show_method(), "value")
        self._dimensions.param.watch(lambda *_: self._suggest_name(), "value")
        self._run.on_click(lambda _: self._start())
        session.param.watch(lambda *_: self._show_experiments(), ["projects", "project", "shelf"])
        session.param.watch(lambda *_: self._show_facts(), ["shelf", "loading", "online"])
        session.work.param.watch(lambda *_: self._show_methods(), "methods")
        session.work.param.watch(lambda *_: self._show_operations(), "rows")
        session.work.param.watch(lambda *_: self._show_refusal(session.work.problem), "problem")

        self._compute = pmui.Column(
            Markup(html='<div class="lse"><h2>Compute</h2></div>', sizing_mode="stretch_width", margin=0),
            self._kind,
            self._method,
            self._help,
            self._dimensions,
            self._on,
            self._form.panel,
            self._name,
            self._run,
            self._refused,
            margin=(16, 0, 0, 0),
            sizing_mode="stretch_width",
            visible=False,
        )
        self.panel = pn.Column(
            self._project,
            self._experiment,
            self._facts,
            self._compute,
            self._operations,
            width=300,
            sizing_mode="stretch_height",
            margin=0,
            css_classes=["lse-left"],
            styles={"overflow-y": "auto", "overflow-x": "hidden", "background": "#131922", "padding": "10px 14px 14px"},
            stylesheets=[":host { scrollbar-width: thin; scrollbar-color: #33414f transparent; }"],
        )
        self._show_experiments()
        self._show_facts()
        self._show_methods()
        self._show_operations()

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
            self._on.options = {
                "latent space": _LATENT,
                **{f"projection {one.id}": one.id for one in shelf.projections if one.state == "ready"},
            }
            if self._on.value not in self._on.options.values():
                self._on.value = _LATENT
        finally:
            self._updating = False
        self._compute.visible = shelf.experiment is not None and shelf.experiment.state == "ready"
        self._suggest_name()

    def _on_project(self, event: Any) -> None:
        if not self._updating and event.new and event.new != self._session.project:
            self._session.choose_project(event.new)

    def _on_experiment(self, event: Any) -> None:
        if not self._updating and event.new:
            self._session.choose_experiment(event.new)

    def _show_facts(self) -> None:
        self._facts.html = str(_facts(self._session))

    def _methods(self) -> tuple[Method, ...]:
        methods = self._session.work.methods
        if methods is None:
            return ()
        return methods.projection if self._kind.value == "projection" else methods.clustering

    def _show_methods(self) -> None:
        clusters = self._kind.value == "clustering"
        self._dimensions.visible, self._on.visible = not clusters, clusters
        options = {method.title: method.id for method in self._methods()}
        value = self._method.value if self._method.value in options.values() else next(iter(options.values()), None)
        self._method.param.update(options=options, value=value)
        self._show_method()

    def _show_method(self) -> None:
        method = self._chosen_method()
        if method is not None:
            self._help.html = str(html('<div class="lse quiet">{help}</div>', help=method.help))
            self._form.show(method)
        self._suggest_name()

    def _chosen_method(self) -> Method | None:
        return next((method for method in self._methods() if method.id == self._method.value), None)

    def _suggest_name(self) -> None:
        method, shelf = self._chosen_method(), self._session.shelf
        if method is None:
            return
        base = re.sub(r"[^a-z0-9]+", "-", method.id.lower()).strip("-")
        going = {row.target_id for row in self._session.work.rows}
        if self._kind.value == "projection":
            name = free_name(f"{base}-{self._dimensions.value}d", {one.id for one in shelf.projections} | going)
        else:
            name = free_name(base, {one.id for one in shelf.clusterings} | going)
        # What the visitor wrote stays; what was only suggested follows the method.
        if self._name.value in {"", self._suggested}:
            self._name.value = name
        self._suggested = name

    def _start(self) -> None:
        session, method = self._session, self._chosen_method()
        experiment = session.experiment
        if method is None or experiment is None:
            return
        try:
            settings = self._form.settings()
        except LseError as error:
            self._show_refusal(error.message)
            return
        self._show_refusal("")
        self._suggested = name = (self._name.value or "").strip()
        if not name:
            self._show_refusal("Give the result a name.")
        elif self._kind.value == "projection":
            session.work.run_projection(
                session.project,
                experiment.id,
                name=name,
                method=method.id,
                components=self._dimensions.value,
                settings=settings,
            )
        else:
            on = next((one for one in session.shelf.projections if one.id == self._on.value), None)
            session.work.run_clustering(
                session.project, experiment.id, name=name, method=method.id, on=on, settings=settings
            )

    def _show_refusal(self, message: str) -> None:
        self._refused.html = str(html('<div class="lse problem">{message}</div>', message=message)) if message else ""

    def _cancel(self, name: str) -> None:
        self._session.work.cancel(self._session.project, name)

    def _show_operations(self) -> None:
        rows = self._session.work.rows
        self._operations.html = str(
            html(
                '<div class="lse" style="margin-top:14px"><h2>Operations</h2>{rows}</div>',
                rows=Html("").join(_operation(row) for row in rows)
                if rows
                else Html('<div class="quiet">Nothing is running.</div>'),
            )
        )
        self._suggest_name()


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
        ("Encoder", experiment.encoder.rsplit("/", 1)[-1] or "imported vectors"),
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
    for made in (session.projection, session.clustering):
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


def _method_and_figures(method: str, figures: dict[str, float]) -> str:
    keys = sorted(figures, key=lambda key: (key not in _TELLING_FIGURES, key))[:2]
    shown = ", ".join(f"{key.replace('_', ' ')} {figures[key]:.3g}" for key in keys)
    return f"{method} · {shown}" if shown else method


def _operation(row: OperationRow) -> Html:
    if row.active:
        share = f'style="width:{100 * min(1.0, row.done / row.total):.1f}%"' if row.total else ""
        bar = Html(f'<div class="track"><div class="fill{"" if row.total else " unknown"}" {share}></div></div>')
        facts = [row.stage or row.state]
        if row.total:
            facts.append(f"{row.done:,} of {row.total:,} {row.unit}")
        if row.rate:
            facts.append(f"{row.rate:,.3g} {row.unit}/s")
        facts += [f"{key} {value:.4g}" for key, value in list(row.metrics.items())[:3]]
        body = bar + html(
            '<div class="facts">{facts}</div>', facts=Html("").join(html("<span>{f}</span>", f=fact) for fact in facts)
        )
        label = "cancelling …" if row.state == "cancelling" else "Cancel"
        button = html(
            '<button class="lse-cancel" data-action="cancel" data-value="{name}" {off}>{label}</button>',
            name=row.name,
            off=Html("disabled") if row.state == "cancelling" else "",
            label=label,
        )
    else:
        body = html(
            '<div class="facts"><span class="state">{state}</span></div>{why}',
            state=row.state,
            why=html('<div class="why">{error}</div>', error=row.error) if row.error else "",
        )
        button = html('<button data-action="dismiss" data-value="{name}" title="Forget">✕</button>', name=row.name)
    return html(
        '<div class="op {state}"><div class="top"><b>{target}</b><span class="quiet">{title}</span>{button}</div>'
        "{body}</div>",
        state=row.state,
        target=row.target_id,
        title=row.title,
        button=button,
        body=body,
    )
