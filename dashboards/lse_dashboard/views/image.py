"""The right column: the image in view, its cluster, its nearest neighbours, and what is known about it."""

from __future__ import annotations

from collections.abc import Callable

from lse.client.resources import Cluster, Match
from lse.columns import shown
from lse.kinds import Scalar
from lse_dashboard import wording
from lse_dashboard.data.clusters import clusters_called
from lse_dashboard.data.images import ImageDetails
from lse_dashboard.data.sky import archive_links, declination_text, right_ascension_text
from lse_dashboard.plots.palette import group_colours
from lse_dashboard.state.explanations import Picking
from lse_dashboard.state.session import Session
from lse_dashboard.views.markup import Html, Markup, button, folded, html, join, notes, nothing, pairs, section

__all__ = ["ImageView"]

_WORDS = wording.Image
_TRAITS_SHOWN = 4
_TYPICAL_SHOWN = 60
_PICKING: dict[str, Picking] = {"likeness": "likeness", "path": "path", "": ""}


class ImageView:
    """The image in view.

    Parameters
    ----------
    session
        Whose image.
    thumbnail
        URL of the thumbnail of a row.
    original
        Shows the image in view as its file has it.
    """

    def __init__(self, session: Session, thumbnail: Callable[[int], str], original: Callable[[], None]) -> None:
        self._session = session
        self._thumbnail = thumbnail
        navigation, explanation = session.navigation, session.explanation
        self.panel = Markup(
            {
                "go": _with_row(session.look_at),
                "why": _with_row(explanation.likeness),
                "changes": lambda _: explanation.changes(),
                "pick": lambda picking: explanation.pick(_PICKING[picking]) if picking in _PICKING else None,
                "typical": lambda cluster: explanation.typical(int(cluster) if cluster.isdigit() else None),
                "copy": self._copy,
                "original": lambda _: original(),
                "back": lambda _: navigation.back(),
                "forward": lambda _: navigation.forward(),
            }
        )
        navigation.param.watch(lambda *_: self._show(), ["place", "row", "details", "neighbours", "problem"])
        session.param.watch(lambda *_: self._show(), ["clusters", "theme"])
        explanation.param.watch(lambda *_: self._show(), "picking")
        self._show()

    def _copy(self, text: str) -> None:
        self.panel.copy(text)

    def _show(self) -> None:
        session, navigation = self._session, self._session.navigation
        name = None if session.images is None or navigation.row is None else session.images.name(navigation.row)
        if navigation.row is None or name is None:
            self.panel.html = nothing(*_WORDS.NONE) + self._typical_images()
            return
        self.panel.html = html(
            '<div class="lse image" data-row="{row}">{head}{explain}{cluster}{similar}{facts}</div>',
            row=navigation.row,
            head=self._head(navigation.row, name),
            explain=self._explain(),
            cluster=self._cluster(navigation.row),
            similar=self._similar(),
            facts=_facts(navigation.details),
        )

    def _typical_images(self) -> Html:
        """One image of each cluster, where nothing else is looked at: a way in."""
        clustering, groups = self._session.clustering, self._session.clusters
        if clustering is None or groups is None:
            return Html("")
        colours = dict(zip(groups.labels, group_colours(groups, self._session.theme), strict=True))
        shots = join(
            html(
                '<div class="shot"><button data-action="go" data-value="{row}" title="{help}"><img src="{url}" '
                'alt="{title}" loading="lazy"><span class="of"><i style="background:{colour}"></i>{label}</span>'
                "<span>{images:,}</span></button></div>",
                row=one.medoid_row,
                help=_WORDS.MEDOID_HELP,
                url=self._thumbnail(one.medoid_row),
                title=_cluster_name(clustering.label(one.cluster)),
                colour=colours.get(clustering.label(one.cluster), self._session.theme.grey),
                label=clustering.label(one.cluster),
                images=one.images,
            )
            for one in clustering.clusters[:_TYPICAL_SHOWN]
            if one.medoid_row >= 0
        )
        body = html('<div class="shots" data-grid>{shots}</div>', shots=shots)
        heading = section(_WORDS.TYPICAL_EACH, body, css="lse-typical", more=clustering.id)
        return html('<div class="lse image">{section}</div>', section=heading)

    def _head(self, row: int, name: str) -> Html:
        navigation, dataset = self._session.navigation, self._session.contents.dataset
        simulated = dataset is not None and dataset.simulated
        return html(
            '<div class="title"><b class="lse-image-name">{name}</b>{badge}<span class="ways">'
            '<button class="lse-open-original open-original" data-action="original" title="{original_help}">{original}'
            "</button>"
            '<button class="lse-back" data-action="back" title="{back}" {no_back}>←</button>'
            '<button class="lse-forward" data-action="forward" title="{forward}" {no_forward}>→</button></span></div>'
            '<img class="large lse-large" src="{url}" alt="{name}">',
            name=name,
            badge=html('<span class="badge">{text}</span>', text=wording.SIMULATED) if simulated else "",
            original=wording.Original.OPEN,
            original_help=wording.Original.OPEN_HELP,
            back=_WORDS.BACK,
            forward=_WORDS.FORWARD,
            no_back="" if navigation.can_go_back else "disabled",
            no_forward="" if navigation.can_go_forward else "disabled",
            url=self._thumbnail(row),
        )

    def _explain(self) -> Html:
        """Questions about the image; what the services cannot answer, they say."""
        place, picking = self._session.navigation.place, self._session.explanation.picking
        if place is None:
            return Html("")
        if picking:
            body = html(
                '<div class="picking"><span><b>{what}</b> {how}</span>{cancel}</div>',
                what=_WORDS.PICK_LIKENESS if picking == "likeness" else _WORDS.PICK_PATH,
                how=_WORDS.PICK,
                cancel=button(_WORDS.CANCEL, "pick"),
            )
            return section(_WORDS.EXPLAIN, body, css="lse-explain")
        questions = []
        if place.experiment.encoder:
            questions = [
                button(_WORDS.CHANGES, "changes", css="", help=_WORDS.CHANGES_HELP),
                button(_WORDS.LIKENESS, "pick", "likeness", css="", help=_WORDS.LIKENESS_HELP),
                button(_WORDS.PATH, "pick", "path", css="", help=_WORDS.PATH_HELP),
            ]
        if place.clustering is not None:
            label, _ = self._cluster_of(self._session.navigation.row)
            found = clusters_called(place.clustering, label)
            cluster = found[0].cluster if found else ""
            questions.append(button(_WORDS.TYPICAL, "typical", cluster, css="", help=_WORDS.TYPICAL_HELP))
        body = html('<div class="questions">{questions}</div>', questions=join(questions))
        return section(_WORDS.EXPLAIN, body, css="lse-explain") if questions else Html("")

    def _cluster_of(self, row: int | None) -> tuple[str, str]:
        """Cluster of an image and its colour; empty where nothing is clustered."""
        session = self._session
        groups, index = session.clusters, None if row is None else session.scatter.index(row)
        if groups is None or index is None:
            return "", ""
        code = groups.codes[index]
        return groups.labels[code], group_colours(groups, session.theme)[code]

    def _cluster(self, row: int) -> Html:
        session, clustering = self._session, self._session.clustering
        label, colour = self._cluster_of(row)
        if clustering is None or session.clusters is None or not label:
            return Html("")
        found = clusters_called(clustering, label)
        template = (
            '<div class="cluster">{medoid}<div><div class="figure"><span class="swatch" style="background:{colour}">'
            '</span>{title}</div><span class="quiet">{size}</span></div></div>{traits}'
        )
        if not found:
            size = _WORDS.NO_CLUSTER.format(count=clustering.noise, name=clustering.id)
            body = html(template, medoid="", colour=colour, title=label, size=size, traits="")
        else:
            images, largest = sum(one.images for one in found), found[0]
            share = images / max(1, len(session.clusters.codes))
            medoid = html(
                '<button data-action="go" data-value="{row}" title="{help}"><img src="{url}" alt="{alt}"></button>',
                row=largest.medoid_row,
                help=_WORDS.MEDOID_HELP,
                url=self._thumbnail(largest.medoid_row),
                alt=_WORDS.MEDOID,
            )
            body = html(
                template,
                medoid=medoid,
                colour=colour,
                title=_cluster_name(label),
                size=_WORDS.CLUSTER_SIZE.format(images=images, share=share),
                # What stands out in one of several clusters need not stand out in all of them.
                traits=_traits(largest) if len(found) == 1 else "",
            )
        return section(_WORDS.CLUSTER, body, css="lse-cluster", more=clustering.id)

    def _similar(self) -> Html:
        navigation = self._session.navigation
        found = navigation.neighbours
        if navigation.problem:
            return html('<section><div class="problem">{problem}</div></section>', problem=navigation.problem)
        if found is None:
            return section(_WORDS.NEIGHBOURS, html('<div class="quiet">{text}</div>', text=_WORDS.SEARCHING))
        if found.everywhere:
            return self._shots(_WORDS.NEIGHBOURS, "lse-similar", found.everywhere, coloured=True)
        own = self._shots(_WORDS.NEIGHBOURS_OWN, "lse-similar-own", found.own, coloured=False)
        return own + self._shots(_WORDS.NEIGHBOURS_OTHERS, "lse-similar-others", found.others, coloured=True)

    def _shots(self, title: str, css: str, matches: tuple[Match, ...], *, coloured: bool) -> Html:
        place, groups = self._session.navigation.place, self._session.clusters
        explained = place is not None and bool(place.experiment.encoder)
        colours = dict(zip(groups.labels, group_colours(groups, self._session.theme), strict=True)) if groups else {}
        shots = join(self._shot(match, colours if coloured else {}, explained=explained) for match in matches)
        none = html('<div class="quiet">{text}</div>', text=_WORDS.NO_NEIGHBOURS)
        return section(title, html('<div class="shots">{shots}</div>', shots=shots) if shots else none, css=css)

    def _shot(self, match: Match, colours: dict[str, str], *, explained: bool) -> Html:
        similarity, clustering = f"{match.similarity:.3f}", self._session.clustering
        label = "" if clustering is None or match.cluster is None else clustering.label(match.cluster)
        of = html(
            '<span class="of"><i style="background:{colour}"></i>{label}</span>',
            colour=colours.get(label, self._session.theme.grey),
            label="" if match.cluster == -1 else label,
        )
        why = html(
            '<a class="why" data-action="why" data-value="{row}" title="{help}">{why}</a>',
            row=match.row,
            help=_WORDS.WHY_HELP,
            why=_WORDS.WHY,
        )
        return html(
            '<div class="shot"><button data-action="go" data-value="{row}" title="{help}"><img src="{url}" '
            'alt="{image}">{of}<span>{similarity}</span></button>{why}</div>',
            row=match.row,
            help=_WORDS.SIMILARITY.format(image=match.image_id, similarity=similarity),
            url=self._thumbnail(match.row),
            image=match.image_id,
            of=of if colours and match.cluster is not None else "",
            similarity=similarity,
            why=why if explained else "",
        )


def _with_row(act: Callable[[int], None]) -> Callable[[str], None]:
    return lambda row: act(int(row)) if row.isdigit() else None


def _cluster_name(label: str) -> str:
    return _WORDS.CLUSTER_NAME.format(label=label) if label.isdecimal() else label


def _traits(cluster: Cluster) -> Html:
    shown, rest = cluster.traits[:_TRAITS_SHOWN], cluster.traits[_TRAITS_SHOWN:]
    more = folded("traits", _WORDS.MORE.format(count=len(rest)), notes(rest)) if rest else Html("")
    return notes(shown) + more if shown else Html("")


def _facts(details: ImageDetails | None) -> Html:
    if details is None:
        return section(_WORDS.METADATA, html('<div class="quiet">{text}</div>', text=_WORDS.READING))
    sky = Html("")
    if details.ra_deg is not None and details.dec_deg is not None:
        position = (
            (_WORDS.RA, right_ascension_text(details.ra_deg), details.ra_deg),
            (_WORDS.DEC, declination_text(details.dec_deg), details.dec_deg),
        )
        template = '{text} <span class="quiet">{degrees}</span>'
        rows = [
            (title, html(template, text=text, degrees=_WORDS.DEGREES.format(degrees)))
            for title, text, degrees in position
        ]
        links = join(
            html(
                '<a href="{url}" target="_blank" rel="noopener noreferrer" title="{help}">{name}</a>',
                url=url,
                help=_WORDS.ARCHIVE_HELP.format(name=name),
                name=name,
            )
            for name, url in archive_links(details.ra_deg, details.dec_deg)
        )
        copy = button(_WORDS.COPY_POSITION, "copy", f"{details.ra_deg:.7f} {details.dec_deg:+.7f}")
        further = html('<div class="archives">{copy}{links}</div>', copy=copy, links=links)
        sky = section(_WORDS.SKY, pairs(rows) + further, css="lse-sky", more=_WORDS.FRAME)
    none = html('<div class="quiet">{text}</div>', text=_WORDS.NO_METADATA)
    catalogue = _values(details.catalogue) if details.catalogue else none
    header = folded("header", _WORDS.HEADER.format(count=len(details.header)), _values(details.header))
    file: tuple[tuple[str, Scalar], ...] = (
        (_WORDS.SOURCE, details.source),
        (_WORDS.ROW, details.row),
        *details.preparation,
    )
    body = catalogue + (header if details.header else "") + folded("file", _WORDS.FILE, _values(file))
    return sky + section(_WORDS.METADATA, body, css="lse-metadata")


def _values(columns: tuple[tuple[str, Scalar], ...]) -> Html:
    return pairs((name, shown(value)) for name, value in columns)
