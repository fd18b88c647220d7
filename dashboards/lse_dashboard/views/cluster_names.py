"""The window in which clusters get names."""

from __future__ import annotations

import json
from collections.abc import Callable

import panel_material_ui as pmui

from lse.client.resources import Cluster, Clustering
from lse_dashboard import wording
from lse_dashboard.plots.palette import group_colours
from lse_dashboard.state.session import Session
from lse_dashboard.views.dialog import dialog
from lse_dashboard.views.markup import Html, Markup, html, join, problem

__all__ = ["cluster_names_dialog"]

_WORDS = wording.ClusterNames


def cluster_names_dialog(session: Session, thumbnail: Callable[[int], str]) -> pmui.Dialog:
    """One line a cluster: its typical image, its size, what stands out, and what it is called."""
    names = session.cluster_names

    def save(values: str) -> None:
        names.save({int(number): str(title) for number, title in json.loads(values).items() if number.isdecimal()})

    content = Markup({"save": save}, css_classes=["lse-cluster-names"])
    window = dialog("lse-cluster-names-dialog", names.close, content)

    def show(*_: object) -> None:
        clustering = names.clustering
        if clustering is not None:
            said = problem(names.problem) if names.problem else Html("")
            content.html = said + _form(session, clustering, thumbnail)
            window.title = _WORDS.TITLE.format(name=clustering.id)
        window.open = clustering is not None

    names.param.watch(show, ["clustering", "problem"])
    show()
    return window


def _form(session: Session, clustering: Clustering, thumbnail: Callable[[int], str]) -> Html:
    groups = session.clusters
    colours = dict(zip(groups.labels, group_colours(groups, session.theme), strict=True)) if groups else {}
    return html(
        '<form class="lse names" data-action="save" data-key="names"><p class="quiet">{help}</p><div class="lines">'
        '{lines}</div><div class="end"><button class="tool tall lse-save-names">{save}</button></div></form>',
        help=_WORDS.HELP,
        lines=join(
            _line(one, clustering, colours.get(clustering.label(one.cluster), session.theme.grey), thumbnail)
            for one in clustering.clusters
        ),
        save=_WORDS.SAVE,
    )


def _line(one: Cluster, clustering: Clustering, colour: str, thumbnail: Callable[[int], str]) -> Html:
    number = wording.Image.CLUSTER_NAME.format(label=one.cluster)
    return html(
        '<label class="line"><img src="{url}" alt="" loading="lazy"><span class="of"><i style="background:{colour}">'
        '</i>{number}<span class="quiet">{images:,}</span></span><input name="{cluster}" value="{title}" '
        'maxlength="200" placeholder="{number}" aria-label="{name}"><span class="quiet trait">{trait}</span></label>',
        url=thumbnail(one.medoid_row) if one.medoid_row >= 0 else "data:,",
        colour=colour,
        number=number,
        images=one.images,
        cluster=one.cluster,
        title=clustering.cluster_titles.get(one.cluster, ""),
        name=_WORDS.NAME.format(cluster=number),
        trait=one.traits[0] if one.traits else "",
    )
