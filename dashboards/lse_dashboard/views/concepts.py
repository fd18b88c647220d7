"""The concepts of a latent space, each with the images in which it is strongest."""

from __future__ import annotations

from collections.abc import Callable

import panel_material_ui as pmui

from lse.client.resources import Concept
from lse_dashboard import wording
from lse_dashboard.data.concepts import ConceptList
from lse_dashboard.state.concepts import ConceptsQuestion
from lse_dashboard.views.dialog import dialog
from lse_dashboard.views.markup import Html, Markup, button, html, join, problem, waiting

__all__ = ["concepts_dialog"]

_WORDS = wording.Concepts


def concepts_dialog(question: ConceptsQuestion, thumbnail: Callable[[int], str]) -> pmui.Dialog:
    """A window that lists them; what is clicked colours the map.

    Parameters
    ----------
    question
        What is asked.
    thumbnail
        URL of the thumbnail of a row.
    """
    content = Markup({"concept": question.show}, css_classes=["lse-concepts-content"])
    window = dialog("lse-concepts-dialog", question.close, content)

    def show(*_: object) -> None:
        if question.title:
            if question.problem:
                content.html = problem(question.problem)
            else:
                content.html = waiting(_WORDS.WAITING) if question.answer is None else _list(question.answer, thumbnail)
            window.title = question.title
        window.open = bool(question.title)

    question.param.watch(show, ["title", "answer", "problem"])
    show()
    return window


def _list(found: ConceptList, thumbnail: Callable[[int], str]) -> Html:
    hint = _WORDS.HINT.format(count=len(found.concepts), share=found.explained_variance)
    return html(
        '<div class="lse concepts"><p class="quiet">{hint}</p><input data-filter placeholder="{filter}" '
        'aria-label="{filter}"><div class="concept-list">{concepts}</div></div>',
        hint=" ".join([hint, *found.notes]),
        filter=_WORDS.FILTER,
        concepts=join(_concept(one, rows, thumbnail) for one, rows in found.concepts),
    )


def _concept(one: Concept, rows: tuple[int, ...], thumbnail: Callable[[int], str]) -> Html:
    follows = (
        _WORDS.FOLLOWS.format(what=one.followed_property, auroc=one.auroc) if one.follows else _WORDS.FOLLOWS_NOTHING
    )
    name = _WORDS.COLOUR.format(concept=one.concept)
    return html(
        '<div class="concept" data-name="{name} {follows}"><div>{button} <span class="quiet">{facts}</span></div>'
        '<div class="quiet">{follows}</div><div class="strip">{images}</div></div>',
        name=name,
        button=button(name, "concept", one.concept, css="link lse-concept", help=_WORDS.COLOUR_HELP),
        facts=_WORDS.IMAGES.format(count=one.image_count),
        follows=follows,
        images=join(html('<img src="{url}" alt="" loading="lazy">', url=thumbnail(row)) for row in rows),
    )
