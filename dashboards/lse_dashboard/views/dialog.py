"""Windows over the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import panel as pn
import panel_material_ui as pmui
import param

from lse_dashboard import wording
from lse_dashboard.data.explanations import Explanation
from lse_dashboard.state.question import Question
from lse_dashboard.views.appearance import out_of_flow
from lse_dashboard.views.markup import Html, Markup, html, png_url, problem, waiting

__all__ = ["Windows", "dialog", "explanation", "question_dialog"]

QuestionT = TypeVar("QuestionT", bound=Question)


class Windows:
    """Windows over a page, each of which is made when it first opens: a page with all of them would open more slowly.

    Attributes
    ----------
    panel
        Where they are; takes no room.
    """

    def __init__(self) -> None:
        self.panel = pn.Column(**out_of_flow())

    def add(self, state: param.Parameterized, name: str, make: Callable[[], pmui.Dialog]) -> None:
        """Have a window made, which then shows `state`, as soon as the parameter `name` of it is no longer empty."""

        def open_first(event: param.parameterized.Event) -> None:
            if event.new:
                state.param.unwatch(watcher)
                self.panel.append(make())

        watcher = state.param.watch(open_first, name)


def dialog(name: str, on_close: Callable[[], None], *content: Any) -> pmui.Dialog:
    """A closed window.

    Parameters
    ----------
    name
        CSS class of the window.
    on_close
        Called when the visitor closes it.
    content
        What it shows.
    """
    window = pmui.Dialog(
        *content,
        css_classes=[name],
        title_variant="subtitle1",
        show_close_button=True,
        close_on_click=True,
        width_option="md",
        sizing_mode="stretch_width",
        sx={
            "& .MuiDialog-paper": {
                "backgroundImage": "none",
                "border": "1px solid",
                "borderColor": "divider",
                "pb": "12px",
            },
            "& .MuiDialogContent-root": {"scrollbarWidth": "thin"},
            "& .MuiDialogTitle-root": {"p": "10px 16px 8px"},
            "& .MuiIconButton-root": {"m": "6px"},
        },
        **out_of_flow(),
    )
    window.param.watch(lambda event: None if event.new else on_close(), "open")
    return window


def question_dialog(name: str, question: QuestionT, answer: Callable[[QuestionT], Html], wait: str) -> pmui.Dialog:
    """A window that is open as long as a question is asked.

    Parameters
    ----------
    name
        CSS class of the window.
    question
        What is asked.
    answer
        Shows the answer.
    wait
        Said until it is there.
    """
    content = Markup()
    window = dialog(name, question.close, content)

    def show(*_: object) -> None:
        if question.title:
            if question.problem:
                content.html = problem(question.problem)
            else:
                content.html = waiting(wait) if question.answer is None else answer(question)
            window.title = question.title
        window.open = bool(question.title)

    question.param.watch(show, ["title", "answer", "problem"])
    show()
    return window


def explanation(question: Question) -> Html:
    """The picture that answers a question about an image."""
    found: Explanation = question.answer
    return html(
        '<div class="lse explained"><p>{caption}</p><img src="{url}" alt="{title}">'
        '<a href="{url}" download="{file}.png">{download}</a></div>',
        caption=found.caption,
        url=png_url(found.png),
        title=question.title,
        file=question.title.lower().replace(" ", "-"),
        download=wording.Explanation.DOWNLOAD,
    )
