"""Thumbnails of the selected images, in pages and in the order that the visitor chooses."""

from __future__ import annotations

from collections.abc import Callable
from typing import get_args

import panel as pn

from lse_dashboard import wording
from lse_dashboard.plots.palette import group_colours
from lse_dashboard.state.gallery import PAGE_IMAGES, TileSize, sort_titles
from lse_dashboard.state.session import Session
from lse_dashboard.views.choice import Choice
from lse_dashboard.views.markup import Html, Markup, button, html, join, problem, waiting

__all__ = ["GalleryView"]

_WORDS = wording.Gallery
_SIZES: dict[str, TileSize] = {one: one for one in get_args(TileSize)}


class GalleryView:
    """The gallery of one visitor.

    Parameters
    ----------
    session
        Whose gallery.
    thumbnail
        URL of the thumbnail of a row.

    Attributes
    ----------
    panel
        The thumbnails, below their own bar.
    order
        Choice of their order.
    """

    def __init__(self, session: Session, thumbnail: Callable[[int], str]) -> None:
        self._session = session
        self._thumbnail = thumbnail
        gallery = session.gallery
        self.order = Choice(
            lambda sort: gallery.order(sort, descending=gallery.descending),
            label=_WORDS.SORT,
            width=132,
            sizing_mode=None,
            options=sort_titles({}),
            css_classes=["lse-sort"],
        )
        self._bar = Markup(
            {
                "direction": lambda _: gallery.order(gallery.sort, descending=not gallery.descending),
                "size": lambda size: gallery.resize(_SIZES[size]) if size in _SIZES else None,
                "turn": lambda page: gallery.turn(int(page)) if page.isdigit() else None,
                "back": lambda _: gallery.selected(),
                "take": lambda _: session.selection.choose(gallery.rows, _WORDS.BY_CENTRE, combine="add"),
            },
            css_classes=["lse-gallery-bar"],
        )
        self._current = Markup({"open": lambda _: self._open()}, css_classes=["lse-gallery-current"])
        self._grid = Markup(
            {"look": lambda row: session.look_at(int(row)) if row.isdigit() else None}, css_classes=["lse-gallery"]
        )
        parts = (self._bar, self._current, self._grid)
        self.panel = pn.Column(*parts, sizing_mode="stretch_width", margin=0)
        gallery.param.watch(
            lambda *_: self._show(), ["rows", "page", "size", "shown", "descending", "waiting", "problem"]
        )
        session.param.watch(lambda *_: self._show_orders(), "columns")
        session.param.watch(lambda *_: self._show(), ["theme", "clusters"])
        session.navigation.param.watch(lambda *_: self._show_current(), "row")
        self._show()

    def _open(self) -> None:
        self._session.aside = "image"

    def _show_orders(self) -> None:
        columns = {name: name for name in self._session.columns}
        self.order.show(options=sort_titles(columns), value=self._session.gallery.sort)

    def _show(self) -> None:
        gallery = self._session.gallery
        self.order.show(visible=gallery.shown == "selected")
        self._bar.html = self._bar_html()
        if gallery.waiting:
            self._grid.html = waiting(_WORDS.SEARCHING if gallery.shown == "similar" else _WORDS.WAITING)
            return
        said = problem(gallery.problem) if gallery.problem else Html("")
        self._grid.html = said + html(
            '<div class="lse tiles {size}" data-grid>{tiles}</div>',
            size=gallery.size,
            tiles=join(self._tile(row) for row in gallery.page_rows),
        )
        self._show_current()

    def _bar_html(self) -> Html:
        gallery = self._session.gallery
        sizes = join(
            html(
                '<button class="chip" aria-pressed="{on}" data-action="size" data-value="{size}" title="{help}">{label}'
                "</button>",
                on="true" if size == gallery.size else "false",
                size=size,
                label=label,
                help=_WORDS.SIZE_HELP,
            )
            for size, label in _WORDS.SIZES
        )
        if gallery.shown == "similar":
            text = _WORDS.SIMILAR.format(count=len(gallery.rows))
            start = html(
                '<span class="lse-similar-count">{text}</span>{take}{back}',
                text=text,
                take=button(_WORDS.TAKE, "take", css="tool lse-take"),
                back=button(_WORDS.BACK, "back", css="tool lse-back-to-selection"),
            )
        else:
            label = _WORDS.DESCENDING if gallery.descending else _WORDS.ASCENDING
            start = button(label, "direction", css="tool lse-direction", help=_WORDS.DIRECTION)
        return html(
            '<div class="lse bar-of-tiles">{start}{pager}<span class="sizes">{sizes}</span></div>',
            start=start,
            sizes=sizes,
            pager=self._pager() if gallery.pages > 1 else "",
        )

    def _pager(self) -> Html:
        gallery = self._session.gallery
        first = gallery.page * PAGE_IMAGES
        last = min(first + PAGE_IMAGES, len(gallery.rows))
        before = html('<button class="tool" disabled>‹</button>')
        if gallery.page:
            before = button("‹", "turn", gallery.page - 1, css="tool lse-page-before", help=_WORDS.BEFORE)
        after = html('<button class="tool" disabled>›</button>')
        if gallery.page + 1 < gallery.pages:
            after = button("›", "turn", gallery.page + 1, css="tool lse-page-next", help=_WORDS.NEXT)
        return html(
            '<span class="pager">{before}<span class="lse-page">{text}</span>{after}</span>',
            before=before,
            text=_WORDS.PAGE.format(first=first + 1, last=last, total=len(gallery.rows)),
            after=after,
        )

    def _tile(self, row: int) -> Html:
        session = self._session
        name = "" if session.images is None else session.images.name(row) or ""
        index = session.scatter.index(row)
        colour = session.theme.line
        if session.clusters is not None and index is not None:
            colour = group_colours(session.clusters, session.theme)[session.clusters.codes[index]]
        return html(
            '<button data-action="look" data-value="{row}" title="{name}" style="--of:{colour}">'
            '<img src="{url}" alt="{name}" loading="lazy"></button>',
            row=row,
            name=name,
            colour=colour,
            url=self._thumbnail(row),
        )

    def _show_current(self) -> None:
        session, row = self._session, self._session.navigation.row
        name = None if row is None or session.images is None else session.images.name(row)
        if row is None or name is None:
            self._current.html = ""
            return
        self._current.html = html(
            '<div class="lse current"><img src="{url}" alt="{name}"><div><b>{name}</b>{open}</div></div>',
            url=self._thumbnail(row),
            name=name,
            open=button(wording.Image.OPEN, "open", css="link lse-open-image"),
        )
