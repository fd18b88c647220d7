"""Programs on the visitor's own machine, reached by SAMP: tables and images go there, rows and positions come back."""

from __future__ import annotations

import math
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import param

from lse.errors import LseError
from lse_dashboard import wording
from lse_dashboard.data.images import ImageDetails, Rows, positions
from lse_dashboard.data.sky_search import POSITION_COLUMNS, cone_of, nearest_row
from lse_dashboard.state.background import Newest
from lse_dashboard.state.session import Session

__all__ = ["IMAGE", "POSITION", "ROW", "ROWS", "TABLE", "Program", "Samp"]

# Message types of SAMP that go out; rows and positions come in too.
TABLE, ROWS, ROW = "table.load.votable", "table.select.rowList", "table.highlight.row"
POSITION, IMAGE = "coord.pointAt.sky", "image.load.fits"

State = Literal["away", "asked", "connected", "lost", "absent", "refused"]
_STATES: dict[str, State] = {one: one for one in ("away", "asked", "connected", "lost", "absent", "refused")}
_RADIUS_DEG = 1 / 60
_ROW_NUMBER = re.compile(r"[0-9]{1,12}")
_WORDS = wording.Samp


@dataclass(frozen=True)
class Program:
    """A program that is registered with the hub, and the message types it takes, which may end in ``*``."""

    id: str
    name: str
    mtypes: tuple[str, ...]

    def takes(self, mtype: str) -> bool:
        """Whether messages of a type reach it."""
        return any(mtype == one or (one.endswith("*") and mtype.startswith(one[:-1])) for one in self.mtypes)


@dataclass(frozen=True)
class _Sent:
    """A table that was sent: its dataset, and the dataset's row of each of its rows."""

    dataset: str
    rows: Rows


class Samp(param.Parameterized):
    """What the page says to the hub of the visitor's machine, and what it hears.

    Parameters
    ----------
    session
        Whose images.
    """

    state: param.Parameter[State] = param.Parameter("away", doc="How the page stands with the hub.")
    programs: param.Parameter[tuple[Program, ...]] = param.Parameter((), doc="Other programs at the hub.")
    said = param.String("", doc="What was done last.")
    request: param.Parameter[dict[str, Any]] = param.Parameter({}, doc="What the page is to do next.")

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._sent: dict[str, _Sent] = {}
        self._finding = Newest(session.background)

    def takers(self, mtype: str) -> tuple[Program, ...]:
        """Programs that take messages of a type."""
        return tuple(one for one in self.programs if one.takes(mtype))

    @property
    def rows(self) -> Rows:
        """Rows that a table would have: the selected images of the experiment, all where none is selected."""
        session = self._session
        if session.experiment is None or session.images is None:
            return np.zeros(0, dtype=np.int64)
        chosen = session.selection.rows if len(session.selection.rows) else session.images.rows
        return chosen[chosen < session.experiment.images]

    @property
    def shared_table(self) -> str:
        """The table sent last that has all selected images, empty where there is none."""
        selected = self._session.selection.rows
        return next((key for key, one in self._tables() if len(selected) and np.isin(selected, one.rows).all()), "")

    @property
    def table_row(self) -> tuple[str, int] | None:
        """The table sent last that has the image in view, and the image's row in it."""
        row = self._session.navigation.row
        for key, table in self._tables():
            found = -1 if row is None else int(positions(table.rows, np.array([row]))[0])
            if found >= 0:
                return key, found
        return None

    @property
    def details(self) -> ImageDetails | None:
        """The image in view, once its position is known."""
        return self._session.navigation.details

    def connect(self) -> None:
        """Ask the hub to be let in."""
        self.param.update(state="asked", said="", request={"connect": True})

    def leave(self) -> None:
        """Say goodbye to the hub."""
        self.request = {"leave": True}

    def send_table(self, to: str, address: Callable[[Rows], str]) -> None:
        """Send the images of `rows` as a table; its URL comes from `address`."""
        session, rows = self._session, self.rows
        place = session.navigation.place
        if place is not None and len(rows):
            key = f"lse-{secrets.token_hex(8)}"
            self._sent[key] = _Sent(place.dataset.uid, rows)
            named = {"table-id": key, "name": _WORDS.TABLE_NAME.format(experiment=place.experiment.id, count=len(rows))}
            self._send(TABLE, to, {**named, "url": address(rows)})

    def send_selection(self, to: str) -> None:
        """Select there, in the table sent last, what is selected here."""
        if key := self.shared_table:
            found = positions(self._sent[key].rows, self._session.selection.rows)
            self._send(ROWS, to, {"table-id": key, "row-list": [str(one) for one in found[found >= 0]]})

    def send_row(self, to: str) -> None:
        """Show there the table row of the image in view."""
        if found := self.table_row:
            self._send(ROW, to, {"table-id": found[0], "row": str(found[1])})

    def send_position(self, to: str) -> None:
        """Point there at the position of the image in view."""
        details = self.details
        if details is not None and details.ra_deg is not None and details.dec_deg is not None:
            self._send(POSITION, to, {"ra": repr(details.ra_deg), "dec": repr(details.dec_deg)})

    def send_image(self, to: str, address: Callable[[str], str]) -> None:
        """Send the file of the image in view as FITS; its URL comes from `address`, given the image's name."""
        if self.details is not None:
            name = self.details.name
            self._send(IMAGE, to, {"image-id": f"lse-{secrets.token_hex(8)}", "name": name, "url": address(name)})

    def heard(self, news: dict[str, Any]) -> None:
        """Take what the page says of the hub; it comes from other programs and may be anything."""
        if "programs" in news:
            self.programs = tuple(_program(one) for one in _list(news["programs"]))
        elif news.get("state") in _STATES:
            self.param.update(state=_STATES[news["state"]], programs=(), said="")
        elif "sent" in news:
            self.said = _WORDS.SENT.get(str(news["sent"]), _WORDS.NOT_SENT)
        elif isinstance(message := news.get("message"), dict) and isinstance(message.get("params"), dict):
            sender = next((one.name for one in self.programs if one.id == message.get("from")), _WORDS.SOMEBODY)
            self._take(str(message.get("mtype")), message["params"], sender)

    def _take(self, mtype: str, params: dict[str, Any], sender: str) -> None:
        place, table = self._session.navigation.place, self._sent.get(str(params.get("table-id")))
        if place is None:
            return
        if mtype == POSITION:
            self._look_at(_number(params.get("ra")), _number(params.get("dec")), sender)
        elif mtype in (ROW, ROWS) and table is not None:
            if table.dataset != place.dataset.uid:
                self.said = _WORDS.OTHER_DATASET.format(sender=sender)
                return
            named = [params.get("row")] if mtype == ROW else _list(params.get("row-list"))
            numbers = [int(one) for one in named if isinstance(one, str) and _ROW_NUMBER.fullmatch(one)]
            rows = table.rows[[one for one in numbers if one < len(table.rows)]]
            if mtype == ROW:
                for row in rows:
                    self._session.look_at(int(row))
            else:
                self._session.selection.choose(rows, sender, combine="replace")
                self.said = _WORDS.SELECTED.format(sender=sender, count=len(rows))

    def _look_at(self, ra: float, dec: float, sender: str) -> None:
        session, place = self._session, self._session.navigation.place
        if place is None or not (0 <= ra <= 360 and -90 <= dec <= 90):
            return

        def find() -> int | None:
            datasets = session.library.client(place.project).datasets
            table = datasets.table(place.dataset.id, columns=POSITION_COLUMNS)
            return nearest_row(cone_of(ra, dec, _RADIUS_DEG), table)

        def found(row: int | None) -> None:
            if row is None:
                self.said = _WORDS.NO_IMAGE_THERE.format(sender=sender, ra=ra, dec=dec)
            else:
                session.look_at(row)

        def failed(error: LseError) -> None:
            self.said = error.message

        self._finding.ask(find, found, failed)

    def _tables(self) -> list[tuple[str, _Sent]]:
        """Tables of the open dataset, the last first."""
        place = self._session.navigation.place
        tables = reversed(self._sent.items())
        return [(key, one) for key, one in tables if place is not None and one.dataset == place.dataset.uid]

    def _send(self, mtype: str, to: str, params: dict[str, Any]) -> None:
        self.request = {"mtype": mtype, "to": to, "params": params}


def _program(one: Any) -> Program:
    known = one if isinstance(one, dict) else {}
    return Program(str(known.get("id")), str(known.get("name")), tuple(map(str, _list(known.get("mtypes")))))


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _number(value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError):
        return math.nan
