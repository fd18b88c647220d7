"""The selection: how it is made and undone, what it is, what can be done with it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import panel as pn

from lse_dashboard import wording
from lse_dashboard.data.downloads import Make
from lse_dashboard.data.results import FORMATS, write_selected
from lse_dashboard.state.selection import Combine
from lse_dashboard.state.session import Session
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.choice import Choice
from lse_dashboard.views.comparison import comparison_view
from lse_dashboard.views.gallery import GalleryView
from lse_dashboard.views.markup import Html, Markup, button, html, join, nothing
from lse_dashboard.views.text_field import text_field, typed

__all__ = ["SelectionView"]

_WORDS = wording.Selection
_COMBINES: dict[str, Combine] = {one: one for one in get_args(Combine)}


class SelectionView:
    """The selection of one visitor.

    Parameters
    ----------
    session
        Whose selection.
    addresses
        Where things are.
    """

    def __init__(self, session: Session, addresses: Addresses) -> None:
        self._session = session
        selection = session.selection
        self._head = Markup(
            {
                "undo": lambda _: selection.undo(),
                "redo": lambda _: selection.redo(),
                "invert": lambda _: session.selecting.invert(),
                "clear": lambda _: selection.clear(),
                "combine": self._combine,
            },
            css_classes=["lse-selection-head"],
        )
        self._find = text_field(label=_WORDS.FIND, placeholder=_WORDS.FIND_HINT, css_classes=["lse-find"])
        self._find.param.watch(self._on_find, "enter_pressed")
        self._not_found = Markup()
        self._links = {
            title: addresses.offer(f"selection.{suffix}", self._export(suffix)) for title, suffix in FORMATS.items()
        }
        self._actions = Markup(
            {
                "isolate": lambda _: session.scatter.isolate_rows(selection.rows),
                "similar": lambda _: self._similar(),
                "copy": lambda _: self._copy(),
                "save": lambda _: self._ask_name(_WORDS.SAVE_AS),
                "dataset": lambda _: self._ask_name(_WORDS.DATASET_AS),
            },
            css_classes=["lse-selection-actions"],
        )
        self._name = text_field(label=_WORDS.SAVE_AS, visible=False, css_classes=["lse-save-as"])
        self._name.param.watch(self._on_name, "enter_pressed")
        self._saved = Markup(css_classes=["lse-saved"])
        self._kept = Choice(self._open_kept, label=_WORDS.SAVED_BEFORE, options=[], css_classes=["lse-kept"])
        self._view = Markup({"view": self._choose_view}, sizing_mode=None, margin=(6, 0, 0, 0))
        self._gallery = GalleryView(session, addresses.thumbnail)
        self._order = pn.Column(self._gallery.order.select, margin=0, align="end")
        self._comparison = comparison_view(session)
        self.panel = pn.Column(
            self._head,
            self._find,
            self._not_found,
            self._kept.select,
            self._actions,
            self._name,
            self._saved,
            # Side by side: the first images are in sight on a low screen.
            pn.Row(self._view, self._order, sizing_mode="stretch_width", margin=0),
            self._gallery.panel,
            self._comparison,
            sizing_mode="stretch_width",
            margin=0,
        )
        self._watch()
        self._show()
        self._show_kept()

    def _watch(self) -> None:
        session = self._session
        session.selection.param.watch(lambda *_: self._show(), ["step", "combine"])
        # What was said is of the selection before.
        session.selection.param.watch(lambda *_: session.selecting.param.update(saved="", not_found=""), "step")
        session.scatter.param.watch(lambda *_: self._show(), ["shown", "selected"])
        session.summary.param.watch(lambda *_: self._show(), "wanted")
        session.selecting.param.watch(lambda *_: self._show_kept(), "kept")
        session.selecting.param.watch(lambda *_: self._show_problem(), ["not_found", "saved"])

    def _export(self, suffix: str) -> Make:
        session = self._session

        def write(folder: Path) -> Path:
            experiment, rows = session.experiment, session.selection.rows
            assert experiment is not None
            path = folder / f"{experiment.id}-selection.{suffix}"
            client = session.library.client(session.project)
            return write_selected(
                client, experiment.id, path, dataset=experiment.dataset, rows=rows if len(rows) else None
            )

        return write

    def _combine(self, how: str) -> None:
        if how in _COMBINES:
            self._session.selection.combine = _COMBINES[how]

    def _choose_view(self, name: str) -> None:
        self._session.summary.wanted = name == "1"

    def _on_find(self, event: Any) -> None:
        if event.new:
            self._session.selecting.text(typed(self._find))

    def _ask_name(self, what: str) -> None:
        self._name.param.update(visible=True, label=what, value="")

    def _on_name(self, event: Any) -> None:
        name = typed(self._name)
        if event.new and name:
            self._name.visible = False
            if self._name.label == _WORDS.DATASET_AS:
                self._make_dataset(name)
            else:
                self._session.selecting.save(name)

    def _make_dataset(self, name: str) -> None:
        """Make a dataset of the selected images; the work is listed with all other."""
        session, dataset, rows = self._session, self._session.contents.dataset, self._session.selection.rows
        if dataset is not None and len(rows):
            client = session.library.client(session.project)
            session.operations.ask(
                lambda: client.datasets.subset(name, of=dataset.id, rows=rows),
                lambda _: session.selecting.tell(_WORDS.DATASET_ASKED.format(name=name)),
                lambda error: session.selecting.tell(error.message),
            )

    def _open_kept(self, name: str) -> None:
        self._session.selecting.open(name)
        self._kept.show(value="")

    def _similar(self) -> None:
        self._session.summary.wanted = False
        self._session.gallery.similar()

    def _copy(self) -> None:
        session = self._session
        if session.images is not None:
            self._actions.copy("\n".join(filter(None, session.images.names_of(session.selection.rows))))
            session.selecting.tell(_WORDS.COPIED)

    def _show_kept(self) -> None:
        kept = [one.id for one in self._session.selecting.kept]
        self._kept.show(options={_WORDS.OPEN: "", **{one: one for one in kept}}, value="", visible=bool(kept))

    def _show_problem(self) -> None:
        text, saved = self._session.selecting.not_found, self._session.selecting.saved
        self._not_found.html = (
            html('<div class="lse"><div class="problem">{text}</div></div>', text=text) if text else ""
        )
        self._saved.html = html('<div class="lse quiet">{text}</div>', text=saved) if saved else ""

    def _show(self) -> None:
        session = self._session
        rows, some = session.selection.rows, len(session.selection.rows) > 0
        self._head.html = self._head_html()
        self._actions.html = self._actions_html() if some else nothing(*_WORDS.NONE)
        wanted = session.summary.wanted
        self._view.html = _switch(_WORDS.VIEWS, chosen=int(wanted)) if some else ""
        self._gallery.panel.visible = self._order.visible = some and not wanted
        self._comparison.visible = some and wanted
        self._name.visible = self._name.visible and len(rows) > 0

    def _head_html(self) -> Html:
        session, selection = self._session, self._session.selection
        count, images = len(selection.rows), session.images
        scatter = session.scatter
        seen = 0
        if scatter.selected is not None and scatter.shown is not None:
            seen = len(scatter.selected & scatter.shown)
        outside = html('<div class="quiet">{text}</div>', text=_WORDS.OUTSIDE.format(count=count - seen))
        return html(
            '<div class="lse selected"><div class="figure lse-selection-count">{count}'
            '<span class="quiet"> {origin}</span></div>{outside}'
            '<div class="tools">{undo}{redo}{invert}{clear}'
            '<span class="combine" role="group" aria-label="{title}">{combines}'
            "</span></div></div>",
            count=_WORDS.COUNT.format(count=count, total=0 if images is None else len(images.rows)),
            origin=selection.step.origin,
            outside=outside if count > seen else "",
            undo=_tool(_WORDS.UNDO, "undo", _WORDS.UNDO_HELP, usable=selection.can_undo),
            redo=_tool(_WORDS.REDO, "redo", _WORDS.REDO_HELP, usable=selection.can_redo),
            invert=_tool(_WORDS.INVERT, "invert", _WORDS.INVERT_HELP),
            clear=_tool(_WORDS.CLEAR, "clear", _WORDS.CLEAR_HELP, usable=count > 0),
            title=_WORDS.COMBINE,
            combines=join(
                html(
                    '<button class="chip" aria-pressed="{on}" data-action="combine" data-value="{how}" title="{help}" '
                    'aria-label="{help}">'
                    "{label}</button>",
                    on="true" if how == selection.combine else "false",
                    how=how,
                    label=label,
                    help=help_,
                )
                for how, label, help_ in _WORDS.COMBINES
            ),
        )

    def _actions_html(self) -> Html:
        exports = join(
            html('<a href="{url}" download title="{help}">{title}</a>', url=url, title=title, help=_WORDS.EXPORT_HELP)
            for title, url in self._links.items()
        )
        return html(
            '<div class="lse acts">{isolate}{similar}{copy}{save}{dataset}'
            '<span class="exports"><span class="quiet">{export}</span>{exports}</span></div>',
            isolate=_tool(_WORDS.ISOLATE, "isolate", _WORDS.ISOLATE_HELP),
            similar=_tool(_WORDS.SIMILAR, "similar", _WORDS.SIMILAR_HELP),
            copy=_tool(_WORDS.COPY, "copy", _WORDS.COPY_HELP),
            save=_tool(_WORDS.SAVE, "save", _WORDS.SAVE_HELP),
            dataset=_tool(_WORDS.DATASET, "dataset", _WORDS.DATASET_HELP),
            export=_WORDS.EXPORT,
            exports=exports,
        )


def _tool(label: str, action: str, help: str, *, usable: bool = True) -> Html:  # noqa: A002
    if usable:
        return button(label, action, css=f"tool lse-{action}", help=help)
    template = '<button class="tool lse-{action}" title="{help}" disabled>{label}</button>'
    return html(template, action=action, help=help, label=label)


def _switch(titles: tuple[str, ...], *, chosen: int) -> Html:
    buttons = (
        html(
            '<button role="tab" aria-selected="{on}" data-action="view" data-value="{i}">{title}</button>',
            on="true" if i == chosen else "false",
            i=i,
            title=title,
        )
        for i, title in enumerate(titles)
    )
    return html('<div class="lse tabs small" role="tablist">{buttons}</div>', buttons=join(buttons))
