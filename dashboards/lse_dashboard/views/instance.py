"""The right column: the image looked at, and those like it."""

from __future__ import annotations

from collections.abc import Callable

import panel as pn

from lse.client.resources import Cluster, Match
from lse_dashboard.data.images import Instance
from lse_dashboard.data.sky import declination_text, right_ascension_text
from lse_dashboard.plots.palette import FAINT, group_colours
from lse_dashboard.state.explaining import Picking
from lse_dashboard.state.session import Session
from lse_dashboard.views.markup import Html, Markup, html

__all__ = ["InstanceView"]

_TRAITS_SHOWN = 4
_PICKING: dict[str, Picking] = {"likeness": "likeness", "path": "path", "": ""}


class InstanceView:
    """The image looked at, its cluster, its neighbours.

    Parameters
    ----------
    session
        Whose image.
    thumbnail
        URL of the thumbnail of a row.
    """

    def __init__(self, session: Session, thumbnail: Callable[[int], str]) -> None:
        self._session = session
        self._thumbnail = thumbnail
        walk, explaining = session.walk, session.explaining
        self._content = Markup(
            {
                "go": _with_row(session.look_at),
                "why": _with_row(explaining.likeness),
                "changes": lambda _: explaining.changes(),
                "pick": lambda picking: explaining.pick(_PICKING[picking]) if picking in _PICKING else None,
                "typical": lambda cluster: explaining.typical(int(cluster) if cluster.isdigit() else None),
                "back": lambda _: walk.back(),
                "forward": lambda _: walk.forward(),
            },
            sizing_mode="stretch_width",
            margin=0,
        )
        self.panel = pn.Column(
            self._content,
            width=344,
            sizing_mode="stretch_height",
            margin=0,
            css_classes=["lse-right"],
            styles={"overflow-y": "auto", "overflow-x": "hidden", "background": "#131922", "padding": "14px"},
            stylesheets=[":host { scrollbar-width: thin; scrollbar-color: #33414f transparent; }"],
        )
        walk.param.watch(lambda *_: self._show(), ["place", "row", "neighbours", "problem"])
        session.param.watch(lambda *_: self._show(), "clustering")
        explaining.param.watch(lambda *_: self._show(), "picking")
        self._show()

    def _show(self) -> None:
        self._content.html = str(self._html())

    def _html(self) -> Html:
        session, walk = self._session, self._session.walk
        instance = None if session.images is None or walk.row is None else session.images.instance(walk.row)
        if instance is None:
            return Html(
                '<div class="lse empty"><h2>Instance</h2><b>No image chosen</b>Click a point of the cloud to see its '
                "image, what is known of it, and the images most like it.</div>"
            )
        return html(
            '<div class="lse instance" data-row="{row}">{head}{explain}{cluster}{similar}{facts}</div>',
            row=instance.row,
            head=self._head(instance),
            explain=self._explain(),
            cluster=self._cluster(instance.row),
            similar=self._similar(),
            facts=_facts(instance),
        )

    def _head(self, instance: Instance) -> Html:
        walk, dataset = self._session.walk, self._session.shelf.dataset
        simulated = dataset is not None and dataset.simulated
        return html(
            '<div class="title"><b class="lse-image-name">{name}</b>{badge}<span class="ways">'
            '<button class="lse-back" data-action="back" title="Back" {no_back}>←</button>'
            '<button class="lse-forward" data-action="forward" title="Forward" {no_forward}>→</button></span></div>'
            '<img class="large lse-large" src="{url}" alt="{name}">',
            name=instance.name,
            badge=Html('<span class="badge">SIMULATED</span>') if simulated else "",
            no_back=Html("") if walk.can_go_back else Html("disabled"),
            no_forward=Html("") if walk.can_go_forward else Html("disabled"),
            url=self._thumbnail(instance.row),
        )

    def _explain(self) -> Html:
        """Questions about the image; what the services cannot answer, they say."""
        place, picking = self._session.walk.place, self._session.explaining.picking
        if place is None:
            return Html("")
        if picking:
            return html(
                '<section class="lse-explain"><h2>Explain</h2><div class="picking"><span><b>{what}</b> Choose the '
                'other image: a point of the cloud, or one of the similar images below.</span><button class="link" '
                'data-action="pick" data-value="">Cancel</button></div></section>',
                what="Why similar to which?" if picking == "likeness" else "Path to which?",
            )
        questions = []
        if place.experiment.encoder:
            questions = [
                ("changes", "", "What could change", "Draw what lies along the main axes of the space from here"),
                ("pick", "likeness", "Why similar to …", "Show the pixels that make this image like another one"),
                ("pick", "path", "Path to …", "Draw what lies between this image and another one"),
            ]
        if place.clustering is not None:
            questions.append(
                ("typical", self._cluster_label(), "Typical images", "Show the images that stand best for each cluster")
            )
        if not questions:
            return Html("")
        return html(
            '<section class="lse-explain"><h2>Explain</h2><div class="questions">{questions}</div></section>',
            questions=Html("").join(
                html(
                    '<button data-action="{action}" data-value="{value}" title="{help}">{label}</button>',
                    action=action,
                    value=value,
                    label=label,
                    help=help_,
                )
                for action, value, label, help_ in questions
            ),
        )

    def _cluster_label(self) -> str:
        session = self._session
        index = None if session.walk.row is None else session.space.index(session.walk.row)
        if session.clusters is None or index is None:
            return ""
        return str(session.clusters.labels[session.clusters.codes[index]])

    def _cluster(self, row: int) -> Html:
        session = self._session
        groups, clustering = session.clusters, session.clustering
        index = session.space.index(row)
        if groups is None or clustering is None or index is None:
            return Html("")
        label = groups.labels[groups.codes[index]]
        colour = group_colours(groups)[groups.codes[index]]
        total = max(1, len(groups.codes))
        cluster = next((one for one in clustering.clusters if str(one.cluster) == label), None)
        if cluster is None:
            return html(
                '<section class="lse-cluster"><h2>Cluster</h2><div class="cluster"><div><div class="figure">'
                '<span class="swatch" style="background:{colour}"></span>{label}</div>'
                '<span class="quiet">{count:,} images belong to no cluster of {name}.</span></div></div></section>',
                colour=colour,
                label=label,
                count=clustering.noise,
                name=clustering.id,
            )
        return html(
            '<section class="lse-cluster"><h2>Cluster <span class="more">{name}</span></h2><div class="cluster">'
            '<button data-action="go" data-value="{medoid}" title="The image nearest to the centre of the cluster">'
            '<img src="{url}" alt="medoid"></button><div><div class="figure">'
            '<span class="swatch" style="background:{colour}"></span>Cluster {label}</div>'
            '<span class="quiet">{images} images · {share} of all</span></div></div>{traits}</section>',
            name=clustering.id,
            medoid=cluster.medoid_row,
            url=self._thumbnail(cluster.medoid_row),
            colour=colour,
            label=label,
            images=f"{cluster.images:,}",
            share=f"{cluster.images / total:.1%}",
            traits=_traits(cluster),
        )

    def _similar(self) -> Html:
        walk = self._session.walk
        if walk.problem:
            return html('<section><div class="problem">{problem}</div></section>', problem=walk.problem)
        if walk.neighbours is None:
            return Html('<section><h2>Most similar</h2><div class="quiet">Searching …</div></section>')
        found = walk.neighbours
        if self._session.clustering is None:
            return self._shots("Most similar", "lse-similar", found.everywhere, coloured=False)
        return self._shots("Most similar in its cluster", "lse-similar-own", found.own, coloured=False) + self._shots(
            "Most similar in other clusters", "lse-similar-others", found.others, coloured=True
        )

    def _shots(self, title: str, name: str, matches: tuple[Match, ...], *, coloured: bool) -> Html:
        groups, place = self._session.clusters, self._session.walk.place
        explained = place is not None and bool(place.experiment.encoder)
        colours = dict(zip(groups.labels, group_colours(groups), strict=True)) if groups is not None else {}
        shots = [
            html(
                '<div class="shot"><button data-action="go" data-value="{row}" title="{image} · similarity '
                '{similarity}"><img src="{url}" alt="{image}">{of}<span>{similarity}</span></button>{why}</div>',
                row=match.row,
                image=match.image_id,
                url=self._thumbnail(match.row),
                similarity=f"{match.similarity:.3f}",
                of=html(
                    '<span class="of"><i style="background:{colour}"></i>{label}</span>',
                    colour=colours.get(str(match.cluster), FAINT),
                    label="" if match.cluster == -1 else match.cluster,
                )
                if coloured and match.cluster is not None
                else "",
                why=html(
                    '<a class="why" data-action="why" data-value="{row}" title="Which pixels are alike?">why?</a>',
                    row=match.row,
                )
                if explained
                else "",
            )
            for match in matches
        ]
        body = (
            html('<div class="shots">{shots}</div>', shots=Html("").join(shots))
            if shots
            else Html('<div class="quiet">There are none.</div>')
        )
        return html('<section class="{name}"><h2>{title}</h2>{body}</section>', name=name, title=title, body=body)


def _with_row(act: Callable[[int], None]) -> Callable[[str], None]:
    return lambda row: act(int(row)) if row.isdigit() else None


def _traits(cluster: Cluster) -> Html:
    if not cluster.traits:
        return Html("")
    items = [html("<li>{trait}</li>", trait=trait) for trait in cluster.traits]
    first, rest = items[:_TRAITS_SHOWN], items[_TRAITS_SHOWN:]
    more = html(
        '<details data-key="traits"><summary>{count} more</summary><ul class="notes">{items}</ul></details>',
        count=len(rest),
        items=Html("").join(rest),
    )
    return html('<ul class="notes">{items}</ul>{more}', items=Html("").join(first), more=more if rest else "")


def _facts(instance: Instance) -> Html:
    sky = Html("")
    if instance.ra_deg is not None and instance.dec_deg is not None:
        sky = html(
            '<section class="lse-sky"><h2>Sky position <span class="more">ICRS</span></h2><dl>'
            "<dt>RA</dt><dd>{ra} <span class='quiet'>{ra_deg}°</span></dd>"
            "<dt>Dec</dt><dd>{dec} <span class='quiet'>{dec_deg}°</span></dd></dl></section>",
            ra=right_ascension_text(instance.ra_deg),
            dec=declination_text(instance.dec_deg),
            ra_deg=f"{instance.ra_deg:.5f}",
            dec_deg=f"{instance.dec_deg:.5f}",
        )
    rest = (("source", instance.source), ("row", str(instance.row)), *instance.preparation)
    return html(
        '{sky}<section class="lse-metadata"><h2>Metadata</h2>{catalogue}{header}{file}</section>',
        sky=sky,
        catalogue=html("<dl>{rows}</dl>", rows=_rows(instance.catalogue))
        if instance.catalogue
        else Html('<div class="quiet">The catalogue says nothing of this image.</div>'),
        header=_folded("header", f"Header · {len(instance.header)} cards", instance.header),
        file=_folded("file", "File and preparation", rest),
    )


def _rows(pairs: tuple[tuple[str, str], ...]) -> Html:
    return Html("").join(html('<dt title="{k}">{k}</dt><dd>{v}</dd>', k=key, v=value) for key, value in pairs)


def _folded(key: str, title: str, pairs: tuple[tuple[str, str], ...]) -> Html:
    if not pairs:
        return Html("")
    return html(
        '<details data-key="{key}"><summary>{title}</summary><dl>{rows}</dl></details>',
        key=key,
        title=title,
        rows=_rows(pairs),
    )
