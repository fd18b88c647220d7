"""The page: a header and three columns."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn
from panel_material_ui.template.base import Page

from lse_dashboard.state.session import Session
from lse_dashboard.views.check import CheckDialog
from lse_dashboard.views.explanation import ExplanationDialog
from lse_dashboard.views.instance import InstanceView
from lse_dashboard.views.look import PAGE, THEME
from lse_dashboard.views.markup import Markup, html
from lse_dashboard.views.stage import Stage
from lse_dashboard.views.training import TrainingDialog
from lse_dashboard.views.workbench import Workbench

__all__ = ["TITLE", "explorer_page"]

TITLE = "Latent Space Explorer"


def explorer_page(session: Session, thumbnail: Callable[[int], str], card: Callable[[str, str], str]) -> Page:
    """The explorer of one visitor.

    Parameters
    ----------
    session
        What the visitor chose.
    thumbnail
        URL of the thumbnail of a row of the session's dataset.
    card
        URL of the card of an encoder, given its project and its name.
    """
    header = Markup(sizing_mode="stretch_width", height=44, margin=0, css_classes=["lse-header"])

    def show_header(*_: object) -> None:
        header.html = str(_header(session))

    session.param.watch(show_header, ["online", "project", "shelf", "problem", "loading"])
    show_header()
    columns = pn.Row(
        Workbench(session).panel,
        Stage(session, thumbnail).panel,
        InstanceView(session, thumbnail).panel,
        CheckDialog(session).panel,
        TrainingDialog(session, card).panel,
        ExplanationDialog(session).panel,
        sizing_mode="stretch_both",
        margin=0,
        styles={"height": "calc(100vh - 44px)", "min-height": "0", "gap": "0"},
    )
    return Page(
        meta_title=TITLE,
        header=[header],
        main=[columns],
        theme_config={"dark": THEME, "light": THEME},
        dark_theme=True,
        theme_toggle=False,
        busy_indicator=None,
        sx=PAGE,
    )


def _header(session: Session) -> str:
    if session.online:
        state = '<span class="state"><span class="dot"></span><span class="text" title="{text}">{text}</span></span>'
        text = session.problem or ("opening …" if session.loading else "connected")
    else:
        state = '<span class="state away lse-away"><span class="dot"></span><span class="text">{text}</span></span>'
        text = session.problem or "asking the services …"
    path = " / ".join(part for part in (session.project, session.experiment.id if session.experiment else "") if part)
    return html(
        '<div class="lse bar"><span class="name">{title}</span><span class="path">{path}</span>' + state + "</div>",
        title=TITLE,
        path=path,
        text=text,
    )
