"""What goes to other programs on the visitor's machine, and what they may ask for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import param

from lse_dashboard import wording
from lse_dashboard.data.images import Rows
from lse_dashboard.data.original import write_fits
from lse_dashboard.data.results import write_selected
from lse_dashboard.state.samp import IMAGE, POSITION, ROW, ROWS, TABLE, Samp
from lse_dashboard.state.session import Session
from lse_dashboard.views.addresses import Addresses
from lse_dashboard.views.appearance import out_of_flow
from lse_dashboard.views.component import Component
from lse_dashboard.views.markup import Html, Markup, button, folded, html, join

__all__ = ["SampHub", "SampView"]

_WORDS = wording.Samp


class SampHub(Component):
    """Speaks to the hub from the visitor's browser, which is where the hub is.

    Parameters
    ----------
    samp
        Whose messages.
    """

    title = param.String(wording.TITLE, doc="Name under which other programs know the page.")
    about = param.String(_WORDS.ABOUT, doc="What the page is.")
    mtypes = param.List([ROWS, ROW, POSITION], doc="Message types that the page takes.")

    _esm = Path(__file__).with_name("samp.js").read_text()

    def __init__(self, samp: Samp) -> None:
        super().__init__(**out_of_flow())
        self._samp = samp
        samp.param.watch(lambda event: self._send_msg({"request": event.new}), "request", onlychanged=False)

    def _handle_msg(self, msg: Any) -> None:
        if isinstance(msg, dict):
            self._samp.heard(msg)


class SampView:
    """Buttons for each program and what it takes.

    Parameters
    ----------
    session
        Whose images.
    samp
        The other programs.
    addresses
        Where programs fetch what is sent.
    """

    def __init__(self, session: Session, samp: Samp, addresses: Addresses) -> None:
        self._session = session
        self._samp = samp
        self._addresses = addresses
        self.panel = Markup(
            {
                "connect": lambda _: samp.connect(),
                "leave": lambda _: samp.leave(),
                TABLE: lambda to: samp.send_table(to, self._table),
                ROWS: samp.send_selection,
                ROW: samp.send_row,
                POSITION: samp.send_position,
                IMAGE: lambda to: samp.send_image(to, self._image),
            },
            css_classes=["lse-samp"],
            margin=(0, 0, 8, 0),
        )
        samp.param.watch(lambda *_: self._show(), ["state", "programs", "said"])
        session.selection.param.watch(lambda *_: self._show(), "step")
        session.navigation.param.watch(lambda *_: self._show(), ["place", "details"])
        self._show()

    def _table(self, rows: Rows) -> str:
        session, experiment = self._session, self._session.experiment
        assert experiment is not None
        client = session.library.client(session.project)

        def write(folder: Path) -> Path:
            return write_selected(client, experiment.id, folder / "images.vot", dataset=experiment.dataset, rows=rows)

        return self._addresses.offer("images.vot", write)

    def _image(self, name: str) -> str:
        session, dataset = self._session, self._session.contents.dataset
        assert dataset is not None
        client = session.library.client(session.project)

        def write(folder: Path) -> Path:
            return write_fits(client.datasets.original(dataset.id, name), folder / "image.fits")

        return self._addresses.offer("image.fits", write)

    def _show(self) -> None:
        state = self._samp.state
        if state == "connected":
            body = join([self._lines(), self._end()])
        else:
            act = ("leave", _WORDS.GIVE_UP) if state == "asked" else ("connect", _WORDS.CONNECT)
            body = html(
                '<p class="quiet" role="status">{text}</p>{act}',
                text=_WORDS.STATES[state],
                act=button(act[1], act[0], css="tool"),
            )
        self.panel.html = html('<div class="lse">{body}</div>', body=folded("samp", _WORDS.TITLE, body))

    def _lines(self) -> Html:
        samp, selected = self._samp, len(self._session.selection.rows)
        offers: list[tuple[str, str, bool]] = [
            (TABLE, _WORDS.SELECTED_TABLE if selected else _WORDS.WHOLE_TABLE, len(samp.rows) > 0),
            (ROWS, _WORDS.ROWS, bool(samp.shared_table)),
            (IMAGE, _WORDS.IMAGE, samp.details is not None),
            (POSITION, _WORDS.POSITION, samp.details is not None and samp.details.ra_deg is not None),
            (ROW, _WORDS.ROW, samp.table_row is not None),
        ]
        lines = [self._line(mtype, text) for mtype, text, possible in offers if possible and samp.takers(mtype)]
        return join(lines) if lines else html('<p class="quiet">{text}</p>', text=_WORDS.NOBODY)

    def _line(self, mtype: str, text: str) -> Html:
        takers = self._samp.takers(mtype)
        programs = [button(one.name, mtype, one.id, css="tool") for one in takers]
        if len(takers) > 1:
            programs.append(button(_WORDS.ALL, mtype, css="tool"))
        return html('<div class="acts"><span>{text}</span>{programs}</div>', text=text, programs=join(programs))

    def _end(self) -> Html:
        return html(
            '<div class="acts"><span class="quiet" role="status">{said}</span>{leave}</div>',
            said=self._samp.said,
            leave=button(_WORDS.LEAVE, "leave"),
        )
