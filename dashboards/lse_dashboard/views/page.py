"""The page: a header and three columns."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import panel as pn
import param
from panel.util.parameters import edit_readonly
from panel_material_ui.template.base import Page

from lse_dashboard import wording
from lse_dashboard.state.bookmarks import Bookmarks
from lse_dashboard.state.concepts import ConceptsQuestion
from lse_dashboard.state.ingest import Ingest
from lse_dashboard.state.original import OriginalQuestion
from lse_dashboard.state.samp import Samp
from lse_dashboard.state.session import Session
from lse_dashboard.state.view import KeptView
from lse_dashboard.theme import DARK, LIGHT
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.administration import administration_dialog
from lse_dashboard.views.appearance import PAGE, out_of_flow, widget_theme
from lse_dashboard.views.aside import Aside
from lse_dashboard.views.bookmarks import bookmarks_button, bookmarks_dialog
from lse_dashboard.views.cluster_names import cluster_names_dialog
from lse_dashboard.views.concepts import concepts_dialog
from lse_dashboard.views.dialog import Windows, explanation, question_dialog
from lse_dashboard.views.echoes import StaleEchoes
from lse_dashboard.views.ingest import ingest_dialog
from lse_dashboard.views.keys import Keys
from lse_dashboard.views.link import Header, LinkButton
from lse_dashboard.views.markup import Html, html
from lse_dashboard.views.original import original_dialog
from lse_dashboard.views.project_window import project_dialog
from lse_dashboard.views.samp import SampHub
from lse_dashboard.views.scatter import ScatterView
from lse_dashboard.views.sidebar import Sidebar
from lse_dashboard.views.tour import Tour, TourOffer, tour_button
from lse_dashboard.views.training_check import training_check
from lse_dashboard.views.training_monitor import TrainingMonitorDialog
from lse_dashboard.views.widget_names import WidgetNames

__all__ = ["explorer_page", "mind_its_own"]


class _Idle(param.Parameterized):
    busy = param.Boolean(False, readonly=True)


def explorer_page(
    session: Session, ingest: Ingest, kept: KeptView, addresses: Addresses
) -> tuple[Page, Callable[[], None]]:
    """The explorer of one visitor.

    Parameters
    ----------
    session
        What the visitor chose.
    ingest
        Where datasets are made.
    kept
        The view as a link.
    addresses
        Where the page finds what is not in it.

    Returns
    -------
    page
        Its frame.
    furnish
        Puts everything into it; to be called once.
    """
    header = Header(height=44, css_classes=["lse-header"])
    top = pn.Row(header, sizing_mode="stretch_width", margin=0)
    columns = pn.Row(sizing_mode="stretch_both", margin=0)
    page = Page(
        meta_title=wording.TITLE,
        header=[top],
        main=[columns],
        theme_config={theme.mode: widget_theme(theme) for theme in (DARK, LIGHT)},
        dark_theme=session.theme is DARK,
        busy_indicator=None,
        sx=PAGE,
    )
    mind_its_own(page)

    def furnish() -> None:
        buttons, columns.objects = _contents(session, ingest, kept, addresses)
        top.objects = [header, *buttons]

    def show_header(*_: object) -> None:
        header.html = _header(session)

    def show_theme(*_: object) -> None:
        top.styles = {**session.theme.css(), "align-items": "center", "gap": "8px"}
        columns.styles = {**session.theme.css(), "min-height": "0", "gap": "0"}

    def choose_theme(*_: object) -> None:
        session.theme = DARK if page.dark_theme else LIGHT

    session.param.watch(show_header, ["online", "project", "contents", "problem", "loading"])
    session.param.watch(show_theme, "theme")
    page.param.watch(choose_theme, "dark_theme")
    show_header()
    show_theme()
    return page, furnish


def _contents(
    session: Session, ingest: Ingest, kept: KeptView, addresses: Addresses
) -> tuple[tuple[Any, ...], list[Any]]:
    """Buttons of the header; the columns, and the windows over them."""
    link, scatter = LinkButton(kept), ScatterView(session, addresses)
    original = OriginalQuestion(session.library, session.background, session.navigation)
    concepts = ConceptsQuestion(session)
    samp = Samp(session)
    tour, bookmarks = Tour(), Bookmarks(session, kept)
    left = Sidebar(session, ingest, concepts.ask, addresses).panel
    left.insert(0, TourOffer(tour.start))
    right = Aside(session, addresses, original.open, samp).panel
    windows = _windows(session, ingest, original, concepts, addresses)
    windows.add(bookmarks, "project", lambda: bookmarks_dialog(bookmarks))

    def fold(*_: object) -> None:
        left.visible, right.visible = session.left_open, session.right_open

    session.param.watch(fold, ["left_open", "right_open"])
    buttons = (tour_button(tour), bookmarks_button(bookmarks), link.button, scatter.buttons)
    return buttons, [
        left,
        scatter.panel,
        right,
        Keys(session),
        SampHub(samp),
        WidgetNames(**out_of_flow()),
        StaleEchoes(**out_of_flow()),
        link.bar,
        tour,
        windows.panel,
    ]


def _windows(
    session: Session, ingest: Ingest, original: OriginalQuestion, concepts: ConceptsQuestion, addresses: Addresses
) -> Windows:
    """Windows over the page, each open as long as something is asked there."""
    thumbnail, check, words = addresses.thumbnail, session.training_check, wording
    windows = Windows()
    windows.add(session.training_monitor, "encoder", lambda: TrainingMonitorDialog(session, addresses.card).panel)
    windows.add(
        check, "title", lambda: question_dialog("lse-check-dialog", check, training_check, words.TrainingCheck.WAITING)
    )
    windows.add(session.cluster_names, "clustering", lambda: cluster_names_dialog(session, thumbnail))
    windows.add(session.project_window, "project", lambda: project_dialog(session))
    windows.add(session.administration, "project", lambda: administration_dialog(session.administration))
    windows.add(ingest, "project", lambda: ingest_dialog(session, ingest, addresses.upload, addresses.base))
    windows.add(original, "title", lambda: original_dialog(session, original, thumbnail))
    windows.add(concepts, "title", lambda: concepts_dialog(concepts, thumbnail))
    windows.add(
        session.explanation,
        "title",
        lambda: question_dialog("lse-explanation", session.explanation, explanation, words.Explanation.WAITING),
    )
    return windows


def mind_its_own(page: Page) -> None:
    """Take away that the page follows what is done for any visitor: each step went through all models of each page."""
    with edit_readonly(page):
        page.busy = _Idle().param.busy


def _header(session: Session) -> Html:
    words = wording.Header
    if session.online:
        text, state = session.problem or (words.OPENING if session.loading else words.CONNECTED), ""
    else:
        # Nothing is wrong before anything was asked.
        text, state = session.problem or words.CONNECTING, "away lse-away" if session.problem else "begins"
    path = (session.project, session.experiment.id if session.experiment else "")
    return html(
        '<div class="lse bar"><h1 class="name">{title}</h1><span class="path">{path}</span>'
        '<span class="state {away}"><span class="dot"></span><span class="text" title="{text}">{text}</span></span>'
        "</div>",
        title=wording.TITLE,
        path=" / ".join(part for part in path if part),
        away=state,
        text=text,
    )
