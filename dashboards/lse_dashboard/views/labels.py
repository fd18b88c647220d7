"""The bar of classes: one click or one key labels the selection, or the image in view."""

from __future__ import annotations

from typing import Any

import numpy as np
import panel as pn

from lse_dashboard import wording
from lse_dashboard.state.session import Session
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.agreement import agreement_table
from lse_dashboard.views.choice import Choice
from lse_dashboard.views.classes_form import class_colours, classes_form, classes_of_form, write_classes
from lse_dashboard.views.markup import Html, Markup, button, html, join, problem
from lse_dashboard.views.text_field import text_field, typed

__all__ = ["LabelBar"]

_WORDS = wording.Labelling


class LabelBar:
    """Label schemes and their classes.

    Parameters
    ----------
    session
        Whose labels.
    addresses
        Where the page finds files.
    """

    def __init__(self, session: Session, addresses: Addresses) -> None:
        self._session = session
        self._page = addresses.offer("classes.html", lambda folder: write_classes(session, folder))
        self._scheme = Choice(self._use, label=_WORDS.SCHEME, options=[], css_classes=["lse-scheme"])
        self._bar = Markup(
            {
                "give": session.label,
                "undo": lambda _: session.labelling.undo(),
                "new": lambda _: self._new(),
                "edit": lambda _: self._edit(),
                "colour": lambda _: self._colour(),
                "blind": lambda _: session.look_blind(blind=not session.labelling.blind),
                "agreement": lambda _: session.labelling.compare_experts(),
                "disputed": lambda _: self._disputed(),
            },
            css_classes=["lse-label-bar"],
        )
        self._name = text_field(label=_WORDS.NAME, css_classes=["lse-scheme-name"])
        self._classes = text_field(
            label=_WORDS.CLASSES, placeholder=_WORDS.CLASSES_HINT, css_classes=["lse-scheme-classes"]
        )
        for field in (self._name, self._classes):
            field.param.watch(self._on_enter, "enter_pressed")
        self._form = pn.Column(self._name, self._classes, sizing_mode="stretch_width", margin=0, visible=False)
        self._editor = Markup({"save": self._save, "keep": lambda _: self._edit()}, css_classes=["lse-classes-form"])
        parts = (self._scheme.select, self._bar, self._form, self._editor)
        self.panel = pn.Column(*parts, sizing_mode="stretch_width", margin=(0, 0, 10, 0))
        labelling = session.labelling
        labelling.param.watch(lambda *_: self._show(), ["scheme", "labels", "said", "blind", "agreement"])
        session.param.watch(lambda *_: self._show(), ["contents", "aside", "theme"])
        session.selection.param.watch(lambda *_: self._show(), "step")
        session.navigation.param.watch(lambda *_: self._show(), "row")
        session.review.param.watch(lambda *_: self._show(), "queue")
        self._show()

    def _disputed(self) -> None:
        """Select the images of which not all said the same."""
        found, session = self._session.labelling.agreement, self._session
        if found is not None and found.disputed_rows:
            origin = _WORDS.DISPUTED.format(scheme=session.labelling.scheme_id)
            session.selection.choose(np.array(sorted(found.disputed_rows), dtype=np.int64), origin, combine="replace")
            session.aside = "selection"

    def _use(self, name: str) -> None:
        schemes = self._session.contents.schemes
        self._session.labelling.use(next((one for one in schemes if one.id == name), None))

    def _colour(self) -> None:
        scheme = self._session.labelling.scheme
        if scheme is not None:
            self._session.choose_colour(f"label:{scheme.id}")

    def _new(self) -> None:
        """Open the form of a new scheme; a second time, close it."""
        self._form.visible = not self._form.visible

    def _edit(self) -> None:
        """Open the form of the classes; a second time, close it."""
        scheme = self._session.labelling.scheme
        self._editor.html = "" if scheme is None or self._editor.html else classes_form(scheme)

    def _save(self, form: str) -> None:
        self._session.labelling.edit(classes_of_form(form))
        self._editor.html = ""

    def _on_enter(self, event: Any) -> None:
        classes = [one.strip() for one in typed(self._classes).split(",") if one.strip()]
        name = typed(self._name)
        if event.new and name and classes:
            self._session.labelling.create(name, classes)
            self._form.visible = False
            for field in (self._name, self._classes):
                field.value = ""

    def _show(self) -> None:
        session, labelling = self._session, self._session.labelling
        schemes = {one.id: one.id for one in session.contents.schemes}
        if labelling.scheme is not None:
            schemes.setdefault(labelling.scheme.id, labelling.scheme.id)
        self._scheme.show(options=schemes, value=labelling.scheme_id or None, visible=len(schemes) > 0)
        self._bar.html = self._bar_html() if session.contents.dataset is not None else ""

    def _bar_html(self) -> Html:
        labelling, scheme = self._session.labelling, self._session.labelling.scheme
        new = button(_WORDS.NEW, "new", css="link lse-new-scheme")
        if scheme is None:
            template = '<div class="lse labels"><span class="quiet">{none}</span> {new}</div>'
            return html(template, none=_WORDS.NONE, new=new)
        said = Html("")
        if labelling.said:
            undo = button(_WORDS.UNDO, "undo", css="link lse-undo-label", help=_WORDS.UNDO_HELP)
            said = problem(labelling.said) if labelling.failed else html("<span>{said}</span>", said=labelling.said)
            said = html('<div class="said">{said} {undo}</div>', said=said, undo=undo if labelling.can_undo else "")
        return html(
            '<div class="lse labels"><div class="classes">{classes}</div><div class="quiet lse-label-target">{target}'
            '</div>{said}<div class="further">{new}{edit}{colour}'
            '<a class="link lse-classes-page" href="{page}" download title="{help}">{label}</a>{blind}{agreement}</div>'
            "{found}</div>",
            classes=join(self._class(i, label) for i, label in enumerate(scheme.classes)),
            target=self._target(),
            said=said,
            new=new,
            edit=button(_WORDS.EDIT, "edit", css="link lse-edit-scheme"),
            colour="" if labelling.blind else button(_WORDS.COLOUR, "colour", css="link lse-colour-by-labels"),
            blind=_blind(on=labelling.blind),
            agreement="" if labelling.blind else button(_WORDS.AGREEMENT, "agreement", css="link lse-agreement"),
            found=agreement_table(labelling.agreement),
            page=self._page,
            help=_WORDS.PAGE_HELP,
            label=_WORDS.PAGE,
        )

    def _class(self, index: int, label: str) -> Html:
        session, scheme = self._session, self._session.labelling.scheme
        assert scheme is not None
        definition = scheme.class_definitions.get(label, "")
        return html(
            '<button class="chip class" data-action="give" data-value="{label}" title="{help}" aria-pressed="{on}">'
            '{key}<i style="background:{colour}"></i>{label}<span class="count">{count}</span></button>',
            label=label,
            help=(_WORDS.GIVE_DEFINED if definition else _WORDS.GIVE).format(label=label, definition=definition),
            on="true" if self._given() == label else "false",
            key=html("<kbd>{key}</kbd>", key=index + 1) if index < 9 else "",
            colour=class_colours(session, scheme)[index],
            count=f"{session.labelling.labels.counts[label]:,}",
        )

    def _given(self) -> str:
        """Label of the one image that would be labelled."""
        rows = self._session.label_rows()
        given = self._session.labelling.labels.of.get(int(rows[0])) if len(rows) == 1 else None
        return "" if given is None else given.label

    def _target(self) -> str:
        """What a key would label, and who labelled it before."""
        session, rows = self._session, self._session.label_rows()
        if len(rows) == 0:
            return _WORDS.NO_TARGET
        if len(rows) > 1:
            return _WORDS.TARGETS.format(count=len(rows))
        row = int(rows[0])
        name = "" if session.images is None else session.images.name(row) or ""
        given = session.labelling.labels.of.get(row)
        if given is None:
            return _WORDS.TARGET.format(name=name)
        each = session.labelling.labels.each.get(row, ())
        if len({one.label for one in each}) > 1:
            said = ", ".join(_WORDS.SAID_BY.format(label=one.label, author=one.author) for one in each)
            return _WORDS.TARGET_DISPUTED.format(name=name, said=said)
        when = f"{given.time:%Y-%m-%d %H:%M}" if given.time is not None else ""
        return _WORDS.TARGET_GIVEN.format(name=name, label=given.label, author=given.author, time=when)


def _blind(*, on: bool) -> Html:
    """What blind labelling is, or a button that begins it."""
    if not on:
        return button(_WORDS.BLIND, "blind", css="link lse-blind", help=_WORDS.BLIND_HELP)
    end = button(_WORDS.SEE_ALL, "blind", css="link lse-see-all")
    return html(
        '<div class="said lse-blind-on" role="status"><span>{text}</span> {end}</div>', text=_WORDS.BLIND_ON, end=end
    )
