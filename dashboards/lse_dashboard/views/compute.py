"""What can be computed: a kind of work, its method, its parameters, and where to start it."""

from __future__ import annotations

import re
from typing import Literal

import panel_material_ui as pmui

from lse.client.resources import MadeResource, Method
from lse.platform.errors import LseError
from lse_dashboard.data.colouring import class_columns
from lse_dashboard.state.session import Session
from lse_dashboard.state.work import free_name
from lse_dashboard.views.form import ParameterForm
from lse_dashboard.views.look import compact
from lse_dashboard.views.markup import Markup, html

__all__ = ["ComputeView"]

Kind = Literal["projection", "clustering", "prediction", "encoder"]

_KINDS: dict[str, Kind] = {
    "Projection": "projection",
    "Clustering": "clustering",
    "Prediction": "prediction",
    "Encoder": "encoder",
}
_LATENT = "latent"
# Who decides on a parameter that is left empty.
_UNSET: dict[str, str] = {
    "projection": "automatic",
    "clustering": "automatic",
    "prediction": "automatic",
    "encoder": "from the data",
}


class ComputeView:
    """Starts long work in the chosen experiment, or on its dataset.

    Parameters
    ----------
    session
        Whose experiment.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._suggested = self._asked = ""
        self._kind = pmui.RadioButtonGroup(
            options=_KINDS,
            value="projection",
            css_classes=["lse-kind"],
            **compact(color="primary", sx={"& .MuiToggleButton-root": {"padding": "5px 3px", "flex": "1 1 auto"}}),
        )
        self._method = pmui.Select(**compact(label="Method", options=[], css_classes=["lse-method"]))
        self._help = Markup(sizing_mode="stretch_width", margin=(0, 2, 8, 2))
        self._dimensions = pmui.RadioButtonGroup(
            options={"2-D": 2, "3-D": 3}, value=2, css_classes=["lse-dimensions"], **compact()
        )
        self._on = pmui.Select(**compact(label="Computed on", options=[], css_classes=["lse-on"], visible=False))
        self._labels = pmui.Select(
            **compact(label="Learns from", options=[], css_classes=["lse-labels"], visible=False)
        )
        self._form = ParameterForm()
        self._name = pmui.TextInput(**compact(label="Name of the result", css_classes=["lse-name"]))
        self._run = pmui.Button(
            label="Run", icon="play_arrow", color="primary", variant="contained", css_classes=["lse-run"], **compact()
        )
        self._check = pmui.Button(
            label="Check before running",
            icon="fact_check",
            variant="outlined",
            visible=False,
            css_classes=["lse-check"],
            **compact(description="Time, memory, parameters and views, before anything starts"),
        )
        self._refused = Markup(sizing_mode="stretch_width", css_classes=["lse-refused"], margin=0)

        self._kind.param.watch(lambda *_: self._show_methods(), "value")
        self._method.param.watch(lambda *_: self._show_method(), "value")
        self._dimensions.param.watch(lambda *_: self._suggest_name(), "value")
        self._run.on_click(lambda _: self._start())
        self._check.on_click(lambda _: self._ask_first())
        session.param.watch(lambda *_: self._show_sources(), ["shelf", "images"])
        session.work.param.watch(lambda *_: self._show_methods(), "methods")
        session.work.param.watch(lambda *_: self._suggest_name(), "rows")
        session.work.param.watch(lambda *_: self._show_refusal(session.work.problem), "problem")
        self.panel = pmui.Column(
            Markup(html='<div class="lse"><h2>Compute</h2></div>', sizing_mode="stretch_width", margin=0),
            self._kind,
            self._method,
            self._help,
            self._dimensions,
            self._on,
            self._labels,
            self._form.panel,
            self._name,
            self._check,
            self._run,
            self._refused,
            margin=(16, 0, 0, 0),
            sizing_mode="stretch_width",
            visible=False,
            # A long form is higher than the column, which scrolls.
            styles={"max-height": "none"},
        )
        self._show_sources()
        self._show_methods()

    def _show_sources(self) -> None:
        """Offer what the chosen experiment has to compute on and to learn from."""
        session, shelf = self._session, self._session.shelf
        on = {
            "latent space": _LATENT,
            **{f"projection {one.id}": one.id for one in shelf.projections if one.state == "ready"},
        }
        self._on.param.update(options=on, value=self._on.value if self._on.value in on.values() else _LATENT)
        labels = {f"labels · {scheme.id}": f"label:{scheme.id}" for scheme in shelf.schemes}
        if session.images is not None:
            labels |= {f"column · {column}": f"column:{column}" for column in class_columns(session.images)}
        labels = labels or {"no labels and no classes": ""}
        kept = self._labels.value if self._labels.value in labels.values() else next(iter(labels.values()))
        if (labels, kept) != (self._labels.options, self._labels.value):
            self._labels.param.update(options=labels, value=kept)
        self.panel.visible = shelf.experiment is not None and shelf.experiment.state == "ready"
        self._suggest_name()

    def _methods(self) -> tuple[Method, ...]:
        methods = self._session.work.methods
        return () if methods is None else getattr(methods, self._kind.value)

    def _show_methods(self) -> None:
        kind = self._kind.value
        self._dimensions.visible = kind == "projection"
        self._on.visible = kind == "clustering"
        self._labels.visible = kind == "prediction"
        self._check.visible = kind == "encoder"
        options = {method.title: method.id for method in self._methods()}
        value = self._method.value if self._method.value in options.values() else next(iter(options.values()), None)
        self._method.param.update(options=options, value=value)
        self._show_method()

    def _show_method(self) -> None:
        method = self._chosen_method()
        if method is not None:
            self._help.html = str(html('<div class="lse quiet">{help}</div>', help=method.help))
            self._form.show(method, unset=_UNSET[self._kind.value])
        self._suggest_name()

    def _chosen_method(self) -> Method | None:
        return next((method for method in self._methods() if method.id == self._method.value), None)

    def _suggest_name(self) -> None:
        method, shelf = self._chosen_method(), self._session.shelf
        if method is None:
            return
        base = re.sub(r"[^a-z0-9]+", "-", method.id.lower()).strip("-")
        taken = {row.target_id for row in self._session.work.rows}
        made: tuple[MadeResource, ...]
        if self._kind.value == "projection":
            base, made = f"{base}-{self._dimensions.value}d", shelf.projections
        elif self._kind.value == "clustering":
            made = shelf.clusterings
        elif self._kind.value == "prediction":
            made = shelf.predictions
        else:
            made = shelf.encoders
        name = free_name(base, {one.id for one in made} | taken)
        # What the visitor wrote stays until it is used; what was only suggested follows the method.
        if self._name.value in {"", self._suggested} or (self._name.value == self._asked and self._asked in taken):
            self._name.value = name
        self._suggested = name

    def _start(self) -> None:
        session, method = self._session, self._chosen_method()
        experiment, dataset, work = session.experiment, session.shelf.dataset, session.work
        if method is None or experiment is None or dataset is None:
            return
        settings = self._settings()
        if settings is None:
            return
        self._asked = name = (self._name.value or "").strip()
        kind: Kind = self._kind.value
        project, asked = session.project, {"name": name, "method": method.id}
        if not name:
            self._show_refusal("Give the result a name.")
        elif kind == "projection":
            work.run_projection(project, experiment.id, components=self._dimensions.value, settings=settings, **asked)
        elif kind == "clustering":
            on = next((one for one in session.shelf.projections if one.id == self._on.value), None)
            work.run_clustering(project, experiment.id, on=on, settings=settings, **asked)
        elif kind == "encoder":
            work.run_encoder(project, dataset.id, settings=settings, **asked)
        elif self._labels.value:
            work.run_prediction(project, experiment.id, labels=self._labels.value, settings=settings, **asked)
        else:
            self._show_refusal("There is nothing to learn from: label some images, or give the dataset a class column.")

    def _settings(self) -> dict[str, str] | None:
        """What the form says; None where it says what cannot be, which is told."""
        try:
            settings = self._form.settings()
        except LseError as error:
            self._show_refusal(error.message)
            return None
        self._show_refusal("")
        return settings

    def _ask_first(self) -> None:
        session, method = self._session, self._chosen_method()
        if method is None or session.shelf.dataset is None:
            return
        settings = self._settings()
        if settings is not None:
            session.checking.ask(session.project, session.shelf.dataset.id, method=method.id, settings=settings)

    def _show_refusal(self, message: str) -> None:
        self._refused.html = str(html('<div class="lse problem">{message}</div>', message=message)) if message else ""
