"""Labels: which class of a scheme an image has, and who said so when."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, func, insert, select

from lse.errors import InvalidArgumentError
from lse.platform.auth import current_caller
from lse.platform.catalogue import Catalogue, DatasetRecord, LabelSchemeRecord, Resources
from lse.platform.catalogue.labels import read_labels
from lse.platform.catalogue.tables import EXPERT_LABELS, LABELS

__all__ = ["LabelStore"]


class LabelStore:
    """The labels of a catalogue: what each expert said of an image by a scheme; the newest is in force.

    Scheme and dataset are kept by their ``uid``: a dataset made anew under an old name must not take over the labels
    of other images.

    Parameters
    ----------
    catalogue, resources
        Where they are kept.
    """

    def __init__(self, catalogue: Catalogue, resources: Resources) -> None:
        self._catalogue = catalogue
        self._resources = resources

    def set(self, scheme_name: str, dataset: DatasetRecord, rows: NDArray[np.int64], *, label: str) -> int:
        """Give images a class, or take their label away; the caller of the request is the author.

        Who takes a label of his own away leaves those of the others, of which the newest is in force then; who has none
        takes those of all away.

        Parameters
        ----------
        scheme_name
            Label scheme.
        dataset
            Dataset of the images.
        rows
            Their rows, ascending.
        label
            Class of the scheme; empty takes the label away.

        Returns
        -------
        int
            Labels that changed; an image that has this class already keeps its author and time.

        Raises
        ------
        NotFoundError
            If there is no such scheme.
        InvalidArgumentError
            If the scheme has no such class.
        """
        with self._catalogue.transaction() as connection:
            scheme = self._resources.get_within(connection, scheme_name, LabelSchemeRecord, lock=True)
            if label and label not in scheme.spec.classes:
                known = ", ".join(scheme.spec.classes) or "none yet"
                raise InvalidArgumentError(
                    f"The scheme '{scheme.id}' has no class '{label}': its classes are {known}.",
                    reason="CLASS_UNKNOWN",
                    label=label,
                )
            here = (scheme.uid, dataset.uid)
            said = _said(connection, here, rows)
            own = _Said(label, current_caller().name, time.time())
            withdrawn = {row for row in rows.tolist() if not label and own.author in said.get(row, {})}
            _write_own(connection, here, rows, said, own)
            now = {row: _newest(said.get(row, {}), own) for row in rows.tolist()}
            return _settle(connection, here, now, withdrawn)

    def versions(self, project: str) -> dict[str, str]:
        """What changes with the labels of each scheme of a project, by its name."""
        schemes = {each.uid: each.name for each in self._resources.all(LabelSchemeRecord, project)}
        said = EXPERT_LABELS.c
        query = select(said.scheme, func.count(), func.max(said.time)).where(said.scheme.in_(schemes))
        with self._catalogue.reading() as connection:
            found = connection.execute(query.group_by(said.scheme)).all()
        return {schemes[uid]: f"{count}-{newest:.6f}" for uid, count, newest in found}

    def read(self, scheme: LabelSchemeRecord, dataset: DatasetRecord, *, each_expert: bool = False) -> pa.Table:
        """Labels of a dataset by a scheme: columns ``row``, ``label``, ``author``, ``time`` (UTC), by row.

        Those in force, or that of each expert.
        """
        return read_labels(self._catalogue, scheme, dataset, each_expert=each_expert)


@dataclass(frozen=True)
class _Said:
    """What an expert said of an image; an empty label takes it back."""

    label: str
    author: str
    time: float


_Here = tuple[str, str]  # uids of scheme and dataset


def _at(table: Table, here: _Here) -> tuple[ColumnElement[bool], ColumnElement[bool]]:
    return table.c.scheme == here[0], table.c.dataset == here[1]


def _said(connection: Connection, here: _Here, rows: NDArray[np.int64]) -> dict[int, dict[str, _Said]]:
    """What each expert said of some images, ascending."""
    one = EXPERT_LABELS.c
    span = one.row.between(int(rows[0]), int(rows[-1]))
    found: dict[int, dict[str, _Said]] = {}
    query = select(one.row, one.label, one.author, one.time).where(*_at(EXPERT_LABELS, here), span)
    for row, label, author, moment in connection.execute(query):
        found.setdefault(row, {})[author] = _Said(label, author, moment)
    return found


def _newest(said: dict[str, _Said], own: _Said) -> _Said | None:
    """The label in force after an expert said something; who has no label of his own takes those of all away."""
    if own.label:
        return own
    others = [one for author, one in said.items() if author != own.author]
    return max(others, key=lambda one: one.time) if others and own.author in said else None


def _write_own(
    connection: Connection, here: _Here, rows: NDArray[np.int64], said: dict[int, dict[str, _Said]], own: _Said
) -> None:
    """Keep what an expert says; who takes away what others said takes it from all."""
    table = EXPERT_LABELS
    gone, new = [], []
    for row in rows.tolist():
        before = said.get(row, {})
        mine = before.get(own.author)
        # Said again after another expert said otherwise, it is the newest once more.
        last = max(before.values(), key=lambda one: one.time).label if before else ""
        if mine is not None and own.label == mine.label == last:
            continue
        if mine is not None:
            gone.append({"which": row, "who": own.author})
        elif not own.label:
            gone += [{"which": row, "who": author} for author in before]
        if own.label:
            new.append({**_row(here, row), **asdict(own)})
    if gone:
        which = (table.c.row == bindparam("which"), table.c.author == bindparam("who"))
        connection.execute(delete(table).where(*_at(table, here), *which), gone)
    if new:
        connection.execute(insert(table), new)


def _settle(connection: Connection, here: _Here, now: dict[int, _Said | None], withdrawn: set[int]) -> int:
    """Write the labels that are in force now; how many changed, those that an expert took back among them."""
    span = LABELS.c.row.between(min(now), max(now))
    found = connection.execute(select(LABELS.c.row, LABELS.c.label).where(*_at(LABELS, here), span)).all()
    before: dict[int, str] = {row: was for row, was in found}  # noqa: C416  # rows are not plain pairs to mypy
    # Taken away is as good as the empty label, which no image has.
    changed = {
        row: new
        for row, new in now.items()
        if row in withdrawn or before.get(row, "") != ("" if new is None else new.label)
    }
    old = [{"which": row} for row in changed if row in before]
    if old:
        connection.execute(delete(LABELS).where(*_at(LABELS, here), LABELS.c.row == bindparam("which")), old)
    inserted = [{**_row(here, row), **asdict(new)} for row, new in changed.items() if new is not None]
    if inserted:
        connection.execute(insert(LABELS), inserted)
    return len(changed)


def _row(here: _Here, row: int) -> dict[str, str | int]:
    return {"scheme": here[0], "dataset": here[1], "row": row}
