"""What can be computed: a kind of computation, its method, its parameters, and where to start it."""

from __future__ import annotations

import re

import panel_material_ui as pmui

from lse.client.resources import MadeResource, Method
from lse.errors import LseError
from lse_dashboard import wording
from lse_dashboard.data.computations import DIMENSIONS, KINDS, Computation, free_name
from lse_dashboard.data.opening import ready
from lse_dashboard.state.session import Session
from lse_dashboard.views.appearance import compact
from lse_dashboard.views.markup import Markup, html, problem
from lse_dashboard.views.parameter_form import ParameterForm
from lse_dashboard.views.text_field import text_field, typed

__all__ = ["ComputeView"]

_WORDS = wording.Compute
_LATENT = "latent"


class ComputeView:
    """Starts computations in the chosen experiment, or on its dataset.

    Parameters
    ----------
    session
        Whose experiment.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._suggested = ""
        self._kind = pmui.RadioButtonGroup(
            options=dict(zip(_WORDS.KINDS, KINDS, strict=True)),
            value=KINDS[0],
            css_classes=["lse-kind"],
            **compact(color="primary", sx={"& .MuiToggleButton-root": {"padding": "5px 3px", "flex": "1 1 auto"}}),
        )
        self._method = pmui.Select(**compact(label=_WORDS.METHOD, options=[], css_classes=["lse-method"]))
        self._help = Markup(margin=(0, 2, 8, 2))
        self._dimensions = pmui.RadioButtonGroup(
            options=dict(zip(_WORDS.DIMENSIONS, (2, 3), strict=True)),
            value=2,
            css_classes=["lse-dimensions"],
            **compact(),
        )
        self._on = pmui.Select(**compact(label=_WORDS.ON, options=[], css_classes=["lse-on"]))
        self._labels = pmui.Select(**compact(label=_WORDS.LEARN_FROM, options=[], css_classes=["lse-labels"]))
        self._form = ParameterForm()
        self._name = text_field(label=_WORDS.NAME, css_classes=["lse-name"])
        self._check = pmui.Button(
            label=_WORDS.CHECK,
            icon="fact_check",
            variant="outlined",
            css_classes=["lse-check"],
            **compact(description=_WORDS.CHECK_HELP),
        )
        self._run = pmui.Button(
            label=_WORDS.RUN,
            icon="play_arrow",
            color="primary",
            variant="contained",
            css_classes=["lse-run"],
            **compact(),
        )
        self._refused = Markup(css_classes=["lse-refused"])
        self.panel = self._column()
        self._watch()
        self._show_sources()
        self._show_methods()

    def _column(self) -> pmui.Column:
        heading = html('<div class="lse"><h2>{title}</h2></div>', title=_WORDS.TITLE)
        return pmui.Column(
            Markup(html=heading),
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

    def _watch(self) -> None:
        session, operations = self._session, self._session.operations
        self._kind.param.watch(lambda *_: self._show_methods(), "value")
        self._method.param.watch(lambda *_: self._show_method(), "value")
        self._dimensions.param.watch(lambda *_: self._suggest_name(), "value")
        self._run.on_click(lambda _: self._start())
        self._check.on_click(lambda _: self._check_training())
        session.param.watch(lambda *_: self._show_sources(), ["contents", "columns"])
        operations.param.watch(lambda *_: self._show_methods(), "methods")
        operations.param.watch(lambda event: self._suggest_name(used=event.new.target_id), "accepted")
        operations.param.watch(lambda *_: self._refuse(operations.problem), "problem")

    def _show_sources(self) -> None:
        """Offer what the chosen experiment has to compute on and to learn from."""
        session, contents = self._session, self._session.contents
        projections = {_WORDS.ON_PROJECTION.format(name=one.id): one.id for one in ready(contents.projections)}
        _offer(self._on, {_WORDS.LATENT: _LATENT, **projections})
        labels = {_WORDS.LABELS.format(name=one.id): f"label:{one.id}" for one in contents.schemes}
        columns = {_WORDS.COLUMN.format(name=name): f"column:{name}" for name in session.class_columns}
        _offer(self._labels, {**labels, **columns} or {_WORDS.NOTHING_TO_LEARN: ""})
        self.panel.visible = contents.experiment is not None and contents.experiment.state == "ready"
        self._suggest_name()

    def _methods(self) -> tuple[Method, ...]:
        return self._session.operations.methods.get(self._kind.value, ())

    def _show_methods(self) -> None:
        kind = self._kind.value
        self._dimensions.visible = kind == "projection"
        self._on.visible = kind == "clustering"
        self._labels.visible = kind == "prediction"
        self._check.visible = kind == "encoder"
        _offer(self._method, {method.title: method.id for method in self._methods()})
        self._show_method()

    def _show_method(self) -> None:
        method = self._chosen_method()
        if method is not None:
            self._help.html = html('<div class="lse quiet">{help}</div>', help=method.summary)
            kind, words = self._kind.value, wording.Parameters
            self._form.show(
                # The number of dimensions has buttons of its own.
                [one for one in method.parameters if kind != "projection" or one.key != DIMENSIONS],
                unset=words.FROM_DATA if kind == "encoder" else words.AUTOMATIC,
            )
        self._suggest_name()

    def _chosen_method(self) -> Method | None:
        return next((method for method in self._methods() if method.id == self._method.value), None)

    def _suggest_name(self, *, used: str = "") -> None:
        method, contents, kind = self._chosen_method(), self._session.contents, self._kind.value
        if method is None:
            return
        base = re.sub(r"[^a-z0-9]+", "-", method.id.lower()).strip("-")
        if kind == "projection":
            base = f"{base}-{self._dimensions.value}d"
        made: tuple[MadeResource, ...] = getattr(contents, f"{kind}s")
        taken = {row.target_id for row in self._session.operations.rows}
        name = free_name(base, {one.id for one in made} | taken)
        # What the visitor wrote stays until it is used; what was only suggested follows the method.
        if typed(self._name) in {"", self._suggested, used}:
            self._name.value = name
        self._suggested = name

    def _start(self) -> None:
        session, method, parameters = self._session, self._chosen_method(), self._parameters()
        experiment, dataset, kind = session.experiment, session.contents.dataset, self._kind.value
        if method is None or parameters is None or experiment is None or dataset is None:
            return
        name = typed(self._name)
        if not name:
            self._refuse(_WORDS.UNNAMED)
        elif kind == "prediction" and not self._labels.value:
            self._refuse(_WORDS.NO_LABELS)
        else:
            computation = Computation(
                kind=kind,
                name=name,
                source=dataset.id if kind == "encoder" else experiment.id,
                method=method.id,
                parameters=parameters,
                on=self._on.value,
                labels=self._labels.value,
            )
            session.operations.run(session.project, computation)

    def _parameters(self) -> dict[str, str] | None:
        """What the form says; None where it says what cannot be, which is then shown."""
        try:
            parameters = self._form.parameters()
        except LseError as error:
            self._refuse(error.message)
            return None
        self._refuse("")
        if self._kind.value == "projection":
            parameters[DIMENSIONS] = str(self._dimensions.value)
        return parameters

    def _check_training(self) -> None:
        session, method, parameters = self._session, self._chosen_method(), self._parameters()
        dataset = session.contents.dataset
        if method is not None and parameters is not None and dataset is not None:
            session.training_check.ask(session.project, dataset.id, method=method, parameters=parameters)

    def _refuse(self, sentence: str) -> None:
        self._refused.html = problem(sentence) if sentence else ""


def _offer(select: pmui.Select, options: dict[str, str]) -> None:
    """Options of a select; what was chosen stays while it is among them."""
    value = select.value if select.value in options.values() else next(iter(options.values()), None)
    if (options, value) != (select.options, select.value):
        select.param.update(options=options, value=value)
