"""The left column: the open experiment, and what can be computed in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import panel as pn

from lse.client.notebook import notebook
from lse.client.resources import Dataset, Experiment
from lse.values import value_text
from lse_dashboard import wording
from lse_dashboard.state.ingest import Ingest
from lse_dashboard.state.session import Session
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.appearance import scrolling
from lse_dashboard.views.choice import Choice
from lse_dashboard.views.compute import ComputeView
from lse_dashboard.views.encoders import encoder_list
from lse_dashboard.views.markup import Html, Markup, button, folded, html, notes, nothing, pairs
from lse_dashboard.views.operations import operation_list

__all__ = ["Sidebar"]

_WORDS = wording.Sidebar
# The figures that people know best go first where there is room for two.
_BEST_KNOWN = frozenset({"trustworthiness", "silhouette", "adjusted_rand", "balanced_accuracy", "chance"})


class Sidebar:
    """Experiments and computations.

    Parameters
    ----------
    session
        Whose column.
    ingest
        Where datasets are made.
    concepts
        Opens the window of the concepts of the open experiment.
    addresses
        Where the page finds files.
    """

    def __init__(self, session: Session, ingest: Ingest, concepts: Callable[[], None], addresses: Addresses) -> None:
        self._session = session
        self._notebook = addresses.offer("experiment.ipynb", self._write_notebook)
        self._project = Choice(self._choose_project, label=_WORDS.PROJECT, options=[], css_classes=["lse-project"])
        self._experiment = Choice(
            session.choose_experiment, label=_WORDS.EXPERIMENT, options=[], css_classes=["lse-experiment"]
        )
        self._facts = Markup(
            {"encoder": lambda encoder: session.training_monitor.open(session.project, encoder)},
            css_classes=["lse-facts"],
            margin=(6, 0, 0, 0),
        )
        self._concepts = Markup({"concepts": lambda _: concepts()})
        session.param.watch(lambda *_: self._show_experiments(), ["projects", "project", "contents"])
        session.param.watch(lambda *_: self._show_facts(), ["contents", "loading", "online", "colour_by"])
        manage = Markup(
            {
                "manage": lambda _: session.project_window.open(session.project, session.experiment_id),
                "ingest": lambda _: ingest.open(session.project),
            },
            html=html(
                '<div class="lse doors">{manage}{ingest}</div>',
                manage=button(_WORDS.MANAGE, "manage", css="link lse-manage"),
                ingest=button(wording.Ingest.OPEN, "ingest", css="link lse-open-ingest"),
            ),
        )
        self.panel = pn.Column(
            self._project.select,
            self._experiment.select,
            manage,
            self._facts,
            self._concepts,
            encoder_list(session),
            ComputeView(session).panel,
            operation_list(session, lambda dataset: ingest.show(dataset, session.project)),
            **scrolling(width=300, narrow=268, css_classes=["lse-left"]),
        )
        self._show_experiments()
        self._show_facts()

    def _show_experiments(self) -> None:
        session, contents = self._session, self._session.contents
        opened = contents.experiment is not None and contents.experiment.state == "ready"
        concepts = button(wording.Concepts.OPEN, "concepts", css="link lse-concepts")
        written = html(
            '<a class="link lse-notebook" href="{url}" download title="{help}">{label}</a>',
            url=self._notebook,
            help=_WORDS.NOTEBOOK_HELP,
            label=_WORDS.NOTEBOOK,
        )
        self._concepts.html = (
            html('<div class="lse doors">{concepts}{notebook}</div>', concepts=concepts, notebook=written)
            if opened
            else ""
        )
        self._project.show(options=list(session.projects) or [""], value=session.project)
        options = {_title(one): one.id for one in contents.experiments}
        if contents.experiment is None:
            options = {_WORDS.CHOOSE_ONE if options else _WORDS.NO_EXPERIMENTS: "", **options}
        self._experiment.show(
            options=options,
            value="" if contents.experiment is None else contents.experiment.id,
            disabled=not contents.experiments,
        )

    def _write_notebook(self, folder: Path) -> Path:
        session = self._session
        path = folder / f"{session.experiment_id}.ipynb"
        path.write_text(notebook(session.library.client(session.project), session.experiment_id), encoding="utf-8")
        return path

    def _choose_project(self, project: str) -> None:
        if project != self._session.project:
            self._session.choose_project(project)

    def _show_facts(self) -> None:
        session, contents = self._session, self._session.contents
        if contents.experiment is not None and contents.dataset is not None:
            self._facts.html = _facts(session, contents.experiment, contents.dataset)
        elif session.loading or not session.online:
            text = _WORDS.OPENING if session.online else ""
            self._facts.html = html('<div class="lse quiet">{text}</div>', text=text)
        else:
            self._facts.html = nothing(*(_WORDS.NOT_OPEN if contents.experiments else _WORDS.EMPTY))


def _title(experiment: Experiment) -> str:
    if experiment.state == "ready":
        return experiment.id
    return _WORDS.UNFINISHED.format(name=experiment.id, state=experiment.state)


def _facts(session: Session, experiment: Experiment, dataset: Dataset) -> Html:
    badge = html(' <span class="badge lse-simulated">{text}</span>', text=wording.SIMULATED)
    counts = _WORDS.IMAGE_COUNTS.format(prepared=dataset.prepared, rejected=dataset.rejected)
    shape = _WORDS.VECTOR_SHAPE.format(count=experiment.images, dimension=experiment.dimension)
    facts: list[tuple[str, object]] = [
        (_WORDS.DATASET, html("{name}{badge}", name=dataset.id, badge=badge if dataset.simulated else "")),
        (_WORDS.IMAGES, counts),
        (_WORDS.ENCODER, _encoder(experiment.encoder.rsplit("/", 1)[-1])),
        (_WORDS.VECTORS, shape),
    ]
    if experiment.search_recall:
        facts.append((_WORDS.RECALL, _WORDS.RECALL_VALUE.format(recall=experiment.search_recall)))
    if experiment.state != "ready":
        facts.append((_WORDS.STATE, experiment.state))
    shown = (
        (_WORDS.PROJECTION, session.projection),
        (_WORDS.CLUSTERING, session.clustering),
        (_WORDS.PREDICTION, session.prediction),
    )
    sentences = [*dataset.notes, *experiment.notes]
    for title, made in shown:
        if made is not None:
            facts.append((title, _method_and_figures(made.method, made.figures)))
            sentences += made.notes
    count = _WORDS.ONE_NOTE if len(sentences) == 1 else _WORDS.NOTES.format(count=len(sentences))
    return html(
        '<div class="lse">{facts}{notes}</div>',
        facts=pairs(facts),
        notes=folded("notes", count, notes(sentences)) if sentences else "",
    )


def _encoder(name: str) -> Html | str:
    if not name:
        return _WORDS.IMPORTED
    details = button(_WORDS.ENCODER_DETAILS, "encoder", name, css="link lse-encoder", help=_WORDS.ENCODER_DETAILS_HELP)
    return html("{name} {details}", name=name, details=details)


def _method_and_figures(method: str, figures: dict[str, float]) -> str:
    keys = sorted(figures, key=lambda key: (key not in _BEST_KNOWN, key))[:2]
    shown = ", ".join(f"{_figure(key)} {value_text(figures[key], digits=3)}" for key in keys)
    return f"{method} · {shown}" if shown else method


def _figure(key: str) -> str:
    """Name of a figure as people write it."""
    return _WORDS.FIGURES.get(key, key.replace("_", " "))
