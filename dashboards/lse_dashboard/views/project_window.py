"""The window of a project: what it holds, new experiments and encoders, deleting."""

from __future__ import annotations

import json
from collections.abc import Iterable

import panel_material_ui as pmui

from lse_dashboard import wording
from lse_dashboard.data.project import Entry, ProjectInventory
from lse_dashboard.state.project_window import ProjectWindow
from lse_dashboard.state.session import Session
from lse_dashboard.views.bake_off import bake_off_section
from lse_dashboard.views.dialog import dialog
from lse_dashboard.views.forms import asked, field, line_form, select
from lse_dashboard.views.markup import Html, Markup, button, html, join, pairs, problem, section, waiting

__all__ = ["project_dialog"]

_WORDS, _DETAILS = wording.Project, wording.DatasetDetails


def project_dialog(session: Session) -> pmui.Dialog:
    """What the project of a session holds; everything that is deleted is asked for, with what goes with it."""
    window = session.project_window

    def started(form: str, start: str) -> None:
        given = {key: str(value).strip() for key, value in json.loads(form).items()}
        getattr(window, start)(**given)

    def administer() -> None:
        project = window.project
        window.close()
        session.administration.open(project)

    content = Markup(
        {
            "ask": window.ask,
            "details": window.look_into,
            "keep": lambda _: window.ask(""),
            "delete": lambda _: window.delete(),
            "encode": lambda form: started(form, "encode"),
            "pretrained": lambda form: started(form, "pretrained"),
            "train": lambda form: started(form, "train"),
            "compare": lambda form: started(form, "compare"),
            "administer": lambda _: administer(),
        },
        css_classes=["lse-project-content"],
    )
    shown = dialog("lse-project-dialog", window.close, content)

    def show(*_: object) -> None:
        if window.project:
            content.html = _content(window)
            shown.title = _WORDS.TITLE.format(name=window.project)
        shown.open = bool(window.project)

    window.param.watch(show, ["project", "inventory", "asked", "said", "problem", "looked_into", "details"])
    window.bake_off.param.watch(show, ["found", "problem"])
    show()
    return shown


def _content(window: ProjectWindow) -> Html:
    inventory = window.inventory
    if inventory is None:
        return problem(window.problem) if window.problem else waiting(_WORDS.READING)
    said = html('<div class="quiet lse-project-said">{text}</div>', text=window.said) if window.said else Html("")
    lists = join(
        section(title, join(_entry(one, window) for one in found), css=f"lse-of-{kind}")
        for kind, title in _WORDS.KINDS.items()
        if (found := inventory.of(kind))
    )
    return html(
        '<div class="lse project">{problem}{said}<div class="lists">{lists}</div>{forms}{bake_off}{administer}</div>',
        problem=problem(window.problem) if window.problem else "",
        said=said,
        lists=lists or html('<div class="quiet">{text}</div>', text=_WORDS.NOTHING),
        forms=_forms(inventory),
        bake_off=bake_off_section(inventory, window.bake_off),
        administer=_administer() if inventory.administered else "",
    )


def _administer() -> Html:
    words = wording.Administration
    opening = button(words.OPEN, "administer", css="link lse-administer", help=words.HELP)
    return html('<div class="doors">{opening}</div>', opening=opening)


def _entry(entry: Entry, window: ProjectWindow) -> Html:
    if entry.key == window.asked:
        below = _WORDS.WITH.format(below=", ".join(entry.below)) if entry.below else ""
        return asked(_WORDS.ASK.format(what=entry.key) + below, _WORDS.DELETE, _WORDS.KEEP)
    state = "" if entry.state == "ready" else f" · {entry.state}"
    is_dataset = entry.kind == "dataset" and entry.state == "ready"
    details = button(_DETAILS.OPEN, "details", entry.id, help=_DETAILS.HELP) if is_dataset else Html("")
    return html(
        '<div class="entry" data-entry="{key}"><b title="{name}">{name}</b><span class="quiet">{facts}{state}</span>'
        '<span class="actions">{details}{delete}</span></div>{below}',
        details=details,
        below=_details(window) if is_dataset and entry.id == window.looked_into else Html(""),
        key=entry.key,
        name=entry.id,
        facts=entry.facts,
        state=state,
        delete=button(_WORDS.ASK_DELETE, "ask", entry.key, help=_WORDS.ASK_HELP.format(what=entry.key)),
    )


def _details(window: ProjectWindow) -> Html:
    """Versions, notes and alike images of the dataset that is looked into."""
    found = window.details
    if found is None:
        return html('<div class="details quiet">{text}</div>', text=window.problem or _DETAILS.READING)
    alike = pairs(found.alike) if found.alike else html('<div class="quiet">{text}</div>', text=_DETAILS.NONE)
    if found.more_groups:
        more = _DETAILS.MORE.format(count=found.more_groups, dataset=found.dataset)
        alike += html('<div class="quiet">{text}</div>', text=more)
    return html(
        '<div class="details">{versions}{notes}{alike}</div>',
        versions=section(_DETAILS.VERSIONS, _lines(found.versions), css="versions") if found.versions else Html(""),
        notes=section(_DETAILS.NOTES, _lines(found.notes), css="notes") if found.notes else Html(""),
        alike=section(_DETAILS.ALIKE, alike, css="alike"),
    )


def _lines(texts: Iterable[str]) -> Html:
    return join(html("<div>{text}</div>", text=text) for text in texts)


def _forms(inventory: ProjectInventory) -> Html:
    datasets = [one.id for one in inventory.of("dataset") if one.state == "ready"]
    encoders = [one.id for one in inventory.of("encoder") if one.state == "ready"]
    forms = Html("")
    if datasets and encoders:
        fields = select("dataset", _WORDS.DATASET, datasets) + select("encoder", _WORDS.ENCODER, encoders)
        forms += _form("encode", _WORDS.NEW_EXPERIMENT, fields)
    if datasets and inventory.methods:
        fields = select("dataset", _WORDS.DATASET, datasets)
        fields += select("method", _WORDS.METHOD, list(inventory.methods))
        fields += html(
            '<input name="epochs" inputmode="numeric" placeholder="{hint}" aria-label="{hint}">', hint=_WORDS.EPOCHS
        )
        forms += _form("train", _WORDS.NEW_ENCODER, fields)
    if datasets and inventory.backbones:
        fields = select("dataset", _WORDS.DATASET, datasets)
        fields += select("backbone", _WORDS.BACKBONE, list(inventory.backbones))
        fields += select("training", _WORDS.TRAINING, [_WORDS.FROZEN, _WORDS.ADAPT])
        forms += _form("pretrained", _WORDS.NEW_PRETRAINED, fields)
    return forms


def _form(action: str, title: str, fields: Html) -> Html:
    body = line_form(action, action, fields + field("name", _WORDS.NAME), wording.Compute.RUN)
    return section(title, body, css=f"lse-new-{action}")
